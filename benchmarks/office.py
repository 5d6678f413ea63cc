"""How many parcels of 8 kB an office takes in and hands out: over SQLite, over PostgreSQL with one node and with two,
beside what Postfix takes and Dovecot hands out, and how it stands a crowd.

    python -m benchmarks.office [parcels] [rounds]

Every office runs in processes of its own with its ordinary durability (answered after the commit). The rates hold for
this machine and this minute; the ratios, all of one run, are what to compare. `benchmarks/office_beside.py` runs the
peers, `office_crowd.py` the crowd, `office_growth.py` measures what many accounts and parcels cost. What is not
installed is left out, and said.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.offices import USING, MachineChance, MachineClock, OfficeProcess, parcel, start_process
from tests.support.postgres import a_database, programs

from benchmarks import office_beside, office_crowd
from benchmarks.processor import Processor
from dearly.office import accounts, stores

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


def together(work: list[Callable[[], bytes]]) -> tuple[float, float, list[bytes]]:
    """Seconds until all have ended, seconds of processor time that they took for it, and what each returned. Each runs
    in a process of its own, so that it is not they who wait for each other."""
    forking = multiprocessing.get_context("fork")
    begin = forking.Barrier(len(work) + 1)

    def run(one: Callable[[], bytes], end: Any) -> None:
        begin.wait()
        before = time.process_time()
        answer = one()
        end.send((time.process_time() - before, answer))

    pipes = [forking.Pipe(duplex=False) for _one in work]
    children = [forking.Process(target=run, args=(one, pipe[1])) for one, pipe in zip(work, pipes, strict=True)]
    for child in children:
        child.start()
    begin.wait()
    begun = time.perf_counter()
    ended = [pipe[0].recv() for pipe in pipes]
    seconds = time.perf_counter() - begun
    for child in children:
        child.join()
    return seconds, sum(spent for spent, _answer in ended), [answer for _spent, answer in ended]


def members(where: stores.Where, names: list[str]) -> list[accounts.Joined]:
    """New accounts in that store."""

    async def go() -> list[accounts.Joined]:
        clock, chance = MachineClock(), MachineChance()
        store = stores.create(where, chance)
        try:
            return [
                await accounts.join(store, await accounts.invite(store, name, clock), clock, chance) for name in names
            ]
        finally:
            await store.close()

    return asyncio.run(go())


def uid_of(line: Line) -> str:
    """The account of a session."""
    uid: str = json.loads(line.get("/jmap/session"))["primaryAccounts"][USING[0]]
    return uid


def measure(where: stores.Where, nodes: int, total: int) -> dict[str, float]:
    """Rates of an office over that store, served by so many processes."""
    *senders, reader = members(where, [f"sender{n}" for n in range(SESSIONS)] + ["reader"])
    running = [start_process(where) for _n in range(nodes)]
    rates: dict[str, float] = {}
    try:
        for sessions in (1, SESSIONS):
            lines = [Line(running[n % nodes].port, s.token) for n, s in enumerate(senders[:sessions])]
            for batch in (1, BATCH):
                count = total if batch > 1 else max(total // 4, sessions)
                name = f"in, {'singly' if batch == 1 else f'by {BATCH}'}, {sessions} session{'s' * (sessions > 1)}"
                rates |= hand_in(name, lines, senders, reader, running, count, batch)
        rates |= hand_out(Line(running[0].port, reader.token), running)
    finally:
        for node in running:
            node.end()
    return rates


def hand_in(
    name: str,
    lines: list[Line],
    senders: list[accounts.Joined],
    reader: accounts.Joined,
    running: list[OfficeProcess],
    total: int,
    batch: int,
) -> dict[str, float]:
    each = max(total // len(lines) // batch, 1)
    to = str(reader.address)
    bodies = [
        [
            handing_over(uid, str(s.address), to, [parcel(s.address, to, SIZE) for _b in range(batch)])
            for _n in range(each)
        ]
        for uid, s in zip(map(uid_of, lines), senders, strict=False)
    ]

    def hand_over(line: Line, mine: list[bytes]) -> bytes:
        for body in mine:
            answer = line.post("/jmap/api", body)
        return answer

    processor = Processor([office.process.pid for office in running])
    taken = each * batch * len(lines)
    seconds, clients, last = together(
        [lambda li=li, mine=mine: hand_over(li, mine) for li, mine in zip(lines, bodies, strict=True)]
    )
    for answer in last:
        made = json.loads(answer)["methodResponses"][2][1]
        assert made["created"], made
        assert not made["notCreated"], made
    spent = {f"cpu: {name}": processor.each(taken), f"cpu of the clients: {name}": clients / taken * 1e6}
    return {name: taken / seconds, **spent}


def hand_out(line: Line, running: list[OfficeProcess]) -> dict[str, float]:
    uid = uid_of(line)
    rates: dict[str, float] = {}
    state, blobs, more = "0", [], True
    while more:
        found = line.call(uid, "Email/changes", sinceState=state, maxChanges=500)
        state, more = found["newState"], found["hasMoreChanges"]
        emails = line.call(uid, "Email/get", ids=found["created"], properties=["id", "blobId", "size"])["list"]
        blobs += [e["blobId"] for e in emails]
    blobs = blobs[:3_000]
    some = blobs[:500]
    processor = Processor([office.process.pid for office in running])
    begun = time.perf_counter()
    for blob in some:
        line.get(f"/jmap/download/{uid}/{blob}/x?accept=message/rfc822")
    rates["out, singly"] = len(some) / (time.perf_counter() - begun)
    rates["cpu: out, singly"] = processor.each(len(some))
    processor = Processor([office.process.pid for office in running])
    begun = time.perf_counter()
    for start in range(0, len(blobs), BATCH):
        some = blobs[start : start + BATCH]
        get = ["Blob/get", {"accountId": uid, "ids": some, "properties": ["data:asText", "size"]}, "0"]
        assert line.post("/jmap/api", request([get])).count(b'"size"') == len(some)
    rates[f"out, by {BATCH}"] = len(blobs) / (time.perf_counter() - begun)
    rates[f"cpu: out, by {BATCH}"] = processor.each(len(blobs))
    return rates


def kinds(folder: Path) -> list[tuple[str, stores.Where, int]]:
    """Name, store and nodes of everything that can be measured here."""
    found: list[tuple[str, stores.Where, int]] = [("SQLite", folder / "office", 1)]
    if programs() is None:
        print("PostgreSQL is not installed: left out.")
        return found
    return [*found, ("PostgreSQL, one node", a_database(), 1), ("PostgreSQL, two nodes", a_database(), 2)]


def main(total: int = 2_000, rounds: int = 3) -> None:
    """Print rates (median of `rounds`), ratios to the peers, and the crowd."""
    found: dict[str, list[dict[str, float]]] = {}
    for _round in range(rounds):
        with tempfile.TemporaryDirectory(prefix="office-bench-") as folder:
            for kind, where, nodes in kinds(Path(folder)):
                found.setdefault(kind, []).append(measure(where, nodes, total))
        for kind, rates in office_beside.measure(total, SIZE, SESSIONS).items():
            found.setdefault(kind, []).append(rates)
    medians = {
        kind: {name: statistics.median(r[name] for r in each) for name in each[0]} for kind, each in found.items()
    }
    for kind, rates in medians.items():
        print(f"\n{kind}")
        for name, rate in rates.items():
            low, high = min(f[name] for f in found[kind]), max(f[name] for f in found[kind])
            ratio = ""
            for peer, theirs in office_beside.COMPARED.get(name, ()):
                if peer in medians and kind not in office_beside.PEERS:
                    ratio += f"   {rate / medians[peer][theirs]:.2f} x {peer}"
            for peer, theirs in office_beside.COMPARED.get(name.removeprefix("cpu: "), ()):
                if name.startswith("cpu: ") and peer in medians and kind not in office_beside.PEERS:
                    ratio += f"   {rate / medians[peer][f'cpu: {theirs}']:.2f} x {peer}"
            unit = "us" if name.startswith("cpu") else "/s"
            print(f"  {name:46} {rate:8.0f} {unit}   ({low:.0f}-{high:.0f}){ratio}")
    office_crowd.main()
    from benchmarks import office_growth  # which measures by what stands here

    print()
    office_growth.main()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
