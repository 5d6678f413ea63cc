"""Letters filed a stack at a time stand in the drawer as if each had been filed by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dearly.drawer import chain, filing, importing, letters, objects, people
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.drawer.importing_values import Content, Counts, Imported
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import LetterId
from dearly.letter.envelope import Way
from dearly.letter.sealing import Seal
from tests.support.drawers import new_drawer, run

ADA = Correspondent("Ada", Address.parse("ada@letters.test"))
BERT = Correspondent("Bert", Address.parse("bert@letters.test"))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def imported(n: int, *, text: str = "", letter_id: str | None = "", date: datetime = NOW, more: str = "") -> Imported:
    """The n-th letter of Bert."""
    text = text or f"Letter {n}."
    content = Content(
        direction="in",
        letter_id=None if letter_id is None else LetterId(letter_id or f"letter-{n}@letters.test"),
        inner_sha256=hashlib.sha256(text.encode()).digest(),
        senders=(BERT,),
        to=(ADA,),
        cc=(),
        date=date,
        subject=f"Letter {n}",
        text=text,
        packed_text=objects.pack_text(text),
        references=(LetterId("one@letters.test"), LetterId("two@letters.test")),
        seal=Seal.NEVER_SEALED,
    )
    return Imported(objects.pack(f"{n}{text}{more}".encode()), Way.MAIL, "old", NOW, content, BERT)


def play(tmp_path: Path, scene: Callable[[Drawer], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with new_drawer(tmp_path / "drawer") as drawer:
            await scene(drawer)

    run(whole)


async def take(drawer: Drawer, *stack: Imported) -> Counts:
    def meet(db: Db, who: Correspondent) -> int:
        new = people.NewAddress(str(who.address))
        return people.add(db, who.name or str(who.address), [new], now=NOW, chance=drawer.chance).id

    return await drawer.write(lambda db: importing.file_many(db, stack, meet=meet, now=NOW, chance=drawer.chance))


def test_every_digest_is_that_of_the_tables(tmp_path: Path) -> None:
    async def scene(drawer: Drawer) -> None:
        assert await take(drawer, *(imported(n) for n in range(5))) == Counts(taken=5)

        def look(db: Db) -> None:
            for number, digest in db.all("SELECT number, content_sha256 FROM letters"):
                assert filing.content_digest(db, number) == digest
                assert chain.known(db, chain.Kind.FILED, digest)
            assert chain.verify(db) is None
            assert db.all("PRAGMA foreign_key_check") == []

        await drawer.read(look)

    play(tmp_path, scene)


def test_the_archive_is_in_the_order_of_dates_whatever_the_order_of_coming(tmp_path: Path) -> None:
    async def scene(drawer: Drawer) -> None:
        days = [NOW - timedelta(days=n) for n in (5, 1, 9, 3)]
        await take(drawer, *(imported(n, date=day) for n, day in enumerate(days[:2])))
        await take(drawer, *(imported(n, date=day) for n, day in enumerate(days[2:], 2)))
        bert = await drawer.read(lambda db: people.find(db, "Bert").id)
        lines = await drawer.read(lambda db: letters.correspondence(db, bert))
        assert [one.subject for one in lines] == ["Letter 2", "Letter 0", "Letter 3", "Letter 1"]

    play(tmp_path, scene)


def test_a_second_with_more_letters_than_places(tmp_path: Path) -> None:
    async def scene(drawer: Drawer) -> None:
        many = [imported(n) for n in range(40)]
        assert (await take(drawer, *many[:25])).taken == 25
        assert (await take(drawer, *many[25:])).taken == 15
        keys = await drawer.read(lambda db: [key for (key,) in db.all("SELECT sort_key FROM letters")])
        assert len(set(keys)) == 40 and len({key // filing.PER_DAY for key in keys}) == 1

    play(tmp_path, scene)


@pytest.mark.parametrize("together", [True, False])
def test_copies_and_twins(tmp_path: Path, together: bool) -> None:
    async def scene(drawer: Drawer) -> None:
        one = imported(1)
        stack = [one, replace(one, raw=objects.pack(b"another copy")), imported(1, text="Not the same."), one]
        counts = Counts()
        for some in [stack] if together else [[each] for each in stack]:
            counts += await take(drawer, *some)
        assert counts == Counts(taken=2, already_here=2)

        def look(db: Db) -> None:
            assert db.all("SELECT twin FROM letters") == [(1,), (1,)]
            assert db.value("SELECT count(*) FROM arrivals") == 3
            assert db.value("SELECT count(DISTINCT letter) FROM arrivals") == 2

        await drawer.read(look)

    play(tmp_path, scene)


def test_what_was_erased_does_not_come_back(tmp_path: Path) -> None:
    async def scene(drawer: Drawer) -> None:
        one = imported(1)
        await drawer.write(lambda db: chain.append(db, chain.Kind.ERASED, one.raw.sha256, NOW))
        assert await take(drawer, one, imported(2)) == Counts(taken=1, erased=1)

    play(tmp_path, scene)


def test_what_could_not_be_read_is_kept_with_its_reason(tmp_path: Path) -> None:
    async def scene(drawer: Drawer) -> None:
        kept = Imported(objects.pack(b"\0\1\2"), Way.MAIL, "old", NOW, reason="It could not be read.")
        assert await take(drawer, kept) == Counts(failed=1)

        def look(db: Db) -> Any:
            return db.all("SELECT state, letter, reason FROM arrivals")

        assert await drawer.read(look) == [("imported", None, "It could not be read.")]

    play(tmp_path, scene)
