"""Where carriers come from: what the verbs ask of whoever reaches a network, and what that gives them.

`assemble` has the implementation; the desk knows no concrete carrier.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dearly.carriers.base import Collects, Posts

if TYPE_CHECKING:
    from dearly.carriers.base import Check, Credentials, Sieve
    from dearly.letter.account import MailAccount, OAuthClient, Server
    from dearly.letter.address import Address
    from dearly.letter.suggestion import Settings, Suggestion


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
