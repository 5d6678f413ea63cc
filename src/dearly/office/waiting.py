"""Writes that wait for a store's writer thread, and how they get their answers back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dearly.letter.errors import Refused
from dearly.letter.words import _
from dearly.office.rows import MOVED
from dearly.office.store import Shelf


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One write: see `Store.write`."""

    act: Callable[[Shelf], Any]
    touches: Collection[str]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


def settle(jobs: Sequence[Job], results: Sequence[tuple[bool, Any]]) -> None:
    """Hand the results (fine, value or error) back, one wake-up for each event loop that waits."""

    def hand_back(mine: list[tuple[asyncio.Future[Any], bool, Any]]) -> None:
        for future, fine, value in mine:
            if future.done():
                continue
            if fine:
                future.set_result(value)
            else:
                future.set_exception(value)

    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], bool, Any]]] = {}
    for job, (fine, value) in zip(jobs, results, strict=True):
        loops.setdefault(job.loop, []).append((job.future, fine, value))
    for loop, mine in loops.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits for this any more
            loop.call_soon_threadsafe(hand_back, mine)


def moving() -> Refused:
    """What is said to a write while the office is moved (`office copy`)."""
    return Refused(
        "moving", _("The office is being moved, and takes nothing in."), _("Try again in a moment."), retry=True
    )


def check_facts(facts: Mapping[str, str]) -> None:
    """Refuse a store that an office is not to be served from, by its facts: one into which a move (`moving.py`) has
    not ended, or out of which one has."""
    if facts.get("closed") == MOVED:
        raise Refused(
            "moved",
            _("This office was moved to another store, and is served from there."),
            _("To move it back, give this one as --to."),
        )
    if facts.get("receiving", "ready") != "ready":
        raise Refused(
            "half_moved",
            _("An office was being moved to this store, and that has not ended."),
            _("Do “dearly office copy” once more; until then the office is where it was."),
        )
