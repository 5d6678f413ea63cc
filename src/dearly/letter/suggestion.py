"""What a mail provider says of itself, and what follows from it for one address. Values and pure rules.

A suggestion is shown to the person before anything of it is used: whoever answers for a domain, or lies in between,
might name servers of their own (RFC 6186 6).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from dearly.letter.account import MailAccount, Protocol, Security, Server, SignIn, on_this_machine
from dearly.letter.address import Address, clean
from dearly.letter.errors import Usage

LONGEST_USER = 320


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
    """A server as a provider names it. `user`: may hold %EMAILADDRESS%, %EMAILLOCALPART% and %EMAILDOMAIN%.
    `sign_in`: what it takes of what we can do, in its order; never empty. `url`: of JMAP, else ""."""

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
    outgoing = [offer for offer in settings.outgoing if offer.protocol is Protocol.SMTP]
    found = []
    for kind in _KINDS:
        incoming = [offer for offer in settings.incoming if offer.protocol is kind]
        pair = _pair(incoming, [None] if kind is Protocol.JMAP else outgoing)
        if pair is not None and (one := _suggestion(address, told, settings, *pair)) is not None:
            found.append(one)
    if not found:
        halves: list[tuple[Offer | None, Offer | None]] = [(offer, None) for offer in _sorted(settings.incoming)[:1]]
        halves += [(None, offer) for offer in _sorted(outgoing)[:1]]
        found = [one for half in halves if (one := _suggestion(address, told, settings, *half)) is not None]
    return tuple(found)


def _pair(incoming: Iterable[Offer], outgoing: Iterable[Offer | None]) -> tuple[Offer, Offer | None] | None:
    """The best two that one way of signing in opens both of."""
    ways = [offer for offer in _sorted(outgoing) if offer is not None]
    for taken in _sorted(incoming):
        if taken.protocol is Protocol.JMAP:
            return taken, None
        for sent in ways:
            if set(taken.sign_in) & set(sent.sign_in):
                return taken, sent
    return None


def _sorted(offers: Iterable[Offer | None]) -> list[Offer]:
    usable = [offer for offer in offers if offer is not None and _usable(offer)]
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
        name=settings.name,
        oauth=settings.oauth if SignIn.OAUTH in ways else None,
    )


def _server(address: Address, offer: Offer) -> Server:
    user = filled(offer.user, address)
    if not user or len(user) > LONGEST_USER or clean(user) != user:
        raise Usage("bad_user", "")
    return Server(offer.protocol, offer.host, offer.port, offer.security, user, offer.url)


def filled(template: str, address: Address) -> str:
    """`template` with the address's parts in their places, each once: what is put in is not looked at again."""
    parts = {"%EMAILADDRESS%": str(address), "%EMAILLOCALPART%": address.local, "%EMAILDOMAIN%": address.domain}
    for mark, value in parts.items():
        if mark in template:
            before, _mark, after = template.partition(mark)
            return filled(before, address) + value + filled(after, address)
    return template


def within(host: str, domain: str) -> bool:
    """Whether `host` is `domain` or lies under it."""
    host, domain = host.lower().rstrip("."), domain.lower()
    return host == domain or host.endswith(f".{domain}")
