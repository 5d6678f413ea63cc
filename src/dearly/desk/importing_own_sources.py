"""What Dearly itself wrote out, read a piece at a time: a bundle, or another drawer that is open beside ours. A cursor
says where to go on, and a piece is weighed, so that memory does not grow with what is in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from dearly.desk.desk import Desk
from dearly.drawer import exporting, exporting_book, keyring
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.exchange.bundle_reading import MOST_NAMED, Bundle, Torn
from dearly.letter.content import Enclosure
from dearly.letter.errors import Damaged
from dearly.letter.leaving import Book, Leaving, LeavingDraft, LeavingKey, Original
from dearly.opener.bulk import HEAVIEST_STACK

T = TypeVar("T")
N = TypeVar("N", Leaving, Original, LeavingDraft)

TOGETHER = 50
"""Letters in one transaction, if they are not heavier together than a stack of mails may be (`HEAVIEST_STACK`)."""

_LETTERS, _ENVELOPES, _DRAFTS = "letters|", "envelopes|", "drafts|"
"""What a cursor begins with."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of it. `cursor`: where to go on. `torn`: pieces that are not as they were written."""

    cursor: str
    letters: Sequence[Leaving] = ()
    envelopes: Sequence[Original] = ()
    drafts: Sequence[LeavingDraft] = ()
    torn: int = 0


class BundleSource:
    """What is in a bundle. `passphrase`: of the secret keys in it, None to leave them where they are."""

    def __init__(self, bundle: Bundle, passphrase: str | None = None) -> None:
        self._bundle = bundle
        self._passphrase = passphrase

    async def book(self) -> Book:
        """Whose it is, and all in it that is not letters. Raises `Damaged` (bundle_damaged)."""
        return await asyncio.to_thread(self._bundle.book)

    async def secret(self, desk: Desk, key: LeavingKey) -> keyring.StoredKey | None:
        """A secret key of its owner, proven. Raises `Locked` (wrong_key_passphrase)."""
        if key.secret is None or self._passphrase is None:
            return None
        read = await desk.keyholder.read_old_key(key.secret, self._passphrase)
        return keyring.StoredKey(read.fingerprint, read.secret, read.public, key.made, key.retired)

    async def tally(self) -> exporting.Tally:
        """How many things are in it."""
        counts = self._bundle.counts
        return exporting.Tally(counts.letters, counts.envelopes, counts.drafts, 0)

    async def pieces(self, cursor: str) -> AsyncGenerator[Piece, None]:
        """Everything behind `cursor`."""
        bundle = self._bundle
        kind, bar, at = cursor.partition("|")
        kind += bar
        if kind in ("", _LETTERS):
            async for on, letters, torn in in_pieces(bundle.letters(at)):
                yield Piece(_LETTERS + on, letters=letters, torn=torn)
        if kind in ("", _LETTERS, _ENVELOPES):
            async for on, parcels, torn in in_pieces(bundle.envelopes(at if kind == _ENVELOPES else "")):
                yield Piece(_ENVELOPES + on, envelopes=parcels, torn=torn)
        async for on, drafts, torn in in_pieces(bundle.drafts(at if kind == _DRAFTS else "")):
            yield Piece(_DRAFTS + on, drafts=drafts, torn=torn)

    @property
    def torn(self) -> Sequence[str]:
        """Where what was read until now is not as it was written."""
        return self._bundle.torn

    @property
    def whole(self) -> bool:
        """Whether its end is there."""
        return self._bundle.whole

    async def close(self) -> None:
        """Let go of it."""
        self._bundle.close()


class DrawerSource:
    """What is in another drawer, open beside ours. Nothing is changed in it. What is damaged in it keeps nothing else
    back (F19): it is named in `torn`, by its kind and number there."""

    whole = True

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer
        self.torn: list[str] = []

    async def book(self) -> Book:
        """Whose it is, and all in it that is not letters."""
        return await self._drawer.read(partial(exporting_book.book, drawer=self._drawer.uid))

    async def secret(self, desk: Desk, key: LeavingKey) -> keyring.StoredKey | None:  # noqa: ARG002 - as a bundle's
        """A secret key of its owner."""
        keys = await self._drawer.read(keyring.own_keys)
        return next((one for one in keys if one.fingerprint == key.fingerprint), None)

    async def tally(self) -> exporting.Tally:
        """How many things are in it."""
        return await self._drawer.read(exporting.tally)

    async def pieces(self, cursor: str) -> AsyncGenerator[Piece, None]:
        """Everything behind `cursor`."""
        read = self._drawer.read
        everything = exporting.Want(enclosures=True, originals=True, html=True)
        kind, _bar, at = cursor.partition("|")
        key = int(at) if at and kind + "|" == _LETTERS else None
        while kind + "|" in ("|", _LETTERS) and (some := await read(partial(exporting.after, key=key, limit=TOGETHER))):
            load = partial(exporting.load, want=everything)
            letters, torn, last = await self._readable(_LETTERS, [number for _key, number in some], load)
            key = {number: place for place, number in some}[last]
            yield Piece(f"{_LETTERS}{key}", letters=letters, torn=torn)
        behind = int(at) if at and kind + "|" == _ENVELOPES else 0
        while kind + "|" != _DRAFTS and (numbers := await read(partial(exporting.envelope_numbers, behind=behind))):
            parcels, torn, behind = await self._readable(_ENVELOPES, numbers, exporting.envelopes)
            yield Piece(f"{_ENVELOPES}{behind}", envelopes=parcels, torn=torn)
        behind = int(at) if at and kind + "|" == _DRAFTS else 0
        while numbers := await read(partial(exporting.draft_numbers, behind=behind, posted=True)):
            drafts, torn, behind = await self._readable(_DRAFTS, numbers, partial(exporting.drafts, past=True))
            yield Piece(f"{_DRAFTS}{behind}", drafts=drafts, torn=torn)

    async def _readable(
        self, kind: str, numbers: Sequence[int], load: Callable[[Db, Sequence[int]], list[N]]
    ) -> tuple[list[N], int, int]:
        """The first of these, as many as make a piece; how many are damaged (then it is one alone); and the number of
        the last that this settles."""
        try:
            found = await self._drawer.read(lambda db: load(db, numbers))
        except Damaged:
            if len(numbers) > 1:
                return await self._readable(kind, numbers[: len(numbers) // 2], load)
            if len(self.torn) < MOST_NAMED:
                self.torn.append(f"{kind.rstrip('|')} {numbers[0]}")
            return [], 1, numbers[0]
        return found, 0, found[-1].number if found else numbers[-1]

    async def close(self) -> None:
        """Let go of it."""
        await self._drawer.close()


Source = BundleSource | DrawerSource


async def in_pieces(items: Iterator[tuple[str, T | Torn]]) -> AsyncGenerator[tuple[str, list[T], int], None]:
    """Some at a time, by number and weight: the cursor behind them, those that are whole, and how many are not."""
    while some := await asyncio.to_thread(lambda: _some(items)):
        whole = [one for _at, one in some if not isinstance(one, Torn)]
        yield some[-1][0], whole, len(some) - len(whole)


def _some(items: Iterator[tuple[str, T | Torn]]) -> list[tuple[str, T | Torn]]:
    """The next ones, one of them at least."""
    some: list[tuple[str, T | Torn]] = []
    weight = 0
    for one in islice(items, TOGETHER):
        some.append(one)
        weight += _weight(one[1])
        if weight >= HEAVIEST_STACK:
            break
    return some


def _weight(one: object) -> int:
    """Octets and characters that it holds."""
    match one:
        case Leaving():
            held = sum(len(original.data) for original in one.originals)
            return held + _enclosed(one.enclosures) + len(one.text) + len(one.html or "")
        case LeavingDraft():
            return _enclosed(one.enclosures) + len(one.text) + sum(len(version.text) for version in one.versions)
        case Original():
            return len(one.data)
    return 0


def _enclosed(enclosures: Sequence[Enclosure]) -> int:
    return sum(len(one.data) for one in enclosures)
