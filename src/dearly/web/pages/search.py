"""Looking through all letters: one field, and what was found, as one types.

What is looked for is sent and never stands in an address. The session keeps the last of it in memory alone, so that it
is there again when one comes back from a letter. The script asks for this very page, and takes what was found out of
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from starlette.responses import Response

from dearly.desk import search as looking
from dearly.desk.search import By, FoundLetter, Results
from dearly.letter.errors import Usage
from dearly.letter.words import _, ngettext
from dearly.web.visit import Pages, Visit

routes = Pages()

LONGEST = 1000
"""Characters that are looked for."""

PAGE = 25
"""Letters that are shown at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for. `exact`: words only as they stand; `after`: the page before this one ended there."""

    query: str = ""
    by: By = "date"
    exact: bool = False
    after: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A letter that was found, as it stands in the list: to which page it leads, whose it is, and when it is of."""

    found: FoundLetter
    path: str
    whose: str
    day: str


@routes.get("/search")
async def search(visit: Visit) -> Response:
    """The field, with what was looked for last."""
    kept = visit.session.sought if visit.session is not None else {}
    return await _answer(visit, Asked(kept.get("q", ""), _by(kept.get("by", "")), kept.get("exact", "") == "yes"))


@routes.post("/search")
async def look(visit: Visit) -> Response:
    """Look for it. `like`: one of the likelier spellings, in the place of what was typed."""
    form = await visit.form()
    query = (form.text("like") or form.text("q"))[:LONGEST]
    asked = Asked(query, _by(form.text("by")), form.text("exact") == "yes", form.text("after"))
    if visit.session is not None:
        visit.session.sought = {"q": query, "by": asked.by, "exact": "yes" if asked.exact else ""}
    return await _answer(visit, asked)


def _by(text: str) -> Literal["date", "relevance"]:
    return "relevance" if text == "relevance" else "date"


async def _answer(visit: Visit, asked: Asked) -> Response:
    found, trouble = None, None
    if asked.query.strip():
        try:
            found = await looking.search(
                visit.desk, asked.query, by=asked.by, exact=asked.exact, limit=PAGE, after=asked.after or None
            )
        except Usage as error:
            trouble = error
    return visit.show(
        "search.html",
        asked=asked,
        found=found,
        trouble=trouble,
        hits=[_hit(one, visit) for one in found.letters] if found else [],
        counted=_counted(found) if found else "",
    )


def _hit(one: FoundLetter, visit: Visit) -> Hit:
    if one.draft:
        whose = _("A page to {name}").format(name=one.person) if one.person else _("A page to nobody yet")
        return Hit(one, f"/page/{one.number}", whose, visit.dates.day(one.date))
    whose = _("To {name}") if one.ours else _("From {name}")
    name = one.person or _("nobody who can be named")
    return Hit(one, f"/letter/{one.number}", whose.format(name=name), visit.dates.day(one.date.replace(tzinfo=None)))


def _counted(found: Results) -> str:
    if not found.total:
        return _("Nothing was found.")
    if found.at_least:
        return _("More than {n} letters.").format(n=found.total)
    return ngettext("One letter.", "{n} letters.", found.total).format(n=found.total)
