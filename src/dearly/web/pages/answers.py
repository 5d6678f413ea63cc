"""Pages that answer a form, each at an address of its own (see `visit.apart`)."""

from __future__ import annotations

from starlette.responses import Response

from dearly.web.once import Once
from dearly.web.sessions import Seat
from dearly.web.visit import Pages, Visit

routes = Pages()


@routes.get("/answer/{key}", seat=Seat.ANYONE)
async def answer(visit: Visit, key: str) -> Response:
    """What this browser was answered; the desk where that is over."""
    answers = visit.session.answers if visit.session is not None else {}
    kept = answers.get(key)
    if isinstance(kept, Once):
        del answers[key]
    return kept if isinstance(kept, Response) else visit.go("/")
