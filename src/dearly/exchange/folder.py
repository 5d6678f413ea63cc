"""A folder on the disk, walked in an order that is the same every time, and its files, opened so that nothing changes.

Links are not followed: what they lead to lies elsewhere, or is met anyway. The order is by name, but that `new` of a
Maildir comes before `cur`: a letter that is moved from one to the other meanwhile comes twice rather than not at all.
A folder is listed once, and only by names: what else the system knows of a file is asked for where it is needed.
"""

from __future__ import annotations

import os
import stat
import time
from bisect import bisect_left
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
    """Something in the folder. `parts`: its path inside. `trouble`: "" for a plain file; "link", "not_a_letter" (a
    device, a pipe), "unreadable" (a folder that may not be looked into, or lies too deep)."""

    parts: Parts
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Plain files that come one after the other in one folder. `whole`: nothing else lies in it."""

    folder: Parts
    names: list[bytes]
    whole: bool = False


def key(parts: Parts) -> Key:
    """By which entries are in order."""
    return tuple((part != b"new", part) for part in parts)


def first(run: Run, last: Parts) -> int:
    """How many files of a run come before the path `last`."""
    return bisect_left(run.names, key(last), key=lambda name: key((*run.folder, name)))


def walk(root: Path, prune: Callable[[Parts], bool] = lambda _parts: False) -> Iterator[Entry]:
    """As `runs`, one by one."""
    for found in runs(root, prune):
        if isinstance(found, Entry):
            yield found
        else:
            yield from (Entry((*found.folder, name)) for name in found.names)


def runs(root: Path, prune: Callable[[Parts], bool] = lambda _parts: False) -> Iterator[Run | Entry]:
    """Everything in the folder but folders themselves; what is no plain file as an entry. `prune`: which folders are
    left out. What goes away meanwhile is left out; never raises."""
    stack = [iter(_listed(root, ()))]
    while stack:
        found = next(stack[-1], None)
        if found is None:
            stack.pop()
        elif isinstance(found, Run | Entry):
            yield found
        elif not prune(found):
            if len(found) >= MOST_DEPTH:
                yield Entry(found, "unreadable")
            else:
                stack.append(iter(_listed(root, found)))


def _listed(root: Path, folder: Parts) -> list[Run | Entry | Parts]:
    """What is in one folder, in order: files, whatever else is no folder, and folders as their parts."""
    files: list[bytes] = []
    others: dict[bytes, Entry | Parts] = {}
    try:
        with os.scandir(os.fsencode(path_of(root, folder))) as entries:
            for one in entries:
                try:
                    if one.is_file(follow_symlinks=False):
                        files.append(one.name)
                    else:
                        others[one.name] = _other(one, (*folder, one.name))
                except OSError:
                    continue  # gone again
    except FileNotFoundError:
        return []
    except OSError:
        return [Entry(folder, "unreadable")]
    names = sorted((*files, *others))
    if b"new" in names:
        names.remove(b"new")
        names.insert(0, b"new")
    if not others:
        return [Run(folder, names, whole=True)]
    found: list[Run | Entry | Parts] = []
    for name in names:
        if name in others:
            found.append(others[name])
        elif found and isinstance(found[-1], Run):
            found[-1].names.append(name)
        else:
            found.append(Run(folder, [name]))
    return found


def _other(one: os.DirEntry[bytes], parts: Parts) -> Entry | Parts:
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
