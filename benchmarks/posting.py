"""One durable posting and one durable arrival, beside a safe Maildir delivery of the same bytes, in one run.

Maildir is the peer because it is what a careful mail program does with a letter: write, fsync, rename, fsync the
folder (qmail's maildir(5)). Ours is one encrypted transaction with everything that a letter has: content, sealed
form, journey, correspondence, chain. The two take turns, so that a busy disk is busy for both.

    python -m benchmarks.posting
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from dearly.assemble.machine import CHANCE, CLOCK
from dearly.drawer import arrivals, drafts, outbox
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Draft, finish
from dearly.letter.envelope import Envelope, Parcel, SealedBytes, SealedLetter, Source, Way
from dearly.letter.journey import State

LETTERS, GROUP = 200, 100
ADA = Correspondent("Ada", Address.parse("ada@letters.test"))
BERT = Correspondent("Bert", Address.parse("bert@letters.test"))


def maildir(folder: Path, data: bytes) -> None:
    """One safe delivery."""
    name = os.urandom(8).hex()
    with (folder / "tmp" / name).open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    (folder / "tmp" / name).rename(folder / "new" / name)
    new = os.open(folder / "new", os.O_RDONLY)
    os.fsync(new)
    os.close(new)


def posting(db: Db) -> Callable[[Db], object]:
    """A draft that is ready, and the one transaction that posts it."""
    now = CLOCK.now()
    page = drafts.new(db, Draft((BERT,), "Of the harvest", "Dear Bert. " * 500), now=now, chance=CHANCE)
    letter = finish(page.draft, ADA, CLOCK, CHANCE)
    data = SealedBytes(os.urandom(6000))
    sealed = SealedLetter(
        Envelope(ADA.address, (BERT.address,)),
        letter.letter_id,
        data,
        hashlib.sha256(data).digest(),
        os.urandom(16).hex(),
    )
    leg = outbox.Leg(BERT.address, None, Way.OFFICE, "ada", now + timedelta(hours=1), State.WAITING)
    form = outbox.Form(Way.OFFICE, "ada", sealed)
    return lambda later: outbox.post(later, page.number, letter, [leg], [form], based_on=page.revision, now=now)


async def measure(place: Path) -> dict[str, list[float]]:
    """Seconds for each act, taken in turns."""
    for part in ("tmp", "new"):
        (place / part).mkdir(parents=True)
    drawer = await Drawer.create(place / "drawer", "benchmark passphrase, not secret", clock=CLOCK, chance=CHANCE)
    took: dict[str, list[float]] = {"maildir": [], "posting": [], "arrival": [], "arrivals in a group": []}
    try:
        for n in range(LETTERS):
            data = os.urandom(9000)
            work = await drawer.write(posting)
            acts: dict[str, Callable[[Db], object]] = {"posting": work, "arrival": taking_in([data])}
            begun = time.perf_counter()
            await asyncio.to_thread(maildir, place, data)
            took["maildir"].append(time.perf_counter() - begun)
            for name, act in acts.items():
                begun = time.perf_counter()
                await drawer.write(act)
                took[name].append(time.perf_counter() - begun)
            if n % 20 == 0:
                group = taking_in([os.urandom(9000) for _ in range(GROUP)])
                begun = time.perf_counter()
                await drawer.write(group)
                took["arrivals in a group"].append((time.perf_counter() - begun) / GROUP)
    finally:
        await drawer.close()
    return took


def taking_in(parcels: list[bytes]) -> Callable[[Db], object]:
    """The one transaction that takes these parcels in."""

    def work(db: Db) -> None:
        for data in parcels:
            source = Source(Way.OFFICE, "ada", "", os.urandom(8).hex())
            arrivals.take_in(db, Parcel(data, source), hashlib.sha256(data).digest(), now=CLOCK.now(), chance=CHANCE)

    return work


def main() -> None:
    """Print milliseconds, and how many of ours go into the time of one Maildir delivery (more is better)."""
    with tempfile.TemporaryDirectory(prefix="dearly-bench-") as place:
        took = asyncio.run(measure(Path(place)))
    floor = statistics.median(took["maildir"])
    goals = {"posting": 0.6, "arrival": 0.6, "arrivals in a group": 1.7}
    for name, times in took.items():
        middle = statistics.median(times)
        goal = f"   goal >= {goals[name]}" if name in goals else ""
        print(f"{name:22} {middle * 1000:7.2f} ms   rate against Maildir {floor / middle:5.2f}{goal}")


if __name__ == "__main__":
    main()
