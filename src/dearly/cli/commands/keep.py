"""`kit`, `restore-with-kit`, `backup`, `restore` and `check`: keeping everything for thirty years."""

from __future__ import annotations

import click

from dearly.cli.as_json import many
from dearly.cli.as_text import Page
from dearly.cli.command import command, option
from dearly.cli.errand import Errand
from dearly.cli.given import free, passphrase, secret_from, shown, there
from dearly.cli.names import later
from dearly.cli.progress import progress
from dearly.letter.errors import Exit, Refused
from dearly.letter.words import _


@command(
    "kit",
    later(
        """Write the recovery kit, to be printed.

        With the kit and the drawer's file alone every letter can be opened, without the passphrase: whoever has both
        can read everything. Print it, put it where you keep such things, and delete the file."""
    ),
    "dearly kit --out kit.txt",
)
@option("--out", required=True, metavar="FILE", help=later("The file to write. It must not lie in the drawer."))
def kit(errand: Errand, out: str) -> None:
    """Write the kit."""
    from dearly.desk import keep as verbs

    target = free(errand, out)
    errand.with_desk(lambda desk: verbs.kit(desk, target))
    errand.tell(
        {"file": str(target)},
        lambda: Page(errand.terminal).prose(
            _("The kit is in “{file}”.").format(file=shown(out)),
            _("Print it, put it where you keep such things, and delete the file."),
        ),
    )


@command(
    "restore-with-kit",
    later(
        """Open a drawer with its recovery kit, and give it a new passphrase.

        The folder named with --drawer must hold the drawer's file, drawer.db. The new passphrase comes from
        --passphrase-file, or is asked for twice."""
    ),
    "dearly --drawer restored restore-with-kit --kit-file kit.txt",
)
@option(
    "--kit-file", required=True, metavar="FILE", help=later("The kit as text: typed from paper, or the file itself.")
)
def restore_with_kit(errand: Errand, kit_file: str) -> None:
    """Use the kit."""
    text = secret_from(errand, kit_file, _("the kit"))
    errand.unlocking(lambda secret: errand.app.restore_with_kit(errand.folder, text, secret), new=True)
    errand.tell({"restored": True}, _("The drawer opens again, with the new passphrase."))


@command(
    "backup",
    later(
        """Copy the whole drawer into one file.

        The copy is locked like the drawer, with the passphrase of this day. With --verify nothing is written: a backup
        that exists is opened and looked through."""
    ),
    "dearly backup desk.backup",
    "dearly backup desk.backup --verify",
)
@click.argument("file", metavar="FILE")
@option("--verify", is_flag=True, help=later("Look whether this backup is whole."))
def backup(errand: Errand, file: str, verify: bool) -> None:
    """Make or verify a backup."""
    target = there(errand, file, "no_backup") if verify else free(errand, file)
    with progress(errand.terminal, quiet=errand.json) as tell:
        if verify:
            errand.unlocking(lambda secret: errand.app.verify(target, secret, tell), stoppable=True)
        else:
            from dearly.desk import keep as verbs

            errand.with_desk(lambda desk: verbs.backup(desk, target, tell), stoppable=True)
    said = _("The backup “{file}” is whole.") if verify else _("Everything is copied to “{file}”.")
    errand.tell({"file": str(target), "verified": verify}, said.format(file=shown(file)))


@command(
    "restore",
    later(
        """Make a drawer again from a backup.

        Letters that were waiting when the backup was made are held until you decide: they may have left since."""
    ),
    "dearly restore desk.backup --to restored",
)
@click.argument("file", metavar="FILE")
@option("--to", required=True, metavar="DIR", help=later("The folder to make. It must not exist, or be empty."))
def restore(errand: Errand, file: str, to: str) -> None:
    """Restore a backup."""
    source, folder = there(errand, file, "no_backup"), errand.path(to)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(
            "drawer_exists",
            _("There is something in “{folder}” already.").format(folder=shown(to)),
            _("Choose a folder that is empty or does not exist yet."),
        )
    with progress(errand.terminal, quiet=errand.json) as tell:
        errand.unlocking(lambda secret: errand.app.restore(source, folder, secret, tell), stoppable=True)
    errand.tell(
        {"drawer": str(folder)},
        lambda: Page(errand.terminal).prose(
            _("The drawer is in “{folder}”.").format(folder=shown(to)),
            _("Letters that were waiting to leave are held: “dearly outbox” shows them."),
        ),
    )


@command(
    "check",
    later(
        """Look whether everything in the drawer is whole.

        It looks at every page of the file, at the chain of all letters, and at the limits under which letters of
        others are opened on this machine."""
    ),
    "dearly check",
)
@option("--details", is_flag=True, help=later("Say everything that was looked at."))
@option("--repair", is_flag=True, help=later("Mend what can be mended without losing anything."))
def check(errand: Errand, details: bool, repair: bool) -> int:
    """Check the drawer; mend it first where that was asked for."""
    from dearly.desk.checking import check as look

    if repair:
        _mend(errand)
    with progress(errand.terminal, quiet=errand.json) as tell:
        found = errand.with_desk(lambda desk: look(desk, tell), stoppable=True)
    whole = all(finding.ok for finding in found)
    errand.tell(many("findings", found, ok=whole), lambda: Page(errand.terminal).findings(found, details=details))
    return Exit.DONE if whole else Exit.DAMAGED


def _mend(errand: Errand) -> None:
    if errand.in_owner:
        raise Refused(
            "drawer_open",
            _("A drawer cannot be mended while it lies open."),
            _("Close it with “dearly lock” first."),
        )
    for sentence in errand.with_secret(lambda secret: errand.app.mend(errand.folder, secret), passphrase(errand)):
        errand.aside(sentence)
