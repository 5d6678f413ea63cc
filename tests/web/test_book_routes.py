"""Correspondences as pages, without a browser: what stands in the list and in the book, and how one finds one's way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dearly.desk import correspondence as shelf
from dearly.drawer import people
from dearly.drawer.connection import Db
from dearly.letter.content import Enclosure
from dearly.letter.errors import NotFound
from dearly.letter.sealing import Seal
from tests.support.books import Said, befriended, fill
from tests.support.desks import Person, a_town
from tests.support.web import Web, at_desk


def day(year: int, month: int, at: int) -> datetime:
    return datetime(year, month, at, 12, tzinfo=UTC)


YEARS = [
    Said(day(2019, 4, 9), ours=False, text="The *river* was in the cellar. The pear tree stood in it."),
    Said(
        day(2019, 5, 2),
        ours=True,
        text="Forgive the silence, it was only stairs.",
        enclosures=(Enclosure("plums & pears.pdf", "application/pdf", b"%PDF-1.4"),),
    ),
    Said(day(2019, 5, 20), ours=False, text="<script>alert(1)</script> ![x](https://elsewhere.invalid/a.png)"),
    Said(day(2021, 6, 2), ours=True, text="Three moves later. Élodie fragt nach dem Birnbaum."),
    Said(day(2024, 1, 7), ours=False, text="The PEAR came back.", seal=Seal.SIGNED_VERIFIED),
    Said(
        day(2024, 1, 9),
        ours=False,
        text="SECRET-MARKER",
        seal=Seal.SIGNATURE_BAD,
        enclosures=(Enclosure("SECRET-MARKER.pdf", "application/pdf", b"%PDF-1.4"),),
    ),
    Said(day(2024, 2, 9), ours=True, text="שלום לך, חברתי"),
]


def at_home(place: Path, play: Callable[[Person, Web], Awaitable[None]]) -> None:
    async def run() -> None:
        async with a_town(place) as town:
            (ada,) = await town.settle("Ada")
            async with at_desk(ada.desk) as web:
                await play(ada, web)

    asyncio.run(run())


async def with_book(ada: Person, name: str, said: list[Said]) -> tuple[str, list[int]]:
    """A correspondence with somebody new: uid, and the numbers of its letters."""
    now = ada.desk.clock.now()

    def work(db: Db) -> tuple[str, list[int]]:
        person = befriended(db, name, now, ada.desk.chance)
        return person.uid, fill(db, [person], said, now, ada.desk.chance)

    return await ada.desk.drawer.write(work)


def seen(text: str) -> list[int]:
    """Numbers of the letters on a page, in order."""
    return [int(number) for number in re.findall(r'<article class="voice[^"]*" id="letter-(\d+)"', text)]


def test_the_book_has_both_voices_by_years_and_says_silences(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        uid, numbers = await with_book(ada, "Irma Brandt", YEARS)
        page = await web.get(f"/letters/{uid}")
        assert page.status_code == 200
        text = page.text
        assert seen(text) == numbers
        assert re.findall(r'<h2 id="y(\d+)">', text) == ["2019", "2021", "2024"]
        assert text.count("Enclosed:") == 1, "what lay in a letter is named beneath it"
        assert "<bdi>plums &amp; pears.pdf</bdi>" in text
        assert re.findall(r'<p class="silence">(.*?)</p>', text) == [
            "Nothing for two years.",
            "Nothing for three years.",
        ]
        assert text.count('class="voice mine"') == 3
        assert "<em>river</em>" in text
        assert re.search(r"Irma</bdi></span>, 9 April\. ", text)
        assert re.search(r"Ada</bdi></span>, 2 May\. ", text)
        assert "No. 7" in text
        assert "No. 8" not in text
        assert "<title>Letters · Dearly</title>" in text
        # Foreign text is text, and one that asks for care is not shown here.
        assert "<script>alert" not in text
        assert (
            "elsewhere.invalid/a.png" not in re.sub(r"<a [^>]*>.*?</a>", "", text).replace("&amp;", "&")
            or "img" not in text
        )
        assert "SECRET-MARKER" not in text
        assert "Its seal asks for care" in text
        assert 'dir="auto"' in text
        for number in numbers:
            assert f'href="/letter/{number}"' in text

    at_home(tmp_path, play)


def test_a_long_book_is_read_by_stretches_from_either_end(tmp_path: Path) -> None:
    begin = day(2001, 1, 1)
    said = [Said(begin + timedelta(days=40 * n), ours=n % 2 == 0, text=f"Letter {n}.") for n in range(90)]

    async def play(ada: Person, web: Web) -> None:
        uid, numbers = await with_book(ada, "Irma Brandt", said)
        page = (await web.get(f"/letters/{uid}")).text
        assert seen(page) == numbers[-shelf.STRETCH :], "it opens at its end"
        assert 'class="half-title running"' in page
        assert "Write to Irma Brandt" in page

        read: list[int] = []
        path: str | None = f"/letters/{uid}?year=2001"
        while path is not None:
            page = (await web.get(path)).text
            read += seen(page)
            found = re.search(r'rel="next"[^>]*href="([^"]+)"', page)
            path = found[1].replace("&amp;", "&") if found else None
        assert read == numbers

        backwards: list[int] = []
        path = f"/letters/{uid}?order=newest"
        while path is not None:
            page = (await web.get(path)).text
            backwards += seen(page)
            found = re.search(r'rel="next"[^>]*href="([^"]+)"', page)
            path = found[1].replace("&amp;", "&") if found else None
        assert backwards == numbers[::-1]

        middle = numbers[40]
        page = (await web.get(f"/letters/{uid}?at={middle}")).text
        assert seen(page)[0] == middle
        assert "No. 41" in page
        back = re.search(r'rel="prev"[^>]*href="([^"]+)"', page)
        assert back is not None
        assert seen((await web.get(back[1])).text) == numbers[40 - shelf.STRETCH : 40]
        assert seen((await web.get(f"/letters/{uid}?year=2005")).text)[0] == next(
            number for number, one in zip(numbers, said, strict=True) if one.when.year == 2005
        )

    at_home(tmp_path, play)


def test_a_day_opens_the_book_there(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        uid, numbers = await with_book(ada, "Irma Brandt", YEARS)
        for asked, there in (
            ("2019-04-09", 0),
            ("2019-04-10", 1),
            ("2022-01-01", 4),
            ("1800-01-01", 0),
            ("2300-01-01", 6),
        ):
            answer = await web.post(f"/letters/{uid}/day", {"day": asked})
            assert answer.status_code == 303
            assert answer.headers["location"] == f"/letters/{uid}?at={numbers[there]}#letter-{numbers[there]}"
        wrong = await web.post(f"/letters/{uid}/day", {"day": "the day after"})
        assert wrong.status_code == 400
        assert "That is no day" in wrong.text
        assert await shelf.on_day(ada.desk, uid, date(2019, 5, 3)) == numbers[2]

    at_home(tmp_path, play)


def test_words_are_found_however_they_are_written(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        uid, numbers = await with_book(ada, "Irma Brandt", YEARS)
        page = (await web.post(f"/letters/{uid}/find", {"q": "pear"})).text
        assert page.count("<mark>") == 2
        assert "<mark>PEAR</mark>" in page
        assert page.index("<mark>PEAR</mark>") < page.index("<mark>pear</mark>"), "the last letter first"
        assert f"?at={numbers[4]}#letter-{numbers[4]}" in page
        for query in ("ELODIE birn", "élodie", "e\u0301lodie"):
            found = await shelf.earlier(ada.desk, uid, query)
            assert [one.number for one in found.letters] == [numbers[3]], query
        assert (await shelf.earlier(ada.desk, uid, "pear stairs")).letters == ()
        nothing = await web.post(f"/letters/{uid}/find", {"q": "nightingale<script>"})
        assert "stand in none of these letters" in nothing.text
        assert '<script>"' not in nothing.text
        assert (await web.post(f"/letters/{uid}/find", {"q": " "})).headers["location"] == f"/letters/{uid}"

        several = await shelf.earlier(ada.desk, uid, "the", limit=2)
        assert len(several.letters) == 2
        rest = await shelf.earlier(ada.desk, uid, "the", several.more, limit=2)
        assert {one.number for one in several.letters}.isdisjoint(one.number for one in rest.letters)
        assert rest.more is None

    at_home(tmp_path, play)


def test_a_letter_whose_seal_asks_for_care_is_not_told_by_searching_either(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        uid, _numbers = await with_book(ada, "Irma Brandt", YEARS)
        page = (await web.post(f"/letters/{uid}/find", {"q": "secret-marker"})).text
        assert "stand in none of these letters" in page
        assert "SECRET-MARKER" not in page

    at_home(tmp_path, play)


def test_printing_gives_a_year_or_all(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        uid, numbers = await with_book(ada, "Irma Brandt", YEARS)
        year = (await web.get(f"/letters/{uid}?print=year&year=2019")).text
        assert seen(year) == numbers[:3]
        whole = (await web.get(f"/letters/{uid}?print=all")).text
        assert seen(whole) == numbers
        assert "data-print" in whole

    at_home(tmp_path, play)


def test_the_list_says_who_wrote_last_and_never_counts(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        now = ada.desk.clock.now()
        assert "No letter has gone to and fro yet" in (await web.get("/letters")).text
        ago = [now - timedelta(days=n) for n in (400, 30, 3)]
        irma, _ = await with_book(ada, "Irma Brandt", [Said(ago[0], True, "a"), Said(ago[1], False, "b")])
        await with_book(ada, "Tobias Lund", [Said(ago[0], False, "a"), Said(ago[2], True, "b")])
        await with_book(ada, "Elsa <i>", [Said(ago[0], False, "a")])
        text = (await web.get("/letters")).text
        assert text.index("Tobias Lund") < text.index("Irma Brandt") < text.index("Elsa &lt;i&gt;")
        assert "You wrote last, three days ago." in text
        assert "Irma wrote last, four weeks ago." in text
        assert "Nothing has gone back yet." in text
        assert f'href="/letters/{irma}"' in text
        first = await shelf.threads(ada.desk, limit=2)
        rest = await shelf.threads(ada.desk, first.more, limit=2)
        assert [one.name for one in (*first.lines, *rest.lines)] == ["Tobias Lund", "Irma Brandt", "Elsa <i>"]
        assert rest.more is None

    at_home(tmp_path, play)


def test_a_circle_has_the_letters_that_went_to_all_of_it(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        now, chance = ada.desk.clock.now(), ada.desk.chance

        def work(db: Db) -> tuple[str, list[int]]:
            irma, tobias = (befriended(db, name, now, chance) for name in ("Irma Brandt", "Tobias Lund"))
            circle = people.add(db, "The choir", kind=people.PersonKind.CIRCLE, now=now, chance=chance)
            for member in (irma, tobias):
                people.join(db, circle.id, member.id, now)
            fill(db, [irma], [Said(day(2020, 1, 1), True, "To Irma alone")], now, chance)
            both = fill(
                db,
                [irma, tobias],
                [Said(day(2020, 2, 1), True, "To both"), Said(day(2020, 3, 1), False, "From Irma to both")],
                now,
                chance,
            )
            fill(db, [tobias], [Said(day(2020, 4, 1), False, "From Tobias alone")], now, chance)
            return circle.uid, both

        uid, both = await ada.desk.drawer.write(work)
        assert seen((await web.get(f"/letters/{uid}")).text) == both
        # Two books end with the same letter: neither is lost between two pages of the list.
        names, after = [], None
        while True:
            page = await shelf.threads(ada.desk, after, limit=1)
            names += [one.name for one in page.lines]
            after = page.more
            if after is None:
                break
        assert names[0] == "Tobias Lund"
        assert sorted(names[1:]) == ["Irma Brandt", "The choir"]
        assert "The choir" in (await web.get(f"/letters?after={(await shelf.threads(ada.desk, limit=1)).more}")).text
        assert (await web.get("/letters?after=nobody")).status_code == 404

    at_home(tmp_path, play)


def test_what_is_no_correspondence_is_said_calmly(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        uid, _numbers = await with_book(ada, "Irma Brandt", YEARS)
        other, others = await with_book(ada, "Tobias Lund", YEARS[:1])
        for path in (
            "/letters/irma",
            f"/letters/{'0' * 32}",
            f"/letters/{uid}?at={others[0]}",
            f"/letters/{uid}?at=999999",
        ):
            assert (await web.get(path)).status_code == 404, path
        for path in (
            f"/letters/{uid}?year=99999999",
            f"/letters/{uid}?year=0",
            f"/letters/{uid}?at=x&year=-3",
            f"/letters/{uid}?print=x",
        ):
            assert (await web.get(path)).status_code == 200, path
        with pytest.raises(NotFound):
            await shelf.book(ada.desk, "Irma Brandt")
        assert other

    at_home(tmp_path, play)
