"""Finding settings where hosts are silent, slow, enormous or hostile: nothing raised, nothing believed, never long."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from contextlib import AsyncExitStack
from time import monotonic

import pytest

from dearly.carriers.mail.discover import Net, look_up
from dearly.exchange import autoconfig
from dearly.letter.address import Address
from dearly.letter.suggestion import Settings, Suggestion
from dearly.opener.pool import Opener
from tests.support.discovering import LIST, OWN, SRV, document
from tests.support.fake_dns import SILENT, Zone, fake_dns
from tests.support.scripted_http import Respond, World, silence, telling, web
from tests.support.scripted_jmap import Answer

ADA = Address.parse("ada@letters.test")
GOOD = document("own.letters.test")
EACH, ALL = 1.0, 2.5
"""Seconds, of a net that gives up sooner than the real one."""


async def read(data: bytes) -> Settings:
    return autoconfig.read(data)


def find(
    sites: Mapping[str, Respond], zone: Zone | None = None, silent: tuple[str, ...] = (), each: float = EACH
) -> tuple[list[Suggestion], World, float]:
    """What was found, the world after it, and the seconds it took. `silent`: hosts that take a connection only."""

    async def whole() -> tuple[list[Suggestion], World, float]:
        async with AsyncExitStack() as stack:
            world = await stack.enter_async_context(web(sites))
            dns = await stack.enter_async_context(fake_dns(zone or {}))
            for host in silent:
                world.ports[host] = await stack.enter_async_context(silence())
            began = monotonic()
            found = await look_up(ADA, read, net=Net(world.transport, dns.resolver, each=each, all=ALL))
            return found, world, monotonic() - began

    return asyncio.run(whole())


def raw(octets: bytes) -> Respond:
    return lambda _request: Answer(raw=octets)


WRONG: dict[str, Respond] = {
    "an endless body": raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n" * 2
    ),
    "larger than it may be": telling(GOOD + b" " * 65_536),
    "shorter than it says": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + GOOD),
    "compressed unasked": telling(gzip.compress(GOOD), 200, **{"Content-Encoding": "gzip"}),
    "a bomb": telling(gzip.compress(b" " * 50_000_000), 200, **{"Content-Encoding": "gzip"}),
    "no HTTP": raw(b"220 smtp.letters.test ESMTP\r\n"),
    "nothing": raw(b""),
    "a hundred headers of 10 KB": raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: " * 20_000 + b"\r\n\r\n"),
    "not found": telling(GOOD, 404),
    "asks for a name and password": telling(GOOD, 401, **{"WWW-Authenticate": "Basic"}),
    "no content": telling(b"", 204),
    "half of it": telling(GOOD[:-30]),
    "laughs": telling(b'<!DOCTYPE a [<!ENTITY b "ha">]>' + GOOD),
}


@pytest.mark.parametrize("respond", WRONG.values(), ids=WRONG.keys())
def test_a_provider_that_answers_wrongly_is_as_none(respond: Respond) -> None:
    found, _world, _took = find({OWN: respond, LIST: telling(document("listed.letters.test"))}, SRV)
    assert [one.told.value for one in found] == ["directory", "dns"]


def test_silent_hosts_cost_their_seconds_and_no_more() -> None:
    found, world, took = find({LIST: telling(document("listed.letters.test"))}, SRV, (OWN, "letters.test"))
    assert [one.told.value for one in found] == ["directory", "dns"]
    assert took < 2 * EACH + 1, "both were asked at once"
    found, world, took = find({}, SRV, (OWN, "letters.test", LIST))
    assert [one.told.value for one in found] == ["dns"], "what is known by then counts"
    assert took < ALL + 1.5
    assert world.seen == []


def test_a_host_that_leads_on_and_on_slowly_is_left() -> None:
    hops = iter(range(1000))

    def on(_request: object) -> Answer:
        return Answer(302, b"", {"Location": f"https://{OWN}/{next(hops)}"})

    found, world, _took = find({OWN: on}, SRV)
    assert [one.told.value for one in found] == ["dns"]
    assert len(world.seen) <= 5


def test_dns_that_is_silent_or_lies() -> None:
    names = [f"_{name}._tcp.letters.test" for name in ("submissions", "submission", "imaps", "imap", "pop3s", "jmap")]
    many = [f"{n} 1 993 h{n}.letters.test." for n in range(200)]
    loop = b"\x81\x80\0\1\0\1\0\0\0\0" + b"\xc0\x0c" * 40
    for answer in (SILENT, b"", b"\x81\x80", b"\xff" * 100, loop, many):
        found, _world, took = find({}, {(name, "SRV"): answer for name in names}, each=0.3)
        assert found == [], "the last one does not fit, and nobody listens where it is asked for again"
        assert took < 3
    zone: Zone = {
        ("_imaps._tcp.letters.test", "SRV"): [r"0 1 993 a\010b.letters.test.", r"0 1 993 a\.b@c\032d.letters.test."],
        ("_submissions._tcp.letters.test", "SRV"): ["0 1 465 x_y.letters.test."],
    }
    found, _world, _took = find({}, zone)
    assert [one.account.incoming for one in found] == [None], "no such name is a host's"


def test_the_document_is_read_in_the_opener() -> None:
    """With the real children: a good document, and one that breaks the reader."""

    async def whole() -> None:
        async with Opener() as opener:
            for body, expected in ((GOOD, ["provider"]), (b"<a>" * 20_000, []), (b"\xff" * 65_536, [])):
                async with web({OWN: telling(body)}) as world, fake_dns({}) as dns:
                    net = Net(world.transport, dns.resolver, each=20, all=40)
                    found = await look_up(ADA, opener.read_settings, net=net)
                    assert [one.told.value for one in found] == expected

    asyncio.run(whole())
