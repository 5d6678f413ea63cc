"""Scanned letters: which files are the pages of one letter.

A file is a letter of its own, unless its name counts up: “Clara 1.jpg”, “Clara 2.jpg” are pages of one. Names that only
a camera or a scanner gave (IMG_0001, scan003) count photographs, not pages, so those stay apart. A person who knows
better names one folder as one letter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_PAGES = 200

_COUNTED = re.compile(
    r"(?P<stem>.*?)[ _.-]*(?:(?:page|seite|p|s|pg|blatt)?[ _.-]*(?P<bare>\d{1,3})|\((?P<in>\d{1,3})\))\Z",
    re.IGNORECASE | re.DOTALL,
)
_DEVICE = re.compile(
    r"[^a-z]*(?:img|image|dsc|dscn|dscf|pict|pxl|scan|scanned|document|doc|photo|foto|bild|mvimg|imgp|sam)?[\W\d_]*\Z",
    re.IGNORECASE,
)
"""A stem that says nothing about a letter. A date says something, and is kept from this by `_DAY`."""

_DAY = re.compile(r"(?<!\d)[12]\d{3}-\d\d(?:-\d\d)?(?!\d)")
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A name that counts: `stem` without the number, the `number`, and the file's ending."""

    stem: str
    number: int
    ending: str


def numbered(name: str) -> Numbered | None:
    """How a name counts, None when it does not."""
    before, dot, ending = name.rpartition(".")
    found = _COUNTED.match(before if dot else name)
    if found is None:
        return None
    stem = found["stem"].strip(" _.-(")
    said = found["bare"] or found["in"]
    whole_day = _DAY.search(before)
    if whole_day and whole_day.end() == len(before.rstrip()):  # what looks like a number is the end of a date
        return None
    if not _DAY.search(stem) and _DEVICE.match(stem):
        return None
    return Numbered(stem.casefold(), int(said), ending.casefold())


def letters(names: Sequence[str]) -> list[list[str]]:
    """The names of scans in one folder, as letters of one or more pages, in the order of their first names."""
    groups: dict[tuple[str, str], dict[int, str]] = {}
    for name in names:
        count = numbered(name)
        if count is not None:
            groups.setdefault((count.stem, count.ending), {}).setdefault(count.number, name)
    paged: dict[str, list[str]] = {}
    for pages in groups.values():
        first = min(pages)
        run = [pages[number] for number in range(first, first + len(pages)) if number in pages]
        if first <= 1 and len(run) == len(pages) and 1 < len(run) <= MOST_PAGES:  # counts up from 1 without a gap
            paged |= dict.fromkeys(run, run)
    found: list[list[str]] = []
    done: set[str] = set()
    for name in names:
        if name not in done:
            found.append(paged.get(name, [name]))
            done.update(found[-1])
    return found


def in_order(names: Sequence[str]) -> list[str]:
    """Names as people count: 2 before 10."""
    return sorted(names, key=lambda name: [int(p) if p.isdecimal() else p.casefold() for p in _NUMBER.split(name)])
