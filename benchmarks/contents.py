"""The questions of desk, letterbox, outbox and correspondence pages: a drawer of 100,000 letters beside one of 100.

Every question is one that a person waits for. The ratio says whether the size of the archive can be felt.

    python -m benchmarks.contents [LETTERS]
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from dearly.assemble.machine import CHANCE, CLOCK
from dearly.desk import home
from dearly.drawer import arrivals, drafts, letters, outbox, people
from dearly.drawer.connection import Db, unguarded
from dearly.drawer.drawer import Drawer
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Draft, Letter, LetterId
from dearly.letter.envelope import Envelope, Parcel, SealedBytes, SealedLetter, Source, Way
from dearly.letter.journey import Accepted, State
from dearly.letter.sealing import Seal

FEW, MANY, PEOPLE, BATCH, TURNS = 100, 100_000, 60, 2_000, 30
YEARS = 20
ADA = Correspondent("Ada", Address.parse("ada@letters.test"))
PLACE = "ada"
CHOICE = random.Random(1)
WORDS = ["".join(CHOICE.choices("etaoinshrdlu", k=CHOICE.randint(2, 9))) for _ in range(4000)]


def friend(n: int) -> Correspondent:
    """One of the sixty; every second letter is Friend 7's, so that a page of that correspondence is full in both."""
    n = 7 if n % 4 < 2 else n % PEOPLE
    return Correspondent(f"Friend {n}", Address.parse(f"friend{n}@letters.test"))


async def filled(drawer: Drawer, count: int) -> None:
    """Fill an empty drawer through its own code, in large transactions that wait for no disk."""
    await drawer.on_writer(lambda: _haste(drawer, "synchronous=OFF", "cache_size=-65536"))
    for first in range(0, count, BATCH):
        last = min(count, first + BATCH)
        await drawer.write(lambda db, first=first, last=last: fill(db, first, last, count))  # type: ignore[misc]  # bound now
    await drawer.on_writer(lambda: _haste(drawer, "synchronous=FULL", "cache_size=-2000", "shrink_memory"))


def _haste(drawer: Drawer, *pragmas: str) -> None:
    unguarded(drawer.store._writer, *(f"PRAGMA {pragma}" for pragma in pragmas))


def fill(db: Db, first: int, last: int, count: int) -> None:
    """Letters from and to sixty friends, as many received as written: those from `first` to `last` of `count`, which
    came and went over twenty years, one after the other."""
    now = CLOCK.now()
    for n in range(first, last):
        who, text = friend(n), " ".join(CHOICE.choices(WORDS, k=300))
        date = now - timedelta(days=365 * YEARS * (count - n) / count)
        if n % 2 == 0:
            page = drafts.new(db, Draft((who,), "subject", text), now=now, chance=CHANCE)
            letter = Letter(LetterId(f"out{n}@letters.test"), ADA, (who,), date, "subject", text, letter_no=n + 1)
            data = SealedBytes(CHOICE.randbytes(2000))
            digest = hashlib.sha256(data).digest()
            sealed = SealedLetter(
                Envelope(ADA.address, (who.address,)), letter.letter_id, data, digest, digest.hex()[:32]
            )
            leg = outbox.Leg(who.address, None, Way.OFFICE, PLACE, now, State.WAITING)
            outbox.post(db, page.number, letter, [leg], [outbox.Form(Way.OFFICE, PLACE, sealed)], based_on=1, now=now)
            (ready,) = outbox.due(db, now)
            outbox.end_attempt(db, outbox.begin_attempt(db, ready, now), {who.address: Accepted()}, now)
            continue
        data_in = CHOICE.randbytes(3000)
        parcel = Parcel(data_in, Source(Way.OFFICE, PLACE, "", str(n)))
        number = arrivals.take_in(db, parcel, hashlib.sha256(data_in).digest(), now=now, chance=CHANCE)
        assert number is not None
        person = people.person_of_address(db, who.address)
        outside = arrivals.Outside(
            who, LetterId(f"in{n}@letters.test"), None, Seal.NEVER_SEALED, person and person.id, False
        )  # type: ignore[arg-type]  # an id or None
        arrivals.put_in_letterbox(db, number, outside, now)
        letters.file_received(
            db,
            number,
            letters.Received(
                LetterId(f"in{n}@letters.test"),
                hashlib.sha256(data_in).digest(),
                who,
                (ADA,),
                (),
                date,
                "subject",
                text,
                Seal.SIGNED_PINNED,
                letter_no=n + 1,
                person=person.id if person else None,
            ),
            now,
        )


def questions(db: Db) -> dict[str, Callable[[Db], object]]:
    """What pages ask."""
    now = CLOCK.now()
    person = people.find(db, "Friend 7").id
    last = letters.correspondence(db, person, newest_first=True, limit=1)[0].number
    return {
        "letterbox, the last 50": lambda db: arrivals.letterbox(db, limit=50),
        "letterbox, unopened": lambda db: arrivals.letterbox(db, unopened_only=True),
        "outbox, the last 50": lambda db: outbox.listing(db, limit=50),
        "outbox, pending": lambda db: outbox.listing(db, pending=True),
        "what is due": lambda db: outbox.due(db, now),
        "when something is due": outbox.next_due,
        "correspondence, 50 newest": lambda db: letters.correspondence(db, person, newest_first=True, limit=50),
        "correspondence, 50 oldest": lambda db: letters.correspondence(db, person, limit=50),
        "one letter": lambda db: letters.letter(db, last),
        "the desk at a glance": lambda db: home.at_a_glance(db, CLOCK.local(), now),
        "drafts": drafts.list_all,
        "everybody": people.list_all,
    }


async def measure(folder: Path, count: int) -> dict[str, float]:
    """Median seconds for each question in a new drawer with so many letters."""
    drawer = await Drawer.create(folder, "benchmark passphrase, not secret", clock=CLOCK, chance=CHANCE)
    try:
        for n in range(PEOPLE):
            new = people.NewAddress(f"friend{n}@letters.test")
            await drawer.write(
                lambda db, n=n, new=new: people.add(db, f"Friend {n}", [new], now=CLOCK.now(), chance=CHANCE)
            )  # type: ignore[misc]  # bound now
        begun = time.perf_counter()
        await filled(drawer, count)
        spent = time.perf_counter() - begun
        size = (folder / "drawer.db").stat().st_size
        print(f"  {count:,} letters: filled in {spent:.0f} s ({spent / count * 1e3:.2f} ms each), {size / 1e6:.0f} MB")
        asked = await drawer.read(questions)
        took: dict[str, float] = {}
        for name, question in asked.items():
            times = []
            for _turn in range(TURNS):
                begun = time.perf_counter()
                await drawer.read(question)
                times.append(time.perf_counter() - begun)
            took[name] = statistics.median(times)
        return took
    finally:
        await drawer.close()


def main() -> None:
    """Print the table."""
    many = int(sys.argv[-1]) if sys.argv[-1].isdigit() else MANY
    with tempfile.TemporaryDirectory() as place:
        small = asyncio.run(measure(Path(place, "few"), FEW))
        large = asyncio.run(measure(Path(place, "many"), many))
    for name, few in small.items():
        print(f"  {name:28} {few * 1e3:7.2f} ms with {FEW}, {large[name] * 1e3:7.2f} ms: {large[name] / few:5.2f}")


if __name__ == "__main__":
    main()
