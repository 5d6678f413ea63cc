"""How often two people write: counted from the letters they really exchanged, and only ever said softly.

A rhythm is a band ("about a month"), never a number of days, and there is none before the second exchange: two letters
from each side. It is a fact about letters that were written; nothing is asked for, expected or missed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from statistics import median

_ONE_SITTING = 2
"""Letters of one side that lie at most so many days apart count as one: an afterthought is no rhythm."""

_LATELY = 12
"""How many gaps count: people write differently than they did ten years ago."""

_EARLY = 0.6
"""A letter is early when less than this part of the usual time has passed."""


class Band(StrEnum):
    """About how much time lies between the letters of one side."""

    DAYS = "days"
    WEEK = "week"
    WEEKS = "weeks"
    MONTH = "month"
    MONTHS = "months"
    SEASON = "season"
    HALF_YEAR = "half_year"
    YEAR = "year"
    YEARS = "years"


_BANDS = (
    (4, Band.DAYS),
    (10, Band.WEEK),
    (22, Band.WEEKS),
    (45, Band.MONTH),
    (75, Band.MONTHS),
    (135, Band.SEASON),
    (270, Band.HALF_YEAR),
    (550, Band.YEAR),
)
"""Each band with the longest usual gap, in days, that is still called so."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """One letter of a correspondence: the day it was written, and whether we wrote it."""

    day: date
    ours: bool


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`last`: the latest letter up to today, None where there is none. `days`: since then. `band`: None before the
    second exchange. `early`: we wrote last, and another letter from us today would come sooner than is usual."""

    last: Exchanged | None = None
    days: int = 0
    band: Band | None = None
    early: bool = False


def rhythm(letters: Iterable[Exchanged], today: date) -> Rhythm:
    """The rhythm of these letters, in whatever order they come. Letters dated after today do not count."""
    written = sorted((one for one in letters if one.day <= today), key=lambda one: (one.day, one.ours))
    if not written:
        return Rhythm()
    last = written[-1]
    days = (today - last.day).days
    ours, theirs = _sittings(written, ours=True), _sittings(written, ours=False)
    if len(ours) < 2 or len(theirs) < 2:
        return Rhythm(last, days)
    gaps = [(later - earlier).days for earlier, later in pairwise(ours)]
    usual = median(gaps[-_LATELY:])
    return Rhythm(last, days, _band(usual), last.ours and days < usual * _EARLY)


def _sittings(written: list[Exchanged], *, ours: bool) -> list[date]:
    """The days on which one side wrote, ascending."""
    days: list[date] = []
    for one in written:
        if one.ours is ours and (not days or (one.day - days[-1]).days > _ONE_SITTING):
            days.append(one.day)
    return days


def _band(usual: float) -> Band:
    return next((band for most, band in _BANDS if usual <= most), Band.YEARS)
