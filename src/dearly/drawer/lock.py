"""The `lock` file: one process at a time (F25), and how the drawer was left.

The kernel's lock on the file is what excludes (it ends with the process, however that ends); the text in it is what
the next one reads: whether the drawer was closed cleanly, and which files were there. A drawer that was not closed,
whose log (-wal) is gone, has lost the letters that were in the log; that must be said, never passed over (F22).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dearly.drawer.folder import DATABASE, JOURNAL, LOCK, LOG, sync
from dearly.letter.errors import Damaged, InUse
from dearly.letter.words import _


class Left(StrEnum):
    """How the last process left the drawer."""

    CLOSED = "closed"
    OPEN = "open"
    RENEWING = "renewing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Note:
    """What stands in the file. `folder_inode` and `file_inode` tell a copied folder from a replaced file."""

    left: Left
    process: int = 0
    folder_inode: int = 0
    file_inode: int = 0


class Lock:
    """The held lock of one drawer. Made by `take`."""

    def __init__(self, folder: Path, descriptor: int | None, before: Note, writable: bool) -> None:
        self.folder, self.before = folder, before
        self._descriptor, self._writable = descriptor, writable

    @classmethod
    def take(cls, folder: Path, *, writable: bool = True) -> Lock:
        """Hold the drawer in `folder`. Raises `InUse` (drawer_in_use), or OSError.

        `writable` False is for places that may only be read: no file is made there, and where there is none nothing
        is held."""
        path = folder / LOCK
        flags = (os.O_RDWR | os.O_CREAT) if writable else os.O_RDONLY
        try:
            descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            if writable:
                raise
            return cls(folder, None, Note(Left.UNKNOWN), writable)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            process = _read(descriptor).process
            os.close(descriptor)
            raise InUse(
                "drawer_in_use",
                _("This drawer is already open in another Dearly on this machine (process {process}).").format(
                    process=process or "?"
                ),
                _("Use it there, or lock it there first."),
                retry=True,
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        return cls(folder, descriptor, _read(descriptor), writable)

    def mark(self, left: Left) -> None:
        """Write down, lastingly, how the drawer stands. Raises OSError."""
        if self._descriptor is None or not self._writable:
            return
        note = {
            "left": left.value,
            "process": os.getpid(),
            "folder_inode": self.folder.stat().st_ino,
            "file_inode": (self.folder / DATABASE).stat().st_ino if (self.folder / DATABASE).exists() else 0,
        }
        # One write of always the same length, within one sector: the file holds the old text or the new one.
        os.pwrite(self._descriptor, json.dumps(note).encode().ljust(255) + b"\n", 0)
        sync(self._descriptor)

    def moved_to(self, folder: Path) -> None:
        """The folder was renamed while held."""
        self.folder = folder

    def release(self) -> None:
        """Let go. May be called twice."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def missing_log(folder: Path, before: Note) -> Damaged | None:
    """What is wrong with the log that the drawer was left with, or None.

    A folder that was copied whole has other inodes than the note says; then only the log's absence is a sign."""
    if before.left is not Left.OPEN or (folder / JOURNAL).exists():
        return None
    here = folder.stat().st_ino, (folder / DATABASE).stat().st_ino
    if not (folder / LOG).exists():
        return Damaged(
            "log_missing",
            _("This drawer was not closed, and the file “{name}” with what was stored last is missing.").format(
                name=LOG
            ),
            _("Put that file back beside drawer.db, or open the drawer without it: what was stored last is lost then."),
        )
    if here[0] == before.folder_inode and here[1] != before.file_inode:
        return Damaged(
            "log_of_another_file",
            _("The file drawer.db was replaced while the drawer was open; the log beside it belongs to another file."),
            _("Put the replaced drawer.db back, or open the drawer without the log."),
        )
    return None


def _read(descriptor: int) -> Note:
    try:
        note = json.loads(os.pread(descriptor, 4096, 0))
        return Note(Left(note["left"]), int(note["process"]), int(note["folder_inode"]), int(note["file_inode"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Note(Left.UNKNOWN)
