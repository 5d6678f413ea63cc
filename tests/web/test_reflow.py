"""Every page in a small window, magnified, and with the longer words of German: nothing has to be slid sideways.

Magnified to 200 % a window of 1280 by 900 has 640 by 450 CSS pixels, to 400 % 320 by 225 (WCAG 2.2, 1.4.10 Reflow).
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from dearly.desk import settings
from tests.support.furnished import Furnished
from tests.web.conftest import Sit

WINDOWS = {"a telephone": (360, 640), "200 %": (640, 450), "400 %": (320, 225)}


def _sticking_out(page: Page) -> str:
    """What reaches beyond the window, as a list of tags and classes; empty where nothing does."""
    found = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth + 1 ? [] :
            [...document.querySelectorAll("main *, header *")]
                .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && one.checkVisibility())
                .map((one) => `${one.tagName.toLowerCase()}.${one.className}`).slice(0, 4)"""
    )
    return ", ".join(found)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_nothing_has_to_be_slid_sideways(furnished: Furnished, sit: Sit) -> None:
    home = furnished.home
    home.run(settings.choose_look(home.desk, language="de"))
    page = sit(home)
    wrong = []
    for name, path in furnished.paths.items():
        page.goto(path)
        for window, (width, height) in WINDOWS.items():
            page.set_viewport_size({"width": width, "height": height})
            if out := _sticking_out(page):
                wrong.append(f"{name}, {window}: {out}")
    home.run(settings.choose_look(home.desk, language=""))
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
def test_a_line_that_is_written_is_not_under_the_bar_when_magnified(furnished: Furnished, sit: Sit) -> None:
    """WCAG 2.2, 2.4.11 Focus Not Obscured: in a low window the bar of the page lies still and leaves room."""
    path = next(path for path in furnished.paths.values() if path.startswith("/page/") and path.count("/") == 2)
    page = sit(furnished.home, path)
    page.set_viewport_size({"width": 640, "height": 450})
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+End")
    page.wait_for_timeout(300)
    caret, bar = page.evaluate(
        """() => [getSelection().getRangeAt(0).getBoundingClientRect().top,
                  document.querySelector(".writing-top").getBoundingClientRect().bottom]"""
    )
    assert caret == 0 or caret >= min(bar, 450) - 1
