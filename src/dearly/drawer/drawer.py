"""The face of the room: an open drawer, in which every change is one plain function run by the one writer.

    drawer = await Drawer.open(folder, passphrase, clock=clock, chance=chance)
    number = await drawer.write(lambda db: letters.keep(db, draft))     # BEGIN IMMEDIATE .. COMMIT, synced to disk
    draft = await drawer.read(lambda db: letters.draft(db, number))     # one snapshot, on one of three readers
    await drawer.close()

A unit of work is a function of a `Db`. It runs on another thread, must not await, must not keep the `Db`, and is
rolled back whole when it raises. What it returns comes back after the commit is on the disk. A caller that is
cancelled while its work runs does not undo it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import TypeVar

from dearly.drawer import chain, heads  # fmt: skip
from dearly.drawer import passphrase as words
from dearly.drawer import slots as keys
from dearly.drawer.connection import DataKey, Db
from dearly.drawer.lock import Left
from dearly.drawer.making import make
from dearly.drawer.opening import Notice, Opened, Unlock, open_folder
from dearly.drawer.slotfiles import read_copies
from dearly.drawer.slots import SlotCost, Slots, Unlocked
from dearly.drawer.store import Store
from dearly.letter.clock import Chance, Clock
from dearly.letter.errors import Damaged, DearlyError, Locked
from dearly.letter.words import _

T = TypeVar("T")

READERS = 3


class Drawer:
    """An open drawer. Made by `create`, `open` and `open_with_key` only."""

    def __init__(self, opened: Opened, state: Path | None, clock: Clock, chance: Chance) -> None:
        self.folder = opened.store.folder
        self.uid = opened.uid
        """32 hex digits, the drawer's own, for ever."""
        self.read_only = not opened.writable
        """Whether the place may only be read: every `write` is refused (F18)."""
        self.notices: tuple[Notice, ...] = tuple(opened.notices)
        """What the person should be told now: read_only, rolled_back, synced_folder, conflict_copy, rescued, ..."""
        self.outside = opened.outside
        """A chain head kept elsewhere that this drawer does not agree with (F20), else None."""
        self.clock, self.chance, self.state = clock, chance, state
        self.slots: Slots | None = opened.slots
        self.store: Store = opened.store
        """The open database; for the modules of this room only."""
        self._opened = opened
        self._writer = ThreadPoolExecutor(1, "drawer-writer")
        self._readers = ThreadPoolExecutor(READERS, "drawer-reader")
        self._closed = False

    @classmethod
    async def create(
        cls,
        folder: Path,
        passphrase: str,
        *,
        clock: Clock,
        chance: Chance,
        cost: SlotCost | None = None,
        state: Path | None = None,
    ) -> Drawer:
        """Make a new drawer in `folder` (which must be empty, or not be there) and open it.

        `cost` None measures this machine, so that opening takes about half a second; `state`: a folder elsewhere for
        the chain's head. Raises `Usage` (bad_passphrase), `Refused` (drawer_exists, synced_folder, network_folder),
        `NoSpace`."""
        prepared = words.prepare(passphrase)

        def work() -> DataKey:
            return make(folder, prepared, cost or keys.calibrate(), chance, clock.now())

        return await cls.open_with_key(folder, await asyncio.to_thread(work), clock=clock, chance=chance, state=state)

    @classmethod
    async def open(
        cls,
        folder: Path,
        passphrase: str,
        *,
        clock: Clock,
        chance: Chance,
        state: Path | None = None,
        without_log: bool = False,
    ) -> Drawer:
        """Open the drawer in `folder`. Look at `notices` afterwards.

        `without_log`: go on although what was stored last is lost (after `Damaged` log_missing or
        log_of_another_file). Raises `NotFound` (no_drawer), `Locked` (wrong_passphrase), `InUse` (drawer_in_use),
        `Damaged` (slots_damaged, drawer_damaged, log_missing, ...), `MadeByNewer`, `NoSpace`, `Refused`."""
        prepared = words.prepare(passphrase)
        return await cls._open(
            folder,
            lambda place: keys.unlock(read_copies(place), prepared),
            clock=clock,
            chance=chance,
            state=state,
            without_log=without_log,
        )

    @classmethod
    async def open_with_key(
        cls,
        folder: Path,
        key: DataKey,
        *,
        clock: Clock,
        chance: Chance,
        state: Path | None = None,
        without_log: bool = False,
        vfs: str | None = None,
    ) -> Drawer:
        """As `open`, with the data key itself. Raises `Locked` (wrong_key) when it is not this drawer's.

        `vfs` names a layer of the file system, for tests that make it fail."""

        def unlock(place: Path) -> Unlocked:
            try:
                return Unlocked(read_copies(place)[0], {keys.GIVEN: key}, given=True)
            except Damaged:
                return Unlocked(None, {keys.GIVEN: key}, given=True)

        return await cls._open(
            folder, unlock, clock=clock, chance=chance, state=state, without_log=without_log, vfs=vfs
        )

    @classmethod
    async def _open(
        cls,
        folder: Path,
        unlock: Unlock,
        *,
        clock: Clock,
        chance: Chance,
        state: Path | None,
        without_log: bool,
        vfs: str | None = None,
    ) -> Drawer:

        def work() -> Opened:
            return open_folder(folder, unlock, state=state, without_log=without_log, vfs=vfs, readers=READERS)

        opening = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            opened = await asyncio.shield(opening)
        except asyncio.CancelledError:
            # Nobody will have this drawer: let it go again as soon as it is open.
            opening.add_done_callback(lambda done: _let_go(done.result()) if not done.exception() else None)
            raise
        return cls(opened, state, clock, chance)

    @property
    def data_key(self) -> DataKey:
        """The key of the file, for the recovery kit. It goes nowhere else."""
        self._must_be_open()
        return self.store.key

    @property
    def rolled_back(self) -> bool:
        """Whether the drawer was put back to an older state since it was last locked (F20)."""
        return self.outside is not None

    async def write(self, work: Callable[[Db], T]) -> T:
        """Run `work` in one transaction on the writer; its result, once the commit is on the disk.

        Raises what `work` raises of the family, `NoSpace` (disk_full, read_only), `Damaged` (disk_trouble,
        drawer_replaced, drawer_damaged); in every case nothing of `work` is stored (after disk_trouble: not proven).
        """
        result = await self.on_writer(lambda: self.store.write(work))
        if self.store.to_fold and not self._closed:
            self._writer.submit(self.store.fold_when_long)
        return result

    async def read(self, work: Callable[[Db], T]) -> T:
        """Run `work` on a reader, in one snapshot; it cannot change anything.

        Raises as `write`. After damage has been met nothing else can be read in the same snapshot: where the next
        thing is wanted nevertheless, it is another `read`."""
        return await self.on_reader(lambda: self.store.read(work))

    async def on_reader(self, act: Callable[[], T]) -> T:
        """Run `act` on a reader's thread, in the caller's context (the language of its sentences is part of it). For
        the modules of this room only."""
        self._must_be_open()
        return await asyncio.get_running_loop().run_in_executor(self._readers, copy_context().run, act)

    async def on_writer(self, act: Callable[[], T]) -> T:
        """Run `act` on the writer's thread, between two units of work. For the modules of this room only."""
        self._must_be_open()
        return await asyncio.get_running_loop().run_in_executor(self._writer, copy_context().run, act)

    @contextlib.asynccontextmanager
    async def writing_much(self) -> AsyncIterator[None]:
        """While much is written, in many units of work (`Store.expect`)."""
        await self.on_writer(lambda: self.store.expect(much=True))
        try:
            yield
        finally:
            if not self._closed:
                await self.on_writer(lambda: self.store.expect(much=False))

    async def accept_state(self) -> None:
        """Take the drawer as it is for the right one, although a head kept elsewhere says otherwise (F20)."""
        self.outside = None
        self.notices = tuple(notice for notice in self.notices if notice.code != "rolled_back")
        if not self.read_only:
            await self.on_writer(self._keep_head)

    async def close(self) -> None:
        """Finish the writes under way, fold the log into the file, forget the key. May be called twice."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        try:
            if not self.read_only and self.store.trouble is None:
                # The head may only be kept once what it speaks of is in the file itself.
                with contextlib.suppress(DearlyError, OSError):
                    self.store.fold()
                    self._keep_head()
        finally:
            _let_go(self._opened)

    def _keep_head(self) -> None:
        if self.slots is None or self.rolled_back:
            return
        head = self.store.read(chain.head)
        self.slots = heads.keep(self.folder, self.store.key, self.uid, self.slots, head, self.state)

    def _must_be_open(self) -> None:
        if self._closed:
            raise Locked("drawer_locked", _("The drawer is locked."), _("Open it with your passphrase."))


def _let_go(opened: Opened) -> None:
    opened.store.close(lambda: opened.lock.mark(Left.CLOSED))
    opened.lock.release()
    if opened.scratch is not None:
        shutil.rmtree(opened.scratch, ignore_errors=True)
