"""Which window wrote a page last: so that a window never finds itself changed meanwhile by itself.

A window numbers what it sends. Where an answer was lost, or a last save overtook the one before, its next save names a
revision that is over, though nobody else wrote: that is no second window. The pages one writes on are few, and what is
remembered of them is only in memory: after a restart such a save is kept beside the page, and nothing is lost.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

_MOST = 500


@dataclass(slots=True)
class Run:
    """Saves of one window in a row: from the revision `first` to `last`; `turn`: number of the newest of them."""

    window: str = ""
    first: int = 0
    last: int = 0
    turn: int = 0


@dataclass(slots=True)
class Writer:
    """One page: `lock` is held while it is saved or shown. `saves`: how often it was saved, by whichever window."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    run: Run = field(default_factory=Run)
    saves: int = 0

    def overtaken(self, window: str, turn: int) -> bool:
        """Whether this window has sent something newer, which is kept already."""
        return bool(window) and window == self.run.window and turn <= self.run.turn

    def base(self, window: str, revision: int) -> int:
        """The revision that a save of this window is based on: the newest, where all since `revision` are its own."""
        run = self.run
        return run.last if window and window == run.window and run.first <= revision < run.last else revision

    def wrote(self, window: str, turn: int, base: int, revision: int) -> None:
        """It was saved."""
        self.saves += 1
        if window and window == self.run.window and base == self.run.last:
            self.run.last, self.run.turn = revision, max(turn, self.run.turn)
        else:
            self.run = Run(window, base, revision, turn)


class Writers:
    """Every page that is being written."""

    def __init__(self) -> None:
        self._pages: dict[int, Writer] = {}

    def of(self, number: int) -> Writer:
        """The one of this page."""
        writer = self._pages.pop(number, None) or Writer()
        self._pages[number] = writer  # the last one asked for stands last
        while len(self._pages) > _MOST:
            first = next(iter(self._pages))
            if self._pages[first].lock.locked():
                break
            del self._pages[first]
        return writer
