"""Octets that wait beside the drawer, sealed and without a name."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from dearly.drawer.spool import PIECE, Spool
from dearly.letter.errors import Damaged, NoSpace


def filled(folder: Path, data: bytes, step: int = 70_001) -> Spool:
    spool = Spool(folder)
    for at in range(0, len(data), step):
        spool.write(data[at : at + step])
    spool.end()
    return spool


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5])
def test_it_gives_back_what_was_written_from_anywhere(tmp_path: Path, size: int) -> None:
    data = random.Random(size).randbytes(size)
    spool = filled(tmp_path, data)
    assert spool.size == size
    with spool.opened() as file:
        assert file.read() == data
        for at in (0, 1, PIECE - 1, PIECE, size // 2, size, size + 9):
            file.seek(at)
            assert file.read(PIECE + 3) == data[at : at + PIECE + 3]
        file.seek(-1, os.SEEK_END)
        assert file.read() == data[-1:]


def test_it_has_no_name_is_sealed_and_goes_with_whoever_knew_it(tmp_path: Path) -> None:
    spool = filled(tmp_path, b"Dear Ada, " * 20_000)
    assert list(tmp_path.iterdir()) == []
    there = Path(f"/proc/self/fd/{spool._file}")
    assert b"Dear Ada" not in there.read_bytes()
    spool.close()
    spool.close()
    assert not there.exists() or "deleted" not in str(there.readlink())
    other = filled(tmp_path, b"x")
    number = other._file
    del other
    with pytest.raises(OSError):
        os.fstat(number)


def test_what_the_disk_gives_otherwise_than_it_was_written_is_noticed(tmp_path: Path) -> None:
    spool = filled(tmp_path, bytes(2 * PIECE))
    os.pwrite(spool._file, b"x", PIECE + 40)
    with spool.opened() as file:
        assert file.read(PIECE) == bytes(PIECE)
        with pytest.raises(Damaged):
            file.read(1)


def test_a_full_disk_and_a_folder_that_may_not_be_written_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoSpace):
        Spool(tmp_path / "none")

    def full(*_given: object) -> int:
        raise OSError(28, "No space left on device")

    spool = Spool(tmp_path)
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(NoSpace):
        spool.write(bytes(PIECE))


def test_after_closing_nothing_is_done_to_the_file_that_has_its_number_now(tmp_path: Path) -> None:
    """A thread that writes goes on for a moment when the upload it writes for is broken off."""
    spool = filled(tmp_path, bytes(3 * PIECE))
    spool.close()
    other = tmp_path / "other"
    with other.open("w+b") as file:
        assert file.fileno() == spool._file
        with pytest.raises(NoSpace):
            spool.write(bytes(PIECE))
        assert other.stat().st_size == 0
        with pytest.raises(OSError):
            spool.opened().read()
