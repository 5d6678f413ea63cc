"""Where an archive is that somebody wants to take in: on this machine, handed over by the browser, or at a provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dearly.desk import importing
from dearly.desk.desk import Desk
from dearly.desk.importing import Archive, Handed, Lent
from dearly.web import paths


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A path on this machine."""

    path: Path

    @property
    def shown(self) -> str:
        """As a person writes it."""
        return paths.shown(self.path)

    @asynccontextmanager
    async def opened(self, _desk: Desk, wanted: str = "auto") -> AsyncIterator[Archive]:
        """The archive. Raises `NotFound` (no_archive), `Usage` (not_an_archive)."""
        yield await asyncio.to_thread(importing.open_archive, self.path, wanted)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """Files that the browser handed over. They are there for as long as somebody knows this."""

    archive: Handed = field(repr=False)

    @property
    def shown(self) -> str:
        """The name of the file, or of the first."""
        return self.archive.place

    @asynccontextmanager
    async def opened(self, _desk: Desk, wanted: str = "auto") -> AsyncIterator[Archive]:
        """The archive."""
        yield self.archive.as_one_letter() if wanted == "scan" else self.archive


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A folder of a mail account: one of this desk, or one that is lent."""

    whose: str | Lent
    folder: str

    @property
    def address(self) -> str:
        """Of the account."""
        return self.whose if isinstance(self.whose, str) else str(self.whose.account.address)

    @property
    def shown(self) -> str:
        """Account and folder."""
        return f"{self.address}/{self.folder}"

    @asynccontextmanager
    async def opened(self, desk: Desk, _wanted: str = "auto") -> AsyncIterator[Archive]:
        """The archive. Raises as `desk.importing_folder.leafing`."""
        async with importing.lent_folder(desk, self.whose, self.folder) as folder:
            yield folder


Source = OnDisk | HandedOver | Mailbox
