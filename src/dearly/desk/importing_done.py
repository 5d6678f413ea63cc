"""What an import came to, and what of an archive is kept without a letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from dearly.desk.desk import Desk
from dearly.desk.importing_source import MOST_SKIPPED, Skipped
from dearly.desk.joining import Alike
from dearly.drawer import importing_left
from dearly.exchange.archive import Archive

MOST_LEFT = 10_000
"""Originals without a letter that are listed."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an import came to, with what an earlier run of it did that was stopped. `failed`: could not be read; of them
    `missed` could not be had at all, in this run, the others are kept as they are. `skipped` names what could not be
    had, and what letters name as enclosed and do not hold. `left_out`: by reason, of this run. `erased`: were here once
    and were erased. `locked`: sealed letters whose key is not here, kept unopened.
    `refiled`: letters that lay here as received, and are from an address that was named as ours now.
    `alike`: who may be in the address book twice now; nobody is joined by it.
    `left`: what of this archive is kept without a letter, with the reason, the last first."""

    found: int
    taken: int
    already_here: int
    not_letters: int
    failed: int
    left_out: dict[str, int] = field(default_factory=dict)
    erased: int = 0
    locked: int = 0
    missed: int = 0
    skipped: tuple[Skipped, ...] = ()
    refiled: int = 0
    alike: Sequence[Alike] = ()
    left: Sequence[importing_left.Left] = ()


async def left(
    desk: Desk, archive: Archive | None = None, *, before: int | None = None, most: int = MOST_LEFT
) -> list[importing_left.Left]:
    """What was kept without a letter, the last first: of this archive, or of all that were ever taken in; at most
    `most`, and only below the number `before`."""
    place, most = (None, most) if archive is None else (archive.place, MOST_SKIPPED)
    return await desk.drawer.read(partial(importing_left.left, place=place, limit=most, before=before))
