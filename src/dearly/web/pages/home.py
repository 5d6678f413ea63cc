"""The desk itself: what lies on it, what waits, and the way to everything else. And a round, when one is asked for."""

from __future__ import annotations

from starlette.responses import Response

from dearly.desk import home as glance
from dearly.desk import rounds
from dearly.desk.home import PostedView
from dearly.letter.errors import DearlyError
from dearly.web import journeys, rhythm_words, when
from dearly.web.arrived import part_of
from dearly.web.forms import whole
from dearly.web.pages.posted import card_text
from dearly.web.visit import Pages, Visit

routes = Pages()


@routes.get("/")
async def home(visit: Visit) -> Response:
    """The desk."""
    now, dates = visit.desk.clock.local(), visit.dates
    seen = await glance.home(visit.desk)
    posted = [(view, journeys.told(view, now, dates)) for view in seen.posted]
    waiting = sorted([(view, told) for view, told in posted if not told.trouble], key=_soonest_first)
    return visit.show(
        "home.html",
        seen=seen,
        now=now,
        part=when.part_of_day(now),
        drafts=[(draft, when.begun(draft.begun, draft.changed, now, dates)) for draft in seen.drafts],
        waiting=waiting,
        card_text=await card_text(visit, waiting[0][0] if waiting else None),
        troubles=[(view, told) for view, told in posted if told.trouble],
        people=[(line, rhythm_words.of(line, now, dates)) for line in seen.people],
        round=when.at(seen.round, now, dates),
        notices=list(visit.desk.notices),
    )


@routes.post("/heard")
async def heard(visit: Visit) -> Response:
    """What the desk noted was read: it need not be told again."""
    visit.desk.notices.clear()
    return visit.go("/")


def _soonest_first(row: tuple[PostedView, journeys.Told]) -> tuple[bool, float]:
    view, _told = row
    return view.leaves is None, view.leaves.timestamp() if view.leaves else 0.0


@routes.get("/outbox")
async def outbox(visit: Visit) -> Response:
    """What was posted, the last letter first."""
    now, dates = visit.desk.clock.local(), visit.dates
    before = whole(visit.request.query_params.get("before", ""))
    found = await glance.under_way(visit.desk, before, PAGE + 1)
    rows = [(view, journeys.told(view, now, dates), part_of(view.facts.posted, visit)) for view in found[:PAGE]]
    return visit.show("outbox.html", rows=rows, more=found[PAGE - 1].number if len(found) > PAGE else None)


PAGE = 40
"""Letters on one page of the outbox."""


@routes.post("/round")
async def make_round(visit: Visit) -> Response:
    """Collect what is due, and look into the letterbox, now. Then to the letterbox, if that is where it was asked."""
    desk = visit.desk
    looked = (await visit.form()).text("then") == "letterbox"
    report = await rounds.make_round(desk)
    if looked and not report.troubles:
        return visit.go("/letterbox")
    handed = []
    for number in report.handed_over:
        try:
            handed.append(journeys.names(await glance.posted(desk, number)))
        except DearlyError:  # taken up again meanwhile
            continue
    now = desk.clock.local()
    due = report.next_leaves
    return visit.show(
        "round.html",
        report=report,
        handed=handed,
        next_leaves=when.at(due, now, visit.dates) if due is not None and due > desk.clock.now() else "",
    )
