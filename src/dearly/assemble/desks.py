"""Making a desk out of a drawer: opening, waking, closing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dearly.assemble.machine import CHANCE, CLOCK, office_folder, state_folder
from dearly.assemble.ways import MachineWays
from dearly.desk import waking
from dearly.desk.desk import Desk, keyholder_of
from dearly.drawer.drawer import Drawer
from dearly.drawer.folder import DATABASE
from dearly.letter.errors import NotFound
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.opener.pool import Opener

Secret = Callable[[], str]


@asynccontextmanager
async def open_desk(folder: Path, secret: Secret) -> AsyncIterator[Desk]:
    """The desk on an existing drawer, while the block runs. `secret` is asked only where there is a drawer.

    Raises `NotFound` (no_drawer), and as `Drawer.open` does."""
    if not (folder / DATABASE).exists():
        raise NotFound(
            "no_drawer",
            _("There is no drawer in {folder}.").format(folder=folder),
            _("“dearly setup” makes one; --drawer names another place."),
        )
    drawer = await Drawer.open(folder, secret(), clock=CLOCK, chance=CHANCE, state=state_folder())
    async with _desk(drawer) as desk:
        yield desk


@asynccontextmanager
async def create_desk(folder: Path, secret: Secret) -> AsyncIterator[Desk]:
    """A desk on a new drawer; on the one that is there, when a set-up is continued or an office is joined later."""
    if (folder / DATABASE).exists():
        async with open_desk(folder, secret) as desk:
            yield desk
        return
    drawer = await Drawer.create(folder, secret(), clock=CLOCK, chance=CHANCE, state=state_folder())
    async with _desk(drawer) as desk:
        yield desk


@asynccontextmanager
async def _desk(drawer: Drawer) -> AsyncIterator[Desk]:
    desk = Desk(drawer, _opener, keyholder_of, MachineWays(office_folder()), CLOCK, CHANCE, state_folder())
    try:
        await waking.wake(desk)
        yield desk
    finally:
        await desk.close()


def _opener() -> Opener:
    from dearly.opener.pool import Opener

    return Opener()
