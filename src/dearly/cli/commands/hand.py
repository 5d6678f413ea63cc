"""`hand`: letters as files, carried by hand."""

from __future__ import annotations

import click

from dearly.cli.as_json import many
from dearly.cli.as_text import Page
from dearly.cli.command import Number, command, group
from dearly.cli.errand import Errand
from dearly.cli.given import there
from dearly.cli.names import later
from dearly.letter.words import _

hand = group("hand", later("Letters as files: carried on a stick, or sent by any other channel."))


@command(
    "out",
    later(
        """Write a letter to a file, sealed.

        The file can be given to its reader in whatever way you like; only they can open it. A letter that came back, is
        held or is not taken by anybody goes by hand from then on; the way it had is given up."""
    ),
    "dearly hand out 4 for-bert.letter",
    group=hand,
)
@click.argument("number", type=Number(), metavar="N")
@click.argument("file", metavar="FILE")
def out(errand: Errand, number: int, file: str) -> None:
    """Hand a letter out."""
    from dearly.desk import hand as verbs

    target = errand.path(file)
    rows = errand.with_desk(lambda desk: verbs.hand_out(desk, number, target))
    errand.tell(many("letters", rows, number=number), lambda: Page(errand.terminal).outbox(rows))


@command(
    "in",
    later("Take a letter in from a file; it lies in the letterbox then."),
    "dearly hand in from-bert.letter",
    group=hand,
)
@click.argument("file", metavar="FILE")
def in_(errand: Errand, file: str) -> None:
    """Take a letter in."""
    from dearly.desk import hand as verbs

    source = there(errand, file)
    envelope = errand.with_desk(lambda desk: verbs.hand_in(desk, source))
    errand.tell(
        envelope,
        lambda: Page(errand.terminal).prose(
            _("It lies in the letterbox; “dearly open {number}” opens it.").format(number=envelope.number)
        ),
    )
