"""Time that counts while the machine sleeps, and while its clock is set."""

import time

import pytest

from dearly.assemble.elapsed import Elapsed
from tests.support.times import FixedClock


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_the_machine_slept(steady: list[float]) -> None:
    clock = FixedClock()
    since = Elapsed(clock)
    clock.pass_(hours=3)
    assert since.seconds == 3 * 3600
    since.again()
    assert since.seconds == 0


def test_the_clock_was_set_back(steady: list[float]) -> None:
    clock = FixedClock()
    since = Elapsed(clock)
    clock.pass_(days=-1)
    assert since.seconds == 0
    steady[0] += 700
    assert since.seconds == 700
