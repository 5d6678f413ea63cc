"""The Desk: one person's open drawer, and everything that the verbs need to act on it.

A Desk is a value that is passed in. The verbs are the functions of this room; each stands in a module of its own and
takes the desk as its first argument. `assemble` makes desks; nothing else does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dearly.carriers.base import Collects, Credentials, Posts, Sieve
from dearly.desk.long_work import LongWork
from dearly.drawer import keyring
from dearly.drawer.drawer import Drawer
from dearly.letter.account import MailAccount, OAuthClient, Server
from dearly.letter.address import Address
from dearly.letter.clock import Chance, Clock
from dearly.letter.suggestion import Settings, Suggestion
from dearly.opener.keyholder import Keyholder
from dearly.opener.pool import Opener

if TYPE_CHECKING:
    from dearly.carriers.base import Check


class Office(Posts, Collects, Protocol):
    """A carrier that both takes and brings."""


LOCAL = "local:"
"""The url of the office that the desks of this machine share; its port is looked up each time."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What an office gave in exchange for an invitation. `token` is a secret: it goes into the drawer and nowhere else.
    `ca`: PEM text of a private certificate authority, or None."""

    url: str
    address: Address
    token: str = field(repr=False)
    ca: str | None = None


class Tokens(Protocol):
    """What signing in at a provider gave (RFC 6749 5.1). Secrets."""

    @property
    def access(self) -> str:
        """What its servers take."""

    @property
    def lasts(self) -> int:
        """For how many seconds from now."""

    @property
    def refresh(self) -> str:
        """What new ones are got with; "" where there is nothing but signing in again."""


class NewBox(Protocol):
    """A mail account that a relay made. `password` is a secret."""

    @property
    def address(self) -> Address:
        """Its address, made up by the relay."""

    @property
    def password(self) -> str:
        """Its password, made up by us."""

    @property
    def incoming(self) -> Server:
        """Where letters come in."""

    @property
    def outgoing(self) -> Server:
        """Where letters go out."""


class Ways(Protocol):
    """Where carriers come from. `assemble` has the implementation that reaches a network."""

    async def office(self, joined: Joined) -> Office:
        """The carrier for an account at an office, kept for the life of the desk. Raises `CarrierTrouble`."""

    async def mail(self, account: MailAccount, credentials: Credentials, sieve: Sieve) -> Office:
        """The carrier for a mail account, kept for the life of the desk or until the account is given otherwise.
        Raises `CarrierTrouble`, `Usage`."""

    async def forget(self, address: Address) -> None:
        """Let go of the carrier of this mail account, and of every line that is signed in: the account is given up, or
        otherwise now. Harmless where there is none."""

    async def try_out(self, account: MailAccount, credentials: Credentials) -> Sequence[Check]:
        """Speak to the servers of an account, and say of each in words what works and what does not. Nothing is
        fetched, sent or kept. Raises `Usage` (bad_ca_file)."""

    async def discover(
        self, address: Address, read: Callable[[bytes], Awaitable[Settings]], *, directory: bool = True
    ) -> Sequence[Suggestion]:
        """How an address could be set up, best first; empty where nobody knows. `read`: what reads a provider's
        document, which is foreign; `directory`: whether the public directory of providers may be asked."""

    async def sign_up(self, url: str, ca: str | None) -> NewBox:
        """A new account at a relay. Raises `CarrierTrouble`, `Usage`."""

    async def authorize(self, client: OAuthClient, show: Callable[[str], None], user: str, ca: str | None) -> Tokens:
        """Let the person sign in at their provider: `show` is called once with the address that their browser is to
        open, and this returns when they have. Raises `CarrierTrouble`, `Usage` (bad_oauth_client)."""

    async def refresh(self, client: OAuthClient, token: str, ca: str | None) -> Tokens:
        """New tokens. Raises `CarrierTrouble` (sign_in_again where the person has to)."""

    def new_token(self) -> str:
        """A token to become a member with, made and kept before joining, so that joining can be repeated (F05)."""

    async def join(self, url: str, invitation: str, token: str, ca: str | None) -> Joined:
        """Become a member of an office. Raises `CarrierTrouble`, after which the same may be tried again, and `Refused`
        for an invitation that was used with another token, or has expired."""

    async def invite_local(self, name: str) -> str:
        """An invitation into the office that the desks of this machine share, which is opened where there is none."""

    def hand_out(self, target: Path) -> Posts:
        """Write sealed letters to this file."""

    def hand_in(self, source: Path | bytes) -> Collects:
        """Read the sealed letter in this file, or in these bytes of one."""

    async def close(self) -> None:
        """Let go of all of them."""


@dataclass(slots=True)
class Desk:
    """One person's desk. `drawer` is open for as long as the desk is.

    `outside`: a folder of this machine outside the drawer, where the chain's head is kept a second time (F20).
    `turn`: held by whoever hands over or collects, so that two rounds never overlap."""

    drawer: Drawer
    opener: Opener
    keyholder: Keyholder
    ways: Ways
    clock: Clock
    chance: Chance
    outside: Path
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    posting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a letter is numbered, sealed and posted, so that two never get the same number."""
    renewing: dict[str, asyncio.Lock] = field(default_factory=dict)
    """By account, held while its token is renewed (`desk.credentials`)."""
    notices: list[str] = field(default_factory=list)
    """What the person should be told at the next chance, in sentences; whoever tells it empties the list."""
    work: LongWork = field(default_factory=LongWork)
    """What takes minutes, one at a time: taking in an archive, copying everything out."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the person locks the desk: the process that holds the drawer then ends."""

    async def close(self) -> None:
        """End what is going on and the children, let go of the carriers, close the drawer. The keys are forgotten."""
        async with AsyncExitStack() as stack:
            for part in (self.drawer, self.ways, self.opener, self.keyholder):  # the last one first
                stack.push_async_callback(part.close)
            stack.push_async_callback(self.work.stop)


def keyholder_of(drawer: Drawer) -> Keyholder:
    """The keyholder for the keys in this drawer; it asks for the secrets at each of its starts."""

    async def own() -> bytes:
        return await drawer.read(keyring.ring)

    return Keyholder(own)
