"""The sheet of keys: what the keyboard does, on a page of its own; under `?` it lies over any page."""

from __future__ import annotations

from starlette.responses import Response

from dearly.web.sessions import Seat
from dearly.web.visit import Pages, Visit

routes = Pages()


@routes.get("/keys", seat=Seat.ANYONE)
async def keys(visit: Visit) -> Response:
    """The sheet of keys."""
    return visit.show("keys.html")
