"""Processor time of running programs, with everything they have started: steadier than the clock on the wall."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path


class Processor:
    """What these processes and all below them spend from now on, the ended ones included."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._before = self._spent()

    def each(self, things: int) -> float:
        """Microseconds for each of so many things."""
        return (self._spent() - self._before) / things * 1e6

    def _spent(self) -> float:
        return sum(_seconds(pid) for top in self._pids for pid in _family(top))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in listed.read_text().split():
            yield from _family(int(child))


def _seconds(pid: int) -> float:
    """Its own time and that of children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
