"""The whole desk speaks the language that the browser asks for: no page is half English."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx
import pytest

from tests.support.catalogue import LOCALE, read
from tests.support.furnished import Furnished
from tests.web.conftest import Call

_SPOKEN = ("aria-label", "title", "placeholder", "alt")


class _Said(HTMLParser):
    """Everything that a page says: its texts, and those of its attributes that are shown or read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.language = given.get("lang") or ""
        self.said += [text for name, text in given.items() if text and (name in _SPOKEN or name.startswith("data-"))]

    def handle_data(self, data: str) -> None:
        self.said.append(data.strip())


def _english() -> set[str]:
    """The sentences without gaps that are said otherwise in German, and are no German themselves."""
    catalogue = read((LOCALE / "de" / "LC_MESSAGES" / "dearly.po").read_text(encoding="utf-8"))
    german = {text for texts in catalogue.values() for text in texts}
    return {one.one for one in catalogue if "{" not in one.one and " " in one.one} - german


def _page(asked: httpx.Client, path: str, languages: str) -> _Said:
    page = _Said()
    page.feed(asked.get(path, headers={"Accept-Language": languages}, follow_redirects=True).text)
    return page


@pytest.mark.long
def test_no_page_is_half_english(furnished: Furnished, call: Call) -> None:
    asked = call(furnished.home)
    english = _english()
    found: dict[str, list[str]] = {}
    assert english & set(_page(asked, "/", "en").said), "in English they are found"
    # The hostile letters say what our pages say, in English.
    for name, path in furnished.paths.items():
        if name.startswith("letter-"):
            continue
        page = _page(asked, path, "de-AT,de;q=0.9,en;q=0.5")
        assert page.language == "de", path
        assert len(page.said) > 10, path
        if half := sorted(english & set(page.said)):
            found[name] = half
    assert found == {}


def test_where_no_page_is_it_is_said_too(furnished: Furnished, call: Call) -> None:
    asked = call(furnished.home)
    assert asked.get("/nowhere").text == "There is no such page at this desk.\n"
    answer = asked.get("/nowhere", headers={"Accept-Language": "de"})
    assert (answer.status_code, answer.text) == (404, "An diesem Schreibtisch gibt es eine solche Seite nicht.\n")
