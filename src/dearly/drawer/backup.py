"""A backup: one tar file with the whole drawer, as encrypted as it was. One file and the passphrase are enough.

    manifest.json   what is inside, with digests, signed with a key made of the data key
    keys, keys.2    the slots, as they were: an old backup keeps the old passphrase
    drawer.db       a copy by SQLite's own backup, of one moment, although the desk goes on writing

The manifest's signature binds kind, drawer and place of each file, so that no part of another backup can stand in
(the lesson of CVE-2016-10099). A backup is written under another name, synced, and renamed.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import apsw

from dearly.drawer.connection import DataKey, Db, connect_new, translate
from dearly.drawer.drawer import Drawer
from dearly.drawer.folder import DATABASE, KEYS, beside, make_private_file, sync, sync_folder
from dearly.drawer.slots import encode, slots_damaged, subkey
from dearly.letter.errors import Damaged, MadeByNewer, Refused
from dearly.letter.failpoint import reach
from dearly.letter.words import _

FORMAT, VERSION = "dearly-backup", 1
MANIFEST = "manifest.json"
NAMES = (*KEYS, DATABASE)
PAGES_A_STEP = 256

Progress = Callable[[int, int], None]
"""Told how many of how many bytes are done. Called from another thread."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a backup: its size in bytes, and its SHA-256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `schema`: the version of the tables; `made`: aware UTC."""

    drawer: str
    made: datetime
    schema: int
    files: dict[str, Part]

    def encode(self, key: DataKey) -> bytes:
        """The signed manifest as JSON."""
        content = self._content()
        return json.dumps({**content, "mac": _mac(key, content)}, indent=1).encode() + b"\n"

    def is_signed_by(self, key: DataKey, mac: str) -> bool:
        """Whether the holder of the data key wrote this manifest."""
        return hmac.compare_digest(_mac(key, self._content()), mac)

    def _content(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "drawer": self.drawer,
            "made": int(self.made.timestamp()),
            "schema": self.schema,
            "files": {name: asdict(part) for name, part in self.files.items()},
        }


def decode_manifest(data: bytes) -> tuple[Manifest, str]:
    """A manifest and its (unproven) signature. Raises `Damaged` (backup_damaged), `MadeByNewer`."""
    try:
        content = json.loads(data)
        if content["format"] == FORMAT and content["version"] > VERSION:
            raise MadeByNewer(
                "backup_newer",
                _("This backup was made by a newer version of Dearly."),
                _("Restore it with that version, or a later one."),
            )
        files = {str(name): Part(int(p["size"]), str(p["sha256"])) for name, p in content["files"].items()}
        if content["format"] != FORMAT or set(files) != set(NAMES):
            raise damaged(_("it is not a backup of Dearly"))
        made = datetime.fromtimestamp(int(content["made"]), UTC)
        return Manifest(str(content["drawer"]), made, int(content["schema"]), files), str(content["mac"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise damaged(_("its list of contents cannot be read")) from None


def damaged(why: str) -> Damaged:
    """The error for a backup that is not whole."""
    return Damaged(
        "backup_damaged",
        _("This backup is damaged or not whole: {why}.").format(why=why),
        _("Use another backup, and make a new one while the drawer still opens."),
    )


async def back_up(drawer: Drawer, target: Path, progress: Progress | None = None) -> Manifest:
    """Write a backup of the drawer as it is now to `target`, which must not exist.

    Writing goes on meanwhile. Raises `Refused` (file_exists, backup_in_drawer), `NoSpace`, `Damaged`; there is nothing
    at `target` then."""
    now = drawer.clock.now()
    return await drawer.on_reader(lambda: _back_up(drawer, target.absolute(), now, progress or (lambda _a, _b: None)))


def _back_up(drawer: Drawer, target: Path, now: datetime, progress: Progress) -> Manifest:
    if drawer.slots is None:
        raise slots_damaged()
    _refuse_place(target)
    copy, unfinished = beside(target, "copying"), beside(target, "unfinished")
    try:
        schema = drawer.store.whole(lambda source: _copy(source, copy, drawer.store.key, progress))
        content = dict.fromkeys(KEYS, encode(drawer.slots))
        files = {name: Part(len(data), hashlib.sha256(data).hexdigest()) for name, data in content.items()}
        files[DATABASE] = _measure(copy)
        manifest = Manifest(drawer.uid, now, schema, files)
        content[MANIFEST] = manifest.encode(drawer.store.key)
        _pack(unfinished, content, copy, now)
        unfinished.replace(target)
        sync_folder(target.parent)
    except (apsw.Error, OSError) as error:
        raise translate(error) from error
    finally:
        for path in (copy, unfinished):
            path.unlink(missing_ok=True)
    return manifest


def _refuse_place(target: Path) -> None:
    if target.exists():
        raise Refused("file_exists", _("“{name}” exists already.").format(name=target), _("Choose another name."))
    if any((above / DATABASE).exists() for above in target.parents):
        raise Refused(
            "backup_in_drawer",
            _("A backup inside the drawer's own folder would be lost with it."),
            _("Write it to another disk or stick."),
        )


def _copy(source: apsw.Connection, target: Path, key: DataKey, progress: Progress) -> int:
    """Copy one snapshot of the database page by page; its schema version."""
    make_private_file(target)
    copy = connect_new(target, key)
    try:
        # While this transaction is open the backup sees one moment and never has to begin again.
        source.execute("BEGIN")
        schema = int(Db(source).value("PRAGMA user_version"))
        size = int(Db(source).value("PRAGMA page_size"))
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(PAGES_A_STEP)
                progress((backup.page_count - backup.remaining) * size, backup.page_count * size)
        source.execute("ROLLBACK")
    finally:
        copy.close()
    return schema


def _measure(path: Path) -> Part:
    with path.open("rb") as file:
        return Part(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _pack(path: Path, content: dict[str, bytes], database: Path, now: datetime) -> None:
    make_private_file(path)
    with path.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in (MANIFEST, *KEYS):
                _add(tar, name, len(content[name]), io.BytesIO(content[name]), now)
            reach("backup.half-written")
            with database.open("rb") as data:
                _add(tar, DATABASE, database.stat().st_size, data, now)
        file.flush()
        sync(file.fileno())
    reach("backup.before-rename")


def _add(tar: tarfile.TarFile, name: str, size: int, data: BinaryIO, now: datetime) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode, about.mtime = size, 0o600, int(now.timestamp())
    tar.addfile(about, data)


def _mac(key: DataKey, content: dict[str, Any]) -> str:
    text = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    return hmac.new(subkey(key, b"backup manifest"), text, hashlib.sha256).hexdigest()
