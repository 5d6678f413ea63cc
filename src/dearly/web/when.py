"""Times as one says them at a desk: how long ago, on which day, in which part of it. Small numbers are words."""

from __future__ import annotations

from datetime import date, datetime

from dearly.letter.words import _
from dearly.web.dates import Dates


def number(n: int) -> str:
    """Two to twelve as words, larger ones in figures."""
    words = (
        _("two"),
        _("three"),
        _("four"),
        _("five"),
        _("six"),
        _("seven"),
        _("eight"),
        _("nine"),
        _("ten"),
        _("eleven"),
        _("twelve"),
    )
    return words[n - 2] if 2 <= n <= 12 else str(n)


def ago(days: int) -> str:
    """How long ago, in the words one would use: exact for a fortnight, then by weeks, months and years."""
    if days <= 0:
        return _("today")
    if days == 1:
        return _("yesterday")
    if days < 14:
        return _("{n} days ago").format(n=number(days))
    if days < 56:
        return _("{n} weeks ago").format(n=number(round(days / 7)))
    if days < 345:
        return _("{n} months ago").format(n=number(round(days / 30.4)))
    if days < 548:
        return _("a year ago")
    return _("{n} years ago").format(n=number(round(days / 365.25)))


def on(day: date, today: date, dates: Dates) -> str:
    """On which day, said after a verb: today, on Thursday, on 3 November, on 3 November 2031."""
    away = (day - today).days
    if away == 0:
        return _("today")
    if away == -1:
        return _("yesterday")
    if away == 1:
        return _("tomorrow")
    if -7 < away < 7:
        return _("on {weekday}").format(weekday=dates.weekday_name(day))
    if day.year == today.year:
        return _("on {day}").format(day=dates.day_of_year(day))
    return _("on {day}").format(day=dates.day(day))


def at(moment: datetime, now: datetime, dates: Dates) -> str:
    """When exactly, said after a verb: today at 18.00, on 1 May 2031. The hour matters for a week."""
    here = moment.astimezone(now.tzinfo)
    day = on(here.date(), now.date(), dates)
    if abs((here.date() - now.date()).days) < 7:
        return _("{day} at {clock}").format(day=day, clock=dates.clock(here))
    return day


def begun(first: datetime, last: datetime, now: datetime, dates: Dates) -> str:
    """When a page was begun, and taken up again."""
    one, other, today = first.astimezone(now.tzinfo).date(), last.astimezone(now.tzinfo).date(), now.date()
    if one == other:
        return _("Begun {day}").format(day=on(one, today, dates))
    return _("Begun {day}, taken up again {later}").format(day=on(one, today, dates), later=on(other, today, dates))


_PARTS = (5, 8, 11, 13, 16, 18, 22)


def part_of_day(now: datetime) -> str:
    """Which part of the day it is."""
    words = (
        _("in the night"),
        _("early morning"),
        _("in the morning"),
        _("around noon"),
        _("in the afternoon"),
        _("late afternoon"),
        _("in the evening"),
        _("late in the evening"),
    )
    return words[sum(now.hour >= hour for hour in _PARTS)]
