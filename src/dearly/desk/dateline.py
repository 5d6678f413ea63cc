"""Days in words: the first line of a letter, where and when it was written, as one writes it by hand; and a moment.

A draft keeps the place alone. The day is that of the letter itself, so the line is made when a letter is finished, and
shown before that as it would be today. A letter without a place has no such line.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

from dearly.letter import words
from dearly.letter.address import clean
from dearly.letter.words import _

if TYPE_CHECKING:
    from babel import Locale

LONGEST_PLACE = 80
"""Characters of a place that are kept."""

_MARKS = re.compile(r"([\\`*_\[\]<>~|])")
_REFERENCE = re.compile(r"&(?=#|\w+;)")
_BEGINS = re.compile(r"^([#>=+-])|^(\d{1,9})([.)])")


def place(text: str) -> str:
    """What was typed, as one line that can stand at the head of a letter."""
    return " ".join(clean(text).split())[:LONGEST_PLACE].rstrip()


def line(where: str, day: date, language: str = "") -> str:
    """Bergen, 22 November 2026: in `language` (a tag), or in the one that is spoken now. As plain text."""
    from babel.dates import format_date

    return f"{where}, {format_date(day, 'long', locale=_locale(language))}"


def moment(at: datetime) -> str:
    """22 November 2026 at 16.42, in the language that is spoken now."""
    from babel.dates import format_date, format_time

    locale = _locale()
    hour = format_time(at.timetz(), "H.mm" if locale.language in ("en", "de") else "short", locale=locale)
    return _("{day} at {clock}").format(day=format_date(at, "long", locale=locale), clock=hour)


def _locale(language: str = "") -> Locale:
    from babel import Locale, UnknownLocaleError  # its tables are large, and few commands say a day

    tag = language or words.language()
    try:
        return Locale.parse("en_GB" if tag == "en" else tag.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_GB")


def headed(where: str, day: date, text: str, language: str = "") -> str:
    """The text of a letter (CommonMark) with its place and day as the first paragraph; without a place as it is."""
    where = place(where)
    if not where:
        return text
    return f"{_literally(line(where, day, language))}\n\n{text}"


def _literally(text: str) -> str:
    """CommonMark that shows just these characters (CommonMark 0.31 2.4)."""
    text = _REFERENCE.sub(r"\\&", _MARKS.sub(r"\\\1", text))
    return _BEGINS.sub(lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\{m[3]}", text)
