"""From the envelope to the postbox, and back: by mouse, by keys alone, and without a script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dearly.desk import envelope, hand, people, person, post, write
from dearly.desk import page as pages
from dearly.drawer import bindings
from dearly.drawer import people as book
from dearly.exchange import vcard
from dearly.letter.address import Address
from dearly.letter.journey import State
from dearly.seal.keys import OwnKey
from tests.support.axe import axe
from tests.support.browser import Home, no_outside, sheet, shoot, tab_to
from tests.web.conftest import Call, DeskOf, Sit


def _heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def _page(home: Home, to: str, text: str) -> int:
    return home.run(home.person.write(to, text))


def _state(home: Home, number: int) -> str:
    return home.run(home.person.state(number))


@pytest.mark.parametrize(
    "js", [pytest.param(True, id="script"), pytest.param(False, id="no script", marks=pytest.mark.long)]
)
def test_posted_and_taken_back(desk_of: DeskOf, sit: Sit, js: bool) -> None:
    ada, _bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert, come and see.")
    page = sit(ada, f"/page/{number}/envelope", js=js)
    assert _heading(page) == "An envelope for Bert"
    assert page.title() == "The envelope · Dearly"
    expect(page.locator("address.to")).to_contain_text("bert@town.office.invalid")
    if js:
        axe(page)
    else:
        assert page.locator(".face:visible").count() == 2
    no_outside(page)
    page.get_by_role("button", name="Post it").click()
    page.wait_for_url(f"**/posted/{number}")
    assert _heading(page) == "It is in the postbox"
    assert page.locator(".course .now .what").inner_text() == "Waiting for collection"
    if js:
        axe(page)
    page.get_by_role("button", name="Take it back").click()
    page.wait_for_url(f"**/page/{number}")
    # The page that was left open in the browser's history is answered by where the letter is, not by another posting.
    page.goto(f"/page/{number}/envelope")
    assert _heading(page) == "An envelope for Bert"


def test_by_keys_alone(desk_of: DeskOf, sit: Sit) -> None:
    ada, _bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert, by keys.")
    page = sit(ada, f"/page/{number}/envelope")
    tab_to(page, "[data-turn]")
    page.keyboard.press("Enter")
    expect(page.locator(".face-back")).to_be_visible()
    expect(page.locator(".face-front")).to_be_hidden()
    expect(page.locator("[data-turn]")).to_have_text("Turn it back")
    tab_to(page, ".meaning summary")
    page.keyboard.press("Enter")
    expect(page.get_by_text("so that you can read it in thirty years")).to_be_visible()
    tab_to(page, 'input[name="when"]')
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator('input[name="when"][value="once"]')).to_be_checked()
    tab_to(page, "button[type=submit]:not([formaction])")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/posted/{number}")
    tab_to(page, f'form[action="/posted/{number}/take-back"] button')
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/page/{number}")


def test_at_once_to_another_desk(desk_of: DeskOf, sit: Sit) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert, at once.")
    page = sit(ada, f"/page/{number}/envelope")
    page.get_by_text("At once").click()
    page.get_by_role("button", name="Post it").click()
    page.wait_for_url(f"**/posted/{number}")
    expect(page.get_by_text("within a minute")).to_be_visible()
    page.goto("/")
    page.get_by_role("button", name="Collect and look now").click()
    expect(page.get_by_text("Your letter to Bert has left.")).to_be_visible()
    axe(page)
    page.goto(f"/posted/{number}")
    assert _heading(page) == "It is on its way"
    assert page.get_by_role("button", name="Take it back").count() == 0
    bert.run(bert.person.round())
    (lying,) = bert.run(bert.person.letterbox())
    assert bert.run(bert.person.open(lying.number)).text.strip() == "Dear Bert, at once."


def test_a_double_click_posts_once(desk_of: DeskOf, sit: Sit, call: Call) -> None:
    ada, _bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert, once.")
    page = sit(ada, f"/page/{number}/envelope")
    page.get_by_role("button", name="Post it").dblclick()
    page.wait_for_url(f"**/posted/{number}")
    assert _state(ada, number) == State.WAITING
    # And the same form sent twice at the same moment, as by an impatient proxy.
    number = _page(ada, "Bert", "Dear Bert, once more.")
    client = call(ada)
    revision = ada.run(envelope.envelope(ada.desk, number)).revision
    answers = [client.post(f"/page/{number}/post", data={"revision": str(revision), "when": "next"}) for _n in range(2)]
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [(303, f"/posted/{number}")] * 2


def test_on_a_day_years_ahead(desk_of: DeskOf, sit: Sit) -> None:
    ada, _bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert, in five years.")
    page = sit(ada, f"/page/{number}/envelope")
    assert not page.get_by_label("The day").is_visible()
    page.get_by_text("On a day you name").click()
    page.get_by_role("button", name="Post it").click()
    expect(page.get_by_text("No day is named on which it should leave.")).to_be_visible()
    assert page.get_by_label("The day").is_visible()
    axe(page)
    page.get_by_label("The day").fill("2025-05-01")
    page.locator("#closing").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Post it").click()
    expect(page.get_by_text("cannot leave on a day that is over")).to_be_visible()
    page.get_by_label("The day").fill("2031-05-01")
    page.get_by_role("button", name="Post it").click()
    page.wait_for_url(f"**/posted/{number}")
    assert _heading(page) == "It is put by until its day"
    assert _state(ada, number) == State.DATED
    expect(page.get_by_text("It leaves on 1 May 2031.")).to_be_visible()


@pytest.mark.parametrize(
    "js", [pytest.param(True, id="script"), pytest.param(False, id="no script", marks=pytest.mark.long)]
)
def test_a_postcard_is_an_act_of_its_own(desk_of: DeskOf, sit: Sit, tmp_path: Path, js: bool) -> None:
    ada, _bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert, only this, because the boat is leaving.")
    page = sit(ada, f"/page/{number}/envelope", js=js)
    page.get_by_role("link", name="Leave it open, as a postcard").click()
    assert _heading(page) == "A postcard to Bert"
    expect(page.locator(".open-text")).to_have_text("Dear Bert, only this, because the boat is leaving.")
    expect(page.get_by_text("Not sealed. This is a postcard.")).to_be_visible()
    if js:
        axe(page)
        shoot(page, "postcard")
    page.get_by_role("link", name="Seal it after all").click()
    assert _heading(page) == "An envelope for Bert"
    page.goto(f"/page/{number}/envelope?close=open")
    page.get_by_role("button", name="Post it as a postcard").click()
    page.wait_for_url(f"**/posted/{number}")
    assert _heading(page) == "It is ready to be carried"
    expect(page.locator(".envelope .open-text")).to_have_text("Dear Bert, only this, because the boat is leaving.")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Take the file").click()
    assert re.fullmatch(r"[0-9a-f]{16}\.dearly", taken.value.suggested_filename)
    taken.value.save_as(tmp_path / "card")
    assert b"the boat is leaving" in (tmp_path / "card").read_bytes()


def test_a_card_by_mail_leaves_when_its_writer_says(desk_of: DeskOf, call: Call) -> None:
    dora = desk_of("Dora")
    dora.run(dora.person.gets_mail())
    client = call(dora)
    for when, day, state in (("next", "", "waiting"), ("once", "", "waiting"), ("day", "2031-05-01", "dated")):
        number = _page(dora, "eve@letters.test", "Dear Eve, come & see.")
        page = client.get(f"/page/{number}/envelope?close=open").text
        assert page.count('name="when"') == 3
        form = {"revision": "1", "close": "open", "when": when, "day": day, "way eve@letters.test": "mail"}
        assert client.post(f"/page/{number}/post", data=form).status_code == 303
        (row,) = dora.run(post.rows(dora.desk, number))
        assert (row.way, row.state) == ("mail", state)
        assert (row.leaves is not None and row.leaves > row.since) is (when != "once")
        shown = client.get(f"/posted/{number}").text
        assert "Dear Eve, come &amp; see." in shown
        assert "face postcard" in shown


def test_a_postcard_is_never_a_fallback(desk_of: DeskOf, call: Call) -> None:
    """Nothing that a form may say lets a letter go unsealed by the office, or an answer to a sealed one by any way."""
    ada, bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "eve@letters.test", "Dear Eve")
    revision = ada.run(envelope.envelope(ada.desk, number)).revision
    answer = call(ada).post(f"/page/{number}/post", data={"revision": str(revision), "when": "once"})
    assert answer.status_code == 409
    assert "cannot be sealed" in answer.text or "no mail account" in answer.text
    bert.run(bert.person.post(_page(bert, "Ada", "Dear Ada")))
    bert.run(bert.person.round())
    ada.run(ada.person.round())
    (lying,) = ada.run(ada.person.letterbox())
    ada.run(ada.person.open(lying.number))
    number = ada.run(ada.person.answer(lying.number, "Dear Bert"))
    revision = ada.run(envelope.envelope(ada.desk, number)).revision
    page = call(ada).get(f"/page/{number}/envelope?close=open")
    assert "A postcard to" not in page.text
    answer = call(ada).post(f"/page/{number}/post", data={"revision": str(revision), "close": "open"})
    assert answer.status_code == 409
    assert "An answer to a sealed letter is sealed" in answer.text


def test_a_file_carried_to_another_desk(desk_of: DeskOf, sit: Sit, tmp_path: Path) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert, by hand.")
    page = sit(ada, f"/page/{number}/envelope")
    page.get_by_text("As a file to carry").click()
    expect(page.locator(".stamp-word")).to_have_text("by hand")
    expect(page.get_by_text("When it leaves")).to_be_hidden()
    page.get_by_role("button", name="Post it").click()
    page.wait_for_url(f"**/posted/{number}")
    axe(page)
    shoot(page, "carry")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Take the file").click()
    taken.value.save_as(tmp_path / "letter")
    assert _state(ada, number) == State.WAITING
    page.get_by_role("button", name="I have handed it over").click()
    assert _heading(page) == "It is out of your hands"
    assert page.get_by_role("button", name="Take it back").count() == 0
    lying = bert.run(hand.hand_in(bert.desk, tmp_path / "letter"))
    assert bert.run(bert.person.open(lying.number)).text.strip() == "Dear Bert, by hand."


def test_what_came_back_is_carried(desk_of: DeskOf, sit: Sit, tmp_path: Path) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert, the other way.")
    ada.run(_no_box(ada, bert, number))
    page = sit(ada, f"/posted/{number}")
    assert _heading(page) == "Your letter to Bert came back"
    tab_to(page, f"form[action='/posted/{number}/carry'] button")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("It is ready to be carried")
    expect(page.get_by_role("button", name="Carry it as a file")).to_have_count(0)
    axe(page)
    with page.expect_download() as taken:
        page.get_by_role("link", name="Take the file").click()
    taken.value.save_as(tmp_path / "letter")
    page.get_by_role("button", name="I have handed it over").click()
    assert _heading(page) == "It is out of your hands"
    lying = bert.run(hand.hand_in(bert.desk, tmp_path / "letter"))
    assert bert.run(bert.person.open(lying.number)).text.strip() == "Dear Bert, the other way."


def test_what_came_back_is_written_anew(desk_of: DeskOf, sit: Sit) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert, where are you now?")
    ada.run(_no_box(ada, bert, number))
    page = sit(ada, f"/posted/{number}")
    page.get_by_role("link", name="Write it anew, to another address").click()
    assert _heading(page) == "Write it anew"
    page.get_by_role("button", name="Begin the page").click()
    expect(page.get_by_role("status")).to_contain_text("No other address of Bert is named.")
    page.get_by_label("A new address of Bert").fill("bert@new.test")
    axe(page)
    page.get_by_role("button", name="Begin the page").click()
    page.wait_for_url("**/page/*")
    draft = ada.run(pages.page(ada.desk, int(page.url.rpartition("/")[2])))
    assert (draft.text, [one.address for one in draft.to]) == ("Dear Bert, where are you now?", ["bert@new.test"])
    assert [one.uid for one in draft.to] == [ada.run(person.whole(ada.desk, "Bert")).uid]
    assert _state(ada, number) == State.CAME_BACK
    page.goto(f"/posted/{number}/anew")  # known now, and offered first
    expect(page.get_by_role("radio", name="bert@new.test")).to_be_checked()
    expect(page.get_by_label("A new address of Bert")).to_be_hidden()


async def _no_box(home: Home, reader: Home, number: int) -> None:
    """It is posted while the box of its reader is not there."""
    box = (await reader.person.address()).key
    home.quarter.town.post.known.discard(box)
    try:
        await home.person.post(number)
        await home.person.round()
    finally:
        home.quarter.town.post.known.add(box)


def _new_key(home: Home, name: str) -> str:
    """A card with another key than the one in use comes in."""
    where = Address.parse(f"{name.lower()}@town.office.invalid")
    key = OwnKey.generate([where], home.desk.clock.now())
    card = vcard.write_card(name, (str(where),), key.certificate, None).encode()
    home.run(people.add(home.desk, name, vcard=card))
    return key.fingerprint


@pytest.mark.parametrize(
    "js", [pytest.param(True, id="script"), pytest.param(False, id="no script", marks=pytest.mark.long)]
)
def test_a_new_key_is_kept_unless_the_writer_decides(desk_of: DeskOf, sit: Sit, js: bool) -> None:
    ada = desk_of("Ada")
    name = "Clara" if js else "Dora"
    desk_of(name)
    number = _page(ada, name, f"Dear {name}, is it you?")
    fingerprint = _new_key(ada, name)
    page = sit(ada, f"/page/{number}/envelope", js=js)
    expect(page.get_by_text(f"{name} has a new key, and it has not been checked.")).to_be_visible()
    expect(page.get_by_label(f"Keep the letter here until you have asked {name}")).to_be_checked()
    if js:
        axe(page)
        shoot(page, "envelope-new-key")
    page.get_by_role("button", name="Keep it until I have asked" if js else "Do as I chose").click()
    page.wait_for_url(page.url.split("/page/")[0].rstrip("/") + "/")
    assert number in {draft.number for draft in ada.run(write.drafts(ada.desk))}

    page.goto(f"/page/{number}/envelope")
    page.get_by_label("Seal it to the new key").check()
    page.get_by_role("button", name="Post it" if js else "Do as I chose").click()
    page.wait_for_url(f"**/posted/{number}")

    def used(db: object) -> str:
        found = bindings.binding(db, book.find(db, name).id)  # type: ignore[arg-type]  # a Db
        assert found is not None
        return found.fingerprint

    assert ada.run(ada.desk.drawer.read(used)) == fingerprint


def test_the_key_that_was_looked_at_is_the_one_that_counts(desk_of: DeskOf, call: Call) -> None:
    """A key that came between looking and closing is not taken by an answer that was given to another one."""
    ada, _bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert, which key?")
    shown = _new_key(ada, "Bert")
    there = ada.run(envelope.envelope(ada.desk, number))
    key = there.readers[0].key
    ada.quarter.town.clock.pass_(minutes=1)
    _new_key(ada, "Bert")
    form = {"revision": str(there.revision), f"key {key}": "new", f"newest {key}": shown, "when": "next"}
    answer = call(ada).post(f"/page/{number}/post", data=form)
    assert answer.status_code == 409
    assert "Another key of Bert has come" in answer.text
    assert call(ada).get(f"/posted/{number}").status_code == 404


def test_a_stranger_without_a_key(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    page = sit(ada, f"/page/{_page(ada, 'fay@letters.test', 'Dear Fay')}/envelope")
    expect(page.get_by_text("No key of fay@letters.test is known")).to_be_visible()
    assert page.get_by_role("button", name="Post it").count() == 0
    assert page.get_by_role("link", name="Leave it open, as a postcard").count() == 1
    axe(page)


def test_the_page_went_on_in_another_window(desk_of: DeskOf, sit: Sit) -> None:
    ada, _eve = desk_of("Ada"), desk_of("Eve")
    number = _page(ada, "Eve", "Dear Eve")
    page = sit(ada, f"/page/{number}/envelope")
    ada.run(write.edit(ada.desk, number, text="Dear Eve, and more"))
    page.get_by_role("button", name="Post it").click()
    expect(page.get_by_text("This page was changed in another window meanwhile.")).to_be_visible()
    page.get_by_role("button", name="Post it").click()  # now it is the page as it is that goes
    page.wait_for_url(f"**/posted/{number}")


def test_put_away_instead(desk_of: DeskOf, sit: Sit) -> None:
    ada, _eve = desk_of("Ada"), desk_of("Eve")
    number = _page(ada, "Eve", "Dear Eve, not yet")
    page = sit(ada, f"/page/{number}/envelope")
    page.get_by_role("button", name="Put it away").click()
    page.wait_for_load_state()
    (draft,) = [one for one in ada.run(write.drafts(ada.desk)) if one.number == number]
    assert draft.state == "put_away"
    kept = ada.run(pages.page(ada.desk, number))
    assert (kept.text, [one.name for one in kept.to]) == ("Dear Eve, not yet", ["Eve"])


def test_letters_that_are_not_there(desk_of: DeskOf, call: Call) -> None:
    client = call(desk_of("Ada"))
    for path in ("/posted/99999", "/posted/99999/file", "/page/99999/envelope"):
        assert client.get(path).status_code == 404
    for path in ("/posted/99999/again", "/posted/99999/give-up", "/posted/99999/take-back", "/page/99999/post"):
        assert client.post(path, data={"revision": "1"}).status_code == 404
    assert client.post("/page/99999/post", data={"revision": "x"}).status_code in (400, 404, 409)


@pytest.mark.parametrize(
    "js", [pytest.param(True, id="script"), pytest.param(False, id="no script", marks=pytest.mark.long)]
)
def test_an_envelope_of_nobody_takes_a_name(desk_of: DeskOf, sit: Sit, js: bool) -> None:
    ada, _bert = desk_of("Ada"), desk_of("Bert")
    number = ada.run(pages.begin(ada.person.desk)).number
    ada.run(pages.autosave(ada.person.desk, number, 1, text="To nobody yet, and every word of it stays."))
    page = sit(ada, f"/page/{number}/envelope", js=js)
    assert _heading(page) == "An envelope for nobody yet"
    if js:
        axe(page)
    field = page.get_by_label("A name or an address")
    field.fill("Nobody of this name")
    field.press("Enter")
    expect(page.get_by_text("nobody called")).to_be_visible()
    field.fill("Bert")
    page.get_by_role("button", name="Put the name on it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("An envelope for Bert")
    page.goto(f"/page/{number}")
    expect(page.locator("#text")).to_have_value("To nobody yet, and every word of it stays.")


def test_from_the_page_to_the_envelope_by_keys(desk_of: DeskOf, sit: Sit) -> None:
    ada, _bert = desk_of("Ada"), desk_of("Bert")
    number = _page(ada, "Bert", "Dear Bert,")
    page = sit(ada, f"/page/{number}")
    sheet(page)
    page.keyboard.press("Control+End")
    page.keyboard.type(" the last word")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/page/{number}/envelope")
    page.goto(f"/page/{number}/read-over")
    expect(page.locator(".letter-sheet")).to_contain_text("Dear Bert, the last word")
