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

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dearly.drawer.connection import Db

T = TypeVar("T")


class Drawer:
    """An open drawer. Made by `create`, `open` and `open_with_key` only."""

    folder: Path
    uid: str
    """32 hex digits, the drawer's own, for ever."""
    read_only: bool
    """Whether the place may only be read: every `write` is refused (F18)."""

    async def write(self, work: Callable[[Db], T]) -> T:
        """Run `work` in one transaction on the writer; its result, once the commit is on the disk.

        Raises what `work` raises of the family, `NoSpace` (disk_full, read_only), `Damaged` (disk_trouble,
        drawer_replaced, drawer_damaged); in every case nothing of `work` is stored (after disk_trouble: not proven).
        """
        raise NotImplementedError

    async def read(self, work: Callable[[Db], T]) -> T:
        """Run `work` on a reader, in one snapshot; it cannot change anything."""
        raise NotImplementedError

    async def close(self) -> None:
        """Finish the writes under way, fold the log into the file, forget the key. May be called twice."""
        raise NotImplementedError
