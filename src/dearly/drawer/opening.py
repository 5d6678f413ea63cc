"""From a folder to an open database, step by step, so that each trouble is named and nothing is written too early.

The order matters: place, lock, how it was left, keys, version of the tables; only then the first write.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import apsw

from dearly.drawer import heads, surroundings
from dearly.drawer.chain import Head, Standing
from dearly.drawer.connection import DataKey, Db, connect, translate, unguarded
from dearly.drawer.folder import DATABASE, LOG, RESCUED, SHARED, fill_ballast
from dearly.drawer.lock import Left, Lock, missing_log
from dearly.drawer.migrate import migrate, version
from dearly.drawer.settings import UID
from dearly.drawer.slotfiles import both_hold, read_copies, write_copies
from dearly.drawer.slots import GIVEN, Slots, Unlocked
from dearly.drawer.store import Store
from dearly.letter.errors import Damaged, Locked, NotFound
from dearly.letter.words import _


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the person should be told at opening. `code` is a stable word, as in `DearlyError`."""

    code: str
    message: str
    hint: str = ""


@dataclass(slots=True)
class Opened:
    """What opening came to. `slots` is None where neither slots file can be read (opened with the key itself).

    `outside`: a head kept elsewhere that the chain does not agree with (F20). `scratch`: a folder to remove at the end.
    """

    store: Store
    lock: Lock
    uid: str
    slots: Slots | None
    writable: bool
    notices: list[Notice] = field(default_factory=list)
    outside: Head | None = None
    scratch: Path | None = None


Unlock = Callable[[Path], Unlocked]
"""How the keys of a folder are come by: with a passphrase, or by having the key already."""


def open_folder(
    folder: Path,
    unlock: Unlock,
    *,
    state: Path | None = None,
    without_log: bool = False,
    vfs: str | None = None,
    readers: int = 0,
) -> Opened:
    """Open the drawer in `folder`.

    `state`: a folder outside the drawer where the chain's head is kept. `without_log`: open it although its log is
    missing or of another file (F22); what stood in it is lost then. `vfs`: a file layer for fault tests. `readers`: how
    many reading connections to open at once. Raises
    `NotFound`, `Refused` (network_folder), `InUse`, `Locked`, `Damaged`, `MadeByNewer`, `NoSpace`."""
    folder = folder.absolute()
    try:
        if not (folder / DATABASE).exists():
            raise _no_drawer(folder)
        surroundings.refuse_network(folder)
        writable = os.access(folder, os.W_OK) and os.access(folder / DATABASE, os.W_OK)
        lock = Lock.take(folder, writable=writable)
        try:
            wrong = missing_log(folder, lock.before)
            _unless(wrong is None or (without_log and writable), wrong)
            unlocked = unlock(folder)
            if wrong is not None:
                _set_log_aside(folder)
            opened = _open(folder, unlocked, lock, writable=writable, state=state, vfs=vfs, readers=readers)
        except BaseException:
            lock.release()
            raise
    except (apsw.Error, OSError) as error:
        raise translate(error) from error
    if wrong is not None:
        opened.notices.append(Notice("opened_without_log", wrong.message))
    return opened


def _no_drawer(folder: Path) -> NotFound:
    hint = _("Make one with “dearly setup”, or say where it is with --drawer.")
    if (folder / RESCUED).exists():
        hint = _("What it held when its file was taken away is in “{name}”: give that file the name drawer.db.")
    message = _("There is no drawer in “{folder}”.").format(folder=folder)
    return NotFound("no_drawer", message, hint.format(name=RESCUED))


def _open(
    folder: Path, unlocked: Unlocked, lock: Lock, *, writable: bool, state: Path | None, vfs: str | None, readers: int
) -> Opened:
    files = _files(folder, writable=writable)
    connection: apsw.Connection | None = None
    try:
        number, key, connection = _first_that_opens(files, unlocked, vfs)
        version(connection)
        if writable:
            # The log exists from here on; only a clean close may take it away.
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            unguarded(connection, "PRAGMA journal_mode=WAL", "PRAGMA journal_size_limit=16777216")
            lock.mark(Left.OPEN)
            migrate(connection, folder, key, vfs=vfs)
        uid = Db(connection).value("SELECT value FROM settings WHERE name = ?", (UID,))
        fits = isinstance(uid, str) and (unlocked.slots is None or unlocked.slots.uid == uid)
        _unless(fits, Damaged("keys_of_another", _("The keys in this folder belong to another drawer.")))
        apart = heads.worst(Db(connection), heads.recall(folder, unlocked.keys.values(), uid, unlocked.slots, state))
        slots = _settle(folder, unlocked.slots, number) if writable else unlocked.slots
        store = Store(folder, key, connection, files.reader(key, vfs), writable=writable, vfs=vfs)
        store.ready(readers)
    except BaseException:
        if connection is not None:
            connection.close()
        files.remove()
        raise
    if writable:
        fill_ballast(folder)
    notices = _notices(folder, writable=writable, apart=apart)
    if slots is not unlocked.slots:
        notices.append(Notice("keys_mended", _("One copy of the drawer's keys was damaged or older, and was renewed.")))
    return Opened(store, lock, uid, slots, writable, notices, apart[1] if apart else None, files.scratch)


@dataclass(frozen=True, slots=True)
class _Files:
    """Where the database is really opened, and how. Where nothing may be written SQLite cannot make its -shm file:

    then the file is opened as unchanging, or, where a log lies beside it, a copy of both elsewhere (F18)."""

    database: Path
    write: bool
    immutable: bool = False
    scratch: Path | None = None

    def main(self, key: DataKey, vfs: str | None) -> apsw.Connection:
        connection = connect(self.database, key, write=self.write, vfs=vfs, immutable=self.immutable)
        try:
            Db(connection).one("SELECT 1 FROM sqlite_schema")
        except BaseException:
            connection.close()
            raise
        return connection

    def reader(self, key: DataKey, vfs: str | None) -> Callable[[], apsw.Connection]:
        return lambda: connect(self.database, key, write=False, vfs=vfs, immutable=self.immutable)

    def remove(self) -> None:
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)


def _files(folder: Path, *, writable: bool) -> _Files:
    database, log = folder / DATABASE, folder / LOG
    if writable or (folder / SHARED).exists():
        return _Files(database, writable)
    if not log.exists() or log.stat().st_size == 0:
        return _Files(database, write=False, immutable=True)
    # Ciphertext, in a folder of our own; removed at closing.
    scratch = Path(tempfile.mkdtemp(prefix="dearly-"))
    for file in (database, log):
        shutil.copyfile(file, scratch / file.name)
    return _Files(scratch / DATABASE, write=True, scratch=scratch)


def _first_that_opens(files: _Files, unlocked: Unlocked, vfs: str | None) -> tuple[int, DataKey, apsw.Connection]:
    """The number of the slot whose key is the database's, that key, and a connection with it."""
    refused: Exception = apsw.NotADBError()
    for number, key in unlocked.keys.items():
        try:
            return number, key, files.main(key, vfs)
        except (apsw.NotADBError, apsw.CorruptError) as error:
            refused = error
    if unlocked.given:
        refused = Locked(
            "wrong_key",
            _("This key does not open the drawer; it may be of another drawer, or of before its key was renewed."),
            _("Use the recovery kit that was made last."),
        )
    raise refused


def _settle(folder: Path, slots: Slots | None, number: int) -> Slots | None:
    """Make both slots files hold the copy that opened, and of it only the slots with the database's key.

    So ends a change of passphrase that was cut short (the passphrase that opened stays), and a renewal (F46)."""
    if slots is None:
        return None
    right = tuple(slot for slot in slots.slots if number in (slot.number, GIVEN))
    if right == slots.slots and both_hold(folder, slots):
        return slots
    newest = max(copy.revision for copy in read_copies(folder))
    settled = replace(slots, revision=newest + 1, slots=right)
    write_copies(folder, settled)
    return settled


def _unless(holds: bool, error: Exception | None) -> None:
    if not holds and error is not None:
        raise error


def _set_log_aside(folder: Path) -> None:
    if (folder / LOG).exists():
        (folder / LOG).replace(folder / f"{LOG}.aside")
    (folder / SHARED).unlink(missing_ok=True)


def _notices(folder: Path, *, writable: bool, apart: tuple[Standing, Head] | None) -> list[Notice]:
    notices = []
    if not writable:
        notices.append(Notice("read_only", _("The drawer's folder may only be read here: nothing can be stored.")))
    if apart is not None:
        notices.append(_rolled_back(*apart))
    if (tool := surroundings.synced_by(folder)) is not None:
        notices.append(
            Notice(
                "synced_folder",
                _("The drawer lies in a folder that {tool} seems to synchronise; that can destroy it.").format(
                    tool=tool
                ),
                _("Lock the drawer and move its folder to another place."),
            )
        )
    notices.extend(
        Notice(
            "conflict_copy",
            _("A synchronising tool left a second version of the drawer: “{name}”.").format(name=copy.name),
            _("Keep it until you are sure that no letter is only there."),
        )
        for copy in surroundings.conflict_copies(folder)
    )
    if (folder / RESCUED).exists():
        notices.append(
            Notice(
                "rescued",
                _("The drawer's file was replaced while it was open; what it held then is in “{name}”.").format(
                    name=RESCUED
                ),
                _("If letters are missing, lock the drawer and put that file in the place of drawer.db."),
            )
        )
    return notices


def _rolled_back(standing: Standing, outside: Head) -> Notice:
    when = f"{outside.when:%Y-%m-%d %H:%M} UTC"
    if standing is Standing.BEHIND:
        message = _("This drawer was put back to an older state: on {when} it held more than it does now.")
    else:
        message = _("This drawer is not the one that was locked on {when}: it was put back and then written on.")
    return Notice(
        "rolled_back",
        message.format(when=when),
        _("Letters that are missing may be in a backup, or still with the office or the provider."),
    )
