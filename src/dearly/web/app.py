"""The browser face as an ASGI app: the gate, the pages, and what to say where there is none."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from dearly.desk.keeper import Keeper
from dearly.desk.threshold import Threshold
from dearly.letter import words
from dearly.letter.errors import NotFound
from dearly.letter.words import _
from dearly.web import shown, static_files
from dearly.web.appearance import LOCALES, Appearance
from dearly.web.gate import Gate, TooLarge
from dearly.web.hints import hint
from dearly.web.pages import groups
from dearly.web.sessions import COOKIE, Sessions
from dearly.web.visit import SMALL, Face, Visit, gap_filled, told

log = logging.getLogger(__name__)

MOST_BODY = 96 << 20
"""Octets of the largest thing that any page sends: a sealed letter with all its enclosures."""


def create_app(keeper: Keeper, host: str, threshold: Threshold | None = None) -> ASGIApp:
    """The face of one keeper, answering to `host` ("name:port") alone."""
    app = Starlette(
        routes=routes(),
        exception_handlers={404: _no_such_page, 405: _no_such_act, TooLarge: _too_large, Exception: _our_fault},
    )
    threshold = threshold or Threshold(keeper)
    sessions = Sessions(threshold.visitors())
    threshold.visitors = sessions.visitors
    app.state.face = Face(keeper, sessions, f"http://{host}", threshold)
    app.state.templates = environment()
    app.state.locales = LOCALES
    streams = {path: most for group in groups() for path, most in group.streams.items()}
    return Gate(app, host, most_body=MOST_BODY, streams=streams)


def routes() -> list[BaseRoute]:
    """Every route of the face."""
    found: list[BaseRoute] = [route for group in groups() for route in group.routes]
    return [*found, Route("/static/{path:path}", static_files.serve, methods=["GET"], name="static")]


def environment() -> Environment:
    """Where the pages are made: everything is escaped, and a name that is not there is an error."""
    made = Environment(
        loader=PackageLoader("dearly.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["_"] = lambda sentence, **values: gap_filled(words._(sentence), values)
    made.globals["ngettext"] = lambda one, many, n, /, **values: gap_filled(words.ngettext(one, many, n), values)
    made.globals["shown"] = shown
    made.globals["hint"] = hint
    return made


async def _no_such_page(request: Request, _why: Exception) -> Response:
    with await _speaking(request):
        return await _not_here(request, _("There is no such page at this desk."), 404)


async def _no_such_act(request: Request, _why: Exception) -> Response:
    with await _speaking(request):
        return await _not_here(request, _("This page is only looked at, or only sent."), 405)


async def _not_here(request: Request, sentence: str, status: int) -> Response:
    """A page with a way back for whoever went there; the sentence alone for whatever else asked."""
    if request.headers.get("sec-fetch-dest") != "document":
        return PlainTextResponse(f"{sentence}\n", status)
    face: Face = request.app.state.face
    session = face.sessions.find(request.cookies.get(COOKIE, ""), face.keeper.opening)
    visit = Visit(request, session, await Appearance.of(request, face.keeper), SMALL)
    answer = told(visit, NotFound("no_such_page", sentence))
    answer.status_code = status
    return answer


async def _too_large(request: Request, _why: Exception) -> Response:
    with await _speaking(request):
        return PlainTextResponse(_("This is larger than the desk takes.") + "\n", 413)


async def _speaking(request: Request) -> AbstractContextManager[None]:
    """The language of whoever asks, for an answer that no page gives."""
    appearance = await Appearance.of(request, request.app.state.face.keeper)
    return words.speaking(appearance.languages, LOCALES)


async def _our_fault(_request: Request, why: Exception) -> Response:
    # In English: whatever failed may be what is asked for the language.
    # Its words may quote a letter: the kind alone goes into the log.
    log.error("a page failed: %s", type(why).__name__)
    return PlainTextResponse("Something went wrong that should not have. Nothing you wrote is lost.\n", 500)
