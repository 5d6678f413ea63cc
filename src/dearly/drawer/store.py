"""An open database and its safety: one writing connection, up to three reading ones, and the rules of a commit.

Plain and synchronous: `Drawer` calls it from its threads, the writing half only ever from one. After an I/O error, or
when the files were replaced, nothing more is written until the drawer is opened again (F15, F24): a failed fsync may
have dropped what it should have stored, and a second one that succeeds proves nothing.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw

from dearly.drawer.connection import DataKey, Db, read_only, translate, unguarded
from dearly.drawer.folder import LOG, RESCUED, SHARED, give_ballast_back
from dearly.drawer.guard import Guard
from dearly.drawer.migrate import copy_aside
from dearly.letter.errors import Damaged, DearlyError, Locked, NoSpace
from dearly.letter.words import _

T = TypeVar("T")

LOG_PAGES = 1000
"""The log is folded into the file when it has grown to this many pages (4 MB)."""


_MUCH_LOG_PAGES = 4 * LOG_PAGES
_MUCH_CACHE_KIB, _CACHE_KIB = 32 << 10, 2000


class Store:
    """One open database. `connect` makes a reading connection; `guard` is None where nothing may be written."""

    def __init__(
        self,
        folder: Path,
        key: DataKey,
        writer: apsw.Connection,
        connect: Callable[[], apsw.Connection],
        *,
        writable: bool,
        vfs: str | None = None,
    ) -> None:
        self.folder, self.key, self.vfs, self._connect = folder, key, vfs, connect
        self.trouble: DearlyError | None = None
        self._writer = writer
        # The one used last comes first: its pages are still in memory.
        self._readers: queue.LifoQueue[apsw.Connection] = queue.LifoQueue()
        self._guard: Guard | None = None
        self._log_pages = 0
        self._fold_at = LOG_PAGES
        if writable:
            writer.wal_autocheckpoint(0)
            writer.set_wal_hook(self._log_grew)
            self._guard = Guard(folder)

    def write(self, work: Callable[[Db], T]) -> T:
        """Run `work` between BEGIN IMMEDIATE and COMMIT. Raises errors of the family only."""
        if self._guard is None:
            raise read_only()
        if self.trouble is not None:
            raise _again(self.trouble)
        writer = self._writer
        try:
            writer.execute("BEGIN IMMEDIATE")
            result = work(Db(writer))
            self._guard.check()
            writer.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(apsw.Error):
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
            if isinstance(error, DearlyError):
                self._remember(error)
            if isinstance(error, apsw.FullError):
                # Only where an act is refused and somebody hears of it: room given back silently would be used up.
                give_ballast_back(self.folder)
            if isinstance(error, apsw.Error | OSError):
                raise self._trouble_with(error) from error
            raise
        if self._fold_at == LOG_PAGES:
            self.fold_when_long()
        return result

    def read(self, work: Callable[[Db], T]) -> T:
        """Run `work` on one snapshot. Raises errors of the family only."""
        try:
            try:
                reader = self._readers.get_nowait()
            except queue.Empty:
                reader = self._another()
            try:
                reader.execute("BEGIN")
                try:
                    return work(Db(reader))
                finally:
                    reader.execute("ROLLBACK")
            finally:
                self._readers.put(reader)
        except (apsw.Error, OSError) as error:
            raise translate(error) from error

    def whole(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run `work` on a connection of its own, for the whole-file acts (backup, check). Raises of the family only."""
        try:
            connection = self._another()
            try:
                return work(connection)
            finally:
                connection.close()
        except (apsw.Error, OSError) as error:
            raise translate(error) from error

    def ready(self, readers: int) -> None:
        """Open the reading connections now: later the name may lead elsewhere, and opening takes time."""
        for _reader in range(readers):
            self._readers.put(self._another())

    def _another(self) -> apsw.Connection:
        # A connection opened by name when the name leads to another file would mix that file with our log.
        if self._guard is not None:
            self._guard.check()
        connection = self._connect()
        try:
            Db(connection).one("SELECT 1 FROM sqlite_schema")
        except BaseException:
            connection.close()
            raise
        return connection

    def expect(self, *, much: bool) -> None:
        """Whether much is going to be written (an archive): then more is kept in memory, and the log grows longer
        before it is folded, for most pages are written again soon. Called on the writer's thread."""
        self._fold_at = _MUCH_LOG_PAGES if much else LOG_PAGES
        unguarded(self._writer, f"PRAGMA cache_size={-(_MUCH_CACHE_KIB if much else _CACHE_KIB)}")

    @property
    def to_fold(self) -> bool:
        """Whether `fold_when_long` has something to do."""
        return self._log_pages >= self._fold_at

    def fold(self) -> None:
        """Fold the whole log into the file and empty it. Raises errors of the family; then the log stays."""
        if self._guard is not None and self.trouble is None:
            self._checkpoint(self._guard, apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def rekey(self, fresh: DataKey) -> None:
        """Write every page anew with another key. Nobody may be reading. Raises errors of the family.

        In the log's mode SQLite3MC cannot change the key, so it is done with a rollback journal, which a crash leaves
        behind and the next opening plays back."""
        self.rest()
        self.fold()
        try:
            unguarded(self._writer, "PRAGMA journal_mode=DELETE", f"PRAGMA rekey='raw:{fresh.hex()}'")
            unguarded(self._writer, "PRAGMA journal_mode=WAL")
            Db(self._writer).one("SELECT 1 FROM sqlite_schema")
        except apsw.Error as error:
            raise self._trouble_with(error) from error
        finally:
            self._guard = Guard(self.folder)
        self.key = fresh

    def rest(self) -> None:
        """Close the reading connections; they open again when needed."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._readers.get_nowait().close()

    def close(self, when_whole: Callable[[], None]) -> None:
        """Close everything. `when_whole` is called when the file holds all by itself, before the log goes.

        When the file was replaced, what it held is first copied to `drawer.rescued.db`, and our log, which must not
        be applied to the other file, is taken away."""
        self.rest()
        if self._guard is not None and (self.trouble is None or self.trouble.code == "drawer_replaced"):
            with contextlib.suppress(DearlyError, OSError, apsw.Error):
                self._finish(self._guard, when_whole)
        with contextlib.suppress(apsw.Error):
            self._writer.close()
        # All that Python lets us do to forget: nothing of ours refers to the key any more.
        self.key, self._connect = DataKey(b""), _locked

    def _finish(self, guard: Guard, when_whole: Callable[[], None]) -> None:
        if guard.owns_database():
            # Even when the log's name was taken away: what it held is still in our open descriptors.
            self.trouble = None
            self.fold()
            when_whole()
            if guard.owns_log():
                # Only now may SQLite take the log away when the last connection closes.
                self._writer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
        else:
            self._rescue(guard)
            when_whole()

    def _rescue(self, guard: Guard) -> None:
        try:
            copy_aside(self._writer, self.folder / RESCUED, self.key)
        except (apsw.Error, OSError):
            if guard.owns_log():
                (self.folder / LOG).rename(self.folder / f"{LOG}.aside")
            raise
        if guard.owns_log():
            for name in (LOG, SHARED):
                (self.folder / name).unlink(missing_ok=True)

    def _trouble_with(self, error: apsw.Error | OSError) -> DearlyError:
        """What to raise for an error of the writer. After an I/O error nothing more may be written."""
        if isinstance(error, apsw.IOError):
            self.trouble = Damaged(
                "disk_trouble",
                _("The disk reported an error ({number}): it is not proven that this was stored.").format(
                    number=getattr(error, "extendedresult", 0)
                ),
                _("Nothing more is written. Copy the drawer to another disk, then lock it and open it again."),
            )
            return self.trouble
        return translate(error)

    def _remember(self, error: DearlyError) -> None:
        if error.code == "drawer_replaced":
            self.trouble = error

    def fold_when_long(self) -> None:
        """A passive checkpoint now and then. The commit before it stands, whatever becomes of this. While much is
        written (`expect`), it is no part of `write`: whoever waits to write goes first."""
        if self._log_pages >= self._fold_at and self._guard is not None:
            self._log_pages = 0
            with contextlib.suppress(DearlyError):
                self._checkpoint(self._guard, apsw.SQLITE_CHECKPOINT_PASSIVE)

    def _checkpoint(self, guard: Guard, mode: int) -> None:
        try:
            guard.check_database()
            try:
                self._writer.wal_checkpoint(mode=mode)
            finally:
                # One that failed half-way (a full disk) has written to the file all the same.
                guard.look_again()
        except DearlyError as error:
            self._remember(error)
            raise
        except apsw.Error as error:
            raise self._trouble_with(error) from error

    def _log_grew(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK


def _again(error: DearlyError) -> DearlyError:
    kind: type[DearlyError] = type(error)
    return kind(error.code, error.message, error.hint, retry=error.retry)


def _locked() -> apsw.Connection:
    raise Locked("drawer_locked", _("The drawer is locked."), _("Open it with your passphrase."))


def no_room(needed: int) -> NoSpace:
    """The error when an act needs more room than the disk has. `needed` in bytes."""
    return NoSpace(
        "disk_full",
        _("There is not enough room on the disk: {size} MB are needed.").format(size=needed // 1_000_000 + 1),
        _("Make room on the disk, then do it again."),
        retry=True,
    )
