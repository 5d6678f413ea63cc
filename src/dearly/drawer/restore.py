"""Coming back: from a backup, or from `drawer.db` and the recovery kit alone.

A restored drawer belongs to no place yet: whatever waited in it when the backup was made may since have left from the
original, so it counts as moved (`incarnation`) and nothing leaves before the person has answered (F49).
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import apsw

from dearly.drawer import chain, incarnation, surroundings  # fmt: skip
from dearly.drawer import slots as keys
from dearly.drawer.backup import MANIFEST, NAMES, Manifest, Part, Progress, damaged, decode_manifest
from dearly.drawer.connection import DataKey, Db, connect, translate, unguarded
from dearly.drawer.folder import (
    DATABASE,
    beside,
    make_private_file,
    make_private_folder,
    sync,
    sync_folder,
)
from dearly.drawer.lock import Left, Lock, missing_log
from dearly.drawer.making import refuse_taken, sweep
from dearly.drawer.migrate import version
from dearly.drawer.passphrase import prepare
from dearly.drawer.settings import UID
from dearly.drawer.slotfiles import read_copies, write_copies
from dearly.drawer.slots import SlotCost, Slots
from dearly.letter.errors import Damaged, DearlyError, Locked, NotFound
from dearly.letter.failpoint import reach
from dearly.letter.words import _

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Proven:
    """What a backup was found to hold, every byte of it read. `links`: how many links its chain has."""

    manifest: Manifest
    links: int


async def verify(backup: Path, opens: str | DataKey, progress: Progress | None = None) -> Proven:
    """Open a backup fully, in a folder of its own that is removed again, and check all that can be checked.

    `opens`: the passphrase, or the data key of a kit. Raises `Damaged` (backup_damaged), `Locked`, `MadeByNewer`,
    `NotFound`, `NoSpace`."""
    key = prepare(opens) if isinstance(opens, str) else opens

    def work() -> Proven:
        scratch = Path(tempfile.mkdtemp(prefix="dearly-"))
        try:
            return _unpack(backup, scratch, key, progress or (lambda _a, _b: None), given=isinstance(opens, bytes))[0]
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    return await asyncio.to_thread(work)


async def restore(backup: Path, folder: Path, opens: str | DataKey, progress: Progress | None = None) -> Proven:
    """Put a backup back as the drawer in `folder`, which must be empty or not be there.

    Checked as `verify` does before the folder gets its name. The passphrase is the one of when the backup was made.
    Raises as `verify`, and `Refused` (drawer_exists, synced_folder, network_folder)."""
    key = prepare(opens) if isinstance(opens, str) else opens
    given = isinstance(opens, bytes)
    return await asyncio.to_thread(_restore, backup, folder, key, progress or (lambda _a, _b: None), given)


async def restore_with_kit(folder: Path, key: DataKey, passphrase: str, *, cost: SlotCost | None = None) -> None:
    """Make new key slots, opened by a new passphrase, for the `drawer.db` in `folder`. The letters are not touched.

    `key`: of the kit (`kit.read`). Raises `Locked` (wrong_key), `NotFound`, `InUse`, `Damaged`, `NoSpace`."""
    prepared = prepare(passphrase)
    await asyncio.to_thread(_new_slots, folder, key, prepared, cost)


def _new_slots(folder: Path, key: DataKey, passphrase: bytes, cost: SlotCost | None) -> None:
    if not (folder / DATABASE).exists():
        raise NotFound(
            "no_drawer",
            _("There is no drawer in “{folder}”.").format(folder=folder),
            _("Put its file, drawer.db, there, or name another folder with --drawer."),
        )
    try:
        lock = Lock.take(folder)
        try:
            if (wrong := missing_log(folder, lock.before)) is not None:
                raise wrong
            uid = _uid(folder / DATABASE, key)
            newest = 0
            with suppress(Damaged):
                newest = max(copy.revision for copy in read_copies(folder))
            slot = keys.wrap(uid, 1, key, passphrase, cost or keys.calibrate())
            write_copies(folder, Slots(uid, newest + 1, (slot,)))
        finally:
            lock.release()
    except (apsw.Error, OSError) as error:
        raise translate(error) from error


def wrong_key() -> Locked:
    """For a kit that is one, of another drawer."""
    return Locked(
        "wrong_key",
        _("This kit does not open this drawer; it may be of another one, or of before the key was renewed."),
        _("Use the kit that was made last for it."),
    )


def _uid(database: Path, key: DataKey) -> str:
    try:
        connection = connect(database, key, write=True)
    except (apsw.NotADBError, apsw.CorruptError):
        raise wrong_key() from None
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        version(connection)
        return str(Db(connection).value("SELECT value FROM settings WHERE name = ?", (UID,)))
    finally:
        connection.close()


def _restore(backup: Path, folder: Path, key: bytes, progress: Progress, given: bool) -> Proven:
    folder = folder.absolute()
    try:
        refuse_taken(folder)
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        surroundings.refuse_network(folder.parent)
        surroundings.refuse_synced(folder)
        sweep(folder, "restoring")
        unfinished = beside(folder, "restoring")
        make_private_folder(unfinished)
        try:
            lock = Lock.take(unfinished)
            try:
                proven, data_key = _unpack(backup, unfinished, key, progress, given=given)
                _leave_place(unfinished / DATABASE, data_key)
                lock.mark(Left.CLOSED)
                sync_folder(unfinished)
                reach("restore.before-rename")
                unfinished.replace(folder)
            finally:
                lock.release()
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        sync_folder(folder.parent)
    except (apsw.Error, OSError) as error:
        raise translate(error) from error
    return proven


def _leave_place(database: Path, key: DataKey) -> None:
    connection = connect(database, key, write=True)
    try:
        unguarded(connection, "PRAGMA journal_mode=WAL")
        with connection:
            incarnation.forget(Db(connection))
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        connection.close()


def _unpack(backup: Path, folder: Path, opens: bytes, progress: Progress, *, given: bool) -> tuple[Proven, DataKey]:
    """Write the backup's files into `folder` and prove them. `opens`: prepared passphrase, or data key if `given`."""
    try:
        with backup.open("rb") as file, tarfile.open(fileobj=file, mode="r|") as tar:
            manifest, mac = _extract(tar, folder, progress)
    except FileNotFoundError:
        raise NotFound(
            "no_backup", _("There is no file “{name}”.").format(name=backup), _("Look how it is spelt, and where.")
        ) from None
    except (tarfile.TarError, EOFError):
        raise damaged(_("its end is missing, or it is another kind of file")) from None
    found: list[DataKey] = [DataKey(opens)] if given else list(keys.unlock(read_copies(folder), opens).keys.values())
    signing = next((key for key in found if manifest.is_signed_by(key, mac)), None)
    if signing is None and given:
        raise Locked("wrong_key", _("This kit does not open this backup."), _("Use the kit of when it was made."))
    if signing is None:
        raise damaged(_("its list of contents is not the one that was written"))
    return Proven(manifest, _links(folder / DATABASE, signing, manifest)), signing


def _extract(tar: tarfile.TarFile, folder: Path, progress: Progress) -> tuple[Manifest, str]:
    first = tar.next()
    data = tar.extractfile(first) if first is not None and first.isfile() and first.size <= 64 * 1024 else None
    if first is None or first.name != MANIFEST or data is None:
        raise damaged(_("it is not a backup of Dearly"))
    manifest, mac = decode_manifest(data.read())
    total, done = sum(part.size for part in manifest.files.values()), 0
    missing = set(NAMES)
    while (entry := tar.next()) is not None:
        part = manifest.files.get(entry.name)
        stream = tar.extractfile(entry) if part is not None and entry.isfile() and entry.size == part.size else None
        if part is None or stream is None or entry.name not in missing:
            raise damaged(_("it holds something that its list of contents does not name"))
        missing.remove(entry.name)
        _write(stream, folder / entry.name, part)
        done += part.size
        progress(done, total)
        if missing == {DATABASE}:
            reach("restore.half-written")
    if missing:
        raise damaged(_("something is missing in it"))
    return manifest, mac


def _write(stream: IO[bytes], path: Path, part: Part) -> None:
    make_private_file(path)
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        sync(file.fileno())
    if size != part.size or digest.hexdigest() != part.sha256:
        raise damaged(_("a file in it is not as it was written"))


def _links(database: Path, key: DataKey, manifest: Manifest) -> int:
    """How many links the chain has, after every page and every link was found good."""
    try:
        connection = connect(database, key, write=False, immutable=True)
        try:
            version(connection)
            db = Db(connection)
            whole = db.all("PRAGMA integrity_check") == [("ok",)]
            uid = db.value("SELECT value FROM settings WHERE name = ?", (UID,))
            if not whole or uid != manifest.drawer or chain.verify(db) is not None:
                raise damaged(_("the letters in it are not as they were written"))
            return chain.head(db).count
        finally:
            connection.close()
    except DearlyError:
        raise
    except apsw.Error:
        raise damaged(_("the letters in it are not as they were written")) from None
