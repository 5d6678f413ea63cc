"""A letter is erased in one transaction; its words leave the index's pages in short steps behind it. Killed between the
two, nobody finds the words any more, `check` says that they are still there, and the next opening lets them go."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from dearly.desk import checking, erasing, importing, indexing
from dearly.desk.importing import Choices
from dearly.desk.search import search
from dearly.drawer import search as index
from dearly.drawer.connection import Db
from tests.support.archives import letter, maildir
from tests.support.desks import Person, a_town
from tests.support.drawers import run
from tests.support.killer import kill_at

SECRET = "zwetschgenkuchen"
MISSPELT = "zwetschgenkuchem"


async def set_up(place: Path) -> int:
    """Ada's drawer with a few letters; the number of the one that is to be erased."""
    letters = [letter(1), letter(2, text=f"Dear Ada, {SECRET} again.\n"), letter(3)]
    async with a_town(place) as town:
        ada = await town.person("Ada")
        archive = importing.open_archive(maildir(place / "Maildir", letters))
        await importing.run(ada.desk, archive, Choices(), lambda *_: None)
        (found,) = (await search(ada.desk, SECRET)).letters
        assert (await search(ada.desk, MISSPELT)).did_you_mean == (SECRET,)
        return found.number


async def erase(place: str, number: int) -> None:
    """In the child."""
    async with a_town(Path(place)) as town:
        await erasing.erase((await town.person("Ada")).desk, number)


def _in_pages(db: Db) -> bool:
    return SECRET.encode() in b"".join(bytes(block) for (block,) in db.all("SELECT block FROM search_data"))


async def _shown(ada: Person) -> list[object]:
    """What a search for the word, its beginning or a word like it brings."""
    said: list[object] = []
    for query in (SECRET, f"{SECRET[:6]}*", MISSPELT, f'"{SECRET} again"'):
        results = await search(ada.desk, query)
        said += [*results.letters, *(one for one in results.did_you_mean if SECRET in one)]
    return said


async def _pending(ada: Person) -> bool:
    findings = await checking.check(ada.desk, lambda *_: None)
    assert all(one.ok for one in findings)
    return any(one.name == "erased_words" for one in findings)


def test_killed_between_the_erasing_and_the_purge(tmp_path: Path) -> None:
    number = run(set_up(tmp_path))
    assert kill_at("erase.erased", __name__, "erase", tmp_path, number).killed

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            assert await ada.desk.drawer.read(lambda db: db.value("SELECT count(*) FROM letters")) == 2
            assert await ada.desk.drawer.read(_in_pages), "or this test proves nothing"
            assert await _shown(ada) == []
            assert await _pending(ada)
            tidying = asyncio.create_task(indexing.keep_up(ada.desk))  # what an open desk does all the time
            while await ada.desk.drawer.read(index.to_purge):
                await asyncio.sleep(0.01)
            tidying.cancel()
            with suppress(asyncio.CancelledError):
                await tidying
            assert not await ada.desk.drawer.read(_in_pages)
            assert not await _pending(ada)
            assert await _shown(ada) == []
            assert len((await search(ada.desk, "friend")).letters) == 2

    run(play)
