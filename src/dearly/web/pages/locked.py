"""The lock: its page, what opens it, and both ways to lock; and what open pages tell of themselves."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import datetime
from typing import Any

from starlette.responses import RedirectResponse, Response

from dearly.desk import first
from dearly.desk.keeper import State
from dearly.letter.errors import DearlyError, Locked, Usage
from dearly.letter.words import _
from dearly.web import when
from dearly.web.dates import Dates
from dearly.web.sessions import Seat
from dearly.web.visit import Pages, Visit, way_in

routes = Pages()

_PASSPHRASE_BODY = 32 << 10
_A_MOMENT = 0.3
_WRONG = ("wrong_passphrase", "bad_passphrase")
_PAGE = re.compile(r"[a-z0-9]{8,64}")


@routes.get("/locked", seat=Seat.ANYONE)
async def locked(visit: Visit) -> Response:
    """The lock page. It says nothing of what is inside but when the next letter leaves."""
    if visit.keeper.state is State.NONE:
        return visit.go(way_in(visit))
    if visit.seated:
        return visit.go(_back_to(visit.request.query_params.get("to", "")))
    return await _lock_page(visit, to=visit.request.query_params.get("to", ""))


async def _lock_page(visit: Visit, *, status: int = 200, to: str = "", said: DearlyError | None = None) -> Response:
    return visit.greet(
        "locked.html",
        status=status,
        state=visit.keeper.state,
        leaving=await _leaving(visit),
        to=_back_to(to),
        notices=[],
        said=said,
    )


async def _leaving(visit: Visit) -> dict[str, Any] | None:
    """How many letters leave by themselves, and when the first does, in words. No lock forgets this machine's zone."""
    leaving = await visit.keeper.leaving()
    if leaving is None:
        return None
    here = leaving.first.astimezone()
    day = when.on(here.date(), datetime.now().astimezone().date(), visit.dates)
    clock = Dates(visit.locale, here.tzinfo).clock(here)
    return {"count": leaving.count, "time": _("{day}, from {clock} on").format(day=day, clock=clock)}


def _back_to(path: str) -> str:
    """The page that somebody was at, if it is one of ours; else the desk. Numbers and words of ours, nothing else."""
    return path if re.fullmatch(r"/(?!/)[a-z0-9/-]{0,100}", path) and not path.startswith("/lock") else "/"


@routes.post("/unlock", seat=Seat.ANYONE, body=_PASSPHRASE_BODY)
async def unlock(visit: Visit) -> Response:
    """Open the desk with the passphrase. After wrong tries it takes longer and longer to answer."""
    form = await visit.form()
    async with visit.face.threshold.passphrases as patience:
        try:
            await visit.keeper.unlock(form.text("passphrase"))
        except DearlyError as trouble:
            if trouble.code == "desk_closing":
                # Sent once more by the browser, it waits until the process has begun anew (RFC 9110 15.4.8).
                await asyncio.sleep(_A_MOMENT)
                return RedirectResponse("/unlock", 307)
            wrong = trouble.code in _WRONG
            if wrong:
                patience.wrong()
                trouble = Locked(trouble.code, _("That did not open the desk."))
            return await _lock_page(visit, status=401 if wrong else 409, to=form.text("to"), said=trouble)
        patience.right()
    return await _sit_down(visit, _back_to(form.text("to")))


async def _sit_down(visit: Visit, there: str) -> Response:
    """Seat whoever has just opened the desk; on the first day, where that was left."""
    note_proof(visit)
    if there == "/" and (steps := await first.to_do(visit.desk)):
        there = f"/welcome/{steps[0]}"
    return visit.seat(visit.go(there), Seat.DESK)


@routes.get("/locked/kit", seat=Seat.ANYONE)
async def kit(visit: Visit) -> Response:
    """Where the recovery kit is typed."""
    if visit.keeper.state is State.NONE:
        return visit.go(way_in(visit))
    return visit.greet("locked-kit.html", lines="")


@routes.post("/locked/kit", seat=Seat.ANYONE, body=_PASSPHRASE_BODY)
async def open_with_kit(visit: Visit) -> Response:
    """Open the desk with the recovery kit, and give it another passphrase."""
    form = await visit.form()
    lines = form.text("lines")
    async with visit.face.threshold.passphrases as patience:
        try:
            word = chosen_passphrase(form.text("passphrase"), form.text("again"))
            await visit.keeper.restore_with_kit(lines, word)
        except DearlyError as trouble:
            if trouble.code == "wrong_key":
                patience.wrong()
            # The kit is as good as the key: it does not come back in a page.
            return visit.greet("locked-kit.html", status=400, lines="", said=trouble)
        patience.right()
    return await _sit_down(visit, "/")


_PROOF = "proved"
_PROOF_SECONDS = 15 * 60.0


def note_proof(visit: Visit) -> None:
    """Somebody at this desk has shown just now that they know the passphrase."""
    visit.face.extra[_PROOF] = time.monotonic()


def proved_lately(visit: Visit) -> bool:
    """Whether that is so recent that the kit may be shown: the desk may have been left alone since."""
    return time.monotonic() - float(visit.face.extra.get(_PROOF, -_PROOF_SECONDS)) < _PROOF_SECONDS


def chosen_passphrase(word: str, again: str) -> str:
    """A new passphrase, typed twice. Raises `Usage` (passphrase_short, passphrases_differ)."""
    if first.strength(word) <= first.Strength.SHORT:
        raise Usage(
            "passphrase_short",
            _("A passphrase has twelve letters at the least; spaces count."),
            _("Four or five words that do not belong together are better than one clever one."),
        )
    if word != again:
        raise Usage("passphrases_differ", _("The two passphrases are not the same."), _("Type both once more."))
    return word


@routes.get("/lock")
async def choose_lock(visit: Visit) -> Response:
    """The two ways to lock, and what each of them means."""
    return visit.show("lock.html", leaving=await _leaving(visit))


@routes.post("/lock")
async def lock(visit: Visit) -> Response:
    """Lock the desk: softly, unless it is to be closed."""
    if (await visit.form()).text("how") == "close":
        return await _close(visit)
    visit.keeper.soft_lock()
    return visit.go("/locked")


@routes.post("/locked/close", seat=Seat.ANYONE)
async def close(visit: Visit) -> Response:
    """Close the drawer of a desk that is softly locked. That gives nothing to anybody, so nothing is asked; where
    somebody sits at it, it is theirs to close."""
    if visit.keeper.state is State.SOFT:
        return await _close(visit)
    return visit.go("/locked")


async def _close(visit: Visit) -> Response:
    notices = await visit.keeper.hard_lock()
    visit.leave()
    return visit.greet("locked.html", state=State.CLOSED, leaving=None, to="/", notices=notices)


@routes.get("/presence", seat=Seat.ANYONE)
async def ask(visit: Visit) -> Response:
    """Whether this browser has the desk; to a script of ours, with the token of its session."""
    return visit.acquaint({"state": visit.keeper.state.value, "seated": visit.seated})


@routes.post("/presence", seat=Seat.ANYONE, body=1024)
async def tell(visit: Visit) -> Response:
    """A page says that it is here, or goes: `{"page":…, "what":"here"|"gone", "active":…}`."""
    said = await visit.json()
    page, presence = str(said.get("page", "")), visit.face.threshold.presence
    if _PAGE.fullmatch(page):
        if said.get("what") == "gone":
            presence.gone(page)
        else:
            presence.here(page, seated=visit.seated)
            if visit.seated and said.get("active") is True:
                visit.keeper.used()
    return visit.reply({"state": visit.keeper.state.value, "seated": visit.seated})
