"""The gate before every page: what does not come from our own pages, under our own name, goes no further.

Others can reach the port: pages of any site in the same browser, other programs and other accounts of this machine. So
the name in Host must be exactly ours (it is secret, and DNS rebinding cannot know it), whatever changes something must
come from a page of ours, and every answer says to the browser how little it may do with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self'; img-src 'self'; connect-src 'self';"
    " font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src {frames}"
)
"""Content-Security-Policy of every page (W3C CSP Level 3)."""

_OFF = (
    "accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "encrypted-media", "fullscreen",
    "geolocation", "gyroscope", "magnetometer", "microphone", "midi", "payment", "publickey-credentials-get",
    "screen-wake-lock", "usb", "xr-spatial-tracking",
)  # fmt: skip

HEADERS = {
    "content-security-policy": POLICY.format(scripts="", frames="'none'"),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "permissions-policy": ", ".join(f"{feature}=()" for feature in _OFF),
    "cache-control": "no-store",
}
"""On every answer. A page may bring its own policy; one that lets itself be framed does without X-Frame-Options."""

_READS = frozenset({"GET", "HEAD"})


class Gate:
    """ASGI middleware around the whole face. `host`: the one name and port that it answers to. `most_body`: octets that
    may be sent to any path; `streams`: to these more, for they hold nothing of it."""

    def __init__(self, app: ASGIApp, host: str, *, most_body: int, streams: Mapping[str, int]) -> None:
        self._app, self._host, self._most_body, self._streams = app, host.encode(), most_body, streams
        self._origin = b"http://" + self._host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            return
        status = self._refused(scope)
        if status is None:
            await self._app(scope, _capped(receive, self._most(scope)), _dressed(send))
            return
        body = _WHY[status]
        head = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        if status != 413:
            head.append((b"connection", b"close"))  # else its body could go on coming, little by little, for ever
        dressed = _dressed(send)
        await dressed({"type": "http.response.start", "status": status, "headers": head})
        await dressed({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _most(self, scope: Scope) -> int:
        return self._streams.get(scope["path"], self._most_body)

    def _refused(self, scope: Scope) -> int | None:
        """The status of a refusal; None where the request may go on."""
        if _all(scope, b"host") != [self._host]:
            return 421  # RFC 9110 15.5.20
        method = scope["method"]
        if method not in _READS and method != "POST":
            return 405
        site = _all(scope, b"sec-fetch-site")
        if method == "POST":
            if _all(scope, b"origin") != [self._origin] or site not in ([], [b"same-origin"]):
                return 403
            declared = _all(scope, b"content-length")
            if declared and (not declared[0].isdigit() or int(declared[0]) > self._most(scope)):
                return 413
            return None
        # Another site may send the person here by a link, and may not have anything of ours as a part of its own pages.
        if site in ([b"cross-site"], [b"same-site"]):
            led = _all(scope, b"sec-fetch-mode") == [b"navigate"] and _all(scope, b"sec-fetch-dest") == [b"document"]
            return None if led else 403
        return None


_WHY = {
    403: b"This request did not come from a page of the desk.\n",
    405: b"The desk knows GET and POST only.\n",
    413: b"This is larger than the desk takes.\n",
    421: b"The desk does not answer under this name.\n",
}


def _all(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]


def _dressed(send: Send) -> Send:
    """Add what every answer says, and take away what none does."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = [(key.lower(), value) for key, value in message.get("headers", [])]
            names = {key for key, _value in own}
            framed = any(key == b"content-security-policy" and b"frame-ancestors 'self'" in value for key, value in own)
            added = [
                (key.encode(), value.encode())
                for key, value in HEADERS.items()
                if key.encode() not in names and not (framed and key == "x-frame-options")
            ]
            message = {**message, "headers": [*own, *added]}
        await send(message)

    return dressed


class TooLarge(Exception):
    """The body is longer than any page of the desk takes."""


def _capped(receive: Receive, most: int) -> Receive:
    seen = 0

    async def capped() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most:
                raise TooLarge
        return message

    return capped
