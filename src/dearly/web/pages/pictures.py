"""Pictures and enclosures: laid into a page, taken out of it, and shown.

A script sends the octets of one file with its name in `Dearly-Name`. Without a script the page's own form sends it, and
what was written there is kept first; the picture then stands at the end of the text, with its words.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import unquote

from starlette.responses import Response

from dearly.desk import enclosing
from dearly.desk import page as pages
from dearly.desk import pictures as laying
from dearly.letter.content import MOST_ENCLOSED, Enclosure
from dearly.letter.errors import DearlyError, Usage
from dearly.letter.words import _
from dearly.web import arrived
from dearly.web.forms import OCTETS, Form, Upload, kind
from dearly.web.pages import page as writing
from dearly.web.visit import Pages, Visit

routes = Pages()

WITH_A_PICTURE = laying.LARGEST_PICTURE + writing.BODY
"""Octets of the page's form with a picture in it."""

WITH_FILES = MOST_ENCLOSED + writing.BODY

FORGOTTEN_AFTER = 120.0
"""Seconds after the last look at a picture in which it stays in memory."""


@routes.post("/page/{number:int}/picture", body=WITH_A_PICTURE)
async def lay_in(visit: Visit, number: int) -> Response:
    """Lay a picture into the page. `reduce=1` (query or form): reduced."""
    if _by_script(visit):
        reduce = visit.request.query_params.get("reduce") == "1"
        laid = await laying.lay_in(visit.desk, number, _name(visit), await visit.body(), reduce=reduce)
        return visit.reply(
            {
                "cid": laid.cid,
                "name": laid.name,
                "width": laid.width,
                "height": laid.height,
                "size": laid.size,
                "media_type": laid.media_type,
            }
        )
    form = await visit.form()
    said = await writing.take_in(visit, number)
    if said is not None:
        return said
    try:
        for file in _chosen(form, "picture"):
            await _place(visit, number, file, form.text("words"), reduce=form.text("reduce") == "1")
    except DearlyError as error:
        return await _tell(visit, number, form, error)
    return visit.go(f"/page/{number}" if form.text("revision") else f"/page/{number}/enclosed")


async def _place(visit: Visit, number: int, file: Upload, words: str, *, reduce: bool) -> None:
    """Lay it in and let it stand at the end of the text."""
    laid = await laying.lay_in(visit.desk, number, file.name, file.data, reduce=reduce)
    view = await pages.page(visit.desk, number)
    shown = laying.words_for(laid.cid, words)
    text = f"{view.text.rstrip()}\n\n{shown}\n" if view.text.strip() else f"{shown}\n"
    await pages.autosave(visit.desk, number, view.revision, text=text)


@routes.get("/page/{number:int}/picture/{cid:path}")
async def in_page(visit: Visit, number: int, cid: str) -> Response:
    """A picture of the page."""
    return _picture(await laying.in_page(visit.desk, number, cid))


@routes.get("/letter/{number:int}/picture/{cid:path}")
async def in_letter(visit: Visit, number: int, cid: str) -> Response:
    """A picture of a letter."""
    return _picture(await laying.in_letter(visit.desk, number, cid, _shown(visit)))


@routes.get("/letter/{number:int}/enclosed-picture/{position:int}")
async def enclosed_picture(visit: Visit, number: int, position: int) -> Response:
    """A picture that lies in a letter beside its text."""
    return _picture(await laying.enclosed_in_letter(visit.desk, number, position, _shown(visit)))


@routes.get("/page/{number:int}/enclosed")
async def enclosed(visit: Visit, number: int) -> Response:
    """What goes along with the page."""
    return await _enclosed(visit, number)


async def _enclosed(visit: Visit, number: int, said: DearlyError | None = None) -> Response:
    found = await enclosing.enclosed(visit.desk, number)
    view = await pages.page(visit.desk, number)
    out = await laying.not_in_text(visit.desk, number)
    return visit.show(
        "enclosed.html",
        status=409 if said else 200,
        said=said,
        found=found,
        view=view,
        out=out,
        weigh=arrived.weight,
    )


@routes.post("/page/{number:int}/enclose", body=WITH_FILES)
async def enclose(visit: Visit, number: int) -> Response:
    """Put files in."""
    if _by_script(visit):
        data = await visit.body()
        found = await enclosing.enclose(visit.desk, number, [Enclosure(_name(visit), "", data)])
        return visit.reply(_told(found))
    form = await visit.form()
    said = await writing.take_in(visit, number)
    if said is not None:
        return said
    try:
        files = [Enclosure(file.name, "", file.data) for file in _chosen(form, "file")]
        await enclosing.enclose(visit.desk, number, files)
    except DearlyError as error:
        return await _tell(visit, number, form, error)
    return visit.go(f"/page/{number}/enclosed")


@routes.post("/page/{number:int}/enclosure/{position:int}/remove", body=writing.BODY)
async def take_out(visit: Visit, number: int, position: int) -> Response:
    """Take one out again."""
    if visit.wants_json:
        name = (await visit.json()).get("name")
        return visit.reply(
            _told(await enclosing.take_out(visit.desk, number, position, name if isinstance(name, str) else None))
        )
    form = await visit.form()
    said = await writing.take_in(visit, number)
    if said is not None:
        return said
    await enclosing.take_out(visit.desk, number, position, form.text("name") or None)
    return visit.go(f"/page/{number}/enclosed")


async def _tell(visit: Visit, number: int, form: Form, error: DearlyError) -> Response:
    """What went wrong, on the page that the file was sent from."""
    if form.text("revision"):
        return await writing.show(visit, number, error)
    return await _enclosed(visit, number, error)


def _told(found: enclosing.InPage) -> dict[str, object]:
    return {
        "files": [
            {"position": one.position, "name": one.name, "size": one.size, "media_type": one.media_type}
            for one in found.files
            if one.cid is None
        ],
        "weight": found.weight,
        "room": found.room,
    }


def _chosen(form: Form, name: str) -> list[Upload]:
    files = form.files(name)
    if not files:
        raise Usage("no_file", _("No file was chosen."), _("Choose one, then send it again."))
    return files


def _by_script(visit: Visit) -> bool:
    return kind(visit.request) == OCTETS


def _name(visit: Visit) -> str:
    """The name of the file that a script sends, percent-encoded UTF-8 in `Dearly-Name`."""
    return unquote(visit.request.headers.get("dearly-name", "")[:2000], errors="replace")


def _picture(picture: laying.ShownPicture) -> Response:
    return Response(picture.data, media_type=picture.media_type, headers={"content-disposition": "inline"})


@dataclass
class _Memory:
    """Pictures shown lately; of one opening of the desk, and forgotten a while after the last look."""

    opening: int
    shown: laying.Shown = field(default_factory=laying.Shown)
    forgetting: asyncio.TimerHandle | None = None


def _shown(visit: Visit) -> laying.Shown:
    extra, opening = visit.face.extra, visit.keeper.opening
    memory = extra.get(__name__)
    if not isinstance(memory, _Memory) or memory.opening != opening:
        memory = extra[__name__] = _Memory(opening)
    if memory.forgetting is not None:
        memory.forgetting.cancel()
    memory.forgetting = asyncio.get_running_loop().call_later(FORGOTTEN_AFTER, extra.pop, __name__, None)
    return memory.shown
