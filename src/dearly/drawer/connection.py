"""One connection to the encrypted database: opened with the raw key, pragmas set, ATTACH forbidden.

Everything above works with `Db`, a thin face of the cursor: SQL reads as SQL, rows are plain tuples. What SQLite has
to say in errors stays below: `translate` turns it into the errors of the family, and `Drawer.read` and `Drawer.write`
are the border at which that happens.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NewType

import apsw

from dearly.drawer.authorizer import permit
from dearly.letter.errors import Damaged, DearlyError, InUse, NoSpace
from dearly.letter.words import _

DataKey = NewType("DataKey", bytes)
"""The 256-bit key of the database file. It is nowhere but in memory, in the slots (wrapped) and in the printed kit."""

Row = tuple[Any, ...]
Value = str | bytes | int | float | None
Args = Sequence[Value] | Mapping[str, Value]

CIPHER = "chacha20"
"""ChaCha20-Poly1305 for each page, SQLite3MC's own default; named in the slots' authenticated header."""

APPLICATION_ID = 0x64656172
"""`PRAGMA application_id` of a drawer: "dear"."""

BUSY_MS = 5000

READING_KIB = 8000
"""What a reading connection keeps in memory of the file. A page that is not there is read and deciphered anew, and one
search for several common words of 100,000 letters looks at more of them than SQLite keeps by itself (2,000 KiB)."""

STATEMENTS = 250
"""How many compiled statements each connection keeps: about as many as the drawer has."""


class Db:
    """What a unit of work may do: run SQL. Valid only inside the function that it was given to.

    Arguments are positional (`?`) or named (`:name`, with a mapping). Values are int, float, str, bytes or None.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def one(self, sql: str, args: Args = ()) -> Row | None:
        """The first row, or None."""
        return next(self.each(sql, args), None)

    def value(self, sql: str, args: Args = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.one(sql, args)
        return None if row is None else row[0]

    def all(self, sql: str, args: Args = ()) -> list[Row]:
        """Every row."""
        return list(self.each(sql, args))

    def each(self, sql: str, args: Args = ()) -> Iterator[Row]:
        """The rows one by one, for results that should not be in memory at once."""
        return iter(self._connection.execute(sql, args))

    def run(self, sql: str, args: Args = ()) -> int:
        """Run one statement that changes rows; how many rows it changed."""
        before = self._connection.total_changes()
        for _row in self._connection.execute(sql, args):
            pass
        return self._connection.total_changes() - before

    def many(self, sql: str, rows: Iterable[Args]) -> None:
        """Run one statement for each set of arguments."""
        self._connection.executemany(sql, rows)

    def script(self, sql: str) -> None:
        """Run several statements without arguments, one after the other."""
        for _row in self._connection.execute(sql):
            pass

    def insert(self, sql: str, args: Args = ()) -> int:
        """Run one INSERT; the integer primary key of the new row."""
        self.run(sql, args)
        return self._connection.last_insert_rowid()


def connect(
    path: Path, key: DataKey, *, write: bool, vfs: str | None = None, immutable: bool = False
) -> apsw.Connection:
    """A connection to an existing file (it may be empty), keyed and set up, not yet read from.

    `write` False opens it read-only; `immutable` says that nobody can be writing (a read-only medium), so that no
    -shm file is needed. `vfs`: name of a file layer to go through, for tests that inject faults. Raises what SQLite
    raises; `translate` makes it fit to leave the room.
    """
    flags = apsw.SQLITE_OPEN_READWRITE if write else apsw.SQLITE_OPEN_READONLY
    name = str(path)
    if immutable:
        name = path.absolute().as_uri() + "?immutable=1"
        flags |= apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(name, flags=flags, vfs=vfs, statementcachesize=STATEMENTS)
    try:
        connection.pragma("cipher", CIPHER)
        # The raw form: 64 hexadecimal digits taken as the key itself, no derivation (0.2 ms instead of 50).
        connection.execute(f"PRAGMA key='raw:{key.hex()}'")
        connection.set_busy_timeout(BUSY_MS)
        for pragma in (
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
            "mmap_size=0",
            "cell_size_check=ON",
            "trusted_schema=OFF",
            "synchronous=FULL",
            "fullfsync=ON",
            "checkpoint_fullfsync=ON",
            *(() if write else (f"cache_size={-READING_KIB}",)),
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        # Plans do not depend on the values bound. Otherwise a statement is compiled anew whenever a value changes,
        # which for most of ours took longer than running it.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
        connection.set_authorizer(permit)
    except BaseException:
        connection.close()
        raise
    return connection


def unguarded(connection: apsw.Connection, *statements: str) -> None:
    """Run what the authorizer forbids everyone else: for the few places that own such a setting."""
    connection.set_authorizer(None)
    try:
        for statement in statements:
            connection.execute(statement)
    finally:
        connection.set_authorizer(permit)


def connect_new(path: Path, key: DataKey, *, vfs: str | None = None) -> apsw.Connection:
    """A connection that fills a new private file at `path`, which is of no use until it is full: no journal on disk.

    Whoever calls this removes the file when it does not come to its end, and syncs it when it does."""
    connection = connect(path, key, write=True, vfs=vfs)
    unguarded(connection, "PRAGMA journal_mode=MEMORY")
    return connection


def translate(error: BaseException) -> DearlyError:
    """The error of the family for what SQLite raised."""
    if isinstance(error, DearlyError):
        return error
    number = getattr(error, "extendedresult", None) or getattr(error, "errno", None) or 0
    if isinstance(error, apsw.FullError) or (
        isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    ):
        return NoSpace(
            "disk_full",
            _("The disk is full: nothing of this was stored, and nothing else was lost."),
            _("Make room on the disk, then do it again."),
            retry=True,
        )
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError | PermissionError):
        return read_only()
    if isinstance(error, apsw.CantOpenError):
        return Damaged(
            "cannot_open",
            _("The drawer's file cannot be opened."),
            _("Look whether it is still there, and whether it is yours."),
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Damaged(
            "drawer_damaged",
            _("A part of the drawer's file is damaged: its bytes are not as they were written."),
            _("“dearly check” names what is damaged; a backup has it whole."),
        )
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return InUse(
            "drawer_in_use",
            _("Another program holds the drawer's file."),
            _("Close it there, or wait a moment."),
            retry=True,
        )
    if isinstance(error, apsw.IOError | OSError):
        return Damaged(
            "disk_trouble",
            _("The disk did not do what was asked of it (error {number}).").format(number=number),
            _("Copy the drawer to another disk before anything else, then open it there."),
        )
    return DearlyError(
        "drawer_trouble",
        _("Something in Dearly went wrong with the drawer ({kind}).").format(kind=type(error).__name__),
        _("Nothing of this was stored. Please report it."),
    )


def read_only() -> NoSpace:
    """The error for any change asked of a drawer that may only be read."""
    return NoSpace(
        "read_only",
        _("The drawer's folder may only be read here, so nothing can be stored."),
        _("Make the folder writable, or copy the drawer to another place."),
    )
