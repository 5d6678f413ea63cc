"""Enclosures on the way out of the lock, into a folder that the person chose (A32)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dearly.letter.content import Enclosure
from dearly.letter.errors import NoSpace, NotFound, Usage
from dearly.letter.words import _
from dearly.mime import plain


def save(enclosures: Sequence[Enclosure], folder: Path) -> list[Path]:
    """Write each under its cleaned name, readable by the owner only; never over a file that is there.

    The name never holds half a file (F17). Raises `Usage` (not_a_folder), `NoSpace` (disk_full)."""
    if not folder.is_dir():
        raise Usage(
            "not_a_folder",
            _("{folder} is not a folder.").format(folder=folder),
            _("Make it first, or name another."),
        )
    return [_save(enclosure, folder) for enclosure in enclosures]


def into(target: Path) -> Path:
    """`target`, into whose folder a file is to be written. Raises `NotFound` (no_such_folder) where there is none."""
    if target.parent.is_dir():
        return target
    raise NotFound(
        "no_such_folder",
        _("There is no folder “{folder}”.").format(folder=target.parent),
        _("Make it first, or name another place."),
    )


def _give_name(half: Path, target: Path) -> None:
    """Let `half` be `target`; FileExistsError where that name is taken, which a rename alone would not tell."""
    try:
        os.link(half, target)
    except FileExistsError:
        raise
    except OSError:  # FAT and exFAT, so most sticks, know no links: take the name first, then fill it at once
        target.touch(mode=0o600, exist_ok=False)
        half.replace(target)


def _save(enclosure: Enclosure, folder: Path) -> Path:
    clean = Path(plain.clean_filename(enclosure.name))
    half = folder / f".{os.urandom(8).hex()}.part"
    try:
        half.touch(mode=0o600, exist_ok=False)
        with half.open("wb") as file:
            file.write(enclosure.data)
            file.flush()
            os.fsync(file.fileno())
        for n in range(1, 1000):
            target = folder / (clean.name if n == 1 else f"{clean.stem} {n}{clean.suffix}")
            with suppress(FileExistsError):
                _give_name(half, target)
                return target
        raise Usage("name_taken", _("Too many files in {folder} have this name.").format(folder=folder))
    except OSError as trouble:
        raise NoSpace(
            "cannot_save",
            _("The enclosure could not be saved: {why}.").format(why=trouble.strerror or type(trouble).__name__),
            _("Choose another folder, or make room."),
        ) from None
    finally:
        half.unlink(missing_ok=True)
