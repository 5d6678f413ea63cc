"""Archives of many gigabytes in the memory of one letter."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from dearly.exchange import mbox
from tests.support.foreign_archives import FROM, letter

MEBI = 1 << 20
LETTER = FROM + letter("large", "All is well, and the weather is fine.\n" * 400) + b"\n"

_READ = """
import resource, sys
from pathlib import Path
from dearly.exchange.archive import Item, recognise
from dearly.opener.unpacking import unpack
source = recognise(Path(sys.argv[1]), unpack=unpack)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
letters = size = over = 0
cursors = []
for one in source.items(sys.argv[2]):
    if isinstance(one, Item):
        letters, size = letters + 1, size + len(one.data)
        if letters % 1000 == 0:
            cursors.append(one.cursor)
    else:
        over += 1
more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(letters, size, over, more, cursors[len(cursors) // 2])
"""


def reading(path: Path, cursor: str = "") -> tuple[int, int, int, int, str]:
    """Letters, their octets, what is passed over, KiB that it took, and a cursor from the middle."""
    done = subprocess.run([sys.executable, "-c", _READ, str(path), cursor], capture_output=True, check=True, text=True)
    *numbers, middle = done.stdout.split()
    letters, size, over, more = map(int, numbers)
    return letters, size, over, more, middle


def write(path: Path, octets: int) -> int:
    """A file of letters; how many there are."""
    count = octets // len(LETTER)
    together = 1_000
    with path.open("wb") as file:
        for _ in range(count // together):
            file.write(LETTER * together)
        file.write(LETTER * (count % together))
    return count


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mebi", [200, 5 << 10])
def test_an_mbox_of_any_size_in_bounded_memory(tmp_path: Path, mebi: int) -> None:
    path = tmp_path / "large.mbox"
    count = write(path, mebi * MEBI)
    try:
        letters, size, over, more, middle = reading(path)
        assert (letters, over) == (count, 0)
        assert size == count * (len(LETTER) - len(FROM) - 1)
        assert more < 32 << 10
        rest = reading(path, middle)
        assert 0 < rest[0] < count
        assert int(middle.rpartition("?")[2]) == (count - rest[0]) * len(LETTER)
    finally:
        path.unlink()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_packed_mbox_and_one_letter_without_end(tmp_path: Path) -> None:
    path = tmp_path / "large.mbox.gz"
    with gzip.open(path, "wb", 1) as file:
        for _ in range(2_000):
            file.write(LETTER)
        file.write(FROM + letter("endless"))
        for _ in range(300):
            file.write(b"x" * 77 * 13_000 + b"\n")
        for _ in range(2_000):
            file.write(LETTER)
    letters, _size, over, more, _middle = reading(path)
    assert (letters, over) == (4_000, 1)
    assert more < 300 << 10


def test_a_file_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "some.mbox"
    count = write(path, 24 * MEBI)
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            assert sum(piece.data is not None for piece in mbox.pieces(file)) == count
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * mbox.SAMPLE + 2 * MEBI
