"""Two ways to do the same at a page: with a mouse, and with keys alone. Names are those that a screen reader says."""

from __future__ import annotations

import re
from typing import Literal, Protocol

from playwright.sync_api import Locator, Page

Role = Literal["button", "link"]

MOST_TABS = 120


class Hands(Protocol):
    """Somebody who does things at a page."""

    def press(self, page: Page, role: Role, name: str | re.Pattern[str]) -> None:
        """A button, or a link."""

    def choose(self, page: Page, name: str) -> None:
        """One of several, by the words beside it."""

    def fill(self, field: Locator, text: str) -> None:
        """A field, from empty."""


def named(page: Page, role: Role, name: str | re.Pattern[str]) -> Locator:
    """The one thing of this name that can be seen."""
    return page.get_by_role(role, name=name, exact=isinstance(name, str)).filter(visible=True).first


class Mouse:
    """Points and clicks."""

    def press(self, page: Page, role: Role, name: str | re.Pattern[str]) -> None:
        named(page, role, name).click()

    def choose(self, page: Page, name: str) -> None:
        page.locator("label.choice", has_text=name).first.click()

    def fill(self, field: Locator, text: str) -> None:
        field.click()
        field.press_sequentially(text)


class Keys:
    """Has no mouse: goes from thing to thing with Tab, and must see where it is."""

    def press(self, page: Page, role: Role, name: str | re.Pattern[str]) -> None:
        self._go_to(named(page, role, name))
        page.keyboard.press("Enter")

    def choose(self, page: Page, name: str) -> None:
        wanted = page.locator("label.choice", has_text=name).locator("input").first
        wanted.wait_for(state="attached")
        if wanted.is_checked():
            return
        group = wanted.get_attribute("name")
        self._go_to(page.locator(f'input[name="{group}"]:checked').first)
        for _n in range(10):
            page.keyboard.press("ArrowDown")
            if wanted.is_checked():
                return
        raise AssertionError(f"“{name}” cannot be chosen by key")

    def fill(self, field: Locator, text: str) -> None:
        self._go_to(field)
        field.page.keyboard.type(text)

    def _go_to(self, wanted: Locator) -> None:
        wanted.wait_for()
        for _n in range(MOST_TABS):
            if wanted.evaluate("it => it === document.activeElement"):
                shows = wanted.evaluate(_SHOWS)
                if not shows:
                    raise AssertionError(f"{wanted} has the focus and does not show it")
                return
            wanted.page.keyboard.press("Tab")
        raise AssertionError(f"{wanted} is not reached by key")


_SHOWS = """it => {
  const looks = one => { const s = getComputedStyle(one);
    return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1 || s.boxShadow !== 'none' };
  const written = it.isContentEditable || it.matches('input, textarea, select');
  return written || looks(it) || looks(it.closest('label') ?? it);
}"""
