"""The owner's side of the bell (`bell`), and the lock by which one process alone is a drawer's.

Both outlive an exec: a process that forgets its keys by beginning anew takes the open socket and the lock along, so
that there is no moment in which a command finds nobody, or starts a second one.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dearly.door.bell import frozen
from dearly.door.frames import JSON, VERSION, Breach, pack_json, receive, unpack_json
from dearly.door.peer import peer_uid
from dearly.door.place import BELL, HELD, make_place
from dearly.letter.errors import DearlyError, InUse, NoSpace
from dearly.letter.words import _

log = logging.getLogger(__name__)

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Does what a question wants; what it gives is the answer. May raise `DearlyError`."""

MOST_RINGING = 32
SECONDS_FOR_QUESTION = 5.0


class Held:
    """The lock of the one process of a drawer. Made by `take` or, after an exec, by `inherit`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self.descriptor = path, descriptor

    @classmethod
    def take(cls, drawer: Path) -> Held:
        """Raises `InUse` (desk_held) where another process is the drawer's, `NoSpace` (no_door)."""
        place = Path(_place(drawer, HELD))
        while True:
            descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if place.stat().st_ino == os.fstat(descriptor).st_ino:
                    return cls(place, descriptor)
            except BlockingIOError:
                os.close(descriptor)
                raise InUse(
                    "desk_held",
                    _("Another process is about to open this desk."),
                    _("Wait a moment and try again."),
                    retry=True,
                ) from None
            except FileNotFoundError:
                pass
            os.close(descriptor)  # its last holder took the file away meanwhile

    @classmethod
    def inherit(cls, drawer: Path, descriptor: int) -> Held:
        """The one that this process held before its exec."""
        os.set_inheritable(descriptor, False)
        return cls(Path(_place(drawer, HELD)), descriptor)

    def release(self) -> None:
        """Take the file away, then let go: whoever waits for it looks whether it is still there."""
        with suppress(OSError):
            if self.path.stat().st_ino == os.fstat(self.descriptor).st_ino:
                self.path.unlink()
        os.close(self.descriptor)


class Bell:
    """Listens for questions on behalf of the process of `drawer`. Use from one event loop."""

    def __init__(self, drawer: Path, answer: Answer) -> None:
        self._drawer, self._answer = os.path.realpath(drawer), answer
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self.listener: socket.socket | None = None

    async def open(self, listener: socket.socket | None = None) -> None:
        """Begin to listen; the process's lock must be held. `listener`: the socket from before an exec."""
        if listener is None:
            listener = _listen(_place(Path(self._drawer), BELL))
        listener.setblocking(False)
        self.listener = listener
        # The server closes what it is given: the socket itself stays, for an exec.
        self._server = await asyncio.start_server(self._begin, sock=listener.dup())

    async def pause(self) -> None:
        """Answer what was asked, and take no more questions; whoever rings now waits in the socket."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._talks:
            await asyncio.wait(self._talks, timeout=1)
        for talk in self._talks:
            talk.cancel()

    async def close(self) -> None:
        """Take it down."""
        await self.pause()
        if self.listener is not None:
            _take_down(self.listener)
            self.listener = None

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if peer_uid(writer.get_extra_info("socket")) != os.geteuid() or len(self._talks) > MOST_RINGING:
                return
            writer.write(pack_json(await self._hear(reader)))
            await writer.drain()
        except (TimeoutError, EOFError, OSError):
            log.debug("a client of the bell went away")
        finally:
            writer.close()

    async def _hear(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        try:
            kind, body = await asyncio.wait_for(receive(reader), SECONDS_FOR_QUESTION)
            question = unpack_json(body) if kind == JSON else {}
        except Breach:
            return {"refused": "frame"}
        if question.get("v") != VERSION:
            return {"refused": "version"}
        if question.get("drawer") != self._drawer:
            return {"refused": "drawer"}
        try:
            return {"done": await self._answer(question)}
        except DearlyError as error:
            return {"error": frozen(error)}
        except Exception as trouble:  # noqa: BLE001 (whatever one question does, the process lives on)
            log.error("a question failed: %s", type(trouble).__name__)  # noqa: TRY400 (its words may be private)
            return {"error": frozen(DearlyError("our_fault", _("Something went wrong that should not have.")))}


def _listen(path: str) -> socket.socket:
    with suppress(OSError):
        Path(path).unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    Path(path).chmod(0o600)
    listener.listen(MOST_RINGING)
    return listener


def _take_down(listener: socket.socket) -> None:
    with suppress(OSError):
        Path(listener.getsockname()).unlink()
    listener.close()


def _place(drawer: Path, kind: str) -> str:
    path = make_place(os.path.realpath(drawer), kind)
    if path is None:
        raise NoSpace(
            "no_door",
            _("There is no folder in which this desk could listen for commands."),
            _("Set XDG_RUNTIME_DIR to a folder of yours that nobody else may look into."),
        )
    return path
