"""Every RFC that the code names is told of in docs/standards.md, and the other way round."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_rfc_is_told_of() -> None:
    named = {
        number
        for path in (ROOT / "src").rglob("*.py")
        for number in re.findall(r"\bRFC (\d{4})\b", path.read_text(encoding="utf-8"))
    }
    rows = re.findall(r"^\| ([^|]+)\|", (ROOT / "docs" / "standards.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = {number for row in rows for number in re.findall(r"\b\d{4}\b", row)}
    assert named == told
