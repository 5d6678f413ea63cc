"""What Chromium keeps on the disk of what was typed and read at the desk: nothing (A40).

A browser with a profile of its own: somebody unlocks, writes, searches, names people; the page is loaded again, the
browser is killed without warning, started again with the windows of before, and closed. Then every byte of the profile,
of its home and of its temporary folder is looked through. A careless form on another page, in the same browser at the
same time, shows that the search would find what lies there.
"""

from __future__ import annotations

import http.server
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Error, Page, sync_playwright

from tests.support.browser import Home, arguments, chromium, sheet
from tests.support.door import short_folder
from tests.support.drawers import PASSPHRASE
from tests.support.sweep import found, names_with
from tests.web.conftest import DeskOf

CONTROL = "KESTREL-CARELESS"
TYPED = {
    "the letter": "WAXWING-LETTER",
    "its subject": "WAXWING-SUBJECT",
    "its place": "WAXWING-PLACE",
    "what was looked for": "WAXWING-SEARCH",
    "a new name": "WAXWING-PERSON",
    "a new address": "waxwing-address@letters.test",
    "a friend's name": "Philippa",
    "what a friend wrote": "WAXWING-FRIEND",
    "the passphrase": PASSPHRASE,
}


@contextmanager
def careless() -> Iterator[str]:
    """A form that says nothing of what may be remembered; its address."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>careless</title><form><textarea name=a></textarea><input name=b></form>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_given: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def machine() -> Iterator[Path]:
    """The folder that stands for what a browser can write to."""
    with short_folder() as folder:
        for name in ("profile", "home", "tmp"):
            (folder / name).mkdir(mode=0o700)
        yield folder


@contextmanager
def a_browser(machine: Path, *more: str) -> Iterator[BrowserContext]:
    # Playwright would turn off what keeps a page alive behind the back button; a person's browser has it.
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            machine / "profile",
            executable_path=chromium(),
            args=arguments("--disable-features=Translate", *more),
            ignore_default_args=["--disable-back-forward-cache", "--disable-component-update"],
            env={**os.environ, "HOME": str(machine / "home"), "TMPDIR": str(machine / "tmp")},
        )
        context.set_default_timeout(10_000)
        try:
            yield context
        finally:
            with suppress(Error):  # it was killed
                context.close()


def processes(machine: Path) -> list[int]:
    """The browser's processes: those that were started with this profile."""
    wanted = str(machine / "profile").encode()
    ours = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if wanted in line and b"chrom" in line.split(b"\0")[0]:
                ours.append(int(entry.name))
    return ours


def kill(machine: Path) -> None:
    """As when the power fails: every process of this browser at once."""
    there = processes(machine)
    assert there
    for process in there:
        os.kill(process, signal.SIGKILL)
    end = time.monotonic() + 10
    while processes(machine) and time.monotonic() < end:
        time.sleep(0.05)


@pytest.mark.long
@pytest.mark.timeout(240)
def test_a_browsers_profile_holds_nothing_that_was_typed_or_read(desk_of: DeskOf, machine: Path) -> None:
    home = desk_of("Ada")
    friend = desk_of("Philippa")
    home.run(_a_letter(home, friend))
    home.run(_locked(home))
    with careless() as form:
        with a_browser(machine) as context:
            page = context.pages[0]
            other = context.new_page()
            other.goto(form)
            other.fill("textarea", CONTROL)
            page.bring_to_front()
            _unlock(page, home)
            number = _write(page, home)
            other.reload()
            other.fill("textarea", CONTROL)
            page.bring_to_front()
            # Sessions are written down every few seconds: give the browser the time to do it.
            page.wait_for_timeout(6000)
            sheet(page).press_sequentially(" WAXWING-LETTER half a line")
            page.wait_for_timeout(500)
            kill(machine)
        # What was saved before the browser died is on the page: within two seconds of the last key, or as last words.
        with a_browser(machine, "--restore-last-session") as context:
            page = context.pages[0]
            page.goto(home.url(f"/page/{number}"))
            if "/locked" in page.url:
                _unlock(page, home)
                page.goto(home.url(f"/page/{number}"))
            sheet(page)
            page.go_back()
            page.go_forward()
            page.wait_for_timeout(3000)
    folders = [machine / "profile", machine / "home", machine / "tmp"]
    assert found(folders, {"control": CONTROL.encode(), "the desk's address": home.host.encode()}), "nothing is kept"
    assert found(folders, {"control": CONTROL.encode()}), "the careless form is not kept"
    assert found(folders, {name: text.encode() for name, text in TYPED.items()}) == []
    assert names_with(folders, ["waxwing", "philippa"]) == []


def _unlock(page: Page, home: Home) -> None:
    page.goto(home.url("/locked"))
    page.locator("input[type=password]").first.fill(PASSPHRASE)
    page.keyboard.press("Enter")
    page.wait_for_url(home.url("/"))


def _write(page: Page, home: Home) -> int:
    """Everything that a person may type, each into its place; the number of the page."""
    number = home.run(home.person.write("Philippa", "Dear Philippa,\n\n"))
    page.goto(home.url("/people/new"))
    for kind, value in (("name", "WAXWING-PERSON"), ("address", "waxwing-address@letters.test")):
        field = page.locator(f"main input[name={kind}], main textarea[name={kind}]").first
        field.evaluate("(field, value) => { field.value = value + ' <not an address' }", value)
    _sent_as_a_form(page, "name")
    page.goto(home.url(f"/page/{number}"))
    page.locator("input[name=subject]").evaluate("field => { field.value = 'WAXWING-SUBJECT' }")
    page.locator("textarea[name=text]").evaluate("field => { field.value = 'WAXWING-LETTER on an old page' }")
    page.locator("input[name=revision]").evaluate("field => { field.value = '0' }")
    _sent_as_a_form(page, "revision")
    page.goto(home.url(f"/page/{number}"))
    page.locator("input[name=q]").evaluate("field => { field.value = 'WAXWING-SEARCH' }")
    _sent_as_a_form(page, "q")
    page.goto(home.url(f"/page/{number}"))
    page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")
    page.locator("input[name=subject]").fill("WAXWING-SUBJECT")
    page.locator("input[name=place]").fill("WAXWING-PLACE")
    sheet(page)
    _type_and_see_it_kept(page, "WAXWING-LETTER is what I write.")
    page.reload()
    assert "WAXWING-LETTER" in home.run(home.person.show(number)).text
    sheet(page)
    _type_and_see_it_kept(page, "Another WAXWING-LETTER line.")
    return number


def _sent_as_a_form(page: Page, field: str) -> None:
    """As without script: the answer is a page, which stays in the window's list."""
    with page.expect_navigation():
        page.evaluate("name => document.querySelector(`main [name=${name}]`).form.submit()", field)
    page.wait_for_timeout(300)


def _type_and_see_it_kept(page: Page, text: str) -> None:
    with page.expect_response(
        lambda r: r.url.endswith("/save") and text in (r.request.post_data or ""), timeout=20_000
    ):
        page.keyboard.type(text)


async def _a_letter(home: Home, friend: Home) -> None:
    """Something from a friend that is read before the writing begins."""
    await friend.person.post(await friend.person.write("Ada", "Dear Ada, WAXWING-FRIEND.\n"))
    await friend.person.round()
    (number,) = (await home.person.round()).arrived
    await home.person.open(number)


async def _locked(home: Home) -> None:
    home.keeper.soft_lock()
