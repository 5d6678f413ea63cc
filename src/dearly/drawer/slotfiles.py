"""The two files that hold the key slots, alike but for the moment between the writing of one and of the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dearly.drawer.folder import KEYS, write_whole
from dearly.drawer.slots import LARGEST_FILE, Slots, decode, encode, slots_damaged
from dearly.letter.errors import Damaged


def read_copies(folder: Path) -> list[Slots]:
    """The copies that can be read, the newest first; one when both files are alike.

    Raises `Damaged` (slots_damaged) when neither can be used, `MadeByNewer`."""
    found = []
    for name in KEYS:
        try:
            with (folder / name).open("rb") as file:
                copy = decode(file.read(LARGEST_FILE + 1))
        except (OSError, Damaged):
            continue
        if copy not in found:
            found.append(copy)
    if not found:
        raise slots_damaged()
    return sorted(found, key=lambda copy: -copy.revision)


def write_copies(folder: Path, slots: Slots, written: Callable[[int], None] = lambda _number: None) -> None:
    """Write both files, the first lastingly before the second; `written(n)` after each (0, 1). Raises OSError."""
    for number, name in enumerate(KEYS):
        write_whole(folder / name, encode(slots))
        written(number)


def both_hold(folder: Path, slots: Slots) -> bool:
    """Whether both files hold exactly these slots."""
    try:
        return all((folder / name).read_bytes() == encode(slots) for name in KEYS)
    except OSError:
        return False
