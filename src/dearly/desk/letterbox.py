"""Act 8, the letterbox: what lies there and waits to be opened, who stands at the door, and what could not be opened.

What is opened lies in its correspondence; only the last few are named here, so that one finds them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from dearly.desk import lookalikes, rounds, views
from dearly.desk.desk import Desk
from dearly.desk.lookalikes import Lookalike
from dearly.desk.values import EnvelopeView, LetterView, Postmark
from dearly.drawer import accounts, arrivals, knocks, leafing, settings
from dearly.drawer.connection import Db
from dearly.drawer.knocks import Knock, KnockState
from dearly.letter.envelope import Way
from dearly.letter.errors import NotFound
from dearly.letter.words import _
from dearly.mime import plain

MOST_REFUSED = 100
"""How many refused letters are listed."""

_NOT_FOR_READING = frozenset({arrivals.ArrivalState.NEW, arrivals.ArrivalState.OWN, arrivals.ArrivalState.REPORT})


@dataclass(frozen=True, slots=True)
class Lying:
    """An envelope or parcel as it lies there. `claimed`: the sender's name as the outside gives it, which proves
    nothing; `namesake`: whether somebody else in the address book has it. `postmarks`: by which ways it came, the first
    one first. `reason`: why it could not be opened. `alike`: whom a stranger can be taken for (A21).

    `away`: the account at which the letter itself lies, "" where it is here. Then `subject` and `written` are what its
    header claims, `too_large` says that it is more than is opened, so never fetched, and `state` is waiting, let_in
    (the next round fetches it), gone (let in, not found) or refused."""

    envelope: EnvelopeView
    claimed: str
    postmarks: tuple[Postmark, ...]
    reason: str
    namesake: bool = False
    alike: Lookalike | None = None
    ours: str = ""
    away: str = ""
    subject: str = ""
    written: datetime | None = None
    too_large: bool = False
    state: str = ""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """What lies there, each list the last arrived first. `waiting`: unopened. `at_door`: first letters of
    strangers. `coming`: those let in whose letters could not be fetched yet, or not found any more. `kept`: what could
    not be opened. `lately`: the last few that were opened. `later`: to be answered later, the oldest first.
    `turned_away`: whether anything was refused. `name`, `address`: of whoever the letterbox belongs to; the address is
    "" without a post. `round`: when the next one is, None without a post."""

    waiting: tuple[Lying, ...]
    at_door: tuple[Lying, ...]
    coming: tuple[Lying, ...]
    kept: tuple[Lying, ...]
    lately: tuple[LetterView, ...]
    later: tuple[LetterView, ...]
    turned_away: bool
    name: str
    address: str
    round: datetime | None

    @property
    def empty(self) -> bool:
        """Whether nothing lies there that asks for anything."""
        return not (self.waiting or self.at_door or self.coming or self.kept)


async def look(desk: Desk) -> Letterbox:
    """Look into the letterbox."""
    at = await rounds.next_round(desk)

    def work(db: Db) -> Letterbox:
        waiting = [one for one in arrivals.letterbox(db, unopened_only=True) if not one.at_door]
        to = _To(db)
        opened = dict.fromkeys(one.letter for one in arrivals.opened_lately(db) if one.letter is not None)
        return Letterbox(
            waiting=tuple(map(to.lying, waiting)),
            at_door=_at_door(db, to),
            coming=_by_number(to.knocking(one) for state in knocks.COMING for one in knocks.standing(db, state)),
            kept=tuple(map(to.lying, arrivals.unreadable(db))),
            lately=tuple(views.letter_view(db, number) for number in opened),
            later=tuple(views.letter_view(db, number) for number in leafing.for_later(db)),
            turned_away=bool(arrivals.turned_away(db, limit=1) or knocks.standing(db, KnockState.REFUSED, 1)),
            name=settings.get(db, "name", ""),
            address=str(next(iter(accounts.own_addresses(db)), "")),
            round=at if accounts.list_all(db) else None,
        )

    return await desk.drawer.read(work)


async def turned_away(desk: Desk) -> tuple[Lying, ...]:
    """What was refused at the door, the last arrived first."""

    def work(db: Db) -> tuple[Lying, ...]:
        to = _To(db)
        here = map(to.lying, arrivals.turned_away(db))
        return _by_number([*here, *map(to.knocking, knocks.standing(db, KnockState.REFUSED, MOST_REFUSED))])

    return await desk.drawer.read(work)


async def lying(desk: Desk, number: int) -> tuple[Lying, arrivals.ArrivalState]:
    """One of them, and what became of it. Raises `NotFound` (no_arrival), `Refused` (at_door)."""
    arrival = await desk.drawer.read(lambda db: arrivals.arrival(db, number))
    if arrival.state in _NOT_FOR_READING:
        raise NotFound("no_arrival", _("Number {number} is no letter that came for you.").format(number=number))
    return _lying(arrival), arrival.state


async def original(desk: Desk, number: int) -> bytes:
    """A parcel byte for byte as it was fetched. Raises `NotFound` (no_arrival), `Damaged` (object_damaged)."""
    return await desk.drawer.read(lambda db: arrivals.raw(db, number))


class _To:
    """Envelopes with the address of ours that each came to."""

    def __init__(self, db: Db) -> None:
        self._served = accounts.served_at(db)

    def _ours(self, way: Way, place: str) -> str:
        return str(self._served.get((way, place), ""))

    def lying(self, arrival: arrivals.Arrival) -> Lying:
        came = next((self._ours(mark.way, mark.place) for mark in arrival.postmarks), "")
        return replace(_lying(arrival), ours=came)

    def knocking(self, knock: Knock) -> Lying:
        source = knock.heading.source
        return replace(_knocking(knock), ours=self._ours(source.way, source.place))


def _at_door(db: Db, to: _To) -> tuple[Lying, ...]:
    found = [*map(to.lying, arrivals.at_door(db)), *map(to.knocking, knocks.standing(db))]
    known = knocks.namesakes(db, {one.claimed for one in found})
    alike = lookalikes.of(db, [(one.claimed, one.envelope.from_) for one in found])
    return _by_number(
        replace(one, namesake=one.claimed in known, alike=other) for one, other in zip(found, alike, strict=True)
    )


def _by_number(found: Iterable[Lying]) -> tuple[Lying, ...]:
    return tuple(sorted(found, key=lambda one: -one.envelope.number))


def _knocking(knock: Knock) -> Lying:
    heading = knock.heading
    return Lying(
        envelope=EnvelopeView(
            number=knock.number,
            from_=str(heading.sender.address),
            person=None,
            arrived=knock.at,
            way=heading.source.way,
            seal=knock.seal,
            opened=False,
            at_door=True,
        ),
        claimed=plain.shown(heading.sender.name).strip(),
        postmarks=(),
        reason="",
        away=heading.source.place,
        subject=plain.shown(heading.subject),
        written=heading.date,
        too_large=knock.too_large,
        state=knock.state.value,
    )


def _lying(arrival: arrivals.Arrival) -> Lying:
    return Lying(
        envelope=views.envelope_view(arrival),
        claimed=plain.shown(arrival.sender.name).strip() if arrival.sender else "",
        postmarks=tuple(Postmark(mark.way, mark.at, mark.place) for mark in arrival.postmarks),
        reason=arrival.reason,
    )
