"""`unlock`, `lock` and `lock-change`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dearly.cli.command import command, option
from dearly.cli.errand import Errand, Secret
from dearly.cli.given import new_passphrase, passphrase
from dearly.cli.lines import Lines
from dearly.cli.names import later
from dearly.letter.errors import NotFound, Refused
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.desk.desk import Desk


@command(
    "unlock",
    later(
        """Open the drawer and leave it open.

        A process stays behind that makes the rounds and answers commands without asking for the passphrase again; after
        ten minutes without a command it does ask. It ends with “dearly lock”, and by itself after twelve hours."""
    ),
    "dearly unlock",
)
def unlock(errand: Errand) -> None:
    """Leave the drawer open."""
    if errand.in_owner:

        async def nothing(_desk: Desk) -> None:
            """Opening the desk is all: it asks for the passphrase if it wants it."""

        errand.with_desk(nothing)
    else:
        errand.unlocking(lambda secret: errand.app.keep_open(errand.folder, secret))
    errand.tell({"locked": False}, _("The drawer is open."))


@command(
    "lock",
    later(
        """Close the drawer.

        It says first what was to leave meanwhile; that leaves, and missed rounds are made, when the drawer is opened
        again."""
    ),
    "dearly lock",
)
def lock(errand: Errand) -> None:
    """Lock the drawer."""
    page = Lines(errand.terminal)
    if not errand.in_owner:
        if not errand.folder.is_dir():
            raise NotFound(
                "no_drawer",
                _("There is no drawer in {folder}.").format(folder=errand.folder),
                _("“dearly setup” makes one."),
            )
        errand.tell({"locked": True, "notices": []}, _("The drawer is locked."))
        return

    notices = errand.run(errand.app.lock())
    if notices:
        errand.aside("\n".join(notices))
    errand.tell({"locked": True, "notices": notices}, lambda: page.prose(_("The drawer is locked.")))


def _proven(errand: Errand, word: str) -> str:
    """The passphrase, if it is that of the drawer: before a new one is thought of, and typed twice."""
    from dearly.desk import keep as verbs

    async def look(secret: Secret) -> None:
        async with errand.app.open_desk(errand.folder, secret) as desk:
            if errand.in_owner:
                # An open desk is lent without a passphrase; changing it to itself tries it, and changes nothing.
                await verbs.lock_change(desk, word, word)

    errand.with_secret(look, word)
    return word


@command(
    "lock-change",
    later(
        """Change the passphrase.

        Whoever has an old copy of the drawer, or an old backup, can still open that copy with the old passphrase.
        --renew changes the key of the whole drawer as well: it takes longer, and makes the recovery kit that you have
        useless for it, so a new one must be printed."""
    ),
    "dearly lock-change --new-passphrase-file new.txt",
)
@option(
    "--new-passphrase-file",
    "source",
    metavar="FILE",
    help=later("A file with the new passphrase; “-” is standard input."),
)
@option("--renew", is_flag=True, help=later("Give the drawer a new key, too."))
def lock_change(errand: Errand, source: str | None, renew: bool) -> None:
    """Change the lock."""
    from dearly.desk import keep as verbs

    if renew and errand.in_owner:
        raise Refused(
            "drawer_open",
            _("The key of a drawer cannot be renewed while it lies open."),
            _("Close it with “dearly lock” first."),
        )
    change = source is not None or not renew
    old = passphrase(errand) if source is not None or not change else errand.asking(lambda word: _proven(errand, word))
    new = new_passphrase(errand, source) if change else old

    async def exchange(secret: Secret) -> None:
        async with errand.app.open_desk(errand.folder, secret) as desk:
            await verbs.lock_change(desk, old, new)

    said = []
    if change:
        errand.with_secret(exchange, old)
        said.append(_("The passphrase is changed."))
    if renew:
        errand.with_secret(lambda secret: errand.app.renew(errand.folder, secret), new)
        said.append(_("The drawer has a new key; print a new recovery kit with “dearly kit --out FILE”."))
    said.append(_("Old backups and copies still open with what they had."))
    errand.tell({"changed": change, "renewed": renew}, lambda: Lines(errand.terminal).prose(*said))
