"""What the modules of the drawer do, in a real one: encrypted, on the disk, with its writer and its readers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from dearly.drawer import accounts, arrivals, drafts, letters, outbox, people
from dearly.drawer.connection import Db
from dearly.letter.content import Draft, Enclosure
from dearly.letter.envelope import Way
from tests.support.contents import (
    ADA,
    BERT,
    PLACE,
    arrived,
    chance,
    finished,
    form,
    known,
    leg,
    page,
    parcel,
    posted,
    took_in,
)
from tests.support.drawers import new_drawer, open_drawer, run
from tests.support.times import NOON


def _count(table: str, db: Db) -> int:
    return int(db.value(f"SELECT count(*) FROM {table}"))


def test_everything_is_there_after_closing_and_opening(tmp_path: Path) -> None:
    folder = tmp_path / "drawer"

    def fill(db: Db) -> tuple[int, int, int]:
        bert = known(db, BERT)
        ours, theirs = posted(db), arrived(db, person=bert.id).number
        draft = page(db, "unfinished").number
        drafts.cut_version(db, draft, drafts.Why.LEAVING, NOON)
        return ours, theirs, draft

    async def play() -> None:
        async with new_drawer(folder) as drawer:
            ours, theirs, draft = await drawer.write(fill)
        again = await open_drawer(folder)
        try:
            bert = await again.read(lambda db: people.find(db, "bert"))
            book = await again.read(lambda db: letters.correspondence(db, bert.id))
            assert [line.number for line in book] == [ours, theirs]
            (ready,) = await again.read(lambda db: outbox.due(db, NOON))
            assert ready.number == ours
            assert await again.read(lambda db: drafts.version_text(db, draft, 1)) == "unfinished"
            assert await again.read(lambda db: arrivals.raw(db, theirs)) == parcel("1").data
            assert await again.read(letters.damaged) == []
        finally:
            await again.close()

    run(play())


def test_a_posting_that_fails_leaves_the_draft(tmp_path: Path) -> None:
    """F02: nothing of it is stored, also not the number, the chain's link or the draft's new state."""

    def interrupted(db: Db) -> None:
        posted(db)
        raise RuntimeError("the machine stopped here")

    async def play() -> None:
        async with new_drawer(tmp_path / "drawer") as drawer:
            there = await drawer.write(page)

            def fails(db: Db) -> None:
                outbox.post(db, there.number, finished(there.draft), [leg()], [form("1", BERT)], based_on=1, now=NOON)
                raise RuntimeError("the machine stopped here")

            for work in (fails, interrupted):
                with pytest.raises(RuntimeError):
                    await drawer.write(work)
            assert await drawer.read(lambda db: drafts.load(db, there.number)) == there
            for table in ("letters", "journeys", "sealed_forms", "chain", "objects", "versions"):
                assert await drawer.read(partial(_count, table)) == 0
            assert (await drawer.write(page)).number == there.number + 1

    run(play())


def test_clicks_at_the_same_time_post_one_letter(tmp_path: Path) -> None:
    """F48, with the writer really asked ten times at once."""

    async def play() -> None:
        async with new_drawer(tmp_path / "drawer") as drawer:
            there = await drawer.write(page)

            def click(n: int, db: Db) -> outbox.Posted:
                letter = finished(there.draft, f"{n}@letters.test")
                return outbox.post(db, there.number, letter, [leg()], [form(str(n), BERT)], based_on=1, now=NOON)

            results = await asyncio.gather(*(drawer.write(partial(click, n)) for n in range(10)))
            assert {result.number for result in results} == {there.number}
            assert sum(not result.again for result in results) == 1
            assert len(await drawer.read(outbox.listing)) == 1

    run(play())


def test_nothing_of_it_can_be_read_in_the_files(tmp_path: Path) -> None:
    """Not the text of drafts, versions and letters, not names, addresses, secrets or enclosures; also not what was
    dropped, and also while the drawer is open."""
    markers = [b"zebrafinch", b"quokka", b"axolotl", b"pangolin", b"Beispiel", b"bert@letters", b"capybara"]
    folder = tmp_path / "drawer"

    def fill(db: Db) -> None:
        known(db, BERT)
        accounts.add(db, Way.OFFICE, PLACE, ADA.address, {}, "fake secret capybara", now=NOON, chance=chance)
        number = page(db, "zebrafinch " * 50).number
        for n in range(5):
            drafts.cut_version(db, number, drafts.Why.LEAVING, NOON)
            there = drafts.load(db, number)
            drafts.save(
                db, number, Draft((BERT,), "quokka", f"axolotl {n}"), based_on=there.revision, now=NOON + timedelta(n)
            )
        drafts.enclose(db, number, [Enclosure("pangolin.txt", "text/plain", b"pangolin " * 2000)], NOON)
        posted(db, seed="pangolin")
        took_in(db, parcel("zebrafinch"))
        drafts.drop(db, number)

    def found() -> set[tuple[str, bytes]]:
        return {
            (file.name, marker)
            for file in folder.iterdir()
            for marker in markers
            if file.is_file() and marker in file.read_bytes()
        }

    async def play() -> None:
        async with new_drawer(folder) as drawer:
            await drawer.write(fill)
            assert found() == set()
        assert found() == set()

    run(play())
