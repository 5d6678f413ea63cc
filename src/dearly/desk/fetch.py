"""Taking in: parcels from a carrier into the drawer, byte for byte, and a first look at their outside.

The original bytes and the carrier's cursor are committed in one transaction; only then is the carrier told. So a kill
at any step costs at most a second look at what lies there, and the drawer knows bytes that it has (F36). Of strangers
in a mailbox only the header is kept (`drawer.knocks`); `bring_in` fetches what they wrote when they are let in.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from dearly.carriers.base import Collected, Collects, Fetches
from dearly.desk import open as opening
from dearly.desk import reports
from dearly.desk.desk import Desk
from dearly.drawer import accounts, arrivals, attempts, erasing, filing, knocks, objects, outbox, people
from dearly.drawer.connection import Db
from dearly.drawer.knocks import Knock, KnockState
from dearly.letter.envelope import Parcel, Way
from dearly.letter.errors import Damaged, DearlyError, NotFound, Refused
from dearly.letter.failpoint import reach
from dearly.letter.sealing import Seal, Shape
from dearly.letter.words import _, ngettext
from dearly.opener.values import Outside


@dataclass(frozen=True, slots=True)
class Taken:
    """What collecting came to. `new`: numbers of the new arrivals. `left`: what the carrier holds for us and did not
    give, in a sentence; "" for nothing."""

    new: tuple[int, ...]
    left: str = ""


async def collect(desk: Desk, carrier: Collects) -> Taken:
    """Take in everything that the carrier holds for us. Raises `CarrierTrouble`."""
    way, place = carrier.way, carrier.place
    new: list[int] = []
    cursor = await desk.drawer.read(lambda db: arrivals.cursor(db, way, place))
    while True:
        collected = await carrier.collect(cursor)
        reach("fetch.fetched")
        new += await take_in(desk, carrier, collected)
        reach("fetch.committed")
        await _acknowledge(desk, carrier)
        reach("fetch.acknowledged")
        if not collected.more or collected.cursor == cursor:
            return Taken(tuple(new), _left(collected))
        cursor = collected.cursor


def _left(collected: Collected) -> str:
    if not collected.left:
        return ""
    told = ngettext(
        "One letter does not come whole, or is too large to be fetched. It stays where it lies, and each round tries"
        " again.",
        "{n} letters do not come whole, or are too large to be fetched. They stay where they lie, and each round tries"
        " again.",
        collected.left,
    ).format(n=collected.left)
    if not collected.full:
        return told
    return f"{told} {_('Until some of them come, no others are looked at, so that none is forgotten.')}"


async def take_in(desk: Desk, carrier: Collects, collected: Collected) -> list[int]:
    """Keep what was collected, parcels and strangers' headers, with the carrier's cursor, in one transaction; numbers
    of the parcels that were not here before."""
    now = desk.clock.now()
    packed = await _packed(collected.parcels)

    def work(db: Db) -> list[int]:
        taken = [
            arrivals.take_in(db, one.parcel, one.sha256, now=now, chance=desk.chance, packed=one.ready)
            for one in packed
        ]
        for heading in collected.heads:
            knocks.keep(db, heading, now, desk.chance)
        if collected.heads:
            knocks.tidy(db)
        arrivals.save_cursor(db, carrier.way, carrier.place, collected.cursor, now)
        return [number for number in taken if number is not None]

    return await desk.drawer.write(work)


async def bring_in(desk: Desk, carrier: Collects) -> list[int]:
    """Fetch the letters of strangers who were let in and that lie at this carrier; numbers of the new arrivals, the
    same as they had at the door. Nothing, where the carrier is none that leaves letters where they lie.

    A letter that does not lie there any more, or does not come whole, is said in the desk's notices; letting it in once
    more tries once more. Raises `CarrierTrouble`: then they stay let in, and the next round tries."""
    if not isinstance(carrier, Fetches):
        return []
    new: list[int] = []
    after = 0
    while batch := await _let_in_after(desk, carrier, after):
        after = batch[-1].number
        for portion in _portions(batch):
            parcels = await carrier.fetch([knock.heading.source for knock in portion])
            reach("fetch.fetched")
            new += await _bring(desk, portion, parcels)
            reach("fetch.committed")
    await _acknowledge(desk, carrier)
    return new


_PORTION = 32_000_000
"""Octets that are asked for at a time, as the carrier stated them; one letter may be larger."""


def _portions(batch: Sequence[Knock]) -> Iterator[list[Knock]]:
    portion: list[Knock] = []
    for knock in batch:
        if portion and sum(one.heading.size for one in (*portion, knock)) > _PORTION:
            yield portion
            portion = []
        portion.append(knock)
    if portion:
        yield portion


async def _let_in_after(desk: Desk, carrier: Collects, after: int) -> list[Knock]:
    way, place = carrier.way, carrier.place
    return await desk.drawer.read(lambda db: knocks.to_fetch(db, way, place, after=after))


async def _bring(desk: Desk, asked: Sequence[Knock], parcels: Sequence[Parcel]) -> list[int]:
    """Keep the letters of let-in knocks; numbers of the new arrivals. What is missing, or another letter than the one
    that knocked (F29), is gone, if it is not here; where that cannot be told yet, the next round tells."""
    now = desk.clock.now()
    by_source = {parcel.source: parcel for parcel in parcels}
    found = {knock.number: by_source.get(knock.heading.source) for knock in asked}
    theirs = [knock for knock in asked if (one := found[knock.number]) and await _is_it(desk, knock, one.data)]
    packed = {one.parcel.source: one for one in await _packed([by_source[k.heading.source] for k in theirs])}
    here = {knock.number for knock in asked if knock not in theirs and await _came_otherwise(desk, knock)}

    def work(db: Db) -> tuple[list[int], list[Knock]]:
        new: list[int] = []
        gone: list[Knock] = []
        # What was collected just now, and not looked at yet, may be the same letters under other numbers (F27).
        unclear = bool(arrivals.unsorted(db, limit=1))
        for knock in asked:
            one = packed.get(knock.heading.source)
            if one is not None:
                taken = arrivals.take_in(
                    db,
                    one.parcel,
                    one.sha256,
                    now=now,
                    chance=desk.chance,
                    packed=one.ready,
                    number=knock.number,
                )
                new += [taken] if taken is not None else []
            elif knock.number not in here:
                if unclear:
                    continue
                gone.append(knock)
            knocks.settle(db, knock.number, KnockState.GONE if knock in gone else KnockState.FETCHED, now)
        return new, gone

    new, gone = await desk.drawer.write(work)
    for knock in gone:
        desk.notices.append(
            _(
                "The letter from {address} that you let in does not lie at {place} any more, or does not come whole."
            ).format(address=knock.heading.sender.address, place=knock.heading.source.place)
        )
    return new


async def _is_it(desk: Desk, knock: Knock, raw: bytes) -> bool:
    """Whether this is the letter that knocked, by all that its header names it by: a carrier may call another one by
    the same number now (F28, F29), and what was let in is this letter alone. What is beyond reading is taken as it is:
    nothing of it is shown but why."""
    try:
        seen = (await desk.opener.outline(raw)).heading
    except (Refused, Damaged):
        return True
    return knocks.is_of(knock, seen.sender, seen.letter_id, seen.date)


async def _came_otherwise(desk: Desk, knock: Knock) -> bool:
    """Whether the letter of this knock is here under another number."""
    for number in await desk.drawer.read(lambda db: knocks.namesakes_of(db, knock)):
        try:
            raw = await desk.drawer.read(partial(arrivals.raw, number=number))
        except (NotFound, Damaged):
            continue
        if await _is_it(desk, knock, raw):
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Packed:
    parcel: Parcel
    sha256: bytes
    ready: objects.Packed


async def _packed(parcels: Sequence[Parcel]) -> list[_Packed]:
    """Digest and packing outside the transaction, and off the loop: they are the long part."""
    return await asyncio.to_thread(
        lambda: [_Packed(one, hashlib.sha256(one.data).digest(), objects.pack(one.data)) for one in parcels]
    )


async def _acknowledge(desk: Desk, carrier: Collects) -> None:
    while sources := await desk.drawer.read(lambda db: arrivals.unacknowledged(db, carrier.way, carrier.place)):
        await carrier.acknowledge(sources)
        await desk.drawer.write(partial(arrivals.acknowledged, sources=sources))


@dataclass(frozen=True, slots=True)
class Sorted:
    """What sorting came to. `new`: numbers now in the letterbox; `troubles`: sentences on what is to be tried again."""

    new: tuple[int, ...]
    troubles: tuple[str, ...]


_MOST_SORTED, _SORTED_OCTETS = 50, 8_000_000
"""How many arrivals are sorted in one transaction, which should take no longer than 50 ms, and of what weight."""


async def sort(desk: Desk) -> Sorted:
    """Look at the outside of every arrival that was not looked at yet. One bad arrival never keeps others out."""
    new: list[int] = []
    later: dict[int, str] = {}
    while numbers := [n for n in await desk.drawer.read(arrivals.unsorted) if n not in later]:
        while numbers:
            some = await _originals(desk, numbers)
            numbers = numbers[len(some) :]
            new += await _put(desk, await _look_at(desk, some, later), later)
    try:
        joined = await opening.open_what_belongs(desk)
    except DearlyError as trouble:
        return Sorted(tuple(new), (*later.values(), trouble.told))
    return Sorted(tuple(n for n in new if n not in joined), tuple(later.values()))


@dataclass(frozen=True, slots=True)
class _Seen:
    """An arrival looked at. `outside`: None where it cannot be read, and `why` says so."""

    number: int
    raw: bytes
    outside: Outside | None
    why: str = ""


_Originals = dict[int, bytes | DearlyError]
"""By number, the bytes as fetched, or why they cannot be had."""


async def _originals(desk: Desk, numbers: Sequence[int]) -> _Originals:
    """Those of the first of these arrivals, as many as are sorted in one transaction; of one at least."""

    def work(db: Db) -> _Originals:
        found: _Originals = {}
        weight = 0
        for number in numbers[:_MOST_SORTED]:
            try:
                raw = arrivals.raw(db, number)
            except Damaged as damaged:
                found[number] = damaged
                continue
            weight += len(raw)
            if found and weight > _SORTED_OCTETS:
                break
            found[number] = raw
        return found

    try:
        return await desk.drawer.read(work)
    except DearlyError as trouble:  # such as a page that cannot be read: whose it is, is found one by one
        return {numbers[0]: trouble} if len(numbers) == 1 else await _originals(desk, numbers[:1])


async def _look_at(desk: Desk, some: _Originals, later: dict[int, str]) -> list[_Seen]:
    """Into `later`, what could not be looked at for no fault of its own."""
    raws = {number: raw for number, raw in some.items() if isinstance(raw, bytes)}
    seen = dict(zip(raws, await desk.opener.outlines(list(raws.values())), strict=True))
    found: list[_Seen] = []
    for number, original in some.items():
        outside = seen.get(number, original)
        if isinstance(outside, Outside):
            found.append(_Seen(number, raws[number], outside))
        elif isinstance(outside, Refused | Damaged):
            found.append(_Seen(number, b"", None, outside.told))
        elif isinstance(outside, DearlyError):
            later[number] = outside.told
    return found


async def _put(desk: Desk, seen: Sequence[_Seen], later: dict[int, str]) -> list[int]:
    """Put them where they belong, all in one transaction, for each waits for the disk; where that fails, one by one.
    Numbers of those that are new in the letterbox; into `later`, what could not be done."""
    if not seen:
        return []
    now = desk.clock.now()
    try:
        return await desk.drawer.write(lambda db: [one.number for one in seen if _belongs(db, one, now)])
    except DearlyError as trouble:
        if len(seen) == 1:
            later[seen[0].number] = trouble.told
            return []
    return [number for one in seen for number in await _put(desk, [one], later)]


def _belongs(db: Db, seen: _Seen, now: datetime) -> bool:
    """Put it where it belongs; whether that is in the letterbox, as something new."""
    number, outside = seen.number, seen.outside
    if outside is None:
        arrivals.mark_unreadable(db, number, Seal.BROKEN, seen.why, now)
        return True
    if own := _own(db, seen.raw, outside):
        letter, seal = own
        arrivals.put_aside(db, number, arrivals.ArrivalState.OWN, now, letter=letter, seal_sha256=seal)
        for way in {mark.way for mark in arrivals.arrival(db, number).postmarks}:
            attempts.own_copy_found(db, seal, now, way)
        return False
    if _was_erased(db, seen.raw, outside):
        erasing.fall_away(db, number, now)
        return False
    if told := reports.settle(db, outside, now):
        arrivals.put_aside(db, number, arrivals.ArrivalState.REPORT, now, letter=told.letter)
        return False
    return arrivals.put_in_letterbox(db, number, _claims(db, outside), now) is arrivals.ArrivalState.UNOPENED


def _own(db: Db, raw: bytes, outside: Outside) -> tuple[int, bytes] | None:
    """Number and seal of the letter of ours that this is a copy of. A sealed one is known by its sealed slice; a
    postcard, by its id, our address and the same text to the last letter: a twin in our name is none (F38)."""
    if outside.seal_sha256:
        own = outbox.forms_by_seal(db, outside.seal_sha256)
        return (own[0], outside.seal_sha256) if own else None
    heading = outside.heading
    if heading.letter_id is None or not _is_ours(db, outside):
        return None
    for number in outbox.postcards(db, heading.letter_id):
        for way in (Way.MAIL, Way.OFFICE, Way.HAND):
            ready = outbox.form_by_way(db, number, way)
            if ready is not None and filing.body_sha256(ready.sealed.data) == filing.body_sha256(raw):
                return number, ready.sealed.seal_sha256
    return None


def _was_erased(db: Db, raw: bytes, outside: Outside) -> bool:
    """Whether this is a copy of a letter that was erased here: by its sealed slice; a postcard of ours as in `_own`."""
    if outside.seal_sha256:
        return erasing.erased(db, outside.seal_sha256)
    letter_id = outside.heading.letter_id
    return (
        letter_id is not None
        and _is_ours(db, outside)
        and erasing.erased(db, filing.identity(letter_id, filing.body_sha256(raw)))
    )


def _is_ours(db: Db, outside: Outside) -> bool:
    """Whether it says that it is from us."""
    sender = outside.heading.sender
    return sender is not None and any(sender.address.same(one) for one in accounts.own_addresses(db, left=True))


def _claims(db: Db, outside: Outside) -> arrivals.Outside:
    sender = outside.heading.sender
    person = people.person_of_address(db, sender.address, sender.name) if sender else None
    return arrivals.Outside(
        sender=sender,
        letter_id=outside.heading.letter_id,
        seal_sha256=outside.seal_sha256,
        seal=Seal.NEVER_SEALED if outside.shape is Shape.PLAIN else None,
        person=person.id if person else None,
        at_door=person is None or (sender is not None and knocks.heard_of(db, sender.address.key)),
    )
