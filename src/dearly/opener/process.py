"""One child process, seen from the desk: start it, ask it, answer what it asks back, end it.

Every wait has an end. Whatever the child does wrong, from silence to garbage, becomes one `Lost`, and it is killed.
"""

from __future__ import annotations

import asyncio
import fcntl
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from dearly.letter import errors
from dearly.letter.address import clean
from dearly.opener import frames, wire
from dearly.opener.frames import BadFrame, Frame
from dearly.opener.limits import Locks
from dearly.opener.protocol import READY, How, In, Operation, Out

Answer = Callable[[Any], Awaitable[Any]]
"""Answers one question of a child; what it raises ends the request, and the child with it."""

Answers = Mapping[Operation[Any, Any], Answer]
"""What a child may ask back during a request."""

_PIPE = 1 << 20
"""Octets that a pipe is asked to hold; what Linux gives to anybody."""

START_SECONDS = 30.0
SILENCE_SECONDS = 60.0
"""How long a child may compute without a word. Three times its processor time: other programs want to live too."""

_ERRORS = {
    kind.__name__: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.DearlyError)
}
_SIGNALS: dict[int, How] = {
    signal.SIGPROF: How.TIME,
    signal.SIGXCPU: How.TIME,
    signal.SIGABRT: How.MEMORY,  # how an allocation that fails ends outside Python
    signal.SIGSEGV: How.CRASHED,
    signal.SIGBUS: How.CRASHED,
    signal.SIGILL: How.CRASHED,
    signal.SIGFPE: How.CRASHED,
    signal.SIGTRAP: How.CRASHED,
    signal.SIGSYS: How.CRASHED,
}


class Lost(Exception):
    """The child is gone, and with it the request. `took`: whether it had seen the request."""

    def __init__(self, how: How, *, took: bool) -> None:
        super().__init__(how)
        self.how, self.took = how, took


class Unanswered(Exception):
    """The desk had no answer for the child. `why`: what the desk's own function raised."""

    def __init__(self, why: Exception) -> None:
        super().__init__()
        self.why = why


class Child:
    """A running child. Not to be asked two things at once."""

    def __init__(self, transport: asyncio.SubprocessTransport, streams: asyncio.subprocess.SubprocessStreamProtocol):
        self._transport = transport
        self._process = asyncio.subprocess.Process(transport, streams, asyncio.get_running_loop())
        self._took = False
        self.locks = Locks()
        self.usable = True

    @classmethod
    async def start(cls, module: str, *arguments: str, languages: Sequence[str] = ()) -> Child:
        """Run `module` as a child with an empty environment, and wait until it has locked itself down.

        Raises `Lost` when it does not come up."""
        loop = asyncio.get_running_loop()
        transport, streams = await loop.subprocess_exec(
            lambda: asyncio.subprocess.SubprocessStreamProtocol(limit=1 << 20, loop=loop),
            *command(module, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
            start_new_session=True,
            cwd="/",
            env={"LANGUAGE": ":".join(languages)} if languages else {},
        )
        for end in (0, 1):
            _widen(transport.get_pipe_transport(end))
        child = cls(transport, streams)
        try:
            frame = await child._receive(START_SECONDS)
            child.locks = wire.unpack(READY, frame.head.get("ready"), frame.blobs)
        except BaseException as error:  # noqa: BLE001 - told apart, and raised again, by what it returns
            raise await child._lost(error) from None
        return child

    @property
    def pid(self) -> int:
        return self._process.pid

    async def call(
        self, operation: Operation[In, Out], value: In, answers: Answers | None = None, *, seconds: float
    ) -> Out:
        """Ask for one operation, with at most `seconds` of processor time.

        Raises `Lost`, and the `DearlyError` that the child reports. Where the caller is cancelled, or an answer cannot
        be given, the child is killed: its half-done work can never be mistaken for the next request's."""
        self.usable = self._took = False
        try:
            blobs: list[bytes] = []
            await self._send(
                {"op": operation.name, "cpu": seconds, "v": wire.pack(operation.takes, value, blobs)}, blobs
            )
            frame = await self._conversation({one.name: (one, answer) for one, answer in (answers or {}).items()})
            match frame.head:
                case {"done": done, "last": bool(last)}:
                    result = wire.unpack(operation.gives, done, frame.blobs)
                case {"failed": told, "last": bool(last)}:
                    result = _failure(told)
                case {"lost": How.MEMORY.value}:
                    result, last = Lost(How.MEMORY, took=True), True
                case _:
                    _confused("out of turn")
        except BaseException as error:  # noqa: BLE001 - told apart, and raised again, by what it returns
            raise await self._lost(error) from None
        self.usable = not last
        if isinstance(result, Exception):
            raise result
        answer: Out = result
        return answer

    async def _conversation(self, waiting: dict[str, tuple[Operation[Any, Any], Answer]]) -> Frame:
        """Everything up to the last word of the child, which is returned."""
        while True:
            frame = await self._receive(SILENCE_SECONDS)
            match frame.head:
                case {"took": True} if not self._took:
                    self._took = True
                case {"ask": str(question), "v": asked} if self._took and question in waiting:
                    await self._reply(*waiting.pop(question), asked, frame.blobs)
                case _ if self._took:
                    return frame
                case _:
                    _confused("out of turn")

    async def _reply(
        self, operation: Operation[Any, Any], answer: Answer, asked: Any, blobs: tuple[bytes, ...]
    ) -> None:
        plain = wire.unpack(operation.takes, asked, blobs)
        try:
            given = await answer(plain)
        except Exception as error:  # noqa: BLE001 - carried past the child's own errors and raised again by `_lost`
            raise Unanswered(error) from None
        out: list[bytes] = []
        await self._send({"answer": wire.pack(operation.gives, tuple(given), out)}, out)

    async def _send(self, head: dict[str, Any], blobs: list[bytes]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        for piece in frames.encode(Frame(head, tuple(blobs))):
            stdin.write(piece)
        async with asyncio.timeout(SILENCE_SECONDS):
            await stdin.drain()

    async def _receive(self, seconds: float) -> Frame:
        stdout = self._process.stdout
        assert stdout is not None
        async with asyncio.timeout(seconds):
            return await frames.receive(stdout)

    async def _lost(self, error: BaseException) -> BaseException:
        """Kill what is left of the child, and give the error that says what became of the request."""
        how = await self._how(error)
        self.kill()
        await self._process.wait()
        if isinstance(error, Unanswered):
            return error.why
        return error if how is None else Lost(how, took=self._took)

    async def _how(self, error: BaseException) -> How | None:
        match error:
            case BadFrame():
                return How.CONFUSED
            case TimeoutError():
                return How.SILENT
            case EOFError() | OSError():
                with suppress(TimeoutError):
                    async with asyncio.timeout(5):
                        await self._process.wait()
                return _SIGNALS.get(-(self._process.returncode or 0), How.ENDED)
            case _:
                return None

    def kill(self) -> None:
        """End it now. Whoever is asking it gets `Lost`."""
        self.usable = False
        with suppress(ProcessLookupError):
            self._transport.kill()
        self._transport.close()

    async def close(self) -> None:
        """Let it end by itself, at the end of its input; kill it after two seconds."""
        self.usable = False
        stdin = self._process.stdin
        assert stdin is not None
        stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._process.wait()
        self.kill()
        await self._process.wait()


def command(module: str, *arguments: str) -> tuple[str, ...]:
    """How a child is run: isolated, so that neither environment, current folder nor user's packages reach it."""
    return (sys.executable, "-I", "-m", module, *arguments)


def _widen(pipe: asyncio.BaseTransport | None) -> None:
    """Let more go through a pipe at once, where the system can: both sides are woken up less often."""
    size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if pipe is not None and size is not None:
        with suppress(OSError, ValueError):  # the latter: it is closed, for the child has ended already
            fcntl.fcntl(pipe.get_extra_info("pipe"), size, _PIPE)


def _confused(why: str) -> NoReturn:
    raise BadFrame(why)


def _failure(told: Any) -> errors.DearlyError:
    match told:
        case [str(kind), str(code), str(message), str(hint), bool(retry)] if kind in _ERRORS:
            return _ERRORS[kind](clean(code)[:64], clean(message)[:1000], clean(hint)[:1000], retry=retry)
    _confused("not an error")
