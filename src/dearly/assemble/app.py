"""The factories that the faces are given.

What stands behind each is imported when it is used: a command uses one of them, mostly `open_desk`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dearly.assemble.machine import CLOCK, state_folder
from dearly.desk.app import App
from dearly.door.place import default_drawer
from dearly.letter.errors import Damaged
from dearly.letter.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    from dearly.assemble.process import Faces
    from dearly.desk.app import Db, Progress, WayIn
    from dearly.desk.desk import Desk
    from dearly.desk.offices import Offices

T = TypeVar("T")

if TYPE_CHECKING:
    Secret = Callable[[], str]


def app() -> App:
    """For a process that runs one command and ends."""
    return App(
        folder=Path(default_drawer(os.environ)),
        look=_look,
        open_desk=_open_desk,
        create_desk=_create_desk,
        restore=_restore,
        verify=_verify,
        restore_with_kit=_restore_with_kit,
        renew=_renew,
        mend=_mend,
        lock=_nothing_to_lock,
        offices=_offices,
        now=CLOCK.now,
        run=_run,
        keep_open=_keep_open,
        visit=_visit,
    )


def hold_open(folder: Path, faces: Faces) -> int:
    """Be the process of the drawer in `folder`, with the drawer open from the beginning; the exit code."""
    from dearly.assemble import process

    return process.hold(folder, app(), faces)


def stand_by(folder: Path, faces: Faces, note: int | None) -> int:
    """Be the process of the drawer in `folder`, as things stand; the exit code. `note`: from before an exec."""
    from dearly.assemble import process

    return process.stand_by(folder, app(), faces, note)


def _look(folder: Path, secret: Secret, work: Callable[[Db], T]) -> tuple[T] | None:
    from dearly.drawer import looking

    try:
        return (looking.look(folder, secret, work, state=state_folder()),)
    except looking.TakesMore:
        return None


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    import asyncio

    return asyncio.run(work)


def _open_desk(folder: Path, secret: Secret) -> AbstractAsyncContextManager[Desk]:
    from dearly.assemble import desks

    return desks.open_desk(folder, secret)


def _create_desk(folder: Path, secret: Secret) -> AbstractAsyncContextManager[Desk]:
    from dearly.assemble import desks

    return desks.create_desk(folder, secret)


async def _restore(file: Path, folder: Path, secret: Secret, progress: Progress) -> None:
    from dearly.drawer import restore

    await restore.restore(file, folder, secret(), lambda done, total: progress(_("Restoring"), done, total))


async def _verify(file: Path, secret: Secret, progress: Progress) -> None:
    from dearly.drawer import restore

    await restore.verify(file, secret(), lambda done, total: progress(_("Reading"), done, total))


async def _restore_with_kit(folder: Path, text: str, secret: Secret) -> None:
    from dearly.drawer import kit, restore

    key = kit.read(text)
    await restore.restore_with_kit(folder, key, secret())


async def _renew(folder: Path, secret: Secret) -> None:
    from dearly.drawer import change

    await change.renew(folder, secret(), state=state_folder())


def _offices() -> Offices:
    from dearly.assemble import offices

    return offices.offices()


async def _keep_open(folder: Path, secret: Secret) -> None:
    from dearly.assemble import behind

    await behind.keep_open(folder, secret)


def _visit(folder: Path) -> WayIn:
    from dearly.assemble import visiting

    return visiting.visit(folder)


async def _nothing_to_lock() -> list[str]:
    return []


async def _mend(folder: Path, secret: Secret) -> list[str]:
    from dearly.drawer.salvage import salvage

    word = secret()
    if not await _damaged(folder, word):
        return []
    done = await salvage(folder, word, state_folder())
    return [
        _("The drawer was written anew; the damaged file is kept as {file}.").format(file=done.kept),
        *(f"{lost.message} {lost.hint}".strip() for lost in done.lost),
    ]


async def _damaged(folder: Path, word: str) -> bool:
    from dearly.assemble.machine import CHANCE, CLOCK, state_folder
    from dearly.drawer import check
    from dearly.drawer.drawer import Drawer

    try:
        drawer = await Drawer.open(folder, word, clock=CLOCK, chance=CHANCE, state=state_folder())
        try:
            report = await check.check(drawer)
        finally:
            await drawer.close()
    except Damaged as damaged:
        return damaged.code == "drawer_damaged"
    return any(finding.code in {"page_damaged", "rows_damaged"} for finding in report.findings)
