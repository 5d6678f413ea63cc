"""What a command needs of the place where it was typed, near or far.

There are two: the terminal of this process, and the client of the process that holds the drawer (the `door` room).
A command never touches `sys.stdout`, the current folder or the environment: in the owner they are not the person's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Terminal(Protocol):
    """Where a command speaks and asks. `cwd` is an absolute path; `columns` a width in characters."""

    cwd: str
    env: dict[str, str]
    columns: int
    in_tty: bool
    out_tty: bool
    err_tty: bool
    stopped: bool
    """What was typed on standard input ended with Ctrl-C."""

    def out(self, text: str) -> None:
        """Write to standard output. A reader who has gone is no error."""

    def err(self, text: str) -> None:
        """Write to standard error."""

    def read(self, source: str, limit: int) -> tuple[bytes, int | None]:
        """The bytes of a file, or of standard input ("-"), and the mode bits of a regular file.

        A source longer than `limit` gives more than `limit` bytes, or an error. Raises `OSError`."""

    def ask_secret(self, prompt: str) -> str | None:
        """What the person types without echo; None where nobody can be asked or nothing comes."""

    def ask(self, prompt: str) -> str | None:
        """A line that the person types and sees; None as for `ask_secret`."""

    def when_gone(self, call: Callable[[], None]) -> None:
        """Call `call` once nobody reads the output any more."""
