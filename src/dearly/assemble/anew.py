"""Beginning anew in the same process: what was in its memory, the keys above all, is gone; its address stays.

Python cannot wipe its memory: the passphrase and the keys are left in many places of it. Replacing the program (exec)
gives all of it back to the system. The sockets go along as open files, and the rest through a file without a name, so
that nothing of it stands in the arguments.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NoReturn

from dearly.desk.threshold import Visitor

_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """What goes along: open files by number, the name in the web, which is secret, and who stands at the lock page."""

    web: int
    bell: int
    held: int
    name: str
    visitors: tuple[Visitor, ...] = ()

    def listener(self) -> socket.socket:
        """The socket of the web, listening."""
        return _socket(self.web)

    def bell_listener(self) -> socket.socket:
        """The socket of the bell, listening."""
        return _socket(self.bell)


def begin(folder: Path, kept: Kept) -> NoReturn:
    """Replace this process by one that holds nothing but `kept`. Raises `OSError` where that is not possible."""
    with _nameless() as note:
        note.write(json.dumps(asdict(kept)).encode())
        note.flush()
        note.seek(0)
        for descriptor in (kept.web, kept.bell, kept.held, note.fileno()):
            os.set_inheritable(descriptor, True)
        os.execv(sys.executable, [*order(folder), str(note.fileno())])  # noqa: S606 (our own program)


def _nameless() -> IO[bytes]:
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("dearly"), "w+b")  # never on a disk
    return tempfile.TemporaryFile()


def order(folder: Path) -> list[str]:
    """The command by which the process of a drawer is started, its drawer closed."""
    return [sys.executable, "-m", "dearly", "--desk", str(folder)]


def take(descriptor: int) -> Kept:
    """What `begin` passed on. Raises `ValueError`, `OSError` for anything else."""
    with os.fdopen(descriptor, "rb") as note:
        said = json.loads(note.read(_MOST))
    visitors = tuple((int(seat), str(key), str(token)) for seat, key, token in said["visitors"])
    kept = Kept(int(said["web"]), int(said["bell"]), int(said["held"]), str(said["name"]), visitors)
    for number in (kept.web, kept.bell, kept.held):
        os.set_inheritable(number, False)
    return kept


def _socket(descriptor: int) -> socket.socket:
    found = socket.socket(fileno=descriptor)
    found.setblocking(False)
    return found
