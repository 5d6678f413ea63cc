"""Bringing an older drawer's tables up to date, one numbered step at a time, and refusing a newer one (F45).

A step is a file `NNNN_name.sql`, or `NNNN_name.py` with a function `migrate(db)`, in `dearly.drawer.migrations`. Each
runs in one transaction together with the raising of `PRAGMA user_version`, so a drawer is always at a whole number;
before the first step an existing database is copied aside as `before-<version>.db`, encrypted with the same key.
A released step is never edited.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import apsw

from dearly.drawer.connection import APPLICATION_ID, DataKey, Db, connect_new, unguarded
from dearly.drawer.folder import beside, make_private_file, sync_file, sync_folder
from dearly.letter.errors import Damaged, MadeByNewer
from dearly.letter.failpoint import reach
from dearly.letter.words import _

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.(sql|py)\Z")


@dataclass(frozen=True, slots=True)
class Step:
    """One migration: what it is called, to which version it leads, and what it does inside its transaction."""

    number: int
    name: str
    run: Callable[[Db], None]


@cache
def steps() -> tuple[Step, ...]:
    """Every step there is, in order: 1, 2, 3, ... without a gap."""
    found = []
    for file in resources.files("dearly.drawer.migrations").iterdir():
        if matched := _NAME.match(file.name):
            number = int(matched[1])
            if matched[2] == "sql":
                found.append(Step(number, file.name, _sql(file.read_text(encoding="utf-8"))))
            else:
                module = importlib.import_module(f"dearly.drawer.migrations.{file.name.removesuffix('.py')}")
                found.append(Step(number, file.name, module.migrate))
    found.sort(key=lambda step: step.number)
    if [step.number for step in found] != list(range(1, len(found) + 1)):
        raise AssertionError(f"the migrations do not count up: {[step.name for step in found]}")
    return tuple(found)


def version(connection: apsw.Connection) -> int:
    """The schema version of a database (0 for an empty one), checked before anything is written.

    Raises `Damaged` (not_a_drawer) for a database that is not a drawer, `MadeByNewer` (drawer_newer) for one from a
    later version of the program."""
    number = int(Db(connection).value("PRAGMA user_version"))
    application = Db(connection).value("PRAGMA application_id")
    if application != APPLICATION_ID and (number or application or Db(connection).value("PRAGMA page_count") > 1):
        raise Damaged("not_a_drawer", _("This file is a database, but not a drawer of Dearly."))
    if number > len(steps()):
        raise MadeByNewer(
            "drawer_newer",
            _("This drawer was written by a newer version of Dearly (its tables are version {number}).").format(
                number=number
            ),
            _("Open it with that version, or a later one. Nothing was changed."),
        )
    return number


def migrate(connection: apsw.Connection, folder: Path, key: DataKey, *, vfs: str | None = None) -> int:
    """Run every step that the open database lacks; the version it has then.

    Raises what SQLite raises, and OSError: the database is then at the last whole step."""
    now = version(connection)
    todo = steps()[now:]
    if todo and now:
        copy_aside(connection, folder / f"before-{now}.db", key, vfs=vfs)
        reach("migrate.copied")
    for step in todo:
        _take(connection, step)
    return now + len(todo)


def copy_aside(connection: apsw.Connection, target: Path, key: DataKey, *, vfs: str | None = None) -> None:
    """A whole copy of the open database under another name, with the same key. Raises OSError, apsw.Error."""
    unfinished = beside(target, "unfinished")
    make_private_file(unfinished)
    try:
        copy = connect_new(unfinished, key, vfs=vfs)
        try:
            with copy.backup("main", connection, "main") as backup:
                backup.step(-1)
        finally:
            copy.close()
        sync_file(unfinished)
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _take(connection: apsw.Connection, step: Step) -> None:
    # Rebuilding a table that others refer to is possible only without these checks (SQLite, "ALTER TABLE", 7).
    unguarded(connection, "PRAGMA foreign_keys=OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        step.run(Db(connection))
        dangling = Db(connection).all("PRAGMA foreign_key_check")
        assert not dangling, f"{step.name} leaves references to nothing: {dangling[:5]}"
        unguarded(connection, f"PRAGMA application_id={APPLICATION_ID:d}", f"PRAGMA user_version={step.number:d}")
        reach("migrate.before-commit")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        unguarded(connection, "PRAGMA foreign_keys=ON")
    reach("migrate.after-commit")


def _sql(text: str) -> Callable[[Db], None]:
    return lambda db: db.script(text)
