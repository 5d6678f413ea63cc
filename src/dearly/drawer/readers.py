"""What letters that were exchanged tell of somebody: by which program they write, and whether they can have our key."""

from __future__ import annotations

from dearly.drawer.connection import Db
from dearly.letter.content import LetterId


def writes_with_dearly(db: Db, person: int) -> bool:
    """Whether the newest of their letters whose seal proves them was written with Dearly: its text is in our format."""
    found = db.value(
        "SELECT l.commonmark FROM correspondences c JOIN letters l ON l.number = c.letter"
        " WHERE c.person_id = ? AND l.direction = 'in'"
        " AND l.seal IN ('signed_first_seen', 'signed_pinned', 'signed_verified') ORDER BY c.sort_key DESC LIMIT 1",
        (person,),
    )
    return bool(found)


def has_our_key(db: Db, person: int, besides: LetterId) -> bool:
    """Whether they can have our key: they sealed a letter to it, or a letter of ours but this one brought it."""
    found = db.one(
        "SELECT 1 FROM correspondences c JOIN letters l ON l.number = c.letter WHERE c.person_id = ?"
        " AND iif(l.direction = 'out', l.letter_id <> ?, l.seal <> 'never_sealed') LIMIT 1",
        (person, besides),
    )
    return found is not None
