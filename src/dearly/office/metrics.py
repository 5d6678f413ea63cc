"""What an operator's monitoring reads: counts and sizes, in Prometheus' text format. Never an address, id or name."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from dearly.office.store import Abroad, Counts

_EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """What one node has done since it began. `act` is the name of one of our own addresses."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, int]] = Counter()
        self._times: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        self._under_way = 0

    def begun(self) -> None:
        """Count a request that is under way until it is `answered`."""
        self._under_way += 1

    def answered(self, act: str, status: int, seconds: float) -> None:
        """It has ended."""
        self._under_way -= 1
        self._answers[act, status] += 1
        self._times.setdefault(act, [0] * (len(_EDGES) + 1))[bisect_left(_EDGES, seconds)] += 1
        self._sums[act] = self._sums.get(act, 0.0) + seconds

    def text(self, *, healthy: bool, counts: Counts | None, handed_on: Mapping[str, int] | None = None) -> str:
        """All of it. `counts`: None where the store does not answer. `handed_on`: letters to the world by what came of
        them at this node; None where there is no smarthost."""
        lines = [
            *_one("dearly_office_up", "gauge", "Whether letters can be taken in.", {"": int(healthy)}),
            *_one("dearly_office_under_way", "gauge", "Requests under way.", {"": self._under_way}),
            *_one("dearly_office_memory_bytes", "gauge", "Memory of this process.", {"": _resident()}),
        ]
        if counts is not None:
            kept = (
                ("accounts", "Accounts.", counts.accounts),
                ("parcels", "Parcels that are kept.", counts.parcels),
                ("held_bytes", "Bytes that are kept.", counts.bytes),
                ("invitations", "Invitations that nobody has used.", counts.invitations),
                ("outgoing", "Letters that wait to be handed on to the world.", counts.outgoing),
            )
            for name, words, value in kept:
                lines += _one(f"dearly_office_{name}", "gauge", words, {"": value})
        if handed_on is not None:
            by_outcome = {f'{{outcome="{state.value}"}}': handed_on.get(state.value, 0) for state in Abroad}
            lines += _one("dearly_office_handed_on_total", "counter", "Attempts for the world that ended.", by_outcome)
        answers = {f'{{act="{act}",status="{status}"}}': n for (act, status), n in sorted(self._answers.items())}
        lines += _one("dearly_office_answers_total", "counter", "Requests answered.", answers)
        lines += ["# HELP dearly_office_seconds Time to an answer.", "# TYPE dearly_office_seconds histogram"]
        for act, times in sorted(self._times.items()):
            so_far = 0
            for edge, n in zip((*map(str, _EDGES), "+Inf"), times, strict=True):
                so_far += n
                lines.append(f'dearly_office_seconds_bucket{{act="{act}",le="{edge}"}} {so_far}')
            lines.append(f'dearly_office_seconds_sum{{act="{act}"}} {self._sums[act]:.6f}')
            lines.append(f'dearly_office_seconds_count{{act="{act}"}} {so_far}')
        return "\n".join(lines) + "\n"


def _one(name: str, kind: str, words: str, values: dict[str, int]) -> list[str]:
    return [f"# HELP {name} {words}", f"# TYPE {name} {kind}", *(f"{name}{label} {n}" for label, n in values.items())]


def _resident() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0
