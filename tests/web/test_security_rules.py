"""The rules of a desk in a browser, one test each. Those that others prove are named here with the test that does.

1   it listens on loopback alone, on a port that nobody takes: test_process_states, test_it_listens_on_loopback_alone
2   it answers to one name: test_security_table, test_no_route_answers_to_another_name
3   only our own pages change anything: test_security_table, test_no_act_is_done_for_another_origin and its neighbours
4   the way in is told to nobody: test_process_states, test_the_way_in_is_printed_and_tells_nobody_else
5   sessions are new at each unlocking and over at each lock: here
6   the passphrase is posted, never said again, and wrong tries take longer: here, and test_lock_process
7   what every answer says to the browser: test_headers
8   foreign HTML is in a frame that may do nothing: here, and test_reading
9   enclosures are saved, never shown: here
10  nothing behind the back button, nothing left behind: here, and test_profile_sweep
11  the locks: test_lock_process
12  memory: test_exchange, test_the_process_can_neither_be_read_nor_dumped
13  the table, the crawler, the other account: test_security_table, test_headers, test_exchange
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from dearly.web import static_files
from tests.support.browser import Home, Windows, arguments, chromium, take_seat
from tests.support.crawling import FORM, Answer, Wire, crawl, form, seen_from
from tests.support.drawers import PASSPHRASE
from tests.support.furnished import OUTSIDE, Furnished
from tests.web.conftest import DeskOf, Sit


def _unlocked(home: Home, *, cookie: str = "", passphrase: str = PASSPHRASE) -> Answer:
    """The lock page's form, sent as a browser sends it; what comes back."""
    wire = Wire(home)
    page = wire.ask("GET", "/locked", [("Host", home.host), *([("Cookie", cookie)] if cookie else []), *seen_from()])
    (given,) = page.all("set-cookie") or [cookie]
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert token
    fields = [("Host", home.host), ("Origin", home.origin), ("Content-Type", FORM), ("Cookie", given.partition(";")[0])]
    return wire.ask("POST", "/unlock", fields, form(home, token[1], passphrase=passphrase))


def test_5_a_session_is_new_at_each_unlocking_and_over_at_each_lock(desk_of: DeskOf) -> None:
    home = desk_of("Sessions")
    home.keeper.soft_lock()
    first = _unlocked(home)
    (cookie,) = first.all("set-cookie")
    assert first.status == 303
    name, *attributes = [part.strip() for part in cookie.split(";")]
    assert re.fullmatch(r"__Host-desk=[\w-]{43}", name)
    assert {a.lower() for a in attributes} == {"httponly", "secure", "samesite=strict", "path=/"}
    look = [("Host", home.host), ("Cookie", name), *seen_from()]
    assert Wire(home).ask("GET", "/", look).status == 200
    home.keeper.soft_lock()
    assert Wire(home).ask("GET", "/", look).status == 303
    (again,) = _unlocked(home).all("set-cookie")
    assert again.partition(";")[0] != name
    assert Wire(home).ask("GET", "/", look).status == 303, "what was over came back"


def test_6_the_passphrase_is_posted_and_never_said_again(desk_of: DeskOf) -> None:
    home = desk_of("Sessions")
    home.keeper.soft_lock()
    page = Wire(home).ask("GET", "/locked", [("Host", home.host), *seen_from()])
    field = page.page.css_first("input[name=passphrase]")
    assert (field.attributes["type"], field.attributes["autocomplete"]) == ("password", "current-password")
    answer = _unlocked(home, passphrase="wrong KINGFISHER words")
    assert answer.status == 401
    assert b"KINGFISHER" not in answer.body
    query = Wire(home).ask(
        "GET", f"/unlock?passphrase={PASSPHRASE}".replace(" ", "+"), [("Host", home.host), *seen_from()]
    )
    assert query.status in (404, 405)
    assert home.keeper.state.value == "soft"


def test_8_foreign_html_is_shown_in_a_frame_that_may_do_nothing(furnished: Furnished, sit: Sit) -> None:
    page = sit(furnished.home, f"/letter/{furnished.read[-1]}?look=laid-out")
    frame = page.locator("iframe")
    if not frame.count():
        page.get_by_role("link", name=re.compile("laid out", re.IGNORECASE)).first.click()
    expect(frame).to_have_attribute("sandbox", "")
    inside = page.frames[1]
    assert inside.locator("script, iframe, object, embed, form, input, link, meta[http-equiv], svg, base").count() == 0
    assert inside.locator(f"[src*='{OUTSIDE}'], [href*='{OUTSIDE}'], [style]").count() == 0
    assert page.title().endswith("Dearly")
    # It has no origin of its own, so that nothing in it could reach the page, even if a script ran.
    assert inside.evaluate("self.origin") == "null"


def test_9_enclosures_are_saved_and_never_shown(furnished: Furnished) -> None:
    home = furnished.home
    key, _token = home.session()
    session = {"Host": home.host, "Cookie": f"__Host-desk={key}"}
    starts = [f"/letter/{number}" for number in (furnished.opened, *furnished.read)]
    seen = crawl(home, session, starts)
    enclosed = {path: answer for path, answer in seen.items() if "/enclosure/" in path and answer.status == 200}
    assert len(enclosed) >= 3
    for path, answer in enclosed.items():
        assert answer.one("content-type") == "application/octet-stream", path
        assert answer.one("content-disposition").startswith("attachment"), path
        assert "sandbox" in answer.one("content-security-policy"), path
        name = answer.one("content-disposition")
        assert not re.search(r"\.\./|%2F|%00|%E2%80%AE|[\r\n]", name, re.IGNORECASE), name
        # What names it cannot be guessed, and is worth nothing to another session.
        assert re.search(r"/[\w-]{16,}$", path), path
        other, _ = home.session()
        fields = {"Host": home.host, "Cookie": f"__Host-desk={other}"}
        assert Wire(home).get(path, fields).status in (200, 404)
        assert Wire(home).get(re.sub(r"[\w-]{16,}$", "A" * 22, path), session).status == 404


@pytest.fixture
def as_a_person_has_it(windows: Windows) -> Iterator[BrowserContext]:
    """A browser that keeps pages alive behind the back button, which Playwright turns off."""
    browser = windows.playwright.chromium.launch(
        executable_path=chromium(), args=arguments(), ignore_default_args=["--disable-back-forward-cache"]
    )
    yield browser.new_context(viewport={"width": 1280, "height": 900})
    browser.close()


@pytest.mark.parametrize("how", [pytest.param("soft", marks=pytest.mark.long), "hard"])
def test_10_after_a_lock_nothing_is_behind_the_back_button(
    desk_of: DeskOf, as_a_person_has_it: BrowserContext, how: str
) -> None:
    home, friend = desk_of("Back"), desk_of("Friend")
    take_seat(as_a_person_has_it, home)
    number = home.run(home.person.write(friend.person.name, "Dear friend, CORMORANT.\n"))
    page = as_a_person_has_it.new_page()
    page.set_default_timeout(10_000)
    for path in ("/", f"/page/{number}", f"/page/{number}/read-over", "/people", "/letterbox"):
        page.goto(home.url(path))
    page.goto(home.url("/lock"))
    if how == "hard":
        page.get_by_text("Close the drawer").first.click()
    page.locator("main").get_by_role("button", name="Lock the desk").click()
    expect(page.get_by_label("Your passphrase")).to_be_visible()
    for _n in range(7):
        before = page.url
        page.go_back()
        page.wait_for_timeout(300)
        _says_nothing(page, home)
        if page.url in ("about:blank", before):
            break
    for _n in range(3):
        # The answer to a form is not kept: the browser says so, and shows nothing.
        with suppress(Error):
            page.go_forward()
        page.wait_for_timeout(200)
        _says_nothing(page, home)
    if home.keeper.state.value != "open":
        home.run(home.keeper.unlock(PASSPHRASE))


def _says_nothing(page: Page, home: Home) -> None:
    if page.url.startswith(("about:", "chrome-error:")):
        return
    text = page.locator("body").inner_text()
    assert "CORMORANT" not in page.content(), page.url
    assert "Friend" not in text, page.url
    # Where the browser takes its time, its own word that there is nothing may come only now.
    assert page.url.startswith("chrome-error:") or "/lock" in page.url, page.url


def test_10_the_pages_keep_nothing_in_the_browser(furnished: Furnished, sit: Sit) -> None:
    page = sit(furnished.home)
    for path in ("/", f"/page/{furnished.draft}", f"/letter/{furnished.opened}", "/letterbox", "/settings"):
        page.goto(path)
        page.wait_for_timeout(200)
        kept = page.evaluate(
            "async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length,"
            " isSecureContext ? (await caches.keys()).length : 0,"
            " 'serviceWorker' in navigator ? (await navigator.serviceWorker.getRegistrations()).length : 0,"
            " document.cookie]"
        )
        assert kept == [0, 0, 0, 0, 0, ""], path


def test_10_no_script_of_ours_knows_a_store() -> None:
    """None of the modules that we write; what comes from npm has tests of its own."""
    stores = (
        r"localStorage|sessionStorage|indexedDB|serviceWorker|\bcaches\b|document\.cookie|innerHTML|outerHTML|eval\("
    )
    for file in static_files.FOLDER.rglob("*.js"):
        if "vendor" not in file.parts:
            code = re.sub(r"//.*|/\*[\s\S]*?\*/", "", file.read_text(encoding="utf-8"))
            assert not re.search(stores, code), file.name
