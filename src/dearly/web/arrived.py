"""What came, in words and marks: postmarks as they are stamped, files and their weights."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from babel import Locale
from babel.numbers import format_decimal

from dearly.desk.values import Postmark
from dearly.letter.envelope import Way
from dearly.letter.words import _
from dearly.web.visit import Visit

_MONTHS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_LONGEST_EXTENSION = 12


@dataclass(frozen=True, slots=True)
class Stamped:
    """A postmark: what runs round its ring, and the day and hour inside, as a stamp has them."""

    place: str
    day: str
    hour: str


def stamped(mark: Postmark, visit: Visit) -> Stamped:
    """A postmark as it is drawn."""
    here = mark.at.astimezone(visit.zone)
    return Stamped(
        _ring(mark), f"{here.day} {_MONTHS[here.month - 1]} {here.year % 100:02}", visit.dates.clock(mark.at)
    )


def _ring(mark: Postmark) -> str:
    words = {
        Way.OFFICE: _("office"),
        Way.HAND: _("carried"),
        Way.FOLDER: _("folder"),
        Way.PAPER: _("paper"),
        Way.MAIL: mark.place.rpartition("@")[2][:16],
    }
    return words[mark.way]


def weight(size: int, locale: Locale) -> str:
    """How heavy a file is, in words."""
    if size < 1000:
        return _("less than a kilobyte")
    if size < 1_000_000:
        return _("{n} kilobytes").format(n=format_decimal(max(1, round(size / 1000)), locale=locale))
    return _("{n} megabytes").format(n=format_decimal(round(size / 1_000_000, 1), locale=locale))


def ending(name: str) -> str:
    """The extension that decides what a computer does with a file, with its dot; "" where there is none."""
    stem, dot, last = name.rpartition(".")
    return f".{last}" if stem and dot and 0 < len(last) <= _LONGEST_EXTENSION else ""


def part_of(when: datetime, visit: Visit) -> str:
    """Friday, 18 December; with the year where it is another than this one."""
    here, today = when.astimezone(visit.zone), visit.desk.clock.local()
    return visit.dates.weekday(here) if here.year == today.year else visit.dates.day(here)
