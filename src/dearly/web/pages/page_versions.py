"""Earlier states of a page: looked at, laid over the page as it is, and only then taken back."""

from __future__ import annotations

from markupsafe import Markup
from starlette.responses import Response

from dearly.desk import compare, over
from dearly.desk import page as pages
from dearly.letter.errors import Usage
from dearly.letter.words import _
from dearly.web import addressing
from dearly.web.forms import whole
from dearly.web.visit import Pages, Visit

routes = Pages()


@routes.get("/page/{number:int}/version/{version:int}")
async def version(visit: Visit, number: int, version: int) -> Response:
    """An earlier state; with `?compare`, laid over the page as it is now."""
    view = await pages.page(visit.desk, number)
    earlier = await pages.version(visit.desk, number, version)
    comparing = "compare" in visit.request.query_params
    pieces, paper = [], Markup("")
    if comparing:
        pieces = compare.shortened(compare.by_words(earlier.text, view.text))
    else:
        paper = Markup(await over.on_paper(visit.desk, number, earlier.text))  # noqa: S704 (made by the limited child)
    marks = addressing.marks(view, visit.dates, visit.zone)
    return visit.show(
        "version.html",
        view=view,
        earlier=earlier,
        mark=next(mark for mark in marks if mark.version == version),
        marks=marks,
        comparing=comparing,
        pieces=pieces,
        same=not any(piece.kind in (compare.Kind.IN, compare.Kind.OUT) for piece in pieces),
        paper=paper,
    )


@routes.post("/page/{number:int}/version/{version:int}/restore")
async def restore(visit: Visit, number: int, version: int) -> Response:
    """Take an earlier state back onto the page; the one that stood there becomes a version."""
    revision = whole((await visit.form()).text("revision"))
    if revision is None:
        raise Usage("bad_form", _("What this page sent cannot be read."), _("Load the page again."))
    await pages.restore(visit.desk, number, version, revision)
    return visit.go(f"/page/{number}")
