"""Mail accounts: finding how a provider is spoken to, trying it, keeping it, and giving it up.

A mail account is one address of ours at a provider (`letter.account.MailAccount`). Its settings and its secret lie in
the drawer; the carrier asks for the secret each time it opens a line (`desk.credentials`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dearly.desk import own_key, settings
from dearly.desk.credentials import Given, OfDrawer, as_kept
from dearly.desk.desk import Desk
from dearly.desk.sieve import sieve_for
from dearly.desk.ways import Office
from dearly.drawer import accounts, arrivals, outbox
from dearly.drawer.connection import Db
from dearly.letter.account import PORTS, MailAccount, Protocol, Security, Server, SignIn
from dearly.letter.address import Address, clean, header_safe
from dearly.letter.envelope import Way, usual_way
from dearly.letter.errors import NotFound, Refused, Usage
from dearly.letter.failpoint import reach
from dearly.letter.journey import LEAVES, State
from dearly.letter.journey import Why as HeldWhy
from dearly.letter.suggestion import Suggestion
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.carriers.base import Check


@dataclass(frozen=True, slots=True)
class AccountView:
    """A mail account as it is shown: never with its secret. `incoming` and `outgoing`: protocol, host:port (or URL) and
    security, "" where there is none. `spoken`: when it last answered, None when it never has; `waiting`: numbers of the
    letters that are to leave by it."""

    uid: str
    address: str
    incoming: str
    outgoing: str
    user: str
    sign_in: str
    folder: str
    strangers: bool
    made: datetime
    spoken: datetime | None
    waiting: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """What came of removing an account. `held`: numbers of letters that were to leave by it and are kept here now;
    `left`: the address is no longer ours."""

    address: str
    held: tuple[int, ...]
    left: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """An account tried. `fine`: everything that was asked works."""

    address: str
    fine: bool
    checks: tuple[Check, ...]


async def find(desk: Desk, address: str, *, directory: bool = True) -> list[Suggestion]:
    """How this address could be set up, best first; nothing is kept or signed in to. Empty where nobody knows.

    `directory`: whether the public directory may be told the address's domain. Raises `Usage` (bad_address,
    not_a_mail_address)."""
    return list(await desk.ways.discover(mail_address(address), desk.opener.read_settings, directory=directory))


async def try_out(desk: Desk, account: MailAccount, secret: str) -> Checked:
    """Whether an account works, before it is kept. `secret`: as `add` takes it. Raises `Usage`."""
    secret = secret or _secret_until_now(await _kept(desk, account), account)
    _can_be_meant(account, secret)
    return _checked(account, await desk.ways.try_out(account, Given(account, secret)))


async def add(desk: Desk, account: MailAccount, secret: str) -> AccountView:
    """Keep an account; its address becomes ours, and our key speaks for it. One that is there already is changed.

    `secret`: the password, or what `sign_in` gave; "" keeps the one that there is, where it goes to the same servers as
    before. Raises `Usage` (no_server, no_secret, bad_password, not_a_mail_address, bad_text)."""
    _can_be_meant(account, secret or _secret_until_now(await _kept(desk, account), account))
    now = desk.clock.now()

    def work(db: Db) -> str:
        before = _before(db, account)
        place = before.place if before is not None else _as_ours(db, account.address)
        # Asked anew: a round that was waited for may have renewed a token, and the one before it is good no more.
        worth = secret or _secret_until_now(before, account)
        _can_be_meant(account, worth)
        if before is not None and settings_of(before).incoming != account.incoming:
            arrivals.save_cursor(db, Way.MAIL, place, "", now)  # what it said was said to another mailbox
        accounts.add(db, Way.MAIL, place, account.address, account.details(), worth, now=now, chance=desk.chance)
        own_key.note_address(db)
        reach("account.before-commit")
        return place

    # Not beside a round, which may be collecting by the account as it was.
    async with desk.turn:
        place = await desk.drawer.write(work)
        reach("account.after-commit")
        await desk.ways.forget(account.address)
    await own_key.complete(desk)
    return (await show(desk, place))[0]


async def _kept(desk: Desk, account: MailAccount) -> accounts.Account | None:
    return await desk.drawer.read(lambda db: _before(db, account))


def _before(db: Db, account: MailAccount) -> accounts.Account | None:
    """The account of this address as it is kept, however the address is written now."""
    every = (one for one in accounts.list_all(db) if one.way is Way.MAIL)
    return next((one for one in every if one.address.same(account.address)), None)


def _as_ours(db: Db, address: Address) -> str:
    """The address as it was written when it became ours: an account's place is called like its carrier's."""
    return str(next((one for one in accounts.own_addresses(db, left=True) if one.same(address)), address))


def _secret_until_now(kept: accounts.Account | None, account: MailAccount) -> str:
    """The secret of an account that is here already, where it serves the same way of signing in and goes nowhere that
    it did not go before; else "". A host is told a password that was meant for another one by no mistake of ours."""
    if kept is None:
        return ""
    before = settings_of(kept)
    same = (before.sign_in, before.oauth) == (account.sign_in, account.oauth)
    return kept.secret if same and _hosts(account) <= _hosts(before) else ""


def _hosts(account: MailAccount) -> set[str]:
    servers = [one for one in (account.incoming, account.outgoing) if one is not None]
    return {name for one in servers for name in (one.host.lower(), urlsplit(one.url).hostname) if name}


async def add_relay(desk: Desk, url: str, ca: str | None = None) -> AccountView:
    """Have a relay make an account, and keep it. Raises `CarrierTrouble`, `Usage` (bad_relay, insecure_relay)."""
    box = await desk.ways.sign_up(url, ca)
    return await add(desk, MailAccount(box.address, box.incoming, box.outgoing, ca=ca), box.password)


async def sign_in(desk: Desk, account: MailAccount, show: Callable[[str], None]) -> str:
    """Let the person sign in at their provider, in a browser (OAuth 2); the secret to `add` with. `show` is told the
    address to open. Raises `CarrierTrouble`, `Usage` (bad_oauth_client)."""
    if account.oauth is None:
        raise Usage(
            "bad_oauth_client",
            _("Signing in at the provider needs a client id, and there is none."),
            _("Your provider gives one out where it says how other programs sign in (--oauth-client-id)."),
        )
    server = account.incoming or account.outgoing
    if server is None:
        raise _nowhere(account)
    tokens = await desk.ways.authorize(account.oauth, show, server.user, account.ca)
    return as_kept(tokens, desk.clock.now())


async def list_all(desk: Desk) -> list[AccountView]:
    """The mail accounts, oldest first."""

    def work(db: Db) -> list[AccountView]:
        return [_view(db, one) for one in accounts.list_all(db) if one.way is Way.MAIL]

    return await desk.drawer.read(work)


async def show(desk: Desk, address: str) -> tuple[AccountView, MailAccount]:
    """One account, and its settings. Raises `NotFound` (unknown_account)."""

    def work(db: Db) -> tuple[AccountView, MailAccount]:
        kept = named(db, address)
        return _view(db, kept), settings_of(kept)

    return await desk.drawer.read(work)


async def check(desk: Desk, address: str) -> Checked:
    """Speak to the servers of an account that is kept. Raises `NotFound` (unknown_account)."""
    kept = await desk.drawer.read(lambda db: named(db, address))
    account = settings_of(kept)
    checked = _checked(account, await desk.ways.try_out(account, OfDrawer(desk, kept.place)))
    if checked.fine:
        now = desk.clock.now()
        await desk.drawer.write(lambda db: settings.note_spoken(db, kept.uid, now))
    return checked


async def remove(desk: Desk, address: str, *, leave: bool = False) -> Removed:
    """Give an account up: its secret is erased here, and nothing changes at the provider. Letters that were to leave
    by it are held. `leave`: the address is no longer ours either, and our key says so.

    Raises `NotFound` (unknown_account), `Refused` (last_address)."""
    now = desk.clock.now()
    place = (await desk.drawer.read(lambda db: named(db, address))).place

    def work(db: Db) -> tuple[Address, list[int]]:
        kept = named(db, place)
        if leave and len(accounts.own_addresses(db)) == 1:
            raise Refused(
                "last_address",
                _("{address} is your only address, so it cannot be given up.").format(address=kept.address),
                _("Add another way first, or remove the account and keep the address."),
            )
        held = []
        for number in accounts.leaving_by(db, Way.MAIL, place):
            for travel in outbox.travels(db, number):
                if (travel.way, travel.place) == (Way.MAIL, place) and travel.journey.state in _TO_LEAVE:
                    held += outbox.hold(db, number, HeldWhy.NO_WAY, now, travel.journey.recipient)
        accounts.end(db, Way.MAIL, place, now)
        return kept.address, list(dict.fromkeys(travel.number for travel in held))

    # Not beside a round, which may be handing over by it at this moment.
    async with desk.turn:
        ours, held = await desk.drawer.write(work)
        await desk.ways.forget(ours)
    if leave:
        await own_key.leave_address(desk, ours)
    return Removed(place, tuple(held), leave)


_TO_LEAVE = LEAVES | {State.DATED}


async def carrier(desk: Desk, kept: accounts.Account) -> Office:
    """The carrier of an account that is kept. Raises `CarrierTrouble`, `Usage`."""
    account = settings_of(kept)
    return await desk.ways.mail(account, OfDrawer(desk, kept.place), sieve_for(desk, account))


def settings_of(kept: accounts.Account) -> MailAccount:
    """The settings of an account as the drawer keeps it."""
    return MailAccount.of_details(kept.address, kept.details)


def named(db: Db, address: str) -> accounts.Account:
    """The account of this address. Raises `NotFound` (unknown_account)."""
    asked = Address.parse(address)
    for kept in accounts.list_all(db):
        if kept.way is Way.MAIL and kept.address.same(asked):
            return kept
    raise NotFound(
        "unknown_account",
        _("There is no mail account {address} at this desk.").format(address=asked),
        _("“dearly account list” shows those that there are."),
    )


def mail_address(text: str) -> Address:
    """An address that mail can go to. Raises `Usage` (bad_address, not_a_mail_address)."""
    address = Address.parse(text)
    if usual_way(address) is not Way.MAIL:
        raise Usage(
            "not_a_mail_address",
            _("{address} is an address at an office or of a desk, and no e-mail address.").format(address=address),
            _("Give the address that your mail provider gave you."),
        )
    return address


def stated(protocol: Protocol, text: str, security: Security | None, user: str) -> Server:
    """The server that somebody names: HOST, HOST:PORT or [IPv6]:PORT; of JMAP a URL or HOST. Where `security` is not
    said, the port tells it, and TLS is meant where it does not (RFC 8314 3).

    Raises `Usage` (bad_server, insecure_account)."""
    text = text.strip()
    if protocol is Protocol.JMAP:
        return _jmap(text, user)
    found = _HOST_AND_PORT.fullmatch(text)
    if found is None or not (found["name"] or found["six"]):
        raise _bad_server(text)
    if security is None:
        security = Security.STARTTLS if found["port"] in _STARTTLS else Security.TLS
    port = int(found["port"] or PORTS[protocol, security])
    if not 0 < port < 65536:
        raise _bad_server(text)
    return Server(protocol, found["six"] or found["name"].lower(), port, security, user)


_HOST_AND_PORT = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::(?P<port>\d{1,5}))?", re.ASCII
)
_STARTTLS = frozenset({"25", "110", "143", "587"})
"""Ports where a line begins in clear (RFC 8314 3.3)."""


def _jmap(text: str, user: str) -> Server:
    url = text if "://" in text else f"https://{text}/.well-known/jmap"  # RFC 8620 2.2
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _bad_server(text) from None
    if parts.scheme not in ("https", "http") or not host or parts.username or parts.query or parts.fragment:
        raise _bad_server(text)
    secure = parts.scheme == "https"
    security = Security.TLS if secure else Security.PLAIN
    return Server(Protocol.JMAP, host, port or (443 if secure else 80), security, user, url)


def _bad_server(text: str) -> Usage:
    return Usage(
        "bad_server",
        _("“{server}” is not the name of a server.").format(server=clean(text.rpartition("@")[2])[:80]),
        _("Write it as imap.example.org, or with a port: imap.example.org:993."),
    )


def server_said(server: Server | None) -> str:
    """A server in one line, the same in every language."""
    if server is None:
        return ""
    if server.protocol is Protocol.JMAP and server.url:
        return f"jmap {server.url}"
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{server.protocol.value} {host}:{server.port} {server.security.value}"


def _view(db: Db, kept: accounts.Account) -> AccountView:
    account = settings_of(kept)
    server = account.incoming or account.outgoing
    return AccountView(
        uid=kept.uid,
        address=str(kept.address),
        incoming=server_said(account.incoming),
        outgoing=server_said(account.outgoing),
        user=server.user if server else "",
        sign_in=account.sign_in.value,
        folder=account.folder,
        strangers=account.strangers,
        made=kept.made,
        spoken=settings.spoken_to(db, kept.uid),
        waiting=tuple(accounts.leaving_by(db, Way.MAIL, kept.place)),
    )


def _checked(account: MailAccount, checks: Sequence[Check]) -> Checked:
    return Checked(str(account.address), all(one.fine for one in checks), tuple(checks))


def _can_be_meant(account: MailAccount, secret: str) -> None:
    mail_address(str(account.address))
    if account.incoming is None and account.outgoing is None:
        raise _nowhere(account)
    for server in (account.incoming, account.outgoing):
        header_safe(server.user if server is not None else "", _("name"))
    header_safe(account.folder, _("folder"))
    if not secret:
        raise Usage(
            "no_secret",
            _("There is no password for {address}.").format(address=account.address),
            _("Many providers make one for a single program, and want that one here."),
        )
    if any(char in "\0\r\n" or "\ud800" <= char <= "\udfff" for char in secret):
        raise Usage(
            "bad_password",
            _("The name or password for {host} holds a character that cannot stand there.").format(
                host=account.address
            ),
            _("Copy it once more, in one line."),
        )
    if account.sign_in is SignIn.OAUTH:
        Given(account, secret)  # raises where it is no such secret


def _nowhere(account: MailAccount) -> Usage:
    return Usage(
        "no_server",
        _("No server is named for {address}.").format(address=account.address),
        _("Name one for letters that come (--imap, --pop or --jmap), and one for letters that go (--smtp)."),
    )
