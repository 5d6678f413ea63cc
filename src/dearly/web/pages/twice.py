"""Who may be in the address book twice: proposed pair by pair, and decided by the person."""

from __future__ import annotations

from starlette.responses import Response

from dearly.desk import joining, people
from dearly.letter.errors import DearlyError, Usage
from dearly.letter.words import _
from dearly.web.forms import whole
from dearly.web.visit import Pages, Visit, told_by

routes = Pages()

AT_ONCE = 50


@routes.get("/twice")
async def twice(visit: Visit, said: DearlyError | None = None) -> Response:
    """The pairs that nobody has decided about, some at a time. `from`: behind so many of them."""
    pairs = await joining.alike(visit.desk)
    first = min(whole(visit.request.query_params.get("from", "")) or 0, len(pairs))
    onward = first + AT_ONCE if len(pairs) > first + AT_ONCE else None
    shown = pairs[first : first + AT_ONCE]
    return visit.show("twice.html", status=400 if said else 200, said=said, pairs=shown, onward=onward, first=first)


@routes.post("/twice")
@told_by(twice)
async def decide(visit: Visit) -> Response:
    """One person, or two."""
    form = await visit.form()
    keep, other = form.text("keep"), form.text("other")
    match form.text("are"):
        case "one":
            await people.merge(visit.desk, keep, other)
        case "two":
            await joining.keep_apart(visit.desk, keep, other)
        case _:
            raise Usage("bad_form", _("What this page sent cannot be read as a form."), _("Load the page again."))
    return visit.go("/twice")
