"""Act 10: correspondences. All of them in a list, each as a book, and what was said in one before.

A book is read by stretches of some letters: by year, from a day, from a letter, from either end. What stands on the
paper of each letter is made by the limited child, as in `reading`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dearly.desk import reading
from dearly.desk.desk import Desk
from dearly.desk.looking import MOST_WORDS, excerpt, fold, words_of
from dearly.desk.search import beginnings
from dearly.drawer import correspondence as shelf
from dearly.drawer import people, searching, settings
from dearly.drawer.connection import Db
from dearly.drawer.correspondence import Leaf, Text, Thread
from dearly.drawer.enclosed import IN_LETTER
from dearly.drawer.letters import their_numbers
from dearly.drawer.rows import LAST, day_begins
from dearly.letter.errors import NotFound
from dearly.letter.ledger import missing
from dearly.letter.sealing import CAUTION
from dearly.letter.words import _
from dearly.mime import plain
from dearly.opener.showing import Paper
from dearly.terms.entry import VERSION
from dearly.terms.excerpt import Excerpt
from dearly.terms.expression import Sight, expression
from dearly.terms.folding import runs, spaceless
from dearly.terms.query import Item, Query, Words

__all__ = [
    "Chapter",
    "Earlier",
    "Found",
    "Thread",
    "Threads",
    "Voice",
    "book",
    "earlier",
    "look_through",
    "on_day",
    "threads",
]

STRETCH = 24
"""Letters that are shown at once."""

MOST_PRINTED = 400
"""Letters that are made ready for print at once."""

SILENCE = timedelta(days=120)
"""Between two letters: so long a time without one is said."""

MOST_LOOKED_THROUGH = 20_000
"""Letters that one search looks through; it can be gone on with from there."""

_AT_ONCE = 40
_SHORT = 3
"""Letters of a beginning from which on the index finds its words quickly."""


@dataclass(frozen=True, slots=True)
class Threads:
    """Correspondences, the one with the latest letter first. `more`: uid of the last one, to go on after it; None where
    that is all."""

    lines: tuple[Thread, ...]
    more: str | None


@dataclass(frozen=True, slots=True)
class Voice:
    """One letter of a book. `letter_no`: as its writer counted it. `which`: its number in the book, from 1. `html`: of
    its paper; "" where it is not shown here, because its seal asks for caution. `since`: days since the letter before
    it, None for the first of all. `enclosed`: names of the files that lay in it; none where it is not shown."""

    number: int
    letter_no: int | None
    ours: bool
    writer: str
    date: datetime
    which: int
    html: str
    paper: bool
    postcard: bool
    since: int | None
    enclosed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """A stretch of a book. `mine`: our own name. `first`: when its first letter was written. `letters` in the order in
    which they are read; `newest_first`: which one that is. `years`: all in which there are letters. `year`: of the
    first letter here. `back`, `on`: letter from which the stretch before and after this one is read, None at the ends;
    `starts`, `ends`: this stretch has the first, the last letter of all. `missing`: numbers that they gave to letters
    which are not here."""

    uid: str
    name: str
    kind: str
    mine: str
    first: datetime | None
    letters: tuple[Voice, ...]
    newest_first: bool
    years: tuple[int, ...]
    year: int | None
    back: int | None
    on: int | None
    starts: bool
    ends: bool
    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A letter in which words were found."""

    number: int
    ours: bool
    writer: str
    date: datetime
    subject: str
    excerpt: Excerpt


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was found, the last letter first. `more`: letter to go on before, None where that is all."""

    name: str
    uid: str
    letters: tuple[Found, ...]
    more: int | None


async def threads(desk: Desk, before: str | None = None, limit: int = 60) -> Threads:
    """Every correspondence, by its latest letter. `before`: `more` of the page before. Raises `NotFound`."""

    def work(db: Db) -> list[Thread]:
        return shelf.lines(db, limit + 1, None if before is None else shelf.thread_at(db, before))

    lines = await desk.drawer.read(work)
    return Threads(tuple(lines[:limit]), lines[limit - 1].uid if len(lines) > limit else None)


async def book(
    desk: Desk,
    uid: str,
    *,
    at: int | None = None,
    year: int | None = None,
    newest_first: bool = False,
    limit: int = STRETCH,
) -> Chapter:
    """A stretch of a correspondence: from the letter `at`, or from the first (read backwards, the last) one of `year`;
    without either its last letters. Raises `NotFound` (unknown_person, no_letter)."""
    stretch = await desk.drawer.read(lambda db: _stretch(db, uid, at, year, newest_first, limit))
    leaves = stretch.leaves
    papers: list[Paper] = []
    for begin in range(0, len(leaves), _AT_ONCE):
        papers += await reading.paper_many(desk, [leaf.number for leaf in leaves[begin : begin + _AT_ONCE]])
    earlier = [*leaves[1:], stretch.older] if newest_first else [stretch.older, *leaves[:-1]]
    voices = [
        Voice(
            number=leaf.number,
            letter_no=leaf.letter_no,
            ours=leaf.ours,
            writer=stretch.mine if leaf.ours else plain.shown(leaf.writer),
            date=leaf.date,
            which=stretch.which + (-index if newest_first else index),
            html=paper.html,
            paper=leaf.paper,
            postcard=leaf.postcard,
            since=None if before is None else (leaf.date - before.date).days,
            enclosed=stretch.enclosed[leaf.number] if paper.html else (),
        )
        for index, (leaf, paper, before) in enumerate(zip(leaves, papers, earlier, strict=False))
    ]
    return Chapter(
        uid=stretch.person.uid,
        name=stretch.person.name,
        kind=str(stretch.person.kind),
        mine=stretch.mine,
        first=stretch.first,
        letters=tuple(voices),
        newest_first=newest_first,
        years=stretch.years,
        year=shelf.day_of(leaves[0].key).year if leaves else None,
        back=stretch.back,
        on=stretch.on,
        starts=(stretch.on if newest_first else stretch.back) is None,
        ends=(stretch.back if newest_first else stretch.on) is None,
        missing=stretch.missing,
    )


@dataclass(frozen=True, slots=True)
class _Stretch:
    """`leaves` in the order of reading; `enclosed`: what lay in them, by their numbers. `older`: the letter before the
    oldest of them. `which`: number of the first."""

    person: people.Person
    mine: str
    first: datetime | None
    years: tuple[int, ...]
    leaves: list[Leaf]
    enclosed: dict[int, tuple[str, ...]]
    older: Leaf | None
    which: int
    back: int | None
    on: int | None
    missing: tuple[int, ...]


def _stretch(db: Db, uid: str, at: int | None, year: int | None, newest_first: bool, limit: int) -> _Stretch:
    found = shelf.book(db, uid)
    start = _start(found, at, year, newest_first, limit)
    leaves = found.leaves(start, limit + 1, backwards=newest_first)
    rest, leaves = leaves[limit:], leaves[:limit]
    gone = found.leaves(leaves[0].key, limit + 1, backwards=not newest_first)[1:] if leaves else []
    older = rest if newest_first else gone
    first = found.leaves(-LAST, 1)
    return _Stretch(
        person=found.person,
        mine=settings.get(db, "name", ""),
        first=first[0].date if first else None,
        years=tuple(found.years()),
        leaves=leaves,
        enclosed={leaf.number: _enclosed(db, leaf.number) for leaf in leaves},
        older=older[0] if older else None,
        which=found.which(leaves[0].key) if leaves else 0,
        back=gone[-1].number if gone else None,
        on=rest[0].number if rest else None,
        missing=tuple(missing(their_numbers(db, found.person.id))),
    )


def _enclosed(db: Db, number: int) -> tuple[str, ...]:
    """Names of what lay in a letter beside its text; pictures that stand in the text are none of it."""
    return tuple(plain.clean_filename(one.name) for one in IN_LETTER.listed(db, number) if one.cid is None)


def _start(found: shelf.Book, at: int | None, year: int | None, newest_first: bool, limit: int) -> int:
    """The place from which a stretch is read."""
    if at is not None:
        key = found.key_of(at)
        if key is None:
            raise NotFound(
                "no_letter",
                _("The letter with the number {n} is not in this correspondence.").format(n=at),
                _("It may be in another one, or it was taken back."),
            )
        return key
    if year is not None:
        if newest_first:
            return shelf.year_begins(year + 1) - 1
        return shelf.year_begins(year)
    if newest_first:
        return LAST
    last = found.leaves(LAST, limit, backwards=True)
    return last[-1].key if last else -LAST


async def on_day(desk: Desk, uid: str, day: date) -> int | None:
    """The first letter of this day or after it, else the last one of all; None where there is none.

    Raises `NotFound` (unknown_person)."""

    def work(db: Db) -> int | None:
        found = shelf.book(db, uid)
        key = found.first_from(day_begins(day))
        key = found.last_until(LAST) if key is None else key
        return None if key is None else found.leaves(key, 1)[0].number

    return await desk.drawer.read(work)


async def earlier(desk: Desk, uid: str, query: str, before: int | None = None, limit: int = 20) -> Earlier:
    """Letters of a correspondence in which words begin with all of these, the last one first, however they are written:
    large or small, with accents or without. Without words, its last letters. Raises `NotFound` (unknown_person)."""
    return await desk.drawer.read(lambda db: look_through(db, uid, query, before, limit))


def look_through(db: Db, uid: str, query: str, before: int | None, limit: int) -> Earlier:
    """See `earlier`; for whoever is at the drawer already."""
    found = shelf.book(db, uid)
    words = words_of(query)
    start = LAST if before is None else found.key_of(before)
    hits: list[tuple[int, Excerpt, str]] = []
    more: int | None = None
    last = before
    for looked, one in enumerate(_texts(db, found, query, words, LAST if start is None else start)):
        if len(hits) == limit or looked == MOST_LOOKED_THROUGH:
            more = last
            break
        last = one.number
        if one.seal in CAUTION:
            continue  # nothing of it is shown before its reader asks for it
        text, about = (one.text, one.subject) if one.ours else (plain.shown(one.text), plain.shown(one.subject))
        hits.append((one.key, excerpt(text, words), about))
    mine = settings.get(db, "name", "")
    letters = []
    for key, said, about in hits:
        (leaf,) = found.leaves(key, 1)
        writer = mine if leaf.ours else plain.shown(leaf.writer)
        letters.append(Found(leaf.number, leaf.ours, writer, leaf.date, about, said))
    return Earlier(found.person.name, found.person.uid, tuple(letters), more)


def _texts(db: Db, found: shelf.Book, query: str, words: tuple[str, ...], before: int) -> Iterator[Text]:
    """The letters before this place in which words begin so, by the index. All texts are read where some are in no
    index yet, and for a beginning so short that nearly every letter has it: the first ones are enough then."""
    pieces = [tuple(runs(word)) for word in query.split()[:MOST_WORDS]]
    asked = Query(tuple((Item(Words(one, phrase=len(one) > 1, begins=True)),) for one in pieces if one))
    short = any(len(word) < _SHORT and not spaceless(word) for one in pieces for word in one[-1:])
    if short or not asked.clauses or searching.unindexed(db, VERSION):
        return (one for one in found.texts(before) if _has(one, words))
    match = expression(asked, Sight({}, (), beginnings(db, asked)))
    return found.matching(f"{{subject body}} : ({match})", before)


def _has(one: Text, words: tuple[str, ...]) -> bool:
    folded, about = fold(one.text), fold(one.subject)
    return all(word in folded or word in about for word in words)
