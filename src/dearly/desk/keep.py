"""Act 14: keeping. Backup, kit, check, and the lock."""

from __future__ import annotations

from pathlib import Path

from dearly.desk import saving
from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.drawer import backup as copies
from dearly.drawer import change, outbox
from dearly.drawer import kit as kits
from dearly.letter.envelope import Way
from dearly.letter.journey import State
from dearly.letter.words import _, ngettext


async def backup(desk: Desk, file: Path, progress: Progress) -> None:
    """Copy the whole drawer into one file, locked with the passphrase of this day.

    Raises `Refused`, `NotFound` (no_such_folder), `NoSpace`."""
    await copies.back_up(desk.drawer, saving.into(file), lambda done, total: progress(_("Copying"), done, total))


async def kit(desk: Desk, out: Path) -> None:
    """Write the recovery kit as a text to be printed, readable by its owner only. Raises as `backup` does."""
    kits.write(saving.into(out), kits.text(desk.drawer.data_key, desk.drawer.uid, desk.clock.now()))


async def lock_change(desk: Desk, old: str, new: str) -> None:
    """Let another passphrase open the drawer. Copies made before keep the old one. Raises `Locked`, `Usage`."""
    await change.change_passphrase(desk.drawer, old, new)


async def lock_notice(desk: Desk) -> list[str]:
    """What should be said before the drawer is locked: letters that would have left meanwhile, and when."""
    travels = await desk.drawer.read(lambda db: outbox.listing(db, pending=True))
    leaving = {State.WAITING, State.TRYING, State.DATED}
    waiting = [t for t in travels if t.journey.state in leaving and t.way is not Way.HAND]
    if not waiting:
        return []
    first = min(travel.journey.not_before for travel in waiting).astimezone(desk.clock.local().tzinfo)
    when = first.strftime("%Y-%m-%d %H.%M")
    said = ngettext(
        "One letter is waiting to leave, from {when} on. It leaves when the drawer is opened again.",
        "{n} letters are waiting to leave, the first from {when} on. They leave when the drawer is opened again.",
        len(waiting),
    )
    return [said.format(n=len(waiting), when=when)]
