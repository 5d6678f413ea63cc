"""What a child tries in a self-test of its limits, after it has locked itself down: each act must fail.

The child was started for this alone and does not survive it (see `probe`, the desk's side).
"""

from __future__ import annotations

import io
import mmap
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dearly.opener.limits import MEMORY
from dearly.opener.protocol_trying import Empty, Tried, Try


def attempt(what: Try, written: io.FileIO) -> Tried:
    """Try everything. `written`: a file that was opened for writing before the child locked itself down."""
    file = Path(what.file)
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
                _refused(file.read_bytes),
                _refused(lambda: list(file.parent.iterdir())),
                _refused(lambda: list(Path(what.home).iterdir())),
                _refused(lambda: file.write_bytes(b"1")),
                _refused(file.with_name("new").touch),
                _refused(file.with_name("folder").mkdir),
                _refused(lambda: file.rename(file.with_name("other"))),
                _refused(file.unlink),
                _refused(lambda: _reopen(file)),
            ]
        ),
        processes=_refused(_fork) and _refused(lambda: os.kill(os.getppid(), 0)),
    )


def attempt_exec(_: Empty) -> bool:
    """True when another program could not be run in our place. Where it could, the desk hears no answer."""
    return _refused(lambda: os.execv(sys.executable, [sys.executable, "-I", "-c", ""]))  # noqa: S606 - must fail


def spin(_: Empty) -> Empty:
    """Compute for far longer than this one is allowed; return where nothing stops it."""
    begun = time.process_time()
    while time.process_time() < begun + 2:
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


def _reopen(path: Path) -> None:
    """With one descriptor fewer in use than when the limits were set."""
    os.close(0)
    path.read_bytes()


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
