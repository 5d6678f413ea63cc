"""The owner: it has one drawer open, makes its rounds, and serves the command line at its door.

After ten minutes in which nobody used it, at the command line or in the browser, it is soft-locked: rounds go on, and
every face must bring the passphrase again. After twelve hours it ends. The time that the machine sleeps counts for
both. `process` is what goes on around it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from dearly.assemble.elapsed import Elapsed
from dearly.desk import keep, rounds
from dearly.desk.app import App
from dearly.desk.desk import Desk
from dearly.desk.indexing import keep_up
from dearly.door.remote import RemoteTerminal
from dearly.door.server import Door
from dearly.drawer import passphrase as words
from dearly.drawer import settings, slots
from dearly.drawer.slotfiles import read_copies
from dearly.letter.errors import DearlyError

log = logging.getLogger(__name__)

Serve = Callable[[App, list[str], RemoteTerminal], int]

HARD_LOCK_SECONDS = 12 * 3600.0
SOFT_LOCK_MINUTES = 10
"""Default of the setting `soft_lock_minutes`."""

LOOK_SECONDS = 20.0
"""How often it looks whether the twelve hours are over: the machine may have slept through them."""

PAUSE_SECONDS = 60.0
"""How long rounds rest after a fault that nobody foresaw."""

LAST_WORDS_SECONDS = 3.0
"""For how long the drawer stays open at its end, where somebody is typing: a page keeps itself within two seconds."""

_TYPING_SECONDS = 10.0
"""Whoever has kept a page within this time is typing."""


class Owner:
    """Holds one desk open and serves it."""

    def __init__(self, desk: Desk, folder: Path, app: App, serve: Serve) -> None:
        self.desk, self._folder = desk, folder
        self._loop = asyncio.get_running_loop()
        self._app = replace(app, folder=folder, open_desk=self.open_desk, lock=self.lock, run=self._run)
        self._serve = serve
        self._open, self._unused = Elapsed(desk.clock), Elapsed(desk.clock)
        self._soft_after = SOFT_LOCK_MINUTES * 60.0
        self._locked = False
        self._wrote: Elapsed | None = None
        self._written = asyncio.Event()
        self._turns = 0
        self.fell = Elapsed(desk.clock)
        """Since the last lock fell; of use only while one is down."""

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until the desk is ended."""
        await self._read_settings()
        door = Door(self._folder, lambda argv, terminal: self._serve(self._app, argv, terminal))
        await door.open()
        rounding = asyncio.create_task(self._make_rounds(), name="rounds")
        indexing = asyncio.create_task(self._index(), name="index")
        try:
            ready()
            await self._until_ended()
            await self._hear_last_words()
        finally:
            rounding.cancel()
            indexing.cancel()
            try:
                await asyncio.wait({rounding, indexing})
            finally:
                await door.close()

    async def _read_settings(self) -> None:
        self._soft_after = 60.0 * await self.desk.drawer.read(
            lambda db: settings.get(db, "soft_lock_minutes", SOFT_LOCK_MINUTES)
        )

    async def _until_ended(self) -> None:
        while not self.desk.ended.is_set() and (left := HARD_LOCK_SECONDS - self._open.seconds) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.desk.ended.wait(), min(left, LOOK_SECONDS))
            with suppress(DearlyError):  # a damaged page, say: the time that was set before goes on
                await self._read_settings()
        self.desk.ended.set()
        self.look()

    async def _hear_last_words(self) -> None:
        if self._wrote is not None and self._wrote.seconds < _TYPING_SECONDS:
            self._written.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._written.wait(), LAST_WORDS_SECONDS)

    def wrote(self) -> None:
        """A page that is being written was kept just now."""
        self._wrote = Elapsed(self.desk.clock)
        self._written.set()

    async def _index(self) -> None:
        """Keep the index of words complete, and free of what was erased, until cancelled."""
        while True:
            try:
                await keep_up(self.desk)
            except DearlyError as trouble:  # a full disk, say; what is not indexed is named by each search
                log.warning("the index of words is not complete: %s", trouble.code)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _make_rounds(self) -> None:
        """Rounds, again and again, until cancelled. No fault in one of them is the end of them all."""
        me = asyncio.current_task()
        while True:
            try:
                await rounds.watch(self.desk, lambda _report: None)
            except (Exception, asyncio.CancelledError) as trouble:  # noqa: BLE001 (whatever it was, letters go on)
                if me is not None and me.cancelling():
                    return
                log.error("the rounds stopped: %s", type(trouble).__name__)  # noqa: TRY400 (its words may be private)
            await asyncio.sleep(PAUSE_SECONDS)

    async def lock(self) -> list[str]:
        """Let this end: the drawer is closed soon after. What should be said first, in sentences."""
        notices = await keep.lock_notice(self.desk)
        self.desk.ended.set()
        self.look()
        return notices

    def open_desk(self, _folder: Path, secret: Callable[[], str]) -> AbstractAsyncContextManager[Desk]:
        """The running desk; with the passphrase again when nothing was asked of it for a while."""
        return self._lend(secret)

    def look(self) -> None:
        """Let the soft lock fall if its time has come: by the clock alone it falls when somebody looks."""
        over = self.desk.ended.is_set() or self._open.seconds > HARD_LOCK_SECONDS
        if not self._locked and (over or self._unused.seconds > self._soft_after):
            self.soft_lock()

    @property
    def soft_locked(self) -> bool:
        """Whether the passphrase must be brought again."""
        self.look()
        return self._locked

    @property
    def turns(self) -> int:
        """How often this was locked and opened again. Grows with each."""
        self.look()
        return self._turns

    def soft_lock(self) -> None:
        """Want the passphrase again, from now on."""
        if not self._locked:
            self._locked = True
            self._turns += 1
            self.fell.again()

    def used(self) -> None:
        """Somebody did something: the time until the soft lock begins anew. Opens nothing."""
        if not self.soft_locked:
            self._unused.again()

    async def unlock(self, passphrase: str) -> None:
        """Lift the soft lock. Raises `Locked` (wrong_passphrase), `Usage` (bad_passphrase)."""
        prepared = words.prepare(passphrase)
        await asyncio.to_thread(lambda: slots.unlock(read_copies(self._folder), prepared))
        self._unused.again()
        if self._locked:
            self._locked = False
            self._turns += 1

    @asynccontextmanager
    async def _lend(self, secret: Callable[[], str]) -> AsyncIterator[Desk]:
        if self.soft_locked:
            await self.unlock(secret())
        self._unused.again()
        try:
            yield self.desk
        finally:
            # Locked meanwhile, it stays so: whoever ends a long command has not shown that they know the passphrase.
            self.used()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
