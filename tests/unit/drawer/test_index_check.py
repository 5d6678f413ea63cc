"""The index of words against the letters: what does not fit is named, and made anew; no letter is touched."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw

from dearly.drawer import check as checks
from dearly.drawer import search
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.letter.search import Entry
from tests.support.books import Said, befriended, fill
from tests.support.contents import chance
from tests.support.drawers import make_drawer
from tests.support.times import NOON


async def _with_letters(folder: Path) -> Drawer:
    drawer = await make_drawer(folder)

    def work(db: Db) -> None:
        bert = befriended(db, "Bert", NOON, chance)
        for number in fill(db, [bert], [Said(NOON, ours=True, text="hello")] * 3, NOON, chance):
            search.put(db, number, Entry(1, "home", "bert", f"hello{number}", "", "", ""))

    await drawer.write(work)
    return drawer


async def _codes(drawer: Drawer) -> set[str]:
    return {finding.code for finding in (await checks.check(drawer)).findings}


def test_an_index_that_fits_is_not_spoken_of(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await _with_letters(tmp_path / "drawer")
        assert await _codes(drawer) == set()
        await drawer.close()

    asyncio.run(play())


def test_a_letter_that_is_missing_in_the_index_shows(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await _with_letters(tmp_path / "drawer")
        await drawer.write(lambda db: db.run("DELETE FROM search WHERE rowid = (SELECT min(sort_key) FROM letters)"))
        assert await _codes(drawer) == {checks.INDEX_DAMAGED}
        await drawer.write(search.begin_anew)
        assert await _codes(drawer) == set()
        assert await drawer.read(lambda db: db.value("SELECT max(indexer_version) FROM letters")) == 0
        await drawer.close()

    asyncio.run(play())


def test_words_without_a_letter_show(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await _with_letters(tmp_path / "drawer")
        await drawer.write(lambda db: db.run("INSERT INTO search (rowid, body) VALUES (5, 'nobody')"))
        assert await _codes(drawer) == {checks.INDEX_DAMAGED}
        await drawer.close()

    asyncio.run(play())


def test_an_index_that_is_broken_in_itself_is_no_damage_of_letters(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await _with_letters(tmp_path / "drawer")

        def harm(db: Db) -> None:
            connection = db._connection
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
            db.run(
                "UPDATE search_data SET block = zeroblob(length(block)) WHERE id = (SELECT max(id) FROM search_data)"
            )
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)

        await drawer.write(harm)
        assert await _codes(drawer) == {checks.INDEX_DAMAGED}
        await drawer.write(search.begin_anew)
        assert await _codes(drawer) == set()
        await drawer.close()

    asyncio.run(play())
