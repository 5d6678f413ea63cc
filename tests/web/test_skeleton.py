"""The frame that every page stands in: who is let in, and what every answer says."""

import asyncio
from pathlib import Path

import pytest

from dearly.web.gate import HEADERS
from dearly.web.sessions import Seat
from tests.support.desks import a_town
from tests.support.web import at_desk


def _page(tmp_path: Path, path: str, seat: Seat = Seat.DESK, **headers: str) -> tuple[int, dict[str, str], str]:
    async def look() -> tuple[int, dict[str, str], str]:
        async with a_town(tmp_path) as town:
            (ada,) = await town.settle("Ada")
            async with at_desk(ada.desk, seat=seat) as web:
                answer = await web.get(path, **headers)
                return answer.status_code, dict(answer.headers), answer.text

    return asyncio.run(look())


def test_whoever_sits_at_the_desk_sees_it(tmp_path: Path) -> None:
    status, headers, text = _page(tmp_path, "/")
    assert status == 200
    assert HEADERS.items() <= headers.items()
    assert 'lang="en"' in text


def test_whoever_does_not_is_led_to_the_lock(tmp_path: Path) -> None:
    status, headers, _text = _page(tmp_path, "/", Seat.ANYONE)
    assert (status, headers["location"]) == (303, "/locked")


@pytest.mark.parametrize("path", ["/nowhere", "/static/nowhere.css", "/static/../app.py"])
def test_a_page_that_is_not_there_says_so(tmp_path: Path, path: str) -> None:
    status, headers, _text = _page(tmp_path, path)
    assert status == 404
    assert HEADERS.items() <= headers.items()


def test_another_name_is_not_answered_to(tmp_path: Path) -> None:
    status, headers, _text = _page(tmp_path, "/", host="localhost:8765")
    assert status == 421
    assert HEADERS.items() <= headers.items()
