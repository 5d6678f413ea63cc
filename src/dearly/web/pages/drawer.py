"""The drawer: what was put away on purpose. Nothing in it asks for anything."""

from __future__ import annotations

from datetime import date

from starlette.responses import Response

from dearly.desk import write as writing
from dearly.letter.errors import Usage
from dearly.letter.words import _
from dearly.web.pages.page import BODY, take_in
from dearly.web.visit import Pages, Visit

routes = Pages()


@routes.get("/drawer")
async def drawer(visit: Visit) -> Response:
    """What lies in the drawer."""
    away = [one for one in await writing.drafts(visit.desk) if one.state == "put_away"]
    return visit.show("drawer.html", away=away)


@routes.post("/page/{number:int}/put-away", body=BODY)
async def put_away(visit: Visit, number: int) -> Response:
    """Into the drawer, with a day to look again, or none."""
    said = await take_in(visit, number)
    if said is not None:
        return said
    await writing.put_away(visit.desk, number, _day((await visit.form()).text("until")))
    return visit.go("/drawer")


@routes.post("/page/{number:int}/take-out")
async def take_out(visit: Visit, number: int) -> Response:
    """Back onto the desk."""
    await writing.take_out(visit.desk, number)
    return visit.go(f"/page/{number}")


@routes.post("/page/{number:int}/throw-away", body=BODY)
async def throw_away(visit: Visit, number: int) -> Response:
    """For good; asked for once more, since it cannot be undone."""
    if (await visit.form()).text("sure") == "yes":
        await writing.drop_page(visit.desk, number)
        return visit.go("/")
    return await take_in(visit, number) or visit.show("throw-away.html", number=number)


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Usage(
            "bad_date",
            _("“{text}” is not a day that the calendar has.").format(text=text[:40]),
            _("Write it as year, month and day: 2026-11-22. Or leave it empty."),
        ) from None
