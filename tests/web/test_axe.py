"""Every page, in the light and under the lamp, wide and narrow: nothing that axe-core finds wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.support.axe import violations
from tests.support.browser import Home, Quarter
from tests.support.drawers import PASSPHRASE
from tests.support.furnished import Furnished
from tests.web.conftest import DeskOf, Sit

LIGHTS = [
    pytest.param(False, 1280, id="light"),
    pytest.param(True, 390, id="lamp, narrow", marks=pytest.mark.long),
]


def _settle(page: Page) -> None:
    """Until the modules of the page have run, and nothing moves."""
    page.wait_for_load_state("load")


def _wrong(page: Page, name: str, narrow: bool) -> list[str]:
    found = [f"{name}: {line}" for line in violations(page)]
    if narrow and page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
        found.append(f"{name}: it does not fit the width")
    return found


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("dark", "width"), LIGHTS)
def test_pages_of_the_open_desk(furnished: Furnished, sit: Sit, dark: bool, width: int) -> None:
    page = sit(furnished.home, dark=dark, width=width)
    wrong = []
    for name, path in furnished.paths.items():
        answer = page.goto(path)
        assert answer is not None
        if answer.status >= 400:
            wrong.append(f"{name}: {path} answers {answer.status}")
            continue
        _settle(page)
        wrong += _wrong(page, name, width < 400)
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
@pytest.mark.parametrize(("dark", "width"), LIGHTS)
def test_pages_of_an_empty_desk(desk_of: DeskOf, sit: Sit, dark: bool, width: int) -> None:
    home = desk_of("Nobody")
    page = sit(home, dark=dark, width=width)
    wrong = []
    for path in ("/", "/letterbox", "/drawer", "/outbox", "/letters", "/people", "/people/new", "/page/999999"):
        page.goto(path)
        _settle(page)
        wrong += _wrong(page, path, width < 400)
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
@pytest.mark.parametrize(("dark", "width"), LIGHTS)
def test_pages_before_the_desk(bare_desk: DeskOf, sit: Sit, dark: bool, width: int) -> None:
    home = bare_desk(f"before-{width}")
    page = sit(home, "/launch", seated=False, dark=dark, width=width)
    wrong = _wrong(page, "launch", width < 400)
    page = sit(home, "/welcome", dark=dark, width=width)
    wrong += _wrong(page, "welcome", width < 400)
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
@pytest.mark.parametrize(("dark", "width"), LIGHTS)
@pytest.mark.parametrize("lock", ["soft", "hard"])
def test_the_lock_page(quarter: Quarter, sit: Sit, dark: bool, width: int, lock: str) -> None:
    home = quarter.home(f"{lock}{width}")
    home.run(_locked(home, lock))
    try:
        page = sit(home, "/locked", seated=False, dark=dark, width=width)
        assert _wrong(page, "locked", width < 400) == []
    finally:
        home.run(home.keeper.unlock(PASSPHRASE))


async def _locked(home: Home, how: str) -> None:
    if how == "soft":
        home.keeper.soft_lock()
    else:
        await home.keeper.hard_lock()


@pytest.mark.parametrize(
    "open_something",
    [
        pytest.param(lambda page: page.keyboard.press("?"), id="the keys"),
    ],
)
def test_what_opens_over_a_page(furnished: Furnished, sit: Sit, open_something: Callable[[Page], None]) -> None:
    page = sit(furnished.home)
    open_something(page)
    assert _wrong(page, "over it", False) == []
