"""A letter, read: the paper, what the desk knows beside it, and what may be done after it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup
from starlette.responses import Response

from dearly.desk import answer as answering
from dearly.desk import dateline, erasing, home, keys, ledger, letterbox, page, reading, settings
from dearly.desk.reading import EnclosedView, Reading
from dearly.letter.errors import DearlyError, NotFound, Usage
from dearly.letter.words import _
from dearly.web import arrived, journeys, key_words, saving, shown, tickets, when
from dearly.web.pages.ledger import decision
from dearly.web.visit import Pages, Visit, told_by

routes = Pages()

FRAMED = "default-src 'none'; img-src data:; style-src 'none'; sandbox; frame-ancestors 'self'"
"""Content-Security-Policy of the locked frame: nothing but the pictures that were written into it."""

_ALL_THE_SAME, _LAID_OUT = "all-the-same", "laid-out"


@routes.get("/letter/{number:int}")
async def letter(visit: Visit, number: int) -> Response:
    """The letter. `look=all-the-same`: although its seal asks for caution; `look=laid-out`: as its sender's program
    laid it out, in the locked frame."""
    look = visit.request.query_params.get("look", "")
    try:
        found = await reading.read(visit.desk, number, all_the_same=look in (_ALL_THE_SAME, _LAID_OUT))
    except NotFound as missing:
        return await _elsewhere(visit, number, missing)
    if found.letter.number != number:  # another copy of a letter that lies under its own number
        return visit.go(f"/letter/{found.letter.number}")
    laid_out = look == _LAID_OUT and found.html
    values = await _beside(visit, found)
    return visit.show(
        "letter.html",
        frames="'self'" if laid_out else "'none'",
        found=found,
        laid_out=laid_out,
        # Made and made safe by the limited child (`opener.paper`): its tags are the only markup that ever comes in.
        paper=Markup(found.paper.html) if found.paper is not None else None,  # noqa: S704 (see above)
        **values,
    )


async def _beside(visit: Visit, found: Reading) -> dict[str, Any]:
    """What the desk says beside the paper."""
    view, desk = found.letter, visit.desk
    ours = view.direction == "out"
    posted = None
    if ours and view.state != "imported":
        posted = journeys.told(await home.posted(desk, view.number), desk.clock.local(), visit.dates)
    first = view.postmarks[0] if view.postmarks else None
    return {
        "view": view,
        "ours": ours,
        "posted": posted,
        "seal": posted.seal if posted else shown.from_elsewhere() if ours else shown.seal_words(view),
        "until": when.on(found.reply_on, desk.clock.local().date(), visit.dates) if found.reply_on else "",
        "today": desk.clock.local().date(),
        "sent": arrived.part_of(view.date, visit),
        "fetched": arrived.part_of(first.at, visit) if first else "",
        "marks": [arrived.stamped(mark, visit) for mark in view.postmarks],
        "way": shown.way(view.way) if view.way else "",
        "brought": [] if ours else [(one, key_words.offered(one)) for one in await keys.offered(desk, view.number)],
        "files": [_file(visit, view.number, one) for one in found.enclosed if not one.placed],
        "on_paper": [one for one in found.enclosed if one.picture and not one.placed],
    }


def _file(visit: Visit, number: int, one: EnclosedView) -> dict[str, Any]:
    return {
        "it": one,
        "weight": arrived.weight(one.size, visit.locale),
        "ending": arrived.ending(one.name),
        "at": f"/letter/{number}/enclosure/{one.position}/{tickets.ticket(visit, 'enclosure', number, one.position)}",
    }


async def _elsewhere(visit: Visit, number: int, missing: NotFound) -> Response:
    """What is no filed letter: an envelope that is still closed, a parcel that could not be opened, a page."""
    try:
        one, state = await letterbox.lying(visit.desk, number)
    except NotFound:
        try:
            await page.page(visit.desk, number)
        except NotFound:
            raise missing from None
        return visit.go(f"/page/{number}")
    if state not in ("unreadable", "imported"):
        return visit.go("/letterbox")
    return visit.show(
        "kept.html",
        one=one,
        imported=state == "imported",
        seal=shown.seal_words(one.envelope),
        way=shown.way(one.envelope.way),
        fetched=arrived.part_of(one.envelope.arrived, visit),
        original=f"/letterbox/{number}/original/{tickets.ticket(visit, 'original', number)}",
    )


@routes.get("/letter/{number:int}/frame")
async def frame(visit: Visit, number: int) -> Response:
    """Another program's layout, for the locked frame alone: by itself it would have the whole window (A08)."""
    if visit.request.headers.get("sec-fetch-dest", "iframe") != "iframe":
        return visit.go(f"/letter/{number}?look={_LAID_OUT}")
    text = await reading.frame(visit.desk, number, visit.locale.language)
    return Response(text, media_type="text/html", headers={"content-security-policy": FRAMED})


@routes.get("/letter/{number:int}/link/{which:int}")
async def link(visit: Visit, number: int, which: int) -> Response:
    """Where a link leads, before anyone goes there."""
    target = await reading.link(visit.desk, number, which)
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https", "mailto"):  # the child that found it had foreign text before it
        raise NotFound("no_link", _("There is no such link in this letter."), _("Go back to the letter."))
    mail = parts.scheme == "mailto"
    host = parts.hostname or ""
    return visit.show(
        "leaving.html",
        number=number,
        target=target,
        mail=parts.path if mail else "",
        host=host,
        foreign_letters=any(piece.startswith("xn--") for piece in host.split(".")),
        open_line=parts.scheme == "http",
    )


@routes.get("/letter/{number:int}/enclosure/{position:int}/{ticket}")
async def enclosure(visit: Visit, number: int, position: int, ticket: str) -> Response:
    """An enclosure, to be saved."""
    tickets.check(visit, ticket, "enclosure", number, position)
    one = await reading.enclosure(visit.desk, number, position)
    return saving.to_be_saved(one.data, one.name)


@routes.post("/letter/{number:int}/answer")
async def answer(visit: Visit, number: int) -> Response:
    """Begin an answer. `quote`: what was shown of the letter stands on the page."""
    quote = bool((await visit.form()).text("quote"))
    place = dateline.place((await settings.chosen(visit.desk)).place)
    begun = await answering.answer(visit.desk, number, "", quote=quote, place=place)
    return visit.go(f"/page/{begun.number}")


@routes.post("/letter/{number:int}/card")
async def card(visit: Visit, number: int) -> Response:
    """A small card, in its envelope already: it came, I need time."""
    place = dateline.place((await settings.chosen(visit.desk)).place)
    begun = await answering.card(visit.desk, number, place=place)
    return visit.go(f"/page/{begun.number}/envelope")


@routes.post("/letter/{number:int}/key/{fingerprint}")
async def take_key(visit: Visit, number: int, fingerprint: str) -> Response:
    """Take a key that the letter brings: then it lies with its person, where it is looked at and decided."""
    for one in await keys.offered(visit.desk, number):
        if one.fingerprint == fingerprint:
            person = await keys.take(visit.desk, number, one.which)
            return visit.go(f"/people/{person.uid}")
    raise NotFound("no_such_key", _("This letter brings no such key."), _("Go back to the letter."))


@routes.post("/letter/{number:int}/mark")
async def mark(visit: Visit, number: int) -> Response:
    """Later, no answer needed, at rest, or none of them."""
    await ledger.decide(visit.desk, number, *decision(await visit.form()))
    return visit.go(f"/letter/{number}")


@routes.get("/letter/{number:int}/erase")
async def ask_before_erasing(visit: Visit, number: int, said: DearlyError | None = None) -> Response:
    """What goes, what stays, and what is out of reach."""
    meant = await erasing.before(visit.desk, number)
    if meant.letter.number != number:  # another copy of a letter that lies under its own number
        return visit.go(f"/letter/{meant.letter.number}/erase")
    return visit.show("erase.html", status=400 if said else 200, said=said, meant=meant, gone=False)


@routes.post("/letter/{number:int}/erase")
@told_by(ask_before_erasing)
async def erase(visit: Visit, number: int) -> Response:
    """Erase it for good."""
    if (await visit.form()).text("sure") != "yes":
        raise Usage("not_confirmed", _("Nothing was erased."), _("Say that you mean it, and press the button again."))
    await erasing.erase(visit.desk, number)
    return visit.show("erase.html", gone=True)
