"""A client's terminal as the owner of the drawer sees it.

The methods are those of `terminal.LocalTerminal`, so a command cannot tell them apart. They are called from the
command's own thread; speaking is allowed from the loop's thread as well (progress is told from there), and never waits
there. Asking waits for a person, so on the loop it is refused.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from dearly.door.frames import DATA, ERR, JSON, MOST_BYTES, OUT, Breach, pack, pack_json, receive, unpack_json
from dearly.door.terminal import CARRIED

T = TypeVar("T")

MOST_WAITING = 16 << 20
"""Bytes that may wait for a client that does not read. What is said from the loop beyond that ends the talk."""

_CHARACTERS = MOST_BYTES // 4
"""Characters of one frame of text: none takes more than four bytes of UTF-8."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client wants: the arguments as typed, and where it stands."""

    drawer: str
    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    columns: int
    tty: tuple[bool, bool, bool]

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Request:
        """The request in the first frame. Raises `Breach` where a field is missing or of another type."""
        try:
            drawer, argv, cwd, env = value["drawer"], value["argv"], value["cwd"], value["env"]
            columns, tty = value["columns"], value["tty"]
        except KeyError:
            raise Breach from None
        texts = (
            [drawer, cwd, *argv, *env, *env.values()] if isinstance(argv, list) and isinstance(env, dict) else [None]
        )
        fits = all(isinstance(t, str) and "\0" not in t for t in texts) and os.path.isabs(cwd)  # noqa: PTH117 (a test of text)
        flags = isinstance(tty, list) and len(tty) == 3 and all(isinstance(t, bool) for t in tty)
        if not fits or not flags or type(columns) is not int or not 1 <= columns <= 1000:
            raise Breach
        env = {name: text for name, text in env.items() if name in CARRIED}
        return cls(drawer, tuple(argv), cwd, env, columns, (tty[0], tty[1], tty[2]))


class RemoteTerminal:
    """The terminal at the other end of one connection."""

    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.cwd, self.env, self.columns = request.cwd, request.env, request.columns
        self.in_tty, self.out_tty, self.err_tty = request.tty
        self._reader, self._writer = reader, writer
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._asking = asyncio.Lock()
        self._answers: asyncio.Queue[bytes | dict[str, Any] | None] = asyncio.Queue(maxsize=4)
        self._calls: list[Callable[[], None]] = []
        self._deaf = False
        self._left = False
        self.stopped = False

    def out(self, text: str) -> None:
        """Write to the client's standard output. What a client that has gone would have read is dropped."""
        self._say(OUT, text)

    def err(self, text: str) -> None:
        """Write to the client's standard error."""
        self._say(ERR, text)

    def read(self, source: str, limit: int) -> tuple[bytes, int | None]:
        """The bytes of a file as the client sees it, or of its standard input ("-"), and a regular file's mode bits.

        At most `limit` + 1 bytes come. Raises `OSError` as the client met it, `ConnectionAbortedError` if it went."""
        return self._wait(self._read(source, limit))

    def ask_secret(self, prompt: str) -> str | None:
        """What the person types at the client without echo; None where nothing comes."""
        return self._wait(self._ask("secret", prompt))

    def ask(self, prompt: str) -> str | None:
        """A line that the person types at the client and sees; None where nothing comes."""
        return self._wait(self._ask("line", prompt))

    def when_gone(self, call: Callable[[], None]) -> None:
        """Call `call` (on the loop's thread) once nobody reads the output any more."""
        self._loop.call_soon_threadsafe(self._note, call)

    async def listen(self) -> None:
        """Take what the client sends, until it leaves or breaks the rules."""
        try:
            while True:
                await self._hear(*await receive(self._reader))
        except (Breach, EOFError, OSError):
            self.leave()

    async def _hear(self, kind: bytes, body: bytes) -> None:
        if kind not in (JSON, DATA):
            raise Breach
        said = body if kind == DATA else unpack_json(body)
        if said == {"deaf": True}:
            self._hear_no_more()
        elif self._asking.locked():
            await self._answers.put(said)
        else:
            raise Breach

    def leave(self) -> None:
        """The client has gone, or is sent away: nothing is said or awaited any more. On the loop's thread."""
        if not self._left:
            self._left = True
            self._writer.transport.abort()
            while self._answers.full():
                self._answers.get_nowait()
            self._answers.put_nowait(None)
            self._hear_no_more()

    async def end(self, code: int) -> None:
        """Say the exit code, and wait (a while) until the client has it."""
        if not self._left:
            self._writer.write(pack_json({"exit": code}))
        await self._drain()

    def _note(self, call: Callable[[], None]) -> None:
        if self._deaf:
            call()
        else:
            self._calls.append(call)

    def _hear_no_more(self) -> None:
        self._deaf = True
        calls, self._calls = self._calls, []
        for call in calls:
            call()

    def _say(self, kind: bytes, text: str) -> None:
        on_loop = threading.get_ident() == self._loop_thread
        for start in range(0, len(text), _CHARACTERS):
            frame = pack(kind, text[start : start + _CHARACTERS].encode("utf-8", "backslashreplace"))
            if on_loop:
                self._put(frame)
            else:
                self._wait(self._deliver(frame))

    def _put(self, frame: bytes) -> None:
        if not self._left and self._writer.transport.get_write_buffer_size() > MOST_WAITING:
            self.leave()
        if not self._left:
            self._writer.write(frame)

    async def _deliver(self, frame: bytes) -> None:
        self._put(frame)
        await self._drain()

    async def _drain(self) -> None:
        if not self._left:
            try:
                await self._writer.drain()
            except OSError:
                self.leave()

    async def _ask(self, kind: str, prompt: str) -> str | None:
        async with self._asking:
            self._put(pack_json({"ask": kind, "prompt": prompt}))
            answer = await self._answer()
        typed = answer.get(kind) if isinstance(answer, dict) else None
        return typed if isinstance(typed, str) else None

    async def _read(self, source: str, limit: int) -> tuple[bytes, int | None]:
        got = bytearray()
        async with self._asking:
            self._put(pack_json({"ask": "read", "source": source, "limit": limit}))
            while True:
                answer = await self._answer()
                if isinstance(answer, dict):
                    break
                got += answer
                if len(got) > limit + 1:
                    self.leave()
                    raise ConnectionAbortedError
        if isinstance(number := answer.get("errno"), int):
            raise OSError(number, os.strerror(number), source)
        self.stopped = self.stopped or answer.get("stopped") is True
        mode = answer.get("mode")
        return bytes(got), mode if isinstance(mode, int) else None

    async def _answer(self) -> bytes | dict[str, Any]:
        answer = None if self._left else await self._answers.get()
        if answer is None:
            raise ConnectionAbortedError
        return answer

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if threading.get_ident() == self._loop_thread:
            work.close()
            raise RuntimeError("a terminal is never asked on the loop's thread")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
