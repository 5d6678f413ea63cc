"""Writing a damaged drawer anew: everything that can still be read goes into a fresh file; the old one is kept aside.

Damage in an index or in free pages costs nothing so. Damage in a table costs the rows on that page; `check` said
which letters those belong to. The damaged file stays as `drawer.damaged-<n>.db` beside the new one, with the same key.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import apsw

from dearly.drawer import slots as keys
from dearly.drawer.check import Finding, damaged_rows
from dearly.drawer.connection import DataKey, Db, connect_new, read_only, translate, unguarded
from dearly.drawer.folder import DATABASE, beside, make_private_file, sync_file, sync_folder
from dearly.drawer.lock import Left
from dearly.drawer.migrate import steps
from dearly.drawer.opening import open_folder
from dearly.drawer.passphrase import prepare
from dearly.drawer.settings import UID
from dearly.drawer.slotfiles import read_copies
from dearly.drawer.survey import Gap, quoted, tables, walk
from dearly.letter.errors import Damaged
from dearly.letter.words import _


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What salvage came to. `rows`: carried over; `lost`: as `check` names it; `kept`: the damaged file."""

    rows: int
    lost: tuple[Finding, ...]
    kept: Path


async def salvage(folder: Path, passphrase: str, state: Path | None = None) -> Salvaged:
    """Write the (locked) drawer in `folder` anew. Raises as `Drawer.open`, and `Damaged` (beyond_repair)."""
    return await asyncio.to_thread(_salvage, folder, prepare(passphrase), state)


def _salvage(folder: Path, passphrase: bytes, state: Path | None) -> Salvaged:
    opened = open_folder(folder, lambda place: keys.unlock(read_copies(place), passphrase), state=state)
    folder = opened.store.folder
    fresh = beside(folder / DATABASE, "salvaging")
    try:
        try:
            if not opened.writable:
                raise read_only()
            lost = opened.store.whole(lambda source: tuple(damaged_rows(Db(source))))
            rows = opened.store.whole(lambda source: _carry(source, fresh, opened.store.key, opened.uid))
        finally:
            opened.store.close(lambda: opened.lock.mark(Left.CLOSED))
        kept = _set_aside(folder)
        fresh.replace(folder / DATABASE)
        sync_folder(folder)
        opened.lock.mark(Left.CLOSED)
    except (apsw.Error, OSError) as error:
        raise translate(error) from error
    finally:
        fresh.unlink(missing_ok=True)
        opened.lock.release()
    return Salvaged(rows, lost, kept)


def _set_aside(folder: Path) -> Path:
    """Give the damaged file a second name, so that at no moment there is no drawer.db."""
    number = 1
    while (folder / f"drawer.damaged-{number}.db").exists():
        number += 1
    kept = folder / f"drawer.damaged-{number}.db"
    kept.hardlink_to(folder / DATABASE)
    return kept


def _carry(source: apsw.Connection, target: Path, key: DataKey, uid: str) -> int:
    make_private_file(target)
    copy = connect_new(target, key)
    try:
        old, new = Db(source), Db(copy)
        version = int(old.value("PRAGMA user_version"))
        unguarded(copy, "PRAGMA foreign_keys=OFF")
        with copy:
            for step in steps()[:version]:
                step.run(new)
            rows = sum(_carry_table(old, new, table, numbered) for table, numbered in _sequence_last(tables(old)))
            new.run("UPDATE letters SET indexer_version = 0")  # the index of words is made anew, not carried over
            new.run("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (UID, uid))
            unguarded(copy, f"PRAGMA user_version={version:d}")
            unguarded(copy, f"PRAGMA application_id={int(old.value('PRAGMA application_id')):d}")
        if not rows:
            raise Damaged(
                "beyond_repair",
                _("Nothing in this drawer can be read any more."),
                _("Restore the drawer from a backup."),
            )
    finally:
        copy.close()
    sync_file(target)
    return rows


def _sequence_last(found: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    return sorted(found, key=lambda table: table[0] == "sqlite_sequence")


def _carry_table(old: Db, new: Db, table: str, numbered: bool) -> int:
    columns = [name for (name,) in new.all("SELECT name FROM pragma_table_info(?)", (table,))]
    if not columns:
        return 0
    # The sequence of AUTOINCREMENT has a row for each table already, made while the tables were filled.
    if table == "sqlite_sequence":
        new.run("DELETE FROM sqlite_sequence")
    names, marks = ", ".join(map(quoted, columns)), ", ".join("?" * len(columns))
    insert = " ".join(("INSERT INTO", quoted(table), "(", names, ") VALUES (", marks, ")"))
    count = 0
    for found in walk(old, table, numbered):
        if not isinstance(found, Gap):
            # The first value is the row's number; where it means something it is one of the columns as well.
            new.run(insert, found[1 : len(columns) + 1])
            count += 1
    return count
