"""Changing the passphrase, and renewing the data key under it.

A new passphrase wraps the same data key anew: instant, and either the old or the new one opens at every moment (F46).
It does not undo a copy: whoever has the old slots and the old passphrase has the data key. `renew` does: it writes
every page anew with a fresh key, needs the room twice, and makes every older kit and copied slot useless for the
drawer as it is from then on (not for old backups).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import asdict, replace
from pathlib import Path

import apsw

from dearly.drawer import chain, heads  # fmt: skip
from dearly.drawer import slots as keys
from dearly.drawer.connection import DataKey, read_only, translate
from dearly.drawer.drawer import Drawer
from dearly.drawer.folder import DATABASE, RESCUED
from dearly.drawer.lock import Left
from dearly.drawer.opening import Opened, open_folder
from dearly.drawer.passphrase import prepare
from dearly.drawer.slotfiles import read_copies, write_copies
from dearly.drawer.slots import SlotCost, Slots
from dearly.drawer.store import no_room
from dearly.letter.errors import Refused
from dearly.letter.failpoint import reach
from dearly.letter.words import _


async def prove(drawer: Drawer, passphrase: str) -> None:
    """Do nothing where this passphrase opens the drawer: for acts that ask for it once more. Raises `Locked`
    (wrong_passphrase), `Usage` (bad_passphrase)."""
    known = prepare(passphrase)
    await asyncio.to_thread(lambda: keys.unlock([drawer.slots or read_copies(drawer.folder)[0]], known))


async def change_passphrase(drawer: Drawer, old: str, new: str, *, cost: SlotCost | None = None) -> None:
    """Let `new` open the drawer instead of `old`. Both copies of the slots are on the disk when this returns.

    `cost` None keeps what the slot costs now. Raises `Locked` (wrong_passphrase), `Usage` (bad_passphrase),
    `NoSpace` (read_only, disk_full)."""
    known, wanted = prepare(old), prepare(new)
    if drawer.read_only:
        raise read_only()

    def work() -> None:
        copy = drawer.slots or read_copies(drawer.folder)[0]
        keys.unlock([copy], known)
        slot = keys.wrap(drawer.uid, 1, drawer.store.key, wanted, cost or _as_before(copy))
        changed = replace(copy, revision=copy.revision + 1, slots=(slot,))
        # Proven to open before anything is replaced.
        keys.unlock([keys.decode(keys.encode(changed))], wanted)
        steps = ("passphrase.first-copy", "passphrase.second-copy")
        try:
            write_copies(drawer.folder, changed, lambda number: reach(steps[number]))
        except OSError as error:
            raise translate(error) from error
        drawer.slots = changed

    await drawer.on_writer(work)


async def renew(folder: Path, passphrase: str, *, cost: SlotCost | None = None, state: Path | None = None) -> DataKey:
    """Write the whole (locked) drawer anew with a fresh data key, and return that key, for a new kit.

    A kill at any moment leaves a drawer that the passphrase opens. Raises as `Drawer.open` does, `NoSpace` when there
    is not room enough for a second copy, `Refused` (rescued_copy) while a rescued file needs the old key."""
    return await asyncio.to_thread(_renew, folder, prepare(passphrase), cost, state)


def _renew(folder: Path, passphrase: bytes, cost: SlotCost | None, state: Path | None) -> DataKey:
    opened = open_folder(folder, lambda place: keys.unlock(read_copies(place), passphrase), state=state)
    try:
        if not opened.writable or opened.slots is None:
            raise read_only()
        _refuse_too_early(opened.store.folder)
        fresh = keys.new_key()
        _rewrite(opened, opened.slots, fresh, passphrase, cost, state)
    except (apsw.Error, OSError) as error:
        raise translate(error) from error
    finally:
        opened.store.close(lambda: opened.lock.mark(Left.CLOSED))
        opened.lock.release()
    return fresh


def _refuse_too_early(folder: Path) -> None:
    if (folder / RESCUED).exists():
        raise Refused(
            "rescued_copy",
            _("“{name}” beside the drawer can only be read with the key as it is now.").format(name=RESCUED),
            _("Decide about that file first: put it in the place of drawer.db, or delete it."),
        )
    place, size = os.statvfs(folder), (folder / DATABASE).stat().st_size
    if place.f_bavail * place.f_frsize < 2 * size + (8 << 20):
        raise no_room(2 * size + (8 << 20))


def _rewrite(
    opened: Opened, slots: Slots, fresh: DataKey, passphrase: bytes, cost: SlotCost | None, state: Path | None
) -> None:
    folder, store = opened.store.folder, opened.store
    # A head that the chain does not agree with stays what it is: renewing is not accepting (F20).
    head = opened.outside or store.read(chain.head)
    slot = keys.wrap(slots.uid, 3 - slots.slots[0].number, fresh, passphrase, cost or _as_before(slots))
    pending = replace(slots, revision=slots.revision + 1, slots=(*slots.slots, slot))
    write_copies(folder, pending)
    reach("renew.slots-pending")
    opened.lock.mark(Left.RENEWING)
    store.rekey(fresh)
    reach("renew.rekeyed")
    # These hold letters under a key that nobody has any more.
    for old in folder.glob("before-*.db"):
        with contextlib.suppress(OSError):
            old.unlink()
    final = replace(pending, revision=pending.revision + 1, slots=(slot,), head=b"")
    opened.slots = heads.keep(folder, fresh, slots.uid, final, head, state)
    reach("renew.slots-final")
    opened.lock.mark(Left.OPEN)


def _as_before(slots: Slots) -> SlotCost:
    """The cost of the slot there is, or of a new measurement where that is below the floor."""
    try:
        return SlotCost(**asdict(slots.slots[0].cost))
    except Refused:
        return keys.calibrate()
