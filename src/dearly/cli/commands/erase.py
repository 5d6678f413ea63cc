"""`erase`: taking a letter out of the drawer for good."""

from __future__ import annotations

import click

from dearly.cli.command import Number, command, option
from dearly.cli.errand import Errand
from dearly.cli.given import agree
from dearly.cli.names import later
from dearly.letter.words import _


@command(
    "erase",
    later(
        """Erase a letter for good, yours or theirs.

        That something was erased stays in the drawer's record; nothing of what it said does. Copies elsewhere are not
        touched: backups, what lies with a mail provider, what others have."""
    ),
    "dearly erase 6",
)
@click.argument("number", type=Number(), metavar="N")
@option("--yes", is_flag=True, help=later("Do not ask first."))
def erase(errand: Errand, number: int, yes: bool) -> None:
    """Erase a letter."""
    from dearly.desk import erasing as verbs

    about = errand.with_desk(lambda desk: verbs.before(desk, number))
    if not yes:
        agree(errand, " ".join(about.said), _("Erase letter {number}?").format(number=number))
    errand.with_desk(lambda desk: verbs.erase(desk, number))
    errand.tell({"erased": number}, _("Letter {number} is erased.").format(number=number))
