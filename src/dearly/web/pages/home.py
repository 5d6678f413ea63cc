"""The desk itself: what lies on it, what waits, and the way to everything else."""

from __future__ import annotations

from starlette.responses import Response

from dearly.desk import write
from dearly.web.visit import Pages, Visit

routes = Pages()


@routes.get("/")
async def home(visit: Visit) -> Response:
    """The desk."""
    return visit.show("home.html", drafts=await write.drafts(visit.desk), now=visit.desk.clock.local())
