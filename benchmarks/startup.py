"""What it costs to start: `python -m benchmarks.startup`.

Processor time of whole processes, beside a process that imports click and does nothing. Paired runs, in turns, and the
ratio of the medians: the machine's mood then falls on both alike. The two ways of one command are compared as well: as
the thin client of an open drawer, and opening the drawer itself. That is compared twice: as it is, and with a
passphrase that costs next to nothing, so that what is left is ours. How both stand beside mu and notmuch is in
`benchmarks.archive`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from tests.support.commands import Machine
from tests.support.door import short_folder
from tests.support.drawers import PASSPHRASE, make_drawer

GOALS = {"dearly --help": 1.3, "dearly": 1.3}
"""At most this many times the cost of importing click."""

_CLICK = [sys.executable, "-c", "import click"]
_PROGRAM = str(Path(sys.executable).with_name("dearly"))


def _cost(argv: list[str], env: dict[str, str], cwd: Path) -> float:
    """Seconds of processor time of one run, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _paired(runs: dict[str, list[str]], rounds: int, env: dict[str, str], cwd: Path) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in runs}
    for argv in runs.values():
        _cost(argv, env, cwd)
    for _ in range(rounds):
        for name, argv in runs.items():
            times[name].append(_cost(argv, env, cwd))
    return {name: statistics.median(spent) for name, spent in times.items()}


def _print(found: dict[str, float], measure: str) -> None:
    for name, spent in found.items():
        ratio = "" if name == measure else f"{spent / found[measure]:5.2f} x {measure}"
        goal = f"   goal {GOALS[name]}" if name in GOALS else ""
        print(f"{name:34} {spent * 1e3:7.1f} ms  {ratio}{goal}")


async def _free_drawer(folder: Path) -> None:
    """A drawer whose passphrase costs nothing to derive from."""
    await (await make_drawer(folder / "free")).close()
    (folder / "free.txt").write_text(PASSPHRASE + "\n")
    (folder / "free.txt").chmod(0o600)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds: int = parser.parse_known_args()[0].rounds
    with short_folder() as folder:
        machine = Machine(folder)
        env = {**os.environ, **machine.env, "DEARLY_DRAWER": "ada", "DEARLY_PASSPHRASE_FILE": "passphrase.txt"}
        helps = {
            "import click": _CLICK,
            "dearly --help": [_PROGRAM, "--help"],
            "dearly": [_PROGRAM],
            "dearly post --help": [_PROGRAM, "post", "--help"],
        }
        _print(_paired(helps, rounds, env, folder), "import click")
        ada = machine.person("ada")
        ada("setup --name Ada --own ada@letters.test")
        asyncio.run(_free_drawer(folder))
        outbox, search = [_PROGRAM, "outbox"], [_PROGRAM, "search", "garden"]
        alone = _paired({"import click": _CLICK, "dearly outbox, drawer locked": outbox}, 5, env, folder)
        free = {**env, "DEARLY_DRAWER": "free", "DEARLY_PASSPHRASE_FILE": "free.txt"}
        cold = {"import click": _CLICK, "dearly search, passphrase for free": search}
        cold["dearly outbox, passphrase for free"] = outbox
        opened = _paired(cold, rounds, free, folder)
        ada("unlock")
        try:
            thin = {"import click": _CLICK, "dearly outbox, drawer open": outbox, "dearly search, drawer open": search}
            client = _paired(thin, rounds, env, folder)
        finally:
            ada("lock")
    # Of a locked drawer most is the key derivation, which is meant to cost something.
    _print(alone, "import click")
    _print(opened, "import click")
    _print(client, "import click")
    return 0


if __name__ == "__main__":
    sys.exit(main())
