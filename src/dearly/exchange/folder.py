"""A folder on the disk, walked in an order that is the same every time, and its files, opened so that nothing changes.

Links are not followed: what they lead to lies elsewhere, or is met anyway. The order is by name, but that `new` of a
Maildir comes before `cur`: a letter that is moved from one to the other meanwhile comes twice rather than not at all.
A folder is listed once, and only by names: what else the system knows of a file is asked for where it is needed.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from io import BufferedReader
from pathlib import Path

from dearly.letter.address import clean
from dearly.letter.errors import NotFound
from dearly.letter.words import _

MOST_DEPTH = 64

_COARSE_NS = 5_000_000_000
"""More than the coarsest clock of a file system that letters may lie on has between two of its ticks (FAT: 2 s)."""

Parts = tuple[bytes, ...]
Key = tuple[tuple[bool, bytes], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the folder. `parts`: its path inside. `trouble`: "" for a plain file; "link", "not_a_letter" (a device,
    a pipe), "unreadable" (a folder that may not be looked into, or lies too deep)."""

    parts: Parts
    trouble: str = ""


def key(parts: Parts) -> Key:
    """By which entries are in order."""
    return tuple((part != b"new", part) for part in parts)


def walk(root: Path, prune: Callable[[Parts], bool] = lambda _parts: False) -> Iterator[Entry]:
    """Everything in the folder but folders themselves. `prune`: which folders are left out. What goes away meanwhile is
    left out; never raises."""
    stack = [iter(_listed(root, ()))]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, Entry):
            yield entry
        elif not prune(entry):
            if len(entry) >= MOST_DEPTH:
                yield Entry(entry, "unreadable")
            else:
                stack.append(iter(_listed(root, entry)))


def _listed(root: Path, folder: Parts) -> list[Entry | Parts]:
    """What is in one folder, in order: entries, and folders as their parts."""
    found: dict[bytes, Entry | Parts] = {}
    try:
        with os.scandir(os.fsencode(path_of(root, folder))) as entries:
            for one in entries:
                try:
                    found[one.name] = _entry(one, (*folder, one.name))
                except OSError:
                    continue  # gone again
    except FileNotFoundError:
        return []
    except OSError:
        return [Entry(folder, "unreadable")]
    names = sorted(found)
    if b"new" in found:
        names.remove(b"new")
        names.insert(0, b"new")
    return [found[name] for name in names]


def _entry(one: os.DirEntry[bytes], parts: Parts) -> Entry | Parts:
    if one.is_file(follow_symlinks=False):
        return Entry(parts)
    if one.is_symlink():
        return Entry(parts, "link")
    if one.is_dir(follow_symlinks=False):
        return parts
    one.stat(follow_symlinks=False)  # raises where it is only gone
    return Entry(parts, "not_a_letter")


def about(root: Path, parts: Parts) -> os.stat_result | None:
    """What the system says of a plain file; None where it is not there any more, or no plain file."""
    try:
        found = os.lstat(b"/".join((os.fsencode(root), *parts)))
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def mark(parts: Parts, about: os.stat_result) -> bytes:
    """16 octets that are others as soon as the file is another one, or was written to: its path inside, its number on
    the disk, its size, and when its content and its entry changed last (the second of them no program can set)."""
    told = f"{about.st_ino} {about.st_size} {about.st_mtime_ns} {about.st_ctime_ns} ".encode()
    return blake2b(told + b"/".join(parts), digest_size=16).digest()


def settled(about: os.stat_result) -> bool:
    """Whether whatever changes the file from now on shows in its times. Clocks of file systems are coarse: what was
    written a moment ago may be written once more at the same time."""
    return max(about.st_mtime_ns, about.st_ctime_ns) < time.time_ns() - _COARSE_NS


def path_of(root: Path, parts: Parts) -> Path:
    """The path of an entry."""
    return root.joinpath(*map(os.fsdecode, parts))


def opened(path: Path) -> BufferedReader:
    """A plain file, open for reading: never through a link, never waiting for a pipe, without any lock, and where the
    system allows it without a trace in its time of access. Raises `OSError`."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        # Only the owner of a file may ask for this, and not every system has it.
        file = os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        file = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError("not a plain file")
    return os.fdopen(file, "rb")


def there(path: Path) -> bool:
    """Whether something is there that may be looked at."""
    try:
        return path.exists()
    except OSError:
        return False


def gone(path: Path) -> NotFound:
    """For an archive that is not there."""
    return NotFound(
        "no_archive",
        _("“{name}” is not there, or may not be read.").format(name=clean(str(path))),
        _("Check the name, and whether the disk it is on is there."),
    )


def names(parts: Parts) -> list[str]:
    """The parts of a path as text; octets that are none are replaced."""
    return [part.decode("utf-8", "replace") for part in parts]
