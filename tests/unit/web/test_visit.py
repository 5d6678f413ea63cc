"""A request and what may have changed meanwhile: locks that fall, sessions that are over, links that lead astray."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from dearly.desk import reading, write
from dearly.web.pages import locked
from dearly.web.sessions import COOKIE, Seat, Sessions
from tests.support.desks import Person, a_town
from tests.support.web import Web, at_desk

Play = Callable[[Web, Person], Awaitable[None]]


def play(place: Path, act: Play, seat: Seat = Seat.DESK) -> None:
    async def run() -> None:
        async with a_town(place) as town:
            (ada,) = await town.settle("Ada")
            async with at_desk(ada.desk, seat=seat) as web:
                await act(web, ada)

    asyncio.run(run())


def test_what_was_being_made_while_a_lock_fell_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(web: Web, _ada: Person) -> None:
        made = write.drafts

        async def slow(*given: Any) -> Any:
            seen = await made(*given)
            web.face.keeper.soft_lock()
            return seen

        assert (await web.get("/drawer")).status_code == 200
        monkeypatch.setattr(write, "drafts", slow)
        answer = await web.get("/drawer")
        assert (answer.status_code, answer.headers["location"], answer.text) == (303, "/locked", "")

    play(tmp_path, act)


def test_no_form_of_a_session_that_is_over_stays_behind_the_page_that_says_so(tmp_path: Path) -> None:
    async def act(web: Web, _ada: Person) -> None:
        answer = await web.post("/unlock", {"passphrase": "quite secret"}, sec_fetch_mode="navigate")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/answer/")
        web.client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
        told = await web.get(answer.headers["location"])
        assert told.status_code == 400
        assert "older than the desk" in told.text
        assert "quite secret" not in told.text

    play(tmp_path, act, Seat.ANYONE)


def test_the_lock_page_is_there_while_the_drawer_is_being_closed(tmp_path: Path) -> None:
    async def act(web: Web, ada: Person) -> None:
        await ada.desk.drawer.close()
        assert (await web.get("/keys")).status_code == 200

    play(tmp_path, act, Seat.ANYONE)


def test_only_who_sits_at_an_open_desk_closes_it(tmp_path: Path) -> None:
    async def act(web: Web, _ada: Person) -> None:
        session = web.face.sessions.begin(Seat.ANYONE, 1)
        web.client.headers["cookie"], web.token = f"{COOKIE}={session.key}", session.token
        assert (await web.post("/locked/close")).headers["location"] == "/locked"
        assert web.face.keeper.state.value == "open"
        web.face.keeper.soft_lock()
        assert (await web.post("/locked/close")).status_code == 200
        assert web.face.keeper.state.value == "closed"

    play(tmp_path, act, Seat.ANYONE)


def test_a_way_in_of_before_a_lock_leads_to_the_lock_page(tmp_path: Path) -> None:
    async def act(web: Web, _ada: Person) -> None:
        session = web.face.sessions.begin(Seat.ANYONE, 1)
        web.client.headers["cookie"], web.token = f"{COOKIE}={session.key}", session.token
        launch = web.face.threshold.launches.new()
        web.face.keeper.soft_lock()
        await web.face.keeper.unlock("by another browser")
        answer = await web.post("/launch", {"code": launch.code})
        assert answer.headers["location"] == "/locked"
        web.client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
        assert (await web.get("/")).headers["location"] == "/locked"

    play(tmp_path, act, Seat.ANYONE)


def test_after_the_first_day_the_kit_is_given_for_the_passphrase_alone(tmp_path: Path) -> None:
    async def act(web: Web, _ada: Person) -> None:
        web.face.extra[locked._PROOF] = time.monotonic()
        answer = await web.post("/welcome/kit/file")
        assert (answer.status_code, answer.headers["location"], answer.text) == (303, "/settings", "")

    play(tmp_path, act)


def test_a_layout_is_never_a_whole_window(tmp_path: Path) -> None:
    async def act(web: Web, _ada: Person) -> None:
        answer = await web.get("/letter/7/frame", sec_fetch_dest="document")
        assert (answer.status_code, answer.headers["location"]) == (303, "/letter/7?look=laid-out")

    play(tmp_path, act)


@pytest.mark.parametrize("target", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//there.test/"])
def test_a31_a_link_leads_to_a_place_in_the_web_or_to_a_mailbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    async def found(*_given: object) -> str:
        return target

    async def act(web: Web, _ada: Person) -> None:
        assert (await web.get("/letter/1/link/0")).status_code == 404

    monkeypatch.setattr(reading, "link", found)
    play(tmp_path, act)


def test_nobody_is_driven_from_the_desk_by_those_who_ask_for_the_lock_page() -> None:
    sessions = Sessions()
    seated = sessions.begin(Seat.DESK, 1)
    for _n in range(500):
        sessions.begin(Seat.ANYONE, 1)
    assert sessions.find(seated.key, 1) is seated
    for _n in range(500):
        sessions.begin(Seat.DESK, 2)
    assert sessions.find(seated.key, 1) is None
