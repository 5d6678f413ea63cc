"""Server time of the pages that a person waits for: a desk with 100,000 letters beside two with few.

The desks are filled through the drawer's own code, in this process, and asked in turns, so that whatever else the
machine does falls on all alike. Half of all letters are one correspondence's, so that its book, too, is that much
longer. The ratio says whether the size of the archive can be felt (goal: at most 1.2).

A page with more lines on it costs more, however few letters lie in the drawer: a person's page reads their last 200
letters, the desk 40 of each of eight people. With 100 letters in all it has fewer to read, and that is not what is
asked here. So the ratio is to a desk with 2,500 letters, on which every page is as full as on the large one; the desk
with 100 stands beside it, and its pages are emptier.

    python -m benchmarks.web_pages [LETTERS] [FOLDER]

FOLDER keeps the drawers for the next time; without one they are made anew in a temporary one, and go with it.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

from tests.support.desks import MemoryWays
from tests.support.memory_carrier import MemoryPost
from tests.support.web import Web, at_desk

from benchmarks.contents import FEW, MANY, PEOPLE, filled
from dearly.assemble.machine import CHANCE, CLOCK
from dearly.desk import correspondence, setup
from dearly.desk.desk import Desk, keyholder_of
from dearly.drawer import letters, people
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.opener.pool import Opener

TURNS, WARM = 25, 3
"""How often each page is asked for, after the first few times, which load templates and start children."""

GOAL = 1.2


FULL = 2_500
"""Letters with which every page has as many lines as with any more."""

WORD = "benchmark passphrase, not secret"


async def furnished(folder: Path, count: int) -> Desk:
    """A desk with so many letters of twenty years; the one that was kept in this folder, if there is one."""
    whole = folder / "whole"
    there = whole.exists()
    make = Drawer.open if there else Drawer.create
    drawer = await make(folder, WORD, clock=CLOCK, chance=CHANCE)
    ways = MemoryWays(MemoryPost())
    desk = Desk(drawer, lambda: Opener(size=1), keyholder_of, ways, CLOCK, CHANCE, folder.parent / f"state-{count}")
    if there:
        return desk
    await setup.begin(desk, "Ada")
    for n in range(PEOPLE):
        await drawer.write(partial(_friend, n=n))
    begun = time.perf_counter()
    await filled(drawer, count)
    spent, size = time.perf_counter() - begun, (folder / "drawer.db").stat().st_size
    whole.touch()
    print(f"  {count:,} letters: filled in {spent:.0f} s, {size / 1e6:.0f} MB", flush=True)
    return desk


def _friend(db: Db, n: int) -> None:
    people.add(db, f"Friend {n}", [people.NewAddress(f"friend{n}@letters.test")], now=CLOCK.now(), chance=CHANCE)


def pages(db: Db) -> dict[str, str]:
    """What is looked at, by name."""
    friend = people.find(db, "Friend 7")
    lines = letters.correspondence(db, friend.id, newest_first=True, limit=60)
    middle = lines[min(30, len(lines) - 1)]
    mine, theirs = (next(one.number for one in lines if one.direction == way) for way in ("out", "in"))
    return {
        "the desk": "/",
        "letterbox": "/letterbox",
        "all letters": "/letters",
        "the book, its end": f"/letters/{friend.uid}",
        "the book, a year": f"/letters/{friend.uid}?year={CLOCK.now().year - 14}",
        "the book, backwards": f"/letters/{friend.uid}?order=newest",
        "the book, at a letter": f"/letters/{friend.uid}?at={middle.number}",
        "a letter of theirs": f"/letter/{theirs}",
        "a letter of ours": f"/letter/{mine}",
        "people": "/people",
        "a person": f"/people/{friend.uid}",
        "outbox": "/outbox",
    }


async def ask(web: Web, path: str) -> tuple[float, float]:
    """Seconds until the page is there, and seconds of processor time that it took, here and in the children."""
    computed, begun = computing(), time.perf_counter()
    answer = await web.get(path)
    spent = time.perf_counter() - begun
    if answer.status_code != 200:
        raise SystemExit(f"{path} answered {answer.status_code}")
    return spent, computing() - computed


def computing() -> float:
    """Seconds of processor time of this process and of its children."""
    spent = 0
    for pid in _children():
        with suppress(OSError):
            spent += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return time.process_time() + spent / 1e9


def _children() -> list[str]:
    found = Path(f"/proc/self/task/{os.getpid()}/children")
    return found.read_text().split() if found.exists() else []


async def measure(place: Path, many: int) -> None:
    """Print the table."""
    async with AsyncExitStack() as stack:
        desks = [await furnished(place / str(count), count) for count in (FEW, FULL, many)]
        for desk in desks:
            stack.push_async_callback(desk.close)
        webs = [await stack.enter_async_context(at_desk(desk)) for desk in desks]
        asked = [await desk.drawer.read(pages) for desk in desks]
        print(
            f"  milliseconds of processor time (until it is there) with {FEW:,}, {FULL:,} and {many:,} letters; ratio"
        )
        for name in asked[0]:
            took: list[list[float]] = [[], [], []]
            cost: list[list[float]] = [[], [], []]
            for turn in range(TURNS + WARM):
                for which in (0, 1, 2):
                    spent, computed = await ask(webs[which], asked[which][name])
                    if turn >= WARM:
                        took[which].append(spent)
                        cost[which].append(computed)
            print(f"  {name:24}{_compared([statistics.median(one) for one in took], [_usual(one) for one in cost])}")
            sys.stdout.flush()
        await looked_for(desks[2])


def _usual(times: list[float]) -> float:
    """The mean without the fifth that is highest: the noise of other programs only adds."""
    kept = sorted(times)[: -(len(times) // 5)]
    return statistics.fmean(kept)


def _compared(took: list[float], cost: list[float]) -> str:
    shown = "  ".join(f"{c * 1e3:6.1f} ({t * 1e3:6.1f})" for c, t in zip(cost, took, strict=True))
    return f"{shown}  {cost[2] / cost[1]:5.2f} of full, {cost[2] / cost[0]:5.2f} of few"


async def looked_for(desk: Desk) -> None:
    """Words in the long book: one that every letter has, and one that none has."""
    uid = (await desk.drawer.read(lambda db: people.find(db, "Friend 7"))).uid
    other = (await desk.drawer.read(lambda db: people.find(db, "Friend 2"))).uid
    for name, whose, words in (
        ("in the long book, on every page", uid, "e"),
        ("in the long book, nowhere", uid, "zzzzzz"),
        ("in a book of some hundreds, nowhere", other, "zzzzzz"),
    ):
        times, computed = [], computing()
        for _turn in range(5):
            begun = time.perf_counter()
            await correspondence.earlier(desk, whose, words)
            times.append(time.perf_counter() - begun)
        cost = (computing() - computed) / 5
        print(f"  a word {name}: {statistics.median(times) * 1e3:.1f} ms, {cost * 1e3:.1f} ms of processor time")


def main() -> None:
    """Fill, ask, print."""
    options = sys.argv[1:]
    many = int(options.pop(0)) if options and options[0].isdigit() else MANY
    if options:
        asyncio.run(measure(Path(options[0]), many))
    else:
        with tempfile.TemporaryDirectory() as place:
            asyncio.run(measure(Path(place), many))
    print(f"  goal: at most {GOAL} times that of a desk with as full pages")


if __name__ == "__main__":
    main()
