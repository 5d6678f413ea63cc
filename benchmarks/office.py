"""How many parcels of 8 kB the office takes in and hands out, singly and in batches of 50.

    python -m benchmarks.office [parcels]

The office runs in a process of its own with its ordinary durability (WAL, synchronous FULL, answered after the
commit); ten sessions hand over at once, one collects. The rates hold for this machine and this minute; the ratios are
what to compare. Beside them stands what the disk does by itself: one fsync for each parcel.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.offices import USING, MachineChance, MachineClock, parcel, start_process

from dearly.office import accounts
from dearly.office.sqlite import SqliteStore

SIZE = 8_000
SESSIONS = 10
BATCH = 50


class Line:
    """One session: a kept connection, bodies made beforehand, so that little but the office is measured."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def post(self, path: str, body: bytes) -> bytes:
        self._connection.request("POST", path, body, self._headers)
        return self._answer()

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path, headers=self._headers)
        return self._answer()

    def _answer(self) -> bytes:
        answer = self._connection.getresponse()
        data = answer.read()
        assert answer.status < 300, data[:300]
        return data

    def call(self, uid: str, name: str, **arguments: Any) -> dict[str, Any]:
        answer = json.loads(self.post("/jmap/api", request([[name, {"accountId": uid, **arguments}, "0"]])))
        ((got, found, _id),) = answer["methodResponses"]
        assert got == name, found
        return found


def request(calls: list[Any]) -> bytes:
    return json.dumps({"using": USING, "methodCalls": calls}).encode()


def handing_over(uid: str, sender: str, to: str, parcels: list[bytes]) -> bytes:
    """One request for all of `parcels`."""
    envelope = {"mailFrom": {"email": sender}, "rcptTo": [{"email": to}]}
    blobs, emails, subs = {}, {}, {}
    for n, data in enumerate(parcels):
        blobs[f"b{n}"] = {"data": [{"data:asText": data.decode()}]}
        emails[f"e{n}"] = {"blobId": f"#b{n}", "mailboxIds": {"sent": True}}
        key = os.urandom(16).hex()
        subs[f"s{n}"] = {"identityId": "self", "emailId": f"#e{n}", "envelope": envelope, "onceKey": key}
    return request(
        [
            ["Blob/upload", {"accountId": uid, "create": blobs}, "0"],
            ["Email/import", {"accountId": uid, "emails": emails}, "1"],
            ["EmailSubmission/set", {"accountId": uid, "create": subs}, "2"],
        ]
    )


class Processor:
    """Processor time of the office's process, in microseconds for each parcel: steadier than the clock on the wall."""

    def __init__(self, pid: int) -> None:
        self._stat = Path(f"/proc/{pid}/stat")
        self._before = self._spent()

    def _spent(self) -> float:
        if not self._stat.exists():
            return 0.0
        fields = self._stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def each(self, parcels: int) -> float:
        return (self._spent() - self._before) / parcels * 1e6


def together(work: list[Callable[[], None]]) -> float:
    """Seconds until all of them have ended, each in a thread of its own."""
    threads = [threading.Thread(target=w) for w in work]
    begun = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return time.perf_counter() - begun


def disk_alone(folder: Path, parcels: list[bytes]) -> float:
    """Parcels a second, each written and fsynced into one growing file."""
    with (folder / "spool").open("ab") as spool:
        begun = time.perf_counter()
        for data in parcels:
            spool.write(data)
            spool.flush()
            os.fsync(spool.fileno())
        return len(parcels) / (time.perf_counter() - begun)


def measure(folder: Path, total: int) -> dict[str, float]:
    async def people() -> list[accounts.Joined]:
        clock, chance = MachineClock(), MachineChance()
        store = SqliteStore.create(folder / "office", chance)
        try:
            names = [f"sender{n}" for n in range(SESSIONS)] + ["reader"]
            return [
                await accounts.join(store, await accounts.invite(store, name, clock), clock, chance) for name in names
            ]
        finally:
            await store.close()

    *senders, reader = asyncio.run(people())
    rates = {"disk alone, fsync each": disk_alone(folder, [parcel("a", "b", SIZE) for _n in range(min(total, 500))])}
    office = start_process(folder / "office")
    try:
        lines = [Line(office.port, s.token) for s in senders]
        uids = [_uid(line) for line in lines]
        for name, batch in (("in, singly", 1), (f"in, batches of {BATCH}", BATCH)):
            each = max(total // SESSIONS // batch, 1)
            bodies = [
                [
                    handing_over(
                        uid,
                        str(s.address),
                        str(reader.address),
                        [parcel(s.address, reader.address, SIZE) for _b in range(batch)],
                    )
                    for _n in range(each)
                ]
                for uid, s in zip(uids, senders, strict=True)
            ]
            last: list[bytes] = []

            def hand_over(line: Line, mine: list[bytes], last: list[bytes] = last) -> None:
                for body in mine:
                    answer = line.post("/jmap/api", body)
                last.append(answer)

            work = [
                lambda line=line, mine=mine: hand_over(line, mine) for line, mine in zip(lines, bodies, strict=True)
            ]
            processor = Processor(office.process.pid)
            rates[name] = each * batch * SESSIONS / together(work)
            rates[f"cpu: {name}"] = processor.each(each * batch * SESSIONS)
            for answer in last:
                made = json.loads(answer)["methodResponses"][2][1]
                assert made["created"], made
                assert not made["notCreated"], made
        rates |= hand_out(Line(office.port, reader.token), office.process.pid)
    finally:
        office.end()
    return rates


def _uid(line: Line) -> str:
    uid: str = json.loads(line.get("/jmap/session"))["primaryAccounts"][USING[0]]
    return uid


def hand_out(line: Line, pid: int) -> dict[str, float]:
    uid = _uid(line)
    rates: dict[str, float] = {}
    begun = time.perf_counter()
    state, blobs, more = "0", [], True
    while more:
        found = line.call(uid, "Email/changes", sinceState=state, maxChanges=500)
        state, more = found["newState"], found["hasMoreChanges"]
        emails = line.call(uid, "Email/get", ids=found["created"], properties=["id", "blobId", "size"])["list"]
        blobs += [e["blobId"] for e in emails]
    rates["listed"] = len(blobs) / (time.perf_counter() - begun)
    some = blobs[: min(len(blobs), 1_000)]
    processor = Processor(pid)
    begun = time.perf_counter()
    for blob in some:
        line.get(f"/jmap/download/{uid}/{blob}/x?accept=message/rfc822")
    rates["out, singly (download)"] = len(some) / (time.perf_counter() - begun)
    rates["cpu: out, singly"] = processor.each(len(some))
    for name, properties in (
        ("text", ["data:asText", "size"]),
        ("base64 and digest", ["data:asBase64", "digest:sha-256", "size"]),
    ):
        processor = Processor(pid)
        begun = time.perf_counter()
        got = 0
        for start in range(0, len(blobs), BATCH):
            body = request(
                [["Blob/get", {"accountId": uid, "ids": blobs[start : start + BATCH], "properties": properties}, "0"]]
            )
            got += line.post("/jmap/api", body).count(b'"size"')
        assert got == len(blobs)
        rates[f"out, batches of {BATCH} ({name})"] = len(blobs) / (time.perf_counter() - begun)
        rates[f"cpu: out, batches ({name})"] = processor.each(len(blobs))
    return rates


def main(total: int = 3_000, rounds: int = 3) -> None:
    """Print rates (median of `rounds`) and ratios."""
    found: list[dict[str, float]] = []
    for _round in range(rounds):
        with tempfile.TemporaryDirectory(prefix="office-bench-") as folder:
            found.append(measure(Path(folder), total))
    rates = {name: statistics.median(f[name] for f in found) for name in found[0]}
    for name, rate in rates.items():
        low, high = min(f[name] for f in found), max(f[name] for f in found)
        unit = "us" if name.startswith("cpu") else "/s"
        print(f"{name:36} {rate:8.0f} {unit}   ({low:.0f}-{high:.0f})")
    batch, single = rates[f"in, batches of {BATCH}"], rates["in, singly"]
    print(f"in: batch to single                  {batch / single:8.1f}")
    print(f"in: batch to disk alone              {batch / rates['disk alone, fsync each']:8.2f}")
    print(f"in: single to disk alone             {single / rates['disk alone, fsync each']:8.2f}")
    out = rates[f"out, batches of {BATCH} (text)"]
    print(f"out: batch to single                 {out / rates['out, singly (download)']:8.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
