"""Drawers for tests: real ones, whose slots cost next to nothing and whose passphrase is visibly fake."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from dearly.drawer import derive, slots
from dearly.drawer.connection import DataKey
from dearly.drawer.drawer import Drawer
from dearly.drawer.folder import BALLAST
from dearly.drawer.slots import SlotCost
from tests.support.times import CountedChance, FixedClock

T = TypeVar("T")

PASSPHRASE = "fake passphrase for tests"
KEY = DataKey(b"\x0f" * 32)


def cheap_cost() -> SlotCost:
    """A cost far below the floor. The program itself cannot make one: `SlotCost` refuses it."""
    cost = object.__new__(SlotCost)
    for name, value in (("memory_kib", 64), ("passes", 1), ("lanes", 1)):
        object.__setattr__(cost, name, value)
    return cost


_in_a_child = slots._child


def _derived(order: dict[str, Any], passphrase: bytes) -> bytes:
    """A slot that the program itself could not have made is derived in this process: the children of some two thousand
    cheap slots would take minutes. And nobody measures the machine: what is made here at the program's own cost is made
    at the floor. Slots at the floor have their child, and programs started from nothing measure as ever."""
    if order["do"] == "calibrate":
        return json.dumps(
            {"memory_kib": derive.FLOOR_KIB, "passes": derive.FLOOR_PASSES, "lanes": derive.LANES}
        ).encode()
    if order["memory_kib"] < derive.FLOOR_KIB:
        given = {name: order[name] for name in ("memory_kib", "passes", "lanes")}
        return derive.derive(passphrase, bytes.fromhex(order["salt"]), **given)
    return _in_a_child(order, passphrase)


slots._child = _derived


async def make_drawer(folder: Path, **more: Any) -> Drawer:
    """A new drawer with the fake passphrase, open."""
    given = {"clock": FixedClock(), "chance": CountedChance(), "cost": cheap_cost(), **more}
    return await Drawer.create(folder, PASSPHRASE, **given)


async def open_drawer(folder: Path, **more: Any) -> Drawer:
    """The drawer in `folder`, opened with the fake passphrase."""
    return await Drawer.open(folder, PASSPHRASE, **{"clock": FixedClock(), "chance": CountedChance(), **more})


async def open_keyed(folder: Path, key: DataKey, **more: Any) -> Drawer:
    """The drawer in `folder`, opened with its data key: no child process, 5 ms."""
    return await Drawer.open_with_key(folder, key, **{"clock": FixedClock(), "chance": CountedChance(), **more})


def copy_drawer(source: Path, target: Path) -> None:
    """Copy a drawer's folder as it lies there. The ballast is linked: it never changes, and weighs the most."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(mode=0o700)
    for path in source.iterdir():
        if path.name == BALLAST:
            os.link(path, target / path.name)
        else:
            shutil.copy2(path, target / path.name)


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
