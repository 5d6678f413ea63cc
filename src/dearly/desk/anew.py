"""Writing a letter anew that came back: a new letter with the same words and enclosures, to another address.

It is not the letter that came back, which stays as it is, with its own id and what became of it; it only answers what
that one answered. Nothing leaves by this: it begins a page, which is posted like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dearly.desk import views, write
from dearly.desk.desk import Desk
from dearly.desk.values import LetterView
from dearly.drawer import drafts, outbox, people
from dearly.drawer.connection import Db
from dearly.letter.address import Address, Correspondent
from dearly.letter.errors import Refused, Usage
from dearly.letter.journey import State
from dearly.letter.words import _

DID_NOT_GET_THERE = frozenset({State.CAME_BACK, State.GIVEN_UP, State.HELD})
"""States in which a letter may be written anew. In others it may still arrive."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Somebody to whom a letter did not get. `address`: where it was to go; `others`: their other addresses of now.
    `uid`: of the person in the address book, "" for nobody known."""

    name: str
    uid: str
    address: str
    others: tuple[str, ...]


async def elsewhere(desk: Desk, number: int) -> tuple[Elsewhere, ...]:
    """To whom a posted letter did not get, and where else they can be reached. Raises `NotFound` (no_letter),
    `Refused` (impossible_step) where there is nobody."""
    return await desk.drawer.read(lambda db: tuple(_elsewhere(db, travel) for travel in _vain(db, number)))


async def anew(desk: Desk, number: int, to: Sequence[str]) -> LetterView:
    """Begin a page with what letter `number` holds, to these people (names, uids or addresses): somebody to whom it did
    not get is reached at another address than before.

    Raises `NotFound` (no_letter, unknown_person), `Usage` (no_recipient, no_address, same_address), `Refused`
    (impossible_step)."""
    now = desk.clock.now()

    def work(db: Db) -> LetterView:
        dead = {travel.journey.recipient.key for travel in _vain(db, number)}
        readers = [_reached(db, who, dead) for who in write.recipients(db, to)]
        return views.draft_view(drafts.anew(db, number, readers, now=now, chance=desk.chance))

    return await desk.drawer.write(work)


def _vain(db: Db, number: int) -> list[outbox.Travel]:
    vain = [one for one in outbox.stuck(outbox.travels(db, number)) if one.journey.state in DID_NOT_GET_THERE]
    if not vain:
        raise Refused(
            "impossible_step",
            _("Letter {number} may still arrive, so it is not written anew.").format(number=number),
            _("“dearly outbox” shows how it gets on."),
        )
    return vain


def _elsewhere(db: Db, travel: outbox.Travel) -> Elsewhere:
    person = None if travel.person_id is None else people.show(db, travel.person_id)
    where = travel.journey.recipient
    others = () if person is None else tuple(str(one) for one in _current(person) if one.key != where.key)
    return Elsewhere(person.name if person else travel.person, person.uid if person else "", str(where), others)


def _current(person: people.Person) -> list[Address]:
    return [one.address for one in person.addresses if one.until is None and one.address is not None]


def _reached(db: Db, who: Correspondent, dead: set[str]) -> Correspondent:
    if who.address.key not in dead:
        return who
    person = people.person_of_address(db, who.address, who.name)
    other = next((one for one in (_current(person) if person else ()) if one.key not in dead), None)
    if other is None:
        raise Usage(
            "same_address",
            _("The letter did not get to {address}.").format(address=who.address),
            _("Name another address of theirs; the same letter is posted again with “dearly post”."),
        )
    return Correspondent(who.name, other)
