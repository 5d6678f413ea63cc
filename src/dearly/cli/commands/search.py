"""`search`: letters and drafts by what stands in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from dearly.cli.command import Number, OneOf, command, option
from dearly.cli.errand import Errand
from dearly.cli.layout import day
from dearly.cli.lines import Lines
from dearly.cli.names import later
from dearly.letter.address import clean
from dearly.letter.words import _, ngettext

if TYPE_CHECKING:
    from dearly.desk.app import Db
    from dearly.desk.desk import Desk
    from dearly.desk.search import By, FoundLetter, Results
    from dearly.desk.values import LetterView

MOST_ASKED = 64 << 10
"""Octets that are read of a question; of them the first 1,000 characters count."""


@command(
    "search",
    later(
        """Find letters and drafts by what stands in them.

        All the words must be in a letter, in whatever form, with accents or without. Put a “phrase” in quotation
        marks; end a beginning with *; join two words with OR; put - before what must not be there. Narrow it with
        from:, to:, with:, year:, before:, after:, has:, is:, in:, subject: and file:.

        What stands on a command line is kept in the shell's history. With “-” the question is asked for, or read from
        standard input, and is kept nowhere."""
    ),
    "dearly search 'garden year:2012-2014'",
    "dearly search 'from:clara \"walnut tree\" -rain'",
    "dearly search --exact gardens",
    "dearly search -",
)
@click.argument("query", metavar="QUERY", nargs=-1, required=True)
@option("--limit", type=Number(), default=50, metavar="N", help=later("How many are shown; 50 where nothing is said."))
@option("--by", type=OneOf(("date", "relevance")), default="date", help=later("The newest first, or what fits best."))
@option("--exact", is_flag=True, help=later("Words only as they stand, not in their other forms."))
def search(errand: Errand, query: tuple[str, ...], limit: int, by: str, exact: bool) -> None:
    """Find letters."""
    from dearly.desk import search as verbs

    asked = _typed(errand) if query == ("-",) else " ".join(query)
    how, most = cast("By", by), max(1, limit)

    def whole(db: Db, found: Results) -> tuple[Results, list[LetterView]]:
        return found, verbs.views_of(db, found.letters) if errand.json else []

    async def search(desk: Desk) -> tuple[Results, list[LetterView]]:
        found = await verbs.search(desk, asked, by=how, exact=exact, limit=most)
        return await desk.drawer.read(lambda db: whole(db, found))

    found, letters = errand.look(
        lambda db: whole(db, verbs.look(db, asked, by=how, exact=exact, limit=most)), otherwise=search
    )
    value = {
        "letters": [_json(one, view) for one, view in zip(found.letters, letters, strict=False)],
        "total": found.total,
        "at_least": found.at_least,
        "did_you_mean": list(found.did_you_mean),
        "notes": list(found.notes),
    }
    errand.tell(value, lambda: _text(Lines(errand.terminal), found))


def _typed(errand: Errand) -> str:
    """What is looked for, typed at the terminal or on standard input."""
    from dearly.cli.given import read

    if errand.terminal.in_tty:
        return errand.terminal.ask(_("Look for: ")) or ""
    data, _mode = read(errand, "-", MOST_ASKED, _("what is looked for"))
    return data.decode("utf-8", "replace").strip()


def _json(found: FoundLetter, view: LetterView) -> dict[str, Any]:
    """A letter with some of its text, and where in it the words stand: [begin, end) in characters."""
    places, at = [], 0
    for piece, mark in found.excerpt.pieces:
        if mark:
            places.append([at, at + len(piece)])
        at += len(piece)
    from dearly.cli.as_json import plain

    return {**plain(view), "snippet": found.excerpt.text, "found": places}


def _text(page: Lines, found: Results) -> str:
    if found.letters:
        blocks = ["\n".join(_line(page, one) for one in found.letters)]
        if found.total > len(found.letters):
            counted = _("more than {total}") if found.at_least else "{total}"
            blocks.append(
                page.prose(
                    _("These are {n} of {total}; --limit shows more.").format(
                        n=len(found.letters), total=counted.format(total=found.total)
                    )
                )
            )
        else:
            blocks.append(ngettext("{n} letter.", "{n} letters.", found.total).format(n=found.total))
    else:
        blocks = [_("No letter was found.")]
    if found.did_you_mean:
        said = ", ".join(f"“{clean(one)}”" for one in found.did_you_mean)
        blocks.append(page.prose(_("Did you mean {spellings}?").format(spellings=said)))
    blocks += [page.prose(note) for note in found.notes]
    return "\n\n".join(blocks)


def _line(page: Lines, one: FoundLetter) -> str:
    if one.draft:
        arrow = _("a draft to {name}") if one.person else _("a draft to nobody yet")
    else:
        arrow = _("to {name}") if one.ours else _("from {name}")
    when = day(one.date.astimezone(page.zone).date())
    what = ", ".join(text for text in (arrow.format(name=clean(one.person)), when, clean(one.subject)) if text)
    lines = [page.line(what, f"{one.number:>4}  ", "")]
    if one.excerpt.text:
        lines.append(page.line(clean(one.excerpt.text), " " * 6, ""))
    elif one.cautious:
        lines.append(page.line(_("Its seal asks for caution: “dearly show {n}”.").format(n=one.number), " " * 6, ""))
    return "\n".join(lines)
