"""F43 at the size of a life, with the program itself: five gibibytes in bounded memory; a hundred thousand letters, and
the machine dies five times on the way.
"""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support import lifetime
from tests.support.commands import Machine, Person
from tests.support.door import short_folder
from tests.support.families import family
from tests.support.machines import cheap_drawer

GIB = 1 << 30
MOST_MIB = 400
"""Resident memory of all processes of an import together; what two of them share counts for both."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(4 * 3600)]


@pytest.fixture
def ada() -> Iterator[Person]:
    with short_folder() as folder:
        machine = Machine(folder, afresh=True)
        cheap_drawer(machine, "ada")
        somebody = machine.person("ada")
        assert somebody("setup --name Ada --own ada@letters.test").code == 0
        yield somebody


def _mbox(file: Path, enough: Callable[[int, int], bool], enclosed: int = 0) -> int:
    """Letters of a lifetime, again and again under other ids, until there are enough (how many, how many octets);
    with an enclosure of so many octets, which is another one in each. How many there are."""
    pattern = [one.data.replace(b"\r\n", b"\n") for one in lifetime.letters(500)]
    noise = base64.encodebytes(random.Random("noise").randbytes(4 << 20)).splitlines(keepends=True)
    lines = enclosed * 4 // 3 // 77
    number = 0
    with file.open("wb", buffering=1 << 20) as out:
        while not enough(number, out.tell()):
            head, _blank, body = pattern[number % len(pattern)].partition(b"\n\n")
            fields = [one for one in head.split(b"\n") if not one.startswith(b"Message-ID:")]
            fields.append(b"Message-ID: <n%d@letters.test>" % number)
            if lines:
                body = f"This is letter {number}, with a picture.\n".encode()
                kept = (b"Date:", b"From:", b"To:", b"Message-ID:", b"MIME-Version:")
                fields = [one for one in fields if one.startswith(kept)]
                fields.append(b'Content-Type: multipart/mixed; boundary="part"')
                start = number * 7 % (len(noise) - lines)
                body = (
                    b"--part\nContent-Type: text/plain\n\n%s\n--part\nContent-Type: image/x-noise; name=n%d.bin\n"
                    b"Content-Disposition: attachment; filename=n%d.bin\nContent-Transfer-Encoding: base64\n\n%s"
                    b"--part--\n" % (body, number, number, b"".join(noise[start : start + lines]))
                )
            out.write(b"From someone@letters.test Mon May  4 09:30:00 2009\n" + b"\n".join(fields) + b"\n\n")
            out.writelines(
                b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in body.splitlines(True)
            )
            out.write(b"\n")
            number += 1
    return number


class _Memory(threading.Thread):
    """The most that a process and its children held, in MiB, looked at four times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.most, self._pid = 0.0, pid
        self.start()

    def run(self) -> None:
        while (held := sum(map(_held, family(self._pid)))) > 0:
            self.most = max(self.most, held)
            time.sleep(0.25)


def _held(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _begin(ada: Person) -> subprocess.Popen[str]:
    return ada.machine.start("import", "letters.mbox", "--yes", "--json", drawer="ada")


def _to_its_end(process: subprocess.Popen[str]) -> Any:
    """The answer of an import, however long it takes."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return json.loads(out)


def test_five_gibibytes_in_bounded_memory(ada: Person) -> None:
    archive = ada.machine.folder / "letters.mbox"
    size = int(os.environ.get("LARGE_IMPORT_OCTETS", 5 * GIB))
    count = _mbox(archive, lambda _number, octets: octets >= size, enclosed=90_000)
    begun = time.monotonic()
    process = _begin(ada)
    memory = _Memory(process.pid)
    told = _to_its_end(process)
    took = time.monotonic() - begun
    print(f"{count} letters, {size >> 20} MiB: {took:.0f} s, at most {memory.most:.0f} MiB in all processes")
    assert (told["found"], told["taken"], told["failed"]) == (count, count, 0)
    assert memory.most < MOST_MIB


def test_a_hundred_thousand_letters_and_five_deaths(ada: Person) -> None:
    archive = ada.machine.folder / "letters.mbox"
    count = int(os.environ.get("LARGE_IMPORT_LETTERS", 100_000))
    assert _mbox(archive, lambda number, _octets: number >= count) == count
    before = archive.stat()
    chance = random.Random(os.environ.get("LARGE_IMPORT_SEED", "deaths"))
    deaths = 0
    while deaths < 5:
        process = _begin(ada)
        try:
            process.communicate(timeout=chance.uniform(4, 4 + count / 2500))
        except subprocess.TimeoutExpired:
            deaths += 1
            process.send_signal(signal.SIGKILL)
            process.communicate()
        else:
            break  # it was quicker than the deaths
    told = _to_its_end(_begin(ada))
    print(f"{deaths} deaths; {told}")
    assert deaths >= 3
    again = _to_its_end(_begin(ada))
    assert (again["found"], again["taken"], again["failed"]) == (count, 0, 0)
    assert (told["found"], told["taken"]) == (count, count)
    assert (archive.stat().st_size, archive.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
