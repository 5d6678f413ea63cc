"""Reports of mail servers, byte for byte as they came, and what reading makes of them.

Those of Postfix were written by Postfix 3.7 about letters that were really handed over to it, as in
tests/peers/test_bounces.py; the others are made by hand in the manner of programs that write theirs differently.
After a change that is meant: `DEARLY_UPDATE_GOLDEN=1 pytest tests/golden`, then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dearly.opener import reading

FOLDER = Path(__file__).parent / "reports"
UPDATE = os.environ.get("DEARLY_UPDATE_GOLDEN") == "1"
NAMES = sorted(path.stem for path in FOLDER.glob("*.eml"))


@pytest.mark.parametrize("name", NAMES)
def test_reading(name: str) -> None:
    path = FOLDER / f"{name}.txt"
    told = _told((FOLDER / f"{name}.eml").read_bytes())
    if UPDATE:
        path.write_text(told, encoding="utf-8")
    assert told == path.read_text(encoding="utf-8")


def test_every_report_is_told_of() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(NAMES)
    assert len(NAMES) >= 8


def _told(raw: bytes) -> str:
    lines = []
    for report in reading.look(raw).reports:
        lines.append(f"{report.kind} envelope {report.envelope_id or '-'} letter {report.letter_id}")
        for one in report.told:
            who = ", ".join(map(str, one.recipients))
            lines.append(f"  {one.action} {one.status or '-'} {who}; {one.by or '-'} says: {one.why or '-'}")
    return "\n".join(lines or ["no report"]) + "\n"
