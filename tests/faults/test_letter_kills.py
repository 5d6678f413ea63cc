"""kill -9 at every named step of writing, posting, handing over, fetching, opening and filing (F01-F06, F36).

Each time the process is gone without a word, and the day is then finished from what the disk holds: nothing is lost,
nothing is doubled, the drawers open, and nothing that was locked lies anywhere in clear.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dearly.letter.failpoint import FAILPOINTS
from tests.support import days, sweep
from tests.support.drawers import run
from tests.support.killer import kill_at

KINDS = ("draft.", "post.", "hand-over.", "fetch.", "open.")
STEPS = sorted(step for step in FAILPOINTS if step.startswith(KINDS))
OFFICE_STEPS = ("office.before-commit", "office.after-commit")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("world")
    run(days.prepare(place))
    return place


@pytest.fixture(autouse=True)
def temporary_files_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the killed process leaves among temporary files is looked at as well."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))


def in_a_copy(world: Path, place: Path) -> Path:
    copy = place / "world"
    shutil.copytree(world, copy)
    return copy


def check(place: Path, said: list[str], reached: list[str]) -> None:
    ours, theirs = run(days.finish(place, said))
    for letters in (ours, theirs):
        assert sorted((one.direction, one.text) for one in letters) in (
            sorted([("out", days.TEXT), ("in", days.REPLY)]),
            sorted([("in", days.TEXT), ("out", days.REPLY)]),
        ), reached
    assert {one.letter_id for one in ours} == {one.letter_id for one in theirs}
    assert {one.state for one in ours} <= {"on_its_way", "held_for_them", "opened"}
    assert all(one.subject == days.SUBJECT for one in ours + theirs)
    everywhere = [place, Path(os.environ["TMPDIR"])]
    assert sweep.found(everywhere, days.MARKERS) == []
    assert sweep.names_with(everywhere, ["markersloe", "markerdamson"]) == []


def test_a_day_without_a_kill_reaches_every_step(world: Path, tmp_path: Path) -> None:
    place = in_a_copy(world, tmp_path)
    office = days.office(place)
    try:
        ended = kill_at(None, "tests.support.days", "day", place)
        assert ended.said[-1] == "done"
        assert {step for step in ended.reached if step.startswith(KINDS)} == set(STEPS)
        check(place, ended.said, ended.reached)
    finally:
        office.end()


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_its_first(world: Path, tmp_path: Path, step: str) -> None:
    _killed(world, tmp_path, step, 1)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("nth", [2, 3])
@pytest.mark.parametrize("step", STEPS)
def test_killed_later(world: Path, tmp_path: Path, step: str, nth: int) -> None:
    _killed(world, tmp_path, step, nth)


def _killed(world: Path, tmp_path: Path, step: str, nth: int) -> None:
    place = in_a_copy(world, tmp_path)
    office = days.office(place)
    try:
        ended = kill_at(step, "tests.support.days", "day", place, nth=nth)
        assert ended.killed or nth > 1
        check(place, ended.said, ended.reached)
    finally:
        office.end()


@pytest.mark.parametrize("step", OFFICE_STEPS)
def test_the_office_is_killed_while_it_takes_a_letter(world: Path, tmp_path: Path, step: str) -> None:
    """F05 from the other side: the desk gets no answer, and the office may or may not have the letter."""
    place = in_a_copy(world, tmp_path)
    office = days.office(place, die_at=step)
    try:
        kill_at(None, "tests.support.days", "write_and_post", place)
        assert office.process.poll() is not None, "the office was to die at this step"
    finally:
        office.kill()
    office = days.office(place)
    try:
        check(place, ["written", "posted"], [step])
    finally:
        office.end()


def test_every_failpoint_is_killed_somewhere() -> None:
    """The table of failpoints and the tests that kill there belong together."""
    tests = "".join(file.read_text() for file in Path(__file__).parents[1].rglob("test_*.py"))
    named = {step for step in FAILPOINTS if f'"{step}"' in tests} | set(STEPS)
    assert named == FAILPOINTS
