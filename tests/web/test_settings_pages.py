"""Settings in the browser: choices that last, the passphrase, the kit, copies of the drawer."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from dearly.desk import settings
from dearly.drawer import kit
from tests.support.axe import violations
from tests.support.browser import tab_to
from tests.support.commands import Machine
from tests.support.drawers import PASSPHRASE
from tests.web.conftest import Call, DeskOf, Sit

PAGES = ("", "/way", "/passphrase", "/kit", "/backup/check")


def test_light_and_size_keep_themselves(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    page = sit(ada, "/settings")
    assert page.locator("form[data-at-once] button").first.is_hidden()
    with page.expect_response("**/settings/look"):
        page.get_by_label("Lamp").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    with page.expect_response("**/settings/look"):
        page.get_by_label("Large").check()
    page.goto("/people")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("data-size", "large")
    page.goto("/settings")
    with page.expect_response("**/settings/look"):
        page.get_by_label("As the system").check()
    assert page.locator("html").get_attribute("data-theme") is None
    ada.run(settings.choose_look(ada.desk, theme="", size="", language=""))


def test_every_choice_without_a_script(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    page = sit(ada, "/settings", js=False)
    page.get_by_label("Lamp").check()
    page.get_by_role("button", name="Keep it: Light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("Round 1", exact=True).fill("07:30")
    page.get_by_label("Round 2", exact=True).fill("")
    page.get_by_role("button", name="Keep it: Rounds").click()
    page.get_by_label("Taking back", exact=True).select_option("0")
    page.get_by_role("button", name="Keep it: Taking back").click()
    page.get_by_label("Where you write", exact=True).fill("Lübeck")
    page.get_by_role("button", name="Keep it: Where you write").click()
    page.get_by_label("Lock", exact=True).select_option("5")
    page.get_by_role("button", name="Keep it: Lock").click()
    chosen = ada.run(settings.chosen(ada.desk))
    assert (chosen.look.theme, chosen.cooling_minutes, chosen.soft_lock_minutes, chosen.place) == (
        "dark",
        0,
        5,
        "Lübeck",
    )
    assert [f"{hour:%H.%M}" for hour in chosen.rounds] == ["07.30"]
    expect(page.locator("main")).to_contain_text("The next one is tomorrow at 7.30.")
    page.get_by_label("Round 1", exact=True).fill("")
    page.get_by_role("button", name="Keep it: Rounds").click()
    expect(page.locator(".word .said")).to_contain_text("at least one round a day")
    ada.run(settings.choose_look(ada.desk, theme=""))


def test_a_choice_that_is_not_offered_is_refused(desk_of: DeskOf, call: Call) -> None:
    ada = desk_of("Ada")
    client = call(ada)
    before = ada.run(settings.chosen(ada.desk))
    for path, form in (
        ("look", {"theme": "pink"}),
        ("cooling", {"minutes": "soon"}),
        ("cooling", {"minutes": "-5"}),
        ("lock", {"minutes": "100000"}),
        ("rounds", {"hour": "25:99"}),
        ("place", {"place": "a\nb"}),
        ("way", {"post": "office", "url": "https://office.test"}),
    ):
        assert client.post(f"/settings/{path}", data=form).status_code == 400, path
    assert ada.run(settings.chosen(ada.desk)) == before


@pytest.mark.long
def test_the_passphrase_is_changed_by_key_alone(desk_of: DeskOf, sit: Sit) -> None:
    dora = desk_of("Dora")
    page = sit(dora, "/settings/passphrase")
    new = "four other words together"

    def fill(old: str, word: str, again: str) -> None:
        for field, text in (("#old", old), ("#p1", word), ("#p2", again)):
            tab_to(page, field)
            page.keyboard.type(text)
        page.keyboard.press("Enter")

    fill("not the one that it is", new, new)
    expect(page.locator("#old-wrong")).to_contain_text("not the passphrase that opens the desk now")
    page.goto("/settings/passphrase")
    fill(PASSPHRASE, new, "four other words apart")
    expect(page.locator(".word .said")).to_contain_text("not the same")
    page.goto("/settings/passphrase")
    fill(PASSPHRASE, new, new)
    # After a wrong one the desk takes its time.
    expect(page.locator("h1")).to_have_text("The new passphrase opens the desk from now on.", timeout=20_000)
    expect(page.locator(".word")).to_contain_text("Copies that were made before keep the old one.")
    from dearly.desk import keep

    assert dora.run(keep.sheet(dora.desk, new)).lines
    dora.run(keep.lock_change(dora.desk, new, PASSPHRASE))


def test_a_passphrase_may_be_pasted(desk_of: DeskOf, sit: Sit) -> None:
    page = sit(desk_of("Ada"), "/settings/kit")
    page.evaluate("document.getElementById('passphrase').focus()")
    page.evaluate(
        """text => { const carried = new DataTransfer(); carried.setData('text/plain', text);
        window.let_in = document.getElementById('passphrase').dispatchEvent(
          new ClipboardEvent('paste', {clipboardData: carried, bubbles: true, cancelable: true})) }""",
        PASSPHRASE,
    )
    assert page.evaluate("window.let_in") is True


def test_the_kit_is_shown_for_the_passphrase_and_opens_the_drawer(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    page = sit(ada, "/settings/kit")
    page.get_by_label("The passphrase, once more").fill("not the one that it is")
    page.get_by_role("button", name="Show the sheet").click()
    expect(page.locator("#passphrase-wrong")).to_be_visible()
    page.get_by_label("The passphrase, once more").fill(PASSPHRASE)
    page.get_by_role("button", name="Show the sheet").click()
    lines = [" ".join(line.split()) for line in page.locator(".kit-code li").all_inner_texts()]
    assert kit.read("\n".join(lines)) == ada.desk.drawer.data_key
    page.emulate_media(media="print")
    expect(page.locator(".kit")).to_be_visible()
    expect(page.locator("h1")).to_be_hidden()
    page.emulate_media(media="screen")
    page.goto("/settings")
    page.go_back()
    # Its page was kept nowhere: neither the browser nor the desk has it any more.
    assert page.locator(".kit-code").count() == 0


@pytest.mark.parametrize(
    "js", [pytest.param(True, id="script"), pytest.param(False, id="no-script", marks=pytest.mark.long)]
)
def test_a_copy_is_saved_looked_through_and_restored_on_an_empty_machine(
    desk_of: DeskOf, sit: Sit, tmp_path: Path, js: bool
) -> None:
    ada = desk_of("Ada")
    number = ada.run(ada.person.write("ada@letters.test", "Dear Ada, this is in the copy."))
    page = sit(ada, "/settings", js=js)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Copy it now").click()
    assert saved.value.suggested_filename == "dearly-2026-03-01.backup"
    machine = Machine(tmp_path)
    copy = tmp_path / "desk.backup"
    saved.value.save_as(copy)
    page.goto("/settings")
    expect(page.locator("main")).to_contain_text("Copied from here today.")

    page.get_by_role("link", name="Open a copy to make sure").click()
    page.get_by_label("The copy").set_input_files(copy)
    page.get_by_label("The passphrase of the day it was made").fill("not the one that it is")
    page.get_by_role("button", name="Look through it").click()
    expect(page.locator(".word .said")).to_contain_text("That passphrase does not open this backup.")
    page.get_by_label("The copy").set_input_files(copy)
    page.get_by_label("The passphrase of the day it was made").fill(PASSPHRASE)
    page.get_by_role("button", name="Look through it").click()
    expect(page.locator("h1")).to_contain_text("This copy is whole. It was made on 1 March 2026")

    if js:  # what came out of the browser is the same either way
        machine.write("passphrase.txt", PASSPHRASE + "\n", mode=0o600)
        assert machine.run("restore", str(copy), "--to", "there", drawer="elsewhere").code == 0
        shown = machine.run("show", str(number), "--json", drawer="there")
        assert "this is in the copy" in shown.json["text"]


def test_a_look_through_everything(desk_of: DeskOf, sit: Sit) -> None:
    page = sit(desk_of("Ada"), "/settings")
    page.set_default_timeout(60_000)
    page.get_by_role("button", name="Look through everything").click()
    expect(page.locator("h1")).to_have_text("Everything is as it was written")
    expect(page.locator(".findings")).to_contain_text("to reach a network")


def test_a_way_is_added(desk_of: DeskOf, sit: Sit) -> None:
    page = sit(desk_of("Ada"), "/settings/way")
    page.get_by_role("button", name="Join the office").click()
    expect(page.locator("#url-wrong")).to_contain_text("one of them is missing")
    page.get_by_label("The invitation that you were sent").fill("https://mill.test/#invite=adamill")
    page.get_by_role("button", name="Join the office").click()
    expect(page.locator("main")).to_contain_text("adamill@town.office.invalid")


@pytest.mark.long
@pytest.mark.parametrize("dark", [False, True], ids=["day", "lamp"])
def test_axe_finds_nothing(desk_of: DeskOf, sit: Sit, dark: bool) -> None:
    for path in PAGES:
        page = sit(desk_of("Ada"), f"/settings{path}", dark=dark)
        assert violations(page) == [], path
        page.context.close()


@pytest.mark.long
def test_nothing_is_wider_than_a_telephone(desk_of: DeskOf, sit: Sit) -> None:
    for path in (*(f"/settings{path}" for path in PAGES), "/card", "/people/new"):
        page = sit(desk_of("Ada"), path, width=360, height=740)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        page.context.close()
