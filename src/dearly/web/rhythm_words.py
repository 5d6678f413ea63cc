"""One fact about each person on the desk, from the letters really exchanged. Never a reproach."""

from __future__ import annotations

from datetime import date, datetime

from dearly.desk.home import PersonLine
from dearly.letter.envelope import Way
from dearly.letter.journey import State
from dearly.letter.rhythm import Band
from dearly.letter.words import _
from dearly.web import when
from dearly.web.dates import Dates


def of(line: PersonLine, now: datetime, dates: Dates) -> str:
    """What is said of somebody one writes to."""
    if line.posted is not None:
        return _in_the_post(line, now, dates)
    last = line.rhythm.last
    if last is None:
        return _("You have not written to each other yet.")
    if last.ours:
        said = _("You wrote {ago}.").format(ago=when.ago(line.rhythm.days))
    else:
        said = _("{name} wrote {ago}.").format(name=line.name, ago=when.ago(line.rhythm.days))
        if line.reply == "later":
            said += " " + _("You put the answer by for later.")
    usual = band(line.rhythm.band, early=line.rhythm.early and line.draft is not None)
    return f"{said} {usual}".strip()


def _in_the_post(line: PersonLine, now: datetime, dates: Dates) -> str:
    posted = line.posted
    assert posted is not None
    theirs = next((one for one in posted.readers if one.uid == line.uid), posted.first)
    match theirs.state:
        case State.DATED if theirs.leaves is not None:
            return _("A letter lies here that leaves {time}.").format(time=when.at(theirs.leaves, now, dates))
        case State.CAME_BACK:
            return _("A letter came back {time}.").format(time=when.on(_day(theirs.since, now), now.date(), dates))
        case State.UNCERTAIN:
            return _("A letter may have left; the desk is finding out.")
        case State.WAITING | State.TRYING if theirs.way is Way.HAND:
            return _("A letter lies here for you to carry.")
        case State.WAITING | State.TRYING:
            pass
        case _other:
            return _("A letter lies here that has not left.")
    answered = posted.facts.answered
    if answered is None:
        return _("A letter is in the postbox.")
    here = answered.astimezone(now.tzinfo)
    month = dates.month_name(here) if (now - here).days < 330 else dates.month(here)
    return _("An answer to the letter of {month} is in the postbox.").format(month=month)


def _day(moment: datetime, now: datetime) -> date:
    return moment.astimezone(now.tzinfo).date()


def band(found: Band | None, *, early: bool = False) -> str:
    """About how much time lies between the letters, and whether this one is early. Nothing before there is a rhythm."""
    if found is None:
        return ""
    between = {
        Band.DAYS: _("A few days lie between your letters"),
        Band.WEEK: _("About a week lies between your letters"),
        Band.WEEKS: _("A few weeks lie between your letters"),
        Band.MONTH: _("About a month lies between your letters"),
        Band.MONTHS: _("About two months lie between your letters"),
        Band.SEASON: _("About a season lies between your letters"),
        Band.HALF_YEAR: _("About half a year lies between your letters"),
        Band.YEAR: _("About a year lies between your letters"),
        Band.YEARS: _("Years lie between your letters"),
    }[found]
    return (_("{between}, so this one is early.") if early else _("{between}.")).format(between=between)
