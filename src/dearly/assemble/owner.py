"""The owner: the process that holds a drawer open, makes its rounds, and serves the command line at its door.

`dearly unlock` leaves one behind. It ends with `dearly lock`, on SIGTERM, and by itself after twelve hours. After ten
minutes without a command it is soft-locked: rounds go on, and commands must bring the passphrase again.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from dearly.assemble import desks
from dearly.desk import rounds
from dearly.desk.app import App
from dearly.desk.desk import Desk
from dearly.door.remote import RemoteTerminal
from dearly.door.server import Door
from dearly.drawer import passphrase as words
from dearly.drawer import settings, slots
from dearly.drawer.slotfiles import read_copies
from dearly.letter.errors import DearlyError

Serve = Callable[[App, list[str], RemoteTerminal], int]

HARD_LOCK_SECONDS = 12 * 3600.0
SOFT_LOCK_MINUTES = 10
"""Default of the setting `soft_lock_minutes`."""


async def keep_open(folder: Path, secret: Callable[[], str]) -> None:
    """Leave an owner behind; return when it answers. Raises what opening raised there.

    The passphrase goes over a pipe: it is in no argument, no file and no environment."""
    said = await asyncio.to_thread(_leave_behind, folder, secret())
    if not said.get("open"):
        raise _error(said)


def _leave_behind(folder: Path, word: str) -> dict[str, Any]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dearly", "--hold-open", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError), process.stdin:
        process.stdin.write(word.encode())
    with process.stdout:
        said: dict[str, Any] = json.loads(process.stdout.readline() or b"{}")
    if said.get("open"):
        process.returncode = 0  # it is meant to outlive us: nobody waits for it
    else:
        process.wait()
    return said


def _error(said: dict[str, Any]) -> DearlyError:
    kind = next((k for k in DearlyError.__subclasses__() if k.exit == said.get("exit")), DearlyError)
    code, message, hint = (str(said.get(key, "")) for key in ("code", "message", "hint"))
    return kind(code or "not_opened", message or "The drawer could not be kept open.", hint)


def hold(folder: Path, app: App, serve: Serve) -> int:
    """The owner itself: passphrase on standard input, one line of JSON on standard output when it answers."""
    word = sys.stdin.buffer.read(4096).decode("utf-8", "replace")

    def tell(value: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):
            sys.stdout.write(json.dumps(value) + "\n")
            sys.stdout.flush()
        sys.stdout.close()

    async def run() -> int:
        try:
            async with desks.open_desk(folder, lambda: word) as desk:
                await Owner(desk, folder, app, serve).run(lambda: tell({"open": True}))
            return 0
        except DearlyError as error:
            tell({"code": error.code, "message": error.message, "hint": error.hint, "exit": int(error.exit)})
            return int(error.exit)

    return asyncio.run(run())


class Owner:
    """Holds one desk open and serves it."""

    def __init__(self, desk: Desk, folder: Path, app: App, serve: Serve) -> None:
        self._desk, self._folder = desk, folder
        self._loop = asyncio.get_running_loop()
        self._app = replace(app, folder=folder, open_desk=self.open_desk, run=self._run)
        self._serve = serve
        self._used = time.monotonic()
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
        rounding = asyncio.create_task(rounds.watch(self._desk, lambda _report: None), name="rounds")
        try:
            ready()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._desk.ended.wait(), HARD_LOCK_SECONDS)
        finally:
            rounding.cancel()
            with suppress(asyncio.CancelledError, DearlyError):
                await rounding
            await door.close()

    def open_desk(self, _folder: Path, secret: Callable[[], str]) -> AbstractAsyncContextManager[Desk]:
        """The running desk; with the passphrase again when nothing was asked of it for a while."""
        return self._lend(secret)

    @asynccontextmanager
    async def _lend(self, secret: Callable[[], str]) -> AsyncIterator[Desk]:
        if time.monotonic() - self._used > self._soft_after:
            prepared = words.prepare(secret())
            await asyncio.to_thread(lambda: slots.unlock(read_copies(self._folder), prepared))
        self._used = time.monotonic()
        try:
            yield self._desk
        finally:
            self._used = time.monotonic()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
