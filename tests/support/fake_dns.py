"""A DNS server on loopback that knows what a test tells it, asked by the real resolver library over UDP.

    async with fake_dns({("_imaps._tcp.letters.test", "SRV"): ["0 1 993 imap.letters.test."]}) as dns:
        dns.resolver; dns.asked

A name with no entry does not exist. `SILENT` as the records: no answer at all. Octets in place of a list: sent as they
are, behind the two of the question's number.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENT: Sequence[str] = ("silent",)
Zone = Mapping[tuple[str, str], Sequence[str] | bytes]


@dataclass
class FakeDns(asyncio.DatagramProtocol):
    """`asked`: each question as (name, kind), in order."""

    zone: Zone
    asked: list[tuple[str, str]] = field(default_factory=list)
    resolver: dns.asyncresolver.Resolver = field(default_factory=lambda: dns.asyncresolver.Resolver(configure=False))
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self.transport is not None
        question = dns.message.from_wire(data)
        (asked,) = question.question
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append((name, kind))
        records = self.zone.get((name, kind))
        if records is SILENT:
            return
        if isinstance(records, bytes):
            self.transport.sendto(data[:2] + records, addr)
            return
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        if records is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif records:
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *records))
        try:
            self.transport.sendto(answer.to_wire(max_size=1232), addr)
        except dns.exception.TooBig:  # RFC 2181 9: the asker comes again over TCP, where nobody listens
            answer.answer.clear()
            answer.flags |= dns.flags.TC
            self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def fake_dns(zone: Zone) -> AsyncIterator[FakeDns]:
    """The server, up until the end of the block."""
    server = FakeDns(zone)
    loop = asyncio.get_running_loop()
    transport, _protocol = await loop.create_datagram_endpoint(lambda: server, ("127.0.0.1", 0))
    server.resolver.nameservers = ["127.0.0.1"]
    server.resolver.port = transport.get_extra_info("sockname")[1]
    server.resolver.timeout = 0.3
    try:
        yield server
    finally:
        transport.close()
