"""By hand: a sealed letter written into a file, to carry on a stick or to send by any other channel, and taken in.

Whoever takes it in gets the same `Source` and the same bytes from the same letter, in whatever file it came, and
however often. What the file looks like: `letterfile`.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import itertools
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path

from dearly.carriers.base import MOST_PARCEL, Collected, for_each, said
from dearly.carriers.letterfile import LONGEST_LINE, framed, read_bytes, suggested_name, unframed, unreadable
from dearly.letter.address import Address
from dearly.letter.envelope import Parcel, SealedLetter, Source, Way
from dearly.letter.errors import Damaged, MadeByNewer, NotFound, Refused, Usage
from dearly.letter.failpoint import reach
from dearly.letter.journey import Accepted, Evidence, Found, NothingProven, NotThere, Outcome, TryLater, Turned, Unknown
from dearly.letter.words import _

PLACE = "hand"

_attempts = itertools.count()


def read_file(path: Path) -> Parcel:
    """The letter in the file at `path`. The file stays as it is.

    Raises as `unframed`, and `NotFound` (no_such_file), `Usage` (unreadable_file), `Refused` (too_large)."""
    try:
        file = read_bytes(path, MOST_PARCEL + LONGEST_LINE)
    except FileNotFoundError:
        raise NotFound(
            "no_such_file",
            _("There is no file {path}.").format(path=said(str(path))),
            _("Look how it is spelt, and where."),
        ) from None
    except OSError as trouble:
        raise unreadable(path, said(trouble.strerror)) from None
    return _parcel(file)


def _parcel(file: bytes) -> Parcel:
    """The letter in the bytes of a file. Raises as `unframed`."""
    data = unframed(file)
    return Parcel(data, Source(Way.HAND, PLACE, "", hashlib.sha256(data).hexdigest()))


def _read(source: Path | bytes) -> Parcel:
    return _parcel(source) if isinstance(source, bytes) else read_file(source)


class HandIn:
    """Takes in the letter that lies in one file: `Collects` over a single parcel. `source`: the file, or what it holds
    where it never lay on this disk."""

    way = Way.HAND
    place = PLACE

    def __init__(self, source: Path | bytes) -> None:
        self._source = source

    async def collect(self, cursor: str) -> Collected:
        """The one letter, unless `cursor` says that it was collected. Raises as `read_file` does."""
        parcel = await asyncio.to_thread(_read, self._source)
        return Collected(() if cursor == parcel.source.uid else (parcel,), parcel.source.uid)

    async def acknowledge(self, sources: Sequence[Source]) -> None:
        """Nothing: the file belongs to the person, who may keep it or throw it away."""

    async def close(self) -> None:
        """Nothing is held open."""


class HandOut:
    """Writes a sealed letter into a file. `path`: a folder that is there now, in which the
    file is given its `suggested_name`, or else the file itself.

    The file appears at once and whole, by renaming: nobody ever finds half of it under its name. A file that is there
    already is never overwritten, except a torn copy of this same letter, which its first line proves it to be."""

    way = Way.HAND
    place = PLACE

    def __init__(self, path: Path) -> None:
        # Looked at once: when the stick is pulled out later, its folder must not become the name of a file.
        self._folder = path if _is_folder(path) else None
        self._path = path

    def target(self, letter: SealedLetter) -> Path:
        """Where the letter lies after it was handed over."""
        return self._folder / suggested_name(letter) if self._folder else self._path

    async def hand_over(self, letter: SealedLetter) -> Mapping[Address, Outcome]:
        return for_each(letter, await asyncio.to_thread(_write, self.target(letter), letter.data))

    async def look_for(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        return for_each(letter, await asyncio.to_thread(_look, self.target(letter), letter.data))

    async def close(self) -> None:
        """Nothing is held open."""


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # it may not be looked at
        return False


class _There(Enum):
    """What lies under a name already."""

    NOTHING = "nothing"
    SAME = "same"
    TORN = "torn"
    OTHER = "other"


def _there(target: Path, data: bytes) -> _There:
    """What lies at `target`, beside the message `data`. Raises OSError when that cannot be known."""
    if not os.path.lexists(target):
        return _There.NOTHING
    whole = framed(data)
    line = whole[: len(whole) - len(data)]
    try:
        file = read_bytes(target, len(whole))
        if unframed(file) == data:
            return _There.SAME
    except (Usage, Refused, MadeByNewer):
        return _There.OTHER
    except Damaged:
        return _There.TORN if file.startswith(line) else _There.OTHER
    return _There.OTHER


def _look(target: Path, data: bytes) -> Evidence:
    try:
        # Without its folder (the stick is not plugged in) nothing can be said of the file.
        target.parent.stat()
        return Found() if _there(target, data) is _There.SAME else NotThere()
    except OSError:
        return NothingProven()


def _write(target: Path, data: bytes) -> Outcome:
    """Write the file beside its name, and give it its name when it is whole and on the disk."""
    stem = f".dearly-{hashlib.sha256(data).hexdigest()[:16]}-"
    part = target.with_name(f"{stem}{os.getpid()}-{next(_attempts)}.part")
    try:
        there = _there(target, data)
        if there is _There.OTHER:
            return _taken(target)
        if there is not _There.SAME:
            _write_part(part, framed(data))
            reach("hand.before-rename")
            there = _give_name(part, target, data)
            if there is _There.OTHER:
                return _taken(target)
    except OSError as trouble:
        return TryLater(_os_words(trouble, target.parent))
    finally:
        with suppress(OSError):
            part.unlink()
    try:
        reach("hand.after-rename")
        _sync(target)
        _sync(target.parent)
        for old in target.parent.glob(stem + "*.part"):  # left by a run that was killed, or lost its race with us
            old.unlink(missing_ok=True)
    except OSError as trouble:
        return Unknown(_os_words(trouble, target.parent))
    return Accepted()


def _write_part(part: Path, file: bytes) -> None:
    # For its owner alone: the envelope can be read, and a folder may be shared.
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb", buffering=0) as out:
        view = memoryview(file)
        half = len(file) // 2
        while view:
            if len(view) <= len(file) - half and half:
                reach("hand.half-written")
                half = 0
            view = view[out.write(view[: half or len(view)]) :]
        os.fsync(fd)


def _give_name(part: Path, target: Path, data: bytes) -> _There:
    """Let `target` be the whole file, unless something else lies there (also when it came there this moment)."""
    try:
        os.link(part, target)  # never replaces anything, unlike a rename
        return _There.SAME
    except FileExistsError:
        pass
    except FileNotFoundError:
        # Another run wrote the same letter and tidied up after itself.
        if _there(target, data) is _There.SAME:
            return _There.SAME
        raise
    except OSError as trouble:
        # FAT, as on most sticks, knows no second name; then what lies there is looked at just before the rename.
        if trouble.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
    there = _there(target, data)
    if there in (_There.NOTHING, _There.TORN):
        part.replace(target)
        return _There.SAME
    return there


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as trouble:
        if trouble.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems cannot sync a folder
            raise
    finally:
        os.close(fd)


def _taken(target: Path) -> Turned:
    return Turned(_("Another file named {name} is there already; it was left as it is.").format(name=said(target.name)))


def _os_words(trouble: OSError, folder: Path) -> str:
    where = said(str(folder))
    match trouble.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return _("There is no room left in {folder}.").format(folder=where)
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return _("{folder} may not be written to.").format(folder=where)
        case errno.ENOENT | errno.ENOTDIR:
            return _("There is no folder {folder}.").format(folder=where)
    return _("Writing to {folder} failed: {why}.").format(folder=where, why=said(trouble.strerror))
