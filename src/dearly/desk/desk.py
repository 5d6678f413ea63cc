"""The Desk: one person's open drawer, and everything that the verbs need to act on it.

A Desk is a value that is passed in. The verbs are the functions of this room; each stands in a module of its own and
takes the desk as its first argument. `assemble` makes desks; nothing else does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dearly.desk.long_work import LongWork
from dearly.letter.errors import DearlyError
from dearly.letter.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from dearly.desk.ways import Ways
    from dearly.drawer.drawer import Drawer
    from dearly.letter.clock import Chance, Clock
    from dearly.opener.keyholder import Keyholder
    from dearly.opener.pool import Opener


@dataclass(slots=True)
class Desk:
    """One person's desk. `drawer` is open for as long as the desk is.

    `make_opener`, `make_keyholder`: called when they are first needed. Most commands read nothing foreign and seal
    nothing: they need not even import what speaks to the children. `outside`: a folder of this machine outside the
    drawer, where the chain's head is kept a second time (F20). `turn`: held by whoever hands over or collects, so that
    two rounds never overlap."""

    drawer: Drawer
    make_opener: Callable[[], Opener]
    make_keyholder: Callable[[Drawer], Keyholder]
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
    _opener: Opener | None = field(default=None, init=False, repr=False)
    _keyholder: Keyholder | None = field(default=None, init=False, repr=False)
    _closed: bool = field(default=False, init=False, repr=False)

    @property
    def opener(self) -> Opener:
        """What reads foreign bytes for us, made when it is first asked for."""
        if self._opener is None:
            self._must_be_open()
            self._opener = self.make_opener()
        return self._opener

    @property
    def keyholder(self) -> Keyholder:
        """What seals and opens with our key, made when it is first asked for."""
        if self._keyholder is None:
            self._must_be_open()
            self._keyholder = self.make_keyholder(self.drawer)
        return self._keyholder

    def _must_be_open(self) -> None:
        if self._closed:
            raise DearlyError("opener_closed", _("The desk is closing."))

    async def close(self) -> None:
        """End what is going on and the children, let go of the carriers, close the drawer. The keys are forgotten."""
        async with AsyncExitStack() as stack:  # the last one first
            stack.push_async_callback(self.drawer.close)
            stack.push_async_callback(self.ways.close)
            stack.push_async_callback(self._close_children)
            stack.push_async_callback(self.work.close)

    async def _close_children(self) -> None:
        self._closed = True
        async with AsyncExitStack() as stack:
            for part in (self._opener, self._keyholder):
                if part is not None:
                    stack.push_async_callback(part.close)


def keyholder_of(drawer: Drawer) -> Keyholder:
    """The keyholder for the keys in this drawer; it asks for the secrets at each of its starts."""
    from dearly.drawer import keyring
    from dearly.opener.keyholder import Keyholder

    async def own() -> bytes:
        return await drawer.read(keyring.ring)

    return Keyholder(own)
