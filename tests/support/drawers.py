"""Drawers for tests: real ones, whose slots cost next to nothing and whose passphrase is visibly fake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

from dearly.drawer.connection import DataKey
from dearly.drawer.drawer import Drawer
from dearly.drawer.slots import SlotCost

T = TypeVar("T")

PASSPHRASE = "fake passphrase for tests"
KEY = DataKey(b"\x0f" * 32)


def cheap_cost() -> SlotCost:
    """A cost far below the floor. The program itself cannot make one: `SlotCost` refuses it."""
    cost = object.__new__(SlotCost)
    for name, value in (("memory_kib", 64), ("passes", 1), ("lanes", 1)):
        object.__setattr__(cost, name, value)
    return cost


class TestClock:
    """A clock that stands still until it is set. Three hours east of Greenwich."""

    __test__ = False

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def local(self) -> datetime:
        return self.time.astimezone(timezone(timedelta(hours=3)))


class TestChance:
    """Ids that count: 1, 2, 3, ... in as many octets as wanted."""

    __test__ = False

    def __init__(self) -> None:
        self.count = 0

    def token(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")


async def make_drawer(folder: Path, **more: Any) -> Drawer:
    """A new drawer with the fake passphrase, open."""
    given = {"clock": TestClock(), "chance": TestChance(), "cost": cheap_cost(), **more}
    return await Drawer.create(folder, PASSPHRASE, **given)


async def open_drawer(folder: Path, **more: Any) -> Drawer:
    """The drawer in `folder`, opened with the fake passphrase."""
    return await Drawer.open(folder, PASSPHRASE, **{"clock": TestClock(), "chance": TestChance(), **more})


async def open_keyed(folder: Path, key: DataKey, **more: Any) -> Drawer:
    """The drawer in `folder`, opened with its data key: no child process, 5 ms."""
    return await Drawer.open_with_key(folder, key, **{"clock": TestClock(), "chance": TestChance(), **more})


@asynccontextmanager
async def new_drawer(folder: Path, **more: Any) -> AsyncIterator[Drawer]:
    """A new drawer, open inside the block."""
    drawer = await make_drawer(folder, **more)
    try:
        yield drawer
    finally:
        await drawer.close()


def run(play: Callable[[], Coroutine[Any, Any, T]] | Awaitable[T]) -> T:
    """Run one asynchronous play from a plain test."""
    return asyncio.run(play() if callable(play) else play)  # type: ignore[arg-type]  # a coroutine either way
