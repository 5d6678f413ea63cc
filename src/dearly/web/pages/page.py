"""The page one writes on: begun, shown, kept. Every act of its form keeps what stands in it first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from dearly.desk import beside, envelope, people
from dearly.desk import page as pages
from dearly.desk import write as writing
from dearly.letter.errors import DearlyError, Usage
from dearly.web import addressing, vendor
from dearly.web.forms import unreadable, whole
from dearly.web.hints import hint
from dearly.web.visit import Pages, Visit
from dearly.web.writers import Writer, Writers

routes = Pages()

BODY = 32 << 20
"""Octets of a page that is sent: the longest text, every character written as three."""

PATIENCE = 0.5
"""Seconds that a page waits for what the envelope would say; it is asked for again when the page is there."""

MOST_MARKS = 120
"""Earlier states on the ribbon; the ones before them lie behind the first."""


@routes.post("/page/new")
async def new(visit: Visit) -> Response:
    """Begin a page: to somebody, as an answer, or to nobody yet."""
    form = await visit.form()
    to = [one for one in form.all("to") if one.strip()]
    begun = await pages.begin(visit.desk, to, whole(form.text("answers")))
    return visit.go(f"/page/{begun.number}")


@routes.get("/page/{number:int}")
async def page(visit: Visit, number: int) -> Response:
    """The page, as it is when what is just being kept has been kept."""
    async with _writer(visit, number).lock:
        return await show(visit, number)


def _writer(visit: Visit, number: int) -> Writer:
    writers: Writers = visit.face.extra.setdefault(__name__, Writers())
    return writers.of(number)


async def show(visit: Visit, number: int, said: DearlyError | None = None) -> Response:
    """The page as it lies there, with a word about what was tried."""
    desk = visit.desk
    view = await pages.page(desk, number)
    readers = await _readers(visit, view)
    found = vendor.importmap()
    return visit.show(
        "page.html",
        status=200 if said is None else 409,
        said=said,
        view=view,
        saves=_writer(visit, number).saves,
        readers=readers,
        known=await known(visit),
        earlier=await beside.earlier(desk, number, limit=beside.FIRST),
        brought=_brought(view),
        marks=addressing.marks(view, visit.dates, visit.zone)[-MOST_MARKS:],
        importmap=found.text if found else "",
        scripts=found.source if found else "",
    )


async def _readers(visit: Visit, view: pages.PageView) -> list[addressing.ReaderLine]:
    """Whom it goes to, with the way and the seal of each where they are known at once."""
    if not view.to:
        return []
    asked = asyncio.ensure_future(envelope.envelope(visit.desk, view.number))
    try:
        closed = await asyncio.wait_for(asyncio.shield(asked), PATIENCE)
    except (TimeoutError, DearlyError):
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())
        return addressing.named(view)
    return addressing.lines(view, closed)


async def known(visit: Visit) -> list[tuple[str, str]]:
    """What may be chosen as a reader: (what is written, what it means where that is not said by it)."""
    book = await people.list_people(visit.desk)
    names = [person.name for person in book]
    found = []
    for person in book[:1000]:
        if names.count(person.name) == 1 and (person.addresses or person.kind != "person"):
            found.append((person.name, ""))
        if len(person.addresses) > 1 or names.count(person.name) > 1:
            found.extend((address, person.name) for address in person.addresses)
    return found


def _brought(view: pages.PageView) -> Markup:
    """What the editor takes up again: a block of data that no browser runs, and that nothing in it can end."""
    history: object = None
    if view.history is not None:
        try:
            history = json.loads(view.history)
        except ValueError:
            history = None
    text = json.dumps({"caret": view.caret, "history": history}, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 (no "<" is left in it)


@routes.get("/page/{number:int}/saves")
async def saves(visit: Visit, number: int) -> Response:
    """How often the page was saved, for a window that was loaded again: what the old one sent as it went may have been
    overtaken by the asking for the new one."""
    writer = _writer(visit, number)
    async with writer.lock:
        return visit.reply({"saves": writer.saves})


@routes.get("/page/{number:int}/to")
async def to(visit: Visit, number: int) -> Response:
    """Whom the page goes to, for the page's own script: names, ways and seals in words."""
    view = await pages.page(visit.desk, number)
    try:
        lines = addressing.lines(view, await envelope.envelope(visit.desk, number)) if view.to else []
    except DearlyError:
        lines = addressing.named(view)
    return visit.reply({"readers": [line.as_dict() for line in lines]})


@routes.post("/page/{number:int}/save", body=BODY, saves=True)
async def save(visit: Visit, number: int) -> Response:
    """Keep what stands on the page."""
    if not visit.wants_json:
        if visit.after_lock:
            return await _kept_last(visit, number)
        said = await take_in(visit, number)
        return said or visit.go(f"/page/{number}")
    sent = await visit.json()
    writer = _writer(visit, number)
    async with writer.lock:
        return await _save(visit, number, sent, writer)


async def _save(visit: Visit, number: int, sent: Mapping[str, Any], writer: Writer) -> Response:
    named, change = _number(sent, "revision"), _change(sent)
    window, turn = (_text(sent, "window") or "")[:40], _number(sent, "turn") if "turn" in sent else 0
    if writer.overtaken(window, turn):
        return visit.reply({"revision": writer.run.last, "overtaken": True})
    revision = writer.base(window, named)
    if revision != named and isinstance(change, pages.Splice):
        raise pages.other_text()
    try:
        kept = await pages.autosave(
            visit.desk,
            number,
            revision,
            text=change,
            subject=_text(sent, "subject"),
            place=_text(sent, "place"),
            to=_names(sent),
            caret=_number(sent, "caret") if "caret" in sent else None,
            history=None if sent.get("history") is None else json.dumps(sent["history"], separators=(",", ":")),
            over=sent.get("over") is True,
            leaving=sent.get("leaving") is True,
        )
    except pages.ChangedMeanwhile as meanwhile:
        error = {"code": meanwhile.code, "message": meanwhile.message, "hint": meanwhile.hint}
        if visit.after_lock:
            return visit.reply({"error": error}, 409)
        current = {"revision": meanwhile.revision, "text": meanwhile.text}
        return visit.reply({"error": error, "current": current, "beside": meanwhile.beside}, 409)
    writer.wrote(window, turn, revision, kept.revision)
    if visit.after_lock:
        return visit.reply({"locked": True})
    answer: dict[str, Any] = {
        "revision": kept.revision,
        "kept": visit.dates.clock(kept.at),
        "words": kept.words,
        "today": visit.dates.day(visit.desk.clock.local()),
    }
    if kept.said is not None:
        answer["said"] = {"message": kept.said.message, "hint": hint(kept.said)}
    return visit.reply(answer)


async def _kept_last(visit: Visit, number: int) -> Response:
    """A form that was sent while the lock fell: kept, and then the lock page, which says nothing of it."""
    with suppress(DearlyError):
        await take_in(visit, number)
    return visit.go("/locked")


@routes.post("/page/{number:int}/keep-both", body=BODY, saves=True)
async def keep_both(visit: Visit, number: int) -> Response:
    """Keep what another window had written, beside the page."""
    sent = await visit.json()
    grown = sent.get("beside")
    kept = await pages.keep_both(
        visit.desk,
        number,
        _text(sent, "text"),
        _text(sent, "subject"),
        grown if isinstance(grown, int) else None,
    )
    if visit.after_lock:
        return visit.reply({"locked": True})
    return visit.reply({"beside": kept, "kept": visit.dates.clock(visit.desk.clock.now())})


@routes.post("/page/{number:int}/read-over", body=BODY)
async def read_over(visit: Visit, number: int) -> Response:
    """Keep it, and go and read it."""
    said = await take_in(visit, number)
    if said is None:
        await writing.keep_as_read(visit.desk, number)
    return said or visit.go(f"/page/{number}/read-over")


@routes.post("/page/{number:int}/to-envelope", body=BODY)
async def to_envelope(visit: Visit, number: int) -> Response:
    """Keep it, and go to its envelope."""
    return await take_in(visit, number) or visit.go(f"/page/{number}/envelope")


@routes.post("/page/{number:int}/along", body=BODY)
async def along(visit: Visit, number: int) -> Response:
    """Keep it, and go to what is enclosed."""
    return await take_in(visit, number) or visit.go(f"/page/{number}/enclosed")


async def take_in(visit: Visit, number: int) -> Response | None:
    """Keep what the form of the page holds. None where all of it was kept; else what is to be said about it."""
    form = await visit.form()
    text = form.given("text")
    if text is None:
        return None  # the form of another page, such as the envelope: it brings nothing that was written
    off = form.text("off")
    to = [one for one in form.all("to") if one != off or not off]
    caret = form.text("caret")
    try:
        kept = await pages.autosave(
            visit.desk,
            number,
            _whole(form.text("revision")),
            text=text,
            subject=form.given("subject"),
            place=form.given("place"),
            to=to,
            caret=_whole(caret) if caret else None,
            over=form.text("over") == "yes",
        )
    except pages.ChangedMeanwhile as meanwhile:
        if meanwhile.beside is None:
            return None
        return visit.go(f"/page/{number}/version/{meanwhile.beside}")
    if kept.said is None:
        return None
    return await show(visit, number, Usage(kept.said.code, kept.said.message, hint(kept.said)))


def _whole(text: str) -> int:
    number = whole(text)
    if number is None:
        raise unreadable()
    return number


def _number(sent: Mapping[str, Any], name: str) -> int:
    value = sent.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 40:
        raise unreadable()
    return value


def _text(sent: Mapping[str, Any], name: str) -> str | None:
    value = sent.get(name)
    if value is not None and not isinstance(value, str):
        raise unreadable()
    return value


def _names(sent: Mapping[str, Any]) -> list[str] | None:
    value = sent.get("to")
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise unreadable()
    return value


def _change(sent: Mapping[str, Any]) -> str | pages.Splice | None:
    splice = sent.get("splice")
    if splice is None:
        return _text(sent, "text")
    if not isinstance(splice, dict) or not isinstance(splice.get("insert"), str):
        raise unreadable()
    return pages.Splice(_number(splice, "at"), _number(splice, "remove"), splice["insert"], _number(splice, "length"))
