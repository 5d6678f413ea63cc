"""Act 8, at the door: first letters of people one has not written with, and the three answers to them.

Some of these letters lie here; of others, which came to a mailbox that holds more than letters, only the header is here
(`drawer.knocks`), and the letter is fetched when it is let in: at once where its account can be reached, else by the
next round. What is answered to one letter is answered to all of the same address.

Letting in is not pinning a key: only a letter whose seal proves one can do that, when it is opened. Refusing tells
nobody; what was refused is kept, and the answer can be taken back. Leaving is no answer at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dearly.carriers.base import Collects
from dearly.desk import account, fetch, newcomers
from dearly.desk.desk import Desk
from dearly.drawer import accounts, arrivals, knocks, people
from dearly.drawer.connection import Db
from dearly.drawer.knocks import Knock, KnockState
from dearly.letter.address import Correspondent
from dearly.letter.envelope import Way
from dearly.letter.errors import DearlyError, NotFound, Refused
from dearly.letter.sealing import Seal
from dearly.letter.words import _
from dearly.mime import plain


@dataclass(frozen=True, slots=True)
class AtDoor:
    """A stranger's letter at the door, as its outside claims. `name`: of the sender, which proves nothing. `arrived`:
    when it, or its header, was taken in. `date`: when it was written; `subject`: both known only of a header. `seal`:
    never_sealed, or None for a sealed one. `fetched`: whether the letter itself is here. `too_large`: more than
    is opened, so it is never fetched. `state`: waiting, let_in (not fetched yet) or gone (let in, and not found any
    more)."""

    number: int
    from_: str
    name: str
    arrived: datetime
    date: datetime | None
    subject: str
    way: Way
    seal: Seal | None
    fetched: bool
    state: str
    too_large: bool = False
    person: str | None = None
    opened: bool = False
    at_door: bool = True


@dataclass(frozen=True, slots=True)
class LetIn:
    """What letting in came to. `numbers`: letters that are in the letterbox now. `later`: those that the next round is
    to fetch. `gone`: those that do not lie at their account any more. `trouble`: why nothing was fetched at once."""

    numbers: tuple[int, ...]
    later: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()
    trouble: str = ""


async def at_door(desk: Desk) -> list[AtDoor]:
    """Who stands at the door, the last one first: also those who were let in and whose letters are not here yet."""
    return await desk.drawer.read(_standing)


def _standing(db: Db) -> list[AtDoor]:
    found = [_lies_here(one) for one in arrivals.at_door(db)]
    for state in knocks.AT_DOOR:
        found += [_knocks(one) for one in knocks.standing(db, state)]
    return sorted(found, key=lambda one: -one.number)


async def let_in(desk: Desk, number: int, carrier: Collects | None = None) -> LetIn:
    """Let a stranger's letter in, and all others from the same address. The stranger is in the address book, by the
    name that the envelope gives. Letters that were not fetched yet are fetched now: by `carrier`, or else by their own
    account's, where no round is being made and it answers. Letting in one that was gone looks for it once more.

    Raises `NotFound` (no_arrival), `Refused` (not_at_door, too_large_to_fetch)."""
    now = desk.clock.now()

    def work(db: Db) -> tuple[list[int], list[int]]:
        sender = _at_door(db, number, knocks.COMING)
        knock = knocks.find(db, number)
        if knock is not None and knock.state is KnockState.WAITING and knock.too_large:
            raise _too_large(knock)
        if sender is None:
            return arrivals.let_in(db, number, None, now), []
        key = sender.address.key
        here = arrivals.of_stranger(db, key)  # whoever comes into the book lets them in
        known = people.person_of_address(db, sender.address, sender.name)
        person = (known or newcomers.person_of(db, desk, sender)).id
        return sorted({*here, *arrivals.let_in_all(db, key, person, now)}), _unfetched(db, key, now)

    here, later = await desk.drawer.write(work)
    if not later:
        return LetIn(tuple(here))
    trouble = await _fetch(desk, carrier)
    states = await desk.drawer.read(lambda db: {one: _state(db, one) for one in later})
    return LetIn(
        tuple(sorted([*here, *(one for one in later if states[one] is None)])),
        tuple(one for one in later if states[one] is KnockState.LET_IN),
        tuple(one for one in later if states[one] is KnockState.GONE),
        trouble,
    )


async def refuse(desk: Desk, number: int) -> list[int]:
    """Turn a stranger's letters away, these and later ones; the numbers of these. Nobody is told, and all are kept.

    Raises `NotFound` (no_arrival), `Refused` (not_at_door)."""
    now = desk.clock.now()

    def work(db: Db) -> list[int]:
        sender = _at_door(db, number)
        if sender is None:
            return arrivals.refuse(db, number, now)
        key = sender.address.key
        return sorted(arrivals.refuse_all(db, key, now) + knocks.refuse(db, key, now))

    return await desk.drawer.write(work)


async def leave(desk: Desk, number: int) -> list[int]:
    """Leave a stranger's letter at the door. Of one that was refused this takes the refusal back: it waits there again,
    with all others from the same address; their numbers.

    Raises `NotFound` (no_arrival), `Refused` (not_at_door)."""
    now = desk.clock.now()

    def work(db: Db) -> list[int]:
        sender = _at_door(db, number)
        if sender is None:
            return arrivals.leave(db, number)
        key = sender.address.key
        return sorted(arrivals.leave_all(db, key) + knocks.leave(db, key, now))

    return await desk.drawer.write(work)


def _at_door(db: Db, number: int, more: Iterable[KnockState] = ()) -> Correspondent | None:
    """The sender of a letter that stands at the door, was refused there, or is in one of the states `more`; None where
    the envelope does not say."""
    knock = knocks.find(db, number)
    if knock is not None and knock.state is not KnockState.FETCHED:
        if knock.state not in {KnockState.WAITING, KnockState.REFUSED, *more}:
            raise _not_at_door(number)
        return knock.heading.sender
    arrival = arrivals.arrival(db, number)
    if arrival.state in {arrivals.ArrivalState.NEW, arrivals.ArrivalState.OWN, arrivals.ArrivalState.REPORT}:
        raise NotFound("no_arrival", _("Number {number} is no letter that came for you.").format(number=number))
    if arrival.state is not arrivals.ArrivalState.REFUSED and not arrival.at_door:
        raise _not_at_door(number)
    return arrival.sender


def _not_at_door(number: int) -> Refused:
    return Refused(
        "not_at_door",
        _("Letter {number} does not wait at the door any more.").format(number=number),
        _("Look into the letterbox again."),
    )


def _too_large(knock: Knock) -> Refused:
    return Refused(
        "too_large_to_fetch",
        _("Letter {number} has {size} MB, more than Dearly opens, so it is not fetched.").format(
            number=knock.number, size=-(-knock.heading.size // 1_000_000)
        ),
        _("It lies at {place}, where other programs can reach it; or ask {address} for a smaller one.").format(
            place=knock.heading.source.place, address=knock.heading.sender.address
        ),
    )


def _unfetched(db: Db, key: str, now: datetime) -> list[int]:
    """Let the knocks of this address in; the numbers of all that are to be fetched, also of those let in before."""
    before = [one.number for one in knocks.standing(db, KnockState.LET_IN) if one.heading.sender.address.key == key]
    return sorted({*before, *knocks.let_in(db, key, now)})


def _state(db: Db, number: int) -> KnockState | None:
    """What became of a knock that was let in; None where its letter is here by this number now."""
    knock = knocks.find(db, number)
    if knock is None or knock.state is not KnockState.FETCHED:
        return knock.state if knock is not None else KnockState.GONE
    # Two headers of the very same bytes are one letter, by the number of the first.
    return None if arrivals.there(db, number) else KnockState.FETCHED


async def _fetch(desk: Desk, carrier: Collects | None) -> str:
    """Bring in what was let in and can be reached; why something could not, in a sentence, or ""."""
    if desk.turn.locked():
        return ""  # a round is being made: this one brings it, or the next
    trouble = ""
    async with desk.turn:
        if carrier is not None:
            trouble = await _bring_in(desk, carrier)
        else:
            for kept in await desk.drawer.read(_with_letters_to_fetch):
                try:
                    trouble = await _bring_in(desk, await account.carrier(desk, kept)) or trouble
                except DearlyError as away:
                    trouble = away.told
        await fetch.sort(desk)
    return trouble


async def _bring_in(desk: Desk, carrier: Collects) -> str:
    try:
        await fetch.bring_in(desk, carrier)
    except DearlyError as away:
        return away.told
    return ""


def _with_letters_to_fetch(db: Db) -> list[accounts.Account]:
    return [
        kept
        for kept in accounts.list_all(db)
        if kept.way is Way.MAIL and knocks.to_fetch(db, kept.way, kept.place, limit=1)
    ]


def _lies_here(arrival: arrivals.Arrival) -> AtDoor:
    return AtDoor(
        number=arrival.number,
        from_=str(arrival.sender.address) if arrival.sender else "",
        name=plain.shown(arrival.sender.name).strip() if arrival.sender else "",
        arrived=arrival.arrived,
        date=None,
        subject="",
        way=arrival.way,
        seal=arrival.seal,
        fetched=True,
        state=KnockState.WAITING.value,
    )


def _knocks(knock: Knock) -> AtDoor:
    heading = knock.heading
    return AtDoor(
        number=knock.number,
        from_=str(heading.sender.address),
        name=plain.shown(heading.sender.name).strip(),
        arrived=knock.at,
        date=heading.date,
        subject=plain.shown(heading.subject),
        way=heading.source.way,
        seal=knock.seal,
        fetched=False,
        too_large=knock.too_large,
        state=knock.state.value,
    )
