"""A provider's sign-in, as strict as RFC 6749 and RFC 7636 let it be, and a browser that does what it is told.

    provider = FakeProvider()
    async with provider.world() as world:
        tokens = await authorize(provider.client, provider.browser(world), transport=world.transport())

`deny`: what the person, or the provider, answers instead of a code. `answer`: what the token endpoint says instead of
what it would. `seen`: every question to the token endpoint.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from dearly.letter.account import OAuthClient
from tests.support.scripted_http import World, web
from tests.support.scripted_jmap import Answer, Request

HOST = "sign-in.letters.test"
ACCESS, REFRESH = "fake-access-{}", "fake-refresh-{}"


@dataclass
class FakeProvider:
    secret: str = ""
    deny: dict[str, str] = field(default_factory=dict)
    answer: Answer | None = None
    rotates: bool = True
    """A refresh brings another refresh token, and the old one is worth nothing any more."""
    host: str = HOST
    asked: list[dict[str, str]] = field(default_factory=list)
    """Each authorization request."""
    seen: list[dict[str, str]] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _refresh: set[str] = field(default_factory=set)
    _made: int = 0

    @property
    def client(self) -> OAuthClient:
        there = f"https://{self.host}"
        return OAuthClient("fake-client", f"{there}/authorize?audience=mail", f"{there}/token", "mail", self.secret)

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        async with web({self.host: self.respond}) as world:
            yield world

    def respond(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        if (request.method, parts.path) == ("GET", "/authorize"):
            return self._authorize(_single(parts.query))
        if (request.method, parts.path, parts.query) == ("POST", "/token", ""):
            assert request.headers["content-type"] == "application/x-www-form-urlencoded"
            form = _single(request.body.decode())
            self.seen.append(form)
            return self.answer or self._token(form)
        return Answer(404)

    def _authorize(self, asked: dict[str, str]) -> Answer:
        self.asked.append(asked)
        assert asked["audience"] == "mail", "the query that the address had"
        assert (asked["response_type"], asked["client_id"], asked["scope"]) == ("code", "fake-client", "mail")
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["code_challenge"]) == 43
        assert len(asked["state"]) >= 22, "128 bits at least"
        back = urlsplit(asked["redirect_uri"])
        assert (back.scheme, back.hostname, back.path) == ("http", "127.0.0.1", "")
        if self.deny:
            said = self.deny
        else:
            self._made += 1
            said = {"code": f"fake-code-{self._made}"}
            self._codes[said["code"]] = asked
        return Answer(
            302, b"", {"Location": f"{asked['redirect_uri']}/?{urlencode({**said, 'state': asked['state']})}"}
        )

    def _token(self, form: dict[str, str]) -> Answer:
        if form.get("client_id") != "fake-client" or form.get("client_secret", "") != self.secret:
            return told({"error": "invalid_client"}, 401)
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self._refresh:
                return told({"error": "invalid_grant", "error_description": "The grant was taken back."}, 400)
            if self.rotates:
                self._refresh.remove(form["refresh_token"])
            return self._grant(again=self.rotates)
        asked = self._codes.pop(form.get("code", ""), None)  # RFC 6749 4.1.2: once
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if form.get("grant_type") != "authorization_code" or asked is None:
            return told({"error": "invalid_grant"}, 400)
        if form.get("redirect_uri") != asked["redirect_uri"] or challenge != asked["code_challenge"]:
            return told({"error": "invalid_grant"}, 400)
        return self._grant(again=True)

    def _grant(self, *, again: bool) -> Answer:
        self._made += 1
        given: dict[str, Any] = {"access_token": ACCESS.format(self._made), "token_type": "Bearer", "expires_in": 3600}
        if again:
            given["refresh_token"] = REFRESH.format(self._made)
            self._refresh.add(given["refresh_token"])
        return told(given)

    def browser(self, world: World, then: Callable[[str], Any] | None = None) -> Callable[[str], None]:
        """To be opened with the provider's address: signs in there, and goes where it is sent. `then` (a coroutine
        function) is given that address instead, before anybody went there."""
        loop = asyncio.get_running_loop()

        async def visit(url: str) -> None:
            async with httpx.AsyncClient(transport=world.transport()) as client:
                answer = await client.get(url)
            assert answer.status_code == 302, answer.status_code
            await (then or visited)(answer.headers["location"])

        return lambda url: asyncio.run_coroutine_threadsafe(visit(url), loop) and None


def told(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _single(query: str) -> dict[str, str]:
    given = parse_qs(query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in given.values())
    return {name: values[0] for name, values in given.items()}


async def visited(url: str, head: str | None = None) -> str:
    """The whole answer to a browser at `url`; `head`: another request than it would make. "" where nobody answers."""
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    except OSError:
        return ""
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    writer.write((head or f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n\r\n").encode())
    answer = b""
    with suppress(OSError):
        answer = await reader.read()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return answer.decode()
