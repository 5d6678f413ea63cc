"""The earlier letters of a correspondence beside the page: what did I already tell them?

Either one looks for words in them, or the desk looks which passages of them resemble the paragraph that is being
written. Nothing of either leaves the machine.
"""

from __future__ import annotations

from starlette.responses import Response

from dearly.desk import beside, page, told
from dearly.web.forms import unreadable, whole
from dearly.web.visit import Pages, Visit

routes = Pages()

LONGEST = 200
"""Characters that are looked for."""

MOST_OF_PARAGRAPH = 4000
"""Characters of a paragraph that are looked at."""


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


@routes.post("/page/{number:int}/told")
async def told_before(visit: Visit, number: int) -> Response:
    """Passages of earlier letters to the same people that resemble a paragraph: the one that a script sends; without
    script, the last one that was kept."""
    if visit.wants_json:
        paragraph = (await visit.json()).get("paragraph")
        if not isinstance(paragraph, str):
            raise unreadable()
    else:
        written = (await page.page(visit.desk, number)).text
        paragraph = written.strip().rpartition("\n\n")[2]
    found = await told.told(visit.desk, number, paragraph[:MOST_OF_PARAGRAPH])
    if not visit.wants_json:
        return visit.show("told.html", number=number, passages=found)
    return visit.reply(
        {
            "passages": [
                {"number": one.number, "day": visit.dates.day(one.date), "pieces": one.excerpt.pieces} for one in found
            ]
        }
    )
