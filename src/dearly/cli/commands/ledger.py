"""`ledger`: who wrote last, what waits for an answer on either side, and what is decided about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dearly.cli.command import Number, OneOf, command, option
from dearly.cli.errand import Errand
from dearly.cli.layout import day
from dearly.cli.lines import Lines
from dearly.cli.names import later
from dearly.letter.address import clean
from dearly.letter.ledger import Standing
from dearly.letter.words import _, ngettext

if TYPE_CHECKING:
    from datetime import tzinfo

    from dearly.desk.ledger import Line

_DECISIONS = {"later": "later", "no-answer": "not_needed", "rest": "rest", "open": None}

_HEADINGS = {
    Standing.LATER: later("For later:"),
    Standing.YOURS: later("They wrote last:"),
    Standing.THEIRS: later("You wrote last:"),
    Standing.RESTS: later("At rest:"),
}


@command(
    "ledger",
    later(
        """Who wrote last, to and fro: one quiet list.

        Say of a letter that its answer is for later, that none is needed, or let it rest; “open” takes that back. A
        letter of yours can be let rest, too: then you wait for no answer any more. Letters from an archive rest by
        themselves."""
    ),
    "dearly ledger",
    "dearly ledger later 6 --on 2031-05-01",
    "dearly ledger no-answer 6",
    "dearly ledger open 6",
)
@click.argument("decision", type=OneOf(tuple(_DECISIONS)), required=False, default=None)
@click.argument("number", type=Number(), metavar="[N]", required=False, default=None)
@option("--on", "on", metavar="DATE", help=later("The day on which to look at it again, as YYYY-MM-DD."))
@option("--all", "everything", is_flag=True, help=later("Also the correspondences that rest."))
def ledger(errand: Errand, decision: str | None, number: int | None, on: str | None, everything: bool) -> None:
    """Show the ledger, or keep a decision."""
    from dearly.desk import ledger as verbs

    if decision is None:
        found = errand.look(lambda db: verbs.look(db, everything=everything))
        value = {"correspondences": found, "total": len(found)}
        errand.tell(value, lambda: _text(Lines(errand.terminal), found))
        return
    if number is None:
        raise click.UsageError(_("Which letter? “dearly ledger” lists the numbers."))
    reply = _DECISIONS[decision]
    from dearly.cli import given

    until = given.day(on)
    errand.with_desk(lambda desk: verbs.decide(desk, number, reply, until))  # type: ignore[arg-type]  # the values above
    said = {
        "later": _("Letter {number} is kept for later.") if until is None else _("Letter {number} is kept for {day}."),
        "no-answer": _("Letter {number} needs no answer."),
        "rest": _("Letter {number} rests."),
        "open": _("Nothing is decided about letter {number} any more."),
    }[decision]
    errand.tell(
        {"number": number, "reply": reply, "until": until},
        said.format(number=number, day="" if until is None else day(until)),
    )


def _text(page: Lines, lines: list[Line]) -> str:
    if not lines:
        return _("Nothing is open, on either side.")
    blocks = []
    for standing, heading in _HEADINGS.items():
        part = [line for line in lines if line.standing is standing]
        if part:
            rows = [page.line(_sentence(line, page.zone), "  ") for line in part]
            blocks.append("\n".join([_(heading), *rows]))
    return "\n\n".join(blocks)


def _sentence(line: Line, zone: tzinfo | None) -> str:
    said = _("{name}, letter {number} of {day}").format(
        name=clean(line.person), number=line.number, day=day(line.since.astimezone(zone).date())
    )
    if line.until is not None:
        said += ", " + _("for {day}").format(day=day(line.until))
    if line.crossed:
        said += ", " + _("your letters crossed")
    if line.missing:
        said += ". " + ngettext(
            "Their number {numbers} is not here: it may be lost, on its way, or erased.",
            "Their numbers {numbers} are not here: they may be lost, on their way, or erased.",
            len(line.missing),
        ).format(numbers=", ".join(map(str, line.missing)))
    return said
