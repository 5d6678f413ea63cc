"""Something long that goes on at the desk: how far it is, and a way to stop it. One may leave the page meanwhile."""

from __future__ import annotations

import math
from typing import ClassVar

from starlette.responses import Response

from dearly.letter.words import _, ngettext
from dearly.web.visit import Pages, Visit

routes = Pages()


class Begun:
    """What a page began: `page` is where one reads what came of it."""

    page: ClassVar[str] = "/"

    @property
    def title(self) -> str:
        """What is being done, for the head of the page."""
        raise NotImplementedError

    @property
    def if_stopped(self) -> str:
        """What it means to stop it."""
        raise NotImplementedError


@routes.get("/work", idle=True)
async def work(visit: Visit) -> Response:
    """How far it is; once it is over, what came of it."""
    going = visit.desk.work
    begun = going.about
    if not going.running or not isinstance(begun, Begun):
        return visit.go(begun.page if isinstance(begun, Begun) else "/")
    step = going.step
    return visit.show(
        "work.html", begun=begun, step=step, left=left(step.left) if step is not None and step.left is not None else ""
    )


@routes.post("/work/stop")
async def stop(visit: Visit) -> Response:
    """Stop it."""
    begun = visit.desk.work.about
    await visit.desk.work.stop()
    return visit.go(begun.page if isinstance(begun, Begun) else "/")


def left(seconds: float) -> str:
    """How long it will probably still take."""
    if seconds < 50:
        return _("Less than a minute is left.")
    minutes = math.ceil(seconds / 60)
    if minutes < 90:
        return ngettext("About a minute is left.", "About {n} minutes are left.", minutes).format(n=minutes)
    return _("About {n} hours are left.").format(n=math.ceil(minutes / 60))
