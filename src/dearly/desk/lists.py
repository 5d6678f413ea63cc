"""What lies in the letterbox, the outbox, a correspondence and on the desk, as lists; and a letter to be read again.

Functions of the drawer alone, for whoever is at it already: a closed drawer is only looked into for them
(`App.look`). So this module imports nothing that acts.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from dearly.desk import views
from dearly.drawer import arrivals, drafts, knocks, letters, people
from dearly.drawer import outbox as out
from dearly.drawer.looking import TakesMore
from dearly.letter.errors import NotFound
from dearly.letter.journey import asks
from dearly.letter.sealing import Signed

if TYPE_CHECKING:
    from datetime import datetime

    from dearly.desk.values import EnvelopeView, LetterView, OutboxRow
    from dearly.drawer.connection import Db
    from dearly.letter.content import Enclosure


def letterbox(db: Db) -> list[EnvelopeView]:
    """What lies in the letterbox, the last arrived first."""
    return [views.envelope_view(one) for one in arrivals.letterbox(db)]


def somebody_at_door(db: Db) -> bool:
    """Whether a stranger's first letter waits there, or is to be fetched."""
    return bool(arrivals.at_door(db, limit=1)) or any(knocks.standing(db, state, limit=1) for state in knocks.AT_DOOR)


def outbox(db: Db, now: datetime) -> list[OutboxRow]:
    """Every journey, the last posted letter first."""
    return [replace(views.outbox_row(one), ask=asks(one.journey, now)) for one in out.listing(db)]


def written(db: Db) -> list[LetterView]:
    """Every draft, on the page or put away, the last begun first."""
    return [views.draft_view(drafts.load(db, line.number)) for line in drafts.list_all(db)]


def correspondence(db: Db, name: str) -> list[LetterView]:
    """Every letter to and from someone, oldest first. Raises `NotFound` (unknown_person)."""
    person = people.find(db, name).id
    found: list[LetterView] = []
    after: int | None = None
    while lines := letters.correspondence(db, person, after=after):
        found += [views.letter_view(db, line.number) for line in lines]
        after = lines[-1].number
    return found


def letter(db: Db, number: int) -> tuple[LetterView, tuple[Enclosure, ...]]:
    """A letter, ours or theirs, a draft, or a parcel that could not be opened. Raises `NotFound` (no_letter)."""
    try:
        view = views.letter_view(db, number)
    except NotFound:
        with suppress(NotFound):
            return views.draft_view(drafts.load(db, number)), drafts.whole(db, number).enclosures
        with suppress(NotFound):
            arrival = arrivals.arrival(db, number)
            left = arrival.state is arrivals.ArrivalState.IMPORTED and arrival.letter is None
            if left or arrival.state is arrivals.ArrivalState.UNREADABLE:
                return views.unreadable_view(arrival), ()
        raise
    return view, tuple(letters.enclosure(db, view.number, at) for at in range(len(view.enclosures)))


def letter_as_left(db: Db, number: int) -> LetterView:
    """The same without what is enclosed, in a closed drawer. Raises `TakesMore` where a signature is still to be looked
    at."""
    view, _enclosures = letter(db, number)
    if view.signature is Signed.UNKNOWN:
        raise TakesMore
    return view
