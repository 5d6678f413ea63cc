"""Who belongs to which letter: joining what is already in the drawer to a person who has an address in the book now.

A letter to several persons lies in the correspondence of each; a letter from someone only in the writer's.
"""

from __future__ import annotations

from datetime import datetime

from dearly.drawer import knocks
from dearly.drawer.connection import Db


def adopt(db: Db, person: int, address_key: str, now: datetime) -> None:
    """Everything that names this address, and nobody in the book, is this person's from now on.

    What waited at the door from there has come from someone known, so it comes in."""
    letters = db.all(
        "SELECT DISTINCT letter FROM parties WHERE address_key = ? AND person_id IS NULL",
        (address_key,),
    )
    for table in ("parties", "draft_recipients", "journeys"):
        db.run(
            f"UPDATE {table} SET person_id = ? WHERE address_key = ? AND person_id IS NULL",  # noqa: S608  a constant
            (person, address_key),
        )
    db.run(
        "UPDATE arrivals SET person_id = ?, at_door = 0"
        " WHERE from_key = ? AND person_id IS NULL AND state <> 'refused'",
        (person, address_key),
    )
    knocks.let_in(db, address_key, now, refused=False)
    for (letter,) in letters:
        enter(db, letter)


def enter(db: Db, letter: int) -> None:
    """Put a letter into the correspondence of everybody in the book whom it was written to or came from."""
    db.run(
        "INSERT OR IGNORE INTO correspondences (person_id, sort_key, letter)"
        " SELECT p.person_id, l.sort_key, l.number FROM parties p JOIN letters l ON l.number = p.letter"
        " WHERE p.letter = ? AND p.person_id IS NOT NULL AND (l.direction = 'out') = (p.role <> 'from')",
        (letter,),
    )
