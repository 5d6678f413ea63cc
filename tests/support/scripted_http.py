"""A little web of https on loopback: hosts with certificates of a private authority, each answering as a test says.

    async with web({"autoconfig.letters.test": respond}) as world:
        world.transport()           for the code that asks; names without an entry do not exist
        world.seen                  every request as (host, path)

The names in certificates are verified for real; only where a connection goes is changed.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx

from tests.support.authority import Authority
from tests.support.scripted_jmap import Answer, Request, Scripted

Respond = Callable[[Request], Answer]

AUTHORITY = Authority()


@cache
def serving(*names: str, authority: Authority = AUTHORITY, days: int = 2) -> ssl.SSLContext:
    """A server's TLS context for these names."""
    issued = authority.issue(*names, days=days)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder, "certificate"), Path(folder, "key")
        certificate.write_bytes(issued.certificate)
        key.write_bytes(issued.key)
        context.load_cert_chain(certificate, key)
    return context


@cache
def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=AUTHORITY.pem)


class Rerouted(httpx.AsyncBaseTransport):
    """Goes to the world's ports whatever the host is called; verifies what it is called."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._real = httpx.AsyncHTTPTransport(verify=trusting())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        assert "cookie" not in request.headers, "no cookies"
        assert "referer" not in request.headers, "nobody is told where we come from"
        if url.scheme != "https":
            self._world.unencrypted.append(str(url))
            raise httpx.ConnectError("not https")
        port = self._world.ports.get(url.host)
        if port is None:
            raise httpx.ConnectError(f"there is no {url.host}")
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        request.url = url.copy_with(host="127.0.0.1", port=port)
        return await self._real.handle_async_request(request)

    async def aclose(self) -> None:
        await self._real.aclose()


@dataclass
class World:
    seen: list[tuple[str, str]] = field(default_factory=list)
    unencrypted: list[str] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)

    def transport(self) -> httpx.AsyncBaseTransport:
        return Rerouted(self)


def telling(body: bytes, status: int = 200, **headers: str) -> Respond:
    """Always this answer."""
    return lambda _request: Answer(status, body, headers)


def leading(location: str, status: int = 302) -> Respond:
    """Always on to `location`."""
    return lambda _request: Answer(status, b"", {"Location": location})


@asynccontextmanager
async def web(sites: Mapping[str, Respond], names: Mapping[str, str] | None = None) -> AsyncIterator[World]:
    """The world, up until the end of the block. `names`: hosts whose certificate is for another name."""
    world = World()
    listening: list[asyncio.Server] = []
    talks: set[asyncio.StreamWriter] = set()
    for host, respond in sites.items():

        def answer(request: Request, respond: Respond = respond, host: str = host) -> Answer:
            world.seen.append((host, request.path))
            assert request.headers["host"] == host
            return respond(request)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Respond = answer) -> None:
            talks.add(writer)
            with suppress(OSError):
                await Scripted(answer).serve(reader, writer)

        context = serving((names or {}).get(host, host))
        port = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        listening.append(port)
        world.ports[host] = port.sockets[0].getsockname()[1]
    try:
        yield world
    finally:
        for port in listening:
            port.close()
        for writer in talks:
            writer.transport.abort()
        await asyncio.sleep(0.02)  # until those have gone that never came as far as a word


@asynccontextmanager
async def silence() -> AsyncIterator[int]:
    """A port that takes connections and never says a word."""
    talks: set[asyncio.StreamWriter] = set()

    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(writer)
        with suppress(OSError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in talks:
            writer.transport.abort()
        await asyncio.sleep(0.02)
