"""`letterbox`, `open`, `show`, `answer` and `correspondence`: what has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dearly.cli.as_json import many, plain
from dearly.cli.as_text import Page
from dearly.cli.command import Number, command, option
from dearly.cli.errand import STOPPED, Errand
from dearly.cli.given import enclosures, letter_text, make_folder
from dearly.cli.names import later
from dearly.letter.errors import Exit, Usage
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.desk.desk import Desk
    from dearly.desk.values import LetterView


@command(
    "letterbox",
    later(
        """What has come.

        Envelopes lie here until they are opened; opening is up to you, and nobody is told of it."""
    ),
    "dearly letterbox",
)
def letterbox(errand: Errand) -> None:
    """Look into the letterbox."""
    from dearly.desk import lists

    found, somebody = errand.look(lambda db: (lists.letterbox(db), lists.somebody_at_door(db)))
    page = Page(errand.terminal)
    there = page.prose(_("Somebody whom you have not written with stands at the door: “dearly door” shows who."))
    errand.tell(many("letters", found), lambda: page.letterbox(found) + (f"\n\n{there}" if somebody else ""))


@command(
    "open",
    later(
        """Open an envelope from the letterbox.

        It says what the seal is worth, and shows the letter. One that cannot be opened is kept as it came."""
    ),
    "dearly open 2 --save letters",
)
@click.argument("number", type=Number(), metavar="N")
@option("--save", metavar="DIR", help=later("Write the enclosures into this folder; it is made if need be."))
def open(errand: Errand, number: int, save: str | None) -> None:  # noqa: A001 (the command's name)
    """Open an envelope."""
    from dearly.desk import open as verbs

    folder = make_folder(errand, save) if save else None
    opened = errand.with_desk(lambda desk: verbs.open_letter(desk, number, folder))
    errand.tell({**plain(opened.letter), "saved": opened.saved}, lambda: Page(errand.terminal).opened(opened))


@command("show", later("Read a letter again, yours or theirs, or a draft."), "dearly show 2")
@click.argument("number", type=Number(), metavar="N")
def show(errand: Errand, number: int) -> None:
    """Show a letter."""
    from dearly.desk import lists

    async def whole(desk: Desk) -> LetterView:
        from dearly.desk import open as verbs

        return (await verbs.show(desk, number)).letter

    letter = errand.look(lambda db: lists.letter_as_left(db, number), otherwise=whole)
    errand.tell(letter, lambda: Page(errand.terminal).letter(letter))


@command(
    "answer",
    later(
        """Begin an answer to a letter.

        It becomes a draft that joins the correspondence; it is sealed if the letter was. Where an answer will take
        its time, a small card can say so."""
    ),
    "dearly answer 2 --from-file answer.txt",
    "dearly answer 2 --card",
)
@click.argument("number", type=Number(), metavar="N")
@option("--from-file", "source", metavar="FILE", help=later("The text of the answer; “-” is standard input."))
@option(
    "--enclose", "files", multiple=True, metavar="FILE", help=later("A file to put in. May be given several times.")
)
@option("--quote", is_flag=True, help=later("Begin with the text of their letter, as it was shown."))
@option(
    "--card",
    is_flag=True,
    help=later("Only a small card: it came, I need time. Their letter is kept for later, and still to be answered."),
)
def answer(errand: Errand, number: int, source: str | None, files: tuple[str, ...], quote: bool, card: bool) -> int:
    """Draft an answer, or a card."""
    from dearly.desk import answer as verbs
    from dearly.desk import open as reading

    if card:
        if source is not None or files or quote:
            raise Usage("card_alone", _("A card says only that the letter came."), _("Write an answer for the rest."))
        draft = errand.with_desk(lambda desk: verbs.card(desk, number))
        begun = _("Draft {number} lies on the desk, a card to {name}.")
    else:
        enclosed = enclosures(errand, files)
        errand.ahead(source, lambda desk: reading.show(desk, number))
        text = letter_text(errand, source)
        draft = errand.with_desk(lambda desk: verbs.answer(desk, number, text, enclosed, quote=quote))
        begun = _("Draft {number} lies on the desk, an answer to {name}.")
    errand.tell(
        draft,
        lambda: Page(errand.terminal).prose(
            begun.format(number=draft.number, name=draft.person),
            _("“dearly post {number}” posts it.").format(number=draft.number),
        ),
    )
    return STOPPED if errand.terminal.stopped else Exit.DONE


@command("correspondence", later("All letters with someone, both ways, by date."), "dearly correspondence Bert")
@click.argument("name", metavar="NAME")
def correspondence(errand: Errand, name: str) -> None:
    """List a correspondence."""
    from dearly.desk import lists

    found = errand.look(lambda db: lists.correspondence(db, name))
    none = _("No letter has been exchanged yet.")
    errand.tell(many("letters", found), lambda: Page(errand.terminal).letters(found, none))
