"""The keeper of a drawer on this machine: which state it is in, and how it comes into another (`desk.keeper`)."""

from __future__ import annotations

import asyncio
import hmac
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from dearly.assemble import desks
from dearly.assemble.owner import Owner, Serve
from dearly.desk import first, setup
from dearly.desk.app import App
from dearly.desk.desk import Desk
from dearly.desk.keeper import Leaving, State
from dearly.drawer import kit as kits
from dearly.drawer import passphrase as words
from dearly.drawer.folder import DATABASE
from dearly.drawer.restore import wrong_key
from dearly.letter.address import header_safe
from dearly.letter.errors import DearlyError, InUse, Locked, Refused, Usage
from dearly.letter.words import _

PATIENCE, _PAUSE = 5.0, 0.1
"""For how long, and how often, in seconds, it is tried to open a drawer that another command has: most are short."""

LAST_WORDS_SECONDS = 5.0
"""For how long after a lock a page may keep what was being written on it."""

SETTLE_SECONDS = 30.0
"""For how long somebody who wants to open the drawer waits for it to be closed first."""


class MachineKeeper:
    """Holds at most one desk open. Use from one event loop.

    `ended`: set when the desk that was open is closed. `trouble`: why, where that was a fault."""

    def __init__(self, folder: Path, app: App, serve: Serve) -> None:
        self._folder, self._app, self._serve = folder, app, serve
        self._owner: Owner | None = None
        self._holding: asyncio.Task[None] | None = None
        self._base = 1
        self._turn = asyncio.Lock()
        self._between = False
        self.retiring = False
        """Whether the process is about to forget everything: nothing is opened any more."""
        self.ended = asyncio.Event()
        self.trouble: Exception | None = None

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def state(self) -> State:
        if self._owner is not None:
            return State.SOFT if self._owner.soft_locked else State.OPEN
        if self._holding is None and not (self._folder / DATABASE).exists():
            return State.NONE
        return State.CLOSED

    @property
    def opening(self) -> int:
        return self._base + (self._owner.turns if self._owner is not None else 0)

    @property
    def desk(self) -> Desk:
        if self._owner is None or self._owner.soft_locked:
            raise Locked("locked", _("The desk is locked."), _("Unlock it to go on."))
        return self._owner.desk

    @property
    def holds(self) -> bool:
        """Whether a drawer is open here, or just being opened or closed."""
        return self._holding is not None

    def used(self) -> None:
        if self._owner is not None:
            self._owner.used()
            self._owner.desk.opener.expect()  # whoever sits at the desk in the browser reads letters; a command may not

    def wrote(self) -> None:
        if self._owner is not None:
            self._owner.wrote()

    def last_words(self, opening: int) -> Desk | None:
        if self._owner is None or not self._owner.soft_locked:
            return None
        fresh = opening == self.opening - 1 and self._owner.fell.seconds < LAST_WORDS_SECONDS
        return self._owner.desk if fresh else None

    def soft_lock(self) -> None:
        if self._owner is not None:
            self._owner.soft_lock()

    async def hard_lock(self) -> list[str]:
        return await self._owner.lock() if self._owner is not None else []

    async def leaving(self) -> Leaving | None:
        return await first.leaving(self._owner.desk) if self._owner is not None else None

    async def create(self, name: str, passphrase: str) -> None:
        async with self._turn:
            if self.state is not State.NONE:
                raise Refused(
                    "drawer_exists",
                    _("There is a drawer already."),
                    _("Unlock it, or choose another folder with --drawer."),
                )
            self._must_stay()
            if not header_safe(name, _("name")).strip():
                raise Usage("empty_name", _("A letter is from somebody: the name is empty."), _("Give a name."))
            await self._open(_Named(desks.create_desk(self._folder, lambda: passphrase), name))

    async def restore(self, file: Path, passphrase: str) -> None:
        async with self._turn:
            self._must_stay()
            await self._app.restore(file, self._folder, lambda: passphrase, lambda _what, _done, _total: None)
            await self._open_patiently(passphrase)

    async def unlock(self, passphrase: str) -> None:
        async with self._turn:
            if self._owner is not None and not self._owner.desk.ended.is_set():
                await self._owner.unlock(passphrase)
                return
            await self._let_close()
            self._must_stay()
            await self._open_patiently(passphrase)

    async def restore_with_kit(self, kit: str, passphrase: str) -> None:
        async with self._turn:
            self._must_stay()
            self._must_fit(kit, passphrase)
            was_open, self._between = self.holds, True
            try:
                await self.close()
            finally:
                self._between = False
            try:
                await self._app.restore_with_kit(self._folder, kit, lambda: passphrase)
                await self._open_patiently(passphrase)
            except BaseException:
                if was_open:
                    self.ended.set()  # it is closed by now: what is left of its keys goes too
                raise

    def _must_fit(self, kit: str, passphrase: str) -> None:
        """Raises `Usage` (kit_wrong, bad_passphrase), `Locked` (wrong_key) for the kit of another drawer than the one
        that is open: anybody may type something, and what is open is not closed for that."""
        key = kits.read(kit)
        words.prepare(passphrase)
        if self._owner is not None and not hmac.compare_digest(key, self._owner.desk.drawer.data_key):
            raise wrong_key()

    async def close(self) -> None:
        """Close the drawer, if one is open, and wait until that is done."""
        if self._owner is not None:
            self._owner.desk.ended.set()
            self._owner.look()
        holding = self._holding
        if holding is not None:
            if self._owner is None:
                holding.cancel()  # it is being opened just now
            await asyncio.wait({holding})

    def _must_stay(self) -> None:
        if self.retiring:
            raise InUse(
                "desk_closing", _("The desk is just being locked."), _("Wait a moment and try again."), retry=True
            )

    async def _let_close(self) -> None:
        """Wait until the drawer that was open here is closed."""
        if self._holding is not None:
            await asyncio.wait({self._holding}, timeout=SETTLE_SECONDS)

    async def _open_patiently(self, passphrase: str) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await self._open(desks.open_desk(self._folder, lambda: passphrase))
            except InUse:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(_PAUSE)

    async def _open(self, way: AbstractAsyncContextManager[Desk]) -> None:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._holding = asyncio.create_task(self._hold(way, ready), name="desk")
        await asyncio.shield(ready)

    async def _hold(self, way: AbstractAsyncContextManager[Desk], ready: asyncio.Future[None]) -> None:
        def tell() -> None:
            self._base += 1
            self._owner = owner
            ready.set_result(None)

        try:
            async with way as desk:
                owner = Owner(desk, self._folder, self._app, self._serve)
                try:
                    await owner.run(tell)
                finally:
                    self._base += owner.turns + 1
                    self._owner = None
        except asyncio.CancelledError:
            _fail(ready, DearlyError("opening_stopped", _("The desk was ended while it was being opened.")))
            raise
        except Exception as trouble:  # noqa: BLE001 (told to whoever opens it, or to the process)
            if not _fail(ready, trouble):
                self.trouble = trouble
        finally:
            self._holding = None
            if not ready.exception() and not self._between:
                self.ended.set()


def _fail(ready: asyncio.Future[None], trouble: Exception) -> bool:
    """Tell whoever waits; whether anybody did."""
    if ready.done():
        return False
    ready.set_exception(trouble)
    return True


class _Named(AbstractAsyncContextManager[Desk]):
    """A new desk that bears its owner's name before anything else is done at it."""

    def __init__(self, way: AbstractAsyncContextManager[Desk], name: str) -> None:
        self._way, self._name = way, name

    async def __aenter__(self) -> Desk:
        desk = await self._way.__aenter__()
        try:
            await setup.begin(desk, self._name)
        except BaseException as trouble:
            await self._way.__aexit__(type(trouble), trouble, trouble.__traceback__)
            raise
        return desk

    async def __aexit__(self, *why: object) -> bool | None:
        return await self._way.__aexit__(*why)  # type: ignore[arg-type]  # passed on as it came
