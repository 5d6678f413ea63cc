"""The store in one SQLite file: WAL, synchronous FULL, one writer thread with group commit, two reader threads.

What is acknowledged is on the disk (F13): all writes that wait when the writer comes round share one transaction, each
under a savepoint of its own, and each is answered only after the COMMIT has returned. From the first failed write on
(F15) the store answers nothing any more than that it has to be opened again: an fsync that failed once proves nothing
when it is repeated.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import apsw

from dearly.letter.clock import Chance
from dearly.letter.errors import Damaged, DearlyError
from dearly.letter.failpoint import reach
from dearly.letter.words import _
from dearly.office.db import Db, connect, trouble
from dearly.office.limits import DEFAULT, Limits
from dearly.office.rows import holder, piece
from dearly.office.shelf import SqliteShelf
from dearly.office.sqlite_file import FILE, make, ready
from dearly.office.store import Account, Shelf, Store
from dearly.office.waiting import Job, moving, settle

T = TypeVar("T")

_GROUP = 256
_GROUP_SECONDS = 0.02
_READERS = 2
_LOG_PAGES = 1_000
"""The log is folded into the file when it has grown to this many pages (4 MB)."""


class SqliteStore(Store):
    """See `store.Store`. Make one with `create` or `open`."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._db = connect(path, writes=True)
        self._look = connect(path, writes=False)
        self._domain: str = self._look.one("SELECT value FROM facts WHERE name = 'domain'")[0]
        self._log_pages = 0
        self._db.wal_autocheckpoint(0)
        self._db.set_wal_hook(self._log_grew)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._failed: DearlyError | None = None
        self._closed = False
        self._local = threading.local()
        self._connections: list[Db] = []
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
        make(folder, domain or f"{chance.token(5).hex()}.office.invalid")
        return cls.open(folder, limits=limits)

    @classmethod
    def open(cls, folder: Path, *, limits: Limits = DEFAULT, receiving: bool = False) -> SqliteStore:
        """The store in `folder`. Raises `NotFound`, `MadeByNewer` or `Damaged`, and `Refused` (half_moved, moved)
        as `check_facts` does, unless `receiving` says that it is opened for moving."""
        ready(folder / FILE, receiving=receiving)
        try:
            return cls(folder / FILE, limits)
        except apsw.Error as e:
            raise trouble(e) from None

    @property
    def domain(self) -> str:
        return self._domain

    # -- reading

    async def read(self, act: Callable[[Shelf], T]) -> T:
        return await self._on_reader(lambda db: self._snapshot(db, act))

    def _snapshot(self, db: Db, act: Callable[[Shelf], T]) -> T:
        db.execute("BEGIN")
        try:
            return act(SqliteShelf(db, self._limits, self._domain))
        finally:
            if db.in_transaction:  # a disk that fails may have ended it
                db.execute("COMMIT")

    async def piece(self, account: Account, uid: str, offset: int, length: int) -> bytes | None:
        return await self._on_reader(lambda db: piece(db, account.number, uid, offset, length))

    async def holder(self, token_sha256: bytes) -> Account | None:
        # One look-up in a small index, in memory after the first: less than sending it to another thread would cost.
        try:
            return holder(self._look, token_sha256)
        except apsw.Error as e:
            raise trouble(e) from None

    async def _on_reader(self, act: Callable[[Db], T]) -> T:
        def run() -> T:
            db: Db | None = getattr(self._local, "db", None)
            if db is None:
                db = self._local.db = connect(self._path, writes=False)
                self._connections.append(db)
            try:
                return act(db)
            except apsw.Error as e:
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
        if self._failed or self._closed or not self._writer.is_alive():
            return False
        try:
            return not await self._on_reader(lambda db: SqliteShelf(db, self._limits, self._domain).closed())
        except DearlyError:
            return False

    def _write_on(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._commit_group(job)

    def _commit_group(self, first: Job) -> None:
        jobs: list[Job] = []
        results: list[tuple[bool, Any]] = []
        job: Job | None = first
        ended = False
        try:
            if self._failed:
                raise self._failed  # noqa: TRY301  the same way out as for a write that fails now
            self._db.execute("BEGIN IMMEDIATE")
            if SqliteShelf(self._db, self._limits, self._domain).closed():
                raise moving()  # noqa: TRY301  as above
            until = time.monotonic() + _GROUP_SECONDS
            while job is not None:
                jobs.append(job)
                results.append(self._one(job.act))
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
        self._fold_when_long()
        if ended:
            self._jobs.put(None)

    def _one(self, act: Callable[[Shelf], Any]) -> tuple[bool, Any]:
        """One waiting write under its savepoint. Raises `apsw.Error` when the whole group is lost with it."""
        self._db.execute("SAVEPOINT one")
        shelf = SqliteShelf(self._db, self._limits, self._domain)
        try:
            result = (True, act(shelf))
            shelf.flush()
        except Exception as e:
            if isinstance(e, apsw.Error) and not self._db.in_transaction:
                raise  # SQLite has rolled everything back by itself: disk full, I/O error
            self._db.execute("ROLLBACK TO one")
            result = (False, trouble(e) if isinstance(e, apsw.Error) else e)
        self._db.execute("RELEASE one")
        return result

    def _give_up(self, error: Exception) -> DearlyError:
        """The whole group is lost: nothing of it stays, and everyone in it is told so."""
        with suppress(apsw.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        told = error if isinstance(error, DearlyError) else trouble(error)
        if isinstance(told, Damaged):
            self._failed = told
        return told

    # -- the log

    def _log_grew(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _fold_when_long(self) -> None:
        """Fold the log into the file now and then: after the answers, which do not wait for it. What was committed
        stands in the log, whatever becomes of this; but a disk that failed here is not written to again."""
        if self._log_pages < _LOG_PAGES or self._failed:
            return
        self._log_pages = 0
        try:
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as e:
            self._give_up(e)

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
        for db in (*self._connections, self._look, self._db):
            db.close()
