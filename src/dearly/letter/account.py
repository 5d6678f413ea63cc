"""A mail account as a person has it: where letters come in, where they go out, and how one signs in. Values only.

The secrets (a password, a token) are not here: they lie in the drawer and are asked for when a line is opened.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dearly.letter.address import Address
from dearly.letter.errors import Usage
from dearly.letter.words import _


class Protocol(StrEnum):
    """What a server speaks: RFC 9051, RFC 1939, RFC 8621, RFC 6409."""

    IMAP = "imap"
    POP3 = "pop3"
    JMAP = "jmap"
    SMTP = "smtp"


class Security(StrEnum):
    """How a line is kept from being read: TLS from the first byte (RFC 8314 3), STARTTLS, or not at all, which is
    allowed on this machine only."""

    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"


class SignIn(StrEnum):
    """What proves to a server that it is us: a password (also one made for a single program), or OAuth 2 (RFC 6749)."""

    PASSWORD = "password"  # noqa: S105 (the name of a way, no secret)
    OAUTH = "oauth"


PORTS: Mapping[tuple[Protocol, Security], int] = {
    # RFC 8314 7.3, RFC 6409 3.1, RFC 9051 2.1, RFC 1939 3.
    (Protocol.IMAP, Security.TLS): 993,
    (Protocol.IMAP, Security.STARTTLS): 143,
    (Protocol.IMAP, Security.PLAIN): 143,
    (Protocol.POP3, Security.TLS): 995,
    (Protocol.POP3, Security.STARTTLS): 110,
    (Protocol.POP3, Security.PLAIN): 110,
    (Protocol.SMTP, Security.TLS): 465,
    (Protocol.SMTP, Security.STARTTLS): 587,
    (Protocol.SMTP, Security.PLAIN): 587,
}
"""The port that a protocol has where nobody says another."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server of an account. `user`: the name to sign in with. `url`: of a JMAP server, "" for the others, whose
    `host` and `port` count."""

    protocol: Protocol
    host: str
    port: int
    security: Security
    user: str
    url: str = ""

    def __post_init__(self) -> None:
        if self.security is Security.PLAIN and not on_this_machine(self.host):
            raise Usage(
                "insecure_account",
                _("{host} would be spoken to without encryption, and that is done on this machine only.").format(
                    host=self.host
                ),
                _("Use TLS (--security tls), or STARTTLS where the provider has nothing else."),
            )


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """How to get a token: the client id that the person has from their provider (`secret` only where the provider
    insists), its two addresses, and what is asked for. RFC 6749 2.2 and 3, RFC 8252."""

    client_id: str
    authorize_url: str
    token_url: str
    scope: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class MailAccount:
    """One address at a provider. `incoming` or `outgoing` may be None: an account may only send, or only receive; a
    JMAP server is both. `ca`: PEM text of a private authority, which alone is trusted then; None for the well-known
    ones. `folder`: a folder of our own at the server for what was taken in, "" to leave everything where it lies.
    `strangers`: whether unsealed first letters of people one does not know may wait at the door."""

    address: Address
    incoming: Server | None
    outgoing: Server | None
    sign_in: SignIn = SignIn.PASSWORD
    ca: str | None = None
    oauth: OAuthClient | None = None
    folder: str = ""
    strangers: bool = True

    def details(self) -> dict[str, str]:
        """As the drawer keeps it beside the secret."""
        kept: dict[str, str] = {"sign_in": self.sign_in.value, "folder": self.folder}
        kept["strangers"] = "yes" if self.strangers else "no"
        if self.ca is not None:
            kept["ca"] = self.ca
        for name, server in (("incoming", self.incoming), ("outgoing", self.outgoing)):
            if server is not None:
                kept[name] = json.dumps(_flat(server))
        if self.oauth is not None:
            kept["oauth"] = json.dumps(_flat(self.oauth))
        return kept

    @classmethod
    def of_details(cls, address: Address, kept: Mapping[str, str]) -> MailAccount:
        """What `details` made."""
        oauth = kept.get("oauth")
        return cls(
            address=address,
            incoming=_server(kept.get("incoming")),
            outgoing=_server(kept.get("outgoing")),
            sign_in=SignIn(kept["sign_in"]),
            ca=kept.get("ca"),
            oauth=OAuthClient(**json.loads(oauth)) if oauth else None,
            folder=kept.get("folder", ""),
            strangers=kept.get("strangers") != "no",
        )


def on_this_machine(host: str) -> bool:
    """Whether a host name or IP address is this machine's loopback."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _flat(value: Server | OAuthClient) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _server(text: str | None) -> Server | None:
    if not text:
        return None
    kept = json.loads(text)
    protocol, security = Protocol(kept.pop("protocol")), Security(kept.pop("security"))
    return Server(protocol=protocol, security=security, **kept)
