"""How letters went to and fro with someone: the facts of a correspondence, counted from the letters themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dearly.drawer.connection import Db
from dearly.drawer.rows import stamp, written_at


@dataclass(frozen=True, slots=True)
class Exchange:
    """One letter of a correspondence. `ours`: it went from us. `date` carries the writer's offset."""

    number: int
    date: datetime
    ours: bool


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What was exchanged with someone. `first`, `last`: None where nothing was. `lately`: the letters since a day that
    was asked for, oldest first, at most 200."""

    first: Exchange | None
    last: Exchange | None
    lately: tuple[Exchange, ...]


_LETTER = (
    "SELECT l.number, l.date, l.date_offset, l.direction FROM correspondences c JOIN letters l ON l.number = c.letter"
    " WHERE c.person_id = ? "
)
_DAY = 20
"""Bits below the day in a sort key (`letters`)."""


def exchanged(db: Db, person: int, since: datetime) -> Exchanged:
    """The letters with this person (id)."""
    first = db.one(_LETTER + "ORDER BY c.sort_key LIMIT 1", (person,))
    last = db.one(_LETTER + "ORDER BY c.sort_key DESC LIMIT 1", (person,))
    from_day = stamp(since) // 86_400 << _DAY
    lately = db.all(_LETTER + "AND c.sort_key >= ? ORDER BY c.sort_key DESC LIMIT 200", (person, from_day))
    return Exchanged(_read(first), _read(last), tuple(one for row in reversed(lately) if (one := _read(row))))


def _read(row: tuple[int, int, int, str] | None) -> Exchange | None:
    return None if row is None else Exchange(row[0], written_at(row[1], row[2]), row[3] == "out")
