"""`post`, `take-back` and `outbox`."""

from __future__ import annotations

import click

from dearly.cli.as_json import many
from dearly.cli.as_text import Page
from dearly.cli.command import Number, OneOf, command, option
from dearly.cli.errand import Errand
from dearly.cli.given import day
from dearly.cli.names import later
from dearly.letter.envelope import Way
from dearly.letter.errors import Usage
from dearly.letter.words import _

WAYS = (Way.OFFICE.value, Way.MAIL.value, Way.HAND.value)
"""What this version can go by; the other ways have their names already."""


@command(
    "post",
    later(
        """Seal a letter and post it.

        From then on it is safe in the outbox, and it leaves at the next collection after the cooling time; until then
        it can be taken back. A letter that is held, uncertain or came back is posted again: that is up to you alone,
        and it may then arrive twice."""
    ),
    "dearly post 1",
    "dearly post 1 --on 2031-05-01",
)
@click.argument("number", type=Number(), metavar="N")
@option("--at-once", is_flag=True, help=later("Without the cooling time: it leaves with the next round."))
@option("--on", "on", metavar="DATE", help=later("Not before this day, such as 2031-05-01."))
@option("--by", type=OneOf(WAYS), help=later("By which way, if not the usual one."))
@option("--unsealed", is_flag=True, help=later("Without a seal, like a postcard: whoever carries it can read it."))
def post(errand: Errand, number: int, at_once: bool, on: str | None, by: str | None, unsealed: bool) -> None:
    """Post a letter."""
    from dearly.desk import post as verbs

    if at_once and on is not None:
        raise Usage(
            "two_times", _("A letter leaves at once or on a day, not both."), _("Give --at-once or --on, not both.")
        )
    date, way = day(on), Way(by) if by else None
    rows = errand.with_desk(lambda desk: verbs.post(desk, number, at_once=at_once, on=date, by=way, unsealed=unsealed))
    errand.tell(many("letters", rows, number=number), lambda: Page(errand.terminal).posted(rows))


@command(
    "take-back",
    later(
        """Take a letter back before it is collected.

        It is a draft again. What has left cannot be called back."""
    ),
    "dearly take-back 1",
)
@click.argument("number", type=Number(), metavar="N")
def take_back(errand: Errand, number: int) -> None:
    """Take a letter back."""
    from dearly.desk import post as verbs

    draft = errand.with_desk(lambda desk: verbs.take_back(desk, number))
    errand.tell(draft, _("Letter {number} lies on the desk again, as a draft.").format(number=draft.number))


@command(
    "outbox",
    later(
        """Posted letters, and where each of them is.

        “On its way” means that a carrier has taken it, “lies ready for them” that it is where they look for letters.
        Whether a letter was read is never known, and never asked."""
    ),
    "dearly outbox",
)
def outbox(errand: Errand) -> None:
    """Show the outbox."""
    from dearly.desk import lists

    rows = errand.look(lambda db: lists.outbox(db, errand.app.now()))
    errand.tell(many("letters", rows), lambda: Page(errand.terminal).outbox(rows))
