"""The writing page without a browser: what its routes keep, and what they say where something cannot be kept."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dearly.desk import page, people, write
from dearly.drawer import drafts, settings
from dearly.letter.content import Enclosure
from tests.support.desks import Person, a_town
from tests.support.web import Web, at_desk

Play = Callable[[Web, Person], Awaitable[None]]


@asynccontextmanager
async def _desk(place: Path) -> AsyncIterator[tuple[Web, Person]]:
    async with a_town(place) as town:
        ada, _bert = await town.settle("Ada", "Bert")
        await people.add(ada.desk, "Clara", addresses=["clara@letters.test"])
        async with at_desk(ada.desk) as web:
            yield web, ada


def play(place: Path, act: Play) -> None:
    async def run() -> None:
        async with _desk(place) as (web, ada):
            await act(web, ada)

    asyncio.run(run())


async def _new(web: Web, *to: str) -> int:
    answer = await web.post("/page/new", {"to": list(to)} if to else {})
    assert answer.status_code == 303
    return int(answer.headers["location"].rpartition("/")[2])


def _revision(text: str) -> str:
    found = re.search(r'name="revision" value="(\d+)"', text)
    assert found
    return found[1]


async def _form(web: Web, number: int, **more: str) -> dict[str, str | list[str]]:
    shown = (await web.get(f"/page/{number}")).text
    return {"revision": _revision(shown), "text": "", "subject": "", "place": "", "to": [], **more}


def test_a_page_to_nobody_yet(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web)
        shown = await web.get(f"/page/{number}")
        assert shown.status_code == 200
        assert "To nobody yet." in shown.text
        assert "<title>The page · Dearly</title>" in shown.text
        assert f"/page/{number}" not in (await web.get("/")).text  # never written on: no litter
        answer = await web.post(f"/page/{number}/save", await _form(web, number, text="Dear nobody"))
        assert answer.headers["location"] == f"/page/{number}"
        assert [one.text for one in await write.drafts(ada.desk)] == ["Dear nobody"]
        for path in ("read-over", "version/1"):
            assert (await web.get(f"/page/{number}/{path}")).status_code in (200, 404)

    play(tmp_path, act)


def test_without_script_everything_of_the_form_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dearly.web.pages.page.PATIENCE", 30)  # however long the first child takes to start here

    async def act(web: Web, ada: Person) -> None:
        number = await _new(web)
        form = await _form(web, number, text="Dear Bert\r\n\r\nit rains", subject="Rain", place=" Bergen ", to="Bert")
        await web.post(f"/page/{number}/save", form)
        view = await page.page(ada.desk, number)
        assert (view.text, view.subject, view.place) == ("Dear Bert\n\nit rains", "Rain", "Bergen")
        assert [reader.name for reader in view.to] == ["Bert"]
        shown = (await web.get(f"/page/{number}")).text
        assert "By the office" in shown
        assert "not yet checked" in shown
        form = await _form(web, number, text=view.text)
        form["to"] = [view.to[0].address, "Clara"]
        await web.post(f"/page/{number}/save", form)
        assert [one.name for one in (await page.page(ada.desk, number)).to] == ["Bert", "Clara"]
        form = await _form(web, number, text=view.text, off=view.to[0].address)
        form["to"] = [one.address for one in (await page.page(ada.desk, number)).to]
        await web.post(f"/page/{number}/save", form)
        assert [one.name for one in (await page.page(ada.desk, number)).to] == ["Clara"]

    play(tmp_path, act)


def test_a_name_that_nobody_bears_costs_no_text(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web, "Bert")
        answer = await web.post(f"/page/{number}/save", await _form(web, number, text="kept", to="Nobody At All"))
        assert answer.status_code == 409
        assert "nobody called" in answer.text
        assert "“dearly" not in answer.text
        assert (await page.page(ada.desk, number)).text == "kept"
        revision = (await page.page(ada.desk, number)).revision
        sent = await web.send(f"/page/{number}/save", {"revision": revision, "text": "more", "to": ["Bret", "Clara"]})
        assert sent.status_code == 200
        assert "nobody called" in sent.json()["said"]["message"]
        view = await page.page(ada.desk, number)
        assert (view.text, [one.name for one in view.to]) == ("more", ["Clara"])

    play(tmp_path, act)


def test_autosave(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web, "Bert")
        path = f"/page/{number}/save"
        first = (await web.send(path, {"revision": 1, "text": "Dear Bert", "caret": 9})).json()
        assert (first["revision"], first["words"]) == (2, 2)
        assert re.fullmatch(r"\d{1,2}\.\d\d", first["kept"])
        # Where the writer stopped and what can be undone make no new revision.
        for _turn in range(2):
            again = await web.send(path, {"revision": 2, "text": "Dear Bert", "caret": 4, "history": {"done": ["<x>"]}})
            assert again.json()["revision"] == 2
        view = await page.page(ada.desk, number)
        assert (view.caret, json.loads(view.history or "")) == (4, {"done": ["<x>"]})
        shown = (await web.get(f"/page/{number}")).text
        data = re.search(r'id="editor-data">(.*?)</script>', shown)
        assert data
        assert json.loads(data[1]) == {"caret": 4, "history": {"done": ["<x>"]}}
        # A history belongs to its text.
        await web.send(path, {"revision": 2, "text": "Dear Bert, hello", "caret": 16})
        assert (await page.page(ada.desk, number)).history is None
        spliced = {"revision": 3, "splice": {"at": 10, "remove": 6, "insert": " 🌧 rain", "length": 18}}
        assert (await web.send(path, spliced)).json()["revision"] == 4
        assert (await page.page(ada.desk, number)).text == "Dear Bert, 🌧 rain"[:10] + " 🌧 rain"
        for wrong in (
            {"at": 99, "remove": 0, "insert": "x", "length": 100},
            {"at": 0, "remove": 0, "insert": "x", "length": 1},
        ):
            refused = await web.send(path, {"revision": 4, "splice": wrong})
            assert (refused.status_code, refused.json()["error"]["code"]) == (409, "other_text")

    play(tmp_path, act)


WRONG = [
    {},
    {"revision": "1"},
    {"revision": True},
    {"revision": -1},
    {"revision": 1, "text": 5},
    {"revision": 1, "to": "Bert"},
    {"revision": 1, "to": [1]},
    {"revision": 1, "caret": "end"},
    {"revision": 1, "splice": "all"},
    {"revision": 1, "splice": {"at": 0}},
]


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web)
        for sent in WRONG:
            assert (await web.send(f"/page/{number}/save", sent)).status_code == 400, sent
        assert (await page.page(ada.desk, number)).revision == 1

    play(tmp_path, act)


@pytest.mark.parametrize("far", ["9" * 19, "9" * 5000, "٣", "-1", "1e3"])
def test_numbers_that_no_page_of_ours_writes(tmp_path: Path, far: str) -> None:
    async def act(web: Web, _ada: Person) -> None:
        begun = await web.post("/page/new", {"answers": far})
        assert (begun.status_code, begun.headers["location"][:6]) == (303, "/page/")
        assert (await web.post(f"{begun.headers['location']}/beside", {"q": "x", "before": far})).status_code == 200
        assert (await web.get(f"/outbox?before={far}")).status_code == 200

    play(tmp_path, act)


def test_two_windows_and_neither_text_is_lost(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web, "Bert")
        path = f"/page/{number}"
        await web.send(f"{path}/save", {"revision": 1, "text": "from the first window"})
        late = await web.send(f"{path}/save", {"revision": 1, "text": "from the second window"})
        assert late.status_code == 409
        told = late.json()
        assert told["current"] == {"revision": 2, "text": "from the first window"}
        assert (await page.version(ada.desk, number, told["beside"])).text == "from the second window"
        # The second window writes on before anybody decided: its version grows, and no other is made.
        for text in ("from the second window, more", "from the second window, more and more"):
            grown = await web.send(f"{path}/keep-both", {"text": text, "beside": told["beside"]})
            assert grown.json()["beside"] == told["beside"]
        view = await page.page(ada.desk, number)
        assert (view.text, len(view.earlier), view.revision) == ("from the first window", 1, 2)
        # "Write here": the other text stays as a version.
        taken = {"revision": 2, "text": "from the second window, decided", "over": True}
        assert (await web.send(f"{path}/save", taken)).json()["revision"] == 3
        texts = [v.text for v in await write.versions(ada.desk, number)]
        assert texts == ["from the first window", "from the second window, more and more"]
        # Without script: led to the two texts, side by side.
        form = {"revision": "1", "text": "from a form", "subject": "", "place": "", "to": []}
        led = await web.post(f"{path}/save", form)
        shown = await web.get(led.headers["location"] + "?compare")
        assert "Written in another window" in shown.text
        assert "from a form" in (await web.get(led.headers["location"])).text
        # The same text in both windows is no quarrel for a form.
        form["text"] = "from the second window, decided"
        assert (await web.post(f"{path}/save", form)).headers["location"] == path

    play(tmp_path, act)


def test_versions_are_shown_compared_and_taken_back(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web, "Bert")
        path = f"/page/{number}"
        await web.send(f"{path}/save", {"revision": 1, "text": "I was at *home* <then>.", "leaving": True})
        await web.send(f"{path}/save", {"revision": 2, "text": "I was out then."})
        assert 'href="' + f"{path}/version/1" in (await web.get(path)).text
        shown = (await web.get(f"{path}/version/1")).text
        assert "<em>home</em> &lt;then&gt;" in shown
        compared = (await web.get(f"{path}/version/1?compare")).text
        assert "<del>" in compared
        assert "<ins>" in compared
        assert "<then>" not in compared
        gone = await web.post(f"{path}/version/1/restore", {"revision": "1"})
        assert gone.status_code == 409
        back = await web.post(f"{path}/version/1/restore", {"revision": "3"})
        assert back.headers["location"] == path
        assert (await page.page(ada.desk, number)).text == "I was at *home* <then>."
        assert [v.text for v in await write.versions(ada.desk, number)] == [
            "I was out then.",
            "I was at *home* <then>.",
        ]
        assert (await web.get(f"{path}/version/99")).status_code == 404

    play(tmp_path, act)


def test_read_over_as_it_will_be_read(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        await ada.desk.drawer.write(lambda db: settings.put(db, "place", "Bergen"))
        number = await _new(web, "Bert")
        path = f"/page/{number}"
        form = await _form(web, number, text="Dear Clara,\n\nI enclose *a* picture.", place="Bergen", subject="Rain")
        form["to"] = [(await page.page(ada.desk, number)).to[0].address]
        answer = await web.post(f"{path}/read-over", form)
        assert answer.headers["location"] == f"{path}/read-over"
        shown = (await web.get(f"{path}/read-over")).text
        assert ">Bergen, 1 March 2026</p>" in shown
        assert "<em>a</em>" in shown
        assert "It greets Clara" in shown
        assert "something enclosed, and nothing is" in shown
        assert f'href="{path}/envelope"' in shown
        before = await write.versions(ada.desk, number)
        assert [one.why for one in before] == ["read_over"]
        await web.get(f"{path}/read-over")
        assert await write.versions(ada.desk, number) == before
        await write.enclose(ada.desk, number, [Enclosure("rain.txt", "text/plain", b"rain " * 300)])
        assert "rain.txt, 2 kilobytes" in (await web.get(f"{path}/read-over")).text

    play(tmp_path, act)


def test_what_is_read_over_is_what_is_posted(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web, "Bert")
        text = "Dear Bert,\n\nit rains."
        await web.send(f"/page/{number}/save", {"revision": 1, "text": text, "place": "Bergen"})
        await ada.post(number)
        assert (await ada.show(number)).text == "Bergen, 1 March 2026\n\n" + text
        await write.versions(ada.desk, number)
        for path in ("", "/read-over"):
            assert (await web.get(f"/page/{number}{path}")).status_code == 404

    play(tmp_path, act)


def test_the_drawer(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        assert "Nothing is put away." in (await web.get("/drawer")).text
        number = await _new(web, "Bert")
        path = f"/page/{number}"
        form = await _form(web, number, text="not yet", until="2026-09-01")
        form["to"] = [(await page.page(ada.desk, number)).to[0].address]
        assert (await web.post(f"{path}/put-away", form)).headers["location"] == "/drawer"
        shown = (await web.get("/drawer")).text
        assert "1 September 2026" in shown
        assert "not yet" in shown
        assert (await web.post(f"{path}/put-away", {"until": "2026-02-31"})).status_code == 400
        assert (await web.post(f"{path}/take-out")).headers["location"] == path
        assert (await write.drafts(ada.desk))[0].state == "draft"
        asked = await web.post(f"{path}/throw-away", await _form(web, number, text="last words"))
        assert "Throw this page away?" in asked.text
        assert (await page.page(ada.desk, number)).text == "last words"
        assert (await web.post(f"{path}/throw-away", {"sure": "yes"})).headers["location"] == "/"
        assert (await web.get(path)).status_code == 404

    play(tmp_path, act)


def test_a_posted_letter_is_not_thrown_away_by_an_old_form(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        await ada.post(number, at_once=False)
        assert (await web.post(f"/page/{number}/throw-away", {"sure": "yes"})).status_code == 404
        assert await ada.state(number) == "waiting"

    play(tmp_path, act)


def test_earlier_letters_beside_the_page(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        for n in range(30):
            letter = await ada.write(
                "Bert", f"Dear Bert, letter {n} of the Ferry <b>" + (" is late" if n % 10 == 0 else "")
            )
            ada.town.clock.pass_(days=1)
            await ada.post(letter)
        number = await _new(web, "Bert")
        shown = (await web.get(f"/page/{number}")).text
        assert shown.count('class="earlier"') == 6 + 1  # and the pattern that the script fills
        assert "letter 29 of" in shown
        assert "&lt;b&gt;" in shown
        found = (await web.send(f"/page/{number}/beside", {"q": "ferry LATE"})).json()
        assert [one["found"] for one in found["letters"]] == ["Ferry"] * 3
        assert found["next"] is None
        every = (await web.send(f"/page/{number}/beside", {"q": ""})).json()
        assert len(every["letters"]) == 20
        more = (await web.send(f"/page/{number}/beside", {"q": "", "before": every["next"]})).json()
        assert len(more["letters"]) == 10
        plain = await web.post(f"/page/{number}/beside", {"q": "ferry late"})
        assert plain.text.count("<mark>Ferry</mark>") == 3
        none = await web.post(f"/page/{number}/beside", {"q": "volcano"})
        assert "in none of the letters" in none.text

    play(tmp_path, act)


def test_unwritten_pages_go_by_themselves(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        empty, written = await _new(web), await _new(web)
        await web.send(f"/page/{written}/save", {"revision": 1, "text": "a word"})
        ada.town.clock.pass_(days=1)
        await _new(web)
        assert (await web.get(f"/page/{empty}")).status_code == 404
        assert (await web.get(f"/page/{written}")).status_code == 200

    play(tmp_path, act)


def test_a_clock_that_is_set_back_loses_nothing(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web, "Bert")
        for revision, (days, text) in enumerate([(0, "one"), (-400, "one two"), (800, "one two three")], 1):
            ada.town.clock.pass_(days=days)
            answer = await web.send(f"/page/{number}/save", {"revision": revision, "text": text})
            assert answer.status_code == 200
        versions = await write.versions(ada.desk, number)
        assert [one.text for one in versions] == ["one two"]
        assert (await page.page(ada.desk, number)).text == "one two three"

    play(tmp_path, act)


def test_half_a_character_and_what_no_letter_carries(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web)
        said = b'"text": "half \\ud83c and \\u0000 nothing\\r\\nmore", "subject": "a\\nb", "place": "x\\u202ey"'
        body = b'{"revision": 1, ' + said + b"}"
        answer = await web.client.post(
            f"/page/{number}/save",
            content=body,
            headers={
                "origin": web.face.origin,
                "dearly-token": web.token,
                "content-type": "application/json",
                "accept": "application/json",
            },
        )
        assert answer.status_code == 200
        view = await page.page(ada.desk, number)
        assert (view.text, view.subject, view.place) == ("half \ufffd and \ufffd nothing\nmore", "a b", "xy")

    play(tmp_path, act)


def test_a_long_page_and_what_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web, "Bert")
        text = "wörd " * 200_000
        assert (await web.send(f"/page/{number}/save", {"revision": 1, "text": text})).json()["words"] == 200_000
        assert (
            await web.post(f"/page/{number}/read-over", await _form(web, number, text=text + "end"))
        ).status_code == 303
        assert (await page.page(ada.desk, number)).words == 200_001
        assert (await web.get(f"/page/{number}")).status_code == 200
        monkeypatch.setattr(page, "MOST_TEXT", 100)
        refused = await web.send(f"/page/{number}/save", {"revision": 3, "text": "x" * 101})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_large")
        assert (await page.page(ada.desk, number)).words == 200_001

    play(tmp_path, act)


def test_pages_say_no_name_where_a_browser_keeps_it(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        number = await _new(web, "Bert")
        await web.send(f"/page/{number}/save", {"revision": 1, "text": "Dear Bert", "leaving": True})
        await write.put_away(ada.desk, number, None)
        for path in ("", "/read-over", "/version/1", "/version/1?compare"):
            text = (await web.get(f"/page/{number}{path}")).text
            title = re.search(r"<title>(.*?)</title>", text)
            assert title
            assert "Bert" not in title[1]
            fields = re.findall(r"<(?:input|textarea|form)\b[^>]*>", text)
            for field in fields:
                if 'type="file"' not in field and 'method="dialog"' not in field and 'name="token"' not in field:
                    assert 'autocomplete="off"' in field, field

    play(tmp_path, act)


def test_an_hour_of_typing_through_the_page_weighs_little(tmp_path: Path) -> None:
    """Drafts, carets and histories overwrite each other: only versions stay."""

    async def act(web: Web, ada: Person) -> None:
        number = await _new(web, "Bert")
        text = "All the words of a letter that is already long. " * 200
        revision = (await web.send(f"/page/{number}/save", {"revision": 1, "text": text})).json()["revision"]
        pages_before = await ada.desk.drawer.read(lambda db: db.value("PRAGMA page_count"))
        for n in range(240):
            ada.town.clock.pass_(seconds=15 if n % 10 else 65)
            text += f"word {n} and some more of them. "
            history = {"done": [f"{n} " * 2000]}
            sent = {"revision": revision, "text": text, "caret": len(text), "history": history}
            revision = (await web.send(f"/page/{number}/save", sent)).json()["revision"]
        grown = await ada.desk.drawer.read(lambda db: db.value("PRAGMA page_count")) - pages_before
        assert grown * 4096 < 2_000_000
        assert len(await ada.desk.drawer.read(lambda db: drafts.versions(db, number))) >= 24

    play(tmp_path, act)
