"""The desk itself: what it is made of is there when it is needed, and let go of at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dearly.desk.desk import Desk
from dearly.letter.errors import DearlyError
from tests.support.times import CountedChance, FixedClock


class _Part:
    """Something that can be closed."""

    def __init__(self, name: str, closed: list[str]) -> None:
        self._name, self._closed = name, closed

    async def close(self) -> None:
        self._closed.append(self._name)


def _desk(closed: list[str], made: list[str]) -> Desk:
    def make(name: str) -> Any:
        made.append(name)
        return _Part(name, closed)

    drawer, ways = SimpleNamespace(close=_Part("drawer", closed).close), _Part("ways", closed)
    given: Any = (drawer, lambda: make("opener"), lambda _drawer: make("keyholder"), ways)
    return Desk(*given, FixedClock(), CountedChance(), Path("/nowhere"))


def test_children_are_made_when_first_asked_for_and_closed_before_the_drawer() -> None:
    closed: list[str] = []
    made: list[str] = []

    async def act() -> None:
        desk = _desk(closed, made)
        assert made == []
        assert desk.keyholder is desk.keyholder
        assert desk.opener is desk.opener
        assert made == ["keyholder", "opener"]
        await desk.close()

    asyncio.run(act())
    assert closed == ["keyholder", "opener", "ways", "drawer"]


def test_a_desk_that_is_closed_makes_no_children_any_more() -> None:
    closed: list[str] = []
    made: list[str] = []

    async def act() -> None:
        desk = _desk(closed, made)
        await desk.close()
        for ask in (lambda: desk.opener, lambda: desk.keyholder):
            with pytest.raises(DearlyError, match="closing"):
                ask()

    asyncio.run(act())
    assert (closed, made) == (["ways", "drawer"], [])
