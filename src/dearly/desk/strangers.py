"""Act 8, at the door: first letters of people one has not written with, and the three answers to them.

Letting in is not pinning a key: only a letter whose seal proves one can do that, when it is opened. Refusing tells
nobody; what was refused is kept, and the answer can be taken back. Leaving is no answer at all.
"""

from __future__ import annotations

from dearly.desk import routes
from dearly.desk.desk import Desk
from dearly.drawer import arrivals, people
from dearly.drawer.connection import Db
from dearly.letter.address import Correspondent
from dearly.letter.errors import NotFound, Refused
from dearly.letter.words import _
from dearly.mime import plain


async def let_in(desk: Desk, number: int) -> list[int]:
    """Let a stranger's letter in, and all others from the same address: they lie in the letterbox then, unopened; their
    numbers. The stranger is in the address book, by the name that the envelope gives.

    Raises `NotFound` (no_arrival), `Refused` (not_at_door)."""
    now = desk.clock.now()

    def work(db: Db) -> list[int]:
        sender = _at_door(db, number).sender
        person = None
        if sender is not None:
            known = people.person_of_address(db, sender.address, sender.name)
            person = (known or person_of(db, desk, sender)).id
        return arrivals.let_in(db, number, person, now)

    return await desk.drawer.write(work)


async def refuse(desk: Desk, number: int) -> list[int]:
    """Turn a stranger's letters away, these and later ones; the numbers of these. Nobody is told, and all are kept.

    Raises `NotFound` (no_arrival), `Refused` (not_at_door)."""
    now = desk.clock.now()

    def work(db: Db) -> list[int]:
        _at_door(db, number)
        return arrivals.refuse(db, number, now)

    return await desk.drawer.write(work)


async def leave(desk: Desk, number: int) -> list[int]:
    """Leave a stranger's letter at the door. Of one that was refused this takes the refusal back: it waits there again,
    with all others from the same address; their numbers.

    Raises `NotFound` (no_arrival), `Refused` (not_at_door)."""

    def work(db: Db) -> list[int]:
        _at_door(db, number)
        return arrivals.leave(db, number)

    return await desk.drawer.write(work)


def _at_door(db: Db, number: int) -> arrivals.Arrival:
    arrival = arrivals.arrival(db, number)
    if arrival.state in {arrivals.ArrivalState.NEW, arrivals.ArrivalState.OWN, arrivals.ArrivalState.REPORT}:
        raise NotFound("no_arrival", _("Number {number} is no letter that came for you.").format(number=number))
    if arrival.state is not arrivals.ArrivalState.REFUSED and not arrival.at_door:
        raise Refused(
            "not_at_door",
            _("Letter {number} does not wait at the door any more.").format(number=number),
            _("Look into the letterbox again."),
        )
    return arrival


def person_of(db: Db, desk: Desk, sender: Correspondent) -> people.Person:
    """Put a sender whom nobody knows into the address book, by the name that they give."""
    now = desk.clock.now()
    kind = (
        people.AddressKind.OFFICE if sender.address.domain.endswith(routes.OFFICE_DOMAIN) else people.AddressKind.EMAIL
    )
    address = people.NewAddress(str(sender.address), kind)
    name = plain.shown(sender.name).strip() or str(sender.address)
    try:
        return people.add(db, name, [address], now=now, chance=desk.chance)
    except Refused:  # somebody of this very name is there, at another address: not the same person until merged
        return people.add(db, f"{name} ({sender.address})", [address], now=now, chance=desk.chance)
