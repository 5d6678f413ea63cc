"""A folder of a mail account as an archive: leafed through on the server, and left there as it is.

The account is one of this desk's, or one that is only lent for the time: then its password is in memory alone, and
nothing of it is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from dearly.carriers.base import Head, Judged, Leafs, Verdict
from dearly.desk.desk import Desk
from dearly.exchange.archive import Found, Hints, Item, PassedOver
from dearly.exchange.roles import role_of
from dearly.letter.account import MailAccount
from dearly.letter.address import Address, clean
from dearly.letter.errors import Refused, Usage
from dearly.letter.words import _


class MailFolder:
    """As `exchange.archive.Archive`, but asked for stacks instead of one thing after the other. `total`: messages
    in it, 0 until it was asked; `weight`: octets of what it gave until now, as the server states them."""

    format = "imap"

    def __init__(self, way: Leafs, address: str, folder: str) -> None:
        self._way, self._folder = way, folder
        self.place = clean(f"{address}/{folder}")
        self.source = hashlib.sha256(f"imap\0{address}\0{folder}".encode()).digest()
        self.total = self.weight = 0

    def size(self) -> int | None:
        """Not known before one is there."""
        return None

    def items(self, cursor: str = "") -> Iterator[Found]:
        """Never gives any: see `stacks`."""
        raise NotImplementedError(cursor)

    async def stacks(self, cursor: str, *, heads: bool = False) -> AsyncGenerator[Sequence[Found], None]:
        """Everything behind `cursor`; of each only its header with `heads`. Raises `CarrierTrouble`."""
        hints = Hints(self.place, self._folder, role_of([self._folder.replace(".", "/").rpartition("/")[2]]))
        while (leaf := await self._way.leaf(self._folder, cursor, heads=heads)).messages:
            cursor = leaf.cursor
            self.total, self.weight = leaf.total, self.weight + leaf.weight
            yield [
                PassedOver("vanished", _("The server did not give it."), self.place, cursor, leaf.done)
                if data is None
                else Item(data, cursor, leaf.done, hints)
                for data in leaf.messages
            ]


@dataclass(frozen=True, slots=True)
class Lent:
    """An account that is no account of this desk, with its password: for as long as one looks through it."""

    account: MailAccount
    password: str = field(repr=False)


@asynccontextmanager
async def leafing(desk: Desk, whose: str | Lent) -> AsyncIterator[tuple[Leafs, str]]:
    """The carrier of a mail account of ours, by its address, or of one that is lent; and its address.

    Raises `NotFound` (unknown_account), `Usage` (no_folders), `Refused` (account_here), `CarrierTrouble`."""
    from dearly.desk import account

    if isinstance(whose, str):
        kept = await desk.drawer.read(lambda db: account.named(db, whose))
        yield _with_folders(await account.carrier(desk, kept), kept.place), str(kept.address)
        return
    address = whose.account.address
    if any(Address.parse(one.address).same(address) for one in await account.list_all(desk)):
        raise Refused(
            "account_here",
            _("{address} is an account of this desk.").format(address=address),
            _("Choose it among your accounts."),
        )
    way = await desk.ways.mail(whose.account, _Lending(whose.password), _leave_all)
    try:
        yield _with_folders(way, str(address)), str(address)
    finally:
        await desk.ways.forget(address)


async def shelves(desk: Desk, whose: str | Lent) -> list[str]:
    """The folders of an account, as its server names them. Raises as `leafing`."""
    async with leafing(desk, whose) as (way, _address):
        return [name for name in await way.shelves() if name == clean(name)]


@asynccontextmanager
async def lent_folder(desk: Desk, whose: str | Lent, folder: str) -> AsyncIterator[MailFolder]:
    """The folder of an account, for as long as it is leafed through. Raises as `leafing`."""
    async with leafing(desk, whose) as (way, address):
        yield MailFolder(way, address, folder)


async def mail_folder(desk: Desk, address: str, folder: str) -> MailFolder:
    """The folder of an account of ours. Raises `NotFound` (unknown_account), `Usage` (no_folders), `CarrierTrouble`."""
    async with lent_folder(desk, address, folder) as found:
        return found


def _with_folders(way: object, place: str) -> Leafs:
    if not hasattr(way, "leaf"):
        raise Usage(
            "no_folders",
            _("The account {address} has no folders that can be looked into.").format(address=place),
            _("Only mailboxes by IMAP have folders."),
        )
    return cast(Leafs, way)


class _Lending:
    """What is signed in with at an account that is lent."""

    def __init__(self, password: str) -> None:
        self._password = password

    async def password(self) -> str:
        return self._password

    async def refused(self) -> None:
        """There is no other."""


async def _leave_all(heads: Sequence[Head]) -> Sequence[Judged]:
    """Nothing is collected from it."""
    return [Verdict.LEAVE] * len(heads)
