"""Where the browser comes back to after a sign-in: one port of 127.0.0.1, for one answer (RFC 8252 7.3, 8.1).

Whoever else finds the port (another program, a page that guesses, a name that was made to mean 127.0.0.1) is answered
with nothing and changes nothing: only `GET /` with the exact Host and the `state` that went out counts, and once. The
port is closed as soon as it did.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from html import escape
from urllib.parse import parse_qsl, urlsplit

from dearly.letter.words import _, language

MOST_HEAD = 16 * 1024
MOST_AT_ONCE = 16
SLOW = 10.0
"""Seconds in which a browser sends its request. A slower one is hung up on; it does not hold up the next."""

Answer = dict[str, str]
"""The parameters of the redirect: `code`, or `error` with a description (RFC 6749 4.1.2)."""


class Loopback:
    """`url`: where the provider is to send the browser."""

    def __init__(self, state: str, host: str) -> None:
        self._state, self._host = state, host
        self._answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._taken = False
        self._talks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._name = ""
        # Made now, in the language of whoever signs in: requests come from nobody in particular.
        self._done = _page(_("You are signed in."), _("You can close this page and go back to Dearly."))
        self._not_done = _page(_("You are not signed in."), _("Close this page; Dearly says why, and what to do."))
        self._stray = _page(_("Nothing was asked of this page."), _("Go back to Dearly, and begin there once more."))

    @property
    def url(self) -> str:
        return f"http://{self._name}"

    async def answer(self, patience: float) -> Answer:
        """What the browser brought. Raises `TimeoutError` after `patience` seconds."""
        async with asyncio.timeout(patience):
            return await self._answer

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=MOST_HEAD)
        self._name = f"{self._host}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._talks) >= MOST_AT_ONCE:
            writer.transport.abort()
            return
        self._talks.add(task)
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(SLOW):
                    head = await reader.readuntil(b"\r\n\r\n")
                found = None if self._taken else self._meant(head)
                self._taken = self._taken or found is not None
                try:
                    await self._write(writer, found)
                finally:
                    if found is not None and not self._answer.done():
                        self._answer.set_result(found)  # though the page was not read: the code is ours
        finally:
            writer.transport.abort()
            self._talks.discard(task)

    async def _write(self, writer: asyncio.StreamWriter, found: Answer | None) -> None:
        if found is None:
            status, page = "400 Bad Request", self._stray
        else:
            status, page = "200 OK", self._done if "code" in found else self._not_done
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(page)}\r\n"
            "Connection: close\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
            "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\n"
        )
        writer.write(f"{head}\r\n".encode() + page)
        async with asyncio.timeout(SLOW):
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    def _meant(self, head: bytes) -> Answer | None:
        """The parameters, where this is the request that was waited for."""
        lines = head.decode("latin-1").split("\r\n")
        method, _space, rest = lines[0].partition(" ")
        target, _space, version = rest.partition(" ")
        hosts = [line.partition(":")[2].strip() for line in lines[1:] if line.lower().startswith("host:")]
        if method != "GET" or not version.startswith("HTTP/1.") or hosts != [self._name]:
            return None
        with suppress(ValueError):
            parts = urlsplit(target)
            given = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=30)
            answer = dict(given)
            once = len(answer) == len(given)  # RFC 6749 3.1: no parameter twice
            ours = hmac.compare_digest(answer.get("state", "").encode(), self._state.encode())
            if once and ours and parts.path == "/" and not parts.netloc and ("code" in answer) != ("error" in answer):
                return answer
        return None


@asynccontextmanager
async def waiting(state: str, host: str) -> AsyncIterator[Loopback]:
    """A port that waits for the answer with `state`, by the name `host` (127.0.0.1, or localhost)."""
    loopback = Loopback(state, host)
    try:
        await loopback.listen()
        yield loopback
    finally:
        await loopback.close()


def _page(title: str, more: str) -> bytes:
    return (
        f'<!doctype html><html lang="{escape(language())}"><head><meta charset="utf-8"><title>Dearly</title></head>'
        f"<body><h1>{escape(title)}</h1><p>{escape(more)}</p></body></html>"
    ).encode()
