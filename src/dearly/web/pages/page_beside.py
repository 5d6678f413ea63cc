"""The earlier letters of a correspondence beside the page: what did I already tell them?"""

from __future__ import annotations

from starlette.responses import Response

from dearly.desk import beside
from dearly.web.forms import whole
from dearly.web.visit import Pages, Visit

routes = Pages()

LONGEST = 200
"""Characters that are looked for."""


@routes.post("/page/{number:int}/beside")
async def search(visit: Visit, number: int) -> Response:
    """Earlier letters in which some words stand; more of them after `before`."""
    if visit.wants_json:
        sent = await visit.json()
        query, before = sent.get("q"), sent.get("before")
    else:
        form = await visit.form()
        query, before = form.text("q"), form.text("before")
    words = query[:LONGEST] if isinstance(query, str) else ""
    found = await beside.earlier(visit.desk, number, words, whole(str(before or "")))
    if not visit.wants_json:
        return visit.show("beside.html", earlier=found, query=words, number=number)
    return visit.reply(
        {
            "letters": [
                {
                    "number": one.number,
                    "who": one.name,
                    "day": visit.dates.day(one.date),
                    "before": one.before,
                    "found": one.found,
                    "after": one.after,
                }
                for one in found.letters
            ],
            "next": found.next,
        }
    )
