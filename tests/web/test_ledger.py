"""The ledger in the browser, what can be decided about a letter, and erasing one."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

from dearly.desk import people
from tests.support.desks import Person, a_town
from tests.support.web import Web, at_desk


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text[text.index("<main") : text.index("</main>")]).split())


def groups(text: str) -> list[str]:
    return re.findall(r'<h2 class="label"[^>]*>([^<]+)</h2>', text)


async def _came(ada: Person, bert: Person, text: str) -> int:
    await bert.post(await bert.write("Ada", text))
    await bert.round()
    (number,) = (await ada.round()).arrived
    return (await ada.open(number)).number


def test_the_ledger_by_groups_and_what_is_decided(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            letter = await _came(ada, bert, "Dear Ada,\n\nhow are you?\n")
            async with at_desk(ada.desk) as web:
                await _decided(web, letter, ada)
                await _of_ours(web, ada, letter)
                await _erased(web, letter)
                await _missing(web, ada, bert)

    asyncio.run(play())


async def _decided(web: Web, letter: int, ada: Person) -> None:
    assert groups((await web.get("/ledger")).text) == ["They wrote last"]
    day = ada.desk.clock.local().date() + timedelta(days=40)
    answer = await web.post("/ledger", {"number": str(letter), "reply": "later", "on": day.isoformat()})
    assert answer.headers["location"] == "/ledger"
    later = (await web.get("/ledger")).text
    assert groups(later) == ["For later"]
    assert "You want to look at it again on" in words(later)
    assert "Kept for later: you want to look at it again on" in words((await web.get(f"/letter/{letter}")).text)

    # What cannot be meant is said on the page itself, and changes nothing.
    for wrong in ("1999-01-01", "2026-02-31", "x"):
        refused = await web.post("/ledger", {"number": str(letter), "reply": "later", "on": wrong})
        assert refused.status_code == 400
        assert "The ledger" in words(refused.text)
    assert (await web.post("/ledger", {"number": str(letter), "reply": "soon"})).status_code == 400
    assert (await web.post("/ledger", {"number": "x", "reply": "later"})).status_code == 400
    assert groups((await web.get("/ledger")).text) == ["For later"]

    await web.post("/ledger", {"number": str(letter), "reply": "not_needed"})
    rests = (await web.get("/ledger")).text
    assert groups(rests) == ["At rest"]
    await web.post("/ledger", {"number": str(letter), "reply": ""})
    assert groups((await web.get("/ledger")).text) == ["They wrote last"]
    for page in ("/", "/letters"):
        assert 'href="/ledger"' in (await web.get(page)).text
    # It counts nothing.
    assert not re.search(r"[0-9]+ (?:letters|open|waiting)", words((await web.get("/ledger")).text))


async def _of_ours(web: Web, ada: Person, letter: int) -> None:
    ada.town.clock.pass_(days=2)
    mine = await ada.answer(letter, "Dear Bert,\n\nwell, thank you.\n")
    await ada.post(mine)
    await ada.round()
    assert groups((await web.get("/ledger")).text) == ["You wrote last"]
    assert (await web.post(f"/letter/{mine}/mark", {"reply": "rest"})).status_code == 303
    assert "You wait for no answer to it any more." in words((await web.get(f"/letter/{mine}")).text)
    assert groups((await web.get("/ledger")).text) == ["At rest"]
    await web.post(f"/letter/{mine}/mark", {"reply": ""})
    assert groups((await web.get("/ledger")).text) == ["You wrote last"]


async def _erased(web: Web, letter: int) -> None:
    asked = await web.get(f"/letter/{letter}/erase")
    assert "cannot be had back" in words(asked.text)
    assert "Copies elsewhere are not touched" in words(asked.text)
    unsure = await web.post(f"/letter/{letter}/erase")
    assert unsure.status_code == 400
    assert (await web.get(f"/letter/{letter}")).status_code == 200
    gone = await web.post(f"/letter/{letter}/erase", {"sure": "yes"})
    assert "The letter is erased." in words(gone.text)
    assert (await web.get(f"/letter/{letter}")).status_code == 404
    assert (await web.get("/letter/999/erase")).status_code == 404


async def _missing(web: Web, ada: Person, bert: Person) -> None:
    """Bert's first letter was erased, the second one is lost on the way: the third one shows it."""
    await bert.post(await bert.write("Ada", "Dear Ada,\n\nthis one is lost.\n"))
    await bert.round()
    ada.town.post.boxes[(await ada.address()).key].clear()
    number = await _came(ada, bert, "Dear Ada,\n\ndid it come?\n")
    uid = (await people.show_person(ada.desk, "Bert")).uid
    said = "Their numbers 1 and 2 are not here: they may be lost, on their way, or erased."
    assert said in words((await web.get("/ledger")).text)
    book = words((await web.get(f"/letters/{uid}")).text)
    assert said in book
    assert "Their number 3." in book
    assert "Their number 3." in words((await web.get(f"/letter/{number}")).text)
