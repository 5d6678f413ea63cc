"""What Dearly itself wrote out: a bundle, or another drawer, opened with its own passphrase. Its letters come with all
that was known of them there, and are not read anew; what was sealed there and never opened stays so.

Their seals are the word of whoever made the bundle. What stays behind: its drafts, its certificates with what was
decided about them, and its secret keys.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from dearly.desk import newcomers
from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.desk.importing_run import Done
from dearly.drawer import accounts, exporting, exporting_book, importing, importing_log, objects, people
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.drawer.importing import Content, Imported, PackedEnclosure
from dearly.drawer.importing_log import Import, Tally
from dearly.drawer.people import AddressKind, NewAddress
from dearly.drawer.persons import person_of_address
from dearly.exchange.archive import Archive
from dearly.exchange.bundle_reading import Bundle, Torn
from dearly.letter.address import Address, Correspondent, clean
from dearly.letter.content import LetterId
from dearly.letter.envelope import Way
from dearly.letter.errors import Refused, Usage
from dearly.letter.failpoint import reach
from dearly.letter.leaving import Leaving, LeavingPerson, Named, Original
from dearly.letter.sealing import Seal, Signed
from dearly.letter.words import _

T = TypeVar("T")

_DIGEST = re.compile(r"[0-9a-f]{64}")

_TOGETHER = 50
"""Letters in one transaction."""

_ENVELOPES = "envelopes|"


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some of it. `cursor`: where to go on. `torn`: pieces that are not as they were written."""

    cursor: str
    letters: Sequence[Leaving]
    envelopes: Sequence[Original]
    torn: int = 0


class BundleSource:
    """The letters of a bundle."""

    def __init__(self, path: Path) -> None:
        self._bundle = Bundle.open(path)

    async def people(self) -> list[LeavingPerson]:
        """Its address book."""
        return await asyncio.to_thread(lambda: [one for one in self._bundle.people() if not isinstance(one, Torn)])

    async def addresses(self) -> list[Address]:
        """Its owner's."""
        return [one for text in self._bundle.owner().addresses if (one := _address(text.text)) is not None]

    async def total(self) -> int:
        """How many things are in it."""
        return self._bundle.counts.letters + self._bundle.counts.envelopes

    async def pieces(self, cursor: str) -> AsyncGenerator[_Piece, None]:
        """Everything behind `cursor`."""
        if not cursor.startswith(_ENVELOPES):
            letters = self._bundle.letters(cursor)
            while some := await asyncio.to_thread(_some, letters):
                found = [one for _at, one in some if not isinstance(one, Torn)]
                yield _Piece(some[-1][0], found, (), len(some) - len(found))
        envelopes = self._bundle.envelopes(cursor.removeprefix(_ENVELOPES) if cursor.startswith(_ENVELOPES) else "")
        while parcels := await asyncio.to_thread(_some, envelopes):
            kept = [one for _at, one in parcels if not isinstance(one, Torn)]
            yield _Piece(_ENVELOPES + parcels[-1][0], (), kept, len(parcels) - len(kept))

    async def close(self) -> None:
        """Let go of it."""
        self._bundle.close()


class DrawerSource:
    """The letters of another drawer, open beside ours. Nothing is changed in it."""

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer

    async def people(self) -> list[LeavingPerson]:
        """Its address book."""
        return await self._drawer.read(exporting_book.people)

    async def addresses(self) -> list[Address]:
        """Its owner's."""
        return await self._drawer.read(partial(accounts.own_addresses, left=True))

    async def total(self) -> int:
        """How many things are in it."""
        tally = await self._drawer.read(exporting.tally)
        return tally.letters + tally.envelopes

    async def pieces(self, cursor: str) -> AsyncGenerator[_Piece, None]:
        """Everything behind `cursor`."""
        everything = exporting.Want(enclosures=True, originals=True, html=True)
        key = int(cursor) if cursor and not cursor.startswith(_ENVELOPES) else None
        while not cursor.startswith(_ENVELOPES):
            some = await self._drawer.read(partial(exporting.after, key=key, limit=_TOGETHER))
            if not some:
                break
            letters = await self._drawer.read(partial(exporting.load, numbers=[n for _k, n in some], want=everything))
            key = {number: at for at, number in some}[letters[-1].number]
            yield _Piece(str(key), letters, ())
        behind = int(cursor.removeprefix(_ENVELOPES) or 0) if cursor.startswith(_ENVELOPES) else 0
        while numbers := await self._drawer.read(partial(exporting.envelope_numbers, behind=behind)):
            parcels = await self._drawer.read(partial(exporting.envelopes, numbers=numbers))
            behind = parcels[-1].number
            yield _Piece(f"{_ENVELOPES}{behind}", (), parcels)

    async def close(self) -> None:
        """Let go of it."""
        await self._drawer.close()


async def run_own(desk: Desk, archive: Archive, source: BundleSource | DrawerSource, progress: Progress) -> Done:
    """Take all of it in, from where it stopped the last time. Raises `Damaged` (bundle_damaged, ...)."""
    now = desk.clock.now()
    addresses, everybody, total = await source.addresses(), await source.people(), await source.total()

    def begin(db: Db) -> Import:
        for one in addresses:
            accounts.add_left_address(db, one, now=now, chance=desk.chance)
        for person in everybody:
            _meet(db, desk, person)
        importing_log.prepare(db)
        return importing_log.begin(db, archive.source, archive.place, archive.format, now)

    log = await desk.drawer.write(begin)
    erased = 0
    async with desk.drawer.writing_much(), aclosing(source.pieces(log.cursor)) as pieces:
        async for piece in pieces:
            items = await asyncio.to_thread(_packed, piece, archive.place)
            log, counts = await desk.drawer.write(partial(_file, desk=desk, log=log, piece=piece, items=items))
            reach("import.after-commit")
            erased += counts.erased
            progress(_("Taking in letters"), log.tally.found, max(total, log.tally.found))

    def end(db: Db) -> None:
        importing_log.end(db, log, desk.clock.now())

    await desk.drawer.write(end)
    while await desk.drawer.write(importing_log.tidy):
        pass
    told = log.tally
    return Done(told.found, told.taken, told.already_here, told.not_letters, told.failed, {}, erased)


def _file(
    db: Db, *, desk: Desk, log: Import, piece: _Piece, items: Sequence[Imported]
) -> tuple[Import, importing.Counts]:
    counts = importing.file_many(
        db,
        items,
        meet=lambda db, who: newcomers.person_of(db, desk, who).id,
        now=desk.clock.now(),
        chance=desk.chance,
    )
    found = len(piece.letters) + len(piece.envelopes)
    more = Tally(
        found + piece.torn,
        counts.taken,
        max(0, found - counts.taken - counts.failed - counts.erased),
        counts.erased,
        counts.failed + piece.torn,
    )
    on = importing_log.advance(db, log, piece.cursor, more)
    reach("import.before-commit")
    return on, counts


def _meet(db: Db, desk: Desk, one: LeavingPerson) -> None:
    """Somebody of the other address book: found by an address or the name, else put in; what is not known is added."""
    if one.merged_into is not None:
        return
    now = desk.clock.now()
    kept = [new for each in one.addresses if (new := _new_address(each.kind, each.text)) is not None]
    known = None
    for new in kept:
        where = _address(new.text) if new.kind is not AddressKind.POSTAL else None
        known = known or (person_of_address(db, where) if where is not None else None)
    if known is None:
        try:
            known = people.add(db, one.name, kind=people.PersonKind(one.kind), now=now, chance=desk.chance)
        except (Refused, Usage, ValueError):  # somebody of this name is there
            return
        people.edit(db, known.id, birthday=one.birthday, note=one.note, now=now)
    there = {each.text for each in known.addresses}
    for new in kept:
        if new.text not in there:
            people.add_address(db, known.id, new, now=now, chance=desk.chance)


def _new_address(kind: str, text: str) -> NewAddress | None:
    if kind == AddressKind.POSTAL:
        return NewAddress(text, AddressKind.POSTAL)
    return NewAddress(text, AddressKind(kind)) if _address(text) is not None else None


def _packed(piece: _Piece, place: str) -> list[Imported]:
    found: list[Imported] = []
    for letter in piece.letters:
        content = _content(letter)
        originals = letter.originals or (_stand_in(letter),)
        found += [_imported(one, content, place, sealed=one.sealed) for one in originals]
    found += [_imported(one, None, place, sealed=one.sealed) for one in piece.envelopes]
    return found


def _stand_in(letter: Leaving) -> Original:
    """Of a letter without an original (it never left by any carrier): its id and text."""
    way = letter.ways[0] if letter.ways else Way.HAND.value
    return Original(f"{letter.letter_id}\n{letter.text}".encode(), way, "", letter.filed, sealed=False, state="")


def _imported(one: Original, content: Content | None, place: str, *, sealed: bool) -> Imported:
    where = _address(one.from_address) if one.from_address else None
    sender = content.senders[0] if content is not None and content.senders else None
    if content is None and where is not None:
        sender = Correspondent(clean(one.from_name), where)
    why = "" if content is not None else one.reason or _("It was never opened where it comes from.")
    return Imported(
        objects.pack(one.data),
        Way(one.way) if one.way in set(Way) else Way.HAND,
        place,
        one.at,
        content,
        sender,
        content.letter_id if content is not None else None,
        seal=(content.seal if content is not None else Seal.LOCKED if sealed else None),
        reason=why,
    )


def _content(letter: Leaving) -> Content:
    text = letter.text
    try:
        seal = Seal(letter.seal) if letter.seal else None
        signature = Signed(letter.signature) if letter.signature else Signed.NONE
    except ValueError:  # the word of a newer version
        seal, signature = (Seal.NEVER_SEALED if letter.direction == "in" else None), Signed.NONE
    inner = letter.inner_sha256
    return Content(
        direction=letter.direction,
        letter_id=LetterId(letter.letter_id),
        inner_sha256=bytes.fromhex(inner) if _DIGEST.fullmatch(inner) else None,
        senders=_people(letter.who("from"))[:1],
        to=_people(letter.who("to")),
        cc=_people(letter.who("cc")),
        date=letter.date,
        subject=letter.subject,
        text=text,
        packed_text=objects.pack_text(text),
        html=None if letter.html is None else objects.pack(letter.html.encode()),
        enclosures=tuple(
            PackedEnclosure(one.name, one.media_type, objects.pack(one.data), one.cid) for one in letter.enclosures
        ),
        in_reply_to=None if letter.in_reply_to is None else LetterId(letter.in_reply_to),
        references=tuple(LetterId(one) for one in letter.references),
        letter_no=letter.letter_no,
        commonmark=letter.commonmark,
        postcard=letter.postcard,
        signature=signature,
        seal=seal,
        quantum_safe=letter.quantum_safe,
        signer=letter.signer or None,
        signed_at=letter.signed_at,
        reply=letter.reply if letter.reply in ("later", "not_needed", "rest") else None,
        reply_on=letter.reply_on or None,
    )


def _people(named: Sequence[Named]) -> tuple[Correspondent, ...]:
    return tuple(Correspondent(clean(one.name), where) for one in named if (where := _address(one.address)) is not None)


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except Usage:
        return None


def _some(items: Iterator[tuple[str, T]]) -> list[tuple[str, T]]:
    return list(islice(items, _TOGETHER))
