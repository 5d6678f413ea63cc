"""`door`: first letters of people one has not written with, and the three answers to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dearly.cli.as_json import many
from dearly.cli.as_text import Page
from dearly.cli.command import Number, OneOf, command
from dearly.cli.errand import Errand
from dearly.cli.names import later
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.desk.desk import Desk
    from dearly.desk.lookalikes import Lookalike
    from dearly.desk.strangers import AtDoor


async def _at_door(desk: Desk) -> tuple[list[AtDoor], list[Lookalike | None]]:
    from dearly.desk import lookalikes, strangers

    found = await strangers.at_door(desk)
    return found, await lookalikes.lookalikes(desk, [(one.name, one.from_) for one in found])


@command(
    "door",
    later(
        """Who stands at the door: people you have not written with.

        Let one in, and they are in your address book and their letters in the letterbox; a letter that lies at your
        mail account is fetched then. Refuse one, and nothing of theirs is shown any more, which “leave” takes back.
        They are told nothing, whichever you choose, and no key is trusted by it."""
    ),
    "dearly door",
    "dearly door let-in 6",
    "dearly door refuse 6",
    "dearly door leave 6",
)
@click.argument("answer", type=OneOf(("let-in", "refuse", "leave")), required=False, default=None)
@click.argument("number", type=Number(), metavar="N", required=False, default=None)
def door(errand: Errand, answer: str | None, number: int | None) -> None:
    """Show the door, or answer somebody who stands there."""
    from dearly.desk import strangers as verbs

    page = Page(errand.terminal)
    if answer is None:
        found, alike = errand.with_desk(_at_door)
        errand.tell(many("letters", found), lambda: page.door(found, alike))
        return
    if number is None:
        raise click.UsageError(_("Which letter? “dearly door” lists the numbers."))
    if answer == "let-in":
        let = errand.with_desk(lambda desk: verbs.let_in(desk, number))
        errand.tell(let, lambda: page.let_in(let))
    elif answer == "refuse":
        away = errand.with_desk(lambda desk: verbs.refuse(desk, number))
        errand.tell({"numbers": away}, lambda: page.turned_away(away, number))
    else:
        again = errand.with_desk(lambda desk: verbs.leave(desk, number))
        errand.tell({"numbers": again}, lambda: page.left_at_door(number))
