"""`check`: is everything as it was written, and do the opener's limits hold here?"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.desk.values import Finding
from dearly.drawer import check as checks
from dearly.drawer import letters, search
from dearly.drawer.connection import Db
from dearly.letter.errors import DearlyError
from dearly.letter.words import _
from dearly.opener.limits import Limits


async def check(desk: Desk, progress: Progress) -> list[Finding]:
    """Look at every page, every letter's digest, the chain and its head kept elsewhere, and the opener's limits.

    Damage is found, named and confined, never raised. An index of words that is not as it should be is emptied, so that
    it is made anew."""
    progress(_("Looking through the drawer"), 0, 2)
    report = await checks.check(desk.drawer, _damaged)
    if any(one.code == checks.INDEX_DAMAGED for one in report.findings) and not desk.drawer.read_only:
        with suppress(DearlyError):  # then it stays as it is, and is named the next time too
            await desk.drawer.write(search.begin_anew)
    progress(_("Trying the limits of the opener"), 1, 2)
    limits = await desk.opener.limits()
    progress(_("Looked"), 2, 2)
    found = [Finding(one.code, False, f"{one.message} {one.hint}".strip()) for one in report.findings]
    if not found:
        found.append(
            Finding(
                "drawer",
                True,
                _("Everything in the drawer is as it was written ({links} links in the chain).").format(
                    links=report.links
                ),
            )
        )
    return found + await _pending(desk) + limits_found(limits)


async def _pending(desk: Desk) -> list[Finding]:
    """What an erasing that was interrupted has left to do."""
    with suppress(DearlyError):  # a damaged page, which is named above
        if await desk.drawer.read(search.to_purge):
            return [
                Finding(
                    "erased_words",
                    True,
                    _(
                        "Words of erased letters are still in pages of the index, where no search finds them."
                        " An open desk takes them out by itself."
                    ),
                )
            ]
    return []


def _damaged(db: Db) -> Iterable[checks.Finding]:
    for number in letters.damaged(db):
        yield checks.Finding(
            "object_damaged",
            _("Letter {number} is not as it was filed.").format(number=number),
            (number,),
            _("A backup has it whole."),
        )


def limits_found(limits: Limits) -> list[Finding]:
    """What the process that opens foreign letters was proven unable to do. What does not hold on this machine is said,
    and is no damage: the other limits stand."""
    tried = (
        ("memory", limits.memory, _("to take more memory than a letter needs")),
        ("cpu", limits.cpu, _("to go on computing after its time")),
        ("descriptors", limits.descriptors, _("to open more files than it was given")),
        ("output", limits.output, _("to write to a file")),
        ("no_net", limits.no_net, _("to reach a network")),
        ("no_files", limits.no_files, _("to read or list files")),
        ("processes", limits.processes, _("to start another process")),
        ("private", limits.private, _("to leave an image of its memory")),
    )
    unable = _("The process that opens letters is unable {what}.")
    able = _("The process that opens letters could not be kept from this on this machine: {what}.")
    return [Finding(f"opener_{name}", True, (unable if held else able).format(what=what)) for name, held, what in tried]
