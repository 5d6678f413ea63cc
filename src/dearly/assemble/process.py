"""The one process of a drawer, in every state: no drawer yet, closed, softly locked, open.

`dearly unlock` leaves it behind with the drawer open; `dearly` finds it, or starts it as things stand, and asks it for
a way into the browser. The web is served only once somebody wants to come in. When the drawer is closed for good, a
process that nobody visits ends; one with an address in somebody's browser begins anew (`anew`), so that the address
goes on answering, with nothing in its memory. One loop has all of it: rounds, commands, pages.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dearly.assemble import anew
from dearly.assemble.front import Front, Web
from dearly.assemble.keeping import MachineKeeper
from dearly.assemble.owner import Serve
from dearly.desk.app import App
from dearly.desk.keeper import State
from dearly.door.bell import frozen
from dearly.door.ringing import Bell, Held
from dearly.letter.errors import DearlyError, Exit
from dearly.letter.words import _
from dearly.opener.limits import keep_private

log = logging.getLogger(__name__)

IDLE_SECONDS = 15 * 60.0
"""After which a process without an open drawer and without an open page ends by itself."""

LOOK_SECONDS = 20.0

_MOST_PASSPHRASE = 1 << 20


@dataclass(frozen=True, slots=True)
class Faces:
    """Both faces, handed over by `__main__`. `serve` runs one command; `web` gives what serves pages, and is called
    when somebody first comes: it takes long to import."""

    serve: Serve
    web: Callable[[], Web]


def hold(folder: Path, app: App, faces: Faces) -> int:
    """The process with its drawer open: passphrase on standard input, one line of JSON on standard output when it
    answers, or when it cannot; never a trace, which might quote what is in the drawer. The exit code."""
    word = sys.stdin.buffer.read(_MOST_PASSPHRASE).decode("utf-8", "surrogatepass")
    return _run(folder, app, faces, word, None)


def stand_by(folder: Path, app: App, faces: Faces, note: int | None) -> int:
    """The process as things stand, without a passphrase; it says {"ready": true}. `note`: from before an exec."""
    return _run(folder, app, faces, None, anew.take(note) if note is not None else None)


def _run(folder: Path, app: App, faces: Faces, word: str | None, kept: anew.Kept | None) -> int:
    keep_private()
    told = kept is not None  # then nobody listens any more

    def tell(value: dict[str, Any]) -> None:
        nonlocal told
        if not told:
            told = True
            _say(value)

    try:
        again = asyncio.run(Process(folder, app, faces, kept).run(word, tell))
        if again is not None:
            anew.begin(folder, again)
    except Exception as trouble:  # noqa: BLE001 (the last place before the end of the process)
        error = _as_ours(trouble)
        log.error("the owner ended: %s", type(trouble).__name__)  # noqa: TRY400 (its words may be private)
        tell(frozen(error))
        return int(error.exit)
    return int(Exit.DONE)


def _say(value: dict[str, Any]) -> None:
    """One line, and no more ever. Whoever waited for it may have gone."""
    with suppress(OSError):
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()
    # Closed for whoever reads it, and taken all the same: no socket may come to be standard output.
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _as_ours(trouble: Exception) -> DearlyError:
    if isinstance(trouble, DearlyError):
        return trouble
    why = _("Something went wrong that should not have ({kind}). It is a fault in Dearly, not in what you did.")
    return DearlyError("our_fault", why.format(kind=type(trouble).__name__), _("Nothing is lost. Try again."))


class Process:
    """What goes on around the keeper: signals, the bell, the web, and the end."""

    def __init__(self, folder: Path, app: App, faces: Faces, kept: anew.Kept | None = None) -> None:
        self._folder, self._web, self._kept = folder, faces.web, kept
        self.keeper = MachineKeeper(folder, app, faces.serve)
        self._end = asyncio.Event()
        self._front: Front | None = None
        self._fronting = asyncio.Lock()
        self._heard = time.monotonic()

    async def run(self, word: str | None, tell: Callable[[dict[str, Any]], None]) -> anew.Kept | None:
        """Serve until the end; what to begin anew with, where it is not the end. `word`: opens the drawer first."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._end.set)
        async with AsyncExitStack() as stack:
            held = Held.inherit(self._folder, self._kept.held) if self._kept else Held.take(self._folder)
            stack.callback(held.release)
            bell = Bell(self._folder, self._answer)
            await bell.open(self._kept.bell_listener() if self._kept else None)
            stack.push_async_callback(bell.close)
            stack.push_async_callback(self._close_front)
            stack.push_async_callback(self.keeper.close)  # decision: the drawer first, whatever ends the process
            if self._kept:
                await self._open_front()
            if word is not None:
                await self.keeper.unlock(word)
            tell({"open": True} if word is not None else {"ready": True})
            if not await self._until_the_end():
                return None
            return await self._pack(bell, held, stack)

    async def _until_the_end(self) -> bool:
        """Whether to begin anew."""
        while not self._end.is_set():
            await self._something_happens()
            if self.keeper.ended.is_set() and not self.keeper.holds:
                if self._front is None and self.keeper.trouble is not None:
                    raise self.keeper.trouble
                self.keeper.retiring = not self._end.is_set()
                return self._front is not None and not self._end.is_set()
            self.keeper.ended.clear()
            if not self.keeper.holds and self._quiet_for > IDLE_SECONDS:
                break
        return False

    async def _something_happens(self) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in (self._end, self.keeper.ended)]
        try:
            await asyncio.wait(waiting, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    @property
    def _quiet_for(self) -> float:
        """Seconds since anything was asked of this process; 0 while a page is open."""
        presence = self._front.threshold.presence if self._front is not None else None
        if presence is None:
            return time.monotonic() - self._heard
        return 0.0 if presence.any else time.monotonic() - max(self._heard, presence.heard)

    async def _pack(self, bell: Bell, held: Held, stack: AsyncExitStack) -> anew.Kept:
        """Let go of everything but the sockets."""
        assert self._front is not None
        assert bell.listener is not None
        await self._front.pause()
        await bell.pause()
        stack.pop_all()
        front = self._front
        visitors = tuple(front.threshold.visitors())
        return anew.Kept(front.listener.detach(), bell.listener.detach(), held.descriptor, front.name, visitors)

    async def _open_front(self) -> Front:
        async with self._fronting:
            if self._front is None:
                front = Front(self._web(), self.keeper, self._folder, self._kept.visitors if self._kept else ())
                await front.open(self._kept.listener() if self._kept else None, self._kept.name if self._kept else "")
                self._front = front
        return self._front

    async def _close_front(self) -> None:
        if self._front is not None:
            await self._front.close()

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        self._heard = time.monotonic()
        match question:
            case {"want": "visit"}:
                front = await self._open_front()
                return {**front.launch(), "state": self.keeper.state.value}
            case {"want": "unlock", "passphrase": str(word)}:
                await self.keeper.unlock(word)
                return {"state": State.OPEN.value}
            case _:
                raise DearlyError("unknown_wish", _("This desk does not know what is asked of it."))


__all__ = ["Process", "hold", "stand_by"]
