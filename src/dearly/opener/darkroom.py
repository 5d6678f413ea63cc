"""The desk's side of the process that decodes pictures: started for the first one, and let go after a quiet while.

One picture at a time, because a large one takes hundreds of megabytes. A picture that broke its child is refused and
not tried again; the next one gets a new child.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from dearly.letter.errors import DearlyError
from dearly.letter.words import _
from dearly.opener.limits import REQUEST_SECONDS
from dearly.opener.outcomes import error_of
from dearly.opener.picture import LARGEST_PICTURE, Develop, Picture, Purpose, kind_of, not_a_picture, too_heavy
from dearly.opener.process import Child, Lost
from dearly.opener.protocol_pictures import PICTURE

IDLE_SECONDS = 60.0
"""After this long without a picture the process ends, and its memory is given back."""

_MODULE = "dearly.opener.picturechild"


class Darkroom:
    """At most one process, and whoever waits for it in a row. `languages` as for `Opener`."""

    def __init__(self, languages: Sequence[str] = (), *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._languages = languages
        self._idle_seconds = idle_seconds
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def develop(self, data: bytes, *, most_side: int | None, purpose: Purpose) -> Picture:
        """See `Opener.picture`."""
        if len(data) > LARGEST_PICTURE:
            raise too_heavy(len(data))
        if kind_of(data) is None:
            raise not_a_picture()
        async with self._turn:
            self._stop_waiting()
            try:
                return await self._ask(Develop(data, most_side, purpose))
            finally:
                if self._child is not None and not self._closed:
                    self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._let_go)

    async def close(self) -> None:
        """End the process, also in the middle of a picture, and come back when it has ended."""
        self._closed = True
        self._stop_waiting()
        if self._child is not None and self._turn.locked():
            self._child.kill()
        async with self._turn:
            await self._drop()
        await asyncio.gather(*self._ending)

    async def _ask(self, what: Develop) -> Picture:
        for last_try in (False, True):
            child = await self._ready()
            try:
                return await child.call(PICTURE, what, seconds=REQUEST_SECONDS)
            except Lost as lost:
                if lost.took or last_try:
                    raise error_of(lost) from None
            finally:
                if not child.usable:
                    await self._drop()
        raise AssertionError("unreachable")

    async def _ready(self) -> Child:
        if self._closed:
            raise DearlyError("opener_closed", _("The desk is closing."))
        if self._child is None:
            try:
                self._child = await Child.start(_MODULE, languages=self._languages)
            except (Lost, OSError):
                raise DearlyError(
                    "opener_not_started",
                    _("The process that reads pictures could not be started."),
                    _("Look whether this machine has memory and processes to spare, then try again."),
                    retry=True,
                ) from None
        return self._child

    def _let_go(self) -> None:
        """Nobody wanted a picture for a while. Whoever wants one now waits until the old child has ended."""
        task = asyncio.get_running_loop().create_task(self._end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self) -> None:
        async with self._turn:
            if self._idle is not None and self._idle.when() <= asyncio.get_running_loop().time():
                await self._drop()

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    async def _drop(self) -> None:
        if self._child is not None:
            child, self._child = self._child, None
            await child.close()
