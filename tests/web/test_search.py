"""Finding letters in the browser: as one types, and without script; and what was told before, beside the page."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.axe import violations
from tests.support.desks import Person, a_town
from tests.support.web import Web, at_desk
from tests.web.conftest import Call, DeskOf, Sit

WALNUT = "Dear Bert,\n\nthe old walnut tree came down in the storm, and we burn it now.\n\nYours,\nAda\n"


def found(text: str) -> str:
    """What stands in the list, without its marks up."""
    return " ".join(re.sub(r"<[^>]+>", " ", text[text.index('id="found-said"') : text.index("</main>")]).split())


async def told_them(ada: Person) -> tuple[int, int]:
    """A letter of ours that has left, and a page to the same man."""
    letter = await ada.write("Bert", WALNUT, "The storm")
    await ada.post(letter)
    await ada.round()
    return letter, await ada.write("Bert", "Dear Bert,\n\n" + "We lost the walnut tree in that storm, as you know.\n")


def test_letters_and_pages_are_found_without_script(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.settle("Ada", "Bert")
            letter, page = await told_them(ada)
            for n in range(27):
                await ada.write("Bert", f"A page about pears, the {n}th.")
            async with at_desk(ada.desk) as web:
                await _looks(web, letter, page)
                await _is_told(web, letter, page)

    asyncio.run(play())


async def _looks(web: Web, letter: int, page: int) -> None:
    empty = (await web.get("/search")).text
    assert "Look through all letters" in empty
    assert 'id="found-said" role="status"></p>' in empty

    answer = await web.post("/search", {"q": "walnut"})
    assert f'href="/letter/{letter}"' in answer.text
    assert f'href="/page/{page}"' in answer.text
    assert answer.text.count("<mark>walnut</mark>") == 2
    assert "To Bert" in found(answer.text)
    assert "A page to Bert" in found(answer.text)
    # It is there again when one comes back, and in no address.
    assert "walnut" not in str(answer.url)
    assert 'value="walnut"' in (await web.get("/search")).text

    assert "One letter." in found((await web.post("/search", {"q": "in:outbox walnuts", "by": "relevance"})).text)
    assert "Nothing was found." in found((await web.post("/search", {"q": "walnuts", "exact": "yes"})).text)
    slip = (await web.post("/search", {"q": "wallnut"})).text
    assert re.search(r'name="like" value="walnut"', slip)
    assert "walnut tree" in found((await web.post("/search", {"q": "wallnut", "like": "walnut"})).text)
    assert "There is no word to look for." in found((await web.post("/search", {"q": '"'})).text)

    first = (await web.post("/search", {"q": "pears in:draft"})).text
    more = re.search(r'name="after" value="([^"]+)"', first)
    assert more is not None
    rest = (await web.post("/search", {"q": "pears in:draft", "after": more[1]})).text
    pages = [re.findall(r'<h2><a href="/page/(\d+)"', text) for text in (first, rest)]
    assert (len(pages[0]), len(pages[1]), len({*pages[0], *pages[1]})) == (25, 2, 27)


async def _is_told(web: Web, letter: int, page: int) -> None:
    begun = time.perf_counter()
    said = await web.send(f"/page/{page}/told", {"paragraph": "The walnut tree, you must know, fell in a storm."})
    spent = time.perf_counter() - begun
    (passage,) = said.json()["passages"]
    assert passage["number"] == letter
    assert ["walnut", True] in passage["pieces"]
    assert spent < 2, "a pause in typing is short"
    assert (await web.send(f"/page/{page}/told", {"paragraph": "Nothing of the kind."})).json() == {"passages": []}
    assert (await web.send(f"/page/{page}/told", {"paragraph": 1})).status_code == 400
    assert (await web.send("/page/999/told", {"paragraph": "x"})).status_code == 404
    # Without script the last paragraph that was kept is looked for.
    assert "<mark>walnut</mark>" in (await web.post(f"/page/{page}/told")).text


def test_what_is_found_comes_as_one_types_and_is_there_on_the_way_back(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    desk_of("Bert")
    letter, number = ada.run(told_them(ada.person))
    page = sit(ada, "/search")
    page.get_by_label("Words, a name, a year").press_sequentially("waln*", delay=20)
    expect(page.locator(".hits li")).to_have_count(2)
    expect(page.locator("#found-said")).to_have_text("2 letters.")
    assert page.url == ada.url("/search")
    assert violations(page) == []
    page.get_by_label("Words, a name, a year").fill("wallnut")
    page.get_by_role("button", name="walnut", exact=True).click()
    expect(page.get_by_label("Words, a name, a year")).to_have_value("walnut")
    page.get_by_role("link", name="To Bert", exact=True).click()
    page.wait_for_url(f"**/letter/{letter}")
    page.go_back()
    expect(page.locator(".hits li")).to_have_count(2)

    page.goto(f"/page/{number}", wait_until="networkidle")  # before its script ran, the button brings a page of its own
    page.get_by_role("button", name="Did I tell this already?").focus()
    page.keyboard.press("Enter")
    passage = page.locator("#told .earlier")
    expect(passage).to_have_count(1)
    expect(passage.locator("mark").first).to_be_visible()
    assert passage.get_by_role("link").get_attribute("href") == f"/letter/{letter}"
    assert violations(page) == []
    # Another paragraph: asked once it rests, and what does not resemble is not shown.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/told") else None)
    page.locator(".cm-content, #text").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\n\nThe weather is fine here.", delay=10)
    expect(passage).to_have_count(0, timeout=8000)
    assert len(asked) == 1


@pytest.mark.long
def test_looking_without_script(desk_of: DeskOf, sit: Sit, call: Call) -> None:
    ada = desk_of("Ada")
    desk_of("Bert")
    ada.run(told_them(ada.person))
    page = sit(ada, "/search", js=False, width=390)
    page.get_by_label("Words, a name, a year").fill("walnut")
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.locator(".hits mark").first).to_have_text("walnut")
    assert "walnut" not in page.url
