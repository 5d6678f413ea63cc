"""The owner: the process that holds a drawer open, makes its rounds, and serves the command line at its door.

`dearly unlock` leaves one behind. It ends with `dearly lock`, on SIGTERM, and by itself after twelve hours. After ten
minutes without a command it is soft-locked: rounds go on, and commands must bring the passphrase again. The time that
the machine sleeps counts for both.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from dearly.assemble import desks
from dearly.assemble.elapsed import Elapsed
from dearly.desk import keep, rounds
from dearly.desk.app import App
from dearly.desk.desk import Desk
from dearly.door.remote import RemoteTerminal
from dearly.door.server import Door
from dearly.drawer import passphrase as words
from dearly.drawer import settings, slots
from dearly.drawer.slotfiles import read_copies
from dearly.letter.errors import DearlyError, Exit
from dearly.letter.words import _

log = logging.getLogger(__name__)

Serve = Callable[[App, list[str], RemoteTerminal], int]

HARD_LOCK_SECONDS = 12 * 3600.0
SOFT_LOCK_MINUTES = 10
"""Default of the setting `soft_lock_minutes`."""

LOOK_SECONDS = 20.0
"""How often it looks whether the twelve hours are over: the machine may have slept through them."""

PAUSE_SECONDS = 60.0
"""How long rounds rest after a fault that nobody foresaw."""

_MOST_PASSPHRASE = 1 << 20


def hold(folder: Path, app: App, serve: Serve) -> int:
    """The owner itself: passphrase on standard input, one line of JSON on standard output when it answers, or when it
    cannot; never a trace, which might quote what is in the drawer. The exit code."""
    told = False

    def tell(value: dict[str, Any]) -> None:
        nonlocal told
        if not told:
            told = True
            _say(value)

    async def run(word: str) -> None:
        async with desks.open_desk(folder, lambda: word) as desk:
            await Owner(desk, folder, app, serve).run(lambda: tell({"open": True}))

    try:
        asyncio.run(run(sys.stdin.buffer.read(_MOST_PASSPHRASE).decode("utf-8", "surrogatepass")))
    except Exception as trouble:  # noqa: BLE001 (the last place before the end of the process)
        error = _as_ours(trouble)
        log.error("the owner ended: %s", type(trouble).__name__)  # noqa: TRY400 (its words may be private)
        tell(
            {
                "code": error.code,
                "message": error.message,
                "hint": error.hint,
                "retry": error.retry,
                "exit": int(error.exit),
            }
        )
        return int(error.exit)
    return int(Exit.DONE)


def _say(value: dict[str, Any]) -> None:
    """One line, and no more ever. Whoever waited for it may have gone."""
    with suppress(OSError):
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()
    with suppress(OSError):
        sys.stdout.close()


def _as_ours(trouble: Exception) -> DearlyError:
    if isinstance(trouble, DearlyError):
        return trouble
    why = _("Something went wrong that should not have ({kind}). It is a fault in Dearly, not in what you did.")
    return DearlyError("our_fault", why.format(kind=type(trouble).__name__), _("Nothing is lost. Try again."))


class Owner:
    """Holds one desk open and serves it."""

    def __init__(self, desk: Desk, folder: Path, app: App, serve: Serve) -> None:
        self._desk, self._folder = desk, folder
        self._loop = asyncio.get_running_loop()
        self._app = replace(app, folder=folder, open_desk=self.open_desk, lock=self._lock, run=self._run)
        self._serve = serve
        self._open, self._unused = Elapsed(desk.clock), Elapsed(desk.clock)
        self._soft_after = SOFT_LOCK_MINUTES * 60.0

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until the desk is ended."""
        self._soft_after = 60.0 * await self._desk.drawer.read(
            lambda db: settings.get(db, "soft_lock_minutes", SOFT_LOCK_MINUTES)
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._loop.add_signal_handler(number, self._desk.ended.set)
        door = Door(self._folder, lambda argv, terminal: self._serve(self._app, argv, terminal))
        await door.open()
        rounding = asyncio.create_task(self._make_rounds(), name="rounds")
        try:
            ready()
            await self._until_ended()
        finally:
            rounding.cancel()
            try:
                await asyncio.wait({rounding})
            finally:
                await door.close()

    async def _until_ended(self) -> None:
        while not self._desk.ended.is_set() and (left := HARD_LOCK_SECONDS - self._open.seconds) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._desk.ended.wait(), min(left, LOOK_SECONDS))

    async def _make_rounds(self) -> None:
        """Rounds, again and again, until cancelled. No fault in one of them is the end of them all."""
        me = asyncio.current_task()
        while True:
            try:
                await rounds.watch(self._desk, lambda _report: None)
            except (Exception, asyncio.CancelledError) as trouble:  # noqa: BLE001 (whatever it was, letters go on)
                if me is not None and me.cancelling():
                    return
                log.error("the rounds stopped: %s", type(trouble).__name__)  # noqa: TRY400 (its words may be private)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _lock(self) -> list[str]:
        notices = await keep.lock_notice(self._desk)
        self._desk.ended.set()
        return notices

    def open_desk(self, _folder: Path, secret: Callable[[], str]) -> AbstractAsyncContextManager[Desk]:
        """The running desk; with the passphrase again when nothing was asked of it for a while."""
        return self._lend(secret)

    @property
    def _soft_locked(self) -> bool:
        return self._unused.seconds > self._soft_after or self._open.seconds > HARD_LOCK_SECONDS

    @asynccontextmanager
    async def _lend(self, secret: Callable[[], str]) -> AsyncIterator[Desk]:
        if self._soft_locked:
            prepared = words.prepare(secret())
            await asyncio.to_thread(lambda: slots.unlock(read_copies(self._folder), prepared))
        self._unused.again()
        try:
            yield self._desk
        finally:
            # Locked meanwhile, it stays so: whoever ends a long command has not shown that they know the passphrase.
            if not self._soft_locked:
                self._unused.again()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
