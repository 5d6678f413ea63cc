"""Writing at the page in a real Chromium: what is typed stays, whatever happens to window, desk or clock."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from dearly.desk import page as pages
from dearly.desk import people, write
from tests.support.axe import axe
from tests.support.browser import Home, Windows, tab_to
from tests.support.drawers import PASSPHRASE
from tests.web.conftest import DeskOf, Sit

EDITOR = ".cm-content, textarea.paper:not([hidden])"


@pytest.fixture(scope="module")
def ada(desk_of: DeskOf) -> Home:
    home = desk_of("Ada")
    desk_of("Bert")
    home.run(people.add(home.desk, "Clara", addresses=["clara@letters.test"]))
    return home


def begin(home: Home, text: str = "", to: str = "Bert") -> int:
    number = home.run(pages.begin(home.desk, [to] if to else [])).number
    if text:
        home.run(pages.autosave(home.desk, number, 1, text=text, caret=len(text)))
    return number


def kept(home: Home, number: int) -> pages.PageView:
    return home.run(pages.page(home.desk, number))


def until_kept(home: Home, number: int, text: str) -> None:
    """Wait until the desk has this text."""
    until(lambda: kept(home, number).text, text)


def until(look: Callable[[], object], wanted: object, seconds: float = 10) -> None:
    """Look until it is what is wanted."""
    begun = time.monotonic()
    while (seen := look()) != wanted:
        assert time.monotonic() - begun < seconds, (seen, wanted)
        time.sleep(0.02)


def at_page(sit: Sit, home: Home, number: int, **how: object) -> Page:
    page = sit(home, f"/page/{number}", **how)
    expect(page.locator(EDITOR)).to_be_focused()
    return page


def test_what_is_written_before_the_sheet_is_there_stays(ada: Home, sit: Sit) -> None:
    """Its files may be long on their way; whoever writes in the field meanwhile goes on where they are."""
    number = begin(ada, "Dear Bert,\n\nit rains")
    ada.run(pages.autosave(ada.desk, number, kept(ada, number).revision, caret=0))
    page = sit(ada, "/keys")
    waiting: list[Route] = []
    page.route("**/editor/sheet.js", lambda route: waiting.append(route))
    page.goto(ada.url(f"/page/{number}"), wait_until="commit")
    for _turn in range(300):
        if waiting:
            break
        page.wait_for_timeout(50)
    page.locator("textarea[name=text]").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" and rains")
    waiting[0].continue_()
    expect(page.locator(".cm-content")).to_be_focused()
    until_kept(ada, number, "Dear Bert,\n\nit rains and rains")
    page.keyboard.type(", still.")
    until_kept(ada, number, "Dear Bert,\n\nit rains and rains, still.")


def versions(home: Home, number: int) -> list[tuple[str, str]]:
    return [(one.why, one.text) for one in home.run(write.versions(home.desk, number))]


def test_what_is_typed_is_kept_by_itself(ada: Home, sit: Sit) -> None:
    number = begin(ada)
    page = at_page(sit, ada, number)
    text = "Dear Bert, it rains and rains."
    page.keyboard.type(text)
    until_kept(ada, number, text)
    expect(page.locator("[data-kept]").first).to_have_text(re.compile(r"Kept at \d{1,2}\.\d\d"))
    # Whoever never pauses is kept all the same.
    begun, n = time.monotonic(), 0
    while time.monotonic() - begun < 3.5:
        page.keyboard.type("on ")
        n += 1
        page.wait_for_timeout(60)
    assert len(kept(ada, number).text) > len(text)
    until_kept(ada, number, text + "on " * n)


def test_place_line_and_readers(ada: Home, sit: Sit) -> None:
    number = begin(ada, to="")
    page = at_page(sit, ada, number)
    page.get_by_label("A name or an address").fill("Bert")
    page.get_by_label("A name or an address").press("Enter")
    expect(page.locator("#readers .who")).to_have_text(["Bert"])
    expect(page.locator("#readers .way")).to_contain_text("By the office")
    page.get_by_label("A name or an address").fill("Nobody At All")
    page.get_by_role("button", name="Put the name on it").click()
    expect(page.locator("#to-said")).to_contain_text("nobody called")
    expect(page.locator("#readers .who")).to_have_text(["Bert"])
    page.locator("#place").fill("Bergen")
    page.locator("#place").press("Enter")
    expect(page.locator(EDITOR)).to_be_focused()
    page.keyboard.type("Dear Bert")
    until_kept(ada, number, "Dear Bert")
    view = kept(ada, number)
    assert (view.place, [one.name for one in view.to]) == ("Bergen", ["Bert"])
    page.get_by_role("button", name="Bert: Take off").click()
    expect(page.locator("#nobody")).to_be_visible()
    until(lambda: kept(ada, number).to, ())


def test_a_window_killed_and_a_page_reloaded(ada: Home, sit: Sit) -> None:
    number = begin(ada, "first line\n\n")
    page = at_page(sit, ada, number)
    page.keyboard.type("the second line")
    page.reload()  # at once: nothing had time to be kept
    expect(page.locator(EDITOR)).to_be_focused()
    expect(page.locator(EDITOR)).to_contain_text("the second line")
    assert kept(ada, number).text == "first line\n\nthe second line"
    expect(page.locator(EDITOR)).to_be_focused()
    page.keyboard.type(", and more")
    until_kept(ada, number, "first line\n\nthe second line, and more")
    expect(page.locator("#word-twice")).to_be_hidden()
    page.keyboard.type("!")
    page.close()  # closing too
    until_kept(ada, number, "first line\n\nthe second line, and more!")
    assert all(why != "beside" for why, _text in versions(ada, number))


def test_coming_back_lands_where_one_stopped(ada: Home, sit: Sit, windows: Windows) -> None:
    text = "\n\n".join(f"Paragraph {n} of a long letter." for n in range(120))
    number = begin(ada, text)
    place = text.index("Paragraph 60")
    ada.run(pages.autosave(ada.desk, number, kept(ada, number).revision, caret=place))
    page = at_page(sit, ada, number)
    page.keyboard.type("HERE ")
    until_kept(ada, number, text[:place] + "HERE " + text[place:])
    assert page.evaluate("scrollY") > 200
    # Only the caret moves, and the page is left: that is kept as well.
    page.keyboard.press("Control+Home")
    page.get_by_role("link", name="To the desk").click()
    page.goto(f"/page/{number}")
    expect(page.locator(EDITOR)).to_be_focused()
    page.keyboard.type("TOP ")
    until_kept(ada, number, "TOP " + text[:place] + "HERE " + text[place:])


def test_undoing_after_a_reload(ada: Home, sit: Sit) -> None:
    number = begin(ada, "one ")
    page = at_page(sit, ada, number)
    if page.locator(".cm-content").count() == 0:
        pytest.skip("the sheet is not laid in (npm)")
    page.keyboard.type("two")
    until_kept(ada, number, "one two")
    page.reload()
    expect(page.locator(EDITOR)).to_be_focused()
    page.keyboard.press("Control+z")
    until_kept(ada, number, "one ")


def test_two_windows_and_both_texts_stay(ada: Home, sit: Sit) -> None:
    number = begin(ada, "Dear Bert, ")
    first, second = at_page(sit, ada, number), at_page(sit, ada, number)
    first.keyboard.type("from the first")
    until_kept(ada, number, "Dear Bert, from the first")
    second.keyboard.type("from the second")
    word = second.locator("#word-twice")
    expect(word).to_be_visible()
    expect(word).to_have_attribute("role", "alert")
    assert kept(ada, number).text == "Dear Bert, from the first"
    second.keyboard.type(", which writes on")
    until(lambda: ("beside", "Dear Bert, from the second, which writes on") in versions(ada, number), True)
    word.get_by_role("link", name="Lay them side by side").click()
    expect(second.locator("ins")).to_contain_text("first")
    expect(second.locator("del")).to_contain_text("second")
    axe(second)
    second.go_back()
    # Deciding for one of them keeps the other.
    third = at_page(sit, ada, number)
    third.keyboard.type(" once more")
    until_kept(ada, number, "Dear Bert, from the first once more")
    first.keyboard.type(" again")
    first.locator("#word-twice").get_by_role("button", name="Write here").click()
    until_kept(ada, number, "Dear Bert, from the first again")
    expect(first.locator("#word-twice")).to_be_hidden()
    assert ("beside", "Dear Bert, from the first once more") in versions(ada, number)
    first.keyboard.type("!")
    until_kept(ada, number, "Dear Bert, from the first again!")


def test_an_answer_that_is_lost_is_no_second_window(ada: Home, sit: Sit) -> None:
    number = begin(ada)
    page = at_page(sit, ada, number)
    # The desk gets what is sent, and the page never hears of it.
    page.evaluate(
        "() => { const send = window.fetch; window.lost = 0; window.fetch = async (...what) => {"
        " const answer = await send(...what); if (!String(what[0]).endsWith('/save')) return answer;"
        " window.lost += 1; throw new TypeError('lost'); }; window.found = () => { window.fetch = send; }; }"
    )
    page.keyboard.type("kept twice")
    until(lambda: page.evaluate("lost") > 0, True)
    expect(page.locator("#word-unkept")).to_be_visible()
    page.evaluate("found()")
    page.keyboard.type(", once")
    until_kept(ada, number, "kept twice, once")
    expect(page.locator("#word-unkept")).to_be_hidden()
    expect(page.locator("#word-twice")).to_be_hidden()
    assert all(why != "beside" for why, _text in versions(ada, number))


def test_what_cannot_be_kept_is_said_and_tried_again(ada: Home, sit: Sit) -> None:
    number = begin(ada)
    page = at_page(sit, ada, number)
    page.route(re.compile(r"/save$"), lambda route: route.abort())
    page.keyboard.type("still on the page")
    word = page.locator("#word-unkept")
    expect(word).to_be_visible()
    expect(word).to_contain_text("could not be kept")
    axe(page)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
    page.unroute(re.compile(r"/save$"))
    word.get_by_role("button", name="Try again").click()
    until_kept(ada, number, "still on the page")
    expect(word).to_be_hidden()
    # The disk is full: the desk's own words.
    full = '{"error": {"code": "disk_full", "message": "There is no room left.", "hint": "Make a little room."}}'
    page.route(
        re.compile(r"/save$"), lambda route: route.fulfill(status=507, content_type="application/json", body=full)
    )
    page.keyboard.type("!")
    expect(word).to_contain_text("There is no room left. Make a little room.")
    page.unroute(re.compile(r"/save$"))
    until_kept(ada, number, "still on the page!")


def test_locked_while_typing(ada: Home, sit: Sit) -> None:
    number = begin(ada)
    page = sit(ada, "/")
    page.goto(f"/page/{number}")
    expect(page.locator(EDITOR)).to_be_focused()
    page.keyboard.type("half a line")
    ada.keeper.soft_lock()
    try:
        page.keyboard.type(" and its end")
        page.wait_for_url(re.compile(r"/locked"))
        assert "half a line" not in page.content()
        page.go_back()
        page.wait_for_url(re.compile(r"/locked"))
        assert "half a line" not in page.content()
    finally:
        ada.run(ada.keeper.unlock(PASSPHRASE))
    assert kept(ada, number).text.startswith("half a line")


@pytest.mark.long
def test_very_long(ada: Home, sit: Sit) -> None:
    text = "\n\n".join(" ".join(["word"] * 100) for _ in range(2000))
    number = begin(ada, text)
    page = at_page(sit, ada, number)
    page.keyboard.type(" end")
    until_kept(ada, number, text + " end")
    page.keyboard.type(" of it")
    page.reload()
    expect(page.locator(EDITOR)).to_be_focused()
    until_kept(ada, number, text + " end of it")
    page.locator(".count summary").click()
    page.keyboard.press("Escape")
    expect(page.locator("[data-words]")).to_contain_text(re.compile("200.?003"))


def test_the_clock_is_set_back(ada: Home, sit: Sit) -> None:
    number = begin(ada, "before ")
    page = at_page(sit, ada, number)
    ada.quarter.town.clock.pass_(days=-500)
    page.keyboard.type("the clock")
    until_kept(ada, number, "before the clock")
    ada.quarter.town.clock.pass_(days=500)
    page.keyboard.type(" changed")
    until_kept(ada, number, "before the clock changed")


def test_an_earlier_state_taken_back(ada: Home, sit: Sit) -> None:
    number = begin(ada, "the first state")
    revision = kept(ada, number).revision
    revision = ada.run(pages.autosave(ada.desk, number, revision, text="the first state", leaving=True)).revision
    ada.run(pages.autosave(ada.desk, number, revision, text="the second state"))
    page = at_page(sit, ada, number)
    page.locator(".ribbon a").last.click()
    expect(page.locator(".letter")).to_contain_text("the first state")
    page.get_by_role("link", name="Against the page as it is now").click()
    expect(page.locator("del")).to_contain_text("first")
    page.get_by_role("button", name="Take this state back").click()
    expect(page.locator(EDITOR)).to_contain_text("the first state")
    # The window's own undoing does not reach over it; the state before is on the ribbon.
    assert versions(ada, number)[0][1] == "the second state"


def test_put_away_read_over_and_thrown_away_by_key(ada: Home, sit: Sit) -> None:
    number = begin(ada)
    page = at_page(sit, ada, number)
    page.keyboard.type("Dear Clara, I enclose a picture.")
    page.keyboard.press("Control+s")
    until_kept(ada, number, "Dear Clara, I enclose a picture.")
    expect(page.locator("#editor-said")).to_contain_text("Kept at")
    page.keyboard.type(" Really.")
    page.get_by_role("button", name="Read over").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Read over")
    expect(page.locator(".noticed")).to_contain_text("greets Clara")
    expect(page.locator(".letter")).to_contain_text("Really.")
    axe(page)
    page.get_by_role("link", name="Back to the page").click()
    expect(page.locator(EDITOR)).to_be_focused()
    tab_to(page, ".put-away summary")
    page.keyboard.press("Enter")
    page.locator("#until").fill("2027-01-05")
    tab_to(page, "button[formaction$=put-away]")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("The drawer")
    expect(page.locator(".in-drawer")).to_contain_text("5 January 2027")
    axe(page)
    page.locator(".in-drawer h2 a").first.click()
    page.get_by_role("button", name="Throw it away").click()
    axe(page)
    page.get_by_role("button", name="Throw it away for good").click()
    expect(page).to_have_url(ada.url("/"))
    with pytest.raises(Exception, match="no draft"):
        kept(ada, number)


def test_without_script(ada: Home, sit: Sit) -> None:
    number = begin(ada, to="")
    page = sit(ada, f"/page/{number}", js=False)
    page.locator("textarea").fill("Dear Bert,\n\nwithout any script.")
    page.get_by_label("A name or an address").fill("Bert")
    page.get_by_label("A name or an address").press("Enter")
    expect(page.locator("#readers .who")).to_have_text(["Bert"])
    assert kept(ada, number).text == "Dear Bert,\n\nwithout any script."
    page.locator("textarea").fill("Dear Bert,\n\nstill without.")
    ada.run(pages.autosave(ada.desk, number, kept(ada, number).revision, text="meanwhile, elsewhere"))
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("h1")).to_have_text("Written in another window")
    expect(page.locator(".letter")).to_contain_text("still without.")
    page.get_by_role("button", name="Take this state back").click()
    assert kept(ada, number).text == "Dear Bert,\n\nstill without."
    page.get_by_role("button", name="Read over").click()
    expect(page.locator(".letter")).to_contain_text("still without.")


def test_what_did_i_already_tell(ada: Home, sit: Sit) -> None:
    for n in range(3):
        ada.run(_posted(ada, f"Dear Bert, letter {n}: the {'ferry' if n == 1 else 'train'} is late."))
    page = at_page(sit, ada, begin(ada), width=1500)
    beside = page.locator("#beside")
    expect(beside).to_be_visible()
    expect(beside.locator(".earlier")).to_have_count(3)
    beside.locator("#q").fill("ferry")
    expect(beside.locator(".earlier")).to_have_count(1)
    expect(beside.locator("mark")).to_have_text("ferry")
    beside.locator("#q").fill("volcano")
    expect(beside).to_contain_text("none of the letters")
    axe(page)
    page.get_by_role("button", name="Earlier letters").click()
    expect(beside).to_be_hidden()
    narrow = at_page(sit, ada, begin(ada), width=390, height=800)
    expect(narrow.locator("#beside")).to_be_hidden()


async def _posted(home: Home, text: str) -> None:
    number = await home.person.write("Bert", text)
    await home.person.post(number)


@pytest.mark.parametrize(
    ("width", "dark"),
    [
        (1280, False),
        (360, True),
        pytest.param(1280, True, marks=pytest.mark.long),
        pytest.param(390, False, marks=pytest.mark.long),
    ],
)
def test_it_fits_and_can_be_used_by_everybody(ada: Home, sit: Sit, width: int, dark: bool) -> None:
    number = begin(ada, "Dear Bert,\n\nit rains.")
    ada.run(write.keep_as_read(ada.desk, number))
    for path in ("", "/read-over", "/version/1", "/version/1?compare"):
        page = sit(ada, f"/page/{number}{path}", width=width, dark=dark)
        if not path:
            expect(page.locator(EDITOR)).to_be_focused()
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        page.context.close()


def test_the_bar_never_covers_the_line_with_the_caret(ada: Home, sit: Sit) -> None:
    text = "\n\n".join(f"Paragraph {n}." for n in range(80))
    number = begin(ada, text)
    ada.run(pages.autosave(ada.desk, number, kept(ada, number).revision, caret=0))
    page = at_page(sit, ada, number, width=1280, height=500)
    for _n in range(60):
        page.keyboard.press("ArrowDown")
    for _n in range(45):
        page.keyboard.press("ArrowUp")
    bar = page.locator(".writing-top").bounding_box()
    assert bar
    page.wait_for_function(
        "bar => { const at = getSelection(), it = at.anchorNode;"
        " const box = at.getRangeAt(0).getClientRects()[0]"
        " ?? (it instanceof Element ? it : it.parentElement).getBoundingClientRect();"
        " return box.top >= bar - 1 && box.bottom <= innerHeight; }",
        arg=bar["height"],
    )
