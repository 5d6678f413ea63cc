"""The book in a real browser: read, searched, leafed through and printed, by mouse and by keys alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from dearly.drawer.connection import Db
from dearly.letter.content import Enclosure
from dearly.letter.envelope import Way
from tests.support.axe import axe
from tests.support.books import Said, befriended, fill
from tests.support.browser import Home, shoot
from tests.support.pictures import file, scene
from tests.web.conftest import DeskOf, Sit

RIVER = (
    "The river was in the cellar on Tuesday and in the hall on Wednesday, and on Thursday it went home as if nothing"
    " had been said. I have put your boxes on the piano. The pear tree stood in it to the knees and looked more"
    " surprised than hurt.\n\nI rang at your door twice. Your neighbour says you have gone already. I left the key with"
    " her, so that you have it for when you come."
)
STAIRS = (
    "Forgive the silence, it was only stairs. I am in a house with a blue door, above a man who mends accordions, and"
    " so far each evening has had a bad accordion in it, and towards the end a slightly better one.\n\n> I rang at your"
    " door twice.\n\nI know. I was on the stairs:\n\n- the lamp,\n- the *good* cups,\n- and [the map](https://letters.test/map)."
)
HEBREW = "אירמה יקרה, הגשם לא פסק שלושה ימים, והנהר שוב על סף הבית."


def day(year: int, month: int, at: int) -> datetime:
    return datetime(year, month, at, 12, tzinfo=UTC)


def bound(home: Home) -> str:
    """A book of some years on this desk; the uid of who is in it."""
    desk = home.desk
    photograph = file(scene(900, 600))
    said = [
        Said(day(2019, 4, 9), False, RIVER),
        Said(day(2019, 6, 2), True, STAIRS),
        Said(
            day(2019, 6, 20),
            False,
            "Here is the *door*.\n\n![A blue door](cid:door@dearly)",
            enclosures=(Enclosure("door.jpg", "image/jpeg", photograph, "door@dearly"),),
        ),
        Said(day(2021, 2, 1), True, HEBREW),
        Said(
            day(2026, 10, 30),
            False,
            "The roofers have found a nest and will not touch that corner until the spring.",
            way=Way.PAPER,
        ),
    ]
    said += [
        Said(day(2002, 1, 1) + timedelta(days=90 * n), n % 2 == 0, f"Letter {n}, of which little is to be said.")
        for n in range(60)
    ]

    def work(db: Db) -> str:
        now = desk.clock.now()
        person = befriended(db, "Irma Halloway", now, desk.chance)
        fill(db, [person], said, now, desk.chance)
        return person.uid

    uid: str = home.run(desk.drawer.write(work))
    return uid


@pytest.fixture(scope="module")
def ada(desk_of: DeskOf) -> tuple[Home, str]:
    home = desk_of("Ada")
    return home, bound(home)


@pytest.mark.long
@pytest.mark.parametrize("how", [{}, {"dark": True}, {"width": 390}], ids=["day", "lamp", "telephone"])
def test_how_it_looks(ada: tuple[Home, str], sit: Sit, how: dict[str, Any]) -> None:
    home, uid = ada
    name = next(iter(how), "day")
    for path, what in (
        ("/letters", "letters"),
        (f"/letters/{uid}", "book"),
        (f"/letters/{uid}?year=2002", "book-begins"),
    ):
        page = sit(home, path, **how)
        axe(page)
        for picture in page.locator(".said-in img").all():
            picture.scroll_into_view_if_needed()
            expect(picture).to_have_js_property("naturalWidth", 900)
        shoot(page, f"{what}-{name}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
        page.close()


def test_own_voice_has_its_own_ink_and_hebrew_stands_right(ada: tuple[Home, str], sit: Sit) -> None:
    home, uid = ada
    page = sit(home, f"/letters/{uid}")
    ink = "element => getComputedStyle(element).color"
    mine, theirs = page.locator(".voice.mine").first, page.locator(".voice:not(.mine)").first
    assert mine.evaluate(ink) != theirs.evaluate(ink)
    hebrew = page.locator(".said-in p", has_text="אירמה")
    assert hebrew.evaluate("element => getComputedStyle(element).direction") == "rtl"
    picture = page.get_by_alt_text("A blue door")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 900)
    expect(page.get_by_text("Nothing for a year and a half.")).to_be_visible()
    assert page.title() == "Letters · Dearly"


@pytest.mark.parametrize(
    "js", [pytest.param(True, id="with a script"), pytest.param(False, id="without", marks=pytest.mark.long)]
)
def test_reading_searching_and_leafing(ada: tuple[Home, str], sit: Sit, js: bool) -> None:
    home, _uid = ada
    page = sit(home, "/letters", js=js)
    page.get_by_role("link", name="Irma Halloway").click()
    page.get_by_label("Find a word in these letters").fill("PEAR")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("mark")).to_have_text("pear")
    assert "pear" not in page.url.lower()
    shoot(page, "book-found")
    page.get_by_role("link", name="Open the book there").click()
    expect(page.locator(".voice").first).to_contain_text("The river was in the cellar")
    page.get_by_label("Open it at a day").fill("2003-05-01")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator(".voice").first).to_contain_text("Letter 6, of which")
    page.get_by_role("link", name="Later letters").click()
    expect(page.locator(".voice").first).to_contain_text("Letter 30, of which")
    page.get_by_role("link", name="Earlier letters").click()
    expect(page.locator(".voice").first).to_contain_text("Letter 6, of which")
    page.get_by_role("link", name="Newest first").click()
    expect(page.locator(".voice").first).to_contain_text("The roofers")
    page.get_by_role("link", name="No. 65").click()
    page.wait_for_url("**/letter/*")


def test_printing_shows_the_letters_alone(ada: tuple[Home, str], sit: Sit) -> None:
    home, uid = ada
    page = sit(home, f"/letters/{uid}?print=all")
    expect(page.get_by_role("button", name="Print these letters")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".book-bar")).to_be_hidden()
    expect(page.locator(".top")).to_be_hidden()
    expect(page.locator(".to-print")).to_be_hidden()
    expect(page.locator(".foot")).to_be_hidden()
    assert page.locator(".voice").count() == 65
    shoot(page, "book-printed")
    page.emulate_media(media="screen")


def test_by_the_keyboard_alone(ada: tuple[Home, str], sit: Sit) -> None:
    home, uid = ada
    page = sit(home, f"/letters/{uid}?year=2002")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the page itself")).to_be_focused()
    page.get_by_label("Find a word in these letters").focus()
    page.keyboard.type("little")
    page.keyboard.press("Enter")
    expect(page.locator("mark").first).to_have_text("little")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Look further back").focus()
    page.keyboard.press("Enter")
    expect(page.locator("mark").first).to_have_text("little")
