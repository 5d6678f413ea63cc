"""A posted letter: where it is, what happens next, and the acts that are still possible."""

from __future__ import annotations

from starlette.responses import Response

from dearly.desk import hand, post
from dearly.desk import home as glance
from dearly.desk import open as opening
from dearly.desk.home import PostedView
from dearly.letter.errors import DearlyError
from dearly.web import journeys, saving, shown, when
from dearly.web.visit import Pages, Visit, told_by

routes = Pages()


async def _show(visit: Visit, number: int, said: DearlyError | None = None) -> Response:
    view = await glance.posted(visit.desk, number)
    now, dates = visit.desk.clock.local(), visit.dates
    return visit.show(
        "posted.html",
        status=200 if said is None else 409,
        said=said,
        view=view,
        told=journeys.told(view, now, dates),
        card_text=await card_text(visit, view),
        posted=when.at(view.facts.posted, now, dates),
        readers=[(reader, journeys.state(reader), journeys.said_why(reader)) for reader in view.readers],
    )


async def card_text(visit: Visit, view: PostedView | None) -> str:
    """What is drawn of a posted postcard; "" of a sealed letter, which nobody reads through its envelope."""
    if view is None or not view.facts.postcard:
        return ""
    return shown.on_card((await opening.show(visit.desk, view.number)).letter.text)


@routes.get("/posted/{number:int}")
async def posted(visit: Visit, number: int) -> Response:
    """One posted letter."""
    return await _show(visit, number)


@routes.post("/posted/{number:int}/take-back")
@told_by(_show)
async def take_back(visit: Visit, number: int) -> Response:
    """Take it out of the postbox: it lies on the page again."""
    await post.take_back(visit.desk, number)
    return visit.go(f"/page/{number}")


@routes.post("/posted/{number:int}/again")
@told_by(_show)
async def again(visit: Visit, number: int) -> Response:
    """Post it again, by the writer's own act."""
    await post.again(visit.desk, number)
    return visit.go(f"/posted/{number}")


@routes.post("/posted/{number:int}/give-up")
@told_by(_show)
async def give_up(visit: Visit, number: int) -> Response:
    """Try no further."""
    await post.give_up(visit.desk, number)
    return visit.go(f"/posted/{number}")


@routes.post("/posted/{number:int}/carry")
@told_by(_show)
async def carry(visit: Visit, number: int) -> Response:
    """Carry it by hand to those to whom it did not get otherwise."""
    await hand.carry(visit.desk, number)
    return visit.go(f"/posted/{number}")


@routes.get("/posted/{number:int}/file")
async def file(visit: Visit, number: int) -> Response:
    """The sealed letter as a file to carry."""
    found = await hand.file(visit.desk, number)
    return saving.to_be_saved(found.data, found.name)


@routes.post("/posted/{number:int}/handed-over")
@told_by(_show)
async def handed_over(visit: Visit, number: int) -> Response:
    """The writer says that the file was given into other hands."""
    await hand.handed_over(visit.desk, number)
    return visit.go(f"/posted/{number}")
