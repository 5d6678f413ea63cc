"""The main loop of a child: lock down, then one request after the other, until its input ends.

Nothing that goes wrong is described in any detail to the outside: the texts of foreign exceptions may hold pieces of
letters. Errors of ours (`letter.errors`) travel as they are; of all others only that there was one.
"""

from __future__ import annotations

import gc
import io
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dearly
from dearly.letter.errors import DearlyError
from dearly.letter.words import _, speak
from dearly.opener import frames, limits, wire
from dearly.opener.frames import BadFrame, Frame
from dearly.opener.protocol import How, In, Operation, Out

Ask = Callable[[Operation[Any, Any], Any], Any]
"""Ask the desk and wait for the answer."""

Run = Callable[[Any, Ask], Any]


class Channel:
    """The two pipes to the desk. What else writes to standard output writes to nowhere."""

    def __init__(self) -> None:
        self._in = io.BufferedReader(io.FileIO(os.dup(0), "rb", closefd=False), 1 << 16)
        self._out = os.dup(1)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        os.close(nowhere)

    def read(self) -> Frame | None:
        return frames.read(self._in)

    def write(self, head: dict[str, Any], blobs: list[bytes] | None = None) -> None:
        for piece in frames.encode(Frame(head, tuple(blobs or ()))):
            view = memoryview(piece)
            while view:
                view = view[os.write(self._out, view) :]

    def say(self, word: str, kind: Any, value: Any, **more: Any) -> None:
        blobs: list[bytes] = []
        self.write({word: wire.pack(kind, value, blobs), **more}, blobs)

    def ask(self, question: Operation[In, Out], value: In) -> Out:
        self.say("v", question.takes, value, ask=question.name)
        frame = self.read()
        if frame is None:
            raise SystemExit(0)
        answer: Out = wire.unpack(question.gives, frame.head.get("answer"), frame.blobs)
        return answer


def serve(
    prepare: Callable[[], Mapping[Operation[Any, Any], Run]],
    memory: int = limits.MEMORY,
    questions: Sequence[Operation[Any, Any]] = (),
) -> None:
    """Be a child. `prepare` imports and warms up everything, and gives what may be asked; `questions`: what may be
    asked back. Returns when the input ends."""
    limits.keep_private()
    channel = Channel()
    speak(None, Path(dearly.__file__).parent / "locale")
    operations = {operation.name: (operation, run) for operation, run in prepare().items()}
    for operation in (*(operation for operation, _run in operations.values()), *questions):
        wire.ready(operation.takes)
        wire.ready(operation.gives)
    # What is here now stays; and what a request makes is let go by counting, so circles are looked for rarely.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    channel.say("ready", limits.Locks, limits.lock_down(memory))
    done = 0
    while (frame := channel.read()) is not None:
        done += 1
        if not _answer(channel, operations, frame, last=done >= limits.REQUESTS or _old()):
            return


def _old() -> bool:
    return time.process_time() > limits.LIFE_SECONDS


def _answer(
    channel: Channel, operations: Mapping[str, tuple[Operation[Any, Any], Run]], frame: Frame, *, last: bool
) -> bool:
    """Answer one request; False when this child should be replaced."""
    name, seconds = frame.head.get("op"), frame.head.get("cpu")
    if not isinstance(name, str) or name not in operations or not isinstance(seconds, int | float):
        raise BadFrame("no such operation")
    operation, run = operations[name]
    channel.write({"took": True})
    limits.start_timing(seconds)
    try:
        value = run(wire.unpack(operation.takes, frame.head.get("v"), frame.blobs), channel.ask)
        limits.stop_timing()
        channel.say("done", operation.gives, value, last=last)
    except MemoryError:
        channel.write({"lost": How.MEMORY.value})
        return False
    except DearlyError as error:
        limits.stop_timing()
        # The nearest class that `letter.errors` itself names: rooms may have finer ones of their own.
        kind = next(kind for kind in type(error).__mro__ if kind.__module__ == DearlyError.__module__)
        told = [kind.__name__, error.code, error.message, error.hint, error.retry]
        channel.write({"failed": told, "last": last})
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a parser throws (Rust panics too): told by its kind only
        limits.stop_timing()
        why = _("This could not be read ({kind}).").format(kind=type(error).__name__)
        channel.write({"failed": ["DearlyError", "opener_failed", why, "", False], "last": last})
    return not last
