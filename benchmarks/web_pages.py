"""Server time of the pages that a person waits for: a desk with 100,000 letters beside one with 100.

Both desks are filled through the drawer's own code, in this process, and asked in turns, so that whatever else the
machine does falls on both. Half of all letters are one correspondence's, so that its book, too, is a thousand times as
long. The ratio says whether the size of the archive can be felt (goal: at most 1.2). The memory is that of the process
with both desks open, before and after the pages, and of the children beside it.

    python -m benchmarks.web_pages [LETTERS]
"""

from __future__ import annotations

import asyncio
import gc
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

from benchmarks.contents import BATCH, FEW, MANY, PEOPLE, fill
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


async def furnished(folder: Path, count: int) -> Desk:
    """A desk with so many letters of twenty years."""
    drawer = await Drawer.create(folder, "benchmark passphrase, not secret", clock=CLOCK, chance=CHANCE)
    ways = MemoryWays(MemoryPost())
    desk = Desk(drawer, Opener(size=1), keyholder_of(drawer), ways, CLOCK, CHANCE, folder.parent / f"state-{count}")
    await setup.begin(desk, "Ada")
    for n in range(PEOPLE):
        await drawer.write(partial(_friend, n=n))
    begun = time.perf_counter()
    for first in range(0, count, BATCH):
        await drawer.write(partial(fill, first=first, count=min(BATCH, count - first)))
    spent, size = time.perf_counter() - begun, (folder / "drawer.db").stat().st_size
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
    """Seconds of processor time of this process and of its children (those by the tick of the system, 10 ms)."""
    ticks = 0
    for pid in _children():
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _children() -> list[str]:
    found = Path(f"/proc/self/task/{os.getpid()}/children")
    return found.read_text().split() if found.exists() else []


def resident(pid: int | str = "self") -> int:
    """Megabytes of memory that a process holds (VmRSS)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def children() -> list[int]:
    """Megabytes of each child of this process."""
    return [resident(pid) for pid in _children()]


async def measure(place: Path, many: int) -> None:
    """Print the table."""
    async with AsyncExitStack() as stack:
        desks = [await furnished(place / str(count), count) for count in (FEW, many)]
        for desk in desks:
            stack.push_async_callback(desk.close)
        webs = [await stack.enter_async_context(at_desk(desk)) for desk in desks]
        asked = [await desk.drawer.read(pages) for desk in desks]
        gc.collect()
        print(f"  resident before any page: {resident()} MB, both desks", flush=True)
        print(f"  {'':24}{'until it is there':>37}{'processor time':>35}")
        for name in asked[0]:
            took: list[list[float]] = [[], []]
            cost = [0.0, 0.0]
            for turn in range(TURNS + WARM):
                for which in (0, 1):
                    spent, computed = await ask(webs[which], asked[which][name])
                    if turn >= WARM:
                        took[which].append(spent)
                        cost[which] += computed / TURNS
            few, large = (statistics.median(times) for times in took)
            print(f"  {name:24}{_compared(few, large)}{_compared(*cost)}", flush=True)
        await looked_for(desks[1])
        gc.collect()
        print(f"  resident after all pages: {resident()} MB, both desks; children {children()} MB")


def _compared(few: float, large: float) -> str:
    return f"{few * 1e3:10.1f} ms, {large * 1e3:8.1f} ms: {large / few:6.2f}"


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
    many = int(sys.argv[-1]) if sys.argv[-1].isdigit() else MANY
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(measure(Path(place), many))
    print(f"  goal: at most {GOAL} times as long")


if __name__ == "__main__":
    main()
