"""Leafing through a correspondence: what lies before and after a letter, and what is kept for later."""

from __future__ import annotations

from dataclasses import dataclass

from dearly.drawer.connection import Db


@dataclass(frozen=True, slots=True)
class Place:
    """Where a letter lies in a correspondence. `which`: counted from 1, oldest first. `before`, `after`: numbers."""

    which: int
    before: int | None
    after: int | None


def place(db: Db, person: int, number: int) -> Place | None:
    """Where this letter lies in the correspondence with this person; None where it does not."""
    key = db.value("SELECT sort_key FROM correspondences WHERE person_id = ? AND letter = ?", (person, number))
    if key is None:
        return None
    which = db.value("SELECT count(*) FROM correspondences WHERE person_id = ? AND sort_key <= ?", (person, key))
    before = db.value(
        "SELECT letter FROM correspondences WHERE person_id = ? AND sort_key < ? ORDER BY sort_key DESC LIMIT 1",
        (person, key),
    )
    after = db.value(
        "SELECT letter FROM correspondences WHERE person_id = ? AND sort_key > ? ORDER BY sort_key LIMIT 1",
        (person, key),
    )
    return Place(int(which), before, after)


def for_later(db: Db, limit: int = 50) -> list[int]:
    """Numbers of the letters that are to be answered later, the oldest first."""
    return [
        n for (n,) in db.each("SELECT number FROM letters WHERE reply = 'later' ORDER BY sort_key LIMIT ?", (limit,))
    ]
