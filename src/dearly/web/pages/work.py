"""Something long that goes on at the desk: how far it is, and a way to stop it. One may leave the page meanwhile."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import ClassVar

from starlette.responses import Response

from dearly.desk.app import Progress
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


def begin(visit: Visit, begun: Begun, work: Callable[[Progress], Awaitable[object]]) -> Response:
    """Let it go on by itself, and show how far it is. Raises `InUse` (work_running)."""
    visit.desk.work.begin(begun, work)
    return visit.go("/work")


def going_on(visit: Visit) -> bool:
    """Whether something that a page began is going on: then there is nothing to choose before it is over."""
    return visit.desk.work.running and isinstance(visit.desk.work.about, Begun)


def put_aside(visit: Visit, page: str) -> Response:
    """Forget what came of it, and begin anew at `page`."""
    visit.desk.work.forget()
    return visit.go(page)


@routes.get("/work", idle=True)
async def work(visit: Visit) -> Response:
    """How far it is; once it is over, what came of it."""
    begun, step = visit.desk.work.about, visit.desk.work.step
    if not going_on(visit):
        return visit.go(begun.page if isinstance(begun, Begun) else "/")
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
