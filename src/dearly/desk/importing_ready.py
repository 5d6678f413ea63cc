"""What an archive gives, made ready to be filed: a stack at a time is read in the child, and packed beside the loop."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from dearly.desk import importing_pack
from dearly.desk.desk import Desk
from dearly.desk.importing_source import ASKED, BY_KIND, Choices, Skipped, is_no_letter, left_out_by_place
from dearly.drawer import importing_known
from dearly.drawer.importing_values import Imported
from dearly.exchange.archive import Archive, Found, Item, PassedOver, Unchanged, Written
from dearly.letter.address import Address
from dearly.letter.errors import Usage
from dearly.letter.words import ngettext
from dearly.opener.bulk import NO_LETTERS, Kind, Read, Stack

_MOST_LACKING = 10
"""Enclosures of one text that are named because they are not there."""


@dataclass(frozen=True, slots=True)
class Ready:
    """One thing of the archive, ready to be filed; or only counted, where `imported` is None."""

    cursor: str
    passed: int
    imported: Imported | None = None
    left_out: str | None = None
    missed: Skipped | None = None
    lacking: Skipped | None = None
    """What the letter should hold and does not."""
    again: bytes | None = None
    """Digest of an original whose very bytes are here."""
    mark: bytes = b""
    """Of the file that it is, as `Item.mark`."""
    unchanged: Mapping[str, int] = field(default_factory=dict)
    """Files that were met before: how many, by the reason to leave them out, "" for those whose letters are here."""

    @property
    def found(self) -> int:
        """How many things these are."""
        return sum(self.unchanged.values()) or 1


@dataclass(frozen=True, slots=True)
class Making:
    """Makes ready what one archive gives. `own`: addresses that are or were ours. `met`: what becomes of files that
    have not changed since they were met (`not_again`)."""

    desk: Desk
    archive: Archive
    choices: Choices
    own: tuple[Address, ...]
    met: Mapping[bytes, str]

    async def ready(self, stack: Sequence[Found], turn: AbstractAsyncContextManager[None]) -> list[Ready]:
        """All of a stack, in its order. `turn`: in which the child is asked. Raises `Usage` where a letter that is no
        mail does not say enough, and somebody is there to be asked (`ASKED`)."""
        now = self.desk.clock.now()
        digests = await asyncio.to_thread(_digests, stack)
        there, _erased = await self.desk.drawer.read(partial(importing_known.here, digests=list(digests.values())))
        again = {at for at, digest in digests.items() if digest in there}
        async with turn:
            reads = await self._read(stack, again)
        letters = {at: read for at, read in reads.items() if read.kind is not Kind.SEALED and not self._why_not(read)}
        packed = await asyncio.to_thread(_pack, stack, letters, digests, self.archive.place, now)
        ready = []
        for at, one in enumerate(stack):
            match one:
                case PassedOver():
                    ready.append(_passed_over(one))
                case Unchanged():
                    unchanged = Counter(map(self.met.__getitem__, one.marks))
                    ready.append(Ready(one.cursor, one.passed, unchanged=unchanged))
                case Written():
                    ready.append(await self._written(one, now))
                case Item() if at in again:
                    ready.append(Ready(one.cursor, one.passed, again=digests[at], mark=one.mark))
                case Item():
                    why = self._why_not(reads[at]) if at in reads else self._by_place(one)
                    made = packed.get(at)
                    if why is None and made is None:
                        made = await self._opened(one, now)
                    ready.append(Ready(one.cursor, one.passed, made, why, mark=one.mark))
        return ready

    async def _read(self, stack: Sequence[Found], again: set[int]) -> dict[int, Read]:
        """The mails of a stack, by their position in it, but for those that are here, and those that are left out for
        the place that they lay in."""
        mails = {
            at: one
            for at, one in enumerate(stack)
            if isinstance(one, Item) and at not in again and not self._by_place(one)
        }
        asked = Stack(
            tuple(one.data for one in mails.values()),
            tuple(one.hints.sent for one in mails.values()),
            self.own,
            self.choices.leave,
        )
        return dict(zip(mails, await self.desk.opener.read_many(asked), strict=True))

    async def _written(self, one: Written, now: datetime) -> Ready:
        """A text, or scans."""
        if (place := self._by_place(one)) is not None:
            return Ready(one.cursor, one.passed, left_out=place)
        from dearly.desk import importing_written  # rare, as what is sealed is

        try:
            made = await importing_written.packed(self.desk, one, self.choices.about, place=self.archive.place, now=now)
        except Usage as unsaid:
            if self.archive.format in ASKED:
                raise
            # Among mails it is more likely no letter at all, and keeps nothing else from being taken in.
            missed = Skipped(one.hints.shown, f"{unsaid.message} {unsaid.hint}".strip())
            return Ready(one.cursor, one.passed, missed=missed)
        return Ready(one.cursor, one.passed, made, lacking=_lacking(one))

    async def _opened(self, one: Item, now: datetime) -> Imported:
        """A sealed letter."""
        from dearly.desk import importing_sealed

        return await importing_sealed.opened(
            self.desk,
            one.data,
            lay_in_sent=bool(one.hints.sent),
            ours=frozenset(address.key for address in self.own),
            place=self.archive.place,
            now=now,
        )

    def _by_place(self, one: Item | Written) -> str | None:
        why = left_out_by_place(one.hints)
        return None if why in self.choices.take else why

    def _why_not(self, read: Read) -> str | None:
        if read.kind in NO_LETTERS:
            return BY_KIND[read.kind]
        return "others" if self.choices.only_ours and not read.ours and read.kind is not Kind.UNREADABLE else None


def _passed_over(one: PassedOver) -> Ready:
    if is_no_letter(one):
        return Ready(one.cursor, one.passed, left_out=one.code)
    return Ready(one.cursor, one.passed, missed=Skipped(one.shown, one.why))


def _lacking(one: Written) -> Skipped | None:
    """What a text names as enclosed and is not there; it is taken in without."""
    if not one.lacking:
        return None
    names = ", ".join(one.lacking[:_MOST_LACKING])
    more = len(one.lacking) - _MOST_LACKING
    why = ngettext(
        "What it names as enclosed is not there: {names}.",
        "Files that it names as enclosed are not there: {names}.",
        len(one.lacking),
    )
    return Skipped(one.hints.shown, why.format(names=f"{names}, …" if more > 0 else names))


def _digests(stack: Sequence[Found]) -> dict[int, bytes]:
    return {at: hashlib.sha256(one.data).digest() for at, one in enumerate(stack) if isinstance(one, Item)}


def _pack(
    stack: Sequence[Found], reads: dict[int, Read], digests: dict[int, bytes], place: str, now: datetime
) -> dict[int, Imported]:
    return {
        at: importing_pack.packed(one.data, digests[at], reads[at], place=place, now=now, laid_down=one.hints.laid_down)
        for at, one in enumerate(stack)
        if isinstance(one, Item) and at in reads
    }
