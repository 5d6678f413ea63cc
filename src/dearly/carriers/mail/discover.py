"""Finding how a provider is spoken to, from an address alone. Everything found is shown to the person before use.

Whom we ask, and what each of them learns:

1. the provider: `autoconfig.DOMAIN` (which is told the address, as the format has it) and `DOMAIN/.well-known`
   (which is not); and the resolver of this machine for SRV records of DOMAIN;
2. only where the provider says nothing usable: the public directory, which is told DOMAIN and never the address;
3. only where that does not know DOMAIN: the directory once more, for the domain of the server that takes its mail.

https only, certificates verified, 64 KiB at most, no cookies, nothing followed but three redirects to https. The
documents are foreign XML: they are read by the opener, through `read`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dearly.letter.address import Address
from dearly.letter.suggestion import Settings, Suggestion, Told

if TYPE_CHECKING:
    import httpx
    from dns.asyncresolver import Resolver

DIRECTORY = "https://autoconfig.thunderbird.net/v1.1/"

Read = Callable[[bytes], Awaitable[Settings]]
"""The opener's `read_settings`; raises a `DearlyError` for what is no such document."""


@dataclass(frozen=True, slots=True)
class Net:
    """The network that is asked. Given by tests; the defaults are the real one."""

    transport: Callable[[], httpx.AsyncBaseTransport] | None = None
    resolver: Resolver | None = None
    directory: str = DIRECTORY
    each: float = 5.0
    """Seconds for one question; `all` for everything together."""
    all: float = 15.0


@dataclass(frozen=True, slots=True)
class Document:
    """A settings document as it came. `url`: where it came from, without the address."""

    told: Told
    url: str
    data: bytes = field(repr=False)


async def look_up(address: Address, read: Read, *, directory: bool = True, net: Net | None = None) -> list[Suggestion]:
    """How `address` could be set up, best first; empty where nobody knows. `directory`: whether the public directory
    may be asked at all. Takes at most `net.all` seconds, and then what is known by then counts. Raises nothing."""
    raise NotImplementedError
