"""Which rows of a damaged database can still be read, and which cannot (F19).

SQLite stops at the first page whose MAC does not fit. So a damaged table is walked row by row, and where the next row
cannot be reached the walk searches for the nearest one behind the damage. Only needed when `PRAGMA integrity_check`
is not content; a whole database is never walked like this. Never inside a transaction: after the first damaged page
SQLite refuses every other page until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import apsw

from dearly.drawer.connection import Db, Row

_FAR = 1 << 40
_LOST = (apsw.CorruptError, apsw.NotADBError, apsw.IOError)


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows of a table that cannot be read: from `first` to `last`, both included (not all of them need have existed).

    Of a table without row numbers nothing is known but that there is a gap: both are 0."""

    table: str
    first: int
    last: int


def tables(db: Db) -> list[tuple[str, bool]]:
    """Names of the tables, and whether each has row numbers. Raises apsw.Error when the list itself is damaged."""
    listed = db.all("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name")
    return [(name, not without) for name, without in listed if name not in ("sqlite_schema", "sqlite_stat1")]


def walk(db: Db, table: str, numbered: bool) -> Iterator[Row | Gap]:
    """Every readable row of a table (its number first, then its columns), and every gap between them."""
    if numbered:
        yield from _walk_numbered(db, table)
    else:
        yield from _walk_by_key(db, table)


def _walk_numbered(db: Db, table: str) -> Iterator[Row | Gap]:
    end = _last(db, table)
    number: int | None = 0
    while number is not None:
        try:
            found = _from(db, table, number)
        except _LOST:
            found = _behind(db, table, number, end)
            yield Gap(table, number, end if found is None else found - 1)
        if found is not None:
            try:
                row = db.one(_on(table, "SELECT rowid, * FROM % NOT INDEXED WHERE rowid = ?"), (found,))
            except _LOST:
                # The row is there, but a page on which the rest of it lies is damaged.
                yield Gap(table, found, found)
            else:
                assert row is not None
                yield row
        number = None if found is None else found + 1


def _from(db: Db, table: str, number: int) -> int | None:
    """The first row number from `number` on. Raises one of _LOST when the page that would tell is damaged."""
    found = db.value(_on(table, "SELECT rowid FROM % NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT 1"), (number,))
    return None if found is None else int(found)


def _reaches(db: Db, table: str, number: int) -> bool:
    try:
        _from(db, table, number)
    except _LOST:
        return False
    return True


def _last(db: Db, table: str) -> int:
    """The highest row number, or one that is surely higher, when that row cannot be reached."""
    try:
        return int(db.value(_on(table, "SELECT max(rowid) FROM % NOT INDEXED")) or 0)
    except _LOST:
        return _FAR


def _behind(db: Db, table: str, number: int, end: int) -> int | None:
    """The first row behind the damage that begins at `number`, or None: doubling steps, then halving ones."""
    step = 1
    while not _reaches(db, table, number + step):
        if number + step > end:
            return None
        step *= 2
    low, high = number + step // 2, number + step
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _reaches(db, table, middle) else (middle, high)
    return _from(db, table, high)


def _walk_by_key(db: Db, table: str) -> Iterator[Row | Gap]:
    """From the start to the damage, and from the end back to it: what lies between two damaged pages is not found."""
    key = db.all("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,))
    seen: set[Row] = set()
    for way in ("ASC", "DESC"):
        ordered = ", ".join(f"{quoted(name)} {way}" for (name,) in key)
        try:
            for row in db.each(_on(table, "SELECT 0, * FROM % ORDER BY ") + ordered):
                if row not in seen:
                    seen.add(row)
                    yield row
            return
        except _LOST:
            if way == "ASC":
                yield Gap(table, 0, 0)


def _on(table: str, sql: str) -> str:
    return sql.replace("%", quoted(table))


def quoted(name: str) -> str:
    """A name as it may stand in SQL."""
    return '"' + name.replace('"', '""') + '"'
