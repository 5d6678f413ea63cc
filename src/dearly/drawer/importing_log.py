"""How far each archive was taken in, and the index made ready for many letters at once and tidied after them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime

from dearly.drawer.connection import Db
from dearly.drawer.rows import maybe, moment, stamp

_HASH = 32 << 20
"""Octets of words that are gathered in memory before they are written: more than one stack has."""

_MERGE_PAGES = 200
"""Pages that are written in one step of tidying: a step takes a few hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was met in an archive up to now. `found`: everything. `taken`: became letters. `already_here`, `not_letters`
    (left out, by what they are or because the person wished so). `failed`: kept without a letter, or not readable."""

    found: int = 0
    taken: int = 0
    already_here: int = 0
    not_letters: int = 0
    failed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(mine + more for mine, more in zip(astuple(self), astuple(other), strict=True)))


_COLUMNS = ", ".join(one.name for one in fields(Tally))


@dataclass(frozen=True, slots=True)
class Import:
    """One archive that was, or is being, taken in. `choices`: with what choices of the person's, as a digest.
    `cursor`: where to go on. `ended`: None while it has not."""

    id: int
    place: str
    format: str
    choices: str
    cursor: str
    begun: datetime
    ended: datetime | None
    tally: Tally

    def goes_on(self, choices: str) -> bool:
        """Whether it was stopped on its way, and goes on from there with these choices."""
        return self.ended is None and bool(self.cursor) and self.choices == choices


def begin(db: Db, source: bytes, place: str, format_: str, choices: str, now: datetime) -> Import:
    """Begin with this archive, or go on with it. One that came to its end is begun anew, and one that goes on with
    other choices: what was left out by the old ones is looked at again, and what is here is not taken twice. `source`:
    32 octets."""
    before = find(db, source)
    if before is not None and before.goes_on(choices):
        return before
    db.run(
        "INSERT INTO imports (source, place, format, choices, cursor, begun) VALUES (?, ?, ?, ?, '', ?)"
        " ON CONFLICT (source) DO UPDATE SET place = excluded.place, format = excluded.format,"
        " choices = excluded.choices, cursor = '', begun = excluded.begun, ended = NULL, found = 0, taken = 0,"
        " already_here = 0, not_letters = 0, failed = 0",
        (source, place, format_, choices, stamp(now)),
    )
    begun = find(db, source)
    assert begun is not None
    return begun


def find(db: Db, source: bytes) -> Import | None:
    """What is known of this archive."""
    row = db.one(
        f"SELECT id, place, format, choices, cursor, begun, ended, {_COLUMNS} FROM imports WHERE source = ?",  # noqa: S608  constants
        (source,),
    )
    if row is None:
        return None
    number, place, format_, choices, cursor, begun, ended, *counts = row
    return Import(number, place, format_, choices, cursor, moment(begun), maybe(ended), Tally(*counts))


def met(db: Db, source: bytes, reasons: Collection[str], version: str) -> dict[bytes, str]:
    """Marks of files of this archive that need not be read again: with "" where the file's octets are here, else the
    reason (one of `reasons`) for which this `version` left it out."""
    rows = db.each(
        "SELECT f.mark, coalesce(f.left_out, '') FROM import_files f JOIN imports i ON i.id = f.import"
        " LEFT JOIN arrivals a ON a.number = f.arrival WHERE i.source = ?1 AND (a.number IS NOT NULL"
        " OR (f.version = ?2 AND f.left_out IN (SELECT value FROM json_each(?3)))) ORDER BY f.id",
        (source, version, json.dumps(sorted(reasons))),
    )
    return dict(rows)


def remember(
    db: Db,
    one: Import,
    kept: Iterable[tuple[bytes, bytes]],
    left_out: Iterable[tuple[bytes, str]],
    version: str,
) -> None:
    """Note what became of files: `kept` by mark and digest, where these octets are here by now, `left_out` by mark and
    reason. What is erased here is forgotten with it."""
    db.many(
        "INSERT INTO import_files (import, mark, arrival) SELECT ?, ?, number FROM arrivals WHERE raw_sha256 = ?",
        [(one.id, mark, digest) for mark, digest in kept],
    )
    db.many(
        "INSERT INTO import_files (import, mark, left_out, version) VALUES (?, ?, ?, ?)",
        [(one.id, mark, reason, version) for mark, reason in left_out],
    )


def advance(db: Db, one: Import, cursor: str, more: Tally) -> Import:
    """Note how far it is, in the transaction that takes in what lies before `cursor`."""
    on = replace(one, cursor=cursor, tally=one.tally + more)
    db.run(
        "UPDATE imports SET cursor = ?, found = ?, taken = ?, already_here = ?, not_letters = ?, failed = ?"
        " WHERE id = ?",
        (cursor, *astuple(on.tally), on.id),
    )
    return on


def end(db: Db, one: Import, now: datetime) -> None:
    """It came to its end."""
    db.run("UPDATE imports SET ended = ? WHERE id = ?", (stamp(now), one.id))


def prepare(db: Db) -> None:
    """Let the index of words take many letters: its parts are joined more rarely, and `tidy` joins them in the end.
    A process that dies before that leaves an index that is whole, only in more parts."""
    for setting, value in (("hashsize", _HASH), ("crisismerge", 64), ("automerge", 16)):
        db.run("INSERT INTO search (search, rank) VALUES (?, ?)", (setting, value))


def tidy(db: Db) -> bool:
    """One step of joining the parts of the index; whether there is more to do. Afterwards it is as it was before
    `prepare`."""
    for setting, value in (("automerge", 4), ("crisismerge", 16)):
        db.run("INSERT INTO search (search, rank) VALUES (?, ?)", (setting, value))
    # FTS5: a step that had nothing to join changes fewer than two rows.
    return db.run("INSERT INTO search (search, rank) VALUES ('merge', ?)", (_MERGE_PAGES,)) >= 2
