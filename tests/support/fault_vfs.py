"""A layer under SQLite that sees every write to a database, can make it fail, and can say what a power cut would leave.

    layer = FaultLayer("one")                       # a VFS; open through layer.name
    drawer = await open_keyed(folder, key, vfs=layer.name)
    layer.fail("sync", "-wal", io_error(apsw.SQLITE_IOERR_FSYNC))   # the next matching call fails
    for steps, disk in after_power_cuts(before, layer.done, keep): ...

It lies under the cipher ("multipleciphers-" + the name that was registered), so it sees ciphertext only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw


@dataclass(frozen=True)
class Done:
    """One thing that SQLite did to a file: "write" (with offset and data), "truncate" (offset = new size), "sync"."""

    what: str
    file: str
    offset: int = 0
    data: bytes = b""


@dataclass
class _Planned:
    what: str
    ending: str
    raises: Callable[[], Exception]
    after: int
    times: int
    half: bool


class FaultLayer(apsw.VFS):
    """`done` holds everything since the beginning (or since `forget`)."""

    def __init__(self, name: str, root: Path | None = None) -> None:
        """`root`: files go by their paths from there; without it, by their names alone."""
        self.root = root
        self.registered = f"faulty-{name}"
        self.name = f"multipleciphers-{self.registered}"
        self.done: list[Done] = []
        self._planned: list[_Planned] = []
        super().__init__(self.registered, "unix")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # SQLite's own name
        return _File(self, name, flags)

    def fail(
        self,
        what: str,
        ending: str,
        raises: Callable[[], Exception],
        *,
        after: int = 0,
        times: int = 1,
        half: bool = False,
    ) -> None:
        """Let the next `times` calls of `what` ("write", "sync") on files whose name ends so raise, once `after` of
        them have gone well. `half`: after half of the octets were written."""
        self._planned.append(_Planned(what, ending, raises, after, times, half))

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Under every database that this process opens meanwhile without naming a layer; those have no cipher then."""
        usual = apsw.vfs_names()[0]
        apsw.set_default_vfs(self.registered)
        try:
            yield
        finally:
            apsw.set_default_vfs(usual)

    def heal(self) -> None:
        """No more failures."""
        self._planned.clear()

    def forget(self) -> None:
        """Begin to record anew."""
        self.done.clear()

    def hit(self, what: str, file: str) -> _Planned | None:
        """The failure planned for this call, used up by one."""
        for plan in self._planned:
            if plan.what != what or plan.times == 0 or not file.endswith(plan.ending):
                continue
            if plan.after == 0:
                plan.times -= 1
                return plan
            plan.after -= 1
        return None


class _File(apsw.VFSFile):
    def __init__(self, layer: FaultLayer, name: Any, flags: list[int]) -> None:
        self.layer = layer
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name or ""))
        self.called = str(path.relative_to(layer.root)) if layer.root else path.name
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  # SQLite's own name
        plan = self.layer.hit("write", self.called)
        if plan is not None:
            if plan.half:
                super().xWrite(bytes(data)[: len(data) // 2], offset)
            raise plan.raises()
        super().xWrite(data, offset)
        self.layer.done.append(Done("write", self.called, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802  # SQLite's own name
        super().xTruncate(size)
        self.layer.done.append(Done("truncate", self.called, size))

    def xSync(self, flags: int) -> None:  # noqa: N802  # SQLite's own name
        plan = self.layer.hit("sync", self.called)
        if plan is not None:
            raise plan.raises()
        super().xSync(flags)
        self.layer.done.append(Done("sync", self.called))


def io_error(extended: int) -> Callable[[], Exception]:
    """What to raise for an extended SQLite code, such as apsw.SQLITE_IOERR_FSYNC."""

    def make() -> Exception:
        error = apsw.IOError("made to fail")
        error.extendedresult = extended  # type: ignore[attr-defined]  # apsw reads it, its stubs do not name it
        return error

    return make


def no_space() -> Exception:
    """What to raise for a disk without room."""
    return apsw.FullError("made to be full")


@dataclass
class Disk:
    """Files as octets, replayed from what was done to them."""

    files: dict[str, bytearray] = field(default_factory=dict)

    def apply(self, done: Done) -> None:
        """Do it again, here."""
        content = self.files.setdefault(done.file, bytearray())
        if done.what == "truncate":
            del content[done.offset :]
        elif done.what == "write":
            if len(content) < done.offset:
                content.extend(bytes(done.offset - len(content)))
            content[done.offset : done.offset + len(done.data)] = done.data

    def copy(self) -> Disk:
        """An independent copy."""
        return Disk({name: bytearray(content) for name, content in self.files.items()})

    def put(self, folder: Path) -> None:
        """Write the files into `folder`."""
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


def after_power_cuts(start: Disk, done: list[Done], keep: Callable[[int], bool]) -> Iterator[tuple[int, Disk]]:
    """What the disk may hold when the power goes after each step: all that was synced, and of the rest what is kept.

    Yields (number of steps done, disk). `keep(n)` decides for the nth step whether it had reached the disk without a
    sync; a sync makes every earlier step on the same file last."""
    lasting, waiting = start.copy(), []
    for number, step in enumerate(done, 1):
        if step.what == "sync":
            rest = []
            for earlier, other in waiting:
                if other.file == step.file:
                    lasting.apply(other)
                else:
                    rest.append((earlier, other))
            waiting = rest
        else:
            waiting.append((number, step))
        left = lasting.copy()
        for earlier, other in waiting:
            if keep(earlier):
                left.apply(other)
        yield number, left
