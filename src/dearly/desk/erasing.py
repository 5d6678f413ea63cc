"""Erasing a letter for good: what goes, what stays, and what is out of reach. Said before it is done."""

from __future__ import annotations

from dataclasses import dataclass

from dearly.desk import indexing, views
from dearly.desk.desk import Desk
from dearly.desk.values import LetterView
from dearly.drawer import erasing
from dearly.letter.failpoint import reach
from dearly.letter.words import _


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing would do. `letter`: the one that is meant; `said`: sentences to be read before."""

    letter: LetterView
    said: tuple[str, ...]


async def before(desk: Desk, number: int) -> Erasure:
    """What is to be known before a letter is erased. Raises `NotFound` (no_letter)."""
    letter = await desk.drawer.read(lambda db: views.letter_view(db, number))
    said = [
        _("The letter goes with everything that is kept of it here, and cannot be had back."),
        _("That a letter was erased, and when, stays in the drawer's own record; nothing of what it said does."),
        _("Copies elsewhere are not touched: backups, what lies with a mail provider, and what others have of it."),
    ]
    return Erasure(letter, tuple(said))


async def erase(desk: Desk, number: int) -> None:
    """Erase a letter, ours or theirs. Raises `NotFound` (no_letter), `Refused` (still_travelling)."""
    letter = await desk.drawer.read(lambda db: views.letter_view(db, number))
    await desk.drawer.write(lambda db: erasing.erase(db, letter.number, desk.clock.now()))
    reach("erase.erased")
    await indexing.purge(desk, within=indexing.AT_ONCE_SECONDS)
