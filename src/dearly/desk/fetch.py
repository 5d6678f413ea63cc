"""Taking in: parcels from a carrier into the drawer, byte for byte, and a first look at their outside.

The original bytes and the carrier's cursor are committed in one transaction; only then is the carrier told. So a kill
at any step costs at most a second look at what lies there, and the drawer knows bytes that it has (F36).
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from functools import partial

from dearly.carriers.base import Collected, Collects
from dearly.desk import reports
from dearly.desk.desk import Desk
from dearly.drawer import arrivals, attempts, objects, outbox, people
from dearly.drawer.connection import Db
from dearly.letter.errors import Damaged, DearlyError, Refused
from dearly.letter.failpoint import reach
from dearly.letter.sealing import Seal, Shape
from dearly.opener.values import Outside


async def collect(desk: Desk, carrier: Collects) -> list[int]:
    """Take in everything that the carrier holds for us; numbers of the new arrivals. Raises `CarrierTrouble`."""
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
            return new
        cursor = collected.cursor


async def take_in(desk: Desk, carrier: Collects, collected: Collected) -> list[int]:
    """Keep what was collected, with the carrier's cursor, in one transaction; numbers of what was not here before."""
    now = desk.clock.now()
    # Digest and packing outside the transaction, and off the loop: they are the long part.
    packed = await asyncio.to_thread(
        lambda: [(p, hashlib.sha256(p.data).digest(), objects.pack(p.data)) for p in collected.parcels]
    )

    def work(db: Db) -> list[int]:
        taken = [
            arrivals.take_in(db, parcel, digest, now=now, chance=desk.chance, packed=ready)
            for parcel, digest, ready in packed
        ]
        arrivals.save_cursor(db, carrier.way, carrier.place, collected.cursor, now)
        return [number for number in taken if number is not None]

    return await desk.drawer.write(work)


async def _acknowledge(desk: Desk, carrier: Collects) -> None:
    while sources := await desk.drawer.read(lambda db: arrivals.unacknowledged(db, carrier.way, carrier.place)):
        await carrier.acknowledge(sources)
        await desk.drawer.write(partial(arrivals.acknowledged, sources=sources))


@dataclass(frozen=True, slots=True)
class Sorted:
    """What sorting came to. `new`: numbers now in the letterbox; `troubles`: sentences on what is to be tried again."""

    new: tuple[int, ...]
    troubles: tuple[str, ...]


async def sort(desk: Desk) -> Sorted:
    """Look at the outside of every arrival that was not looked at yet. One bad arrival never keeps others out."""
    new: list[int] = []
    later: dict[int, str] = {}
    while numbers := [n for n in await desk.drawer.read(arrivals.unsorted) if n not in later]:
        for number in numbers:
            try:
                if await _sort_one(desk, number):
                    new.append(number)
            except DearlyError as trouble:
                later[number] = trouble.told
    return Sorted(tuple(new), tuple(later.values()))


async def _sort_one(desk: Desk, number: int) -> bool:
    now = desk.clock.now()
    try:
        raw = await desk.drawer.read(lambda db: arrivals.raw(db, number))
        outside = await desk.opener.outline(raw)
    except (Refused, Damaged) as beyond:
        why = beyond.told
        await desk.drawer.write(lambda db: arrivals.mark_unreadable(db, number, Seal.BROKEN, why, now))
        return True

    def work(db: Db) -> bool:
        own = outbox.forms_by_seal(db, outside.seal_sha256) if outside.seal_sha256 else []
        if own:
            assert outside.seal_sha256 is not None
            attempts.own_copy_found(db, outside.seal_sha256, now)
            arrivals.put_aside(db, number, arrivals.ArrivalState.OWN, now, letter=own[0])
            return False
        if told := reports.settle(db, outside, now):
            arrivals.put_aside(db, number, arrivals.ArrivalState.REPORT, now, letter=told.letter)
            return False
        state = arrivals.put_in_letterbox(db, number, _claims(db, outside), now)
        return state is arrivals.ArrivalState.UNOPENED

    return await desk.drawer.write(work)


def _claims(db: Db, outside: Outside) -> arrivals.Outside:
    sender = outside.heading.sender
    person = people.person_of_address(db, sender.address, sender.name) if sender else None
    return arrivals.Outside(
        sender=sender,
        letter_id=outside.heading.letter_id,
        seal_sha256=outside.seal_sha256,
        seal=Seal.NEVER_SEALED if outside.shape is Shape.PLAIN else None,
        person=person.id if person else None,
        at_door=person is None,
    )
