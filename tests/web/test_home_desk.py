"""The desk in a browser: what lies on it, what waits, who one writes to, in every state and in both lights."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from dearly.desk import home as glance
from dearly.desk import settings, write
from dearly.drawer import outbox
from dearly.letter.journey import State
from dearly.letter.journey import Why as HeldWhy
from tests.support.axe import axe
from tests.support.browser import Home, no_outside, shoot, tab_to
from tests.support.memory_carrier import Luck
from tests.web.conftest import DeskOf, Sit

LETTER = """Dear Bert,

You will think the calendar has slipped. It is eleven days since my last letter and here is another, from the kitchen
table of the third flat in two years. Some of the boxes still carry your handwriting.

I have been trying to write this since the spring the river came up.
"""


def _text(page: Page) -> str:
    return " ".join(page.locator("main").inner_text().split())


def test_a_first_day(desk_of: DeskOf, sit: Sit) -> None:
    page = sit(desk_of("Dora"))
    assert page.title() == "The desk · Dearly"
    expect(page.get_by_role("heading", level=1)).to_have_text("Sunday, 1 March")
    assert "The desk is empty, and yours." in _text(page)
    axe(page)
    no_outside(page)
    page.get_by_role("button", name="Take a new page").click()
    page.wait_for_url("**/page/*")


@pytest.mark.parametrize("dark", [pytest.param(False, id="day"), pytest.param(True, id="lamp", marks=pytest.mark.long)])
def test_a_desk_in_use(desk_of: DeskOf, sit: Sit, dark: bool) -> None:
    ada, _bert, _clara = desk_of("Ada"), desk_of("Bert"), desk_of("Clara")
    ada.run(settings.choose_place(ada.desk, "Bergen"))
    if not ada.run(write.drafts(ada.desk)):  # else it stands from the other light
        ada.run(ada.person.write("Bert", LETTER))
        ada.run(ada.person.post(ada.run(ada.person.write("Clara", "Dear Clara")), at_once=False))
    page = sit(ada, dark=dark)
    expect(page.get_by_role("heading", name="To Bert")).to_be_visible()
    expect(page.get_by_role("heading", name="Waiting for collection")).to_be_visible()
    text = _text(page)
    assert "Bergen, in the afternoon." in text
    assert "It leaves today at 15.00. Until then you may take it back." in text
    assert "The next round is today at 18.00." in text
    assert "A letter is in the postbox." in text
    axe(page)
    no_outside(page)
    shoot(page, "desk-dark" if dark else "desk")
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_taken_back_from_the_desk_without_a_mouse(desk_of: DeskOf, sit: Sit) -> None:
    ada, _clara = desk_of("Ada"), desk_of("Clara")
    number = ada.run(ada.person.write("Clara", "Dear Clara, to be taken back"))
    ada.run(ada.person.post(number, at_once=False))
    page = sit(ada)
    tab_to(page, f'form[action="/posted/{number}/take-back"] button')
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/page/{number}")
    assert ada.run(glance.home(ada.desk)).drafts[0].number == number


def test_what_needs_a_word_gets_one(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    bert = desk_of("Bert")
    held, trying = (ada.run(ada.person.write("Bert", f"Dear Bert {n}")) for n in range(2))
    ada.run(ada.person.post(held))
    _hold(ada, held, HeldWhy.KEY_CHANGED)
    ada.run(ada.person.post(trying))
    ada.quarter.town.post.luck = Luck.AWAY
    page = sit(ada)
    page.get_by_role("button", name="Collect and look now").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("as far as it would go")
    assert "What you post waits here and leaves by itself." in _text(page)
    axe(page)
    page.goto("/")
    expect(page.get_by_role("heading", name="Your letter to Bert is held here.")).to_be_visible()
    expect(page.get_by_role("heading", name="Your letter to Bert has not left yet.")).to_be_visible()
    assert "Compare the words" in _text(page)
    axe(page)
    shoot(page, "desk-held")
    # The act that helps is there: posted again, it is sealed to the key in use, and the town can be reached again.
    ada.quarter.town.post.luck = Luck.GOOD
    page.locator(f'form[action="/posted/{held}/again"] button').click()
    page.wait_for_url(f"**/posted/{held}")
    expect(page.get_by_role("heading", level=1)).to_have_text("It is in the postbox")
    page.goto(f"/posted/{trying}")
    page.get_by_role("button", name="Try it now").click()
    page.goto("/")
    page.get_by_role("button", name="Collect and look now").click()
    expect(page.get_by_text("Your letters have left: to Bert; Bert.")).to_be_visible()
    bert.run(bert.person.round())
    assert len(bert.run(bert.person.letterbox())) == 2


def _hold(home: Home, number: int, why: HeldWhy) -> None:
    now = home.desk.clock.now()
    home.run(home.desk.drawer.write(lambda db: outbox.hold(db, number, why, now)))


def test_nobody_knows_yet(desk_of: DeskOf, sit: Sit) -> None:
    ada, _bert = desk_of("Ada"), desk_of("Bert")
    town = ada.quarter.town
    number = ada.run(ada.person.write("Bert", "Dear Bert, perhaps"))
    ada.run(ada.person.post(number))
    town.post.remembers, town.post.luck = False, Luck.CUT_ASKING
    ada.run(ada.person.round())
    assert ada.run(ada.person.state(number)) == State.UNCERTAIN
    page = sit(ada, f"/posted/{number}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        "Nobody has said yet whether your letter to Bert was taken"
    )
    assert page.get_by_role("button", name="Post it again").count() == 0
    town.clock.pass_(days=2)
    page.reload()
    assert "it may then arrive twice" in _text(page)
    axe(page)
    page.get_by_role("button", name="Try no further").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You gave it up")
    town.post.remembers = True


def test_letters_dated_ahead_lie_in_the_order_in_which_they_leave(desk_of: DeskOf, sit: Sit) -> None:
    ada, _dora = desk_of("Ada"), desk_of("Dora")
    for day in (date(2031, 5, 1), date(2030, 5, 1)):
        ada.run(ada.person.post(ada.run(ada.person.write("Dora", f"Dear Dora {day}")), on=day))
    page = sit(ada)
    text = _text(page)
    assert text.index("1 May 2030") < text.index("1 May 2031")
    page.goto("/outbox")
    assert text.count("To Dora") <= page.locator(".posted-list li").filter(has_text="To Dora").count()
    axe(page)


def test_what_was_noted_is_told_until_it_is_put_aside(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    ada.desk.notices.append("The office did not answer.")
    page = sit(ada)
    page.reload()
    expect(page.get_by_text("The office did not answer.")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Put this aside").click()
    expect(page.get_by_text("The office did not answer.")).to_have_count(0)
    assert ada.desk.notices == []


def test_the_desk_reads_without_a_script(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    number = ada.run(ada.person.write("Bert", "Dear Bert, without a script"))
    ada.run(ada.person.post(number, at_once=False))
    page = sit(ada, js=False)
    page.locator(f'form[action="/posted/{number}/take-back"] button').click()
    page.wait_for_url(f"**/page/{number}")
