"""The ledger: who wrote last, what waits on either side, and what was decided about it. One quiet list, by groups.

It counts nothing, hurries nobody, and says what is missing as a fact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from starlette.responses import Response

from dearly.desk import ledger as book
from dearly.desk.ledger import Line, Reply, Standing
from dearly.letter.errors import DearlyError, NotFound, Usage
from dearly.letter.words import _, ngettext
from dearly.web import shown, when
from dearly.web.forms import Form, whole
from dearly.web.visit import Pages, Visit, told_by

routes = Pages()

AT_ONCE = 100
"""Correspondences at rest that are shown at once."""


@dataclass(frozen=True, slots=True)
class LineShown:
    """A correspondence in the ledger. `said`: the letter that it is about, and when it was written; `facts`: what is to
    be known beside it. `may`: what can be decided: later, not_needed, rest, back."""

    line: Line
    said: str
    facts: tuple[str, ...]
    may: frozenset[str]


@dataclass(frozen=True, slots=True)
class Group:
    """The correspondences that stand alike."""

    standing: str
    heading: str
    lines: tuple[LineShown, ...]


@routes.get("/ledger")
async def ledger(visit: Visit, said: DearlyError | None = None) -> Response:
    """All of it; what rests is folded, and leafed through where it is long. `from`: behind so much of what rests."""
    lines = await book.ledger(visit.desk, everything=True)
    resting = [line for line in lines if line.standing is Standing.RESTS]
    first = min(whole(visit.request.query_params.get("from", "")) or 0, len(resting))
    onward = first + AT_ONCE if len(resting) > first + AT_ONCE else None
    open_ones = [line for line in lines if line.standing is not Standing.RESTS and not first]
    lines = [*open_ones, *resting[first : first + AT_ONCE]]
    headings = {
        Standing.LATER: _("For later"),
        Standing.YOURS: _("They wrote last"),
        Standing.THEIRS: _("You wrote last"),
        Standing.RESTS: _("At rest"),
    }
    groups = [
        Group(standing.value, heading, tuple(_shown(line, visit) for line in lines if line.standing is standing))
        for standing, heading in headings.items()
    ]
    return visit.show(
        "ledger.html",
        status=400 if said else 200,
        said=said,
        groups=[one for one in groups if one.lines],
        today=visit.desk.clock.local().date(),
        onward=onward,
        first=first,
    )


@routes.post("/ledger")
@told_by(ledger)
async def decide(visit: Visit) -> Response:
    """Keep what was decided about one letter."""
    form = await visit.form()
    number = whole(form.text("number"))
    if number is None:
        raise NotFound("no_letter", _("There is no such letter."), _("Load the page again."))
    await book.decide(visit.desk, number, *decision(form))
    return visit.go("/ledger")


def decision(form: Form) -> tuple[Reply | None, date | None]:
    """What a form says about an answer, and for which day. Raises `Usage` (bad_form, bad_date)."""
    match form.text("reply"):
        case "later":
            return "later", _day(form.text("on").strip())
        case "not_needed":
            return "not_needed", None
        case "rest":
            return "rest", None
        case "":
            return None, None
    raise Usage("bad_form", _("What this page sent cannot be read as a form."), _("Load the page again."))


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Usage(
            "bad_date", _("That is no day that a calendar has."), _("Write it as 2026-11-22, or leave it empty.")
        ) from None


def _shown(line: Line, visit: Visit) -> LineShown:
    today = visit.desk.clock.local().date()
    since = line.since.date()
    words = _("Your letter of {day}.") if line.ours else _("Their letter of {day}.")
    facts = []
    if line.until is not None:
        facts.append(
            _("You want to look at it again {day}.").format(day=when.on(line.until, today, visit.dates))
            if line.until > today
            else _("You wanted to look at it again {day}.").format(day=when.on(line.until, today, visit.dates))
        )
    if line.crossed:
        facts.append(_("Your letters crossed on the way."))
    facts += missing(line.missing)
    match line.standing:
        case Standing.LATER:
            may = {"later", "not_needed", "rest", "back"}
        case Standing.YOURS:
            may = {"later", "not_needed", "rest"}
        case Standing.THEIRS:
            may = {"rest"}
        case Standing.RESTS:
            may = {"back"} if line.reply is not None else set()
    return LineShown(line, words.format(day=visit.dates.day(since)), tuple(facts), frozenset(may))


def missing(numbers: tuple[int, ...]) -> list[str]:
    """That letters are not here whose numbers their writer must have given; nothing where all are. What was erased
    keeps no number, so nobody can say which of these it was."""
    if not numbers:
        return []
    names = shown.listed([str(number) for number in numbers])
    return [
        ngettext(
            "Their number {numbers} is not here: it may be lost, on its way, or erased.",
            "Their numbers {numbers} are not here: they may be lost, on their way, or erased.",
            len(numbers),
        ).format(numbers=names)
    ]
