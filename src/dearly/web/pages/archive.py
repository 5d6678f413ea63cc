"""Taking in an archive: choose a place, see the plan in words, decide, and let it run.

The archive is read from where it lies on this machine; the desk makes no copy of it, and changes nothing in it. The
plan and the run are long work of the desk (`work`), which one may leave and come back to.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from starlette.responses import Response

from dearly.desk import importing, joining
from dearly.desk.app import Progress
from dearly.desk.importing import REASONS, About, Choices, Done, Plan
from dearly.desk.importing_nearby import nearby
from dearly.letter.errors import DearlyError, NotFound
from dearly.letter.words import _
from dearly.web import import_words, paths
from dearly.web.forms import Form
from dearly.web.pages.work import Begun, begin, going_on, put_aside
from dearly.web.visit import Pages, Visit, told_by

routes = Pages()

PEOPLE = 12
"""People who are named in a plan at once."""

PAPER = frozenset({"text", "scan", "scans"})
"""Formats that say of themselves too little: who wrote, and when, is typed in."""


@dataclass(frozen=True, slots=True)
class Look(Begun):
    """Looking through an archive."""

    page: ClassVar[str] = "/import"
    path: Path
    choices: Choices

    @property
    def title(self) -> str:
        return _("Looking through the archive")

    @property
    def if_stopped(self) -> str:
        return _("Nothing has been taken in yet.")


@dataclass(frozen=True, slots=True)
class Take(Begun):
    """Taking it in. `format`: as which it is read; `ours`: a bundle or a drawer, which is taken as a whole."""

    page: ClassVar[str] = "/import"
    path: Path
    choices: Choices
    format: str = "auto"
    ours: bool = False

    @property
    def title(self) -> str:
        return _("Taking in letters")

    @property
    def if_stopped(self) -> str:
        return _("What is in stays; it goes on from there another time.")


@routes.get("/import")
async def choose(visit: Visit, said: DearlyError | None = None) -> Response:
    """Where it lies; or how far one is with an archive already."""
    work = visit.desk.work
    begun = work.about
    if said is None and going_on(visit):
        return visit.go("/work")
    if said is None and isinstance(begun, Look) and isinstance(work.result, Plan):
        return _planned(visit, begun, work.result)
    if said is None and isinstance(begun, Take):
        if isinstance(work.result, Done):
            return await _done(visit, work.result)
        if work.trouble is None or begun.ours:
            return visit.show("import-stopped.html", begun=begun, said=work.trouble)
        return _about_missing(visit, begun, work.trouble)
    said = said or (work.trouble if isinstance(begun, Look) else None)
    path = paths.shown(begun.path) if isinstance(begun, Look) else ""
    if visit.request.method == "POST":
        path = (await visit.form()).text("path")
    offered = [(str(path), paths.shown(path)) for path in await asyncio.to_thread(nearby, Path.home())]
    return visit.show(
        "import.html",
        status=400 if said else 200,
        said=said,
        offered=offered,
        path=path,
    )


@routes.post("/import/look")
@told_by(choose)
async def look(visit: Visit) -> Response:
    """Look through it, and say what would be taken."""
    form = await visit.form()
    path = paths.typed(form.text("path"))
    archive = await asyncio.to_thread(importing.open_archive, path)
    if archive.format == "drawer":
        return visit.show("import-drawer.html", path=str(path), place=archive.place)
    choices = Choices()
    desk = visit.desk

    async def work(progress: Progress) -> Plan:
        return await importing.plan(desk, archive, choices, progress)

    return begin(visit, Look(path, choices), work)


@routes.post("/import/run")
@told_by(choose)
async def run(visit: Visit) -> Response:
    """Take it in as was decided; or go on where it was stopped."""
    form, begun = await visit.form(), visit.desk.work.about
    if isinstance(begun, Look):
        wanted = "scan" if form.text("together") == "yes" else "auto"
        begun = Take(begun.path, _choices(form), wanted)
    elif isinstance(begun, Take) and form.given("sender") is not None:
        begun = Take(begun.path, _choices(form, begun.choices), begun.format)
    elif not isinstance(begun, Take) or begun.ours:
        raise _nothing_planned()
    desk, take = visit.desk, begun
    archive = await asyncio.to_thread(importing.open_archive, take.path, take.format)

    async def work(progress: Progress) -> Done:
        if archive.format == "bundle":
            return await importing.run_ours(desk, archive, None, progress)
        return await importing.run(desk, archive, take.choices, progress)

    return begin(visit, take, work)


@routes.post("/import/drawer")
@told_by(choose)
async def drawer(visit: Visit) -> Response:
    """Take in everything that is in another drawer."""
    form = await visit.form()
    path, word = paths.typed(form.text("path")), form.text("passphrase")
    archive = await asyncio.to_thread(importing.open_archive, path)
    if archive.format != "drawer":
        raise _nothing_planned()
    desk = visit.desk

    async def work(progress: Progress) -> Done:
        return await importing.run_ours(desk, archive, word, progress)

    return begin(visit, Take(path, Choices(), ours=True), work)


@routes.post("/import/other")
async def other(visit: Visit) -> Response:
    """Put this archive aside, and choose another."""
    return put_aside(visit, "/import")


def _nothing_planned() -> NotFound:
    return NotFound("nothing_planned", _("No archive was looked through just now."), _("Choose one first."))


def _choices(form: Form, before: Choices | None = None) -> Choices:
    """What was ticked and typed; where only who and when is asked for, the rest as it was decided `before`."""
    who, date, place = (form.text(name).strip() for name in ("who", "date", "place"))
    ours = form.text("sender") == "me"
    about = About(sender="" if ours else who, to=who if ours else "", date=date, place=place)
    if before is not None:
        return Choices(before.mine, before.take, before.only_ours, about)
    take = frozenset(form.all("take")) & frozenset(REASONS)
    return Choices(tuple(form.all("mine")), take, form.text("only_ours") == "yes", about)


def _planned(visit: Visit, begun: Look, plan: Plan) -> Response:
    ticks = [(reason, importing.in_words(reason), n) for reason, n in plan.left_out.items()]
    return visit.show(
        "import-plan.html",
        begun=begun,
        plan=plan,
        facts=import_words.planned(plan),
        may_come=[one for one in ticks if one[0] in REASONS],
        stays_out=[one for one in ticks if one[0] not in REASONS],
        people=plan.people[:PEOPLE],
        more_people=max(0, plan.people_in_all - PEOPLE),
        about=plan.format in PAPER,
        whole=plan.format == "bundle",
        given=About(),
    )


def _about_missing(visit: Visit, begun: Take, said: DearlyError) -> Response:
    """Something went wrong on the way; for papers mostly that nobody says who wrote them, or when."""
    return visit.show("import-about.html", status=400, said=said, begun=begun, given=begun.choices.about)


async def _done(visit: Visit, done: Done) -> Response:
    left = [(importing.in_words(reason), n) for reason, n in done.left_out.items()]
    twice = bool(await joining.alike(visit.desk))
    return visit.show("import-done.html", facts=import_words.done(done), left=left, twice=twice)
