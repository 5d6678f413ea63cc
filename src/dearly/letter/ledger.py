"""The ledger of a correspondence: who wrote last, what waits for an answer on either side, and whose numbers fail.

A letter is answered by one that names it, or by any letter that went back after it had come: people answer three
letters with one. A letter that was written before the other had come answers nothing, the two have crossed. What
somebody decided about a letter (no answer needed, later, let it rest) stands above all counting. Nothing here is ever a
reproach: an old letter that was brought in from an archive rests by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

RESTS_BY_ITSELF = timedelta(days=120)
"""A letter from an archive that was this old when it was brought in waits for nothing, unless somebody says so."""


class Standing(StrEnum):
    """How a correspondence stands."""

    YOURS = "yours"
    """They wrote last, and nothing has gone back."""
    LATER = "later"
    """A letter of theirs is to be answered later."""
    THEIRS = "theirs"
    """We wrote last, and nothing has come back."""
    RESTS = "rests"
    """Nobody waits: no answer is needed, or it was let rest."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One letter of a correspondence, as far as the ledger cares.

    `written`: when it says that it was written. `there`: when it had come to whom it is for, as far as we know: theirs
    when it was taken in here, ours when it was written. `reply`: later, not_needed, rest, or nothing decided (None);
    `on`: the day for which it was put off. `answered`: another letter here names it as the one that it answers.
    `rests`: from an archive, and old (`RESTS_BY_ITSELF`)."""

    number: int
    ours: bool
    written: datetime
    there: datetime
    reply: str | None = None
    on: date | None = None
    answered: bool = False
    rests: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """How a correspondence stands. `last`: the latest letter. `since`: the oldest letter that waits, for LATER the one
    that was put off; the last letter where none does. `on`: the day for which it was put off. `crossed`: the last two
    letters were written before either had come."""

    standing: Standing
    last: Turn
    since: Turn
    on: date | None = None
    crossed: bool = False


def account(turns: Iterable[Turn]) -> Account | None:
    """How these letters stand, in whatever order they come; None for none."""
    letters = sorted(turns, key=lambda turn: (turn.written, turn.number))
    if not letters:
        return None
    last = letters[-1]
    crossed = _crossed(letters)
    put_off = [turn for turn in letters if not turn.ours and turn.reply == "later" and not turn.answered]
    if put_off:
        first = min(put_off, key=lambda turn: (turn.on or date.max, turn.written))
        return Account(Standing.LATER, last, first, first.on, crossed)
    for ours, standing in ((False, Standing.YOURS), (True, Standing.THEIRS)):
        waiting = [turn for turn in letters if turn.ours is ours and waits(turn, letters)]
        # Of two letters that crossed the one that came to us is said: it is the one on which something can be done.
        if waiting and (not ours or last.ours):
            return Account(standing, last, waiting[0], None, crossed)
    return Account(Standing.RESTS, last, last, None, crossed)


def waits(turn: Turn, letters: Sequence[Turn]) -> bool:
    """Whether this letter still waits for an answer among `letters`."""
    if turn.answered or turn.rests or turn.reply is not None:
        return False
    return not any(other.ours is not turn.ours and other.written >= turn.there for other in letters)


def _crossed(letters: Sequence[Turn]) -> bool:
    if len(letters) < 2 or letters[-1].ours is letters[-2].ours:
        return False
    earlier, later = letters[-2], letters[-1]
    return later.written < earlier.there and not earlier.answered


def next_number(ours: Iterable[int]) -> int:
    """The number for our next letter to them, given the ones already used; numbers are never reused."""
    return max(ours, default=0) + 1


def missing(theirs: Iterable[int], most: int = 50) -> list[int]:
    """Their numbers below the highest seen that never came, ascending: letters lost, or still travelling. The last
    `most` of them at the utmost: a number is a claim, and anybody can claim a high one."""
    seen = set(theirs)
    found: list[int] = []
    for number in range(max(seen, default=0) - 1, 0, -1):
        if number not in seen:
            found.append(number)
            if len(found) == most:
                break
    return found[::-1]
