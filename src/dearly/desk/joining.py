"""Act 11: two entries of the address book that may be one person. Proposed, decided by the person, never by itself."""

from __future__ import annotations

from dataclasses import dataclass

from dearly.desk.desk import Desk
from dearly.desk.values import PersonView
from dearly.desk.views_people import person_view
from dearly.drawer import joining, people
from dearly.drawer.connection import Db


@dataclass(frozen=True, slots=True)
class Alike:
    """Two entries that may be one person. `keep`: the one whose name would stay, for `people.merge(keep, other)`."""

    keep: PersonView
    other: PersonView


async def alike(desk: Desk) -> list[Alike]:
    """Who may be in the address book twice."""

    def work(db: Db) -> list[Alike]:
        return [Alike(person_view(db, one.keep), person_view(db, one.other)) for one in joining.alike(db)]

    return await desk.drawer.read(work)


async def keep_apart(desk: Desk, one: str, other: str) -> None:
    """Two entries are two people; it is not proposed again. Raises `NotFound` (unknown_person, ambiguous_person),
    `Refused` (same_person)."""
    now = desk.clock.now()
    await desk.drawer.write(lambda db: joining.keep_apart(db, people.find(db, one).id, people.find(db, other).id, now))
