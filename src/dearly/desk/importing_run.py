"""The run of an import: while one stack of letters is filed, the next one is read, packed and made ready.

Each batch is one short transaction, together with how far the archive has been read by then; so it may be stopped or
killed at any point, goes on there, and takes nothing twice (F43). Between two batches whoever saves a draft goes first.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from dearly import __version__
from dearly.desk import importing_pack, indexing, joining, newcomers
from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.desk.importing_folder import MailFolder
from dearly.desk.importing_source import (
    ASKED,
    BY_KIND,
    MOST_SKIPPED,
    REASONS,
    Choices,
    Skipped,
    is_no_letter,
    left_out_by_place,
    not_again,
    stacks,
)
from dearly.drawer import accounts, importing, importing_log, importing_refiling
from dearly.drawer.connection import Db
from dearly.drawer.importing import Imported
from dearly.drawer.importing_log import Import, Tally
from dearly.exchange.archive import Archive, Found, Item, PassedOver, Unchanged, Written
from dearly.letter.address import Address, Correspondent
from dearly.letter.envelope import Way
from dearly.letter.errors import Usage
from dearly.letter.failpoint import reach
from dearly.letter.words import _, ngettext
from dearly.opener.bulk import NO_LETTERS, Kind, Read, Stack

_MOST_LACKING = 10
"""Enclosures of one text that are named because they are not there."""

_HOLD = 0.025
"""Seconds of the processor that one transaction is meant to take; some take twice as long. Who saves a draft meanwhile
waits for no longer than 0.05, but for what the disk needs."""

_LEAST = 200_000
"""Octets (`_weight`) that are filed at once however long they take."""

_ANY, _WORDS = 5_000, 4
"""What anything weighs, and a character of text, which goes into the index."""

_ALONE = 30
"""Stacks that one child reads, one after the other; only for more of them it is worth starting a second one."""

MOST_LEFT = 10_000
"""Originals without a letter that are listed."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an import came to, with what an earlier run of it did that was stopped. `failed`: could not be read; of them
    `missed` could not be had at all, in this run, the others are kept as they are. `skipped` names what could not be
    had, and what letters name as enclosed and do not hold. `left_out`: by reason, of this run. `erased`: were here once
    and were erased. `locked`: sealed letters whose key is not here, kept unopened.
    `refiled`: letters that lay here as received, and are from an address that was named as ours now.
    `alike`: who may be in the address book twice now; nobody is joined by it.
    `left`: what of this archive is kept without a letter, with the reason, the last first."""

    found: int
    taken: int
    already_here: int
    not_letters: int
    failed: int
    left_out: dict[str, int] = field(default_factory=dict)
    erased: int = 0
    locked: int = 0
    missed: int = 0
    skipped: tuple[Skipped, ...] = ()
    refiled: int = 0
    alike: Sequence[joining.Alike] = ()
    left: Sequence[importing.Left] = ()


@dataclass(frozen=True, slots=True)
class _Ready:
    """One thing of the archive, ready to be filed; or only counted, where `imported` is None."""

    cursor: str
    passed: int
    imported: Imported | None
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


async def run(desk: Desk, archive: Archive, choices: Choices, progress: Progress) -> Done:
    """Take in everything that `choices` do not leave out, from where it stopped the last time. Cancelled, it stops
    between two batches. Raises what `Archive.items` raises, `Usage` (bad_address), `NoSpace`."""
    mine = [Address.parse(one) for one in choices.mine]
    now = desk.clock.now()

    def begin(db: Db) -> tuple[Import, tuple[Address, ...]]:
        for one in mine:
            accounts.add_left_address(db, one, now=now, chance=desk.chance)
        importing_log.prepare(db)
        log = importing_log.begin(db, archive.source, archive.place, archive.format, choices.mark, now)
        return log, tuple(accounts.own_addresses(db, left=True))

    log, own = await desk.drawer.write(begin)
    again = await refiled(desk, mine)
    size = await asyncio.to_thread(archive.size)
    filing = _Filing(desk, log, size or 0, progress)
    met = await not_again(desk, archive, choices)
    prepared = _prepared(desk, archive, choices, own, log.cursor, met)
    async with desk.drawer.writing_much(), aclosing(prepared) as stacks_ready:
        async for ready in stacks_ready:
            if isinstance(archive, MailFolder):
                filing.total = archive.total
            await filing.file(ready)
    await desk.drawer.write(lambda db: importing_log.end(db, filing.log, desk.clock.now()))
    while await desk.drawer.write(importing_log.tidy):
        pass
    tally = filing.log.tally
    return Done(
        tally.found,
        tally.taken,
        tally.already_here,
        tally.not_letters,
        tally.failed,
        dict(filing.left_out.most_common()),
        filing.erased,
        filing.locked,
        filing.missed,
        tuple(filing.skipped),
        refiled=again,
        alike=await joining.alike(desk),
        left=await left(desk, archive),
    )


async def refiled(desk: Desk, mine: Sequence[Address]) -> int:
    """File letters of archives as sent that are from one of these addresses, and lie here as received."""

    def work(db: Db) -> int:
        def meet(db: Db, who: Correspondent) -> int:
            return newcomers.person_of(db, desk, who).id

        return importing_refiling.refile(db, mine, meet=meet, index=indexing.index, now=desk.clock.now())

    done = 0
    while mine and (some := await desk.drawer.write(work)):
        done += some
    return done


async def left(
    desk: Desk, archive: Archive | None = None, *, before: int | None = None, most: int = MOST_LEFT
) -> list[importing.Left]:
    """What was kept without a letter, the last first: of this archive, or of all that were ever taken in; at most
    `most`, and only below the number `before`."""
    place, most = (None, most) if archive is None else (archive.place, MOST_SKIPPED)
    return await desk.drawer.read(partial(importing.left, place=place, limit=most, before=before))


async def _prepared(
    desk: Desk, archive: Archive, choices: Choices, own: tuple[Address, ...], cursor: str, met: Mapping[bytes, str]
) -> AsyncGenerator[Sequence[_Ready], None]:
    """The stacks in order, one ahead of whoever files them."""
    waiting: asyncio.Task[list[_Ready]] | None = None
    alone, begun = asyncio.Lock(), 0
    async with aclosing(stacks(archive, cursor)) as source:
        try:
            async for stack in source:
                ahead = asyncio.create_task(
                    _prepare(desk, archive, choices, own, stack, met, alone if begun < _ALONE else nullcontext())
                )
                begun += 1
                before, waiting = waiting, ahead
                if before is not None:
                    yield await before
            if waiting is not None:
                yield await waiting
        finally:
            if waiting is not None:
                waiting.cancel()
                with suppress(BaseException):
                    await waiting


async def _prepare(
    desk: Desk,
    archive: Archive,
    choices: Choices,
    own: tuple[Address, ...],
    stack: Sequence[Found],
    met: Mapping[bytes, str],
    turn: AbstractAsyncContextManager[None],
) -> list[_Ready]:
    now = desk.clock.now()
    digests = await asyncio.to_thread(_digests, stack)
    there, _erased = await desk.drawer.read(partial(importing.here, digests=list(digests.values())))
    again = {at for at, digest in digests.items() if digest in there}
    async with turn:
        reads = await _read(desk, choices, own, stack, again)
    plain = [
        at for at, read in reads.items() if read.kind in (Kind.LETTER, Kind.UNREADABLE) and not _why_not(read, choices)
    ]
    packed = await asyncio.to_thread(_pack, stack, {at: reads[at] for at in plain}, digests, archive.place, now)
    ready = []
    for at, one in enumerate(stack):
        match one:
            case PassedOver():
                no_letter = is_no_letter(one)
                missed = None if no_letter else Skipped(one.shown, one.why)
                ready.append(_Ready(one.cursor, one.passed, None, one.code if no_letter else None, missed))
            case Written() if (place := _by_place(one, choices)) is not None:
                ready.append(_Ready(one.cursor, one.passed, None, place))
            case Written():
                from dearly.desk import importing_written  # rare, as what is sealed is

                try:
                    made = await importing_written.packed(desk, one, choices.about, place=archive.place, now=now)
                except Usage as unsaid:
                    if archive.format in ASKED:
                        raise
                    # Among mails it is more likely no letter at all, and keeps nothing else from being taken in.
                    missed = Skipped(one.hints.shown, f"{unsaid.message} {unsaid.hint}".strip())
                    ready.append(_Ready(one.cursor, one.passed, None, missed=missed))
                else:
                    ready.append(_Ready(one.cursor, one.passed, made, lacking=_lacking(one)))
            case Unchanged():
                unchanged = Counter(map(met.__getitem__, one.marks))
                ready.append(_Ready(one.cursor, one.passed, None, unchanged=unchanged))
            case Item() if at in again:
                ready.append(_Ready(one.cursor, one.passed, None, again=digests[at], mark=one.mark))
            case Item():
                why = _why_not(reads[at], choices) if at in reads else _by_place(one, choices)
                imported = packed.get(at)
                if why is None and imported is None:
                    from dearly.desk import importing_sealed

                    imported = await importing_sealed.opened(
                        desk,
                        one.data,
                        lay_in_sent=bool(one.hints.sent),
                        ours=frozenset(address.key for address in own),
                        place=archive.place,
                        now=now,
                    )
                ready.append(_Ready(one.cursor, one.passed, imported, why, mark=one.mark))
    return ready


async def _read(
    desk: Desk, choices: Choices, own: tuple[Address, ...], stack: Sequence[Found], again: set[int]
) -> dict[int, Read]:
    """The mails of a stack, by their position in it, but for those that are here, and those that are left out for the
    place that they lay in."""
    mails = [
        (at, one)
        for at, one in enumerate(stack)
        if isinstance(one, Item) and at not in again and not _by_place(one, choices)
    ]
    asked = Stack(
        tuple(one.data for _at, one in mails), tuple(one.hints.sent for _at, one in mails), own, choices.leave
    )
    return dict(zip((at for at, _one in mails), await desk.opener.read_many(asked), strict=True))


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


def _by_place(one: Item | Written, choices: Choices) -> str | None:
    why = left_out_by_place(one.hints)
    return None if why in choices.take else why


def _why_not(read: Read, choices: Choices) -> str | None:
    if read.kind in NO_LETTERS:
        return BY_KIND[read.kind]
    return "others" if choices.only_ours and not read.ours and read.kind is not Kind.UNREADABLE else None


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


def _weight(one: _Ready) -> int:
    """How long it takes to file something, as the octets of a letter that would take as long."""
    if one.imported is None:
        return _ANY
    text = 0 if one.imported.content is None else len(one.imported.content.text)
    return _ANY + len(one.imported.raw.body) + _WORDS * text


class _Filing:
    """Files what is ready, in transactions that keep the writer for a moment only."""

    def __init__(self, desk: Desk, log: Import, total: int, progress: Progress) -> None:
        self.log, self._place = log, log.place
        self.left_out: Counter[str] = Counter()
        self.missed = 0
        self.skipped: list[Skipped] = []
        self.erased = self.locked = 0
        self._desk, self._progress, self.total = desk, progress, total
        self._begun, self._done = time.monotonic(), 0
        self._most, self._before = _LEAST, (0, 0.0)

    async def file(self, stack: Sequence[_Ready]) -> None:
        """File a stack, in as few transactions as keep the writer no longer than `_HOLD`. More of them cost more: every
        commit writes the pages anew that all letters share, and leaves one more part of the index to be joined."""
        piece: list[_Ready] = []
        weight = 0
        for one in stack:
            more = _weight(one)
            if piece and weight + more > self._most:
                await self._file(piece, weight)
                piece, weight = [], 0
            piece.append(one)
            weight += more
        await self._file(piece, weight)

    def _pace(self, weight: int) -> None:
        """Called on the writer's thread when a transaction begins: what the one before it took of this thread, with its
        commit, says how large the next may be."""
        now = time.thread_time()
        before, begun = self._before
        self._before = weight, now
        if before >= _LEAST // 2:
            fits = round(before * _HOLD / max(now - begun, 0.001))
            self._most = max(_LEAST, (3 * self._most + min(fits, 2 * self._most)) // 4)

    async def _file(self, batch: Sequence[_Ready], weight: int) -> None:
        desk = self._desk
        items = [one.imported for one in batch if one.imported is not None]
        left_out = Counter(one.left_out for one in batch if one.left_out is not None)
        missed = [one.missed for one in batch if one.missed is not None]
        again = [one.again for one in batch if one.again is not None]
        here = len(again)
        for one in batch:
            here += one.unchanged.get("", 0)
            left_out.update({reason: n for reason, n in one.unchanged.items() if reason})
        marked = [one for one in batch if one.mark]
        left_files = [
            (one.mark, one.left_out) for one in marked if one.left_out is not None and one.left_out in REASONS
        ]
        kept = [(one.mark, one.again) for one in marked if one.again is not None]
        kept += [(one.mark, one.imported.raw.sha256) for one in marked if one.imported is not None]

        def meet(db: Db, who: Correspondent) -> int:
            return newcomers.person_of(db, desk, who).id

        def work(db: Db) -> tuple[Import, importing.Counts]:
            self._pace(weight)
            counts = importing.file_many(
                db, items, meet=meet, now=desk.clock.now(), chance=desk.chance, index=indexing.index
            )
            importing.note_again(db, again, Way.MAIL, self._place, desk.clock.now())
            importing_log.remember(db, self.log, kept, left_files, __version__)
            more = Tally(
                sum(one.found for one in batch),
                counts.taken,
                counts.already_here + here,
                left_out.total() + counts.erased,
                counts.failed + len(missed),
            )
            on = importing_log.advance(db, self.log, batch[-1].cursor, more)
            reach("import.before-commit")
            return on, counts

        self.log, counts = await desk.drawer.write(work)
        reach("import.after-commit")
        self.left_out += left_out
        self.missed += len(missed)
        told = [one for ready in batch for one in (ready.missed, ready.lacking) if one is not None]
        self.skipped += told[: MOST_SKIPPED - len(self.skipped)]
        self.erased += counts.erased
        self.locked += sum(one.content is None and one.seal is not None for one in items)
        self._done += sum(one.found for one in batch)
        rate = self._done / max(time.monotonic() - self._begun, 0.001)
        what = _("Taking in letters, {rate} a second").format(rate=round(rate))
        self._progress(what, batch[-1].passed, self.total)
