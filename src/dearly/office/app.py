"""The office over HTTP: tokens, the JMAP addresses, joining, health. A thin layer over `jmap` and `accounts`."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from starlette.requests import Request as Http
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, Router

from dearly.letter.clock import Chance, Clock
from dearly.letter.errors import DearlyError, Refused, Usage
from dearly.letter.words import _
from dearly.office import accounts, blobs, jmap, outer
from dearly.office.context import Context
from dearly.office.gates import AtOnce, Rate, Throttle, body, is_loopback
from dearly.office.guard import HEADERS, Guard, json_answer, problem
from dearly.office.limits import Limits
from dearly.office.metrics import Metrics
from dearly.office.readers import Properties, or_null, text
from dearly.office.refusals import RequestError, SetError
from dearly.office.relaying import Relaying
from dearly.office.store import Account, Counts, Shelf, Store
from dearly.office.wire import load, parse

log = logging.getLogger("dearly.office")

_PIECE = 256 * 1024
_PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-real-ip")
_COUNTED_SECONDS = 60.0
_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?\Z")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}\Z")


def create_app(
    store: Store, *, clock: Clock, chance: Chance, limits: Limits, relaying: Relaying | None = None
) -> Callable[..., Awaitable[None]]:
    """The whole office as an ASGI application over `store`, which the caller closes. `relaying`: where the operator
    has named a smarthost; the caller runs it."""
    office = _Office(store, clock, chance, limits, relaying)
    return Guard(Router(office.routes()), limits, office.metrics)


class _Office:
    def __init__(
        self, store: Store, clock: Clock, chance: Chance, limits: Limits, relaying: Relaying | None = None
    ) -> None:
        self._relaying, self._world = relaying, relaying.world if relaying else None
        self._store, self._clock, self._chance, self._limits = store, clock, chance, limits
        self._requests = AtOnce(limits.requests_at_once, "maxConcurrentRequests")
        self._uploads = AtOnce(limits.uploads_at_once, "maxConcurrentUpload", limits.memory)
        self._throttle = Throttle(limits.failures)
        self._rate = Rate(limits.requests_a_minute, "maxRequestsPerMinute")
        self.metrics = Metrics()
        self._counted: tuple[float, Counts | None] = (0.0, None)

    def routes(self) -> list[Route]:
        """Every address there is."""
        return [
            Route("/.well-known/jmap", self._answering(self.session), methods=["GET"]),
            Route("/jmap/session", self._answering(self.session), methods=["GET"]),
            Route("/jmap/api", self._answering(self.api), methods=["POST"]),
            Route("/jmap/upload/{account}", self._answering(self.upload), methods=["POST"]),
            Route("/jmap/download/{account}/{blob}/{name}", self._answering(self.download), methods=["GET"]),
            Route("/jmap/events", self._answering(self.events), methods=["GET"]),
            Route("/join", self._answering(self.join), methods=["POST"]),
            Route("/health", self._answering(self.health), methods=["GET"]),
            Route("/metrics", self._answering(self.measures), methods=["GET"]),
            Route("/", self._answering(self.door), methods=["GET"]),
        ]

    def _answering(self, act: Callable[[Http], Awaitable[Response]]) -> Callable[[Http], Awaitable[Response]]:
        async def endpoint(http: Http) -> Response:
            try:
                return await act(http)
            except RequestError as e:
                answer = Response(json.dumps(e.problem()), e.status, HEADERS, "application/problem+json")
            except DearlyError as e:
                answer = problem(_status(e), "about:blank", e.message, code=e.code, hint=e.hint)
            if answer.status_code == 408:
                answer.headers["connection"] = "close"
                return answer
            if answer.status_code == 401:
                answer.headers["www-authenticate"] = "Bearer"  # RFC 6750 3
            if answer.status_code in (429, 503):
                answer.headers["retry-after"] = "5"
            return await self._politely(http, answer)

        endpoint.__name__ = act.__name__
        return endpoint

    async def _politely(self, http: Http, answer: Response) -> Response:
        """Read a short rest of the body, so that the client can read the refusal; else end the connection after it."""
        try:
            await body(http.headers, http.stream(), 1_000_000, self._limits, "")
        except RequestError:
            answer.headers["connection"] = "close"
        except RuntimeError:
            pass  # it was read already
        return answer

    async def _member(self, http: Http) -> Account:
        """Whose token it is. Right tokens always pass, however many wrong ones came from the same address."""
        scheme, _space, token = http.headers.get("authorization", "").partition(" ")
        account = None
        if scheme.lower() == "bearer" and token:
            account = await self._store.holder(accounts.digest(token.strip()))
        if account is None:
            raise _Unknown(await self._failed(http))
        return account

    async def _failed(self, http: Http) -> bool:
        return self._throttle.failed(_from(http))

    # -- the addresses

    async def session(self, http: Http) -> Response:
        """RFC 8620 2."""
        account = await self._member(http)
        return json_answer(jmap.session(account, self._limits, _base(http), self._world))

    async def api(self, http: Http) -> Response:
        """RFC 8620 3.1."""
        account = await self._member(http)
        self._rate.check(account.uid)
        with self._requests.one(account.uid):
            if http.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                raise RequestError("notJSON", _("The content type has to be application/json."))
            raw = await body(http.headers, http.stream(), self._limits.request, self._limits, "maxSizeRequest")
            request = parse(raw, self._limits, jmap.KNOWN)
            del raw

            def act(shelf: Shelf) -> bytes:
                _still(shelf, account)
                return jmap.respond(shelf, account, request, self._limits, self._clock, self._chance, self._world)

            if jmap.writes(request):
                data = await self._store.write(act, {account.address.key, *jmap.recipients(request)})
            else:
                data = await self._store.read(act)
        return _large(data)

    async def upload(self, http: Http) -> Response:
        """RFC 8620 6.1."""
        account = await self._member(http)
        if http.path_params["account"] != account.uid:
            return problem(404, "about:blank", _("There is no such account."))
        stated = http.headers.get("content-length", "")
        size = min(int(stated[:20]), self._limits.upload) if stated.isdecimal() else self._limits.upload
        with self._uploads.one(account.uid, size):
            data = await body(http.headers, http.stream(), self._limits.upload, self._limits, "maxSizeUpload")
            # Examining 70 MB takes a while, which others should not have to wait for.
            sender, uid = await asyncio.to_thread(lambda: (outer.sender_of(data, self._limits), blobs.uid_of(data)))

            def act(shelf: Shelf) -> int:
                _still(shelf, account)
                c = Context(shelf, account, self._limits, self._clock.now(), self._chance, frozenset())
                return blobs.keep(c, uid, data, sender).size

            try:
                size = await self._store.write(act, {account.address.key})
            except SetError as e:
                return problem(422, "about:blank", e.description, code=e.kind)
        return json_answer({"accountId": account.uid, "blobId": uid, "type": blobs.TYPE, "size": size}, 201)

    async def download(self, http: Http) -> Response:
        """RFC 8620 6.2."""
        account = await self._member(http)
        uid, name = http.path_params["blob"], http.path_params["name"]

        def look(shelf: Shelf) -> tuple[int, bytes] | None:
            blob = shelf.blob(account, uid)
            return (blob.size, shelf.read(account, uid, 0, _PIECE) or b"") if blob else None

        found = await self._store.read(look) if http.path_params["account"] == account.uid else None
        if found is None:
            return problem(404, "about:blank", _("There is no such parcel."))
        size, first = found

        async def pieces() -> Any:
            yield first
            for start in range(_PIECE, size, _PIECE):
                piece = await self._store.piece(account, uid, start, _PIECE)
                if piece is None:
                    raise ConnectionError  # taken away meanwhile: the connection breaks, nothing looks whole
                yield piece

        asked = http.query_params.get("accept", "").lower()
        headers = HEADERS | {
            "content-length": str(size),
            "cache-control": "private, immutable, max-age=31536000",
            "content-disposition": "attachment; filename*=UTF-8''" + quote(name[:200], safe=""),
        }
        kind = asked if _TYPE.match(asked) else "application/octet-stream"
        if size == len(first):
            return Response(first, 200, headers, kind)
        return StreamingResponse(pieces(), 200, headers, kind)

    async def events(self, http: Http) -> Response:
        """RFC 8620 7.3 wants an address for this. Letters are slow: there is no push here, and it says so."""
        await self._member(http)
        return problem(501, "about:blank", _("This office does not push; look into the letterbox when you like."))

    async def join(self, http: Http) -> Response:
        """An invitation for an account; docs/office.md describes it."""
        value = load(await body(http.headers, http.stream(), 4_096, self._limits, "maxSizeRequest"))
        try:
            asked = Properties(value if isinstance(value, dict) else {})
            invitation = asked.take("invite", text)
            name = asked.take("name", or_null(text), None)
            token = asked.take("token", or_null(text), None)
            asked.done()
        except SetError as e:
            raise Usage("bad_request", e.description) from None
        try:
            joined = await accounts.join(self._store, invitation, self._clock, self._chance, name=name, token=token)
        except Refused as e:
            if await self._failed(http):
                raise RequestError("about:blank", _("Too many attempts; wait a minute."), status=429) from None
            status = {"no_invitation": 403, "name_taken": 409}.get(e.code, 410)
            return problem(status, "about:blank", e.message, code=e.code, hint=e.hint)
        answer = {"token": joined.token, "address": str(joined.address), "apiUrl": f"{_base(http)}/jmap/api"}
        return json_answer(answer | {"sessionUrl": f"{_base(http)}/.well-known/jmap"}, 201)

    async def door(self, _http: Http) -> Response:
        """What somebody sees who opens the office, or an invitation to it, in a browser."""
        words = [
            _("This is a post office for sealed letters. It keeps them until they are fetched, and can open none."),
            _("If you were sent this address as an invitation, paste all of it into your desk, as you were sent it:"),
            _("on the page where it asks by which post letters are to go, or with “dearly setup --name NAME --join”."),
        ]
        return Response("\n".join(words) + "\n", 200, HEADERS, "text/plain; charset=utf-8")

    async def health(self, _http: Http) -> Response:
        """Whether the office can take letters in now."""
        fine = await self._store.healthy()
        return json_answer({"status": "ok"}) if fine else json_answer({"status": "failed"}, 503)

    async def measures(self, http: Http) -> Response:
        """Counts and sizes, for programs of this machine only: what a proxy passes on comes from elsewhere."""
        if not (http.client and is_loopback(http.client.host)) or any(f in http.headers for f in _PASSED_ON):
            return problem(404, "about:blank", _("There is nothing here."))
        fine = await self._store.healthy()
        until, counts = self._counted
        if fine and time.monotonic() > until:
            begun = time.monotonic()
            counts = await self._store.read(lambda shelf: shelf.counts())
            # Counting millions takes seconds: it is done as rarely as it is slow.
            now = time.monotonic()
            self._counted = (now + max(_COUNTED_SECONDS, 100 * (now - begun)), counts)
        handed_on = self._relaying.outcomes if self._relaying else None
        text = self.metrics.text(healthy=fine, counts=counts if fine else None, handed_on=handed_on)
        return Response(text, 200, HEADERS, "text/plain; version=0.0.4; charset=utf-8")


class _Unknown(RequestError):
    """No token, or a wrong one."""

    def __init__(self, too_often: bool) -> None:
        if too_often:
            super().__init__("about:blank", _("Too many attempts; wait a minute."), status=429)
        else:
            super().__init__("about:blank", _("This token is not known here."), status=401)


def _still(shelf: Shelf, account: Account) -> None:
    """The account may have been closed between the look at its token and now."""
    now = shelf.account_numbered(account.number)
    if now is None or now.uid != account.uid:
        raise _Unknown(too_often=False)


def _status(error: DearlyError) -> int:
    """401 and 403 are left to tokens and invitations, so that a client never takes another refusal for one of those."""
    if isinstance(error, Refused) and not error.retry:
        return 413 if error.code == "too_large" else 422
    return 400 if isinstance(error, Usage) else 503


def _from(http: Http) -> str:
    """Whose request it is, for the throttle. A proxy on this machine says it, in the last place of the field."""
    host = http.client.host if http.client else ""
    if is_loopback(host):
        return http.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()[:64] or host
    return host


def _base(http: Http) -> str:
    """Scheme, host and port as the client wrote them, for the addresses in its own session."""
    host = http.headers.get("host", "")
    if not _HOST.match(host):
        raise Usage("bad_host", _("The Host field of this request is not a host."))
    scheme = http.url.scheme
    # A reverse proxy on this machine ends TLS and says so; from elsewhere the field means nothing.
    if http.client and http.client.host in ("127.0.0.1", "::1") and http.headers.get("x-forwarded-proto") == "https":
        scheme = "https"
    return f"{scheme}://{host}"


def _large(data: bytes) -> Response:
    """An answer that goes out in pieces if it is large, so that a slow reader meets the time limit."""
    if len(data) <= _PIECE:
        return Response(data, 200, HEADERS, "application/json")

    async def pieces() -> Any:
        for start in range(0, len(data), _PIECE):
            yield data[start : start + _PIECE]

    headers = HEADERS | {"content-length": str(len(data))}
    return StreamingResponse(pieces(), 200, headers, "application/json")
