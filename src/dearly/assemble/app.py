"""The factories that the faces are given."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from dearly.assemble import desks, offices, owner
from dearly.desk.app import App, Progress
from dearly.door.place import default_drawer
from dearly.drawer import change, kit, restore
from dearly.letter.words import _

Secret = Callable[[], str]


def app() -> App:
    """For a process that runs one command and ends."""
    return App(
        folder=Path(default_drawer(os.environ)),
        open_desk=desks.open_desk,
        create_desk=desks.create_desk,
        restore=_restore,
        verify=_verify,
        restore_with_kit=_restore_with_kit,
        renew=_renew,
        offices=offices.offices(),
        run=asyncio.run,
        keep_open=owner.keep_open,
    )


def hold_open(folder: Path, serve: owner.Serve) -> int:
    """Be the process that holds the drawer in `folder`, until it is locked; the exit code."""
    return owner.hold(folder, app(), serve)


async def _restore(file: Path, folder: Path, secret: Secret, progress: Progress) -> None:
    await restore.restore(file, folder, secret(), lambda done, total: progress(_("Restoring"), done, total))


async def _verify(file: Path, secret: Secret, progress: Progress) -> None:
    await restore.verify(file, secret(), lambda done, total: progress(_("Reading"), done, total))


async def _restore_with_kit(folder: Path, text: str, secret: Secret) -> None:
    key = kit.read(text)
    await restore.restore_with_kit(folder, key, secret())


async def _renew(folder: Path, secret: Secret) -> None:
    await change.renew(folder, secret())
