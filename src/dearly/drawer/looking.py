"""Looking into a closed drawer: for a command that asks one thing and ends. Nothing is written, in it or beside it.

Only a drawer that was closed cleanly, whose tables and keys are as this version leaves them, in which no attempt was
left open (F06), and of which nothing is to be said, can be looked into: then its file holds all by itself, and one
connection that takes no part in log or shared memory is enough. Every other one takes an opening (`Drawer.open`), which
sees to what is to be done.

The key is derived here and in no child: this process holds the passphrase anyway, and ends with the command as the
child would.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw

from dearly.drawer import heads, incarnation, surroundings, unfinished
from dearly.drawer import passphrase as words
from dearly.drawer.connection import APPLICATION_ID, DataKey, Db, connect, translate
from dearly.drawer.folder import DATABASE, JOURNAL, LOG, RESCUED
from dearly.drawer.lock import Left, Lock
from dearly.drawer.settings import UID
from dearly.drawer.slotfiles import both_hold, read_copies
from dearly.drawer.slots import Slots, derived_here, unlock

T = TypeVar("T")

_STEPS = Path(__file__).parent / "migrations"


class TakesMore(Exception):
    """It cannot only be looked into; whoever wants to read opens it as a whole."""


def look(folder: Path, secret: Callable[[], str], work: Callable[[Db], T], *, state: Path | None = None) -> T:
    """What `work` reads. `secret` is asked when there is a drawer to be looked into; `state` as for `Drawer.open`.

    Raises `TakesMore`, also where `work` does; `Locked` (wrong_passphrase), `Usage` (bad_passphrase), `InUse`
    (drawer_in_use), `Refused` (network_folder), and what reading raises."""
    folder = folder.absolute()
    try:
        _unless(_calm(folder))
        prepared = words.prepare(secret())
        surroundings.refuse_network(folder)
        _unless(surroundings.synced_by(folder) is None and not surroundings.conflict_copies(folder))
        lock = Lock.take(folder)
        try:
            _unless(lock.before.left is Left.CLOSED and _calm(folder))
            slots, key = _key(folder, prepared)
            connection = connect(folder / DATABASE, key, write=False, immutable=True)
            try:
                db = Db(connection)
                _unless(_is_ours(db, folder, slots, key, state) and not unfinished.attempts(db))
                return work(db)
            finally:
                connection.close()
        finally:
            lock.release()
    except (apsw.Error, OSError) as error:
        raise translate(error) from error


def _unless(holds: bool) -> None:
    if not holds:
        raise TakesMore


def _calm(folder: Path) -> bool:
    """Whether the folder is as a clean close leaves it, and may be written to (else that is to be said)."""
    there = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
    return (
        DATABASE in there
        and there.isdisjoint((LOG, JOURNAL, RESCUED))
        and os.access(folder, os.W_OK)
        and os.access(folder / DATABASE, os.W_OK)
    )


def _key(folder: Path, prepared: bytes) -> tuple[Slots, DataKey]:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    copies = read_copies(folder)
    found = unlock(copies, prepared, derived_here)
    _unless(len(found.keys) == 1 == len(copies[0].slots) and both_hold(folder, copies[0]))
    return copies[0], next(iter(found.keys.values()))


def _is_ours(db: Db, folder: Path, slots: Slots, key: DataKey, state: Path | None) -> bool:
    """Whether the tables are of this version, the keys are this drawer's, it lies where it did (F49), and no head kept
    elsewhere says other."""
    try:
        version = db.value("PRAGMA user_version")
    except apsw.NotADBError:
        return False
    return (
        db.value("PRAGMA application_id") == APPLICATION_ID
        and version == sum(file.name[:4].isdigit() for file in _STEPS.iterdir())
        and db.value("SELECT value FROM settings WHERE name = ?", (UID,)) == slots.uid
        and incarnation.settled(db, folder)
        and heads.worst(db, heads.recall(folder, [key], slots.uid, slots, state)) is None
    )
