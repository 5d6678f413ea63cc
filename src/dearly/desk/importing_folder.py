"""A folder of a mail account as an archive: leafed through on the server, and left there as it is."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import cast

from dearly.carriers.base import Leafs
from dearly.desk.desk import Desk
from dearly.exchange.archive import Found, Hints, Item, PassedOver
from dearly.exchange.roles import role_of
from dearly.letter.address import clean
from dearly.letter.errors import Usage
from dearly.letter.words import _


class MailFolder:
    """As `exchange.archive.Archive`, but asked for stacks instead of one thing after the other."""

    format = "imap"

    def __init__(self, way: Leafs, address: str, folder: str) -> None:
        self._way, self._folder = way, folder
        self.place = clean(f"{address}/{folder}")
        self.source = hashlib.sha256(f"imap\0{address}\0{folder}".encode()).digest()

    def size(self) -> int | None:
        """Not known before one is there."""
        return None

    def items(self, cursor: str = "") -> Iterator[Found]:
        """Never gives any: see `stacks`."""
        raise NotImplementedError(cursor)

    async def stacks(self, cursor: str) -> AsyncGenerator[Sequence[Found], None]:
        """Everything behind `cursor`. Raises `CarrierTrouble`."""
        hints = Hints(self.place, self._folder, role_of([self._folder.replace(".", "/").rpartition("/")[2]]))
        while (leaf := await self._way.leaf(self._folder, cursor)).messages:
            cursor = leaf.cursor
            yield [
                PassedOver("vanished", _("The server did not give it."), self.place, cursor, leaf.done)
                if data is None
                else Item(data, cursor, leaf.done, hints)
                for data in leaf.messages
            ]


async def mail_folder(desk: Desk, address: str, folder: str) -> MailFolder:
    """The folder of an account of ours. Raises `NotFound` (unknown_account), `Usage` (no_folders), `CarrierTrouble`."""
    from dearly.desk import account

    kept = await desk.drawer.read(lambda db: account.named(db, address))
    way = await account.carrier(desk, kept)
    if not hasattr(way, "leaf"):
        raise Usage(
            "no_folders",
            _("The account {address} has no folders that can be looked into.").format(address=kept.place),
            _("Only mailboxes by IMAP have folders."),
        )
    return MailFolder(cast(Leafs, way), str(kept.address), folder)
