"""What a drawer is on the disk: a folder of the owner's own; small files in it are written whole or not at all.

    drawer.db   the letters, encrypted (and, while open, drawer.db-wal and drawer.db-shm)
    keys        the data key, wrapped by the passphrase; keys.2 is a copy of it
    lock        held by the process that has the drawer open; says how it was left
    ballast     room that is given back when the disk is full

Folders are 0700 and files 0600 whatever the umask says; SQLite gives -wal and -shm the modes of drawer.db.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

DATABASE = "drawer.db"
LOG = "drawer.db-wal"
SHARED = "drawer.db-shm"
JOURNAL = "drawer.db-journal"
KEYS = ("keys", "keys.2")
LOCK = "lock"
BALLAST = "ballast"
RESCUED = "drawer.rescued.db"

_BALLAST_SIZE = 1 << 20


def make_private_folder(path: Path) -> None:
    """Make `path`, for its owner only. Raises OSError."""
    path.mkdir(mode=0o700)
    path.chmod(0o700)


def make_private_file(path: Path) -> None:
    """Make an empty file for its owner only. Raises FileExistsError."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def sync(descriptor: int) -> None:
    """Until it is on the medium. On macOS fsync alone leaves it in the drive's cache."""
    full: int | None = getattr(fcntl, "F_FULLFSYNC", None)
    if full is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, full)


def sync_folder(path: Path) -> None:
    """Make the names in a folder (a creation, a rename) last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make a file's content last."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def beside(target: Path, purpose: str) -> Path:
    """A new hidden name in the folder of `target`: what is not yet finished never bears the final name (F17)."""
    return target.with_name(f".{target.name}.{purpose}-{os.urandom(6).hex()}")


def write_whole(path: Path, data: bytes, *, before_rename: Callable[[], None] | None = None) -> None:
    """Write a small private file so that its name holds either what it held before or all of `data`.

    `before_rename` is called when all is on the disk under another name. Raises OSError; nothing is left then.
    """
    unfinished = beside(path, "unfinished")
    make_private_file(unfinished)
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            sync(file.fileno())
        if before_rename is not None:
            before_rename()
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def fill_ballast(folder: Path) -> None:
    """Lay by a little room, so that a full disk still lets letters be erased and drafts be saved (F16).

    Random bytes: zeros would take no room where the file system compresses. No room for it is no error."""
    path = folder / BALLAST
    try:
        if path.exists() and path.stat().st_size == _BALLAST_SIZE:
            return
        free = os.statvfs(folder)
        if free.f_bavail * free.f_frsize < 4 * _BALLAST_SIZE:
            return
        write_whole(path, os.urandom(_BALLAST_SIZE))
    except OSError:
        return


def give_ballast_back(folder: Path) -> None:
    """Let the laid-by room go."""
    try:
        (folder / BALLAST).unlink(missing_ok=True)
    except OSError:
        return
