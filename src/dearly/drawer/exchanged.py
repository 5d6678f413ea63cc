"""How letters went to and fro with someone: the facts of a correspondence, counted from the letters themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dearly.drawer.connection import Db, Row
from dearly.drawer.rows import written_at


@dataclass(frozen=True, slots=True)
class Exchange:
    """One letter of a correspondence. `ours`: it went from us. `date`: when it was written, as it says, but never later
    than when it was filed here; with the writer's offset."""

    number: int
    date: datetime
    ours: bool


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What was exchanged with someone. `first`: None where nothing was. `lately`: the last 200, oldest first."""

    first: Exchange | None
    lately: tuple[Exchange, ...]


_LATELY = 200
_LETTER = (
    "SELECT l.number, min(l.date, l.filed), l.date_offset, l.direction"
    " FROM correspondences c JOIN letters l ON l.number = c.letter WHERE c.person_id = ? ORDER BY c.sort_key "
)


def exchanged(db: Db, person: int) -> Exchanged:
    """The letters with this person (id)."""
    first = db.all(_LETTER + "LIMIT 1", (person,))
    lately = db.all(_LETTER + "DESC LIMIT ?", (person, _LATELY))
    return Exchanged(_read(first[0]) if first else None, tuple(_read(row) for row in reversed(lately)))


def _read(row: Row) -> Exchange:
    number, date, offset, direction = row
    return Exchange(number, written_at(date, offset), direction == "out")
