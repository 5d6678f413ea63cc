"""How far long work is: one line on standard error, on a terminal only, and only when it takes a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from dearly.cli.terminal import Terminal
    from dearly.desk.app import Progress

PATIENCE = 0.7
"""Seconds of work before anything is shown."""

_EVERY = 0.1


class _Stream:
    """The terminal's standard error as a file, for the library that draws."""

    encoding = "utf-8"

    def __init__(self, terminal: Terminal) -> None:
        self.write = terminal.err

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """Only terminals get this far."""
        return True


@contextmanager
def progress(terminal: Terminal, *, quiet: bool) -> Iterator[Progress]:
    """The function that long work calls with what it does, and done and total in one unit (total 0: unknown).

    It may be called from the loop: it draws at most ten times in a second, and never waits."""
    if quiet or not terminal.err_tty or terminal.env.get("TERM") == "dumb":
        yield _silent
        return
    line = _Line(terminal)
    try:
        yield line.tell
    finally:
        line.end()


def _silent(what: str, done: int, total: int) -> None:
    """Nobody looks."""


class _Line:
    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._begun = self._drawn = time.monotonic()
        self._shown: _Drawn | None = None

    def tell(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._begun < PATIENCE or (self._shown is not None and now - self._drawn < _EVERY and done < total):
            return
        self._drawn = now
        if self._shown is None:
            self._shown = _Drawn(self._terminal)
        self._shown.draw(what, done, total)

    def end(self) -> None:
        if self._shown is not None:
            self._shown.end()


class _Drawn:
    """rich's bar. Drawn by us alone: no thread of its own, and no taking over of the process's streams."""

    def __init__(self, terminal: Terminal) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(
            file=cast(TextIO, _Stream(terminal)),
            force_terminal=True,
            width=terminal.columns,
            no_color="NO_COLOR" in terminal.env or None,
            highlight=False,
        )
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._bar.start()
        self._task = self._bar.add_task("", total=None)

    def draw(self, what: str, done: int, total: int) -> None:
        self._bar.update(self._task, description=what, completed=done, total=total or None)
        self._bar.refresh()

    def end(self) -> None:
        self._bar.stop()
