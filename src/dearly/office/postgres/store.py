"""The store in a PostgreSQL database, which several nodes may use at the same time.

What is acknowledged is committed, and committed is on the disk (`synchronous_commit`, see `sessions`). Each node has a
few writers; each takes all writes that wait when it comes round into one transaction. A transaction locks the accounts
it writes for, in one order, so nodes wait for each other only where they write for the same person. Statements are sent
without waiting for each one's answer (libpq's pipeline).
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg
from psycopg import Connection

from dearly.letter.clock import Chance
from dearly.letter.errors import Damaged, DearlyError, MadeByNewer, NotFound, Refused
from dearly.letter.failpoint import reach
from dearly.letter.words import _
from dearly.office.limits import DEFAULT, Limits
from dearly.office.postgres.people import HOLDER, holder
from dearly.office.postgres.schema import SCHEMA, STEPS, VERSION, number_of
from dearly.office.postgres.sessions import PATIENCE, again, lost, one_connection, pool, trouble
from dearly.office.postgres.shelf import PostgresShelf
from dearly.office.store import Account, Shelf, Store
from dearly.office.waiting import Job, check_facts, moving, settle

T = TypeVar("T")

_WRITERS, _READERS = 3, 6
_GROUP = 64
_TRIES = 9

_Results = list[tuple[bool, Any]]


class _Unclear(Exception):
    """The connection ended while a COMMIT was under way: nobody knows what became of it."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__()
        self.error = error


class PostgresStore(Store):
    """See `store.Store`. Make one with `create` or `open`."""

    def __init__(self, url: str, domain: str, limits: Limits) -> None:
        self._limits, self._domain = limits, domain
        self._pool = pool(url, _WRITERS + _READERS + 1)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closed = False
        self._readers = ThreadPoolExecutor(_READERS, "office-reader")
        self._writers = [
            threading.Thread(target=self._write_on, name=f"office-writer-{n}", daemon=True) for n in range(_WRITERS)
        ]
        for writer in self._writers:
            writer.start()

    # -- making and opening

    @classmethod
    def create(cls, url: str, chance: Chance, *, domain: str | None = None, limits: Limits = DEFAULT) -> PostgresStore:
        """The store in the database that `url` names, laid out if nothing is there yet; see `SqliteStore.create`.

        Raises `CarrierTrouble` (store_away), `Refused` (not_durable), `NoSpace` (cannot_write), and as `open` does."""
        with one_connection(url) as db:
            if _facts(db) is None:
                _lay_out(db, domain or f"{chance.token(5).hex()}.office.invalid")
        return cls.open(url, limits=limits)

    @classmethod
    def open(cls, url: str, *, limits: Limits = DEFAULT, receiving: bool = False) -> PostgresStore:
        """The store in that database; see `SqliteStore.open`. Raises also as `create` does."""
        with one_connection(url) as db:
            facts = _facts(db)
        if facts is None:
            raise NotFound("no_office", _("There is no office here."), _("“dearly office serve” makes one."))
        if int(facts["version"]) > VERSION:
            raise MadeByNewer("newer_office", _("This office was made by a newer Dearly."), _("Update Dearly."))
        if int(facts["version"]) < VERSION:
            _step_up(url)
        if not receiving:
            check_facts(facts)
        return cls(url, facts["domain"], limits)

    @property
    def domain(self) -> str:
        return self._domain

    # -- reading

    async def read(self, act: Callable[[Shelf], T]) -> T:
        def run(db: Connection[Any]) -> T:
            with db.pipeline():
                db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                found = act(PostgresShelf(db, self._limits, self._domain, writes=False))
                db.execute("COMMIT")
            return found

        return await self._on_reader(run)

    async def piece(self, account: Account, uid: str, offset: int, length: int) -> bytes | None:
        def run(db: Connection[Any]) -> bytes | None:
            return PostgresShelf(db, self._limits, self._domain, writes=False).read(account, uid, offset, length)

        return await self._on_reader(run)

    async def holder(self, token_sha256: bytes) -> Account | None:
        def run(db: Connection[Any]) -> Account | None:
            return holder(db.cursor(binary=True).execute(HOLDER, (token_sha256[:4],)), token_sha256)

        return await self._on_reader(run)

    async def healthy(self) -> bool:
        def run(db: Connection[Any]) -> bool:
            moved = PostgresShelf(db, self._limits, self._domain, writes=False).closed()
            return not moved and db.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)

        try:
            return not self._closed and await self._on_reader(run, patience=1.0)
        except DearlyError:
            return False

    async def _on_reader(self, act: Callable[[Connection[Any]], T], patience: float = PATIENCE) -> T:
        def run() -> T:
            for attempt in range(2):
                try:
                    with self._pool.connection(patience) as db:
                        return act(db)
                except psycopg.Error as e:
                    # A connection that broke while nobody used it is found out by its next use.
                    if attempt or not lost(e):
                        raise trouble(e) from None
            raise AssertionError

        if self._closed:
            raise Damaged("store_closed", _("The office is closing."))
        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    # -- writing

    async def write(self, act: Callable[[Shelf], T], touches: Collection[str] = ()) -> T:
        if self._closed:
            raise Damaged("store_closed", _("The office is closing."))
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(Job(act, touches, loop, future))
        return await future

    def _write_on(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = [job]
            while len(jobs) < _GROUP:
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._jobs.put(None)
                    break
                jobs.append(more)
            try:
                results = self._commit(jobs)
            except Exception as e:  # noqa: BLE001  whatever it was, those who wait must hear of it
                results = [(False, e)] * len(jobs)
            settle(jobs, results)

    def _commit(self, jobs: Sequence[Job]) -> _Results:
        """All of them in one transaction; each by itself where one of them breaks it."""
        end = time.monotonic() + PATIENCE
        for attempt in range(_TRIES):
            try:
                return self._attempt(jobs)
            except _Unclear as e:
                return [(False, trouble(e.error))] * len(jobs)
            except psycopg.Error as e:
                if len(jobs) > 1 and not lost(e):
                    return [result for job in jobs for result in self._commit([job])]
                # What another node has just written is found by a second look.
                twice = isinstance(e, psycopg.errors.UniqueViolation) and attempt > 1
                late = twice or attempt + 1 == _TRIES or time.monotonic() > end
                if late or not (lost(e) or again(e)):
                    return [(False, trouble(e))] * len(jobs)
            time.sleep(random.uniform(0.5, 1.0) * 0.02 * 2**attempt)  # noqa: S311  so that two who met do not meet again
        raise AssertionError

    def _attempt(self, jobs: Sequence[Job]) -> _Results:
        """Raises `psycopg.Error` where nothing of it stays, `_Unclear` where that is not known."""
        with self._pool.connection() as db:
            with db.pipeline():
                db.execute("BEGIN")
                shelf = PostgresShelf(db, self._limits, self._domain, writes=True)
                shelf.take(number_of(key) for job in jobs for key in job.touches)
                results = [_one(db, shelf, job.act, alone=len(jobs) == 1) for job in jobs]
                shelf.flush()
                # Asked last: whoever closes the store waits for those who have locked an account by now.
                if shelf.closed():
                    results = [(False, moving())] * len(jobs)
            if not any(fine for fine, _value in results):
                db.execute("ROLLBACK")
                return results
            reach("office.before-commit")
            try:
                db.execute("COMMIT")
            except psycopg.Error as e:
                if lost(e):
                    raise _Unclear(e) from None
                raise
            reach("office.after-commit")
        return results

    # -- closing

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for _writer in self._writers:
            self._jobs.put(None)
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        for writer in self._writers:
            writer.join()
        self._readers.shutdown()
        self._pool.close()


def _one(db: Connection[Any], shelf: PostgresShelf, act: Callable[[Shelf], Any], *, alone: bool) -> tuple[bool, Any]:
    """One write, under a savepoint where there are others."""
    if alone:
        try:
            return True, act(shelf)
        except psycopg.Error:
            raise
        except Exception as e:  # noqa: BLE001  it is its caller's
            return False, e
    saved = shelf.saved()
    db.execute("SAVEPOINT one")
    try:
        result = (True, act(shelf))
    except psycopg.Error:
        raise
    except Exception as e:  # noqa: BLE001  it is its caller's
        db.execute("ROLLBACK TO SAVEPOINT one")
        shelf.restore(saved)
        result = (False, e)
    db.execute("RELEASE SAVEPOINT one")
    return result


def _facts(db: Connection[Any]) -> dict[str, str] | None:
    try:
        found: dict[str, str] = dict(db.execute("SELECT name, value FROM facts").fetchall())
    except psycopg.errors.UndefinedTable:
        return None
    except psycopg.Error as e:
        raise trouble(e) from None
    if "domain" not in found or not found.get("version", "").isdecimal():
        raise Refused(
            "no_office", _("This database holds something else than an office."), _("Give the office one of its own.")
        )
    return found


def _lay_out(db: Connection[Any], domain: str) -> None:
    try:
        with db.transaction():
            db.execute(SCHEMA)
            for fact in (("domain", domain), ("version", str(VERSION))):
                db.execute("INSERT INTO facts (name, value) VALUES (%s, %s)", fact)
    except (psycopg.errors.DuplicateTable, psycopg.errors.UniqueViolation):
        pass  # another node has just done the same
    except psycopg.Error as e:
        raise trouble(e) from None


def _step_up(url: str) -> None:
    """Bring older tables to this version, in one transaction; another node may have done so meanwhile."""
    try:
        with one_connection(url) as db, db.transaction():
            row = db.execute("SELECT value FROM facts WHERE name = 'version' FOR UPDATE").fetchone()
            for step in range(int(row[0]) if row else VERSION, VERSION):
                db.execute(STEPS[step])
            db.execute("UPDATE facts SET value = %s WHERE name = 'version'", (str(VERSION),))
    except psycopg.Error as e:
        raise trouble(e) from None
