"""A lifetime of letters: taken in, indexed and found, beside notmuch and mu on the same Maildir in one run.

    python -m benchmarks.archive [--sizes 2000,20000] [--pairs 3] [--keep FOLDER]

notmuch and mu index a Maildir and leave the letters where they are. Dearly keeps the letters as well, byte for byte and
encrypted, reads each in its limited child, and files it with people, threads, chain and index. Figures are processor
time of a program with its children (`wait4`), the clock beside it, and the largest sum of memory of all its processes
(proportional, sampled). In the sizes up to 5,000 letters the programs take turns several times, and the median is
given; larger ones are run once. Letters are invented (`tests.support.lifetime`), the same ones for everybody.

- index: from an empty index (an empty drawer) to the last letter; what lies on the disk then.
- new: ten letters more on top of that, as a whole process.
- questions: a whole process of each program, fifty newest. Dearly as its own script, with a drawer whose passphrase
  costs next to nothing; then as the thin client of a desk that runs; then in process, with the text around the words.
- cold: opening the drawer with its key, and the first answer.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support import lifetime
from tests.support.drawers import PASSPHRASE, make_drawer
from tests.support.families import family

from dearly.assemble.machine import CHANCE, CLOCK
from dearly.assemble.ways import MachineWays
from dearly.desk import search as searching
from dearly.desk import setup
from dearly.desk.desk import Desk, keyholder_of
from dearly.drawer.drawer import Drawer
from dearly.opener.pool import Opener

TURNS = 7
QUESTIONS = {
    "rare": "heliotropium",
    "common": "garden",
    "phrase": '"under the old walnut tree"',
    "from+year": "from:friend03@post.test year:2012 garden",
    "prefix": "heliotr*",
    "CJK": "紫陽花日和",
    "nothing": "zzyzzyqx",
}
NOTMUCH = QUESTIONS | {"from+year": "from:friend03@post.test date:2012..2012 garden"}
MU = QUESTIONS | {"from+year": "from:friend03@post.test date:2012..2012 garden", "CJK": '"紫陽花日和"'}


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of processor time and of the clock, and MiB of memory at most."""

    cpu: float
    wall: float
    memory: float


def run(command: Sequence[str | Path], env: Mapping[str, str] | None = None, out: Path | None = None) -> Took:
    """Run a program to its end; what it cost. Fails with it."""
    with (out or Path(os.devnull)).open("wb") as sink:
        begun = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)), stdout=sink, stderr=subprocess.PIPE, env=dict(os.environ) | dict(env or {})
        )
        most = [0.0]
        watching = threading.Thread(target=_watch, args=(process.pid, most), daemon=True)
        watching.start()
        assert process.stderr is not None
        said = process.stderr.read()
        _pid, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}: {said.decode(errors='replace')[-2000:]}")
    return Took(usage.ru_utime + usage.ru_stime, wall, most[0])


def _watch(pid: int, most: list[float]) -> None:
    while Path(f"/proc/{pid}").exists():
        most[0] = max(most[0], sum(map(_memory, family(pid))))
        time.sleep(0.1)


def _memory(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def weight(folder: Path) -> float:
    """MiB on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file()) / 2**20


class Notmuch:
    """notmuch, with an index of its own beside the Maildir."""

    name = "notmuch"

    def __init__(self, place: Path, mail: Path) -> None:
        self.index = place / "notmuch"
        self.index.mkdir()
        config = place / "notmuch.conf"
        config.write_text(
            f"[database]\nmail_root={mail}\npath={self.index}\n[user]\nname=Ada\nprimary_email=ada@letters.test\n"
            "[new]\ntags=\n[search]\n[maildir]\nsynchronize_flags=false\n"
        )
        self.env = {"NOTMUCH_CONFIG": str(config)}

    def take_in(self) -> Took:
        return run(["notmuch", "new", "--quiet"], self.env)

    def ask(self, question: str) -> Took:
        return run(["notmuch", "search", "--limit=50", NOTMUCH[question]], self.env)

    def weight(self) -> float:
        return weight(self.index)


class Mu:
    """mu, with an index of its own beside the Maildir."""

    name = "mu"

    def __init__(self, place: Path, mail: Path) -> None:
        self.index = place / "mu"
        self.base = ["mu", "--quiet", f"--muhome={self.index}"]
        run(["mu", "init", "--quiet", f"--muhome={self.index}", f"--maildir={mail}", "--my-address=ada@letters.test"])

    def take_in(self) -> Took:
        return run(["mu", "index", "--quiet", f"--muhome={self.index}"])

    def ask(self, question: str) -> Took:
        with suppress(SystemExit):  # nothing found is a failure to it
            return run(["mu", "find", f"--muhome={self.index}", "--maxnum=50", "--sortfield=date", "-z", MU[question]])
        return Took(0, 0, 0)

    def weight(self) -> float:
        return weight(self.index)


class Dearly:
    """A drawer, the letters in it. Its slots cost next to nothing; deriving a key is no part of this."""

    name = "Dearly"

    def __init__(self, place: Path, mail: Path) -> None:
        self.place, self.mail, self.drawer = place, mail, place / "drawer"
        self.secret = place / "passphrase"
        self.secret.write_text(PASSPHRASE)
        self.secret.chmod(0o600)
        self.env = {
            "DEARLY_DRAWER": str(self.drawer),
            "DEARLY_PASSPHRASE_FILE": str(self.secret),
            "HOME": str(place),
            "XDG_RUNTIME_DIR": str(place),
            "XDG_STATE_HOME": str(place / "state"),
            "XDG_DATA_HOME": str(place / "data"),
        }
        self.command = str(Path(sys.executable).with_name("dearly"))
        asyncio.run(self._make())

    async def _make(self) -> None:
        async with AsyncExitStack() as stack:
            desk = await a_desk(stack, self.place)
            await setup.begin(desk, "Ada")
            await desk.drawer.write(lambda db: setup_address(db))

    def take_in(self) -> Took:
        return run([self.command, "import", self.mail, "--yes", "--json"], self.env)

    def ask(self, question: str) -> Took:
        return run([self.command, "search", QUESTIONS[question], "--limit", "50"], self.env)

    def weight(self) -> float:
        return sum(path.stat().st_blocks * 512 for path in self.drawer.glob("drawer.db*")) / 2**20


def setup_address(db: object) -> None:
    """Ada's address is hers from the first day."""
    from dearly.drawer import accounts
    from dearly.letter.address import Address

    accounts.add_left_address(db, Address.parse(lifetime.ME[1]), now=CLOCK.now(), chance=CHANCE)  # type: ignore[arg-type]  # a Db


async def a_desk(stack: AsyncExitStack, place: Path) -> Desk:
    """A desk at the drawer there, made where there is none."""
    state = place / "state"
    if (place / "drawer").exists():
        drawer = await Drawer.open(place / "drawer", PASSPHRASE, clock=CLOCK, chance=CHANCE, state=state)
    else:
        drawer = await make_drawer(place / "drawer", clock=CLOCK, chance=CHANCE, state=state)
    desk = Desk(drawer, Opener, keyholder_of, MachineWays(place / "office"), CLOCK, CHANCE, state)
    stack.push_async_callback(desk.close)
    return desk


def maildir(folder: Path, size: int) -> Path:
    """The letters, made once."""
    if not (folder / "cur").exists():
        print(f"  making {size:,} letters")
        lifetime.maildir(folder, size)
    return folder


def index(place: Path, size: int, pairs: int) -> dict[str, Notmuch | Mu | Dearly]:
    """Take everything in, each program in its turn; the ones of the last turn."""
    mail = maildir(place / f"mail-{size}", size)
    taken: dict[str, list[Took]] = {}
    programs: dict[str, Notmuch | Mu | Dearly] = {}
    for turn in range(pairs if size <= 5000 else 1):
        for made in (Notmuch, Mu, Dearly):
            folder = place / f"{made.name}-{size}-{turn}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            program = programs[made.name] = made(folder, mail)
            taken.setdefault(made.name, []).append(program.take_in())
    often = f"median of {pairs}" if size <= 5000 else "once"
    print(f"\n{size:,} letters, {weight(mail):,.0f} MiB as a Maildir; {often}")
    middle = {name: median(some) for name, some in taken.items()}
    ours = middle["Dearly"]
    disk = {name: program.weight() + (0 if name == "Dearly" else weight(mail)) for name, program in programs.items()}
    for name, took in middle.items():
        line = f"  {name:8} {took.cpu:8.1f} s cpu {took.cpu / size * 1e3:6.2f} ms each {took.wall:8.1f} s wall"
        line += f" {took.memory:7.0f} MiB memory {disk[name]:8.0f} MiB mail and index"
        if name != "Dearly":
            each = [a.cpu / b.cpu for a, b in zip(taken["Dearly"], taken[name], strict=True)]
            line += f"   Dearly: cpu {statistics.median(each):.2f} ({min(each):.2f}-{max(each):.2f}),"
            line += f" wall {ours.wall / took.wall:.2f}, memory {ours.memory / took.memory:.2f},"
            line += f" disk {disk['Dearly'] / disk[name]:.2f}"
        print(line)
    return programs


def median(some: Sequence[Took]) -> Took:
    """The middle of each figure."""
    return Took(*(statistics.median(getattr(one, field) for one in some) for field in ("cpu", "wall", "memory")))


def ten_more(place: Path, size: int, programs: Mapping[str, Notmuch | Mu | Dearly]) -> None:
    """Ten letters on top, several times."""
    mail = place / f"mail-{size}"
    taken: dict[str, list[Took]] = {name: [] for name in programs}
    for turn in range(5):
        lifetime.maildir(mail, 10, start=size + 10 * turn, jobs=1)
        for name, program in programs.items():
            taken[name].append(program.take_in())
    print("  ten new on top, a whole process:")
    ours = median(taken["Dearly"])
    for name, some in taken.items():
        one = median(some)
        ratio = "" if name == "Dearly" else f"   Dearly: cpu {ours.cpu / one.cpu:.2f}, wall {ours.wall / one.wall:.2f}"
        print(f"  {name:8} {one.cpu:8.3f} s cpu {one.wall:8.3f} s wall{ratio}")


def questions(programs: Mapping[str, Notmuch | Mu | Dearly]) -> None:
    """Whole processes: cold by itself, then of a client of a desk that runs."""
    ours = programs["Dearly"]
    assert isinstance(ours, Dearly)
    print("  questions, whole process, ms of the clock (median of", TURNS, "):")
    rows = {name: {q: _ms(lambda p=program, q=q: p.ask(q)) for q in QUESTIONS} for name, program in programs.items()}  # type: ignore[misc]  # bound now
    owner = subprocess.Popen(
        [ours.command, "unlock"], env=dict(os.environ) | ours.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    owner.wait(60)
    rows["running"] = {q: _ms(lambda q=q: ours.ask(q)) for q in QUESTIONS}  # type: ignore[misc]  # bound now
    run([ours.command, "lock"], ours.env)
    for name, row in rows.items():
        print(f"  {name:8} " + "  ".join(f"{q} {ms:6.1f}" for q, ms in row.items()))
    for mine in ("Dearly", "running"):
        for other in ("notmuch", "mu"):
            ratios = "  ".join(f"{q} {rows[mine][q] / rows[other][q]:.2f}" for q in QUESTIONS if rows[other][q])
            print(f"  {mine}/{other}: {ratios}")


def _ms(ask: Callable[[], Took]) -> float:
    return statistics.median(ask().wall for _turn in range(TURNS)) * 1e3


async def within(place: Path, notmuch: Notmuch) -> None:
    """In process: with what stands around the words, by date and by relevance; and the first answer of all."""
    begun = time.perf_counter()
    async with AsyncExitStack() as stack:
        desk = await a_desk(stack, place)
        opened = time.perf_counter()
        await searching.search(desk, "heliotropium")
        first = time.perf_counter()
        print(f"  cold: open {1e3 * (opened - begun):.1f} ms (with a passphrase of no cost), first answer", end=" ")
        print(f"{1e3 * (first - opened):.1f} ms")
        print("  in process, 50 newest with what stands around, ms (median of 30); notmuch search in brackets:")
        for question, text in QUESTIONS.items():
            line = f"    {question:10}"
            for by in ("date", "relevance"):
                took = []
                for _turn in range(30):
                    at = time.perf_counter()
                    found = await searching.search(desk, text, by=by)  # type: ignore[arg-type]  # one of the two
                    took.append(time.perf_counter() - at)
                line += f"  by {by} {statistics.median(took) * 1e3:7.2f}"
            beside = _ms(lambda q=question: notmuch.ask(q))  # type: ignore[misc]  # bound now
            print(f"{line}  [{beside:.0f}]  {found.total} letters")


def main() -> None:
    """Print it all."""
    options = argparse.ArgumentParser()
    options.add_argument("--sizes", default="2000")
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--keep", type=Path, help="a folder in which mail and drawers stay")
    given = options.parse_args()
    missing = [program for program in ("notmuch", "mu") if shutil.which(program) is None]
    if missing:
        print("Not installed, so there is nothing to measure beside:", *missing)
        return
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for size in map(int, given.sizes.split(",")):
            programs = index(place, size, given.pairs)
            ten_more(place, size, programs)
            questions(programs)
            ours, notmuch = programs["Dearly"], programs["notmuch"]
            assert isinstance(ours, Dearly)
            assert isinstance(notmuch, Notmuch)
            asyncio.run(within(ours.place, notmuch))


if __name__ == "__main__":
    main()
