"""Is this drawer where it was, or has it been copied or put back from a backup? (F49)

The *incarnation* is a random id, kept in the drawer together with a digest of the place where it was made: path,
inodes and machine. A drawer that finds itself elsewhere may be a copy, and its original may since have posted the
letters that wait in it. So nothing leaves a moved drawer until `settle` has run: in one transaction every waiting,
dated or uncertain journey is held (the caller brings that function: `outbox.hold_all_restored`) and the drawer gets
a new incarnation. The order at each opening, before any round begins:

    if await incarnation.moved(drawer):
        held = await incarnation.settle(drawer, lambda db: outbox.hold_all_restored(db, now), chance)

A restored backup has no incarnation at all, so it always counts as moved.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dearly.drawer.connection import Db
from dearly.drawer.folder import DATABASE
from dearly.letter.clock import Chance

if TYPE_CHECKING:
    from dearly.drawer.drawer import Drawer

_ID, _PLACE = "incarnation", "incarnation_place"


def here(folder: Path, *, named: Path | None = None) -> str:
    """A digest of where `folder` is: its path, the inodes of folder and database, and the machine.

    `named`: the path that it is about to be renamed to. Device numbers are left out: some file systems give new ones
    at each start of the machine."""
    parts = (str((named or folder).resolve()), folder.stat().st_ino, (folder / DATABASE).stat().st_ino, machine())
    return hashlib.sha256("\0".join(str(part) for part in parts).encode("utf-8", "surrogateescape")).hexdigest()


async def moved(drawer: Drawer) -> bool:
    """Whether this drawer is not where it was when it last settled, or was put back to an older state (F20)."""
    return drawer.rolled_back or not await drawer.read(lambda db: settled(db, drawer.folder))


def settled(db: Db, folder: Path) -> bool:
    """Whether a drawer is where it was when it last settled."""
    return bool(db.value("SELECT value FROM settings WHERE name = ?", (_PLACE,)) == here(folder))


async def settle(drawer: Drawer, hold: Callable[[Db], int], chance: Chance) -> int:
    """Hold what waits (`hold` says how many) and take this place for ours, in one transaction."""
    place = here(drawer.folder)

    def work(db: Db) -> int:
        held = hold(db)
        begin(db, chance, place)
        return held

    held = await drawer.write(work)
    await drawer.accept_state()
    return held


def begin(db: Db, chance: Chance, place: str) -> None:
    """A new incarnation, bound to `place`."""
    for name, value in ((_ID, chance.token(16).hex()), (_PLACE, place)):
        db.run(
            "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )


def forget(db: Db) -> None:
    """Make the drawer count as moved wherever it is opened next."""
    db.run("DELETE FROM settings WHERE name IN (?, ?)", (_ID, _PLACE))


@cache
def machine() -> str:
    """What tells this machine from others: its own id where the system has one, else its name."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        try:
            if text := path.read_text().strip():
                return text
        except OSError:
            continue
    if sys.platform == "darwin":  # pragma: no cover
        import re
        import subprocess

        listed = subprocess.run(
            ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"], capture_output=True, check=False, text=True
        ).stdout
        if found := re.search(r'"IOPlatformUUID" = "([^"]+)"', listed):
            return found[1]
    import platform

    return platform.node()
