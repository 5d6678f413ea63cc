"""The office under kill -9, hostile sizes, slow clients and a full disk (F06, F13, F16, F48; A22, A27)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dearly.office import accounts
from dearly.office.limits import Limits
from dearly.office.sqlite import SqliteStore
from tests.support.offices import (
    USING,
    MachineChance,
    MachineClock,
    Member,
    Office,
    an_office,
    handing_over,
    parcel,
    start_process,
)

QUICK = Limits(head_seconds=1.0, idle_seconds=2, body_seconds=1.0, body_rate=10_000)


# -- kill -9


class Dead(Exception):
    """The office died before the answer was whole."""


class Client:
    """A member who speaks to whichever process serves the office now."""

    def __init__(self, joined: accounts.Joined) -> None:
        self.address, self.token, self.uid, self.url = joined.address, joined.token, "", ""

    def request(self, calls: list[Any]) -> list[Any]:
        try:
            answer = httpx.post(
                f"{self.url}/jmap/api",
                json={"using": USING, "methodCalls": calls},
                headers={"authorization": f"Bearer {self.token}"},
                timeout=30,
            )
        except httpx.TransportError:
            raise Dead from None
        assert answer.status_code == 200, answer.text
        return answer.json()["methodResponses"]

    def arrive(self, url: str) -> None:
        self.url = url
        session = httpx.get(f"{url}/jmap/session", headers={"authorization": f"Bearer {self.token}"}).json()
        (self.uid,) = session["accounts"]

    def hand_over(self, data: bytes, to: str, key: str) -> None:
        calls = handing_over(self, data, [to], key)  # type: ignore[arg-type]  # it has the address
        made = self.request([[n, {"accountId": self.uid} | a, str(i)] for i, (n, a) in enumerate(calls)])
        assert made[2][1]["created"], made

    def known(self, keys: list[str]) -> int:
        query = ["EmailSubmission/query", {"accountId": self.uid, "filter": {"onceKeys": keys}}, "0"]
        return len(self.request([query])[0][1]["ids"])

    def letterbox(self) -> list[bytes]:
        mine = {"accountId": self.uid}
        ids = {"resultOf": "q", "name": "Email/query", "path": "/ids"}
        blobs = {"resultOf": "g", "name": "Email/get", "path": "/list/*/blobId"}
        found: list[bytes] = []
        while True:
            window = {"filter": {"inMailbox": "inbox"}, "position": len(found), "limit": 100}
            query = ["Email/query", mine | window, "q"]
            get = ["Email/get", mine | {"#ids": ids, "properties": ["blobId"]}, "g"]
            read = ["Blob/get", mine | {"#ids": blobs, "properties": ["data:asText"]}, "b"]
            answers = self.request([query, get, read])
            if not answers[0][1]["ids"]:
                return found
            data = {b["id"]: b["data:asText"].encode() for b in answers[2][1]["list"]}
            found += [data[e["blobId"]] for e in answers[1][1]["list"]]


def two_people(folder: Path) -> tuple[Client, Client]:
    async def go() -> tuple[Client, Client]:
        clock, chance = MachineClock(), MachineChance()
        store = SqliteStore.create(folder, chance)
        try:
            names = ("ada", "bert")
            invitations = [await accounts.invite(store, n, clock) for n in names]
            ada, bert = [Client(await accounts.join(store, i, clock, chance)) for i in invitations]
            return ada, bert
        finally:
            await store.close()

    return asyncio.run(go())


@pytest.mark.parametrize("step", ["office.before-commit", "office.after-commit"])
@pytest.mark.parametrize("after", [0, 3])
def test_killed_around_the_commit(tmp_path: Path, step: str, after: int) -> None:
    """F13: what was acknowledged is on the disk. F06: what was not may be asked again, and is never two."""
    ada, bert = two_people(tmp_path)
    parcels = {f"k{n}": parcel(ada.address, bert.address, 9_000) for n in range(6)}
    office = start_process(tmp_path, die_at=step, after=after)
    ada.arrive(office.url)
    acknowledged: list[str] = []
    with contextlib.suppress(Dead):
        for key, data in parcels.items():
            ada.hand_over(data, str(bert.address), key)
            acknowledged.append(key)
    office.kill()
    assert len(acknowledged) == after
    office = start_process(tmp_path)
    try:
        ada.arrive(office.url)
        bert.arrive(office.url)
        there = bert.letterbox()
        assert len(there) == len(set(there)) == ada.known(list(parcels))
        assert {parcels[k] for k in acknowledged} <= set(there) <= set(parcels.values())
        assert len(there) == len(acknowledged) + (step == "office.after-commit")
        for key, data in parcels.items():
            ada.hand_over(data, str(bert.address), key)
        assert sorted(bert.letterbox()) == sorted(parcels.values())
        assert ada.known(list(parcels)) == len(parcels)
    finally:
        office.kill()


def killed_often(folder: Path, rounds: int) -> None:
    """Four senders, an office that is killed at any moment, and everyone repeats what was not acknowledged."""
    ada, bert = two_people(folder)
    acknowledged: set[str] = set()
    parcels: dict[str, bytes] = {}
    under_way: set[str] = set()
    changed = threading.Condition()
    chance = random.Random(7)

    def send() -> None:
        with contextlib.suppress(Dead):
            while True:
                with changed:
                    key = next((k for k in parcels if k not in acknowledged | under_way), f"k{len(parcels)}")
                    parcels.setdefault(key, parcel(ada.address, bert.address, 3_000))
                    under_way.add(key)
                ada.hand_over(parcels[key], str(bert.address), key)
                with changed:
                    acknowledged.add(key)
                    changed.notify()

    def check() -> None:
        ada.arrive(office.url)
        bert.arrive(office.url)
        there = bert.letterbox()
        assert len(there) == len(set(there))
        assert {parcels[k] for k in acknowledged} <= set(there) <= set(parcels.values())

    for _round in range(rounds):
        under_way.clear()
        office = start_process(folder)
        check()
        senders = [threading.Thread(target=send) for _n in range(4)]
        enough = len(acknowledged) + chance.randrange(1, 12)
        for s in senders:
            s.start()
        with changed:
            assert changed.wait_for(lambda enough=enough: len(acknowledged) >= enough, 60)
        time.sleep(chance.random() * 0.01)
        office.kill()
        for s in senders:
            s.join()
    office = start_process(folder)
    try:
        check()
        for key, data in parcels.items():
            ada.hand_over(data, str(bert.address), key)
        assert sorted(bert.letterbox()) == sorted(parcels.values())
    finally:
        office.kill()


def test_killed_at_any_moment(tmp_path: Path) -> None:
    killed_often(tmp_path, 4)


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_killed_at_any_moment_many_times(tmp_path: Path) -> None:
    killed_often(tmp_path, 100)


# -- a full disk


def test_full_disk(tmp_path: Path) -> None:
    """F16: nothing is taken in half, the refusal is plain, and it goes on once there is room."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("may not mount a small disk here")
    try:
        with an_office(small / "office") as office:
            ada, bert = office.member("ada"), office.member("bert")
            ballast = small / "ballast"
            handed: list[bytes] = []
            ballast.write_bytes(os.urandom(1_000_000))
            for _n in range(60):
                data = parcel(ada.address, bert.address, 100_000)
                calls = handing_over(ada, data, [str(bert.address)], f"k{_n}")
                made = [[n, {"accountId": ada.uid} | a, str(i)] for i, (n, a) in enumerate(calls)]
                answer = ada.post(made)
                if answer.status_code == 503:
                    break
                handed.append(data)
            assert answer.status_code == 503
            assert answer.json()["code"] == "no_space"
            assert answer.headers["retry-after"]
            assert [bert.download(e["blobId"]) for e in bert.letterbox()] == handed
            ballast.unlink()
            assert office.http.get("/health").status_code == 200
            assert ada.post(made).status_code == 200
            assert [bert.download(e["blobId"]) for e in bert.letterbox()] == [*handed, data]
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_unwritable(tmp_path: Path) -> None:
    with an_office(tmp_path) as office:
        office.member("ada")
    whole = (tmp_path / "office.db").read_bytes()
    shutil.copy(tmp_path / "office.db", tmp_path / "copy.db")
    for cut in (100, len(whole) // 2, len(whole) - 4096):
        (tmp_path / "office.db").write_bytes(whole[:cut])
        # Damage is noticed by SQLite page by page; what cannot be read is never served as if it could.
        with contextlib.suppress(Exception), an_office(tmp_path) as office:
            assert office.http.get("/jmap/session", headers={"authorization": "Bearer x"}).status_code in (401, 503)


# -- hostile and slow clients


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with an_office(limits=QUICK) as running:
        yield running


@pytest.fixture(scope="module")
def ada(office: Office) -> Member:
    return office.member("ada")


def line(office: Office) -> socket.socket:
    return socket.create_connection(("127.0.0.1", office.port), timeout=15)


def ended(connection: socket.socket) -> bytes:
    """What came until the office closed the connection; fails if it does not."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            got += piece
    return got


def head(ada: Member, path: str, **more: object) -> bytes:
    fields = {"host": "x", "authorization": f"Bearer {ada.token}", "content-type": "application/json"} | more
    return f"POST {path} HTTP/1.1\r\n".encode() + "".join(f"{k}: {v}\r\n" for k, v in fields.items()).encode() + b"\r\n"


def served(ada: Member) -> None:
    """Others are served meanwhile, and quickly."""
    begun = time.monotonic()
    assert ada.call("Mailbox/get", ids=None)["list"]
    assert time.monotonic() - begun < 5


def test_connections_that_say_nothing_or_drip(office: Office, ada: Member) -> None:
    silent = [line(office) for _n in range(50)]
    dripping = [line(office) for _n in range(10)]
    begun = time.monotonic()
    stop = threading.Event()

    def drip() -> None:
        for letter in itertools.cycle(b"GET /health HTTP/1.1\r\nx-more: aaaaaaaaaaaaaaaaaaa"):
            if stop.wait(0.05):
                return
            for d in dripping:
                with contextlib.suppress(OSError):
                    d.send(bytes((letter,)))

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        served(ada)
        for connection in (*silent, *dripping):
            ended(connection)
            connection.close()
        assert time.monotonic() - begun < 8
    finally:
        stop.set()
        thread.join()


def test_more_connections_than_there_may_be() -> None:
    with an_office(limits=Limits(connections=5)) as office:
        ada = office.member("ada")  # one kept connection
        held = [line(office) for _n in range(4)]
        for connection in held:
            connection.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"200 OK" in connection.recv(65_536)
        with line(office) as sixth:
            assert ended(sixth) == b""
        served(ada)
        held.pop().close()
        time.sleep(0.2)
        with line(office) as another:
            another.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert b"200 OK" in ended(another)
        for connection in held:
            connection.close()


def test_a_second_head_that_drips(office: Office, ada: Member) -> None:
    """The first byte of a next request ends uvicorn's idle limit; ours begins then."""
    with line(office) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200 OK" in connection.recv(65_536)
        connection.sendall(b"GET /")
        begun = time.monotonic()
        ended(connection)
        assert time.monotonic() - begun < 5


def test_slow_bodies(office: Office, ada: Member) -> None:
    for path in ("/jmap/api", f"/jmap/upload/{ada.uid}"):
        with line(office) as connection:
            connection.sendall(head(ada, path, **{"content-length": 50_000}) + b"{")
            served(ada)
            assert ended(connection).startswith(b"HTTP/1.1 408 ")
        with line(office) as connection:
            connection.sendall(head(ada, path, **{"content-length": 50_000}))
            with contextlib.suppress(OSError):
                for _n in range(12):
                    connection.send(b"x")
                    time.sleep(0.1)
            assert ended(connection).startswith(b"HTTP/1.1 408 ")


def test_slow_readers(office: Office, ada: Member) -> None:
    """Someone asks for much and reads nothing: the connection ends, and memory is given back."""
    data = parcel(ada.address, ada.address, 20_000_000)
    blob = ada.upload(data)
    connections = [socket.socket() for _n in range(4)]
    for connection in connections:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", office.port))
        request = (
            f"GET /jmap/download/{ada.uid}/{blob}/x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ada.token}\r\n\r\n"
        )
        connection.sendall(request.encode())
    served(ada)
    time.sleep(3.5)
    for connection in connections:
        connection.settimeout(10)
        assert len(ended(connection)) < len(data)
        connection.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00" * 2_000,
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
        b"POST /jmap/api HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
        b"POST /jmap/api HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999999\r\n\r\n",
        b"POST /join HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /join HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"GET /health HTTP/1.1\nhost: x\n\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    ],
)  # fmt: skip
def test_bytes_that_are_no_request(office: Office, ada: Member, sent: bytes) -> None:
    with line(office) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        answer = ended(connection)
    assert not answer.startswith(b"HTTP/1.1 5")
    served(ada)


def test_hostile_json(office: Office, ada: Member) -> None:
    """Nesting, width, long numbers: refused quickly, and never an accident of ours."""
    hostile = [
        b"[" * 9_000_000,
        b'{"using":[],"methodCalls":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 1_000_000,
        b"[" + b"1," * 4_000_000 + b"1]",
        b'{"using":[],"methodCalls":[["Core/echo",{"n":' + b"9" * 5_000_000 + b'},"0"]]}',
        b'{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"n":-1e400},"0"]]}',
        b'"' + b"\\u0000" * 1_500_000 + b'"',
    ]
    for body in hostile:
        begun = time.monotonic()
        typed = ada.headers | {"content-type": "application/json"}
        answer = office.http.post("/jmap/api", content=body, headers=typed)
        assert 400 <= answer.status_code < 500, body[:40]
        assert time.monotonic() - begun < 5
        served(ada)


def test_many_requests_of_one_account_at_once(office: Office, ada: Member) -> None:
    """RFC 8620 3.6.1 limit: one greedy account does not stop another."""
    bert = office.member("bert")
    held = [line(office) for _n in range(QUICK.requests_at_once)]
    for connection in held:
        connection.sendall(head(ada, "/jmap/api", **{"content-length": 10}) + b"{")
    time.sleep(0.3)
    refused = ada.post([["Core/echo", {}, "0"]])
    assert refused.status_code == 429
    assert refused.json()["limit"] == "maxConcurrentRequests"
    assert refused.headers["retry-after"]
    served(bert)
    for connection in held:
        connection.close()
    time.sleep(0.3)
    served(ada)


def resident(pid: int) -> float:
    """MB of memory that a process has now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(found.split()[1]) / 1000 for found in lines if found.startswith("VmRSS"))


def test_memory_is_bounded_whatever_is_sent(tmp_path: Path) -> None:
    """Half-open connections, half heads, half bodies and hostile JSON at the same time: others are served meanwhile."""
    ada, bert = two_people(tmp_path)
    office = start_process(tmp_path, limits="head_seconds = 30\nbody_seconds = 30\n")
    held: list[socket.socket] = []
    try:
        ada.arrive(office.url)
        bert.arrive(office.url)
        before = resident(office.process.pid)
        big = {"authorization": f"Bearer {bert.token}", "content-type": "application/json", "host": "x"}

        def begin(path: str, size: int, sent: bytes) -> None:
            held.append(socket.create_connection(("127.0.0.1", office.port), timeout=15))
            fields = "".join(f"{k}: {v}\r\n" for k, v in (big | {"content-length": str(size)}).items())
            held[-1].sendall(f"POST {path} HTTP/1.1\r\n{fields}\r\n".encode() + sent)

        for _n in range(100):
            held.append(socket.create_connection(("127.0.0.1", office.port), timeout=15))
            held[-1].sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 15_000)
        for _n in range(4):
            begin(f"/jmap/upload/{bert.uid}", 30_000_000, b"x" * 10_000_000)
            begin("/jmap/api", 10_000_000, b"[" * 9_000_000)
        for body in (b"[" * 9_000_000, b"[" + b"1," * 4_000_000 + b"1]", b'"' + b"\\u0000" * 1_500_000 + b'"'):
            answer = httpx.post(f"{office.url}/jmap/api", content=body, headers=big)
            assert 400 <= answer.status_code < 500
        begun = time.monotonic()
        ada.hand_over(parcel(ada.address, bert.address), str(bert.address), "k")
        assert time.monotonic() - begun < 10
        assert resident(office.process.pid) - before < 250
        for connection in held:
            connection.close()
        assert len(bert.letterbox()) == 1
    finally:
        for connection in held:
            connection.close()
        office.kill()


def test_uploads_together_are_bounded(office: Office, ada: Member) -> None:
    clara = office.member("clara")
    size = {"content-length": QUICK.upload}
    held = []
    for member in (ada, ada, clara):
        connection = line(office)
        connection.sendall(head(member, f"/jmap/upload/{member.uid}", **size) + b"x" * 1_000)
        held.append(connection)
    time.sleep(0.3)
    assert b" 503 " in held[2].recv(65_536)
    for connection in held:
        connection.close()
    time.sleep(0.3)
    assert clara.upload(parcel(clara.address, clara.address, 1_000_000))


def test_a_cut_upload_leaves_nothing(office: Office, ada: Member) -> None:
    data = parcel(ada.address, ada.address, 200_000)
    before = uploads(office)
    for cut in (0, 1, 1_000, len(data) - 1):
        with line(office) as connection:
            connection.sendall(head(ada, f"/jmap/upload/{ada.uid}", **{"content-length": len(data)}) + data[:cut])
    time.sleep(0.2)
    assert uploads(office) == before


def uploads(office: Office) -> int:
    def count(shelf: Any) -> int:
        return shelf._db.execute("SELECT count(*) FROM uploads").fetchone()[0]

    return office.do(office.store.read(count))
