"""The Desk: one person's open drawer, and everything that the verbs need to act on it.

A Desk is a value that is passed in. The verbs are the functions of this room; each stands in a module of its own and
takes the desk as its first argument. `assemble` makes desks; nothing else does.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dearly.carriers.base import Collects, Posts
from dearly.drawer import keyring
from dearly.drawer.drawer import Drawer
from dearly.letter.address import Address
from dearly.letter.clock import Chance, Clock
from dearly.opener.keyholder import Keyholder
from dearly.opener.pool import Opener


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


class Ways(Protocol):
    """Where carriers come from. `assemble` has the implementation that reaches a network."""

    async def office(self, joined: Joined) -> Office:
        """The carrier for an account at an office, kept for the life of the desk. Raises `CarrierTrouble`."""

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
    notices: list[str] = field(default_factory=list)
    """What the person should be told at the next chance, in sentences; whoever tells it empties the list."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the person locks the desk: the process that holds the drawer then ends."""

    async def close(self) -> None:
        """End the children, let go of the carriers, close the drawer. The keys are forgotten."""
        async with AsyncExitStack() as stack:
            for part in (self.drawer, self.ways, self.opener, self.keyholder):  # the last one first
                stack.push_async_callback(part.close)


def keyholder_of(drawer: Drawer) -> Keyholder:
    """The keyholder for the key in this drawer; it asks for the secret at each of its starts."""

    async def own() -> bytes:
        return (await drawer.read(keyring.own_key)).secret

    return Keyholder(own)
