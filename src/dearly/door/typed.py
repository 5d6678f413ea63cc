"""What is typed at a terminal as standard input, until Ctrl-D or Ctrl-C ends it.

Apart from `terminal`, which is imported at every command.
"""

from __future__ import annotations

import os
import select
import signal
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PIECE = 1 << 20


def typed(handle: int, limit: int) -> tuple[bytes, bool]:
    """At most `limit` + 1 bytes, and whether Ctrl-C ended it: then what was typed before is there as well."""
    got = bytearray()
    with _keeping_the_line(handle) as rest, _interrupts() as interrupted:
        while len(got) <= limit:
            if interrupted in select.select([handle, interrupted], [], [])[0]:
                return bytes(got + rest()), True
            piece = os.read(handle, min(_PIECE, limit + 1 - len(got)))
            if not piece:
                break
            got += piece
    return bytes(got), False


@contextmanager
def _keeping_the_line(handle: int) -> Iterator[Callable[[], bytes]]:
    """Have the terminal keep the line that is being typed when Ctrl-C comes, which it would throw away.

    Gives what takes that line: it has no end yet, so it can only be read as single characters."""
    before = termios.tcgetattr(handle)

    def change(flags: int) -> None:
        wanted = termios.tcgetattr(handle)
        wanted[3] = flags
        termios.tcsetattr(handle, termios.TCSANOW, wanted)

    def rest() -> bytes:
        change(before[3] & ~termios.ICANON & ~termios.ECHO)
        os.set_blocking(handle, False)
        try:
            return os.read(handle, _PIECE)
        except BlockingIOError:
            return b""
        finally:
            os.set_blocking(handle, True)

    change(before[3] | termios.NOFLSH)
    try:
        yield rest
    finally:
        termios.tcsetattr(handle, termios.TCSANOW, before)


@contextmanager
def _interrupts() -> Iterator[int]:
    """A file that can be read once Ctrl-C was typed. An exception might come between a line's reading and keeping."""
    near, far = os.pipe()
    before = signal.signal(signal.SIGINT, lambda _number, _frame: _knock(far))
    try:
        yield near
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(near)
        os.close(far)


def _knock(handle: int) -> None:
    os.write(handle, b"!")
