"""Chatmail relays: an account for the asking, and nothing but sealed mail through it.

What a relay lets out of an account, and in from elsewhere (chatmail/filtermail, seen at versions 0.2 to 0.5; else
`523 Encryption Needed`). Our sealed letters are so by construction (`mime.pgpmime`, `seal.armor`), and
tests/unit/carriers/mail/test_relay.py holds them against these rules:

- multipart/encrypted at the root, with exactly two parts, neither of them a multipart;
- the first application/pgp-encrypted, its body `Version: 1` and nothing else;
- the second application/octet-stream, not encoded, beginning with `-----BEGIN PGP MESSAGE-----` CRLF and ending with
  the other line; out of an account no armor header (`Version:`, `Comment:`) after the first line;
- the armor with its checksum line: the filter cuts at the last "=" whatever it is, so that without a checksum it cuts
  into the base64 padding, and refuses two letters of three;
- inside only packets of the new format: session keys (PKESK, SKESK), and then one SEIPD up to the end;
- From with one address: the envelope's sender, which is who signed in.

A relay carries at most 60 letters a minute from one account (it says 450 beyond that, which is tried again later), and
30 MiB each. It lets go of them after 20 days, of large ones after 7, and of unused accounts after 90: it is a post
office and no archive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dearly.carriers.base import said
from dearly.carriers.mail.https import Answer, Silent, ask, json_object
from dearly.letter.account import PORTS, Protocol, Security, Server, on_this_machine
from dearly.letter.address import Address
from dearly.letter.errors import CarrierTrouble, Usage
from dearly.letter.suggestion import host_name, within
from dearly.letter.words import _

if TYPE_CHECKING:
    import httpx

SECONDS = 30.0

_QR = "dcaccount:"
_NEW = "/new"
_LONGEST_PASSWORD = 200


@dataclass(frozen=True, slots=True)
class RelayAccount:
    """What a relay gave. The account comes to be when somebody first signs in with it."""

    address: Address
    password: str = field(repr=False)
    incoming: Server
    outgoing: Server


async def sign_up(
    url: str, ca: str | None = None, *, transport: httpx.AsyncBaseTransport | None = None
) -> RelayAccount:
    """A new account of the relay at `url`: https://DOMAIN, https://DOMAIN/new, DOMAIN, or what a QR code of a relay
    says (dcaccount:https://DOMAIN/new, dcaccount:DOMAIN). `ca`: PEM of a private authority. `transport`: of a test.

    The servers are those of every relay, at its domain: IMAP 993 and SMTP 465, TLS from the first byte. A relay with
    others says so where `discover.look_up` looks.

    Raises `Usage` (bad_relay, insecure_relay, bad_ca_file), `CarrierTrouble` (relay_silent, relay_refused,
    relay_nonsense)."""
    asked = _meant(url)
    host = urlsplit(asked).hostname or ""
    try:
        answer = await ask(
            "POST", asked, seconds=SECONDS, accept="application/json", ca=ca, transport=transport, form={}
        )
    except Silent as silent:
        raise CarrierTrouble("relay_silent", silent.why, retry=not silent.untrusted) from None
    if answer.status != 200:
        raise CarrierTrouble(
            "relay_refused",
            _("{relay} gave no account (status {status}).").format(relay=said(host), status=answer.status),
            _("Look whether the address is that of a chatmail relay, or try another one."),
            retry=answer.status >= 500 or answer.status == 429,
        )
    return _account(answer, host)


def _account(answer: Answer, host: str) -> RelayAccount:
    given = json_object(answer.body)
    email, password = given.get("email"), given.get("password")
    try:
        address = Address.parse(email if isinstance(email, str) else "")
    except Usage:
        raise _nonsense(host) from None
    # A relay that gives addresses of somebody else's domain would have us sign in there with what it chose.
    at_home = within(host, address.domain) or on_this_machine(host)
    if not at_home or host_name(address.domain) is None or not _is_password(password):
        raise _nonsense(host)
    servers = (
        Server(protocol, address.domain, PORTS[protocol, Security.TLS], Security.TLS, str(address))
        for protocol in (Protocol.IMAP, Protocol.SMTP)
    )
    return RelayAccount(address, str(password), *servers)


def _is_password(value: object) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_PASSWORD:
        return False
    return value.isascii() and value.isprintable() and " " not in value


def _nonsense(host: str) -> CarrierTrouble:
    return CarrierTrouble(
        "relay_nonsense",
        _("{relay} answered with something that is no account.").format(relay=said(host)),
        _("Look whether the address is that of a chatmail relay."),
    )


def _meant(text: str) -> str:
    """The address to post to. Raises `Usage` (bad_relay, insecure_relay)."""
    url = text.strip()
    if url[: len(_QR)].lower() == _QR:
        url = url[len(_QR) :].removeprefix("//")
    if "://" not in url:
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _bad_relay(text) from None
    near = on_this_machine(host)
    named = host_name(host) is not None and not host.rpartition(".")[2].isdecimal()
    if not (near or named) or "@" in parts.netloc or parts.query or parts.fragment or parts.path not in ("", "/", _NEW):
        raise _bad_relay(text)
    if parts.scheme == "http" and not near:
        raise Usage(
            "insecure_relay",
            _("{host} is asked for without encryption (http), and that is done on this machine only.").format(
                host=said(host)
            ),
            _("Use an address that begins with https."),
        )
    if parts.scheme not in ("http", "https"):
        raise _bad_relay(text)
    at = host_name(host) or host
    return f"{parts.scheme}://{at}{f':{port}' if port else ''}{_NEW}"


def _bad_relay(text: str) -> Usage:
    return Usage(
        "bad_relay",
        _("“{url}” is not the address of a chatmail relay.").format(url=said(text.rpartition("@")[2])[:80]),
        _("It looks like https://relay.example.org"),
    )
