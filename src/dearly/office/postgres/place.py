"""The store in PostgreSQL one transaction at a time, for moving it (`moving.Place`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection

from dearly.office.limits import DEFAULT
from dearly.office.postgres.moving import MovablePostgresShelf
from dearly.office.postgres.sessions import one_connection, trouble


class PostgresPlace:
    """See `moving.Place`."""

    def __init__(self, url: str) -> None:
        self._reads, self._writes = one_connection(url), one_connection(url)
        for db in (self._reads, self._writes):
            # A view is held for as long as a pass takes, which nobody waits for; and filling waits for the other store.
            db.execute("SET idle_in_transaction_session_timeout = 0")
        row = self._reads.execute("SELECT value FROM facts WHERE name = 'domain'").fetchone()
        self._domain: str = row[0] if row else ""

    @contextmanager
    def looking(self) -> Iterator[MovablePostgresShelf]:
        with self._transaction(self._reads, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", writes=False) as shelf:
            yield shelf

    @contextmanager
    def writing(self) -> Iterator[MovablePostgresShelf]:
        with self._transaction(self._writes, "BEGIN", writes=True) as shelf:
            yield shelf

    @contextmanager
    def _transaction(self, db: Connection[Any], begin: str, *, writes: bool) -> Iterator[MovablePostgresShelf]:
        try:
            try:
                with db.pipeline():
                    db.execute(begin)
                    shelf = MovablePostgresShelf(db, DEFAULT, self._domain, writes=writes)
                    yield shelf
                    shelf.flush()
                db.execute("COMMIT")
            except BaseException:
                db.rollback()
                raise
        except psycopg.Error as e:
            raise trouble(e) from None

    def close(self) -> None:
        self._reads.close()
        self._writes.close()
