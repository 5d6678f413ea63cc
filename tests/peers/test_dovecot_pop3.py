"""Dovecot's POP3: TLS, letters byte for byte, what is new among thousands, and nothing there changes."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from itertools import count

import pytest

from dearly.assemble.machine import CLOCK
from dearly.carriers.base import BEGINNING, Verdict
from dearly.carriers.mail import popcursor
from dearly.carriers.mail.maildrop import Maildrop
from dearly.letter.account import MailAccount, Protocol, Security, Server
from dearly.letter.address import Address
from dearly.letter.errors import CarrierTrouble
from tests.contracts.test_collects import everything
from tests.peers.conftest import needs, needs_root
from tests.peers.mailserver import PASSWORD, PROGRAMS, MailServer
from tests.support.fake_letters import fake_letter
from tests.support.sifting import Judge, Kept, by_subject

NAMES = count()


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    for program in PROGRAMS:
        needs(program)
    needs_root("Postfix")
    with MailServer() as both:
        yield both


@pytest.fixture
def name() -> str:
    """Somebody whose maildrop is empty yet."""
    return f"pop{next(NAMES)}"


def maildrop(
    server: MailServer,
    name: str,
    security: Security = Security.TLS,
    *,
    judge: Judge | None = None,
    password: str = PASSWORD,
    ca: str | None = "",
) -> Maildrop:
    port = server.pop3s if security is Security.TLS else server.pop3
    host = Server(Protocol.POP3, "localhost", port, security, name)
    account = MailAccount(Address.parse(f"{name}@letters.test"), host, None, ca=server.ca if ca == "" else ca)
    return Maildrop(account, Kept(password), judge or Judge(), CLOCK)


def body(data: bytes) -> bytes:
    return data.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS, Security.PLAIN])
def test_letters_come_whole_by_every_kind_of_line(server: MailServer, name: str, security: Security) -> None:
    letters = [fake_letter(n, Address.parse(f"{name}@letters.test"), size=n * 40_000).data for n in range(4)]

    async def scene() -> None:
        for n, letter in enumerate(letters):
            server.deliver(letter, f"{name}@letters.test", "ada@letters.test")
            await server.arrived(name, n + 1)
        carrier = maildrop(server, name, security)
        assert [(c.what, c.fine) for c in await carrier.check()] == [
            ("incoming.sign_in", True),
            ("incoming.letterbox", True),
        ]
        parcels, cursor, left = await everything(carrier)
        assert ([body(p.data) for p in parcels], left) == ([body(letter) for letter in letters], 0)
        there = [data.replace(b"\r\n", b"\n") for data in server.mailbox(name)]
        assert [p.data.replace(b"\r\n", b"\n") for p in parcels] == there
        await carrier.acknowledge([p.source for p in parcels])
        assert (await everything(carrier, cursor))[0] == []
        assert len(server.mailbox(name)) == 4, "nothing is deleted"
        assert [p.data for p in await carrier.fetch([parcels[2].source])] == [parcels[2].data]

    asyncio.run(scene())


def test_a_wrong_password_and_an_unknown_authority_are_said(server: MailServer, name: str) -> None:
    async def scene() -> None:
        for carrier, code in [
            (maildrop(server, name, password="wrong-fake-password"), "sign_in_refused"),
            (maildrop(server, name, ca=None), "server_untrusted"),
            (maildrop(server, name, Security.STARTTLS, ca=None), "server_untrusted"),
        ]:
            with pytest.raises(CarrierTrouble) as trouble:
                await carrier.collect(BEGINNING)
            assert trouble.value.code == code

    asyncio.run(scene())


def test_a_stranger_waits_at_the_door_and_news_are_left(server: MailServer, name: str) -> None:
    async def scene() -> None:
        for n, subject in enumerate(("take", "news", "door")):
            raw = f"From: clara@elsewhere.test\r\nSubject: {subject}\r\n\r\n.dot\r\n..\r\n.\r\nend\r\n"
            server.deliver(raw.encode(), f"{name}@letters.test", "clara@elsewhere.test")
            await server.arrived(name, n + 1)
        judge = Judge(by_subject)
        carrier = maildrop(server, name, judge=judge)
        batch = await carrier.collect(BEGINNING)
        assert [body(p.data) for p in batch.parcels] == [b".dot\r\n..\r\n.\r\nend\r\n"]
        (door,) = batch.heads
        (fetched,) = await carrier.fetch([door.source])
        assert fetched.data.startswith(judge.shown[2].data)
        assert len(fetched.data) == door.size

    asyncio.run(scene())


@pytest.mark.parametrize("tenfold", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_full_maildrop_costs_one_listing_a_round(
    server: MailServer, name: str, tenfold: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More messages than a cursor remembers: only the newest are looked at, and nothing twice."""
    if not tenfold:
        monkeypatch.setattr(popcursor, "WINDOW", popcursor.WINDOW // 10)
        monkeypatch.setattr(popcursor, "FIRST", popcursor.FIRST // 10)
    many = popcursor.WINDOW + 200

    async def scene() -> None:
        server.deliver(b"Subject: first\r\n\r\nfirst\r\n", f"{name}@letters.test", "ada@letters.test")
        (first,) = await server.arrived(name)
        folder = next((server.folder / "mail" / name / "Maildir").glob("*/1*")).parent
        owner = folder.stat()
        for n in range(many):
            path = folder / f"{1_700_000_000 + n}.M{n}P1.full"
            path.write_bytes(re.sub(rb"first", b"number %d" % n, first))
            path.chmod(0o600)
            os.chown(path, owner.st_uid, owner.st_gid)
        judge = Judge(lambda head: Verdict.TAKE if b"first" in head.data else Verdict.LEAVE)
        carrier = maildrop(server, name, judge=judge)
        parcels, cursor, left = await everything(carrier)
        assert left == 0
        assert len(judge.shown) == popcursor.FIRST
        assert len(cursor) < 65_536
        server.deliver(b"Subject: first\r\n\r\nsecond\r\n", f"{name}@letters.test", "ada@letters.test")
        await server.arrived(name, many + 2)
        parcels, cursor, left = await everything(carrier, cursor)
        assert [body(p.data) for p in parcels] == [b"second\r\n"]
        assert len(judge.shown) == popcursor.FIRST + 1

    asyncio.run(scene())
