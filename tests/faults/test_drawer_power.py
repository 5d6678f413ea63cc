"""Power cuts: unsynced writes are lost or half there (F13), the log is cut anywhere (F14).

Every write that SQLite makes is recorded under the cipher; then the disk is rebuilt as it may have been at each of
those moments, opened for real, and compared with what had been acknowledged by then.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dearly.drawer import chain
from dearly.drawer.connection import DataKey
from dearly.drawer.folder import DATABASE, LOG
from tests.support.drawer_plays import link
from tests.support.drawers import copy_drawer, make_drawer, open_keyed
from tests.support.fault_vfs import Disk, FaultLayer, after_power_cuts

BIG = "x" * 9_000


class Recorded:
    """A drawer written to through a recording layer: `said[n]` links had been acknowledged after n steps."""

    def __init__(self, place: Path) -> None:
        self.place, self.start, self.said, self.sizes = place, Disk(), {0: 0}, [0]
        self.key = DataKey(b"")
        self.layer = FaultLayer(place.name)

    async def play(self, commits: int, fold_at: int) -> None:
        drawer = await make_drawer(self.place / "d")
        self.key = drawer.store.key
        await drawer.close()
        self.start.files[DATABASE] = bytearray((self.place / "d" / DATABASE).read_bytes())
        drawer = await open_keyed(self.place / "d", self.key, vfs=self.layer.name)
        self.layer.forget()
        for number in range(commits):
            if number % 3 == 0:
                await drawer.write(
                    lambda db, n=number: db.run("INSERT INTO settings VALUES (?, ?)", (f"fake {n}", BIG))
                )
            await drawer.write(link)
            self.said[len(self.layer.done)] = number + 1
            if number == fold_at:
                await drawer.on_writer(drawer.store.fold)
        self.log = (self.place / "d" / LOG).read_bytes()
        shutil.copytree(self.place / "d", self.place / "crashed")
        await drawer.close()

    def acknowledged(self, steps: int) -> int:
        return max(said for done, said in self.said.items() if done <= steps)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    made = Recorded(tmp_path_factory.mktemp("power"))
    asyncio.run(made.play(12, fold_at=7))
    return made


async def links_left(folder: Path, key: DataKey) -> int:
    """Open what a cut left; it must be whole, and a prefix: link n is link n, whatever is missing behind it."""
    drawer = await open_keyed(folder, key)
    try:
        assert await drawer.read(chain.verify) is None
        assert await drawer.read(lambda db: db.all("PRAGMA integrity_check")) == [("ok",)]
        return (await drawer.read(chain.head)).count
    finally:
        await drawer.close()


def opened_after(recorded: Recorded, disk: Disk, tmp_path: Path) -> int:
    folder = tmp_path / "after"
    copy_drawer(recorded.place / "crashed", folder)
    for name in (DATABASE, LOG, "drawer.db-shm", "lock"):
        (folder / name).unlink(missing_ok=True)
    disk.put(folder)
    return asyncio.run(links_left(folder, recorded.key))


@pytest.mark.parametrize(
    ("what", "keep"),
    [
        ("nothing unsynced", lambda _n: False),
        ("all of it", lambda _n: True),
        ("every other write", lambda n: n % 2 == 0),
        ("the later ones only", lambda n: n % 5 >= 3),
        ("any of it", lambda n: random.Random(n).random() < 0.5),
    ],
)
def test_what_was_acknowledged_survives_a_power_cut(
    recorded: Recorded, tmp_path: Path, what: str, keep: Callable[[int], bool]
) -> None:
    assert len(recorded.layer.done) > 60
    before = 0
    for steps, disk in after_power_cuts(recorded.start, recorded.layer.done, keep):
        # A cut within a burst of writes differs little from the one before: each sync, and every eighth step.
        if recorded.layer.done[steps - 1].what != "sync" and steps % 8:
            continue
        left = opened_after(recorded, disk, tmp_path)
        assert left >= recorded.acknowledged(steps), f"{what}: {left} links after step {steps}"
        if what == "nothing unsynced":
            assert left >= before
            before = left
    assert left == 12


def test_a_write_that_stopped_in_its_middle(recorded: Recorded, tmp_path: Path) -> None:
    """Torn pages: of each write in turn only the first part reached the disk, and the power went."""
    for number, step in enumerate(recorded.layer.done):
        if step.what != "write" or number % 5:
            continue
        disk = recorded.start.copy()
        for earlier in recorded.layer.done[:number]:
            disk.apply(earlier)
        torn = len(step.data) // 3
        disk.apply(type(step)(step.what, step.file, step.offset, step.data[:torn]))
        assert opened_after(recorded, disk, tmp_path) >= recorded.acknowledged(number)


def _cut_at(recorded: Recorded, tmp_path: Path, sizes: list[int]) -> list[int]:
    left = []
    for size in sizes:
        folder = tmp_path / "cut"
        copy_drawer(recorded.place / "crashed", folder)
        (folder / "drawer.db-shm").unlink(missing_ok=True)
        (folder / LOG).write_bytes(recorded.log[:size])
        left.append(asyncio.run(links_left(folder, recorded.key)))
    return left


def test_a_log_cut_anywhere_gives_a_clean_beginning(recorded: Recorded, tmp_path: Path) -> None:
    frames = range(32, len(recorded.log), 4096 + 24)
    near = {size + off for size in frames for off in (-1, 0, 1, 24)}
    sizes = sorted(
        size for size in {0, 31, 32, *near, *range(0, len(recorded.log), 3001), len(recorded.log)} if size >= 0
    )
    left = _cut_at(recorded, tmp_path, [*sizes[:: max(1, len(sizes) // 40)], len(recorded.log)])
    assert left == sorted(left)
    assert left[0] >= 8
    assert left[-1] == 12


@pytest.mark.long
def test_a_log_cut_at_every_offset(recorded: Recorded, tmp_path: Path) -> None:
    left = _cut_at(recorded, tmp_path, list(range(0, len(recorded.log) + 1, 7)))
    assert left == sorted(left)


def test_flipped_bits_in_the_log_drop_what_comes_after_and_nothing_else(recorded: Recorded, tmp_path: Path) -> None:
    chosen = random.Random(1)
    for _n in range(40):
        place = chosen.randrange(len(recorded.log))
        folder = tmp_path / "flip"
        copy_drawer(recorded.place / "crashed", folder)
        (folder / "drawer.db-shm").unlink(missing_ok=True)
        log = bytearray(recorded.log)
        log[place] ^= 1 << chosen.randrange(8)
        (folder / LOG).write_bytes(log)
        assert 8 <= asyncio.run(links_left(folder, recorded.key)) <= 12
