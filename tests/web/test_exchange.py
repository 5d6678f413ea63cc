"""Two people on one machine, from nothing, and letters that go to and fro through the office of this machine.

Each makes a desk in the browser and takes in the other's card; then they write: by mouse, by keys alone, and without a
script. Real processes, the real launch, a real Chromium, no account anywhere. In the end the whole machine is looked
through for what should be locked.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser import Windows, sheet
from tests.support.commands import Machine
from tests.support.forks import AFRESH
from tests.support.hands import Hands, Keys, Mouse
from tests.support.sitting import a_machine, processes, sit_down, until
from tests.support.sweep import found

PASSPHRASE = "fake marmalade of the winter tests"
MARKERS = {
    "a letter": b"HERONS-BY-MOUSE",
    "another": b"HERONS-BY-KEYS",
    "a third": b"HERONS-WITHOUT-SCRIPT",
    "an answer": b"HERONS-ANSWERED",
    "a page": b"HERONS-NEVER-POSTED",
    "a name": b"Adelheid",
    "another name": b"Bertram",
    "the passphrase": PASSPHRASE.encode(),
}

pytestmark = pytest.mark.timeout(240)


@dataclass
class Seat:
    """Somebody's real desk, and how to come to it again."""

    machine: Machine
    drawer: str
    name: str
    windows: Windows
    state: dict[str, object] | None = None

    def window(self, *, js: bool = True) -> Page:
        """A window at the desk: by the launch file where scripts run, by the code where they do not."""
        way = sit_down(self.machine, self.drawer).way
        context: BrowserContext = self.windows.browser.new_context(
            base_url=way["url"], java_script_enabled=js, reduced_motion="reduce", accept_downloads=True, locale="en-GB"
        )
        context.set_default_timeout(20_000)
        self.windows._open.callback(context.close)
        page = context.new_page()
        if js:
            page.goto(Path(way["file"]).as_uri())
            page.wait_for_url(lambda url: url.startswith(way["url"]) and "/launch" not in url)
        else:
            page.goto("/launch")
            page.get_by_label("Code").fill(way["code"])
            page.get_by_role("button", name="Come in").click()
        self.windows.watch(context, way["url"].rstrip("/"))
        if "/locked" in page.url:
            page.get_by_label("Your passphrase").fill(PASSPHRASE)
            page.get_by_role("button", name="Unlock the desk").click()
            page.wait_for_url("**/")
        return page


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with a_machine() as machine:
        machine.env[AFRESH] = "1"
        yield machine


@pytest.fixture(scope="module")
def desks(machine: Machine, _browser: Windows) -> tuple[Seat, Seat]:
    """Two desks made in the browser, with each other's cards."""
    ada, bert = Seat(machine, "one", "Adelheid", _browser), Seat(machine, "two", "Bertram", _browser)
    cards = [_first_day(one) for one in (ada, bert)]
    for one, card in ((ada, cards[1]), (bert, cards[0])):
        page = one.window()
        page.goto("/people/new")
        page.get_by_label("The card as a file").set_input_files(
            {"name": "card.vcf", "mimeType": "text/vcard", "buffer": card}
        )
        page.get_by_role("button", name="Take in the card").click()
        page.wait_for_url(re.compile(r"/people/[0-9a-f]{32}"))
    _browser.end()
    return ada, bert


def _first_day(one: Seat) -> bytes:
    """From `dearly` in a terminal to a desk that can write and send; the card that one gives to others."""
    page = one.window()
    page.wait_for_url("**/welcome")
    page.get_by_label("Your name").fill(one.name)
    page.get_by_label("New passphrase").fill(PASSPHRASE)
    page.get_by_label("Once more").fill(PASSPHRASE)
    page.get_by_role("button", name="Make the desk").click()
    page.wait_for_url("**/welcome/kit")
    page.get_by_text("I have it on paper.").click()
    page.get_by_role("button", name="Go on to the post").click()
    page.get_by_text("The post office of this machine").click()
    page.get_by_role("button", name="Sit down at the desk").click()
    expect(page.get_by_role("button", name="Take a new page")).to_be_visible()
    page.goto("/card")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save it as a file").click()
    return Path(saved.value.path()).read_bytes()


def _put_into_the_post(hand: Hands, page: Page, js: bool) -> None:
    hand.press(page, "button", "Put it in an envelope")
    page.wait_for_url("**/envelope")
    hand.choose(page, "At once")
    hand.press(page, "button", "Post it")
    page.wait_for_url(re.compile(r"/posted/\d+"))
    posted = page.url
    hand.press(page, "link", "Back to the desk")
    hand.press(page, "link", "Go to the letterbox")
    hand.press(page, "button", "Go and look now")
    page.get_by_role("link", name="Go to the letterbox").wait_for()
    # It may also have left by itself meanwhile: within a minute, as it was told.
    page.goto(posted)
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("It is on its way|It is held for"))


def _written(hand: Hands, page: Page, text: str, js: bool) -> None:
    page.wait_for_url(re.compile(r"/page/\d+"))
    if js:
        sheet(page)
        page.keyboard.press("Control+End")
        page.keyboard.type(text)
    else:
        page.locator("textarea[name=text]").fill(text)


def _fetched_and_opened(hand: Hands, page: Page, sender: str) -> None:
    page.goto("/")
    hand.press(page, "link", "Go to the letterbox")
    hand.press(page, "button", "Go and look now")
    hand.press(page, "link", "Go to the letterbox")
    hand.press(page, "button", re.compile(f"Open it.*{sender}"))
    page.wait_for_url(re.compile(r"/letter/\d+"))


def _exchange(hand: Hands, desks: tuple[Seat, Seat], word: str, *, js: bool = True) -> None:
    one, other = desks
    ada, bert = one.window(js=js), other.window(js=js)
    ada.goto("/")
    hand.press(ada, "button", f"Write to {other.name}")
    _written(hand, ada, f"Dear {other.name},\n\n{word}.\n", js)
    _put_into_the_post(hand, ada, js)
    _fetched_and_opened(hand, bert, one.name)
    expect(bert.locator(".letter")).to_contain_text(word)
    expect(bert.locator(".seal-word").first).to_contain_text("not yet checked")
    hand.press(bert, "button", "Answer")
    _written(hand, bert, f"\n\nHERONS-ANSWERED to {word}.\n", js)
    _put_into_the_post(hand, bert, js)
    _fetched_and_opened(hand, ada, other.name)
    expect(ada.locator(".letter")).to_contain_text(f"HERONS-ANSWERED to {word}")


def test_by_mouse(desks: tuple[Seat, Seat], windows: Windows) -> None:
    _exchange(Mouse(), desks, "HERONS-BY-MOUSE")


@pytest.mark.long
def test_by_keys_alone(desks: tuple[Seat, Seat], windows: Windows) -> None:
    _exchange(Keys(), desks, "HERONS-BY-KEYS")


@pytest.mark.long
def test_without_a_script(desks: tuple[Seat, Seat], windows: Windows) -> None:
    _exchange(Mouse(), desks, "HERONS-WITHOUT-SCRIPT", js=False)


@pytest.mark.long
def test_f01_the_process_dies_while_one_writes(desks: tuple[Seat, Seat], windows: Windows) -> None:
    """What was kept is there; what the window still shows can be kept once the desk is back."""
    one = desks[0]
    page = one.window()
    page.get_by_role("button", name="Take a new page").click()
    page.wait_for_url(re.compile(r"/page/\d+"))
    number = page.url.rpartition("/")[2]
    sheet(page)
    with page.expect_response(lambda a: a.url.endswith("/save") and a.ok and "line." in (a.request.post_data or "")):
        page.keyboard.type("HERONS-NEVER-POSTED, the first line.")
    mine = [p for p in processes(one.machine) if b"/one" in Path("/proc", str(p), "cmdline").read_bytes()]
    assert mine
    for process in mine:
        os.kill(process, signal.SIGKILL)
    page.keyboard.type(" The second line is on the page before you.")
    expect(page.locator("#word-unkept")).to_be_visible(timeout=15_000)
    assert "The second line" in page.locator(".cm-content, textarea[name=text]:visible").first.inner_text()
    windows.troubles.clear()  # that the desk did not answer is said in the console as well
    page = one.window()
    page.goto(f"/page/{number}")
    assert "the first line." in page.locator("textarea[name=text]").input_value()


def test_the_process_can_neither_be_read_nor_dumped(desks: tuple[Seat, Seat], windows: Windows) -> None:
    """Rule 12: no core file, and no other process of this user looks into it."""
    for process in processes(desks[0].machine):
        limits = Path("/proc", str(process), "limits").read_text()
        assert re.search(r"Max core file size\s+0\s+0", limits)
        # What cannot be dumped belongs to root in /proc (proc(5), PR_SET_DUMPABLE).
        status = Path("/proc", str(process), "status").read_text()
        assert "CoreDumping:\t0" in status
        for kind in ("cmdline", "environ"):
            said = Path("/proc", str(process), kind).read_bytes()
            assert not [name for name, marker in MARKERS.items() if marker in said]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_account_of_the_machine_has_nothing(desks: tuple[Seat, Seat], windows: Windows) -> None:
    """A39: it reaches the port as everybody does, and has neither the name, nor the launch, nor a file."""
    way = sit_down(desks[0].machine, desks[0].drawer).way
    port = way["url"].rstrip("/").rpartition(":")[2]
    program = f"""
import encodings.idna, http.client, json, os, pathlib, socket
os.setgid(65534); os.setuid(65534)
answers = []
for host in ("127.0.0.1:{port}", "localhost:{port}", "x.localhost:{port}"):
    wire = http.client.HTTPConnection("127.0.0.1", {port}); wire.request("GET", "/", headers={{"Host": host}})
    answers.append(wire.getresponse().status)
read = []
for top in ({str(desks[0].machine.folder)!r},):
    for folder, _folders, files in os.walk(top):
        read += [os.path.join(folder, f) for f in files if os.access(os.path.join(folder, f), os.R_OK)]
try:
    pathlib.Path({way["file"]!r}).read_text(); read.append("the launch")
except OSError: pass
print(json.dumps([answers, read]))
"""
    assert pwd.getpwuid(65534)
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[421, 421, 421], []]


def test_nothing_lies_on_the_machine_in_clear(desks: tuple[Seat, Seat], windows: Windows) -> None:
    """Letters, names and passphrase, after all of the above: in no file of the home, the drawers, the run folder."""
    machine = desks[0].machine
    assert found([machine.folder], MARKERS) == []
    for seat in desks:
        done = machine.run("lock", drawer=seat.drawer, DEARLY_BROWSER="none")
        assert done.code == 0, done.err
    until(lambda: not list((machine.folder / "run").rglob("*.html")))
    assert found([machine.folder], MARKERS) == []
