"""The terminal of this process: standard streams, files, and prompts with and without echo.

The thin client uses it to do what the owner asks of it; without an owner the commands use it themselves.
"""

# The thin client runs at every command, and importing pathlib costs more than all of this room.
# ruff: noqa: PTH109, PTH118

from __future__ import annotations

import errno
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

CARRIED = (
    "LANGUAGE",
    "LC_ALL",
    "LC_MESSAGES",
    "LANG",
    "TZ",
    "TERM",
    "NO_COLOR",
    "DEARLY_DRAWER",
    "DEARLY_PASSPHRASE_FILE",
    "DEARLY_DEBUG",
)
"""The part of the environment that a command may look at, and that travels to the owner of the drawer."""

_PIECE = 1 << 20
_LONGEST_LINE = 4096
"""Octets: the longest line that a terminal of Linux gives."""


class LocalTerminal:
    """Where a command speaks and asks. `columns` is the width in characters, 80 where nobody knows. `stopped`: what was
    typed on standard input ended with Ctrl-C.

    `out` raises `NoSpace` where standard output cannot take the text; a reader who has gone away is no error: the
    rest is dropped in silence, and `when_gone` tells who wants to know."""

    def __init__(self) -> None:
        try:
            self.cwd = os.getcwd()
        except OSError:
            self.cwd = "/"
        self.env: dict[str, str] = {name: os.environ[name] for name in CARRIED if name in os.environ}
        self.in_tty, self.out_tty, self.err_tty = (_is_tty(s) for s in (sys.stdin, sys.stdout, sys.stderr))
        self.columns = _columns()
        self._deaf = sys.stdout is None
        self._input: bytes | None = None
        self.stopped = False
        self._gone: list[Callable[[], None]] = []
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")

    def out(self, text: str) -> None:
        """Write to standard output."""
        if self._deaf:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as trouble:
            self._deafen()
            if trouble.errno not in (errno.EPIPE, errno.EIO):
                raise _unwritable(trouble) from None

    def err(self, text: str) -> None:
        """Write to standard error, if anybody listens."""
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, AttributeError):
            return

    def when_gone(self, call: Callable[[], None]) -> None:
        """Call `call` once nobody reads standard output any more (at once, if that is so already)."""
        self._gone.append(call)
        if self._deaf:
            call()

    def read(self, source: str, limit: int) -> tuple[bytes, int | None]:
        """The bytes of a file, or of standard input where `source` is "-", and the mode bits of a regular file.

        At most `limit` + 1 bytes are read, so that a longer source shows. At a terminal Ctrl-C ends standard input as
        Ctrl-D does, and is noted in `stopped`: what was typed is not lost. Raises `OSError`."""
        if source == "-":
            # Kept: a command that moves to the owner half-way reads the same input there.
            if self._input is None and self.in_tty:
                from dearly.door.typed import typed

                self._input, self.stopped = typed(_standard_input(), limit)
            elif self._input is None:
                self._input = _all_of(_standard_input(), limit)
            return self._input, None
        handle = os.open(os.path.join(self.cwd, source), os.O_RDONLY | os.O_CLOEXEC)
        try:
            mode = os.fstat(handle).st_mode
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), source)
            return _all_of(handle, limit), mode & 0o7777 if stat.S_ISREG(mode) else None
        finally:
            os.close(handle)

    def ask_secret(self, prompt: str) -> str | None:
        """What the person types at the terminal without echo; None where there is none, or nothing comes."""
        try:
            os.close(_the_terminal())
        except OSError:
            return None
        import getpass

        try:
            return getpass.getpass(prompt)
        except EOFError:
            return None

    def ask(self, prompt: str) -> str | None:
        """A line that the person types at the terminal and sees; None as for `ask_secret`."""
        try:
            handle = _the_terminal()
        except OSError:
            return None
        try:
            os.write(handle, prompt.encode("utf-8", "replace"))
            line = os.read(handle, _LONGEST_LINE)
        finally:
            os.close(handle)
        return line.decode("utf-8", "replace").rstrip("\r\n") if line else None

    def _deafen(self) -> None:
        self._deaf = True
        # What is still buffered would otherwise fail once more when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        for call in self._gone:
            call()


def _unwritable(trouble: OSError) -> Exception:
    from dearly.letter.errors import NoSpace
    from dearly.letter.words import _

    return NoSpace(
        "cannot_write_output",
        _("The output could not be written: {why}.").format(why=trouble.strerror),
        _("Make room there, or send it elsewhere."),
    )


def _the_terminal() -> int:
    """The terminal itself, wherever the standard streams lead. Raises `OSError` where there is none."""
    return os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)


def _standard_input() -> int:
    return sys.stdin.fileno() if sys.stdin else os.open(os.devnull, os.O_RDONLY)


def _all_of(handle: int, limit: int) -> bytes:
    got = bytearray()
    while len(got) <= limit:
        piece = os.read(handle, min(_PIECE, limit + 1 - len(got)))
        if not piece:
            break
        got += piece
    return bytes(got)


def _is_tty(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _columns() -> int:
    named = os.environ.get("COLUMNS", "")
    if named.isdigit() and int(named) > 0:
        return min(int(named), 1000)
    for stream in (sys.stdout, sys.stderr, sys.stdin):
        try:
            return os.get_terminal_size(stream.fileno()).columns or 80
        except (OSError, ValueError, AttributeError):
            continue
    return 80
