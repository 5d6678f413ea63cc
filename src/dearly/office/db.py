"""One connection to the SQLite store's file, and what SQLite's errors mean to an office.

It is plain SQLite, which any SQLite reads: what lies in it is sealed already, and who wrote to whom the office has to
know. The driver is the drawer's: one process never has one file open through two libraries (closing it in one would
take the other's locks away), and the tests can put a failing disk under both.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw

from dearly.letter.errors import Damaged, DearlyError, NoSpace
from dearly.letter.words import _

log = logging.getLogger("dearly.office")

_BUSY_MS = 10_000

Row = tuple[Any, ...]


class Db(apsw.Connection):
    """A connection, with short ways to ask it. Arguments are values for `?`, or for `?1`, `?2`."""

    def one(self, sql: str, args: Row = ()) -> Any:
        """The first row, or None."""
        return self.execute(sql, args).fetchone()

    def all(self, sql: str, args: Row = ()) -> list[Row]:
        """Every row."""
        return self.execute(sql, args).fetchall()

    def run(self, sql: str, args: Row = ()) -> int:
        """Run a statement that changes rows; how many it changed."""
        self.execute(sql, args)
        return self.changes()

    def close(self, force: bool = False) -> None:
        """Let go of the file. The last connection folds the log into it and takes the log away; where that fails,
        the log stays and the next opening reads it."""
        with suppress(apsw.Error):
            super().close(force)


def connect(path: Path, *, writes: bool) -> Db:
    """A connection as this store wants it: what is committed is on the disk.

    Raises what SQLite raises; `trouble` makes it fit to be told."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    db = Db(str(path), flags=flags, statementcachesize=256)
    try:
        db.set_busy_timeout(_BUSY_MS)
        for pragma in (
            "synchronous = FULL",
            "fullfsync = ON",
            "checkpoint_fullfsync = ON",
            "cache_size = -16000",
            "journal_size_limit = 67108864",
            "foreign_keys = OFF",
            f"query_only = {'OFF' if writes else 'ON'}",
        ):
            db.execute(f"PRAGMA {pragma}")
        # Plans do not depend on the values bound: otherwise a statement may be compiled anew whenever a value changes.
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    except BaseException:
        db.close()
        raise
    return db


def trouble(error: Exception) -> DearlyError:
    """An error of SQLite's as one of ours."""
    code = getattr(error, "extendedresult", 0)
    name = apsw.mapping_extended_result_codes.get(code) or type(error).__name__
    log.error(json.dumps({"event": "trouble", "kind": str(name), "where": "store"}))
    if isinstance(error, apsw.FullError):
        return NoSpace("no_space", _("The office's disk is full."), _("Nothing was taken in; make room."), retry=True)
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return NoSpace("busy", _("The office's store is busy."), _("Try again in a moment."), retry=True)
    return Damaged("store_failed", _("The office's store could not be written or read."), _("Look at its disk."))
