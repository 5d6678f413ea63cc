"""What was taken in and no letter could be made of: kept byte for byte, with the reason."""

from __future__ import annotations

from starlette.responses import Response

from dearly.desk import importing
from dearly.letter.address import clean
from dearly.letter.words import _
from dearly.web.forms import whole
from dearly.web.visit import Pages, Visit

routes = Pages()

AT_ONCE = 50


@routes.get("/import/left")
async def left(visit: Visit) -> Response:
    """The last that came first, some at a time."""
    before = whole(visit.request.query_params.get("before", ""))
    found = await importing.left(visit.desk, before=before, most=AT_ONCE + 1)
    rows = [(one, clean(one.sender) or _("Nobody who can be named"), clean(one.place)) for one in found[:AT_ONCE]]
    more = found[AT_ONCE - 1].number if len(found) > AT_ONCE else None
    return visit.show("import-left.html", rows=rows, more=more, later=before is not None)
