"""Launches that are good once, tries that wait, and pages that come and go."""

from __future__ import annotations

import asyncio
import time

import pytest

from dearly.desk import threshold
from dearly.desk.threshold import LETTERS, Launch, Launches, Patience, Presence


def test_either_half_of_a_launch_is_good_once_and_ends_the_other() -> None:
    taken: list[Launch] = []
    launches = Launches(taken.append)
    one, other = launches.new(), launches.new()
    assert launches.take_secret(one.secret)
    assert not launches.take_secret(one.secret)
    assert not launches.take_code(one.code)
    assert launches.take_code(other.shown_code.upper())
    assert not launches.take_secret(other.secret)
    assert taken == [one, other]


@pytest.mark.parametrize("given", ["", " ", "x" * 10_000, "\udcff", "ü", "--------"])
def test_nothing_else_is_good(given: str) -> None:
    launches = Launches()
    launches.new()
    assert not launches.take_secret(given)
    assert not launches.take_code(given)


def test_a_code_has_enough_letters_that_cannot_be_mistaken() -> None:
    codes = {Launch().code for _n in range(200)}
    assert len(codes) == 200
    assert set("".join(codes)) == set(LETTERS)
    assert not set(LETTERS) & set("aeioul0125")
    assert len(LETTERS) ** 8 > 2**34


def test_what_is_over_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    launches = Launches()
    launch = launches.new()
    now = time.monotonic()
    monkeypatch.setattr(threshold.time, "monotonic", lambda: now + threshold.SECRET_SECONDS + 1)
    assert not launches.take_secret(launch.secret)
    again = Launches()
    monkeypatch.undo()
    launch = again.new()
    monkeypatch.setattr(threshold.time, "monotonic", lambda: now + threshold.CODE_SECONDS + 1)
    assert not again.take_code(launch.code)


def test_only_so_many_at_once() -> None:
    launches = Launches()
    made = [launches.new() for _n in range(20)]
    assert not launches.take_secret(made[0].secret)
    assert launches.take_secret(made[-1].secret)


def test_what_lets_in_is_in_no_repr() -> None:
    launch = Launch()
    assert launch.secret not in repr(launch)
    assert launch.code not in repr(launch)


def test_the_wait_grows_and_starts_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "FIRST", 0.1)
    monkeypatch.setattr(Patience, "MOST", 0.3)

    async def play() -> list[float]:
        patience, took = Patience(), []
        for _n in range(5):
            begun = time.monotonic()
            async with patience:
                took.append(time.monotonic() - begun)
                patience.wrong()
        async with patience:
            patience.right()
        begun = time.monotonic()
        async with patience:
            took.append(time.monotonic() - begun)
        return took

    took = asyncio.run(play())
    assert took[0] < 0.05  # the first two tries cost nothing
    assert took[1] < 0.05
    assert took[2] >= 0.09
    assert took[3] >= 0.19
    assert took[4] >= 0.29
    assert took[5] < 0.05


def test_many_at_once_wait_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "FIRST", 0.05)

    async def play() -> float:
        patience = Patience()

        async def attempt() -> None:
            async with patience:
                patience.wrong()

        begun = time.monotonic()
        await asyncio.gather(*(attempt() for _n in range(5)))
        return time.monotonic() - begun

    assert asyncio.run(play()) >= 0.05 + 0.1 + 0.2


def test_the_last_page_that_goes_locks_after_a_while() -> None:
    async def play() -> list[str]:
        said: list[str] = []
        opening = 1
        presence = Presence(lambda: said.append("locked"), lambda: opening, grace=0.05)
        presence.gone("a")  # never was here
        await asyncio.sleep(0.1)
        assert said == []
        presence.here("a")
        presence.here("b")
        presence.gone("a")
        await asyncio.sleep(0.1)
        assert said == []
        presence.gone("b")
        presence.asked()  # the next page is being fetched
        await asyncio.sleep(0.1)
        assert said == []
        presence.here("c")
        presence.gone("c")
        await asyncio.sleep(0.1)
        assert said == ["locked"]
        presence.here("d")
        opening = 2  # a lock sends every page away
        assert not presence.any
        return said

    assert asyncio.run(play()) == ["locked"]


def test_a_lock_page_keeps_no_desk_open() -> None:
    async def play() -> list[str]:
        said: list[str] = []
        presence = Presence(lambda: said.append("locked"), lambda: 1, grace=0.05)
        presence.here("lock", seated=False)
        presence.here("desk")
        presence.gone("desk")
        presence.here("lock", seated=False)
        await asyncio.sleep(0.1)
        assert presence.any  # the process stays for it
        presence.gone("lock")
        await asyncio.sleep(0.1)
        return said

    assert asyncio.run(play()) == ["locked"]
