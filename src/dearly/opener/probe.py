"""The self-test of the limits: a child tries each thing that it must not be able to do, and says what came of it.

`attempt`, `attempt_exec` and `spin` run in a child that was started for this alone; `prove` runs in the desk. What is
aimed at belongs to the desk: its home folder, and a port on which it listens.
"""

from __future__ import annotations

import asyncio
import io
import mmap
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dearly.opener.limits import MEMORY, Limits
from dearly.opener.protocol import EXEC, SPIN, TRY, Empty, How, In, Operation, Out, Tried, Try

if TYPE_CHECKING:
    from dearly.opener.process import Child

_SPIN = 0.2
"""Seconds of processor time that the spinning child is given."""


async def prove(start: Callable[[], Awaitable[Child]]) -> Limits:
    """What the child that `start` gives cannot do. It does not survive this. Raises as `start` does."""
    from dearly.opener.process import Lost

    async def answered(operation: Operation[In, Out], value: In, seconds: float = 20.0) -> Out | How:
        try:
            return await child.call(operation, value, seconds=seconds)
        except Lost as lost:
            return lost.how

    child = await start()
    listener = socket.create_server(("127.0.0.1", 0))
    try:
        port: int = listener.getsockname()[1]
        private = await asyncio.to_thread(_private, child.pid)
        tried = await answered(TRY, Try(str(Path.home()), port))
        if not isinstance(tried, Tried):
            tried = Tried(False, False, False, False, False, False)
        kept = (await answered(EXEC, Empty())) is True
        return Limits(
            memory=tried.memory,
            cpu=kept and (await answered(SPIN, Empty(), _SPIN)) is How.TIME,
            descriptors=tried.descriptors,
            output=tried.output,
            no_net=tried.no_net,
            no_files=tried.no_files,
            processes=tried.processes and kept,
            private=private,
            locks=child.locks,
        )
    finally:
        listener.close()
        await child.close()


def _private(pid: int) -> bool:
    """Whether we, who started it, can make it dump core or read its memory. The administrator always can."""
    try:
        import resource

        if resource.prlimit(pid, resource.RLIMIT_CORE) != (0, 0):
            return False
        Path(f"/proc/{pid}/mem").open("rb").close()
    except PermissionError:
        return True
    except (OSError, AttributeError):
        pass  # not Linux: nothing proven
    return False


def attempt(what: Try, written: io.FileIO) -> Tried:
    """Try everything. `written`: a file that was opened for writing before the child locked itself down."""
    program, mine = Path(sys.executable), Path(what.folder) / f".dearly-self-test-{os.getpid()}"
    return Tried(
        memory=_refused(lambda: bytearray(MEMORY + (1 << 20))) and _refused(lambda: mmap.mmap(-1, MEMORY + (1 << 20))),
        descriptors=_refused(lambda: os.dup(0)) and _refused(os.pipe),
        output=_refused(lambda: written.write(b"1")),
        no_net=all(
            [
                _refused(lambda: _connect(socket.SOCK_STREAM, what.port)),
                _refused(lambda: _connect(socket.SOCK_DGRAM, what.port)),
                _refused(socket.socketpair),
            ]
        ),
        no_files=all(
            [
                _refused(program.read_bytes),
                _refused(lambda: list(Path(what.folder).iterdir())),
                _refused(lambda: _make(mine)),
                _refused(lambda: _make_folder(mine)),
                _refused(lambda: _reopen(program)),
            ]
        ),
        processes=_refused(_fork) and _refused(lambda: os.kill(os.getppid(), 0)),
    )


def attempt_exec(_: Empty) -> bool:
    """True when another program could not be run in our place. Where it could, the desk hears no answer."""
    return _refused(lambda: os.execv(sys.executable, [sys.executable, "-I", "-c", ""]))  # noqa: S606 - must fail


def spin(_: Empty) -> Empty:
    """Compute for far longer than allowed; return where nothing stops it."""
    begun = time.process_time()
    while time.process_time() < begun + 20 * _SPIN:
        pass
    return Empty()


def _refused(act: Callable[[], Any]) -> bool:
    try:
        act()
    except (OSError, MemoryError):
        return True
    return False


def _connect(kind: int, port: int) -> None:
    with socket.socket(socket.AF_INET, kind) as connection:
        connection.settimeout(2)
        connection.connect(("127.0.0.1", port))
        connection.send(b"1")


def _make(path: Path) -> None:
    path.write_bytes(b"")
    with suppress(OSError):
        path.unlink()


def _make_folder(path: Path) -> None:
    path.mkdir()
    path.rmdir()


def _reopen(path: Path) -> None:
    """With one descriptor fewer in use than when the limits were set."""
    os.close(0)
    path.read_bytes()


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
