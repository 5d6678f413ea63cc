"""Act 10: finding letters by what stands in them, by whom, when; in every language, over the whole drawer.

What may be typed is explained in `terms.query` (and docs/search.md). Letters are found in the index, drafts by reading
them. What is shown of a letter is cut from its text, only for those that are shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from dearly.drawer import searching
from dearly.drawer.connection import Db
from dearly.drawer.looking import TakesMore
from dearly.drawer.searching import Hit, Places
from dearly.letter.errors import Usage
from dearly.letter.sealing import CAUTION
from dearly.letter.words import _
from dearly.mime import plain
from dearly.terms import likely, marks
from dearly.terms.entry import VERSION, enclosed, entry
from dearly.terms.excerpt import Excerpt, Finder
from dearly.terms.expression import Sight, beginning, expression, forms
from dearly.terms.folding import spaceless
from dearly.terms.languages import LANGUAGES
from dearly.terms.matching import matches
from dearly.terms.query import Query, Words, parse

if TYPE_CHECKING:
    from dearly.desk.desk import Desk
    from dearly.desk.values import LetterView
    from dearly.letter.address import Correspondent

__all__ = ["By", "Excerpt", "FoundLetter", "Results", "beginnings", "look", "search", "views_of"]

By = Literal["date", "relevance"]

FEW = 2
"""So few letters, or fewer: then likely spellings are looked for."""

MOST_DRAFTS = 500
"""Drafts that are read through, the last begun first."""

_PAGE = re.compile(r"-?[0-9]{1,18}")
"""A place in the archive, or how many were shown; larger numbers are neither, and too large for the drawer."""

_SUGGESTED = 3
_SPELLED = 5
"""Words of one search for which likelier spellings are looked for: it happens while somebody types."""

MOST_BEGUN = 64
"""Words that a beginning is looked for by, one by one."""

LAST_SIGN = "\U0010ffff"
"""After whatever a word may go on with."""

_LOOKED_AT = 1500
"""Words of the dictionary that are compared with one that was not found."""


@dataclass(frozen=True, slots=True)
class FoundLetter:
    """A letter, or a draft (`draft`), that was found. `person`: whom it was written to ("" for a draft to
    nobody yet), or who wrote it. `excerpt`: some of its text, with what was looked for; empty where `cautious`: its
    seal asks for caution, so nothing of it is shown before its reader asks for it."""

    number: int
    draft: bool
    ours: bool
    letter_no: int | None
    person: str
    date: datetime
    subject: str
    excerpt: Excerpt
    enclosed: bool
    cautious: bool


@dataclass(frozen=True, slots=True)
class Results:
    """What a search found. `letters`: some of it, in order. `total`: how many there are in all, with drafts;
    `at_least`: there are more than that. `more`: hand it in as `after` for the next ones; None at the end.
    `did_you_mean`: searches with likelier spellings, where (nearly) nothing was found. `notes`: sentences that the
    person should see: what was not understood, what was not looked through."""

    letters: tuple[FoundLetter, ...]
    total: int
    at_least: bool
    more: str | None
    did_you_mean: tuple[str, ...]
    notes: tuple[str, ...]


async def search(
    desk: Desk, query: str, *, by: By = "date", exact: bool = False, limit: int = 50, after: str | None = None
) -> Results:
    """Letters and drafts that are as the query says. `by`: the newest first, or those that match best first (of the
    newest 2,000). `exact`: words only as they stand, not their other forms. `after`: `more` of the page before. Nothing
    that can be typed is an error. Raises `Usage` (nothing_to_look_for, bad_page)."""
    from dearly.desk import indexing

    asked = _asked(query)
    if after is None:
        await indexing.catch_up(desk, indexing.RIGHT_AWAY)
    return await desk.drawer.read(lambda db: _search(db, query, asked, by, exact=exact, limit=limit, after=after))


def look(db: Db, query: str, *, by: By = "date", exact: bool = False, limit: int = 50) -> Results:
    """As `search`, in a drawer that is only looked into. Raises `TakesMore` where letters are to be indexed first."""
    asked = _asked(query)
    if searching.unindexed(db, VERSION):
        raise TakesMore
    return _search(db, query, asked, by, exact=exact, limit=limit, after=None)


def _asked(query: str) -> Query:
    asked = parse(query)
    if asked.empty:
        raise Usage(
            "nothing_to_look_for",
            _("There is no word to look for."),
            _("Write a word, a name with from: or to:, or a year with year:."),
        )
    return asked


def _search(db: Db, typed: str, asked: Query, by: By, *, exact: bool, limit: int, after: str | None) -> Results:
    sight = Sight(
        {who: searching.addresses_of(db, who.name) for who in asked.named},
        () if exact else languages(db, asked.words),
        beginnings(db, asked),
    )
    finder = Finder(asked.words, sight.languages)
    begun = _drafts(db, asked, sight, finder) if asked.drafts is not False else []
    if asked.drafts:
        at = _page(after)
        more = str(at + limit) if len(begun) > at + limit else None
        return Results(tuple(begun[at : at + limit]), len(begun), False, more, (), asked.notes)
    match = expression(asked, sight)
    within = searching.between(asked.first, asked.end)
    notes = list(asked.notes)
    if by == "date":
        last = within.last if after is None else min(within.last, _page(after) - 1)
        if after is None and _wide(asked, sight):
            hits, counted = searching.newest_and_count(db, match, within, limit + 1)
        else:
            hits = searching.newest(db, match, Places(within.first, last), limit + 1)
            all_there = after is None and len(hits) <= limit
            counted = len(hits) if all_there else searching.count(db, match, within)
        more = str(hits[limit - 1].key) if len(hits) > limit else None
    else:
        at = _page(after)
        counted = searching.count(db, match, within)
        hits = searching.best(db, match, within, limit + 1, at)
        more = str(at + limit) if len(hits) > limit else None
        if counted > searching.RANKED:
            notes.append(
                _("Only the newest {n} of the letters that were found are ordered by how well they match.").format(
                    n=searching.RANKED
                )
            )
    missing = searching.unindexed(db, VERSION)
    if missing:
        notes.append(_("Some letters are still being indexed, and are found a little later."))
    letters = [_found(hit, finder) for hit in hits[:limit]]
    total = min(counted, searching.COUNTED) + len(begun)
    return Results(
        tuple(letters) if after is not None else (*begun, *letters),
        total,
        counted > searching.COUNTED,
        more,
        _likely(db, typed, asked.words, sight.languages) if total <= FEW and after is None else (),
        tuple(notes),
    )


def beginnings(db: Db, asked: Query) -> dict[Words, list[str]]:
    """The words of the index that begin as is asked, where they are few. For a beginning SQLite merges the letters of
    all its words before it gives the first of them."""
    found = {}
    for item in (item for clause in asked.clauses for item in clause):
        if isinstance(item.what, Words) and (start := beginning(item.what)):
            words = [word for word, _letters in searching.vocabulary(db, start, start + LAST_SIGN, MOST_BEGUN + 1)]
            if 0 < len(words) <= MOST_BEGUN:
                found[item.what] = words
    return found


def _wide(asked: Query, sight: Sight) -> bool:
    """Whether there is a beginning of so many words that they are not looked for one by one."""
    return any(beginning(what) and what not in sight.begun for what in asked.words)


def languages(db: Db, wanted: Sequence[Words]) -> tuple[str, ...]:
    """The languages in which letters are written here, where one of the words may have other forms."""
    if all(what.phrase or what.begins or spaceless(what.runs[0]) for what in wanted):
        return ()
    return tuple(language for language in LANGUAGES if searching.known(db, marks.language_mark(language)))


def _page(after: str | None) -> int:
    if after is None:
        return 0
    if not _PAGE.fullmatch(after):
        raise Usage("bad_page", _("There is no such page of what was found."), _("Search again."))
    return int(after)


def _found(hit: Hit, finder: Finder) -> FoundLetter:
    cautious = hit.seal in CAUTION
    return FoundLetter(
        number=hit.number,
        draft=False,
        ours=hit.ours,
        letter_no=hit.letter_no,
        person=hit.readers if hit.ours else plain.shown(hit.writer),
        date=hit.date,
        subject=hit.subject if hit.ours else plain.shown(hit.subject),
        excerpt=Excerpt(()) if cautious else cut(hit, finder),
        enclosed=hit.enclosed,
        cautious=cautious,
    )


def cut(hit: Hit, finder: Finder) -> Excerpt:
    """What stands around the words in a letter, fit to be shown."""
    found = finder.excerpt(hit.text)
    return found if hit.ours else Excerpt(tuple((plain.shown(piece), mark) for piece, mark in found.pieces))


def _drafts(db: Db, asked: Query, sight: Sight, finder: Finder) -> list[FoundLetter]:
    if not searching.any_drafts(db):
        return []
    from dearly.drawer import drafts

    found = []
    for line in drafts.list_all(db)[:MOST_DRAFTS]:
        day = line.changed.date()
        if (asked.first is not None and day < asked.first) or (asked.end is not None and day >= asked.end):
            continue
        page = drafts.load(db, line.number)
        people: list[tuple[str, Correspondent]] = [("to", who) for who in page.draft.to]
        words = entry(
            page.draft.subject,
            page.draft.text,
            people=people,
            files=[one.name for one in page.enclosed],
            direction="out",
            date=page.changed,
            has=enclosed(one.media_type for one in page.enclosed),
        )
        if matches(asked, sight, words):
            found.append(
                FoundLetter(
                    number=page.number,
                    draft=True,
                    ours=True,
                    letter_no=None,
                    person=", ".join(line.to),
                    date=page.changed,
                    subject=page.draft.subject,
                    excerpt=finder.excerpt(page.draft.text),
                    enclosed=bool(page.enclosed),
                    cautious=False,
                )
            )
    return found


def _likely(db: Db, typed: str, wanted: Sequence[Words], spoken: Sequence[str]) -> tuple[str, ...]:
    """The search with likelier spellings of words that are in no letter, in none of their forms."""
    found: list[str] = []
    spelled = 0
    for what in wanted:
        word = what.runs[0]
        if len(what.runs) > 1 or what.begins or spaceless(word) or word.isdigit():
            continue
        if not likely.SHORTEST <= len(word) <= likely.LONGEST:
            continue
        shapes = (word, *(shape for stem in forms(word, spoken) for shape in (stem, marks.STEM + stem)))
        if any(searching.known(db, shape) for shape in shapes):
            continue  # it is in a letter; that there are few is no slip
        spelled += 1
        if spelled > _SPELLED:
            break
        near = [(slip, 1) for slip in dict.fromkeys(likely.slips(word)) if slip and searching.known(db, slip)]
        near += searching.vocabulary(db, *likely.stretch(word), _LOOKED_AT)
        found += [
            typed.replace(what.typed, other) for other in likely.nearest(word, dict(reversed(near)).items(), _SUGGESTED)
        ]
    return tuple(one for one in dict.fromkeys(found) if one != typed)[:_SUGGESTED]


def views_of(db: Db, found: Sequence[FoundLetter]) -> list[LetterView]:
    """The letters and drafts that were found, as they are shown one by one."""
    from dearly.desk import views
    from dearly.drawer import drafts

    return [
        views.draft_view(drafts.load(db, one.number)) if one.draft else views.letter_view(db, one.number)
        for one in found
    ]
