"""Memory of the real process of a desk with 100,000 letters: unlocked, visited in the browser's way, then left alone.

The process is started as `dearly` starts it, its web face is on, and every kind of page is looked at once before it is
measured, so that templates, styles, the pages of the database that are kept in memory and the children are all there.
Resident is what the system counts for each process by itself (VmRSS), libraries that several share in each of them;
proportional (Pss) shares these out, so that its sum is what the machine gives to all of them together. The goal is for
the desk's own process.

    python -m benchmarks.web_memory [LETTERS] [FOLDER]

FOLDER: of drawers that `benchmarks.web_pages` kept.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.support.commands import Machine
from tests.support.sitting import Visit, a_machine, sit_down

from benchmarks.contents import MANY
from benchmarks.web_pages import WORD, furnished, pages

GOAL = 120
"""MiB of the desk's process."""


async def prepared(folder: Path, count: int) -> list[str]:
    """Addresses of every kind of page in this drawer, which is made where it is not there."""
    desk = await furnished(folder, count)
    try:
        return list((await desk.drawer.read(pages)).values())
    finally:
        await desk.close()


def memory(pid: int) -> tuple[float, float]:
    """Resident and proportional MiB of a process."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if ":" in line[:20]
    )
    resident, proportional = (int(fields[name].split()[0]) / 1024 for name in ("Rss", "Pss"))
    return resident, proportional


def family(pid: int) -> list[int]:
    """A process and its children."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(n) for n in (task / "children").read_text().split()]
    return found


def kind(pid: int) -> str:
    """What a process is for."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return " ".join(word for word in words[words.index("-m") + 1 :] if word and "/" not in word)


def told(what: str, pid: int) -> None:
    """Print what the family has."""
    sizes = [(kind(one), *memory(one)) for one in family(pid)]
    print(f"  {what}")
    for name, resident, proportional in sizes:
        print(f"    {name:36} {resident:6.0f} MiB resident, {proportional:6.0f} proportional")
    print(f"    {'together':36} {'':>19} {sum(size for _name, _resident, size in sizes):10.0f}")


def measure(machine: Machine, drawer: Path, looked_at: list[str]) -> None:
    """Unlock, visit, wait, print."""
    machine.write("passphrase.txt", WORD + "\n", mode=0o600)
    name = str(drawer.absolute())
    done = machine.run("unlock", drawer=name)
    assert done.code == 0, done.err
    try:
        (pid,) = (int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit() and _holds(one, name))
        told("unlocked", pid)
        visit: Visit = sit_down(machine, name)
        visit.come_in()
        for path in looked_at:
            assert visit.get(path).status_code == 200, path
        time.sleep(5)
        told("visited, every kind of page looked at", pid)
    finally:
        machine.run("lock", drawer=name)


def _holds(process: Path, drawer: str) -> bool:
    try:
        words = (process / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return False
    return drawer in words and "opener" not in " ".join(words)


def main() -> None:
    """Fill, look, print."""
    options = sys.argv[1:]
    many = int(options.pop(0)) if options and options[0].isdigit() else MANY
    with tempfile.TemporaryDirectory() as place, a_machine() as machine:
        drawer = Path(options[0] if options else place) / str(many)
        measure(machine, drawer, asyncio.run(prepared(drawer, many)))
    print(f"  goal: at most {GOAL} MiB for the desk's process")


if __name__ == "__main__":
    main()
