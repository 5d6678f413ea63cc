"""What DNS says of a domain's mail: its MX, and the SRV records of RFC 6186, RFC 8314 5 and RFC 8620 2.2."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from dearly.letter.account import Protocol, Security, SignIn
from dearly.letter.suggestion import Offer, Settings, host_name

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

SECONDS = 5.0
MOST_RECORDS = 20

_SERVICES = (
    # RFC 8314 5.1 (_submissions), RFC 6186 3 (all others of mail), RFC 8620 2.2 (_jmap). Without the s at the end it
    # is STARTTLS, which is then demanded: never a plain line.
    ("_submissions", Protocol.SMTP, Security.TLS),
    ("_submission", Protocol.SMTP, Security.STARTTLS),
    ("_imaps", Protocol.IMAP, Security.TLS),
    ("_imap", Protocol.IMAP, Security.STARTTLS),
    ("_pop3s", Protocol.POP3, Security.TLS),
    ("_pop3", Protocol.POP3, Security.STARTTLS),
    ("_jmap", Protocol.JMAP, Security.TLS),
)
_USER = "%EMAILADDRESS%"  # RFC 6186 4: the whole address is what is tried first
_SIGN_IN = (SignIn.PASSWORD,)  # DNS says nothing of it


async def services(domain: str, resolver: Resolver | None = None, *, seconds: float = SECONDS) -> Settings | None:
    """What SRV records of `domain` offer; None where they say nothing, or nobody answers. Raises nothing.

    Servers are in the order of their priority; "." (RFC 2782, RFC 6186 3.4) means that there is no such service."""
    asked = [_records(f"{service}._tcp.{domain}", "SRV", resolver, seconds) for service, _kind, _security in _SERVICES]
    found: list[Offer] = []
    for (_service, kind, security), records in zip(_SERVICES, await asyncio.gather(*asked), strict=True):
        for record in sorted(records, key=lambda one: (one.priority, -one.weight)):
            host = host_name(record.target.to_text(omit_final_dot=True))
            if host and record.port:  # the root, ".", is no host
                url = f"https://{host}:{record.port}/.well-known/jmap" if kind is Protocol.JMAP else ""
                found.append(Offer(kind, host, record.port, security, _USER, _SIGN_IN, url))
    ways_in = tuple(offer for offer in found if offer.protocol is not Protocol.SMTP)
    ways_out = tuple(offer for offer in found if offer.protocol is Protocol.SMTP)
    return Settings("", ways_in, ways_out) if found else None


async def mail_hosts(domain: str, resolver: Resolver | None = None, *, seconds: float = SECONDS) -> tuple[str, ...]:
    """Hosts that take mail for `domain` (MX), best first; empty where there is none, or nobody answers."""
    records = sorted(await _records(domain, "MX", resolver, seconds), key=lambda one: one.preference)
    hosts = (host_name(record.exchange.to_text(omit_final_dot=True)) for record in records)
    return tuple(dict.fromkeys(host for host in hosts if host))


async def _records(name: str, kind: str, resolver: Resolver | None, seconds: float) -> list[Any]:
    """The records at `name`, as the library has them; [] for whatever goes wrong: DNS is only ever asked for hints."""
    import dns.asyncresolver  # 130 ms that only a search for settings needs
    import dns.exception

    try:
        asked = resolver or dns.asyncresolver.Resolver()
        answer = await asked.resolve(f"{name}.", kind, lifetime=seconds, search=False)
    except (dns.exception.DNSException, OSError, ValueError):
        return []
    return list(answer)[:MOST_RECORDS]
