"""The real process and a real browser: the launch from its file, the first day, and what the locks do to open pages."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright

from tests.support.browser import arguments, chromium
from tests.support.commands import PASSPHRASE, Machine
from tests.support.machines import cheap_drawer
from tests.support.sitting import a_machine, altered, sit_down

WORDS = "plum ladder engine marmalade sardine"


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    chromium()
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with a_machine() as machine:
        for name in ("Ada", "Bert", "Clara"):
            cheap_drawer(machine, name.lower())
            assert machine.run("setup", "--name", name, drawer=name.lower()).code == 0
        yield machine


@pytest.fixture
def browser(playwright: Playwright, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser with a profile of its own on the disk."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path / "profile",
        executable_path=chromium(),
        args=arguments(),
        locale="en-GB",
        reduced_motion="reduce",
    )
    context.set_default_timeout(20_000)
    yield context
    context.close()


def come_in(browser: BrowserContext, way: dict[str, str]) -> Page:
    """As the browser is opened by `dearly`: with the file."""
    page = browser.new_page()
    page.goto(Path(way["file"]).as_uri())
    page.wait_for_url(re.compile(r"^http://[0-9a-f]{16}\.localhost:\d+/(?!launch)"))
    return page


@pytest.mark.long
def test_the_launch_leaves_no_secret_in_the_browser(machine: Machine, browser: BrowserContext, tmp_path: Path) -> None:
    assert machine.run("unlock", drawer="ada").code == 0
    visit = sit_down(machine, "ada")
    secret = re.search(r"#([\w-]{43})", Path(visit.way["file"]).read_text())[1]
    sent: list[str] = []
    browser.on("request", lambda request: sent.append(request.url + str(request.headers)))
    page = come_in(browser, visit.way)
    assert page.url == f"{visit.origin}/"
    assert not Path(visit.way["file"]).exists()
    # What the server is sent has the secret in one body and nowhere else: in no address, in no Referer.
    assert not [one for one in sent if secret in one.replace(f"/launch#{secret}", "")]
    page.go_back()
    page.wait_for_timeout(300)
    assert secret not in page.url
    assert page.evaluate("history.length") <= 3
    browser.close()
    for file in (tmp_path / "profile").rglob("History*"):
        if file.name == "History":
            rows = sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True).execute("SELECT url FROM urls")
            urls = [row[0] for row in rows]
            # Chromium notes where it was led to before any script may speak. What it notes opens nothing any more.
            if any(secret in url for url in urls):
                visit.token = visit.ask("GET", "/launch", headers={"accept": "application/json"}).json()["token"]
                assert visit.send("/launch", {"secret": secret}).status_code == 401


def test_the_first_day_with_scripts(machine: Machine, browser: BrowserContext) -> None:
    begun = time.monotonic()
    visit = sit_down(machine, "leonie")
    page = come_in(browser, visit.way)
    assert page.url.endswith("/welcome")
    page.get_by_label("Your name, as it stands on an envelope").fill("Leonie Marbach")
    page.get_by_label("Where you are writing from").fill("Bergen")
    page.get_by_label("New passphrase").press_sequentially("passwordpassword")
    expect(page.locator("[data-strength]")).to_contain_text("could guess")
    page.get_by_label("New passphrase").fill("")
    page.get_by_label("New passphrase").press_sequentially(WORDS)
    expect(page.locator("[data-strength]")).to_contain_text("Nobody will guess")
    page.get_by_label("Once more").fill(WORDS)
    page.get_by_role("button", name="Make the desk").click()
    page.wait_for_url("**/welcome/kit")
    shown = page.locator(".kit-code li").all_inner_texts()
    assert len(shown) == 7
    page.emulate_media(media="print")
    assert page.locator(".kit").is_visible()
    assert not page.locator("h1").is_visible()
    assert not page.get_by_role("button", name="Go on to the post").is_visible()
    page.emulate_media(media="screen")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save it as a file").click()
    assert shown[0].split()[0] in Path(download.value.path()).read_text()
    page.get_by_label("I have it on paper.").check()
    page.get_by_role("button", name="Go on to the post").click()
    page.wait_for_url("**/welcome/post")
    assert not page.get_by_label("Its word").is_visible()
    page.get_by_label("The post office of a household or club").check()
    assert page.get_by_label("Its word").is_visible()
    page.get_by_label("Later").check()
    page.get_by_role("button", name="Sit down at the desk").click()
    page.wait_for_url(f"{visit.origin}/")
    assert time.monotonic() - begun < 100  # two minutes are a person's; this one types quickly


@pytest.mark.long
def test_a_lock_takes_every_page_away(machine: Machine, browser: BrowserContext) -> None:
    visit = sit_down(machine, "bert")
    page = come_in(browser, visit.way)
    assert page.url == f"{visit.origin}/locked"
    page.get_by_label("Your passphrase").fill("wrong words")
    page.get_by_role("button", name="Unlock the desk").click()
    expect(page.get_by_text("That did not open the desk.")).to_be_visible()
    page.get_by_label("Your passphrase").fill(PASSPHRASE)
    page.get_by_role("button", name="Unlock the desk").click()
    page.wait_for_url(f"{visit.origin}/")
    other = browser.new_page()
    other.goto(f"{visit.origin}/people")
    page.get_by_role("button", name="Lock the desk").click()
    page.wait_for_url("**/locked")
    # The back button shows nothing.
    page.go_back()
    page.wait_for_url("**/locked*")
    expect(page.get_by_label("Your passphrase")).to_be_visible()
    # The other window makes way as soon as it is looked at, and comes back to where it was.
    other.bring_to_front()
    other.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    other.wait_for_url("**/locked?to=*")
    other.get_by_label("Your passphrase").fill(PASSPHRASE)
    other.get_by_role("button", name="Unlock the desk").click()
    other.wait_for_url(f"{visit.origin}/people")
    # For good: the same address answers, after the process has begun anew.
    assert machine.run("lock", drawer="bert").code == 0
    other.reload()
    other.wait_for_url("**/locked*")
    other.get_by_label("Your passphrase").fill(PASSPHRASE)
    other.get_by_role("button", name="Unlock the desk").click()
    other.wait_for_url(f"{visit.origin}/**")
    expect(other.get_by_role("button", name="Lock the desk")).to_be_visible()


@pytest.mark.long
def test_the_last_window_is_closed(machine: Machine, browser: BrowserContext) -> None:
    with altered(machine, "clara", "from dearly.desk import threshold; threshold.GRACE_SECONDS = 1.5"):
        visit = sit_down(machine, "clara")
        page = come_in(browser, visit.way)
        page.get_by_label("Your passphrase").fill(PASSPHRASE)
        page.get_by_role("button", name="Unlock the desk").click()
        page.wait_for_url(f"{visit.origin}/")
        page.wait_for_timeout(500)
        for _n in range(3):  # from page to page is no leaving
            page.reload()
            page.wait_for_timeout(800)
        page.goto(f"{visit.origin}/people")
        page.wait_for_timeout(2500)
        assert page.evaluate("fetch('/presence', {headers: {accept: 'application/json'}}).then(a => a.json())")[
            "seated"
        ]
        page.close()
        time.sleep(3)
        done = machine.run("--drawer", "clara", "drafts", "--json")
        assert (done.code, done.error["code"]) == (3, "passphrase_wanted")


@pytest.mark.long
def test_without_scripts_the_file_leads_to_the_code(playwright: Playwright, machine: Machine) -> None:
    if not shutil.which("chromium"):
        pytest.skip("no chromium")
    visit = sit_down(machine, "ada")
    browser = playwright.chromium.launch(executable_path=chromium(), args=arguments())
    try:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(Path(visit.way["file"]).as_uri())
        page.wait_for_url("**/launch")
        page.get_by_role("link", name="code from the terminal").click()
        page.get_by_label("Code").fill(visit.way["code"])
        page.get_by_role("button", name="Come in").click()
        page.wait_for_url(re.compile(r"/(locked)?$"))
    finally:
        browser.close()
