"""Making a new drawer: complete under another name first, then renamed into place, so that there is no half one."""

from __future__ import annotations

import contextlib
import shutil
from datetime import datetime
from pathlib import Path

import apsw

from dearly.drawer import incarnation, surroundings
from dearly.drawer.connection import DataKey, Db, connect, translate, unguarded
from dearly.drawer.folder import DATABASE, beside, fill_ballast, make_private_file, make_private_folder, sync_folder
from dearly.drawer.lock import Lock
from dearly.drawer.migrate import migrate
from dearly.drawer.settings import UID
from dearly.drawer.slotfiles import write_copies
from dearly.drawer.slots import SlotCost, Slots, new_key, wrap
from dearly.letter.clock import Chance
from dearly.letter.errors import DearlyError, Refused
from dearly.letter.failpoint import reach
from dearly.letter.words import _


def make(folder: Path, passphrase: bytes, cost: SlotCost, chance: Chance, now: datetime) -> DataKey:
    """Make a drawer at `folder` and return its data key.

    Raises `Refused` (drawer_exists, network_folder, synced_folder), `NoSpace`; nothing is left at `folder` then."""
    folder = folder.absolute()
    try:
        refuse_taken(folder)
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        surroundings.refuse_network(folder.parent)
        surroundings.refuse_synced(folder)
        sweep(folder, "making")
        unfinished = beside(folder, "making")
        make_private_folder(unfinished)
        lock = Lock.take(unfinished)
        try:
            key = _fill(unfinished, folder, passphrase, cost, chance, now)
            unfinished.replace(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        finally:
            lock.release()
        sync_folder(folder.parent)
    except (apsw.Error, OSError) as error:
        raise translate(error) from error
    return key


def refuse_taken(folder: Path) -> None:
    """Raise `Refused` (drawer_exists) unless `folder` is empty or not there. Raises OSError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(
            "drawer_exists",
            _("There is something in “{folder}” already.").format(folder=folder),
            _("Choose a folder that is empty or does not exist yet."),
        )


def sweep(folder: Path, purpose: str) -> None:
    """Remove what an earlier making (or restoring) of this same folder left unfinished, unless it is still going on."""
    for left in folder.parent.glob(f".{folder.name}.{purpose}-*"):
        with contextlib.suppress(DearlyError, OSError):
            lock = Lock.take(left)
            shutil.rmtree(left, ignore_errors=True)
            lock.release()


def _fill(folder: Path, final: Path, passphrase: bytes, cost: SlotCost, chance: Chance, now: datetime) -> DataKey:
    uid, key = chance.token(16).hex(), new_key()
    write_copies(folder, Slots(uid, 1, (wrap(uid, 1, key, passphrase, cost),)))
    reach("create.slots-written")
    make_private_file(folder / DATABASE)
    connection = connect(folder / DATABASE, key, write=True)
    try:
        unguarded(connection, "PRAGMA journal_mode=WAL")
        migrate(connection, folder, key)
        with connection:
            db = Db(connection)
            for name, value in ((UID, uid), ("drawer_made", str(int(now.timestamp())))):
                db.run("INSERT INTO settings (name, value) VALUES (?, ?)", (name, value))
            incarnation.begin(db, chance, incarnation.here(folder, named=final))
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()
    fill_ballast(folder)
    sync_folder(folder)
    reach("create.database-written")
    return key
