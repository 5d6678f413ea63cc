"""The envelope: to whom, by which way, closed how, leaving when. Closing it posts the letter; nothing else does."""

from __future__ import annotations

from datetime import date

from starlette.responses import Response

from dearly.desk import envelope as closing_desk
from dearly.desk import keys, post
from dearly.desk import page as pages
from dearly.desk.envelope import EnvelopeToClose
from dearly.letter.envelope import Way
from dearly.letter.errors import DearlyError, NotFound, Refused, Usage
from dearly.letter.words import _
from dearly.web import closing, shown
from dearly.web.forms import Form, whole
from dearly.web.hints import hint
from dearly.web.pages.page import known
from dearly.web.visit import Pages, Visit

routes = Pages()


@routes.get("/page/{number:int}/envelope")
async def envelope(visit: Visit, number: int) -> Response:
    """The envelope of a page; of one that was posted, where it is."""
    try:
        return await _show(visit, number, {"close": visit.request.query_params.get("close", "")})
    except NotFound as gone:
        if gone.code != "already_posted":
            raise
        return visit.go(f"/posted/{number}")


@routes.post("/page/{number:int}/name")
async def name(visit: Visit, number: int) -> Response:
    """Say on an envelope of nobody whom it is for; nothing else of the page changes."""
    form = await visit.form()
    to = [form.text("to").strip()] if form.text("to").strip() else []
    try:
        if to:
            kept = await pages.autosave(visit.desk, number, _revision(form), to=to)
            if kept.said is not None:
                return await _show(visit, number, {}, Usage(kept.said.code, kept.said.message, hint(kept.said)))
    except pages.ChangedMeanwhile:
        pass  # the envelope shows the page as it is now
    return visit.go(f"/page/{number}/envelope")


@routes.post("/page/{number:int}/post")
async def close(visit: Visit, number: int) -> Response:
    """Close it and post it; or keep it here, where that was chosen."""
    form = await visit.form()
    wanted = {name: value for name, value in form.fields if isinstance(value, str)}
    try:
        return await _close(visit, number, form, wanted)
    except NotFound as gone:
        if gone.code == "already_posted":
            return visit.go(f"/posted/{number}")
        raise
    except DearlyError as said:
        return await _show(visit, number, wanted, said)


async def _close(visit: Visit, number: int, form: Form, wanted: dict[str, str]) -> Response:
    desk = visit.desk
    revision, unsealed = _revision(form), form.text("close") == "open"
    at_once, on = _when(form)
    there = await closing_desk.envelope(desk, number)
    by = {reader.key: Way(way) for reader in there.readers if (way := wanted.get(f"way {reader.key}")) in _WAYS}
    if unsealed:
        # By mail only where the page has said so: an account may have come since.
        by = {
            one.key: Way.MAIL if wanted.get(f"way {one.key}") == one.open_way.value == "mail" else Way.HAND
            for one in there.readers
        }
    elif not await _keys_decided(visit, there, wanted):
        return visit.go("/")
    if by and len(by) == len(there.readers) and set(by.values()) == {Way.HAND} and on is None:
        at_once = True  # nothing collects it: it waits for the one who carries it
    await post.post_page(desk, number, revision, at_once=at_once, on=on, by=by, unsealed=unsealed)
    return visit.go(f"/posted/{number}")


_WAYS = frozenset(way.value for way in Way)


def _revision(form: Form) -> int:
    revision = whole(form.text("revision"))
    if revision is None:
        raise Usage("bad_form", _("What this page sent cannot be read as a form."), _("Load the page again."))
    return revision


def _when(form: Form) -> tuple[bool, date | None]:
    """Whether at once, and on which day."""
    answer = form.text("when", "next")
    if answer != "day":
        return answer == "once", None
    try:
        return False, date.fromisoformat(form.text("day"))
    except ValueError:
        raise Usage(
            "bad_date", _("No day is named on which it should leave."), _("Name one, or choose another time.")
        ) from None


async def _keys_decided(visit: Visit, there: EnvelopeToClose, wanted: dict[str, str]) -> bool:
    """Whether the letter may be sealed. Where a key is new the writer's answer counts, and without one it is kept."""
    answers = {}
    for reader in there.readers:
        if closing.undecided(reader):
            answers[reader.key] = wanted.get(f"key {reader.key}", "keep")
    if "keep" in answers.values():
        return False
    for reader in there.readers:
        if answers.get(reader.key) == "new" and reader.newer is not None:
            if wanted.get(f"newest {reader.key}") != reader.newer.fingerprint:
                raise Refused(
                    "key_changed_meanwhile",
                    _("Another key of {name} has come since this page was shown.").format(name=reader.name),
                    _("Look at it once more before you close the envelope."),
                )
            await keys.pin(visit.desk, reader.uid, reader.newer.fingerprint, verified=False)
    return True


async def _show(visit: Visit, number: int, wanted: dict[str, str], said: DearlyError | None = None) -> Response:
    there = await closing_desk.envelope(visit.desk, number)
    dates = visit.dates
    readers = [closing.closing(one, there.name, there.now, dates, wanted) for one in there.readers]
    card = wanted.get("close") == "open" and there.may_be_open
    return visit.show(
        "envelope.html",
        status=200 if said is None else 409,
        said=said,
        there=there,
        readers=readers,
        known=[] if readers else await known(visit),
        to=shown.listed([one.name for one in there.readers]),
        address=[(one.name, one.address) for one in there.readers],
        card=card,
        card_text=shown.on_card(there.text),
        possible=bool(readers) and not there.empty and (card or all(one.possible and one.ways for one in readers)),
        asks=any(one.keys for one in readers),
        stamp=shown.way(_stamp(there, card)),
        card_by_mail=any(one.open_way is Way.MAIL for one in there.readers),
        seal=_together([one.seal.state for one in readers]),
        initial=shown.initial(there.name),
        times=closing.times(there, wanted.get("when", "next"), dates),
        day=wanted.get("day", ""),
        first_day=there.now.date().isoformat(),
    )


def _stamp(there: EnvelopeToClose, card: bool) -> Way:
    """By which way the first of them gets it."""
    if not there.readers:
        return Way.HAND
    return there.readers[0].open_way if card else there.readers[0].way


def _together(states: list[str]) -> str:
    """How the one wafer is drawn that closes the envelope of several readers."""
    return next((state for state in ("open", "new", "checked") if state in states), "open")
