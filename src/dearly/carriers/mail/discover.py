"""Finding how a provider is spoken to, from an address alone. Everything found is shown to the person before use.

Whom we ask, and what each of them learns:

1. the provider: `autoconfig.DOMAIN` (which is told the address, as the format has it) and `DOMAIN/.well-known`
   (which is not); and the resolver of this machine, for SRV records of DOMAIN;
2. only where the provider's web server says nothing usable: the public directory, which is told DOMAIN and never the
   address;
3. only where that does not know DOMAIN: the directory once more, for the domain of the server that takes its mail.

https only, certificates verified, 64 KiB at most, no cookies, at most three redirects, to https and named hosts alone,
and from a host of the public network to none of this machine's or a private one: whoever publishes settings must not
have us knock at a door that they cannot reach themselves (A23). Where the address's own domain is one of a private
network, its documents are read there.
The documents are foreign XML: they are read in the opener, through `read`. A provider that offers its document over
http only is not found this way; whoever lies in between could write it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from dearly.carriers.mail import srv
from dearly.carriers.mail.https import Silent, ask
from dearly.carriers.mail.oauth import known
from dearly.letter.account import SignIn
from dearly.letter.address import Address
from dearly.letter.errors import DearlyError
from dearly.letter.suggestion import Settings, Suggestion, Told, https, suggest

if TYPE_CHECKING:
    import httpx
    from dns.asyncresolver import Resolver

DIRECTORY = "https://autoconfig.thunderbird.net/v1.1/"

MOST_REDIRECTS = 3
MOST_GUESSES = 3
"""Parent domains of a mail server that the directory is asked for."""

_REGISTRIES = frozenset(["ac", "co", "com", "edu", "gob", "gov", "gv", "ne", "net", "or", "org"])
"""Second labels that are a registry's and nobody's own, as in example.co.uk."""

Read = Callable[[bytes], Awaitable[Settings]]
"""The opener's `read_settings`; raises a `DearlyError` for what is no such document."""


@dataclass(frozen=True, slots=True)
class Net:
    """The network that is asked. Given by tests; the defaults are the real one. `each`, `all`: seconds for one
    question, and for everything together."""

    transport: Callable[[], httpx.AsyncBaseTransport] | None = None
    resolver: Resolver | None = None
    directory: str = DIRECTORY
    each: float = 5.0
    all: float = 15.0
    addresses: Callable[[str], Awaitable[list[str]]] | None = None
    """The addresses of a host; the default asks this machine, but where `transport` goes ways of its own."""

    async def private(self, host: str) -> bool:
        """Whether a host has an address that is none of the public network's (RFC 6890)."""
        if self.addresses is None and self.transport is not None:
            return False
        found = await (self.addresses or _resolved)(host)
        return any(not ip_address(one).is_global for one in found)


@dataclass(frozen=True, slots=True)
class Document:
    """A settings document as it came. `url`: where it was asked for, without the address."""

    told: Told
    url: str
    data: bytes = field(repr=False)


async def look_up(address: Address, read: Read, *, directory: bool = True, net: Net | None = None) -> list[Suggestion]:
    """How `address` could be set up, best first; empty where nobody knows. `directory`: whether the public directory
    may be asked at all. Takes at most `net.all` seconds, and then what is known by then counts. Raises nothing."""
    net = net or Net()
    found: list[Suggestion] = []
    until = _now() + net.all
    dns = asyncio.create_task(srv.services(address.domain, net.resolver, seconds=net.each))
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(net.all + 1):  # the questions end before it: see `https`
                found += await _first(address, await provider_documents(address, net, until), read)
                if not found and directory:
                    found += await _first(address, await directory_documents(address.domain, net, until), read)
        if (records := await dns) is not None:  # asked at the start, so its own seconds are over by now
            found += suggest(address, Told.DNS, records)
    finally:
        dns.cancel()
    return [_with_hint(one) for one in _each_once(found)]


async def provider_documents(address: Address, net: Net, until: float) -> list[Document]:
    """What the domain itself publishes, best first; asked for at once, so that one silent host costs no more.

    `until`: the time of the loop at which nothing more is asked."""
    own = f"https://autoconfig.{address.domain}/mail/config-v1.1.xml"
    well_known = f"https://{address.domain}/.well-known/autoconfig/mail/config-v1.1.xml"
    asked = (
        _document(Told.PROVIDER, own, net, until, f"?emailaddress={quote(str(address))}"),
        _document(Told.PROVIDER, well_known, net, until),
    )
    return [document for document in await asyncio.gather(*asked) if document is not None]


async def directory_documents(domain: str, net: Net, until: float) -> list[Document]:
    """What the public directory says of `domain`, or else of the domain of the server that takes its mail."""
    document = await _document(Told.DIRECTORY, net.directory + domain, net, until)
    if document is not None:
        return [document]
    hosts = await srv.mail_hosts(domain, net.resolver, seconds=net.each)
    for guess in guesses(hosts[0]) if hosts else ():
        document = await _document(Told.HOST, net.directory + guess, net, until) if guess != domain else None
        if document is not None:
            return [document]
    return []


def guesses(host: str) -> list[str]:
    """Domains that the owner of a mail server may be listed under: its parents, nearest first, without registries."""
    labels = host.split(".")
    parents = [labels[n:] for n in range(1, len(labels) - 1)]
    own = [rest for rest in parents if len(rest) > 2 or len(rest[-1]) != 2 or rest[0] not in _REGISTRIES]
    return [".".join(rest) for rest in own[-MOST_GUESSES:]]


async def _first(address: Address, documents: Sequence[Document], read: Read) -> list[Suggestion]:
    """What follows from the first document that something follows from."""
    for document in documents:
        try:
            settings = await read(document.data)
        except DearlyError:
            continue  # no document, or a hostile one: as if there were none
        if found := suggest(address, document.told, settings):
            return list(found)
    return []


async def _document(told: Told, url: str, net: Net, until: float, query: str = "") -> Document | None:
    """The document at `url`, or None. `query` is told to that host alone; a redirect is followed as it is given."""
    at, until = url + query, min(until, _now() + net.each)  # redirects and all
    at_home = True
    for _hop in range(MOST_REDIRECTS + 1):
        private = await net.private(str(urlsplit(at).hostname))
        if (left := until - _now()) <= 0 or (private and not at_home):
            return None
        at_home = private
        transport = net.transport() if net.transport else None
        try:
            answer = await ask("GET", at, seconds=left, accept="application/xml, text/xml", transport=transport)
        except Silent:
            return None
        if answer.status == 200:
            return Document(told, url, answer.body)
        at = urljoin(at, answer.location)
        if answer.status not in (301, 302, 303, 307, 308) or not _may_go(at):
            return None
    return None


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _resolved(host: str) -> list[str]:
    """What this machine makes of a name; nothing where it knows none, and then nothing is reached either."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(where[0]).partition("%")[0] for *_kind, where in found]


def _may_go(url: str) -> bool:
    """Only https, and only named hosts; `_document` looks where a name leads."""
    host = urlsplit(url).hostname if https(url) else None
    return bool(host) and "." in str(host) and not str(host).rpartition(".")[2].isdecimal()


def _with_hint(one: Suggestion) -> Suggestion:
    """With where to sign in, for the few providers that we know; documents name OAuth 2 mostly without saying where."""
    server = one.account.incoming or one.account.outgoing
    hint = known(server.host) if one.oauth is None and server is not None else None
    if hint is None:
        return one
    if one.told is Told.DNS and SignIn.OAUTH not in one.sign_in:  # which says nothing of how
        one = replace(one, sign_in=(*one.sign_in, SignIn.OAUTH))
    return replace(one, oauth=hint) if SignIn.OAUTH in one.sign_in else one


def _each_once(found: Sequence[Suggestion]) -> list[Suggestion]:
    """Without what says the same servers again; who said it first stays."""
    once: dict[tuple[object, ...], Suggestion] = {}
    for one in found:
        once.setdefault((one.account.incoming, one.account.outgoing), one)
    return list(once.values())
