"""Desks in a browser, for tests: people of `desks` whose desks are served by the real face to a real Chromium.

A `Quarter` runs a town, its desks and their servers on a loop in a thread of its own, so that a test may use the plain
(synchronous) interface of Playwright: `quarter.home("Ada")` is Ada's desk under an address, and `home.run(...)` awaits
something at that desk. It is the cheap form: one process, drawers whose slots cost nothing, a post in memory, a clock
that stands still. What must be proven of whole processes is proven with `machines` and `commands`.

`Windows` is the browser: `windows.sit(home)` opens a window seated at the desk and watches what it asks for; at its end
a test fails if a page asked another host for anything, broke its own policy, or threw an error.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar
from unittest import mock
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright, Request

from dearly.desk import first, setup
from dearly.desk.desk import Desk
from dearly.desk.keeper import Leaving, State
from dearly.letter.errors import Locked, Refused
from dearly.web import service
from dearly.web.app import create_app
from dearly.web.sessions import Seat
from tests.support.desks import Person, Town, a_town, befriend
from tests.support.drawers import PASSPHRASE

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"

_DEAF = "MAP * ~NOTFOUND, EXCLUDE *.localhost, EXCLUDE 127.0.0.1"
"""Chromium finds no host but this machine: a page that asks for one is seen asking, and gets nothing."""


def without(reason: str) -> NoReturn:
    """End the test where a program is missing: skipped on a desk, failed where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def chromium() -> str:
    """The path of Debian's Chromium, or the end of the test."""
    return shutil.which("chromium") or without("chromium is not installed (sh tests/debian.sh)")


def engine() -> str:
    """Chromium's own engine without its windows and toolbars, where it is installed: pages are the same in it, and a
    window costs a quarter. What the whole program does (profiles, pages kept for going back) is asked of `chromium`."""
    return shutil.which("chromium-headless-shell") or chromium()


# The desks.


@dataclass
class Keeping:
    """A `Keeper` around one person of a town. `person` is None until there is a drawer.

    `said` is what `hard_lock` answers; `uses` counts what was done at the desk."""

    town: Town
    name: str
    folder: Path
    state: State = State.NONE
    opening: int = 1
    person: Person | None = None
    said: list[str] = field(default_factory=list)
    uses: int = 0

    @property
    def desk(self) -> Desk:
        if self.state is not State.OPEN or self.person is None:
            raise Locked("locked", "The desk is locked.", "Open it with the passphrase.")
        return self.person.desk

    def used(self) -> None:
        self.uses += 1

    def wrote(self) -> None:
        """Nothing waits for it."""

    def last_words(self, opening: int) -> Desk | None:
        fresh = self.state is State.SOFT and opening == self.opening - 1 and self.person is not None
        return self.person.desk if fresh and self.person is not None else None

    async def leaving(self) -> Leaving | None:
        there = self.state in (State.OPEN, State.SOFT) and self.person is not None
        return await first.leaving(self.person.desk) if there and self.person is not None else None

    def soft_lock(self) -> None:
        if self.state is State.OPEN:
            self.state = State.SOFT
            self.opening += 1

    async def hard_lock(self) -> list[str]:
        if self.state in (State.OPEN, State.SOFT) and self.person is not None:
            self.state = State.CLOSED
            self.opening += 1
            await self.person.desk.close()
        return list(self.said)

    async def create(self, name: str, passphrase: str) -> None:
        if self.state is not State.NONE:
            raise Refused("drawer_exists", "There is a drawer already.")
        assert passphrase == PASSPHRASE, "the desks of the tests open with the one passphrase"
        await self.settle(name)

    async def unlock(self, passphrase: str) -> None:
        if passphrase != PASSPHRASE:
            raise Locked("wrong_passphrase", "That did not open the desk.", "Try it once more.")
        if self.state is State.CLOSED:
            self.person = await self.town.person(self.name, self.folder)
        self.state = State.OPEN
        self.opening += 1

    async def restore(self, file: Path, passphrase: str) -> None:
        raise Refused("not_a_backup", "This is no backup of a drawer.", "Choose another file.")

    async def restore_with_kit(self, kit: str, passphrase: str) -> None:
        raise Locked("wrong_kit", "This kit does not open the drawer.", "Compare it with the paper.")

    async def settle(self, name: str) -> None:
        """Make the drawer, without a post."""
        self.name = name
        self.person = await self.town.person(name, self.folder)
        self.state = State.OPEN
        self.opening += 1


@dataclass
class Home:
    """A desk under an address. `host` is the name and port that it answers to, and nothing else."""

    quarter: Quarter = field(repr=False)
    keeper: Keeping = field(repr=False)
    host: str
    app: Any = field(repr=False)

    @property
    def face(self) -> Any:
        """What the pages share (`dearly.web.visit.Face`), sessions included."""
        return self.app._app.state.face

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    @property
    def port(self) -> int:
        return int(self.host.rpartition(":")[2])

    @property
    def person(self) -> Person:
        """Who sits here: short ways to write, post and open, to be awaited by `run`."""
        assert self.keeper.person is not None
        return self.keeper.person

    @property
    def desk(self) -> Desk:
        """The desk, whether it is locked or not."""
        return self.person.desk

    def url(self, path: str = "/") -> str:
        return self.origin + path

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something on the loop of the desks."""
        return self.quarter.run(work)

    def session(self) -> tuple[str, str]:
        """A session seated at the open desk: its cookie's value and its token."""
        return self.quarter.run(_seated(self))


async def _seated(home: Home) -> tuple[str, str]:
    if home.keeper.state is State.SOFT:
        await home.keeper.unlock(PASSPHRASE)  # the last window was closed for longer than a minute
    session = home.face.sessions.begin(Seat.DESK, home.keeper.opening)
    return session.key, session.token


@dataclass
class Quarter:
    """A town whose desks are served, on a loop of its own."""

    town: Town
    loop: asyncio.AbstractEventLoop
    homes: dict[str, Home] = field(default_factory=dict)
    _serving: AsyncExitStack = field(default_factory=AsyncExitStack)

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 60) -> T:
        """Await something on the loop of the desks, from the thread of the test."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def home(self, name: str) -> Home:
        """The desk of this person, made when first asked for: a box at the post, and the cards of all who were there
        before, who have theirs in turn."""
        if name not in self.homes:
            home = self.bare(name)
            self.run(self._settle(home, name))
            self.homes[name] = home
        return self.homes[name]

    def bare(self, folder: str) -> Home:
        """A desk without a drawer, as on the first day."""
        return self.run(self._serve(Keeping(self.town, "", self.town.place / folder.lower())))

    async def _settle(self, home: Home, name: str) -> None:
        await home.keeper.settle(name)
        await setup.join_office(home.desk, "https://town.test", name.lower())
        for other in self.homes.values():
            await befriend(home.person, other.person)
            await befriend(other.person, home.person)

    async def _serve(self, keeper: Keeping) -> Home:
        made: list[Any] = []

        def remembered(*given: Any) -> Any:
            made.append(create_app(*given))
            return made[0]

        with mock.patch.object(service, "create_app", remembered):
            address = await self._serving.enter_async_context(service.serve(keeper))
        return Home(self, keeper, address.host, made[0])

    async def close(self) -> None:
        """Serve no more."""
        await self._serving.aclose()


@contextmanager
def a_quarter(place: Path) -> Iterator[Quarter]:
    """A quarter whose desks are closed and whose loop has ended at the end."""
    ready = threading.Event()
    made: list[Quarter] = []
    failed: list[BaseException] = []
    leaving = asyncio.Event()

    async def live() -> None:
        async with a_town(place) as town:
            made.append(Quarter(town, asyncio.get_running_loop()))
            ready.set()
            await leaving.wait()
            await made[0].close()

    def work() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="quarter")
    thread.start()
    ready.wait(30)
    try:
        if made:
            yield made[0]
    finally:
        if made:
            made[0].loop.call_soon_threadsafe(leaving.set)
        thread.join(30)
    if failed:
        raise failed[0]


# The browser.


@dataclass
class Windows:
    """A browser, and the windows that a test opened in it. `troubles`: what the pages did that no page may do."""

    playwright: Playwright
    browser: Browser
    troubles: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Every address that a page asked for, in order."""
    _open: ExitStack = field(default_factory=ExitStack)

    def sit(
        self,
        home: Home,
        at: str = "/",
        *,
        js: bool = True,
        dark: bool = False,
        width: int = 1280,
        height: int = 900,
        locale: str = "en-GB",
        still: bool = True,
        seated: bool = True,
    ) -> Page:
        """A fresh window at this desk, on the page `at`. Without `js`, scripts are off; `still` asks for less motion;
        `seated=False` has no session yet, as when one types the address by hand."""
        context = self.browser.new_context(
            base_url=home.origin,
            java_script_enabled=js,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if still else "no-preference",
            viewport={"width": width, "height": height},
            locale=locale,
            timezone_id="Europe/Berlin",
            accept_downloads=True,
        )
        self._open.callback(context.close)
        context.set_default_timeout(10_000)
        if seated:
            take_seat(context, home)
        self.watch(context, home.origin)
        page = context.new_page()
        page.goto(at)
        return page

    def watch(self, context: BrowserContext, origin: str) -> None:
        """Note what the pages of a context ask for, and what they may not do."""
        context.on("request", lambda request: self._asked(request, origin))
        context.on("console", self._said)
        context.on("weberror", lambda error: self.troubles.append(f"thrown: {error.error}"))

    def _asked(self, request: Request, origin: str) -> None:
        self.asked.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and f"{parts.scheme}://{parts.netloc}" != origin:
            self.troubles.append(f"asked for {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        # An answer such as 404 or 409 is said in the console too; whether it was right is for the test to judge. And
        # far jumps in a very long text take the editor more than its five looks at how tall it is: it says so, and
        # looks again.
        harmless = ("Failed to load resource", "Viewport failed to stabilize")
        if message.type in ("error", "warning") and not message.text.startswith(harmless):
            self.troubles.append(f"console: {message.text}")

    def end(self) -> None:
        """Close the windows of this test. Raises AssertionError for what their pages did wrong."""
        self._open.close()
        troubles, self.troubles = self.troubles, []
        self.asked.clear()
        if troubles:
            raise AssertionError("\n".join(troubles))


def take_seat(context: BrowserContext, home: Home) -> str:
    """Give a context a session at the open desk; its token."""
    key, token = home.session()
    context.add_cookies(
        [
            {
                "name": "__Host-desk",
                "value": key,
                "url": home.origin.replace("http:", "https:"),
                "httpOnly": True,
                "secure": True,
                "sameSite": "Strict",
            }
        ]
    )
    return token


def launch(playwright: Playwright, *more: str, headless: bool = True) -> Browser:
    """Debian's Chromium, which finds no other host. Close it."""
    program = engine() if headless else chromium()
    return playwright.chromium.launch(executable_path=program, args=arguments(*more), headless=headless)


def arguments(*more: str) -> list[str]:
    """How the Chromium of these tests is started; what draws in three dimensions would cost a fifth of all of it."""
    plain = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-software-rasterizer"]
    return [*plain, f"--host-resolver-rules={_DEAF}", *more]


# What pages are looked at with.


def shoot(page: Page, name: str, *, quality: int = 60) -> None:
    """Keep a picture of the page under docs/pictures, where DEARLY_PICTURES=1; a person looks at it afterwards."""
    if os.environ.get("DEARLY_PICTURES") == "1":
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.jpg", type="jpeg", quality=quality, full_page=True)


def sheet(page: Page) -> Locator:
    """Where one writes on a page, once its script runs: the editor, or the field where there is none. Clicked into."""
    page.locator("[data-save]").first.wait_for(state="hidden")
    place = page.locator(".cm-content, textarea[name=text]:visible").first
    place.click()
    return place


def no_outside(page: Page, markup: str | None = None) -> None:
    """Nothing in the page points at another host but the links of a letter that lead out by their own page."""
    found = re.findall(r"""(?:src|srcset|href|action|poster|data|background)\s*=\s*["']?\s*((?:https?:)?//[^"'\s>]+)""",
                       markup if markup is not None else page.content())  # fmt: skip
    if found:
        raise AssertionError(f"it points outside: {found}")


Key = Literal["Tab", "Shift+Tab"]


def tab_to(page: Page, wanted: str, *, most: int = 80, key: Key = "Tab") -> None:
    """Press Tab until what `wanted` (a CSS selector) names has the focus, as somebody without a mouse does.

    Fails after `most` presses, and where what has the focus cannot be seen."""
    for _n in range(most):
        page.keyboard.press(key)
        if page.evaluate("wanted => document.activeElement?.matches(wanted) ?? false", wanted):
            assert page.evaluate(_FOCUS_SHOWS), f"{wanted} has the focus and does not show it"
            return
    raise AssertionError(f"{wanted} was not reached by {key}")


_FOCUS_SHOWS = """() => {
  const it = document.activeElement, box = it.getBoundingClientRect(), style = getComputedStyle(it);
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  const other = style.boxShadow !== 'none' || style.textDecorationLine.includes('underline') || it.isContentEditable
    || ['INPUT', 'TEXTAREA', 'SELECT'].includes(it.tagName);
  return box.width > 0 && box.height > 0 && (ring || other);
}"""
