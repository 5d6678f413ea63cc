"""Sealing and opening letters, beside GnuPG: `python -m benchmarks.seal`.

Paired runs: each round measures us and GnuPG one after the other. Processor time, not wall time, of all that works:
GnuPG's private-key work is done by its agent, whose time is read from /proc. The ratio is that of the sums; in brackets
the same against gpg's own process alone. GnuPG is a new process each time, as it is for every program that uses it; we
are measured inside a running process, as we are in the desk.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.peers import GnuPG

from dearly.letter.address import Address
from dearly.seal import openpgp, trust
from dearly.seal.keys import OwnKey

GOALS = {"seal 6 kB": 0.20, "open 6 kB": 0.08, "seal 2 MB": 0.40, "open 2 MB": 0.25}
"""At most this much of GnuPG's processor time; for 2 MB of GnuPG told not to compress (-z0)."""


def _ours(act: Callable[[], object]) -> float:
    start = time.process_time()
    act()
    return time.process_time() - start


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _theirs(act: Callable[[], object], agent: int) -> tuple[float, float]:
    """(seconds of gpg, seconds of its agent: in ticks of 10 ms, so only sums of many mean something)."""
    start, waited = _children(), _spent(agent)
    act()
    return _children() - start, _spent(agent) - waited


def _spent(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _row(
    name: str, ours: Callable[[], object], theirs: dict[str, Callable[[], object]], agent: int, rounds: int
) -> None:
    mine: list[float] = []
    other: dict[str, list[tuple[float, float]]] = {peer: [] for peer in theirs}
    ours()
    for _ in range(rounds):
        mine.append(_ours(ours))
        for peer, act in theirs.items():
            other[peer].append(_theirs(act, agent))
    figures = [f"dearly {statistics.median(mine) * 1e3:6.2f} ms"]
    for peer, times in other.items():
        alone, waited = (sum(column) for column in zip(*times, strict=True))
        total = f"{(alone + waited) / rounds * 1e3:5.1f} ms"
        figures.append(f"{peer} {total}, ratio {sum(mine) / (alone + waited):.3f} ({sum(mine) / alone:.3f})")
    goal = f"goal {GOALS[name]:.2f}" if name in GOALS else ""
    print(f"{name:10}  {'   '.join(figures)}   {goal}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds: int = parser.parse_args().rounds
    program = shutil.which("gpg")
    if not program:
        print("gpg is not installed; nothing to compare with.")
        return 1
    now = datetime.now(UTC)
    ada, bert = (
        OwnKey.generate([Address.parse(f"{n}@letters.test")], now - timedelta(days=1)) for n in ("ada", "bert")
    )
    plan = trust.plan({Address.parse("bert@letters.test"): bert.certificate}, now)
    with GnuPG(program) as gpg:
        gpg.make_key("Ada <ada@letters.test>")
        gpg.make_key("Bert <bert@letters.test>")
        told = subprocess.run(
            ["gpg-connect-agent", "GETINFO pid", "/bye"], env=gpg.env, capture_output=True, check=True
        )
        agent = int(told.stdout.split()[1])
        # A letter's text squeezes well, pictures do not: what GnuPG's compression costs depends on it.
        for size, data in ((6_000, b"Dear Bert, the harvest is in. " * 200), (2_000_000, os.urandom(2_000_000))):
            name = "6 kB" if size < 10_000 else "2 MB"
            peers = {"gpg": ["-z", "6"], "gpg -z0": ["-z", "0"]}

            def sealing(options: list[str], data: bytes = data) -> bytes:
                return gpg.seal(data, "bert@letters.test", "ada@letters.test", *options)

            def opening(blob: bytes, data: bytes = data) -> None:
                outer = openpgp.outer(blob)
                unpacked = openpgp.unpack(outer, openpgp.session_keys(outer.pkesks, bert))
                verified = openpgp.verify(unpacked, [ada.certificate], now)
                if unpacked.data != data or verified.signers != (ada.fingerprint,):
                    sys.exit("a letter did not come back as it was sealed")

            _row(
                f"seal {name}",
                lambda data=data: openpgp.seal(data, ada, plan),
                {peer: lambda options=options: sealing(options) for peer, options in peers.items()},
                agent,
                rounds,
            )
            letter = openpgp.seal(data, ada, plan).armored
            sealed = {peer: sealing(options) for peer, options in peers.items()}
            _row(
                f"open {name}",
                lambda letter=letter: opening(letter),
                {peer: lambda blob=blob: gpg.open(blob) for peer, blob in sealed.items()},
                agent,
                rounds,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
