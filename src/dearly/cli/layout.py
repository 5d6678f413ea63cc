"""Text laid out for a terminal: wrapping, columns, days in words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo

from dearly.letter.words import _

MEASURE = 78
"""Characters of a line of prose at most, however wide the terminal: longer lines are hard to read."""


def wrap(text: str, columns: int, indent: str = "", hang: str | None = None, most: int = MEASURE) -> str:
    """Text wrapped to the terminal, in lines of `most` characters. Line ends in `text` stay. `hang`: the indent of
    further lines, `indent` if None."""
    from textwrap import fill

    width = max(20, min(columns, most))
    lines = (
        fill(
            line,
            width,
            initial_indent=indent,
            subsequent_indent=indent if hang is None else hang,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.split("\n")
    )
    return "\n".join(lines)


def printable(text: str) -> str:
    """A letter's text, fit for a terminal: line ends and tabs stay, other controls and bidi overrides do not (A20)."""
    return "".join(
        c for c in text if c in "\n\t" or (unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") and c not in _BIDI)
    )


_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


def table(rows: Iterable[Sequence[str]], columns: int | None = None) -> str:
    """Rows in columns, as wide as what is in them. Where they are wider than the terminal, each row is one sentence
    instead, wrapped under its first cell; `columns` None: nothing is wrapped, for whoever reads lines."""
    rows = [tuple(row) for row in rows]
    if not rows:
        return ""
    widths = [max(width(cell) for cell in column) for column in zip(*(row[:-1] for row in rows), strict=True)]
    lines = [
        "  ".join([*(cell + " " * (w - width(cell)) for cell, w in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]
    if columns is None or max(map(width, lines)) <= columns:
        return "\n".join(lines)
    first = widths[0] if widths and widths[0] <= _SHORT else 2
    return "\n".join(_sentence(row, columns, " " * (first + 2)) for row in rows)


_SHORT = 6
"""Characters of a first column that further lines are set under."""


def _sentence(row: Sequence[str], columns: int, hang: str) -> str:
    said = ", ".join(cell.strip() for cell in row[1:] if cell.strip())
    first = row[0] + "  " if len(row) > 1 else ""
    return wrap(said, columns, first, hang, columns)


def width(text: str) -> int:
    """Columns that a terminal needs for `text`: wide characters take two, combining ones none (UAX 11)."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def zone_of(name: str | None) -> tzinfo | None:
    """The time zone that TZ names, None for the machine's own (also where it cannot be told)."""
    if not name:
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name.removeprefix(":"))
    except (ValueError, OSError, KeyError):
        return None


def moment(at: datetime, zone: tzinfo | None) -> str:
    """A moment in local time and in words."""
    local = at.astimezone(zone)
    return _("{day}, {hour:02}:{minute:02}").format(day=day(local.date()), hour=local.hour, minute=local.minute)


def day(at: date) -> str:
    """A day in words."""
    weekdays = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
    months = (
        _("January"),
        _("February"),
        _("March"),
        _("April"),
        _("May"),
        _("June"),
        _("July"),
        _("August"),
        _("September"),
        _("October"),
        _("November"),
        _("December"),
    )
    return _("{weekday} {day} {month} {year}").format(
        weekday=weekdays[at.weekday()], day=at.day, month=months[at.month - 1], year=at.year
    )


def size(octets: int) -> str:
    """A size as people say it."""
    if octets < 1000:
        return _("{n} bytes").format(n=octets)
    if octets < 1_000_000:
        return _("{n} kB").format(n=round(octets / 1000))
    return _("{n} MB").format(n=round(octets / 1e6, 1))
