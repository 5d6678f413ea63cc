"""Serving the face on loopback: a port that nobody can take, and a name that nobody can guess.

async with serve(keeper) as address:
    address.url
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import uvicorn

from dearly.desk.keeper import Keeper
from dearly.desk.threshold import Threshold
from dearly.web.app import create_app
from dearly.web.http11 import Http11

_STOP_SECONDS = 3
_LAST_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Address:
    """Where the face answers. `host`: name and port, as in the Host field."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """With its scheme, without a slash at the end."""
        return f"http://{self.host}"


class _Uvicorn(uvicorn.Server):
    """Leaves signals to the process, which closes the drawer first (uvicorn would raise them again)."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Whoever was let in a moment ago has yet to say what they want, and is answered too.
        for server in self.servers:
            server.close()
        await asyncio.sleep(_LAST_SECONDS)
        await super().shutdown(sockets)


def listen() -> socket.socket:
    """A socket on a free port of 127.0.0.1. Without SO_REUSEADDR and SO_REUSEPORT no other process can share it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    listener.setblocking(False)
    return listener


def secret_name() -> str:
    """A host name that resolves to this machine (RFC 6761 6.3) and cannot be guessed: 64 bits."""
    return f"{secrets.token_hex(8)}.localhost"


@asynccontextmanager
async def serve(
    keeper: Keeper, *, listener: socket.socket | None = None, name: str = "", threshold: Threshold | None = None
) -> AsyncIterator[Address]:
    """The face while the block runs, on `listener` and under `name`, or on new ones. The listener stays the caller's:
    it may outlive the block, and whoever connects meanwhile waits."""
    own = listener.dup() if listener else listen()
    port = own.getsockname()[1]
    address = Address(f"{name or secret_name()}:{port}", port)
    config = uvicorn.Config(
        create_app(keeper, address.host, threshold),
        http=Http11,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        log_level="critical",  # its traces could quote a letter
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    server = _Uvicorn(config)
    serving = asyncio.create_task(server.serve(sockets=[own]), name="web")
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        yield address
    finally:
        ready.cancel()
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await asyncio.shield(serving)
        own.close()
