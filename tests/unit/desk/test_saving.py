"""Saving enclosures: never over a file, never half, also on a stick that knows no links."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dearly.desk import saving
from dearly.letter.content import Enclosure
from dearly.letter.errors import NoSpace, Usage

CORN = Enclosure("corn.txt", "text/plain", b"corn\r\n")


def no_links(*_paths: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("links", [True, False])
def test_each_gets_a_name_of_its_own(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "corn.txt").write_bytes(b"mine")
    saved = saving.save([CORN, CORN, Enclosure("../../.profile", "text/plain", b"x")], tmp_path)
    assert [path.name for path in saved[:2]] == ["corn 2.txt", "corn 3.txt"]
    assert (tmp_path / "corn.txt").read_bytes() == b"mine"
    assert all(path.parent == tmp_path for path in saved)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in saved)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["corn.txt", *(p.name for p in saved)])


@pytest.mark.parametrize("links", [True, False])
def test_a_full_disk_leaves_no_half_file(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """F17."""
    if not links:
        monkeypatch.setattr(os, "link", no_links)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NoSpace):
        saving.save([CORN], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Usage):
        saving.save([CORN], tmp_path / "file")
