"""Pictures and enclosures of a page without a browser: by a script, by the form alone, and what is refused."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dearly.desk import page as pages
from dearly.desk.keeper import State
from dearly.letter.content import Enclosure
from dearly.web.pages import pictures as face
from dearly.web.sessions import COOKIE, Seat
from tests.support.desks import Person, a_town
from tests.support.pictures import CORNERS, PLACE, alike, corners, file, held, hostile, scene
from tests.support.web import DeskKeeper, Web, at_desk


def at_home(place: Path, play: Callable[[Person, Web], Awaitable[None]]) -> None:
    async def run() -> None:
        async with a_town(place) as town:
            ada, _bert = await town.settle("Ada", "Bert")
            async with at_desk(ada.desk) as web:
                await play(ada, web)

    asyncio.run(run())


async def text_of(ada: Person, number: int) -> str:
    return (await pages.page(ada.desk, number)).text


def test_a_script_lays_a_picture_in(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        number = await ada.write("Bert", "Dear Bert")
        before = await pages.page(ada.desk, number)
        sent = file(held(6, scene(3000, 2000)), orientation=6)
        answer = await web.send(f"/page/{number}/picture?reduce=1", data=sent, dearly_name="G%C3%A4rten%20%2F1.heic")
        assert answer.status_code == 200
        laid = answer.json()
        assert re.fullmatch("[0-9a-f]{32}@dearly", laid["cid"])
        assert (laid["width"], laid["height"], laid["name"], laid["media_type"]) == (2048, 1365, "1.jpg", "image/jpeg")

        shown = await web.get(f"/page/{number}/picture/{laid['cid']}")
        assert shown.headers["content-type"] == "image/jpeg"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert shown.headers["cross-origin-resource-policy"] == "same-origin"
        assert shown.headers["cache-control"] == "no-store"
        assert alike(corners(shown.content), CORNERS)
        assert PLACE not in shown.content
        assert (await pages.page(ada.desk, number)).revision == before.revision

        whole = (await web.send(f"/page/{number}/picture", data=sent)).json()
        assert (whole["width"], whole["height"], whole["name"]) == (3000, 2000, "picture.jpg")

    at_home(tmp_path, play)


def test_what_cannot_be_laid_in_is_said_to_the_script(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        number = await ada.write("Bert", "Dear Bert")
        for name, data in hostile().items():
            answer = await web.send(f"/page/{number}/picture", data=data)
            assert answer.status_code == 409, name
            assert set(answer.json()["error"]) == {"code", "message", "hint"}
        assert (await web.send(f"/page/{number + 9}/picture", data=file())).status_code == 404
        stale = await web.send(f"/page/{number}/picture", data=file(), dearly_token="other")
        assert stale.status_code == 400
        assert (await web.get(f"/page/{number}/picture/none@dearly")).status_code == 404

    at_home(tmp_path, play)


def test_the_form_alone_keeps_the_page_and_lays_the_picture_at_its_end(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        number = await ada.write("Bert", "Dear Bert")
        page = await pages.page(ada.desk, number)
        form = {"revision": str(page.revision), "text": "Dear Bert,\r\n\r\nsee", "to": "bert", "words": "A [door]"}
        files = {"picture": ("door.png", file(kind="PNG"), "application/x-evil")}
        answer = await web.post(f"/page/{number}/picture", form, files=files)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/page/{number}")
        text = await text_of(ada, number)
        found = re.fullmatch(r"Dear Bert,\n\nsee\n\n!\[A \\\[door\\\]\]\(cid:([0-9a-f]{32}@dearly)\)\n", text)
        assert found, text
        assert (await web.get(f"/page/{number}/picture/{found[1]}")).headers["content-type"] == "image/png"

        small = {"picture": ("two.jpg", file(), "image/jpeg")}
        answer = await web.post(f"/page/{number}/picture", {"words": ""}, files=small)
        assert answer.headers["location"] == f"/page/{number}/enclosed"
        assert (await text_of(ada, number)).startswith(text)

        wrong: dict[str, Any] = {"picture": ("x.svg", b"<svg/>", "image/svg+xml")}
        said = await web.post(f"/page/{number}/picture", {}, files=wrong)
        assert said.status_code == 409
        assert "This is no picture that can be shown in a letter" in said.text
        assert "No file was chosen" in (await web.post(f"/page/{number}/picture", {})).text

    at_home(tmp_path, play)


def test_files_go_along_and_come_out_again(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        number = await ada.write("Bert", "Dear Bert")
        assert "Nothing is enclosed." in (await web.get(f"/page/{number}/enclosed")).text
        several = [
            ("file", (name, data, "x/y")) for name, data in (("../../etc/passwd", b"a"), ("b <i>.pdf", b"b" * 3000))
        ]
        answer = await web.post(f"/page/{number}/enclose", {}, files=several)
        assert answer.headers["location"] == f"/page/{number}/enclosed"
        text = (await web.get(f"/page/{number}/enclosed")).text
        assert "passwd" in text
        assert "etc" not in text
        assert "<i>" not in text
        told = (await web.send(f"/page/{number}/enclose", data=b"c" * 10, dearly_name="c.txt")).json()
        assert [one["name"] for one in told["files"]] == ["passwd", "b _i_.pdf", "c.txt"]
        assert [one["media_type"] for one in told["files"]] == [
            "application/octet-stream",
            "application/pdf",
            "text/plain",
        ]
        # Another window took the first one out meanwhile: the second is never taken out in its place.
        assert (await web.post(f"/page/{number}/enclosure/0/remove", {"name": "passwd"})).status_code == 303
        assert (await web.post(f"/page/{number}/enclosure/0/remove", {"name": "passwd"})).status_code == 404
        told = (await web.send(f"/page/{number}/enclosure/0/remove", {"name": "b _i_.pdf"})).json()
        assert [one["name"] for one in told["files"]] == ["c.txt"]

    at_home(tmp_path, play)


def test_pictures_of_a_letter_are_made_anew_and_forgotten_with_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            tail = b"<script>alert(1)</script>"
            came = Enclosure("x.png", "image/png", file(kind="PNG") + tail, "a/b%c@there")
            lie = Enclosure("y.png", "image/png", b"not a picture", "lie@there")
            number = await ada.write("Bert", "![](cid:a/b%25c@there)", "", came, lie)
            await ada.post(number)
            await ada.round()
            await bert.round()
            (envelope,) = await bert.letterbox()
            await bert.open(envelope.number)
            keeper = DeskKeeper(bert.desk)
            async with at_desk(bert.desk, keeper=keeper) as web:
                path = f"/letter/{envelope.number}/picture/a%2Fb%25c@there"
                shown = await web.get(path)
                assert shown.status_code == 200
                assert tail not in shown.content
                assert alike(corners(shown.content), CORNERS)
                assert Image.open(io.BytesIO(shown.content)).format == "PNG"
                kept = web.face.extra[face.__name__]
                assert kept.shown.weight == len(shown.content)
                assert (await web.get(f"/letter/{envelope.number}/picture/lie@there")).status_code in (404, 409)
                assert (await web.get(f"/letter/{envelope.number}/enclosed-picture/7")).status_code == 404
                keeper.soft_lock()
                assert (await web.get(path)).status_code == 303, "nothing is shown at a locked desk"
                keeper.state = State.OPEN
                session = web.face.sessions.begin(Seat.DESK, keeper.opening)
                web.client.headers["cookie"] = f"{COOKIE}={session.key}"
                monkeypatch.setattr(face, "FORGOTTEN_AFTER", 0.05)
                assert (await web.get(path)).status_code == 200
                assert web.face.extra[face.__name__] is not kept, "what was shown before the lock is gone"
                for _turn in range(100):
                    await asyncio.sleep(0.02)
                    if face.__name__ not in web.face.extra:
                        break
                assert face.__name__ not in web.face.extra, "and so is all of it a while after the last look"

    asyncio.run(run())
