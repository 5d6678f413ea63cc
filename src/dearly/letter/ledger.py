"""Counting a correspondence: the number that each side writes on its letters, so that a lost or crossed one shows."""

from __future__ import annotations

from collections.abc import Iterable


def next_number(ours: Iterable[int]) -> int:
    """The number for our next letter to them, given the ones already used; numbers are never reused."""
    return max(ours, default=0) + 1


def missing(theirs: Iterable[int]) -> list[int]:
    """Their numbers below the highest seen that never came, ascending: letters lost, or still travelling."""
    seen = set(theirs)
    return [n for n in range(1, max(seen, default=0)) if n not in seen]
