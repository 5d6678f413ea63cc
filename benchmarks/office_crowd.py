"""A city's evening: 10,000 accounts, 1,000 of them connected, who look into their letterboxes and write now and then.

    python -m benchmarks.office_crowd [accounts] [connected] [seconds]

Printed: memory before and with the crowd, the time to an answer (median, 99th of 100, worst), the size of the store,
and what handing over costs with few accounts and with all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.offices import USING, MachineChance, MachineClock, OfficeProcess, handing_over, parcel, start_process
from tests.support.postgres import a_database, programs

from dearly.letter.address import Address
from dearly.office import accounts, stores
from dearly.office.store import Account, Shelf

_EACH_SECONDS = 20.0
"""How often one who is connected looks; every tenth time, something is written too."""


_LETTER = re.sub(
    rb"Message-ID: <[^>]*>",
    b"Message-ID: <NUMBER@mark.test@letters.test>",
    parcel("FROM@mark.test", "TO@mark.test", 8_000),
)


class Somebody:
    """A member of the crowd."""

    def __init__(self, account: Account, token: str) -> None:
        self.address, self.uid = account.address, account.uid
        self.token = token

    def body(self, to: Somebody | None) -> dict[str, Any]:
        """A look into the letterbox; or a letter."""
        if to is None:
            calls: list[tuple[str, dict[str, Any]]] = [("Email/query", {"filter": {"inMailbox": "inbox"}, "limit": 50})]
        else:
            letter = {b"FROM": str(self.address), b"TO": str(to.address), b"NUMBER": os.urandom(8).hex()}
            data = _LETTER
            for mark, value in letter.items():
                data = data.replace(mark + b"@mark.test", value.encode())
            calls = handing_over(self, data, [str(to.address)])  # type: ignore[arg-type]  # it has the address
        return {
            "using": USING,
            "methodCalls": [[n, {"accountId": self.uid} | a, str(i)] for i, (n, a) in enumerate(calls)],
        }


def people(where: stores.Where, count: int) -> list[Somebody]:
    """So many accounts, made in the store itself."""

    async def go() -> list[Somebody]:
        store = stores.create(where, MachineChance())
        found: list[Somebody] = []
        try:
            for start in range(0, count, 500):
                tokens = [accounts.new_token() for _n in range(min(500, count - start))]

                def add(shelf: Shelf, start: int = start, tokens: list[str] = tokens) -> list[Account]:
                    return [
                        shelf.add_account(
                            f"A{start + n}",
                            Address(f"p{start + n}", shelf.domain()),
                            accounts.digest(t),
                            MachineClock().now(),
                        )
                        for n, t in enumerate(tokens)
                    ]

                found += map(Somebody, await store.write(add), tokens)
            return found
        finally:
            await store.close()

    return asyncio.run(go())


def memory(office: OfficeProcess) -> float:
    """Resident MiB."""
    lines = Path(f"/proc/{office.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


async def evening(port: int, crowd: list[Somebody], connected: int, seconds: float) -> tuple[list[float], int]:
    """Times of all answers, and how many were refused. Everybody has one kept connection."""
    times: list[float] = []
    refused = 0
    chance = random.Random(1)
    begun = asyncio.Event()
    waiting = connected

    async def one(who: Somebody) -> None:
        nonlocal refused, waiting
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await _ask(reader, writer, who, who.body(None))
        waiting -= 1
        if not waiting:
            begun.set()
        await begun.wait()
        await asyncio.sleep(chance.random() * _EACH_SECONDS)
        end = time.monotonic() + seconds - _EACH_SECONDS
        while True:
            body = who.body(chance.choice(crowd) if chance.random() < 0.1 else None)
            asked = time.perf_counter()
            refused += await _ask(reader, writer, who, body) != 200
            times.append(time.perf_counter() - asked)
            if time.monotonic() > end:
                break
            await asyncio.sleep(_EACH_SECONDS)
        writer.close()

    await asyncio.gather(*map(one, crowd[:connected]))
    return times, refused


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: Somebody, body: dict[str, Any]) -> int:
    data = json.dumps(body).encode()
    head = (
        f"POST /jmap/api HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer {who.token}\r\n"
    )
    writer.write(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
    answer = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(re.findall(rb"content-length: (\d+)", answer)[0]))
    return int(answer[9:12])


def show(kind: str, where: stores.Where, count: int, connected: int, seconds: float) -> None:
    crowd = people(where, count)
    office = start_process(where, limits=f"connections = {connected + 100}\nidle_seconds = 120\n")
    try:
        before = memory(office)
        times, refused = asyncio.run(evening(office.port, crowd, connected, seconds))
        after = memory(office)
    finally:
        office.end()
    times.sort()
    middle, most = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"\n{kind}: {count} accounts, {connected} connected")
    print(f"  memory             {before:8.0f} MiB before, {after:.0f} MiB with the crowd")
    worst = times[-1] * 1e3
    print(f"  time to an answer  {middle * 1e3:8.1f} ms median, {most * 1e3:.1f} ms p99, {worst:.1f} ms at worst")
    print(f"  answers            {len(times):8} in {seconds:.0f} s, {refused} refused")


def main(count: int = 10_000, connected: int = 1_000, seconds: int = 60) -> None:
    """Print it for every store."""
    with tempfile.TemporaryDirectory(prefix="office-crowd-") as folder:
        show("SQLite", Path(folder) / "office", count, connected, seconds)
        if programs() is not None:
            show("PostgreSQL, one node", a_database(), count, connected, seconds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
