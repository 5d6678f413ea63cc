"""What DNS says of a domain's mail: its MX, and the SRV records of RFC 6186, RFC 8314 5 and RFC 8620 2.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dearly.letter.suggestion import Settings

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver


async def services(domain: str, resolver: Resolver | None = None) -> Settings | None:
    """What SRV records of `domain` offer; None where they say nothing, or nobody answers. Raises nothing.

    Servers are in the order of their priority; "." (RFC 2782, RFC 6186 3.4) means that there is no such service."""
    raise NotImplementedError


async def mail_hosts(domain: str, resolver: Resolver | None = None) -> tuple[str, ...]:
    """Hosts that take mail for `domain` (MX), best first; empty where there is none, or nobody answers."""
    raise NotImplementedError
