"""What every test of the browser face starts from.

    def test_a_page_is_kept(desk_of: DeskOf, sit: Sit) -> None:
        ada = desk_of("Ada")                       # Ada's desk, served in this process; the same for the whole module
        number = ada.run(ada.person.write("Bert", "Dear Bert"))      # anything of `desks.Person`, awaited at the desk
        page = sit(ada, f"/page/{number}")         # a Playwright Page, seated at the desk (js=, dark=, width=, ...)
        axe(page)                                  # tests.support.axe: no violation
        shoot(page, "page")                        # tests.support.browser: a picture, where DEARLY_PICTURES=1

- `desk_of(name)`   a `Home`: `.person`, `.desk`, `.keeper`, `.run(coroutine)`, `.url(path)`, `.origin`, `.host`. The
                    people of a module have boxes at one post in memory and each other's cards; their clock stands still
                    (`home.quarter.town.clock`).
- `furnished`       Ada's desk with everything on it (tests.support.furnished): `.home`, numbers of what lies where, and
                    `.paths`, every page that has something to show.
- `bare_desk(name)` a `Home` without a drawer yet: the first day.
- `sit(home, at)`   a Page in a window of its own. At the end of the test it fails if any page asked another host, broke
                    its policy (CSP), or threw; `windows.troubles` and `windows.asked` are what is known so far, for a
                    test that expects some.
- `windows`         the browser behind `sit`; `windows.browser`, `windows.playwright`.
- `call(home)`      an httpx client at the desk, with cookie and token of a session, for what needs no browser: it sends
                    Origin and token as our own pages do (`call(home, seated=False)` sends neither).

One Chromium for all modules of a process, and one quarter of desks per module: both start when first asked for. Where
Chromium or npm's packages are missing a test is skipped with the reason, and fails where CI=true.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.support.browser import Home, Quarter, Windows, a_quarter, launch
from tests.support.furnished import Furnished, furnish

DeskOf = Callable[[str], Home]


class Sit(Protocol):
    """`Windows.sit`."""

    def __call__(self, home: Home, at: str = "/", **how: Any) -> Page: ...


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    """The desks of this module."""
    with a_quarter(tmp_path_factory.mktemp("quarter")) as quarter:
        yield quarter


@pytest.fixture(scope="module")
def desk_of(quarter: Quarter) -> DeskOf:
    """Somebody's desk."""
    return quarter.home


@pytest.fixture(scope="module")
def furnished(quarter: Quarter) -> Furnished:
    """Ada's desk with everything on it."""
    return furnish(quarter)


@pytest.fixture(scope="module")
def bare_desk(quarter: Quarter) -> DeskOf:
    """A desk without a drawer; the name is its folder's."""
    return quarter.bare


@pytest.fixture(scope="session")
def _chromium() -> Iterator[tuple[Windows, asyncio.AbstractEventLoop]]:
    """The browser, and the loop of its tool, which counts as running in this thread while the browser is used."""
    with sync_playwright() as playwright:
        loop = asyncio.get_running_loop()
        browser = launch(playwright)
        asyncio._set_running_loop(None)  # until a module looks through windows: other tests run loops of their own
        yield Windows(playwright, browser), loop
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture(scope="module")
def _browser(_chromium: tuple[Windows, asyncio.AbstractEventLoop]) -> Iterator[Windows]:
    """The browser, for a module that looks through windows."""
    windows, loop = _chromium
    asyncio._set_running_loop(loop)
    try:
        yield windows
    finally:
        asyncio._set_running_loop(None)


@pytest.fixture
def windows(_browser: Windows) -> Iterator[Windows]:
    """The windows of this test."""
    yield _browser
    _browser.end()


@pytest.fixture
def sit(windows: Windows) -> Sit:
    """Open a window at a desk."""
    return windows.sit


class Call(Protocol):
    """Make a client at a desk."""

    def __call__(self, home: Home, *, seated: bool = True) -> httpx.Client: ...


@pytest.fixture
def call() -> Iterator[Call]:
    """Requests without a browser."""
    with ExitStack() as stack:

        def client(home: Home, *, seated: bool = True) -> httpx.Client:
            headers = {"Host": home.host, "Origin": home.origin, "Sec-Fetch-Site": "same-origin"} if seated else {}
            if seated:
                key, token = home.session()
                headers |= {"Cookie": f"__Host-desk={key}", "Dearly-Token": token}
            base = f"http://127.0.0.1:{home.port}"
            return stack.enter_context(httpx.Client(base_url=base, headers={"Host": home.host, **headers}, timeout=30))

        yield client
