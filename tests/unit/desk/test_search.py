"""Finding letters at a desk: in the transaction of filing, drafts beside letters, other forms and spellings, what was
told before; and what is indexed later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dearly.desk import erasing, indexing, search, told
from dearly.desk.search import Results
from dearly.drawer import drafts, letters, searching
from dearly.drawer import search as index
from dearly.drawer.connection import Db
from dearly.letter.content import Draft, Enclosure
from dearly.letter.errors import Usage
from dearly.terms.entry import VERSION, entry
from dearly.terms.expression import Sight, expression
from dearly.terms.query import parse
from tests.support.desks import Person, Town, a_town

GARDEN = (
    "Dear Bert,\n\nI was in the garden with you in mind, and the old walnut tree has been felled by the storm.\n\n"
    "All the gardeners of this street came to look at it."
)
PICTURE = Enclosure("walnut.jpg", "image/jpeg", b"no picture at all")


def play(place: Path, act: Callable[[Town, Person, Person], Awaitable[None]]) -> None:
    async def run() -> None:
        async with a_town(place) as town:
            ada, bert = await town.settle("Ada", "Bert")
            await act(town, ada, bert)

    asyncio.run(run())


def numbers(found: Results) -> list[int]:
    return [one.number for one in found.letters]


async def delivered(
    town: Town, writer: Person, reader: Person, text: str, subject: str = "", *more: Enclosure
) -> tuple[int, int]:
    """A letter that was written, posted and opened: its number here, and there."""
    number = await writer.write(reader.name, text, subject, *more)
    await writer.post(number)
    await writer.round()
    (there,) = (await reader.round()).arrived
    await reader.open(there)
    town.clock.pass_(days=1)
    return number, there


def test_letters_are_found_from_the_moment_they_are_filed(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person, bert: Person) -> None:
        ours, theirs = await delivered(town, ada, bert, GARDEN, "The storm", PICTURE)
        _answer, came = await delivered(town, bert, ada, "Dear Ada,\n\nwhat a pity about the walnut.")
        assert await ada.desk.drawer.read(lambda db: index.outdated(db, VERSION, 9)) == []

        async def find(query: str, **how: object) -> list[int]:
            return numbers(await search.search(ada.desk, query, **how))  # type: ignore[arg-type]  # passed through

        assert await find("walnut") == [came, ours]
        assert await find("WALNUT pity") == [came]
        assert await find("gardens") == [ours]
        assert await find("gardens", exact=True) == []
        assert await find('"old walnut"') == [ours]
        assert await find("from:me") == [ours]
        assert await find("from:bert") == [came]
        assert await find("to:Bert year:2000-9000 has:picture file:walnut") == [ours]
        assert await find("walnut -pity") == [ours]
        assert await find("in:letterbox") == [came]
        assert await find("is:sealed subject:storm") == [ours]
        assert await find("before:1999 walnut") == []
        assert (await search.search(bert.desk, "walnut")).letters[-1].number == theirs

        one, other = (await search.search(ada.desk, "walnut", by="relevance")).letters
        assert {one.number, other.number} == {ours, came}
        first = await search.search(ada.desk, "walnut", limit=1)
        assert (first.total, numbers(first), first.more is None) == (2, [came], False)
        assert numbers(await search.search(ada.desk, "walnut", limit=1, after=first.more)) == [ours]
        assert ("walnut", True) in first.letters[0].excerpt.pieces
        assert first.letters[0].person == "Bert"

        near = await search.search(ada.desk, "wallnut storm")
        assert (near.letters, near.did_you_mean) == ((), ("walnut storm",))
        assert (await search.search(ada.desk, "walnut")).did_you_mean == ()
        assert len((await search.search(ada.desk, "has:wings walnut")).notes) == 1
        for nothing in ("", '"', "  "):
            with pytest.raises(Usage):
                await search.search(ada.desk, nothing)
        with pytest.raises(Usage):
            await search.search(ada.desk, "walnut", after="x")

        await erasing.erase(ada.desk, came)
        assert await find("pity") == []
        blocks = await ada.desk.drawer.read(lambda db: db.all("SELECT block FROM search_data"))
        assert not any(b"pity" in bytes(block) for (block,) in blocks)

    play(tmp_path, act)


def test_what_is_asked_for_out_of_all_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page hands in may be anything; and what is no word has no likelier spelling."""

    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        for after in ("x", "9" * 30, "-" + "9" * 30, "٣", ""):
            for by in ("date", "relevance"):
                with pytest.raises(Usage) as bad:
                    await search.search(ada.desk, "garden", by=by, after=after)  # type: ignore[arg-type]  # one of two
                assert bad.value.code == "bad_page"
        looked: list[str] = []

        def known(_db: object, word: str) -> bool:
            looked.append(word)
            return False

        monkeypatch.setattr(searching, "known", known)
        await search.search(ada.desk, "a" * 1000)
        assert len(looked) < 100
        await search.search(ada.desk, " ".join(f"gardn{n}x" for n in range(30)))
        assert len(looked) < 5000

    play(tmp_path, act)


@pytest.mark.parametrize("most", [0, search.MOST_BEGUN])
def test_a_beginning_finds_the_same_word_by_word_and_at_once(
    tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        def put(db: Db) -> None:
            for number, text in enumerate(("garden", "gardens and rain", "Gardénia", "regard", "guard")):
                words = entry("", text, people=[], direction="out", date=datetime(2020, 5, 1, tzinfo=UTC))
                db.run(index.PUT, index.row((number + 1) << 20, words))

        await ada.desk.drawer.write(put)
        for query, found in (("gard*", 3), ("gard* -gardens", 2), ("gard* OR guard", 4), ("g*", 4), ("x*", 0)):
            asked = parse(query)
            begun = await ada.desk.drawer.read(lambda db, asked=asked: search.beginnings(db, asked))
            assert bool(begun) == bool(most and found)
            match = expression(asked, Sight({}, (), begun))
            assert await ada.desk.drawer.read(lambda db, m=match: searching.count(db, m, searching.Places())) == found

    monkeypatch.setattr(search, "MOST_BEGUN", most)
    play(tmp_path, act)


def test_drafts_lie_beside_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(town: Town, ada: Person, bert: Person) -> None:
        ours, _theirs = await delivered(town, ada, bert, GARDEN)
        draft = await ada.write("Bert", "Dear Bert, the walnut again, and its gardens", "", PICTURE)
        assert numbers(await search.search(ada.desk, "walnut")) == [draft, ours]
        assert numbers(await search.search(ada.desk, "walnut in:draft")) == [draft]
        assert numbers(await search.search(ada.desk, "walnut -in:draft")) == [ours]
        assert numbers(await search.search(ada.desk, "garden to:bert has:picture")) == [draft]
        narrow = await search.search(ada.desk, "waln*")
        monkeypatch.setattr(search, "MOST_BEGUN", 0)
        assert await search.search(ada.desk, "waln*") == narrow
        assert narrow.total == 2
        assert numbers(await search.search(ada.desk, "in:draft from:bert")) == []
        assert (await search.search(ada.desk, "again")).letters[0].draft
        now, chance = ada.desk.clock.now(), ada.desk.chance
        await ada.desk.drawer.write(lambda db: drafts.new(db, Draft((), "", "Orchids."), now=now, chance=chance))
        assert (await search.search(ada.desk, "orchids")).letters[0].person == ""
        again = (await search.search(ada.desk, "again")).letters
        views = await ada.desk.drawer.read(lambda db: search.views_of(db, again))
        assert [one.state for one in views] == ["draft"]
        await ada.post(draft)
        await ada.desk.drawer.write(lambda db: letters.letter(db, draft))
        assert not (await search.search(ada.desk, "again")).letters[0].draft

    play(tmp_path, act)


def test_what_was_told_before(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person, bert: Person) -> None:
        told_bert, _there = await delivered(town, ada, bert, GARDEN)
        await delivered(town, ada, bert, "Dear Bert,\n\nnothing is new.")
        page = await ada.write("Bert", "Dear Bert,")
        passages = await told.told(ada.desk, page, "Did I tell you? The walnut tree was felled by a storm!")
        assert [one.number for one in passages] == [told_bert]
        assert "garden with you" in passages[0].excerpt.text
        assert ("walnut", True) in passages[0].excerpt.pieces
        assert await told.told(ada.desk, page, "The weather is fine.") == []
        assert await told.told(ada.desk, page, "") == []
        other = await ada.write("clara@letters.test", "Dear Clara,")
        assert await told.told(ada.desk, other, "The walnut tree was felled by a storm!") == []

    play(tmp_path, act)


def test_what_is_not_indexed_or_by_older_rules_is_done_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(town: Town, ada: Person, bert: Person) -> None:
        ours, _theirs = await delivered(town, ada, bert, GARDEN)
        await ada.desk.drawer.write(index.begin_anew)
        monkeypatch.setattr(indexing, "RIGHT_AWAY", 0)
        missing = await search.search(ada.desk, "walnut")
        assert (missing.letters, len(missing.notes)) == ((), 1)
        assert await indexing.catch_up(ada.desk) == 1
        assert numbers(await search.search(ada.desk, "walnut")) == [ours]
        assert await indexing.catch_up(ada.desk) == 0
        assert await indexing.catch_up(ada.desk, 1, version=VERSION + 1) == 1  # by the rules of a later version
        monkeypatch.setattr(indexing, "RIGHT_AWAY", 200)
        await ada.desk.drawer.write(index.begin_anew)
        assert numbers(await search.search(ada.desk, "walnut")) == [ours]

    play(tmp_path, act)


def test_a_running_desk_keeps_up(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person, bert: Person) -> None:
        ours, _theirs = await delivered(town, ada, bert, GARDEN)
        await ada.desk.drawer.write(index.begin_anew)
        keeping = asyncio.create_task(indexing.keep_up(ada.desk))
        while await ada.desk.drawer.read(lambda db: index.outdated(db, VERSION, 1)):
            await asyncio.sleep(0.01)
        keeping.cancel()
        await asyncio.wait({keeping})
        assert await ada.desk.drawer.read(lambda db: index.indexed(db, ours))

    play(tmp_path, act)
