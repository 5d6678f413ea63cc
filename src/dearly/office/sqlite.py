"""The store in one SQLite file: WAL, synchronous FULL, one writer thread with group commit, two reader threads.

What is acknowledged is on the disk (F13): all writes that wait when the writer comes round share one transaction, each
under a savepoint of its own, and each is answered only after the COMMIT has returned. From the first failed write on
(F15) the store answers nothing any more than that it has to be opened again: an fsync that failed once proves nothing
when it is repeated.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from dearly.letter.clock import Chance
from dearly.letter.errors import Damaged, DearlyError, MadeByNewer, NoSpace, NotFound
from dearly.letter.failpoint import reach
from dearly.letter.words import _
from dearly.office.limits import DEFAULT, Limits
from dearly.office.rows import holder, piece
from dearly.office.schema import APPLICATION_ID, SCHEMA, STEPS, VERSION
from dearly.office.shelf import SqliteShelf
from dearly.office.store import Account, Shelf, Store
from dearly.office.waiting import Job, check_facts, moving, settle

T = TypeVar("T")

log = logging.getLogger("dearly.office")

FILE = "office.db"
_GROUP = 256
_GROUP_SECONDS = 0.02
_READERS = 2


def connect(path: Path, *, writes: bool) -> sqlite3.Connection:
    """A connection as this store wants it: what is committed is on the disk."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0, cached_statements=256)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA cache_size = -16000")
    db.execute("PRAGMA journal_size_limit = 67108864")
    db.execute("PRAGMA foreign_keys = OFF")
    if not writes:
        db.execute("PRAGMA query_only = ON")
    return db


def trouble(error: Exception) -> DearlyError:
    """An error of SQLite's as one of ours."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    log.error(json.dumps({"event": "trouble", "kind": name, "where": "store"}))
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        return NoSpace("no_space", _("The office's disk is full."), _("Nothing was taken in; make room."), retry=True)
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return NoSpace("busy", _("The office's store is busy."), _("Try again in a moment."), retry=True)
    return Damaged("store_failed", _("The office's store could not be written or read."), _("Look at its disk."))


class SqliteStore(Store):
    """See `store.Store`. Make one with `create` or `open`."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._db = connect(path, writes=True)
        self._look = connect(path, writes=False)
        self._domain: str = self._look.execute("SELECT value FROM facts WHERE name = 'domain'").fetchone()[0]
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._failed: DearlyError | None = None
        self._closed = False
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(_READERS, "office-reader")
        self._writer = threading.Thread(target=self._write_on, name="office-writer", daemon=True)
        self._writer.start()

    # -- making and opening

    @classmethod
    def create(
        cls, folder: Path, chance: Chance, *, domain: str | None = None, limits: Limits = DEFAULT
    ) -> SqliteStore:
        """A new store in `folder` (made, for the owner alone), or the one that is there already.

        `domain`: what stands after the @ of its addresses; `<random>.office.invalid` when not given. It is fixed for
        ever. Raises `NoSpace` where nothing can be written, and as `open` does."""
        path = folder / FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                _lay_out(path, domain or f"{chance.token(5).hex()}.office.invalid")
        except OSError as e:
            why = e.strerror or type(e).__name__
            raise NoSpace("cannot_write", _("The office cannot keep anything there: {why}.").format(why=why)) from None
        except sqlite3.Error as e:
            raise trouble(e) from None
        return cls.open(folder, limits=limits)

    @classmethod
    def open(cls, folder: Path, *, limits: Limits = DEFAULT, receiving: bool = False) -> SqliteStore:
        """The store in `folder`. Raises `NotFound`, `MadeByNewer` or `Damaged`, and `Refused` (half_moved, moved)
        as `check_facts` does, unless `receiving` says that it is opened for moving."""
        path = folder / FILE
        if not path.is_file():
            raise NotFound("no_office", _("There is no office here."), _("“dearly office serve” makes one."))
        try:
            with _closing(connect(path, writes=False)) as db:
                (application,), (version,) = (db.execute(f"PRAGMA {p}").fetchone() for p in _MARKS)
            if application != APPLICATION_ID:
                raise Damaged("no_office", _("The file there is not the store of an office."))
            if version > VERSION:
                raise MadeByNewer("newer_office", _("This office was made by a newer Dearly."), _("Update Dearly."))
            if version < VERSION:
                _step_up(path)
            if not receiving:
                with _closing(connect(path, writes=False)) as db:
                    check_facts(dict(db.execute("SELECT name, value FROM facts")))
            return cls(path, limits)
        except sqlite3.Error as e:
            raise trouble(e) from None

    @property
    def domain(self) -> str:
        return self._domain

    # -- reading

    async def read(self, act: Callable[[Shelf], T]) -> T:
        return await self._on_reader(lambda db: self._snapshot(db, act))

    def _snapshot(self, db: sqlite3.Connection, act: Callable[[Shelf], T]) -> T:
        db.execute("BEGIN")
        try:
            return act(SqliteShelf(db, self._limits, self._domain))
        finally:
            db.execute("COMMIT")

    async def piece(self, account: Account, uid: str, offset: int, length: int) -> bytes | None:
        return await self._on_reader(lambda db: piece(db, account.number, uid, offset, length))

    async def holder(self, token_sha256: bytes) -> Account | None:
        # One look-up in a small index, in memory after the first: less than sending it to another thread would cost.
        try:
            return holder(self._look, token_sha256)
        except sqlite3.Error as e:
            raise trouble(e) from None

    async def _on_reader(self, act: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            db: sqlite3.Connection | None = getattr(self._local, "db", None)
            if db is None:
                db = self._local.db = connect(self._path, writes=False)
                self._connections.append(db)
            try:
                return act(db)
            except sqlite3.Error as e:
                raise trouble(e) from None

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    # -- writing

    async def write(self, act: Callable[[Shelf], T], touches: Collection[str] = ()) -> T:
        if self._failed or self._closed:
            raise self._failed or Damaged("store_closed", _("The office is closing."))
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(Job(act, touches, loop, future))
        return await future

    async def healthy(self) -> bool:
        return self._failed is None and not self._closed and self._writer.is_alive()

    def _write_on(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._commit_group(job)

    def _commit_group(self, first: Job) -> None:
        jobs: list[Job] = []
        results: list[tuple[bool, Any]] = []
        shelf = SqliteShelf(self._db, self._limits, self._domain)
        job: Job | None = first
        ended = False
        try:
            if self._failed:
                raise self._failed  # noqa: TRY301  the same way out as for a write that fails now
            self._db.execute("BEGIN IMMEDIATE")
            if shelf.closed():
                raise moving()  # noqa: TRY301  as above
            until = time.monotonic() + _GROUP_SECONDS
            while job is not None:
                jobs.append(job)
                results.append(self._one(shelf, job.act))
                if len(jobs) >= _GROUP or time.monotonic() > until:
                    break
                try:
                    job = self._jobs.get_nowait()
                    ended = job is None
                except queue.Empty:
                    break
            reach("office.before-commit")
            self._db.execute("COMMIT")
            reach("office.after-commit")
        except Exception as e:  # noqa: BLE001  whatever it was, those who wait must hear of it, and the thread lives on
            told = self._give_up(e)
            jobs = jobs or [first]
            results = [(False, told)] * len(jobs)
        settle(jobs, results)
        if ended:
            self._jobs.put(None)

    def _one(self, shelf: Shelf, act: Callable[[Shelf], Any]) -> tuple[bool, Any]:
        """One waiting write under its savepoint. Raises `sqlite3.Error` when the whole group is lost with it."""
        self._db.execute("SAVEPOINT one")
        try:
            result = (True, act(shelf))
        except Exception as e:
            if isinstance(e, sqlite3.Error) and not self._db.in_transaction:
                raise  # SQLite has rolled everything back by itself: disk full, I/O error
            self._db.execute("ROLLBACK TO one")
            result = (False, trouble(e) if isinstance(e, sqlite3.Error) else e)
        self._db.execute("RELEASE one")
        return result

    def _give_up(self, error: Exception) -> DearlyError:
        """The whole group is lost: nothing of it stays, and everyone in it is told so."""
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        told = error if isinstance(error, DearlyError) else trouble(error)
        if isinstance(told, Damaged):
            self._failed = told
        return told

    # -- closing

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        self._writer.join()
        self._readers.shutdown()
        for db in (*self._connections, self._look):
            db.close()
        self._db.close()  # the last connection of the last process leaves no -wal behind


_MARKS = ("application_id", "user_version")


class _closing:  # noqa: N801  contextlib.closing, but typed for one kind of thing
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> sqlite3.Connection:
        return self._db

    def __exit__(self, *_exc: object) -> None:
        self._db.close()


def _lay_out(path: Path, domain: str) -> None:
    """Make the file under another name first, so that a half-made store is never taken for one."""
    half = path.with_name(f"{FILE}.{os.getpid()}.half")
    half.unlink(missing_ok=True)
    os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with _closing(sqlite3.connect(half, isolation_level=None)) as db:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(SCHEMA)
        db.execute("INSERT INTO facts (name, value) VALUES ('domain', ?)", (domain,))
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")
    try:
        os.link(half, path)  # unlike a rename, this leaves an office that another process has just made alone
    except FileExistsError:
        pass
    finally:
        half.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _step_up(path: Path) -> None:
    """Bring an older store to this version, in one transaction; another process may have done so meanwhile."""
    with _closing(connect(path, writes=True)) as db:
        db.execute("BEGIN IMMEDIATE")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        for step in range(version, VERSION):
            db.execute(STEPS[step])
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
