"""Reading over: the page as its reader will have it, before the envelope."""

from __future__ import annotations

from markupsafe import Markup
from starlette.responses import Response

from dearly.desk import over
from dearly.web.visit import Pages, Visit

routes = Pages()


@routes.get("/page/{number:int}/read-over")
async def read_over(visit: Visit, number: int) -> Response:
    """The page on paper, and what a friend would say."""
    seen = await over.read_over(visit.desk, number)
    names = [reader.name or reader.address for reader in seen.view.to]
    return visit.show(
        "read-over.html",
        seen=seen,
        view=seen.view,
        names=names,
        paper=Markup(seen.html),  # noqa: S704 (made by the limited child)
    )
