"""Originals of archives of which no letter was made: sealed ones, and what could not be read. They are kept as they
are, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dearly.drawer.connection import Db
from dearly.drawer.rows import moment, sound


@dataclass(frozen=True, slots=True)
class Left:
    """An original that no letter was made of: kept byte for byte. `sender`: as its outside claims, "" for nobody.
    `place`: of the archive. `sealed`: it may be opened when its key is given."""

    number: int
    sender: str
    place: str
    taken: datetime
    reason: str
    sealed: bool
    size: int


def left(db: Db, place: str | None = None, limit: int = 1000, before: int | None = None) -> list[Left]:
    """What was kept without a letter, the last first; of one archive by its `place`, or of all. `before`: only what has
    a lower number."""
    return [
        Left(number, name or address, at, moment(arrived), reason, seal is not None, size)
        for number, name, address, at, arrived, reason, seal, size in db.each(
            "SELECT a.number, a.from_name, a.from_address, a.place, a.arrived, a.reason, a.seal, o.size"
            " FROM arrivals a INDEXED BY arrivals_left JOIN objects o ON o.id = a.object_id"
            " WHERE a.state = 'imported' AND a.letter IS NULL AND a.place = coalesce(?, a.place) AND a.number < ?"
            " ORDER BY a.number DESC LIMIT ?",
            (None if place is None else sound(place), (1 << 62) if before is None else before, limit),
        )
    ]


def kept_sealed(db: Db, after: int, limit: int = 50) -> list[int]:
    """Numbers of imported originals that were sealed and could not be opened, beyond this one."""
    return [
        number
        for (number,) in db.each(
            "SELECT number FROM arrivals INDEXED BY arrivals_left"
            " WHERE state = 'imported' AND letter IS NULL AND seal IS NOT NULL AND number > ? ORDER BY number LIMIT ?",
            (after, limit),
        )
    ]
