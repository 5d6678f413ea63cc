"""F17: an export that is killed, or whose disk is full, leaves nothing that could be taken for a whole one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dearly.exchange.export_tree import MARK, SUMS, Tree
from dearly.letter.errors import InUse
from tests.support.killer import ROOT, kill_at

STEPS = ["export.half-written", "export.before-rename", "export.after-rename"]


def fill(folder: str) -> None:
    """In a child that is killed: an export of a few files."""
    with Tree(Path(folder)) as tree:
        for n in range(100):
            tree.write(f"{n % 3}/{n}.txt", b"%d" % n * 100)
        tree.finish()


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_it_is_whole_or_seen_not_to_be(tmp_path: Path, step: str) -> None:
    target = tmp_path / "out"
    assert kill_at(step, "tests.faults.test_export", "fill", target).killed
    partial = tmp_path / "out.partial"
    if step == "export.after-rename":
        assert not partial.exists()
    else:
        assert not target.exists()
        assert partial.is_dir()
        fill(str(target))  # the next one clears away what is left
        assert not partial.exists()
    assert not (target / MARK).exists()
    assert len(list(target.rglob("*.txt"))) == 100
    subprocess.run(["sha256sum", "-c", "--quiet", "--strict", SUMS], cwd=target, check=True)


def test_two_at_once_into_one_place(tmp_path: Path) -> None:
    with Tree(tmp_path / "out") as tree:
        assert "not come to its end" in (tree.folder / MARK).read_text()
        with pytest.raises(InUse), Tree(tmp_path / "out"):
            raise AssertionError("unreachable")
        tree.write("a.txt", b"a")
        tree.finish()
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"a"


@pytest.mark.parametrize("where", ["write", "stream", "grow"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, where: str) -> None:
    small = tmp_path / "small"
    small.mkdir()
    script = f"""
import errno, sys
from pathlib import Path
from dearly.exchange.export_tree import Tree
place = Path(sys.argv[1])
try:
    with Tree(place / "out") as tree:
        stream = tree.begin("stream") if {where!r} == "stream" else None
        for n in range(100):
            if stream: stream.write(bytes(10_000))
            elif {where!r} == "grow": tree.grow("grown", bytes(10_000))
            else: tree.write(f"{{n}}", bytes(10_000))
        tree.finish()
except OSError as trouble:
    print(trouble.errno == errno.ENOSPC, list(place.iterdir()))
"""
    steps = 'mount -t tmpfs -o size=300k none "$1" && exec "$2" -c "$3" "$1"'
    order = ["unshare", "-m", "sh", "-c", steps, "sh", str(small), sys.executable, script]
    ended = subprocess.run(order, cwd=ROOT, capture_output=True, text=True)
    if ended.returncode and not ended.stdout:
        pytest.skip("no small disk can be made here")
    assert ended.stdout == "True []\n"
