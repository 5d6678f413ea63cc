"""A real post office on a free port of this machine, in a thread with its own loop or in a process of its own.

    with an_office() as office:
        ada, bert = office.member("ada"), office.member("bert")
        office.url, ada.token, ada.address

`parcel` makes bytes that have every outer mark of a sealed letter; nobody can open them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from dearly.letter.address import Address
from dearly.office import accounts, stores
from dearly.office.jmap import BLOB, CORE, MAIL, SUBMISSION
from dearly.office.limits import DEFAULT, Limits, from_toml
from dearly.office.service import Server, run, serve
from dearly.office.smarthost import PACE, Pace, Relay
from dearly.office.store import Store
from dearly.office.submissions import ONCE
from tests.support.forks import Forked

T = TypeVar("T")
USING = [CORE, MAIL, SUBMISSION, BLOB, ONCE]


class MachineClock:
    """The machine's time, moved by `ahead` where a test wants to be in the future."""

    def __init__(self) -> None:
        self.ahead = datetime.now(UTC) - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def local(self) -> datetime:
        return self.now()


class MachineChance:
    def token(self, size: int) -> bytes:
        return os.urandom(size)


@dataclass
class Member:
    """Someone with an account, and short ways to speak for them."""

    office: Office
    address: Address
    token: str = field(repr=False)
    uid: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def session(self) -> dict[str, Any]:
        answer = self.office.http.get("/.well-known/jmap", headers=self.headers)
        answer.raise_for_status()
        return answer.json()

    def post(self, calls: list[Any], using: list[str] | None = None, **more: Any) -> httpx.Response:
        """A request as it is, its HTTP answer as it is."""
        value = {"using": USING if using is None else using, "methodCalls": calls, **more}
        return self.office.http.post("/jmap/api", json=value, headers=self.headers)

    def calls(self, *calls: tuple[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
        """Each (method, arguments without accountId) as (name, arguments) of its response."""
        made = [[name, {"accountId": self.uid} | args, f"c{n}"] for n, (name, args) in enumerate(calls)]
        answer = self.post(made)
        assert answer.status_code == 200, answer.text
        return [(name, args) for name, args, _id in answer.json()["methodResponses"]]

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """One method that must succeed."""
        ((got, answer),) = self.calls((name, arguments))
        assert got == name, answer
        return answer

    def wrong(self, name: str, **arguments: Any) -> str:
        """One method that must fail; the type of its error."""
        ((got, answer),) = self.calls((name, arguments))
        assert got == "error", answer
        return answer["type"]

    def upload(self, data: bytes) -> str:
        answer = self.office.http.post(f"/jmap/upload/{self.uid}", content=data, headers=self.headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["blobId"]

    def hand_over(self, data: bytes, *to: Member | str, key: str | None = None) -> list[tuple[str, dict[str, Any]]]:
        """A parcel in one request: Blob/upload, Email/import, EmailSubmission/set."""
        return self.calls(*handing_over(self, data, [str(t.address) if isinstance(t, Member) else t for t in to], key))

    def letterbox(self) -> list[dict[str, Any]]:
        """Every Email in the letterbox, oldest first."""
        ids = self.call("Email/query", filter={"inMailbox": "inbox"}, sort=OLDEST)["ids"]
        return self.call("Email/get", ids=ids)["list"] if ids else []

    def download(self, blob: str) -> bytes:
        path = f"/jmap/download/{self.uid}/{blob}/letter.eml"
        answer = self.office.http.get(path, headers=self.headers)
        answer.raise_for_status()
        return answer.content


OLDEST = [{"property": "receivedAt", "isAscending": True}]


def handing_over(
    sender: Member, data: bytes, to: list[str], key: str | None = None, name: str = "1"
) -> list[tuple[str, dict[str, Any]]]:
    """The three calls that hand `data` over."""
    envelope = {"mailFrom": {"email": str(sender.address)}, "rcptTo": [{"email": t} for t in to]}
    submission = {"identityId": "self", "emailId": f"#e{name}", "envelope": envelope, "onceKey": key}
    return [
        ("Blob/upload", {"create": {f"b{name}": {"data": [{"data:asText": data.decode()}]}}}),
        ("Email/import", {"emails": {f"e{name}": {"blobId": f"#b{name}", "mailboxIds": {"sent": True}}}}),
        ("EmailSubmission/set", {"create": {f"s{name}": submission}}),
    ]


@dataclass
class Office:
    """A running office. `do` runs a coroutine in its loop."""

    url: str
    port: int
    store: Store
    clock: MachineClock
    http: httpx.Client
    do: Callable[[Coroutine[Any, Any, T]], T]

    def invite(self, name: str) -> str:
        return self.do(accounts.invite(self.store, name, self.clock))

    def member(self, name: str) -> Member:
        """A new member, by the front door."""
        answer = self.http.post("/join", json={"invite": self.invite(name)})
        assert answer.status_code == 201, answer.text
        return self.as_member(answer.json())

    def as_member(self, joined: dict[str, Any]) -> Member:
        member = Member(self, Address.parse(joined["address"]), joined["token"])
        member.uid = member.session()["primaryAccounts"][CORE]
        return member


@contextlib.contextmanager
def an_office(
    place: stores.Where | None = None,
    *,
    limits: Limits = DEFAULT,
    tls: tuple[Path, Path] | None = None,
    port: int = 0,
    relay: Relay | None = None,
    pace: Pace = PACE,
) -> Iterator[Office]:
    """An office in a thread of its own, over a store at `place` (a temporary folder when not given)."""
    with contextlib.ExitStack() as stack:
        where = place or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="office-")))
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="office-loop", daemon=True)
        thread.start()

        def do(work: Coroutine[Any, Any, T]) -> T:
            return asyncio.run_coroutine_threadsafe(work, loop).result(60)

        clock, chance = MachineClock(), MachineChance()
        store = stores.create(where, chance, limits=limits)
        serving = serve(store, clock=clock, chance=chance, limits=limits, tls=tls, port=port, relay=relay, pace=pace)
        try:
            server: Server = do(serving.__aenter__())
            try:
                with httpx.Client(base_url=server.url, timeout=60, verify=tls is None) as http:
                    yield Office(server.url, server.port, store, clock, http, do)
            finally:
                do(serving.__aexit__(None, None, None))
        finally:
            do(store.close())
            loop.call_soon_threadsafe(loop.stop)
            thread.join(30)
            loop.close()


# -- bytes with the outer marks of a sealed letter


def crc24(data: bytes) -> bytes:
    """RFC 9580 6.1."""
    crc = 0xB704CE
    for octet in data:
        crc ^= octet << 16
        for _bit in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return (crc & 0xFFFFFF).to_bytes(3, "big")


def armored(packets: bytes, checksum: bool = True) -> bytes:
    encoded = base64.b64encode(packets).decode()
    lines = [encoded[i : i + 64] for i in range(0, len(encoded), 64)]
    if checksum:
        lines.append("=" + base64.b64encode(crc24(packets)).decode())
    return "\r\n".join(["-----BEGIN PGP MESSAGE-----", "", *lines, "-----END PGP MESSAGE-----", ""]).encode()


def packet(tag: int, body: bytes) -> bytes:
    """RFC 9580 4.2, with a five-octet length."""
    return bytes((0xC0 | tag, 0xFF)) + len(body).to_bytes(4, "big") + body


def parcel(sender: object, to: object, size: int = 2_000, *, subject: str = "[...]", mark: bytes = b"") -> bytes:
    """A message of about `size` bytes that looks sealed from outside; no two are alike."""
    inside = max(16, (size - 1_100) * 3 // 4)
    sealed = packet(1, b"\x03" + bytes(8) + b"\x01" + os.urandom(60)) + packet(18, b"\x01" + mark + os.urandom(inside))
    boundary = "=-" + os.urandom(9).hex()
    head = (
        f"From: <{sender}>\r\nTo: <{to}>\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\n"
        f"Message-ID: <{os.urandom(8).hex()}@letters.test>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\r\n'
        f' boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
        f"--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n"
    ).encode()
    return head + armored(sealed, checksum=len(sealed) < 200_000) + f"\r\n--{boundary}--\r\n".encode()


# -- an office in a process of its own, for killing


@dataclass
class OfficeProcess:
    """`port` and `url` once it answers."""

    process: subprocess.Popen[str]
    url: str
    port: int

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it this signal; its exit code."""
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode


def start_process(
    where: stores.Where, *, die_at: str = "", after: int = 0, port: int = 0, limits: str = "", smarthost: int = 0
) -> OfficeProcess:
    """`die_at`: a failpoint at which it kills itself, the time after it was reached `after` times. `limits`: TOML.
    `smarthost`: port of one, in the clear."""
    process = Forked(
        ["tests.support.offices:main", str(where), str(port), die_at, str(after), limits, str(smarthost)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        _out, err = process.communicate()
        raise AssertionError(f"the office did not start: {err}")
    said = json.loads(line)
    return OfficeProcess(process, said["url"], said["port"])


def main() -> None:
    """In the child."""
    from dearly.letter import failpoint
    from tests.support import abroad

    where, port, die_at, after, limits, smarthost = sys.argv[1:]
    left = int(after)

    def die(step: str) -> None:
        nonlocal left
        if step == die_at:
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    def ready(server: Server) -> None:
        if die_at:
            failpoint.listen(die)
        print(json.dumps({"url": server.url, "port": server.port}), flush=True)

    place = where if where.startswith(stores.SCHEMES) else Path(where)
    serving = run(
        place,
        clock=MachineClock(),
        chance=MachineChance(),
        host="127.0.0.1",
        port=int(port),
        limits=from_toml(limits),
        relay=abroad.smarthost(int(smarthost)) if smarthost != "0" else None,
        pace=abroad.HURRIED,
        ready=ready,
    )
    asyncio.run(serving)
