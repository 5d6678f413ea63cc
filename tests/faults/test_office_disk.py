"""The office's SQLite store on a disk that fails, fills up, or loses its power (F13, F15, F16).

Every act is a request of the real application over the real store; underneath, a layer lets a chosen write or sync
fail, or remembers all of them, so that the disk can be put together as a power cut may have left it. Whatever happens:
what was acknowledged is there when the store is opened again, what was not is there whole or not at all, and the one
who asked was told so once and plainly.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest

from dearly.letter import failpoint
from dearly.letter.errors import DearlyError
from dearly.office import moving, sqlite
from dearly.office.sqlite_file import FILE
from tests.support.fault_vfs import Disk, FaultLayer, after_power_cuts, io_error, no_space
from tests.support.office_day import ACTS, Play, acknowledged, begin, look_through, play
from tests.support.offices import MachineChance

WAL = f"{FILE}-wal"
FULL, BROKEN = (no_space, "no_space"), (io_error(apsw.SQLITE_IOERR_WRITE), "store_failed")
UNSYNCED = (io_error(apsw.SQLITE_IOERR_FSYNC), "store_failed")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """A closed store with three letters in it."""
    return begin(tmp_path_factory.mktemp("disk") / "office")


# -- a write or a sync that fails


def failing(day: Play, what: str, ending: str, error: Any, n: int, *, times: int = 1, half: bool = False) -> bool:
    """Play with the nth such call failing, look through what is left, repeat what was refused; whether it failed."""
    raises, code = error
    layer = FaultLayer(day.folder.name)
    layer.fail(what, ending, raises, after=n, times=times, half=half)
    with layer.everywhere():
        healthy, refused = asyncio.run(play(day))
    plan = layer._planned[0]
    failed = plan.times < times
    if not failed:
        assert acknowledged(day) == set(ACTS)
    elif refused is not None:
        assert refused.code == code
    else:
        wrong = [told for told in day.told.values() if told is not None]
        assert set(wrong) <= {code}
        if code == "store_failed":
            # From the first failure on nothing more is taken in (F15).
            first = next((i for i, name in enumerate(ACTS) if day.told[name]), len(ACTS))
            assert all(day.told[name] for name in ACTS[first:])
            assert not (wrong and healthy)
        elif times == 1:
            assert healthy
            assert len(wrong) <= 1
    left = look_through(day, acknowledged(day), set(day.told))
    again = tuple(name for name in ACTS if name not in left)
    assert asyncio.run(play(day, again)) == (True, None)
    assert look_through(day, set(ACTS), set(ACTS)) == set(ACTS)
    return failed


CASES = [
    ("write", WAL, BROKEN, 1, False),
    ("write", WAL, BROKEN, 1, True),
    ("write", WAL, FULL, 1, False),
    ("write", WAL, FULL, 1_000, False),
    ("write", WAL, FULL, 1, True),
    ("sync", WAL, UNSYNCED, 1, False),
    ("sync", WAL, UNSYNCED, 1_000, False),
    ("write", FILE, BROKEN, 1, False),
    ("write", FILE, FULL, 1, False),
    ("sync", FILE, UNSYNCED, 1, False),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_a_write_that_fails(before: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: int) -> None:
    """Near the beginning, and somewhere in the middle; `test_every_write_that_fails` tries them all."""
    monkeypatch.setattr(sqlite, "_LOG_PAGES", 20)
    what, ending, error, times, half = CASES[case]
    places = (0, 31 + case) if what == "write" else (1,)
    assert all(
        failing(before.over(tmp_path / f"{case}-{n}"), what, ending, error, n, times=times, half=half) for n in places
    )


@pytest.mark.long
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("case", range(len(CASES)))
def test_every_write_that_fails(before: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: int) -> None:
    monkeypatch.setattr(sqlite, "_LOG_PAGES", 20)
    what, ending, error, times, half = CASES[case]
    n = 0
    while failing(before.over(tmp_path / f"all-{case}-{n}"), what, ending, error, n, times=times, half=half):
        shutil.rmtree(tmp_path / f"all-{case}-{n}")
        n += 1
    assert n > (30 if what == "write" else 2)


# -- the power goes


@dataclass
class Recorded:
    """A day without trouble, every write of it, and the file before it. `committed`: how many steps had been done when
    the commit of each act returned."""

    day: Play
    layer: FaultLayer
    first: bytes
    committed: list[int]


@pytest.fixture(scope="module")
def recorded(before: Play, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    day = before.over(tmp_path_factory.mktemp("power") / "office")
    layer, committed = FaultLayer("office-power"), list[int]()
    first = (day.folder / FILE).read_bytes()

    def reached(step: str) -> None:
        if step == "office.after-commit":
            committed.append(len(layer.done))

    with pytest.MonkeyPatch.context() as patch, layer.everywhere():
        patch.setattr(sqlite, "_LOG_PAGES", 20)
        failpoint.listen(reached)
        try:
            assert asyncio.run(play(day)) == (True, None)
        finally:
            failpoint.listen(None)
    assert {step.file for step in layer.done} >= {FILE, WAL}
    assert len(committed) == len(ACTS)
    return Recorded(day, layer, first, committed)


KEEP: dict[str, Callable[[int], bool]] = {
    "nothing unsynced": lambda _n: False,
    "all of it": lambda _n: True,
    "every other write": lambda n: n % 2 == 0,
    "the later ones only": lambda n: n % 5 >= 3,
    "any of it": lambda n: random.Random(n).random() < 0.5,
}


def cut(recorded: Recorded, place: Path, keep: Callable[[int], bool], every: int, torn: bool) -> None:
    """Let the power go after every so many steps, and at each commit. `torn`: of the last write only a part was
    done, though all before it had reached the disk."""
    start = Disk({FILE: bytearray(recorded.first)})
    done, committed = recorded.layer.done, recorded.committed
    for steps, disk in after_power_cuts(start, done, keep):
        step = done[steps - 1]
        if steps % every and (torn or steps not in committed):
            continue
        if torn:
            if step.what != "write":
                continue
            disk = start.copy()
            for earlier in done[: steps - 1]:
                disk.apply(earlier)
            disk.apply(type(step)(step.what, step.file, step.offset, step.data[: len(step.data) // 3]))
        folder = place / "after"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        disk.put(folder)
        sure = sum(end <= steps for end in committed)
        look_through(recorded.day.at(folder), set(ACTS[:sure]), set(ACTS[: sure + 1]))


@pytest.mark.parametrize("what", ["nothing unsynced", "any of it"])
def test_the_power_goes(recorded: Recorded, tmp_path: Path, what: str) -> None:
    cut(recorded, tmp_path, KEEP[what], 120, torn=False)


def test_the_power_goes_in_the_middle_of_a_write(recorded: Recorded, tmp_path: Path) -> None:
    cut(recorded, tmp_path, KEEP["all of it"], 29, torn=True)


@pytest.mark.long
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize(("what", "torn"), [*((what, False) for what in KEEP), ("all of it", True)])
def test_the_power_goes_anywhere(recorded: Recorded, tmp_path: Path, what: str, torn: bool) -> None:
    cut(recorded, tmp_path, KEEP[what], 1, torn=torn)


# -- while it is moved to another store


def belongings(folder: Path) -> dict[str, Any]:
    """All that an office holds, with every byte of it."""
    with moving.place(folder) as place, place.looking() as shelf:
        found = {}
        for key in shelf.marks():
            b = shelf.belongings(key)
            assert b
            parcels = {row[0]: shelf.bytes_of(key, row[0]) for row in b.blobs}
            found[key] = (b.person, parcels, sorted(b.blobs), sorted(b.emails), sorted(b.gone), b.submissions)
        return found


def quiet(_what: str, _done: int, _total: int) -> None:
    pass


def moves(source: Path, target: Path) -> None:
    asyncio.run(moving.move(source, target, MachineChance(), quiet))


def opens(folder: Path) -> str:
    """ "" if an office may be served from there, or why not."""
    try:
        asyncio.run(_open_and_close(folder))
    except DearlyError as e:
        return e.code
    return ""


async def _open_and_close(folder: Path) -> None:
    await sqlite.SqliteStore.open(folder).close()


def one_of_two(place: Path, wanted: dict[str, Any]) -> None:
    """The office may be served from one of the stores alone, and is whole there; a move that is begun again ends."""
    old, new = opens(place / "old"), opens(place / "new")
    assert (old, new) in {("", ""), ("", "half_moved"), ("moved", "")}, (old, new)
    if not old:
        assert belongings(place / "old") == wanted
        if not new and belongings(place / "new"):
            assert belongings(place / "new") == wanted  # it was about to be closed for ever
        with moving.place(place / "old") as there, there.writing() as shelf:
            shelf.set_fact("closed", None)  # its lease, which would run out by itself
        moves(place / "old", place / "new")
    assert belongings(place / "new") == wanted


@pytest.fixture
def two(before: Play, tmp_path: Path) -> Path:
    """A folder with an office and an empty place for it."""
    shutil.copytree(before.folder, tmp_path / "0" / "old")
    asyncio.run(sqlite.SqliteStore.create(tmp_path / "0" / "new", MachineChance(), domain="letters.test").close())
    return tmp_path / "0"


def move_failing(two: Path, what: str, ending: str, error: Any, n: int) -> bool:
    wanted = belongings(two / "old")
    place = shutil.copytree(two, two.with_name(f"move-{n}"))
    layer = FaultLayer(f"{two.parent.name}-{what}-{n}")
    layer.fail(what, ending, error[0], after=n)
    told = ""
    with layer.everywhere():
        try:
            moves(place / "old", place / "new")
        except DearlyError as e:
            told = e.code
    assert told in ("", error[1])
    one_of_two(place, wanted)
    shutil.rmtree(place)
    return layer._planned[0].times == 0


MOVING = [("write", WAL, FULL), ("write", WAL, BROKEN), ("sync", WAL, UNSYNCED), ("sync", FILE, UNSYNCED)]


@pytest.mark.parametrize("case", range(len(MOVING)))
def test_a_move_whose_disk_fails(two: Path, case: int) -> None:
    what, ending, error = MOVING[case]
    assert move_failing(two, what, ending, error, 7 if what == "write" else 2)


@pytest.mark.long
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("case", range(len(MOVING)))
def test_a_move_whose_disk_fails_anywhere(two: Path, case: int) -> None:
    what, ending, error = MOVING[case]
    n = 0
    while move_failing(two, what, ending, error, n):
        n += 1
    assert n > 2


def move_cut(two: Path, every: int, keep: Callable[[int], bool]) -> None:
    wanted = belongings(two / "old")
    start = Disk({f"{name}/{FILE}": bytearray((two / name / FILE).read_bytes()) for name in ("old", "new")})
    layer = FaultLayer(f"cut-{two.parent.name}", root=two)
    with layer.everywhere():
        moves(two / "old", two / "new")
    cuts = 0
    for steps, disk in after_power_cuts(start, layer.done, keep):
        if steps % every:
            continue
        place = two.with_name("cut")
        shutil.rmtree(place, ignore_errors=True)
        for name in ("old", "new"):
            (place / name).mkdir(parents=True)
        disk.put(place)
        one_of_two(place, wanted)
        cuts += 1
    assert cuts > 5


def test_the_power_goes_while_it_is_moved(two: Path) -> None:
    move_cut(two, 11, KEEP["any of it"])


@pytest.mark.long
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("what", KEEP)
def test_the_power_goes_anywhere_while_it_is_moved(two: Path, what: str) -> None:
    move_cut(two, 1, KEEP[what])
