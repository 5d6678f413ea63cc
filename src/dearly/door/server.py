"""The owner's side of the door: a Unix socket on the owner's loop, one thread for each command that is running.

Only this user is let in (the kernel says who connects; the folder is 0700 besides). A client has a few seconds for its
request, of bounded size; only so many are served at once; one that floods, falls silent or vanishes harms itself alone.
A command whose client has gone runs to its end: an act once begun is not cut in half.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dearly.door.frames import JSON, MOST_REQUEST, VERSION, Breach, pack_json, receive, unpack_json
from dearly.door.peer import peer_uid
from dearly.door.place import make_place
from dearly.door.remote import RemoteTerminal, Request
from dearly.letter.errors import NoSpace
from dearly.letter.words import _

log = logging.getLogger(__name__)

Serve = Callable[[list[str], RemoteTerminal], int]
"""Runs one command for a client, in a thread of its own: arguments and terminal in, exit code out."""

MOST_CLIENTS = 16
"""Commands that run at once; whoever comes then is told that the desk is busy."""

MOST_KNOCKING = 64
"""Connections at once, with those that have not said yet what they want."""

SECONDS_FOR_REQUEST = 5.0


class Door:
    """Listens for the command line on behalf of the process that holds the drawer at `drawer`.

    All methods are called on the owner's loop. `path` is the socket's, None while the door is closed."""

    def __init__(self, drawer: Path, serve: Serve) -> None:
        self._drawer = os.path.realpath(drawer)
        self._serve = serve
        self._server: asyncio.Server | None = None
        self._inode: int | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._terminals: set[RemoteTerminal] = set()
        self.path: str | None = None

    async def open(self) -> None:
        """Begin to listen. The drawer's lock must be held: a socket found in the place is a dead process's.

        Raises `NoSpace` (no_door) where no folder will do for the socket."""
        path = make_place(self._drawer)
        if path is None:
            raise NoSpace(
                "no_door",
                _("There is no folder in which this desk could listen for commands."),
                _("Set XDG_RUNTIME_DIR to a folder of yours that nobody else may look into."),
            )
        _clear(path)
        self._server = await asyncio.start_unix_server(self._begin, path)
        self.path, self._inode = path, _tighten(path)

    async def close(self, grace: float = 5.0) -> None:
        """Let nobody in any more, wait up to `grace` seconds for the commands that run, and end the talks."""
        if self._server is None or self.path is None:
            return
        self._server.close()
        _clear(self.path, self._inode)
        self._server, self.path = None, None
        if self._talks:
            await asyncio.wait(self._talks, timeout=grace)
        for terminal in list(self._terminals):
            terminal.leave()
        for talk in self._talks:
            talk.cancel()
        if self._talks:
            await asyncio.wait(self._talks, timeout=1)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not _is_us(writer) or len(self._talks) > MOST_KNOCKING:
                return
            request = await self._request(reader, writer)
            if request is not None:
                await self._run(request, RemoteTerminal(request, reader, writer), writer)
        except OSError:
            log.debug("a client of the door went away")
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
        try:
            answer = self._judge(*await asyncio.wait_for(receive(reader, MOST_REQUEST), SECONDS_FOR_REQUEST))
        except (TimeoutError, EOFError):
            return None
        except Breach:
            answer = "frame"
        if isinstance(answer, Request):
            return answer
        writer.write(pack_json({"refused": answer}))
        await writer.drain()
        return None

    def _judge(self, kind: bytes, body: bytes) -> Request | str:
        """The request, or why it is refused."""
        if kind != JSON:
            raise Breach
        value = unpack_json(body)
        if value.get("v") != VERSION:
            return "version"
        request = Request.parse(value)
        if request.drawer != self._drawer:
            return "drawer"
        return request if len(self._terminals) < MOST_CLIENTS else "busy"

    async def _run(self, request: Request, terminal: RemoteTerminal, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()

        def answer(code: int) -> None:
            if not done.done():
                done.set_result(code)

        def work() -> None:
            code = 1
            try:
                code = self._serve(list(request.argv), terminal)
            except BaseException as trouble:  # noqa: BLE001 (whatever a command does, the owner of the drawer lives on)
                log.error("a command failed: %s", type(trouble).__name__)  # noqa: TRY400 (its words may be private)
            # The loop may have been closed while a command would not end.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(answer, code)

        writer.write(pack_json({"hello": VERSION}))
        self._terminals.add(terminal)
        listening = loop.create_task(terminal.listen())
        try:
            threading.Thread(target=work, name="command", daemon=True).start()
            await terminal.end(await done)
        finally:
            self._terminals.discard(terminal)
            listening.cancel()


def _clear(path: str, inode: int | None = None) -> None:
    """Remove a socket; if `inode` is given, only that one: another owner may have moved in already."""
    place = Path(path)
    with suppress(OSError):
        if inode is None or place.stat().st_ino == inode:
            place.unlink()


def _tighten(path: str) -> int:
    place = Path(path)
    place.chmod(0o600)
    return place.stat().st_ino


def _is_us(writer: asyncio.StreamWriter) -> bool:
    try:
        return peer_uid(writer.get_extra_info("socket")) == os.geteuid()
    except OSError:
        return False
