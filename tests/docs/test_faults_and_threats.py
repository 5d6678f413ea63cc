"""Every row of docs/faults.md and docs/threats.md is carried by a test that names it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = "".join(
    file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__).resolve()
)

BY_ABSENCE = {
    "A14": "no code reads gossip",
    "A28": "no code opens an enclosure",
    "A29": "what opens letters is proven to have no network (tests/faults/test_opener.py)",
}


@pytest.mark.parametrize("page", ["faults.md", "threats.md"])
def test_each_row_is_proven(page: str) -> None:
    rows = re.findall(r"^\| ([AF]\d\d) \|", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 25
    assert rows == sorted(set(rows))
    assert [row for row in rows if not re.search(rf"\b{row}\b", TESTS) and row not in BY_ABSENCE] == []


def test_what_the_code_refers_to_is_in_the_pages() -> None:
    pages = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("faults.md", "threats.md"))
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r"\b([AF][0-4]\d)\b", code))
    known = set(re.findall(r"\b([AF]\d\d)\b", pages))
    for first, last in re.findall(r"\bF(\d\d)-F(\d\d)\b", pages):
        known |= {f"F{n:02}" for n in range(int(first), int(last) + 1)}
    assert sorted(named - known) == []
