"""What a mail provider says of itself, and what follows from it for one address. Values and pure rules.

A suggestion is shown to the person before anything of it is used: whoever answers for a domain, or lies in between,
might name servers of their own (RFC 6186 6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from dearly.letter.account import MailAccount, Protocol, Security, Server, SignIn, on_this_machine
from dearly.letter.address import Address, clean
from dearly.letter.errors import Usage

LONGEST_USER = 320
DOMAIN = "%EMAILDOMAIN%"

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\Z")


class Told(StrEnum):
    """Who told it, in the order of preference."""

    PROVIDER = "provider"
    """The domain's own web server, over TLS."""
    DIRECTORY = "directory"
    """The public directory of mail providers, for the address's own domain."""
    HOST = "host"
    """The same directory, for the domain of the server that takes mail for the address (its MX)."""
    DNS = "dns"
    """SRV records (RFC 6186, RFC 8314 5, RFC 8620 2.2). DNS proves nothing of itself."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A server as a provider names it. `user`: may hold %EMAILADDRESS%, %EMAILLOCALPART% and %EMAILDOMAIN%; `host`
    the last of them. `sign_in`: what it takes of what we can do, in its order; never empty. `url`: of JMAP, else ""."""

    protocol: Protocol
    host: str
    port: int
    security: Security
    user: str
    sign_in: tuple[SignIn, ...]
    url: str = ""


@dataclass(frozen=True, slots=True)
class OAuthHint:
    """Where a provider signs people in (RFC 6749 3). The client id is the person's to bring. Fields may be ""."""

    issuer: str
    authorize_url: str
    token_url: str
    scope: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All that one document, or DNS, says. `name`: what the provider calls itself, cleaned, may be ""."""

    name: str
    incoming: tuple[Offer, ...]
    outgoing: tuple[Offer, ...]
    oauth: OAuthHint | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way to set an address up. `account`: complete but for secrets and, with OAuth, the client id.

    `sign_in`: what both its servers take, best first; the first stands in `account`. `elsewhere`: hosts that are not
    under the address's own domain, to be pointed out. `name`: of the provider, as it calls itself; may be ""."""

    told: Told
    account: MailAccount
    sign_in: tuple[SignIn, ...]
    elsewhere: tuple[str, ...]
    name: str = ""
    oauth: OAuthHint | None = None


_KINDS = (Protocol.IMAP, Protocol.JMAP, Protocol.POP3)
_SAFEST = (Security.TLS, Security.STARTTLS, Security.PLAIN)


def suggest(address: Address, told: Told, settings: Settings) -> tuple[Suggestion, ...]:
    """What follows from `settings` for `address`: at most one suggestion for each of IMAP, JMAP and POP3, in that
    order; of each kind the server with TLS before STARTTLS (RFC 8314 3), else in the provider's order. A half (only
    incoming, only outgoing) is a suggestion where there is nothing whole. Unencrypted servers that are not on this
    machine are passed over."""
    ways_in = [_named(offer, address) for offer in settings.incoming]
    outgoing = [_named(offer, address) for offer in settings.outgoing if offer.protocol is Protocol.SMTP]
    found = []
    for kind in _KINDS:
        incoming = [offer for offer in ways_in if offer.protocol is kind]
        pair = _pair(incoming, outgoing)
        if pair is not None and (one := _suggestion(address, told, settings, *pair)) is not None:
            found.append(one)
    if not found:
        halves: list[tuple[Offer | None, Offer | None]] = [(offer, None) for offer in _sorted(ways_in)[:1]]
        halves += [(None, offer) for offer in _sorted(outgoing)[:1]]
        found = [one for half in halves if (one := _suggestion(address, told, settings, *half)) is not None]
    return tuple(found)


def _named(offer: Offer, address: Address) -> Offer:
    return replace(offer, host=offer.host.replace(DOMAIN, address.domain)) if DOMAIN in offer.host else offer


def _pair(incoming: Iterable[Offer], outgoing: Iterable[Offer]) -> tuple[Offer, Offer | None] | None:
    """The best two that one way of signing in opens both of."""
    ways = _sorted(outgoing)
    for taken in _sorted(incoming):
        if taken.protocol is Protocol.JMAP:
            return taken, None
        for sent in ways:
            if set(taken.sign_in) & set(sent.sign_in):
                return taken, sent
    return None


def _sorted(offers: Iterable[Offer]) -> list[Offer]:
    usable = [offer for offer in offers if _usable(offer)]
    return sorted(usable, key=lambda offer: _SAFEST.index(offer.security))  # stable: the provider's order within


def _usable(offer: Offer) -> bool:
    return offer.security is not Security.PLAIN or on_this_machine(offer.host)


def _suggestion(
    address: Address, told: Told, settings: Settings, incoming: Offer | None, outgoing: Offer | None
) -> Suggestion | None:
    halves = [offer for offer in (incoming, outgoing) if offer is not None]
    both = [way for way in halves[0].sign_in if all(way in offer.sign_in for offer in halves)]
    # A password first: it needs nothing that a person would have to ask their provider for, as a client id does.
    ways = tuple(sorted(both, key=lambda way: way is not SignIn.PASSWORD))
    try:
        account = MailAccount(
            address,
            _server(address, incoming) if incoming else None,
            _server(address, outgoing) if outgoing else None,
            sign_in=ways[0],
        )
    except Usage:
        return None
    hosts = dict.fromkeys(offer.host for offer in halves)
    return Suggestion(
        told=told,
        account=account,
        sign_in=ways,
        elsewhere=tuple(host for host in hosts if not within(host, address.domain)),
        name=clean(settings.name),
        oauth=_hint(settings.oauth) if SignIn.OAUTH in ways else None,
    )


def _server(address: Address, offer: Offer) -> Server:
    """Raises `Usage` for what cannot be meant. It is looked at here once more, outside of the process that met the
    foreign document."""
    user = filled(offer.user, address)
    fine = host_name(offer.host) == offer.host and 0 < offer.port < 65_536 and (not offer.url or https(offer.url))
    if not fine or not user or len(user) > LONGEST_USER or clean(user) != user:
        raise Usage("bad_server", "")
    return Server(offer.protocol, offer.host, offer.port, offer.security, user, offer.url)


def _hint(hint: OAuthHint | None) -> OAuthHint | None:
    if hint is None or not (https(hint.authorize_url) and https(hint.token_url)):
        return None
    return replace(hint, issuer=clean(hint.issuer), scope=clean(hint.scope))


def filled(template: str, address: Address) -> str:
    """`template` with the address's parts in their places, each once: what is put in is not looked at again."""
    parts = {"%EMAILADDRESS%": str(address), "%EMAILLOCALPART%": address.local, "%EMAILDOMAIN%": address.domain}
    for mark, value in parts.items():
        if mark in template:
            before, _mark, after = template.partition(mark)
            return filled(before, address) + value + filled(after, address)
    return template


def host_name(text: str, *, templates: bool = False) -> str | None:
    """`text` as a host's name in lower case and ASCII (IDNA), or an IPv4 address; None when it is neither.
    `templates`: %EMAILDOMAIN% may stand in it."""
    whole = text.strip().rstrip(".")
    tried = whole.replace(DOMAIN, "x") if templates else whole
    try:
        ascii_name = tried.encode("idna").decode().lower()
    except UnicodeError:
        return None
    if not 0 < len(ascii_name) <= 253 or not all(_LABEL.match(label) for label in ascii_name.split(".")):
        return None
    return whole.lower().replace(DOMAIN.lower(), DOMAIN) if tried != whole else ascii_name


def https(url: str) -> bool:
    """Whether `url` is a plain one of https: no name or password, no fragment, visible ASCII."""
    try:
        parts = urlsplit(url)
        _port_or_error = parts.port
    except ValueError:
        return False
    plain = parts.scheme == "https" and "@" not in parts.netloc and host_name(parts.hostname or "") is not None
    visible = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    return plain and visible and len(url) <= 500 and not parts.fragment


def within(host: str, domain: str) -> bool:
    """Whether `host` is `domain` or lies under it."""
    host, domain = host.lower().rstrip("."), domain.lower()
    return host == domain or host.endswith(f".{domain}")
