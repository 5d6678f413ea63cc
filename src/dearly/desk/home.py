"""The desk at a glance: what lies on it, what waits for collection, and the people one writes to. And where a posted
letter is, with what may still be done about it.

Nothing here counts what waits, and nothing says what lies in the letterbox: one goes there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from dearly.desk import rounds, views
from dearly.desk.anew import DID_NOT_GET_THERE
from dearly.desk.desk import Desk
from dearly.drawer import accounts, keyring, outbox, people, settings
from dearly.drawer import home as glance
from dearly.drawer.connection import Db
from dearly.drawer.home import DraftAtHand, PostedFacts
from dearly.letter.envelope import Way
from dearly.letter.errors import NotFound
from dearly.letter.journey import LEAVES, State
from dearly.letter.rhythm import Exchanged, Rhythm, rhythm
from dearly.letter.words import _

DRAFTS = 24
"""The most pages that lie on the desk; the drawer has all."""

BEGINNING = 1200
"""Characters of the beginning of a page that are shown."""

WAITING = 24
"""The most posted letters shown on the desk; the outbox has all."""

PEOPLE = 8
"""The most people shown on the desk."""

_LETTERS = 40
"""How many of the latest letters of a correspondence its rhythm is taken from."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One to whom a posted letter goes. `uid`: of the person in the address book, "" for nobody known. `leaves`: when
    the next attempt may be made, None where nothing leaves by itself. `seal`: how far the key is known that it is
    sealed to (a `BindingState`), "" where none is known."""

    name: str
    address: str
    uid: str
    way: Way
    state: State
    since: datetime
    leaves: datetime | None
    reason: str
    seal: str


@dataclass(frozen=True, slots=True)
class PostedView:
    """A posted letter. `state`: the one that needs the writer most. `may`: what may be done now: take_back, again,
    give_up, carry (by hand, instead of the way it had), anew (write it anew, to another address), file (there is a file
    to carry), handed_over (nobody has said yet that it was carried)."""

    number: int
    facts: PostedFacts
    readers: tuple[Reader, ...]
    state: State
    may: frozenset[str]

    @property
    def leaves(self) -> datetime | None:
        """When the first of it leaves by itself."""
        return min((one.leaves for one in self.readers if one.leaves is not None), default=None)

    @property
    def first(self) -> Reader:
        """The reader whose state is said first."""
        return next(one for one in self.readers if one.state is self.state)


@dataclass(frozen=True, slots=True)
class PersonLine:
    """Somebody one writes to. `draft`: number of a page on the desk that is for them. `posted`: a letter to them that
    has not left yet, or came back. `reply`: what was decided about their last letter, if it was the last of all."""

    uid: str
    name: str
    rhythm: Rhythm
    draft: int | None
    posted: PostedView | None
    reply: str | None


@dataclass(frozen=True, slots=True)
class Home:
    """What the desk shows. `more`: there are more posted letters that wait than are shown. `post`: there is a carrier
    at all; without one, letters go by hand. `new`: nothing has been written or sent here yet."""

    name: str
    place: str
    drafts: tuple[DraftAtHand, ...]
    posted: tuple[PostedView, ...]
    more: bool
    people: tuple[PersonLine, ...]
    round: datetime
    post: bool
    new: bool


async def home(desk: Desk) -> Home:
    """The desk at a glance."""
    now = desk.clock.local()
    round_ = await rounds.next_round(desk)
    return await desk.drawer.read(lambda db: at_a_glance(db, now, round_))


def at_a_glance(db: Db, now: datetime, round_: datetime) -> Home:
    """The desk as the drawer knows it. `now`: with the offset of the place; `round_`: when the next round is made."""
    drafts = glance.drafts_at_hand(db, DRAFTS, BEGINNING)
    travels = outbox.listing(db, pending=True, limit=WAITING + 1)
    numbers = list(dict.fromkeys(travel.number for travel in travels))
    posted = tuple(_posted(db, number) for number in numbers[:WAITING])
    lines = tuple(_line(db, person, now, drafts, posted) for person in _people(db, drafts))
    has_post = bool(accounts.list_all(db))
    return Home(
        settings.get(db, "name", ""),
        settings.get(db, "place", ""),
        tuple(drafts),
        posted,
        len(numbers) > WAITING,
        lines,
        round_,
        has_post,
        not drafts and not posted and all(line.rhythm.last is None for line in lines),
    )


def _people(db: Db, drafts: list[DraftAtHand]) -> list[int]:
    """Those one is writing to now, then those of the latest letters."""
    writing = [person for draft in drafts[:PEOPLE] for person in draft.persons]
    return list(dict.fromkeys((*writing, *glance.written_with_lately(db, PEOPLE))))[:PEOPLE]


def _line(db: Db, person: int, now: datetime, drafts: list[DraftAtHand], posted: tuple[PostedView, ...]) -> PersonLine:
    about = people.show(db, person)
    letters = glance.spoken(db, person, _LETTERS)
    waiting = next((view for view in posted if _lies_here(view, about.uid)), None)
    counted = [_exchanged(one, now.tzinfo) for one in letters if waiting is None or one.number != waiting.number]
    rhythm_ = rhythm(counted, now.date())
    theirs_last = rhythm_.last is not None and not rhythm_.last.ours
    reply = glance.reply_to(db, letters[0].number) if theirs_last and letters and not letters[0].ours else None
    draft = next((draft.number for draft in drafts if about.id in draft.persons), None)
    return PersonLine(about.uid, about.name, rhythm_, draft, waiting, reply)


def _lies_here(view: PostedView, uid: str) -> bool:
    """Whether a letter did not get to this person, whatever became of it for others."""
    return any(reader.uid == uid and reader.state in _RESTING | LEAVES | {State.DATED} for reader in view.readers)


def _exchanged(one: glance.Spoken, zone: tzinfo | None) -> Exchanged:
    return Exchanged(one.at.astimezone(zone).date(), one.ours)


async def posted(desk: Desk, number: int) -> PostedView:
    """A posted letter, and where it is. Raises `NotFound` (no_letter)."""
    return await desk.drawer.read(lambda db: _posted(db, number))


async def under_way(desk: Desk, before: int | None = None, limit: int = 40) -> list[PostedView]:
    """Every posted letter, the last one first. `before`: number of the last letter of the page before."""

    def work(db: Db) -> list[PostedView]:
        numbers = dict.fromkeys(travel.number for travel in outbox.listing(db, limit=limit, before=before))
        return [_posted(db, number) for number in numbers]

    return await desk.drawer.read(work)


def _posted(db: Db, number: int) -> PostedView:
    every = outbox.travels(db, number)
    travels = outbox.current(every)
    facts = glance.posted_facts(db, number)
    if facts is None:
        raise NotFound("no_letter", _("There is no letter of yours with the number {n}.").format(n=number))
    readers = tuple(_reader(db, travel, facts) for travel in travels)
    return PostedView(number, facts, readers, State(views.least_advanced(travels)), _may(every, facts))


def _reader(db: Db, travel: outbox.Travel, facts: PostedFacts) -> Reader:
    row = views.outbox_row(travel)
    uid, seal = "", ""
    if travel.person_id is not None:
        uid = people.show(db, travel.person_id).uid
        bound = keyring.binding(db, travel.person_id, travel.journey.recipient)
        seal = bound.state.value if bound is not None and not facts.postcard else ""
    journey = travel.journey
    return Reader(
        row.person or row.recipient,
        row.recipient,
        uid,
        travel.way,
        journey.state,
        journey.since,
        row.leaves,
        row.reason,
        seal,
    )


_RESTING = frozenset({State.HELD, State.TRYING, State.UNCERTAIN, State.CAME_BACK})
_HERE = frozenset({State.WAITING, State.DATED, State.HELD, State.GIVEN_UP})


def _may(travels: list[outbox.Travel], facts: PostedFacts) -> frozenset[str]:
    states = {travel.journey.state for travel in travels}
    by_hand = [t for t in travels if t.way is Way.HAND and t.form is not None]
    stuck = outbox.stuck(travels)
    may = {
        "take_back": not facts.collected and states <= _HERE,
        "again": bool(states & _RESTING),
        "give_up": bool(states & _RESTING),
        "carry": bool(stuck),
        "anew": facts.collected and any(travel.journey.state in DID_NOT_GET_THERE for travel in stuck),
        "file": any(t.journey.state not in (State.HELD, State.DATED, State.GIVEN_UP) for t in by_hand),
        "handed_over": any(t.journey.state in LEAVES for t in by_hand),
    }
    return frozenset(name for name, yes in may.items() if yes)


__all__ = [
    "DraftAtHand",
    "Home",
    "PersonLine",
    "PostedFacts",
    "PostedView",
    "Reader",
    "home",
    "posted",
    "under_way",
]
