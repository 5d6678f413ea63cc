"""A folder that is filled under another name and gets its own when it is whole: nobody ever sees half an export (F17).

While it is filled it is called NAME.partial and holds a file that says so. Every file is on the disk before the folder
gets its name. What a killed process left is known by that file, and cleared away by the next one. SHA256SUMS inside
lists every file, in the form that `sha256sum -c` takes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from dearly.letter.errors import InUse, Refused
from dearly.letter.failpoint import reach
from dearly.letter.words import _

SUMS = "SHA256SUMS"
MARK = "NOT-FINISHED.txt"

_TOGETHER = 128
"""Files that are brought onto the disk together, by so many threads: a journal takes many at once as quickly as one."""
_THREADS = 8


class Stream:
    """One file of the tree, written from its beginning to its end."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Go on with these bytes."""
        self._digest.update(data)
        self.size += len(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def sync(self) -> str:
        """Until it is on the medium; its SHA-256 in hex. It is closed then."""
        try:
            os.fsync(self._file)
        finally:
            self.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        """Let go of the file, however it is."""
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
            self._file = -1


class Tree:
    """The folder while it is filled. `with Tree(target) as tree:`; `finish` gives it its name; left without that, there
    is nothing of it. Names are relative, with “/” between folders, and ours: nothing foreign stands in them unexamined.

    Raises OSError as the disk does; `Refused` (not_empty, name_taken), `InUse` (export_running) at the beginning."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = target.with_name(f"{target.name}.partial")
        self.files = 0
        self.octets = 0
        self._lock = -1
        self._waiting: list[Stream] = []
        self._open: list[Stream] = []
        self._grown: dict[str, None] = {}
        self._made: set[Path] = set()
        self._list: Stream | None = None
        self._pool = ThreadPoolExecutor(_THREADS, "export")

    def __enter__(self) -> Tree:
        _must_be_free(self.target)
        self._clear()
        self.folder.mkdir(mode=0o700)
        try:
            self._lock = os.open(self.folder / MARK, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(self._lock, _("This export did not come to its end. It may be deleted.").encode() + b"\n")
            self._list = Stream(self.folder / SUMS, SUMS)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _clear(self) -> None:
        """Take away what an export that was killed has left; refuse what is something else, or still going on."""
        if not self.folder.exists():
            return
        left = self.folder / MARK
        if not left.is_file():
            # Killed after the mark was taken off: then the list is there. Or before it was made: then nothing is.
            if any(self.folder.iterdir()) and not (self.folder / SUMS).is_file():
                raise _taken(self.folder)
        else:
            with left.open("rb") as held:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    raise InUse(
                        "export_running",
                        _("Something is being exported to “{name}” already.").format(name=self.target),
                        _("Wait until that is done, or choose another place."),
                    ) from None
        shutil.rmtree(self.folder)

    def write(self, name: str, data: bytes) -> None:
        """One whole file."""
        out = Stream(self._path(name), name)
        self._waiting.append(out)
        out.write(data)
        if len(self._waiting) >= _TOGETHER:
            self.settle()

    def begin(self, name: str) -> Stream:
        """A file that is written bit by bit, until `complete`."""
        out = Stream(self._path(name), name)
        self._open.append(out)
        return out

    def complete(self, out: Stream) -> None:
        """Nothing more is written to it."""
        self._open.remove(out)
        self._waiting.append(out)
        self.settle()

    def grow(self, name: str, data: bytes) -> None:
        """Put more at the end of a file to which more will come, among many such files."""
        out = os.open(self._path(name), os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(out, rest) :]
        finally:
            os.close(out)
        self._grown[name] = None

    def settle(self) -> None:
        """Bring what was written onto the disk."""
        for out, digest in zip(self._waiting, self._pool.map(Stream.sync, self._waiting), strict=True):
            self._sum(out.name, digest, out.size)
        self._waiting.clear()

    def finish(self) -> None:
        """Give the folder its name."""
        reach("export.half-written")
        self.settle()
        for name in self._grown:
            path = self.folder / name
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            self._sum(name, digest, path.stat().st_size)
        assert self._list is not None
        self._list.sync()
        (self.folder / MARK).unlink()
        for folder in sorted({self.folder, *self._made}, reverse=True):
            _sync_folder(folder)
        reach("export.before-rename")
        # An empty folder of that name gives way; anything in it since the beginning does not.
        self.folder.replace(self.target)
        reach("export.after-rename")
        _sync_folder(self.target.parent)

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
        for out in (*self._waiting, *self._open):
            out.close()
        if self._list is not None:
            self._list.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)

    def _sum(self, name: str, digest: str, size: int) -> None:
        assert self._list is not None
        self._list.write(f"{digest}  {name}\n".encode())
        self.files += 1
        self.octets += size

    def _path(self, name: str) -> Path:
        above, _slash, _last = name.rpartition("/")
        if above:
            self.make_folder(above)
        return self.folder / name

    def make_folder(self, name: str) -> Path:
        """A folder of the tree, with those above it, for the owner alone."""
        path = self.folder / name
        missing = [one for one in (path, *path.parents) if one != self.folder and self.folder in one.parents]
        for one in reversed(missing):
            if one not in self._made:
                one.mkdir(mode=0o700, exist_ok=True)
                self._made.add(one)
        return path

    def drop_folder(self, path: Path) -> None:
        """Take away a folder of the tree that is empty again."""
        path.rmdir()
        self._made.discard(path)


def _must_be_free(target: Path) -> None:
    if target.is_dir():
        if any(target.iterdir()):
            raise Refused(
                "not_empty",
                _("There is something in “{folder}” already.").format(folder=target),
                _("Choose a folder that is empty or does not exist yet."),
            )
    elif target.exists() or target.is_symlink():
        raise _taken(target)


def _taken(path: Path) -> Refused:
    return Refused(
        "name_taken",
        _("“{name}” exists already, and is something else.").format(name=path),
        _("Move it away, or choose another name."),
    )


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Some file systems (of sticks, of the network) know no such thing for folders.
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
