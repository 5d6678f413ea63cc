"""The SQLite store one transaction at a time, for moving it (`moving.Place`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from dearly.office.db import Db, connect, trouble
from dearly.office.limits import DEFAULT
from dearly.office.shelf_moving import MovableSqliteShelf
from dearly.office.sqlite_file import FILE


class SqlitePlace:
    """See `moving.Place`."""

    def __init__(self, folder: Path) -> None:
        self._reads = connect(folder / FILE, writes=False)
        self._writes = connect(folder / FILE, writes=True)
        (self._domain,) = self._reads.one("SELECT value FROM facts WHERE name = 'domain'")

    @contextmanager
    def looking(self) -> Iterator[MovableSqliteShelf]:
        with self._transaction(self._reads, "BEGIN") as shelf:
            yield shelf

    @contextmanager
    def writing(self) -> Iterator[MovableSqliteShelf]:
        with self._transaction(self._writes, "BEGIN IMMEDIATE") as shelf:
            yield shelf

    @contextmanager
    def _transaction(self, db: Db, begin: str) -> Iterator[MovableSqliteShelf]:
        try:
            db.execute(begin)
            try:
                shelf = MovableSqliteShelf(db, DEFAULT, self._domain)
                yield shelf
                shelf.flush()
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        except apsw.Error as e:
            raise trouble(e) from None

    def close(self) -> None:
        self._reads.close()
        self._writes.close()
