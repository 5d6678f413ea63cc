"""Long work at a desk: one piece of it at a time, which goes on while nobody looks, and says how far it is.

It belongs to the desk and ends with it: when the drawer is closed the work is stopped first, and what came of it is
forgotten. A soft lock leaves it going.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dearly.letter.errors import DearlyError, InUse
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.desk.app import Progress

log = logging.getLogger(__name__)

_TELLING = 2.0
"""Seconds of work from which one can tell how long the rest takes."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far it is. `done` and `total` count the same unit; total 0 means unknown. `left`: seconds that it will
    probably still take, None where nobody can say."""

    what: str
    done: int
    total: int
    left: float | None


@dataclass(slots=True)
class LongWork:
    """The work of one desk. `about`: what was begun last, as whoever began it says it; None where nothing was, or it
    was forgotten. Once it has ended, `result` is what it gave, or `trouble` what went wrong; with neither, it was
    stopped."""

    about: object | None = None
    step: Step | None = None
    result: object | None = None
    trouble: DearlyError | None = None
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether it is going on."""
        return self._task is not None and not self._task.done()

    @property
    def stopped(self) -> bool:
        """Whether it was begun and stopped before its end."""
        return self.about is not None and not self.running and self.result is None and self.trouble is None

    def begin(self, about: object, work: Callable[[Progress], Awaitable[object]]) -> None:
        """Begin it. Raises `InUse` (work_running)."""
        if self.running:
            raise InUse(
                "work_running",
                _("Something long is being done at this desk already."),
                _("Wait until it is done, or stop it."),
            )
        self.forget()
        self.about = about
        self._task = asyncio.create_task(self._run(work))

    async def _run(self, work: Callable[[Progress], Awaitable[object]]) -> None:
        begun: tuple[float, int] | None = None

        def progress(what: str, done: int, total: int) -> None:
            nonlocal begun
            now = time.monotonic()
            if begun is None or done < begun[1]:
                begun = now, done
            spent, did = now - begun[0], done - begun[1]
            left = spent * (total - done) / did if did > 0 and total and spent > _TELLING else None
            self.step = Step(what, done, total, left)

        try:
            self.result = await work(progress)
        except DearlyError as error:
            self.trouble = error
        except Exception as why:  # noqa: BLE001 - nobody awaits it: it is told to whoever looks next
            # Its words may quote a letter: the kind alone goes into the log.
            log.error("long work failed: %s", type(why).__name__)  # noqa: TRY400 - see above
            self.trouble = DearlyError(
                "work_failed", _("Something went wrong that should not have. What was done until then is kept.")
            )

    async def stop(self) -> None:
        """Stop it, and wait until it has. Harmless where nothing is going on."""
        task = self._task
        if task is not None and not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def close(self) -> None:
        """Stop it, and forget it with all that was given to it, as files handed over, and a password that was lent."""
        await self.stop()
        self.forget()

    def forget(self) -> None:
        """Forget what came of it. What is going on is left alone."""
        if not self.running:
            self.about = self.step = self.result = self.trouble = self._task = None
