"""The line to a JMAP server: HTTP and nothing above it. What may have had an effect is told apart from what cannot.

`NotDone`: it is certain that the request had no effect. `Cut`: it may have had one. Every failure becomes one of the
two, or a `CarrierTrouble` that only a person can mend; none of the HTTP library's errors leaves this module.
Proxies and .netrc of the environment are not used. No redirect is followed but of the session's own address, within
the same server. The token is sent to the server and shown nowhere.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import SplitResult, urljoin, urlsplit

from dearly.carriers.base import said
from dearly.letter.account import on_this_machine
from dearly.letter.errors import CarrierTrouble, DearlyError, Usage
from dearly.letter.words import _

if TYPE_CHECKING:
    import httpx

WELL_KNOWN = "/.well-known/jmap"  # RFC 8620 2.2

MOST_ANSWER = 40_000_000
"""Bytes of a JSON answer that are read; the batches asked for are far smaller."""

_CONNECT, _WRITE = 20.0, 60.0
HASTY, PATIENT = 120.0, 600.0
"""Seconds to wait for the next bytes of an answer. PATIENT where a second attempt could double a letter (F07: a client
that gives up earlier than the server makes doubles; RFC 5321 4.5.3.2.6 waits as long)."""
_READ_AT_MOST = PATIENT
"""Lowered by a test that plays a line fallen silent."""


class Signing(Protocol):
    """What proves to a server that it is us, where that is no token for ever."""

    async def value(self) -> str:
        """The value of the Authorization field (RFC 9110 11.6.2) for the next request. Raises `CarrierTrouble`."""

    async def refused(self) -> None:
        """The server did not take it."""


class NotDone(Exception):
    """The request certainly had no effect. `why`: for a person.

    `final`: nor would it ever have. `answered`: the server itself said so; else it was not reached at all."""

    def __init__(self, why: str, *, final: bool = False, answered: bool = False) -> None:
        super().__init__(why)
        self.why, self.final, self.answered = why, final, answered


class Cut(Exception):
    """No complete answer: the request may have had its effect. `why`: for a person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def checked(url: str) -> SplitResult:
    """`url` split, where a letter may go: https anywhere, http only on this machine. Raises `Usage`."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise _bad_url(url) from None
    if not host or parts.username is not None or parts.fragment or said(url) != url:
        raise _bad_url(url)
    if parts.scheme == "https" or (parts.scheme == "http" and on_this_machine(host)):
        return parts
    if parts.scheme == "http":
        raise Usage(
            "insecure_office",
            _("{host} is asked for without encryption (http), and that is done on this machine only.").format(
                host=said(host)
            ),
            _("Use an address that begins with https."),
        )
    raise _bad_url(url)


def _bad_url(url: str) -> Usage:
    return Usage(
        "bad_office_url",
        _("“{url}” is not the address of an office.").format(url=said(url.rpartition("@")[2])),
        _("It looks like https://office.example.org"),
    )


def trust(url: SplitResult, ca: str | None) -> ssl.SSLContext | bool:
    """Whom to trust: the authorities in `ca` alone, or else the well-known ones. Raises `Usage` (bad_ca_file)."""
    if url.scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and costs no reading of certificates
    if ca is None:
        return True
    # The library takes an empty text for «everybody», and one that is not ASCII for a programmer's mistake.
    if ca.isascii() and ca.strip():
        with suppress(ssl.SSLError, ValueError):
            return ssl.create_default_context(cadata=ca)
    raise Usage(
        "bad_ca_file",
        _("There is no certificate of an authority in what was given as one."),
        _("Give the PEM file of the authority that signed the office's certificate."),
    )


class Line:
    """Requests to one server, with one token ("" for none).

    `url`: of the server, or of its session resource. `ca`: PEM text of an authority. `signing`: in place of a token."""

    def __init__(self, url: str, token: str, ca: str | None = None, signing: Signing | None = None) -> None:
        parts = checked(url)
        if token != said(token) or not token.isascii() or " " in token:
            raise Usage("bad_token", _("The token holds characters that no token holds."), _("Copy it once more."))
        self.start = url if parts.path not in ("", "/") else urljoin(url, WELL_KNOWN)
        self.host = parts.hostname or ""
        self._trust = trust(parts, ca)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._signing = signing
        self._client: httpx.AsyncClient | None = None

    async def get_json(self, url: str) -> Any:
        """The JSON at `url`, following redirects within its server. Raises `NotDone` and `CarrierTrouble`."""
        for _hop in range(4):
            try:
                status, headers, body = await self._ask("GET", url, b"", "", HASTY, MOST_ANSWER)
                if status not in (301, 302, 303, 307, 308):
                    return _json(self._passed(status, body))
            except Cut as cut:
                raise NotDone(cut.why) from None
            target = self.resolve(url, headers.get("location", ""))
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                raise CarrierTrouble(
                    "office_moved",
                    _("{host} sends us on to {target}.").format(host=self.host, target=said(target)),
                    _("If you trust that server, give its address."),
                )
            url = target
        raise NotDone(_("{host} sends us in a circle.").format(host=self.host))

    async def post_json(self, url: str, value: Any, patience: float = HASTY) -> Any:
        """Post JSON, get JSON. Raises `NotDone`, `Cut` and `CarrierTrouble` (then it had no effect either)."""
        sent = json.dumps(value, separators=(",", ":")).encode()
        status, _headers, body = await self._ask("POST", url, sent, "application/json", patience, MOST_ANSWER)
        return _json(self._passed(status, body))

    async def post_plain(self, url: str, value: Any) -> tuple[int, Any]:
        """Post JSON where no token is needed: the status, and the JSON of the answer. Raises `NotDone` and `Cut`."""
        sent = json.dumps(value).encode()
        status, _headers, body = await self._ask("POST", url, sent, "application/json", HASTY, 100_000)
        return status, _json(body)

    async def post_bytes(self, url: str, data: bytes, media_type: str) -> Any:
        """Upload `data`; the JSON answer. Raises as `post_json`."""
        status, _headers, body = await self._ask("POST", url, data, media_type, HASTY, 1_000_000)
        return _json(self._passed(status, body, created=True))

    async def get_bytes(self, url: str, most: int) -> bytes:
        """The octets at `url`, at most `most` and one. Raises as `post_json`."""
        status, _headers, body = await self._ask("GET", url, b"", "", HASTY, most)
        return self._passed(status, body)

    def resolve(self, base: str, url: str) -> str:
        """`url` as `base` means it, where we may go: never from https to http. Raises `CarrierTrouble`."""
        target = urljoin(base, url)
        try:
            parts = checked(target)
        except Usage:
            parts = None
        if parts is None or parts.scheme != urlsplit(base).scheme:
            raise CarrierTrouble(
                "office_moved",
                _("{host} sends us on to {target}, where no letter may go.").format(
                    host=self.host, target=said(target)
                ),
                _("Ask whoever runs the office; its public address must begin with https."),
            )
        return target

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _open(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                headers={**self._headers, "Accept-Encoding": "identity", "User-Agent": "Dearly"},
                verify=self._trust,
                trust_env=False,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=4, max_keepalive_connections=2, keepalive_expiry=5.0),
            )
        return self._client

    async def _ask(
        self, method: str, url: str, data: bytes, media_type: str, patience: float, most: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One exchange: status, headers and the whole body of at most `most` bytes and one."""
        headers = {"Accept": "application/json"} | ({"Content-Type": media_type} if media_type else {})
        if self._signing is None:
            return await self._exchange(method, url, data, headers, patience, most)
        headers["Authorization"] = shown = await self._signing.value()
        answer = await self._exchange(method, url, data, headers, patience, most)
        if answer[0] != 401:
            return answer
        # Refused, so certainly not done. A token that was renewed is worth one more attempt, a password is not.
        await self._signing.refused()
        headers["Authorization"] = await self._signing.value()
        if headers["Authorization"] == shown:
            return answer
        return await self._exchange(method, url, data, headers, patience, most)

    async def _exchange(
        self, method: str, url: str, data: bytes, headers: Mapping[str, str], patience: float, most: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        import httpx

        timeout = httpx.Timeout(connect=_CONNECT, read=min(patience, _READ_AT_MOST), write=_WRITE, pool=_CONNECT)
        body = bytearray()
        try:
            request = self._open().stream(method, url, content=data or None, headers=headers, timeout=timeout)
            async with request as answer:
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise Cut(_("The answer of {host} cannot be read.").format(host=self.host))
                async for piece in answer.aiter_raw():
                    body += piece
                    if len(body) > most:
                        break
                return answer.status_code, answer.headers, bytes(body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as trouble:
            raise self._no_connection(trouble) from None
        except httpx.TimeoutException:
            raise Cut(_("{host} did not answer in time.").format(host=self.host)) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError):
            raise Cut(
                _("The connection to {host} broke before its answer was complete.").format(host=self.host)
            ) from None

    def _no_connection(self, trouble: BaseException) -> NotDone | DearlyError:
        cause: BaseException | None = trouble
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return CarrierTrouble(
                    "office_untrusted",
                    _("The certificate of {host} is not to be trusted: {why}.").format(
                        host=self.host, why=said(cause.verify_message)
                    ),
                    _("Do not go on unless you know why. A private office needs the file of its authority."),
                )
            cause = cause.__cause__ or cause.__context__
        return NotDone(_("There is no connection to {host}.").format(host=self.host))

    def _passed(self, status: int, body: bytes, *, created: bool = False) -> bytes:
        """`body` when the status says that the request was done; the right error for every other status."""
        if status == 200 or (created and status == 201):
            return body
        if status in (401, 403):
            raise CarrierTrouble(
                "office_token",
                _("{host} does not know this account's token any more.").format(host=self.host),
                _("Ask whoever runs the office for a new token, or join once more."),
            )
        why = _refusal(body) or _("{host} answered with status {status}.").format(host=self.host, status=status)
        if 300 <= status < 500:
            raise NotDone(why, final=status == 413 or _limit(body) == "maxSizeRequest", answered=True)
        raise Cut(why)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Cut(_("The answer cannot be read.")) from None


def _problem(body: bytes) -> Mapping[str, Any]:
    """RFC 7807 problem details, which a JMAP server refuses a whole request with (RFC 8620 3.6.1)."""
    try:
        problem = json.loads(body[:100_000])
    except (ValueError, RecursionError):
        return {}
    return problem if isinstance(problem, dict) else {}


def _refusal(body: bytes) -> str:
    problem = _problem(body)
    return said(problem.get("detail")) or said(problem.get("title"))


def _limit(body: bytes) -> str:
    return said(_problem(body).get("limit"))
