"""`search`: letters and drafts by what stands in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from dearly.cli.as_json import many, plain
from dearly.cli.as_text import Page
from dearly.cli.command import Number, OneOf, command, option
from dearly.cli.errand import Errand
from dearly.cli.layout import day, zone_of
from dearly.cli.names import later
from dearly.letter.address import clean
from dearly.letter.words import _, ngettext

if TYPE_CHECKING:
    from dearly.desk.desk import Desk
    from dearly.desk.search import By, FoundLetter, Results
    from dearly.desk.values import LetterView


@command(
    "search",
    later(
        """Find letters and drafts by what stands in them.

        All the words must be in a letter, in whatever form, with accents or without. Put a “phrase” in quotation
        marks; end a beginning with *; join two words with OR; put - before what must not be there. Narrow it with
        from:, to:, with:, year:, before:, after:, has:, is:, in:, subject: and file:."""
    ),
    "dearly search 'garden year:2012-2014'",
    "dearly search 'from:clara \"walnut tree\" -rain'",
    "dearly search --exact gardens",
)
@click.argument("query", metavar="QUERY", nargs=-1, required=True)
@option("--limit", type=Number(), default=50, metavar="N", help=later("How many are shown; 50 where nothing is said."))
@option("--by", type=OneOf(("date", "relevance")), default="date", help=later("The newest first, or what fits best."))
@option("--exact", is_flag=True, help=later("Words only as they stand, not in their other forms."))
def search(errand: Errand, query: tuple[str, ...], limit: int, by: str, exact: bool) -> None:
    """Find letters."""
    from dearly.desk import search as verbs

    async def look(desk: Desk) -> tuple[Results, list[LetterView]]:
        found = await verbs.search(desk, " ".join(query), by=cast("By", by), exact=exact, limit=max(1, limit))
        return found, await verbs.whole(desk, found.letters) if errand.json else []

    found, letters = errand.with_desk(look)
    value = many("letters", [_json(one, view) for one, view in zip(found.letters, letters, strict=False)])
    value |= {
        "total": found.total,
        "at_least": found.at_least,
        "did_you_mean": list(found.did_you_mean),
        "notes": list(found.notes),
    }
    errand.tell(value, lambda: _text(Page(errand.terminal), found, errand))


def _json(found: FoundLetter, view: LetterView) -> dict[str, Any]:
    """A letter with some of its text, and where in it the words stand: [begin, end) in characters."""
    places, at = [], 0
    for piece, mark in found.excerpt.pieces:
        if mark:
            places.append([at, at + len(piece)])
        at += len(piece)
    return {**plain(view), "snippet": found.excerpt.text, "found": places}


def _text(page: Page, found: Results, errand: Errand) -> str:
    if found.letters:
        blocks = ["\n".join(_line(page, one, errand) for one in found.letters)]
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


def _line(page: Page, one: FoundLetter, errand: Errand) -> str:
    arrow = _("a draft to {name}") if one.draft else _("to {name}") if one.ours else _("from {name}")
    when = day(one.date.astimezone(zone_of(errand.terminal.env.get("TZ"))).date())
    what = ", ".join(text for text in (arrow.format(name=clean(one.person)), when, clean(one.subject)) if text)
    lines = [page.line(what, f"{one.number:>4}  ", "")]
    if one.excerpt.text:
        lines.append(page.line(clean(one.excerpt.text), " " * 6, ""))
    elif one.cautious:
        lines.append(page.line(_("Its seal asks for caution: “dearly show {n}”.").format(n=one.number), " " * 6, ""))
    return "\n".join(lines)
