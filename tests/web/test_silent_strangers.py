"""Other accounts of the machine at our port: whoever does not know our name takes nothing away by staying."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from dearly.web import http11
from dearly.web.service import Address, serve
from tests.support.web import DeskKeeper


@asynccontextmanager
async def _come(
    address: Address, count: int = 1
) -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    lines = [await asyncio.open_connection("127.0.0.1", address.port) for _n in range(count)]
    try:
        yield lines
    finally:
        for _reader, writer in lines:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _ends(reader: asyncio.StreamReader) -> bytes:
    """All that still comes until the desk hangs up."""
    with suppress(ConnectionResetError):
        return await asyncio.wait_for(reader.read(), 10)
    return b""


async def _is_served(address: Address) -> bool:
    async with _come(address) as ((reader, writer),):
        writer.write(f"GET /static/icon.svg HTTP/1.1\r\nHost: {address.host}\r\nConnection: close\r\n\r\n".encode())
        return (await _ends(reader)).startswith(b"HTTP/1.1 200")


def test_who_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http11, "SECONDS_TO_ASK", 0.3)

    async def play() -> None:
        async with serve(DeskKeeper(None)) as address, _come(address, 2) as ((silent, _one), (slow, writer)):
            begun = asyncio.get_running_loop().time()
            for octet in b"GET / HTTP/1.1":
                writer.write(bytes([octet]))
                await asyncio.sleep(0.01)
            assert await _ends(silent) == b""
            assert await _ends(slow) == b""
            assert asyncio.get_running_loop().time() - begun < 5

    asyncio.run(play())


def test_however_many_stay_silent_the_next_one_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http11, "MOST_SILENT", 5)

    async def play() -> None:
        async with serve(DeskKeeper(None)) as address, _come(address, 20) as lines:
            assert await _is_served(address)
            for reader, _writer in lines[:15]:  # the first to come are the first to go
                assert await _ends(reader) == b""

    asyncio.run(play())


def test_what_is_refused_is_not_listened_to_any_longer() -> None:
    async def play() -> None:
        async with serve(DeskKeeper(None)) as address, _come(address) as ((reader, writer),):
            writer.write(b"POST / HTTP/1.1\r\nHost: elsewhere\r\nContent-Length: 1000000\r\n\r\nfirst")
            assert (await _ends(reader)).startswith(b"HTTP/1.1 421")

    asyncio.run(play())
