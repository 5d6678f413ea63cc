"""What a page gets and gives: `Pages` collects the routes of a module, a `Visit` is one request to one of them.

    routes = Pages()

    @routes.get("/letterbox")
    async def letterbox(visit: Visit) -> Response:
        return visit.show("letterbox.html", rows=await opening.letterbox(visit.desk))

Whoever is not seated is led to where they can be. Whatever is posted has passed the gate, and carries the session's
token. Every `DearlyError` becomes a page with its sentences, or JSON for a script.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import wraps
from typing import Any

from babel import Locale
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dearly.desk.desk import Desk
from dearly.desk.keeper import Keeper, State
from dearly.desk.threshold import Threshold
from dearly.letter import words
from dearly.letter.errors import DearlyError, Exit, NotFound, Usage
from dearly.letter.words import _
from dearly.web import forms
from dearly.web.appearance import Appearance
from dearly.web.dates import Dates
from dearly.web.gate import POLICY
from dearly.web.hints import hint
from dearly.web.incoming import Incoming
from dearly.web.sessions import COOKIE, Seat, Session, Sessions

SMALL = 1 << 20
"""Octets that an ordinary form may bring."""

TOKEN_HEADER = "dearly-token"  # noqa: S105 (the name of a header)

Endpoint = Callable[..., Awaitable[Response]]


def told_by(show: Endpoint) -> Callable[[Endpoint], Endpoint]:
    """An act whose errors are told on a page of its own group: `show(visit, path parameters ..., error)`."""

    def wrap(act: Endpoint) -> Endpoint:
        @wraps(act)
        async def tried(visit: Visit, **path: Any) -> Response:
            try:
                return await act(visit, **path)
            except DearlyError as error:
                return await show(visit, *path.values(), error)

        return tried

    return wrap


@dataclass(frozen=True, slots=True)
class Face:
    """What every page of this process shares."""

    keeper: Keeper
    sessions: Sessions
    origin: str
    threshold: Threshold
    extra: dict[str, Any] = field(default_factory=dict)
    """What single page groups keep for the life of the process; by their module's name."""


class Pages:
    """The routes of one module."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.streams: dict[str, int] = {}
        """Paths whose forms are read as they come, and how many octets of one."""

    def get(self, path: str, *, seat: Seat = Seat.DESK, idle: bool = False) -> Callable[[Endpoint], Endpoint]:
        """A page that is looked at. It changes nothing (RFC 9110 9.2.1). `idle`: it is asked for again and again by
        itself, so that nobody is at the desk because of it, and the time until the soft lock runs on."""
        return self._route(path, "GET", seat, SMALL, saves=False, idle=idle)

    def post(
        self, path: str, *, seat: Seat = Seat.DESK, body: int = SMALL, saves: bool = False, streams: bool = False
    ) -> Callable[[Endpoint], Endpoint]:
        """An act. `body`: the most octets that it takes. The token is checked before the endpoint is called.

        `streams`: what is sent is read as it comes (`visit.incoming`), and never held as a whole.

        `saves`: it keeps what is being written, and gives nothing out. It is served for some seconds after a lock, so
        that the last line is not lost; `visit.after_lock` tells."""
        if streams:
            self.streams[path] = body
        return self._route(path, "POST", seat, body, saves=saves, streams=streams)

    def _route(
        self,
        path: str,
        method: str,
        seat: Seat,
        most: int,
        *,
        saves: bool,
        idle: bool = False,
        streams: bool = False,
    ) -> Callable[[Endpoint], Endpoint]:
        def take(endpoint: Endpoint) -> Endpoint:
            async def handle(request: Request) -> Response:
                return await _handle(request, endpoint, seat, most, saves=saves, idle=idle, streams=streams)

            handle.__name__ = endpoint.__name__
            self.routes.append(Route(path, handle, methods=[method], name=f"{endpoint.__module__}.{endpoint.__name__}"))
            return endpoint

        return take


class Visit:
    """One request, and the ways to answer it."""

    def __init__(self, request: Request, session: Session | None, appearance: Appearance, most: int) -> None:
        self.request = request
        self.face: Face = request.app.state.face
        self.keeper: Keeper = self.face.keeper
        self.session = session
        self.appearance = appearance
        self._most = most
        self._last_words: Desk | None = None
        self._form: forms.Form | None = None
        self._body: bytes | None = None
        self._incoming: Incoming | None = None

    @property
    def desk(self) -> Desk:
        """The open desk. Raises `Locked`: a lock may have fallen since this request began."""
        return self._last_words or self.keeper.desk

    @property
    def after_lock(self) -> bool:
        """Whether these are the last words of a page that a lock has ended: nothing may be told in return."""
        return self._last_words is not None

    @property
    def seated(self) -> bool:
        """Whether this browser has the desk."""
        return self.session is not None and self.session.seat is Seat.DESK

    @property
    def locale(self) -> Locale:
        """The language that is spoken, with its customs."""
        return self.appearance.locale

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of this machine."""
        return self.appearance.zone

    @property
    def dates(self) -> Dates:
        """How days and hours are said."""
        return Dates(self.locale, self.zone)

    @property
    def wants_json(self) -> bool:
        """Whether a script asks, and not a person's browser."""
        return "application/json" in (self.request.headers.get("accept", ""), forms.kind(self.request))

    async def form(self) -> forms.Form:
        """What a form sent. Raises `Usage` (bad_form), `Refused` (too_large)."""
        if self._form is None:
            self._form = forms.Form(())  # it comes only once: where it cannot be read, whoever asks again gets nothing
            self._form = await forms.read_form(self.request, self._most)
        return self._form

    async def body(self) -> bytes:
        """What was sent, as it is. Raises `Refused` (too_large)."""
        if self._body is None:
            self._body = await forms.body(self.request, self._most)
        return self._body

    @property
    def incoming(self) -> Incoming:
        """What is being sent to a route that `streams`; its fields are there already. Raises `Usage` (bad_form)."""
        if self._incoming is None:
            raise forms.unreadable()
        return self._incoming

    async def hear(self, most: int) -> None:
        """Begin to read what is being sent, up to the first file. Raises `Usage` (bad_form, cut_off)."""
        self._incoming = Incoming(self.request, most)
        await self._incoming.begin()

    async def hear_out(self) -> None:
        """Take what is still being sent, and forget it: an answer before the end would be cut off on its way."""
        if self._incoming is not None:
            with suppress(DearlyError):
                await self._incoming.pass_by()
        elif self._form is None and self._body is None:
            with suppress(DearlyError):
                await self.body()

    async def json(self) -> dict[str, Any]:
        """What a script sent. Raises `Usage` (bad_form)."""
        return forms.read_json(await self.body())

    def fragment(self, template: str, **values: Any) -> str:
        """A piece of a page as HTML."""
        environment = self.request.app.state.templates
        text = environment.get_template(template).render(visit=self, dates=self.dates, token=self.token, **values)
        assert isinstance(text, str)
        return text

    def show(
        self, template: str, *, status: int = 200, scripts: str = "", frames: str = "'none'", **values: Any
    ) -> Response:
        """A whole page. `scripts`: sources that its policy allows beside our own files, such as the hash of an import
        map; `frames`: what it may frame. `said`: a `DearlyError` that the page is to tell of."""
        values.setdefault("said", None)
        text = self.fragment(template, **values)
        headers = {}
        if scripts or frames != "'none'":
            headers["content-security-policy"] = POLICY.format(scripts=" " + scripts if scripts else "", frames=frames)
        return Response(text, status, media_type="text/html", headers=headers)

    def reply(self, value: dict[str, Any], status: int = 200) -> Response:
        """An answer to a script."""
        return JSONResponse(value, status)

    def go(self, path: str) -> Response:
        """Lead the browser to another page (RFC 9110 15.4.4)."""
        return RedirectResponse(path, 303)

    def seat(self, response: Response, seat: Seat) -> Response:
        """Begin a session of its own for this browser and let `response` carry its cookie. The one before ends."""
        self.begin(seat)
        return self.carry(response)

    def begin(self, seat: Seat) -> Session:
        """Begin a session of its own for this browser, in the place of the one before; an answer must `carry` it."""
        self.leave()
        self.session = self.face.sessions.begin(seat, self.keeper.opening)
        return self.session

    def leave(self) -> None:
        """End the session of this browser."""
        if self.session is not None:
            self.face.sessions.end(self.session)
            self.session = None

    def acquaint(self, value: dict[str, Any]) -> Response:
        """An answer to a script of ours that also gives it the token, and a session where this browser has none."""
        known = self.session is not None
        session = self.session or self.begin(Seat.ANYONE)
        answer = self.reply({**value, "token": session.token})
        return answer if known else self.carry(answer)

    def greet(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page for whoever comes: `show`, with a session for its form where this browser has none yet."""
        if self.session is not None:
            return self.show(template, status=status, **values)
        self.begin(Seat.ANYONE)
        return self.carry(self.show(template, status=status, **values))

    def carry(self, response: Response) -> Response:
        """Let `response` carry the cookie of the session."""
        assert self.session is not None
        response.set_cookie(COOKIE, self.session.key, path="/", secure=True, httponly=True, samesite="strict")
        return response

    def token(self) -> Markup:
        """The hidden field that every form of ours carries."""
        value = self.session.token if self.session else ""
        return Markup('<input type="hidden" name="token" value="{}">').format(value)


async def _handle(
    request: Request, endpoint: Endpoint, seat: Seat, most: int, *, saves: bool, idle: bool, streams: bool
) -> Response:
    face: Face = request.app.state.face
    appearance = await Appearance.of(request, face.keeper)
    opening = face.keeper.opening
    session = face.sessions.find(request.cookies.get(COOKIE, ""), opening)
    visit = Visit(request, session, appearance, SMALL if streams else most)
    with words.speaking(appearance.languages, request.app.state.locales):
        try:
            if any(isinstance(n, int) and n.bit_length() > 63 for n in request.path_params.values()):
                raise NotFound("no_such_page", _("There is no such page at this desk."))
            if streams and forms.kind(request) == forms.MULTIPART:
                await visit.hear(most)
            if saves and (session is None or face.keeper.state is not State.OPEN):
                await _hear_last_words(visit)
            if not visit.after_lock and (
                (session.seat if session else Seat.ANYONE) < seat
                or (seat is Seat.DESK and face.keeper.state is not State.OPEN)
            ):
                await visit.hear_out()
                return await _led_away(visit)
            if request.method == "POST" and not await _has_token(visit):
                await visit.hear_out()
                raise Usage(
                    "stale_page",
                    _("This page is older than the desk that is open now."),
                    _("Load it again; nothing was changed."),
                )
            if seat is Seat.DESK:
                if not idle:
                    face.keeper.used()
                face.threshold.presence.asked()
            answer = await endpoint(visit, **request.path_params)
            if saves:
                face.keeper.wrote()
            if request.method != "POST" and seat is Seat.DESK and face.keeper.opening != opening:
                return await _led_away(visit)  # a lock fell while the page was being made: it shows nothing any more
            return apart(visit, answer)
        except DearlyError as error:
            return apart(visit, told(visit, error))


def apart(visit: Visit, answer: Response) -> Response:
    """A page that answers a form, at an address of its own, to which the browser is led.

    A page shown in answer to a form lies in the browser's list of windows with all that the form sent, and that list is
    written to the disk: letters, names and what was looked for, in clear (seen in Chromium)."""
    by_form = visit.request.method == "POST" and visit.request.headers.get("sec-fetch-mode") == "navigate"
    # A page that begins a session, as after closing the drawer, may be the last of this process: it goes at once.
    if not by_form or answer.media_type != "text/html" or "set-cookie" in answer.headers:
        return answer
    if visit.session is not None:
        return visit.go(f"/answer/{visit.session.keep(answer)}")
    session = visit.begin(Seat.ANYONE)
    return visit.carry(visit.go(f"/answer/{session.keep(answer)}"))


async def _hear_last_words(visit: Visit) -> None:
    """Let a page that a lock has just ended keep what stood on it, with the session that it had."""
    session = visit.face.sessions.before(await _given_token(visit) or "")
    if session is not None:
        visit._last_words = visit.keeper.last_words(session.opening)
        if visit._last_words is not None:
            visit.session = session


async def _has_token(visit: Visit) -> bool:
    given = await _given_token(visit)
    return visit.session is not None and given is not None and visit.session.knows(given)


async def _given_token(visit: Visit) -> str | None:
    kind = forms.kind(visit.request)
    if kind not in forms.KINDS:
        return None  # no page of ours sends it
    given = visit.request.headers.get(TOKEN_HEADER)
    if given is None and visit._incoming is not None:
        given = visit._incoming.fields.get("token")
    elif given is None and kind in (forms.FORM, forms.MULTIPART):
        given = (await visit.form()).text("token")
    return given


async def _led_away(visit: Visit) -> Response:
    """To where this browser can come in."""
    if visit.wants_json:
        error = {"code": "locked", "message": _("The desk is locked."), "hint": _("Unlock it to go on.")}
        return visit.reply({"error": error}, 401)
    return visit.go(way_in(visit))


def way_in(visit: Visit) -> str:
    """The page at which whoever is not seated can begin."""
    if visit.keeper.state is State.NONE:
        return "/welcome" if visit.session is not None and visit.session.seat >= Seat.LAUNCHED else "/launch"
    return "/locked"


_STATUS = {
    Exit.USAGE: 400,
    Exit.LOCKED: 401,
    Exit.NOT_FOUND: 404,
    Exit.CANNOT_SEAL: 409,
    Exit.CARRIER: 503,
    Exit.DAMAGED: 409,
    Exit.IN_USE: 409,
    Exit.NO_SPACE: 507,
    Exit.NEWER: 409,
    Exit.REFUSED: 409,
}


def told(visit: Visit, error: DearlyError) -> Response:
    """An error as a page with its sentences; as JSON for a script."""
    status = _STATUS.get(error.exit, 500)
    if visit.wants_json:
        return visit.reply({"error": {"code": error.code, "message": error.message, "hint": hint(error)}}, status)
    if error.exit is Exit.LOCKED and error.code in ("locked", "drawer_locked"):
        return visit.go(way_in(visit))
    return visit.show("word.html", status=status, error=error)


def gap_filled(sentence: str, values: dict[str, Any]) -> Markup:
    """A sentence with its gaps filled by values, which are escaped unless they are markup themselves."""
    return Markup(escape(sentence)).format(**values)  # noqa: S704 (escapes all)
