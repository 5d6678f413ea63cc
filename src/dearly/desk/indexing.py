"""The words of letters, put into the index: in the transaction in which a letter is filed, or later, little by little,
for letters whose entry is missing (a drawer that was put together again) or was made by older rules."""

from __future__ import annotations

import asyncio
import math
from functools import partial

from dearly.desk.desk import Desk
from dearly.drawer import search
from dearly.drawer.connection import Db
from dearly.drawer.search import Material
from dearly.letter.sealing import Seal
from dearly.letter.search import Entry
from dearly.terms.entry import VERSION, Has, enclosed, entry

AT_ONCE = 20
"""Letters in one transaction: it stays well below the time that somebody who is typing would feel."""

PAUSE_SECONDS = 0.05
"""Between two transactions: whatever else is to be stored has its turn."""

AT_ONCE_SECONDS = 5.0
"""For so long erasing waits until the erased words are gone from the index, too; a large index is done later."""

_BREATH_SECONDS = 0.01

LOOK_SECONDS = 20.0
"""How often a running desk looks whether there is something to do."""

RIGHT_AWAY = 200
"""Letters that a search puts in before it looks, so that what came a moment ago is found."""


def index(db: Db, number: int) -> None:
    """Index a letter that was filed, joined or dated anew, in the caller's transaction; one that is indexed already
    stays as it is."""
    found = None if search.indexed(db, number) else search.material(db, number)
    if found is not None:
        search.put(db, number, entry_of(found))


def entry_of(letter: Material) -> Entry:
    """What a filed letter is found by."""
    has = enclosed(one.media_type for one in letter.enclosed)
    sealed = not letter.postcard if letter.direction == "out" else letter.seal not in (None, Seal.NEVER_SEALED)
    for one, true in (
        (Has.HTML, letter.html),
        (Has.SEALED, sealed and not (letter.imported and letter.seal is None)),
        (Has.POSTCARD, letter.postcard),
        (Has.PAPER, "paper" in letter.travelled),
        (Has.IMPORTED, letter.imported),
    ):
        if true:
            has.add(one)
    return entry(
        letter.subject,
        letter.text,
        people=letter.people,
        files=[one.name for one in letter.enclosed],
        direction=letter.direction,
        date=letter.date,
        has=has,
    )


async def catch_up(desk: Desk, most: int | None = None, *, version: int = VERSION) -> int:
    """Index what is not indexed by these rules, the newest letters first; how many there were. `most`: then stop.

    Between its short transactions everybody else has a turn. It may be cancelled at any time, and goes on from there
    the next time."""
    done = 0
    while (most is None or done < most) and not desk.drawer.read_only:
        made = await desk.drawer.read(lambda db: _some(db, version))
        if not made:
            break
        await desk.drawer.write(partial(_put, made=made))
        done += len(made)
        await asyncio.sleep(PAUSE_SECONDS)
    return done


async def purge(desk: Desk, within: float = math.inf) -> bool:
    """Let the words of erased letters go from the index's pages, in short steps; whether all are gone. `within`:
    seconds after which the rest is left for later."""
    end = asyncio.get_running_loop().time() + within
    while not desk.drawer.read_only and await desk.drawer.write(search.purge_some):
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(_BREATH_SECONDS)
    return True


async def keep_up(desk: Desk) -> None:
    """Index what is missing and purge what was erased, again and again, until cancelled."""
    while True:
        await catch_up(desk)
        if await desk.drawer.read(search.to_purge):
            await purge(desk)
        await asyncio.sleep(LOOK_SECONDS)


def _put(db: Db, made: list[tuple[Material, Entry]]) -> None:
    for letter, its_entry in made:
        search.put_if_same(db, letter, its_entry)


def _some(db: Db, version: int) -> list[tuple[Material, Entry]]:
    found = (search.material(db, number) for number in search.outdated(db, version, AT_ONCE))
    return [(one, entry_of(one)) for one in found if one is not None]
