"""Taking in an archive: choose one, see the plan in words, decide, and let it run.

An archive on this machine is read from where it lies; the desk makes no copy of it, and changes nothing in it. What the
browser hands over is read as it comes, and waits sealed beside the drawer until it is taken in or put aside
(`desk.importing_handed`): an upload that breaks off leaves nothing. A folder of a mail account is `archive_mailbox`.
The plan and the run are long work of the desk (`work`), which one may leave and come back to.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from starlette.responses import Response

from dearly.desk import importing, importing_words, joining
from dearly.desk.app import Progress
from dearly.desk.importing import OURS, REASONS, About, Choices, Done, Handing, Plan
from dearly.desk.importing_nearby import nearby
from dearly.letter.errors import DearlyError, NotFound
from dearly.letter.words import _
from dearly.web import paths
from dearly.web.arrived import weight
from dearly.web.forms import Form
from dearly.web.import_sources import HandedOver, OnDisk, Source
from dearly.web.pages.work import Begun, begin, going_on, put_aside
from dearly.web.visit import Pages, Visit, told_by

routes = Pages()

MOST_HANDED = 32 * 10**9
"""Octets that are handed over at once. They hold room on the disk until they are taken in; the disk may have less."""

PEOPLE = 12
"""People who are named in a plan at once."""

PAPER = frozenset({"text", "scan", "scans"})
"""Formats that say of themselves too little: who wrote, and when, is typed in."""


@dataclass(frozen=True, slots=True)
class Look(Begun):
    """Looking through an archive."""

    page: ClassVar[str] = "/import"
    source: Source

    @property
    def title(self) -> str:
        return _("Looking through the archive")

    @property
    def if_stopped(self) -> str:
        return _("Nothing has been taken in yet.")


@dataclass(frozen=True, slots=True)
class Take(Begun):
    """Taking it in. `format`: as which it is read; of a bundle or a drawer `whole` is its format, and `mine` whether
    the person said that it is their own."""

    page: ClassVar[str] = "/import"
    source: Source
    choices: Choices = Choices()  # noqa: RUF009 (frozen)
    format: str = "auto"
    whole: str = ""
    mine: bool = False

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
        if begun.whole:
            return _of_ours(visit, begun, work.trouble)
        if work.trouble is None or work.trouble.code not in ("whose_letter", "when_written"):
            return visit.show("import-stopped.html", status=400 if work.trouble else 200, said=work.trouble)
        return _about_missing(visit, begun, work.trouble)
    looked = begun if isinstance(begun, Look) else None
    if said is None and looked is not None:
        said = work.trouble
    path = looked.source.shown if looked is not None and isinstance(looked.source, OnDisk) else ""
    if visit.request.method == "POST" and visit.request.url.path == "/import/look":
        path = (await visit.form()).text("path")
    offered = [(str(path), paths.shown(path)) for path in await asyncio.to_thread(nearby, Path.home())]
    return visit.show(
        "import.html",
        status=400 if said else 200,
        said=said,
        wrong="path" if path and said else "files" if said else "",
        offered=offered,
        path=path,
        left=bool(await importing.left(visit.desk, most=1)),
    )


@routes.post("/import/look")
@told_by(choose)
async def look(visit: Visit) -> Response:
    """Look through what lies on this machine, and say what would be taken."""
    source = OnDisk(paths.typed((await visit.form()).text("path")))
    async with source.opened(visit.desk) as archive:
        if archive.format == "drawer":
            return _of_ours(visit, Take(source, whole="drawer"), None)
    return begin_look(visit, source)


@routes.post("/import/files", body=MOST_HANDED, streams=True)
@told_by(choose)
async def hand_over(visit: Visit) -> Response:
    """Take over files from the browser, and look through them."""
    if going_on(visit):
        await visit.hear_out()
        return visit.go("/work")
    handing = Handing(visit.desk)
    try:
        async for name, octets in visit.incoming.files():
            await handing.take(name, octets)
        return begin_look(visit, HandedOver(await asyncio.to_thread(handing.archive)))
    except BaseException:
        handing.drop()
        await visit.hear_out()
        raise


@routes.post("/import/run")
@told_by(choose)
async def run(visit: Visit) -> Response:
    """Take it in as was decided; or go on where it was stopped."""
    form, begun = await visit.form(), visit.desk.work.about
    if isinstance(begun, Look):
        wanted = "scan" if form.text("together") == "yes" else "auto"
        begun = Take(begun.source, _choices(form), wanted)
    elif isinstance(begun, Take) and form.given("sender") is not None:
        begun = Take(begun.source, _choices(form, begun.choices), begun.format)
    elif not isinstance(begun, Take) or begun.whole:
        raise _nothing_planned()
    desk, take = visit.desk, begun

    async def work(progress: Progress) -> Done:
        async with take.source.opened(desk, take.format) as archive:
            return _taken(take.source, await importing.run(desk, archive, take.choices, progress))

    return begin(visit, take, work)


@routes.post("/import/whole")
@told_by(choose)
async def whole(visit: Visit) -> Response:
    """Take in everything that is in a bundle, or in another drawer."""
    form, begun, desk = await visit.form(), visit.desk.work.about, visit.desk
    given, word = form.given("path"), form.text("passphrase")
    if given is not None:
        source: Source = OnDisk(paths.typed(given))
    elif isinstance(begun, Look | Take):
        source = begun.source
    else:
        raise _nothing_planned()
    async with source.opened(desk) as archive:
        take = Take(source, whole=archive.format, mine=form.text("mine") == "yes")
    if take.whole not in OURS:
        raise _nothing_planned()

    async def work(progress: Progress) -> Done:
        async with source.opened(desk) as archive:
            return _taken(source, await importing.run_ours(desk, archive, word or None, progress, ours=take.mine))

    return begin(visit, take, work)


@routes.post("/import/other")
async def other(visit: Visit) -> Response:
    """Put this archive aside, and choose another."""
    _give_back(visit)
    return put_aside(visit, "/import")


def begin_look(visit: Visit, source: Source) -> Response:
    """Look through it, as long work. Raises `InUse` (work_running)."""
    desk = visit.desk
    _give_back(visit)

    async def work(progress: Progress) -> Plan:
        async with source.opened(desk) as archive:
            return await importing.plan(desk, archive, Choices(), progress)

    return begin(visit, Look(source), work)


def _give_back(visit: Visit) -> None:
    """What was handed over before is not wanted any more."""
    before = visit.desk.work.about
    if isinstance(before, Look | Take) and isinstance(before.source, HandedOver) and not visit.desk.work.running:
        before.source.archive.let_go()


def _taken(source: Source, done: Done) -> Done:
    """It is in; what was handed over is needed no longer."""
    if isinstance(source, HandedOver):
        source.archive.let_go()
    return done


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
    source = begun.source
    sizes = source.archive.sizes if isinstance(source, HandedOver) else []
    return visit.show(
        "import-plan.html",
        plan=plan,
        where=source.shown,
        weighs=weight(sum(size for _name, size in sizes), visit.locale) if sizes else "",
        facts=importing_words.planned(plan),
        may_come=[one for one in ticks if one[0] in REASONS],
        stays_out=[one for one in ticks if one[0] not in REASONS],
        people=plan.people[:PEOPLE],
        more_people=max(0, plan.people_in_all - PEOPLE),
        about=plan.format in PAPER,
        whole=plan.format in OURS,
        given=About(),
    )


def _of_ours(visit: Visit, take: Take, said: DearlyError | None) -> Response:
    """A bundle or a drawer, with what has to be said about it; and where it stopped, what came of it."""
    path = take.source.path if isinstance(take.source, OnDisk) else None
    return visit.show(
        "import-drawer.html",
        status=400 if said else 200,
        said=said,
        take=take,
        path=path,
        where=take.source.shown,
        stopped=visit.desk.work.stopped and visit.desk.work.about is take,
    )


def _about_missing(visit: Visit, begun: Take, said: DearlyError) -> Response:
    """Nobody says who wrote a paper, or when."""
    return visit.show("import-about.html", status=400, said=said, given=begun.choices.about)


async def _done(visit: Visit, done: Done) -> Response:
    return visit.show(
        "import-done.html",
        facts=importing_words.done(done),
        missed=done.skipped,
        left_out=[(importing.in_words(reason), n) for reason, n in done.left_out.items()],
        left=bool(done.left),
        twice=bool(await joining.alike(visit.desk)),
    )
