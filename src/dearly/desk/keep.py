"""Act 14: keeping. Backup, kit, check, and the lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from dearly.desk import saving
from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.drawer import backup as copies
from dearly.drawer import change, outbox, restore, settings
from dearly.drawer import kit as kits
from dearly.drawer.connection import translate
from dearly.drawer.folder import write_whole
from dearly.letter.envelope import Way
from dearly.letter.errors import Refused
from dearly.letter.journey import State
from dearly.letter.words import _, ngettext


async def backup(desk: Desk, file: Path, progress: Progress) -> None:
    """Copy the whole drawer into one file, locked with the passphrase of this day.

    Raises `Refused`, `NotFound` (no_such_folder), `NoSpace`."""
    await copies.back_up(desk.drawer, saving.into(file), lambda done, total: progress(_("Copying"), done, total))


async def kit(desk: Desk, out: Path) -> None:
    """Write the recovery kit as a text to be printed, readable by its owner only. Raises as `backup` does."""
    kits.write(saving.into(out), kits.text(desk.drawer.data_key, desk.drawer.uid, desk.clock.now()))


@dataclass(frozen=True, slots=True)
class Sheet:
    """The recovery kit for a page. `lines`: eight letters in two groups, and the word to check them by. `picture`: the
    code as SVG. `drawer`: the beginning of the drawer's uid."""

    lines: tuple[tuple[str, str], ...] = field(repr=False)
    picture: str = field(repr=False)
    made: datetime
    drawer: str


async def sheet(desk: Desk, passphrase: str) -> Sheet:
    """The recovery kit, for a page that is printed and kept nowhere. Raises `Locked` (wrong_passphrase), `Usage`."""
    await change.prove(desk.drawer, passphrase)
    return fresh_sheet(desk)


def fresh_sheet(desk: Desk) -> Sheet:
    """The same at the first day, a moment after the passphrase was chosen."""
    key = desk.drawer.data_key
    lines = tuple((letters, word) for letters, _gap, word in (line.partition("   ") for line in kits.code_lines(key)))
    return Sheet(lines, kits.qr_svg(key), desk.clock.now(), desk.drawer.uid[:8])


@dataclass(slots=True)
class Copy:
    """A backup on its way to the browser. The file has no name any more: when this is closed it is gone."""

    name: str
    size: int
    file: BinaryIO = field(repr=False)

    def pieces(self) -> Iterator[bytes]:
        """The bytes, a megabyte at a time; closed at the end, however it comes."""
        with self.file:
            while piece := self.file.read(1 << 20):
                yield piece


_COPY, _CHECKED = "backup-to-browser.part", "backup-to-check.part"


async def copy_out(desk: Desk) -> Copy:
    """Make a backup to be streamed to the browser. It is written, encrypted as every backup, beside the copy of the
    chain's head, and loses its name there before the first byte leaves. Raises as `backup`."""
    with _beside(desk, _COPY) as place:
        await copies.back_up(desk.drawer, place, lambda _done, _total: None)
        file, size = place.open("rb"), place.stat().st_size
    now = desk.clock.now()
    await desk.drawer.write(lambda db: settings.put(db, "backed_up", now.isoformat(timespec="seconds")))
    return Copy(f"dearly-{desk.clock.local():%Y-%m-%d}.backup", size, file)


_PLACES: set[str] = set()


@contextmanager
def _beside(desk: Desk, name: str) -> Iterator[Path]:
    """A place of our own outside the drawer, gone when the block ends, and with it what a process that was killed in
    the middle has left. Nobody else's at this moment: whoever clicks twice makes two copies."""
    desk.outside.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in desk.outside.glob(f"*{name}*"):
        if not any(busy in left.name for busy in _PLACES):
            left.unlink(missing_ok=True)
    mine = f"{desk.chance.token(8).hex()}.{name}"
    _PLACES.add(mine)
    try:
        yield desk.outside / mine
    finally:
        (desk.outside / mine).unlink(missing_ok=True)
        _PLACES.discard(mine)


async def check_copy(desk: Desk, content: bytes, passphrase: str) -> datetime:
    """Open a backup that the browser brought, fully, and throw it away again; when it was made. `passphrase`: the one
    of that day. Raises `Damaged` (backup_damaged), `Locked`, `MadeByNewer`, `NoSpace`, `Refused` (another_drawer)."""
    with _beside(desk, _CHECKED) as place:
        try:
            write_whole(place, content)
        except OSError as error:
            raise translate(error) from error
        proven = await restore.verify(place, passphrase)
    if proven.manifest.drawer != desk.drawer.uid:
        raise Refused(
            "another_drawer",
            _("This backup is whole, but it is of another drawer."),
            _("Keep it apart from the backups of this one."),
        )
    now = desk.clock.now()
    await desk.drawer.write(lambda db: settings.put(db, "backup_checked", now.isoformat(timespec="seconds")))
    return proven.manifest.made


async def last_copies(desk: Desk) -> tuple[datetime | None, datetime | None]:
    """When a backup was last made from the browser, and when one was last opened to make sure."""
    found = await desk.drawer.read(lambda db: [settings.get(db, name, "") for name in ("backed_up", "backup_checked")])
    made, checked = (datetime.fromisoformat(text) if text else None for text in found)
    return made, checked


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
