"""What did I already tell them? The earlier letters of a correspondence beside the page that is being written, and the
words one looks for in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dearly.desk.desk import Desk
from dearly.drawer import drafts, letters, people
from dearly.drawer.connection import Db
from dearly.letter.words import _
from dearly.mime import plain

FIRST = 6
"""Earlier letters that lie beside the page at once."""

_AROUND = 110
_BEGINNING = 190
_PAGE = 50
_MOST_LOOKED_THROUGH = 20_000


@dataclass(frozen=True, slots=True)
class EarlierLetter:
    """An earlier letter. `before`, `found`, `after`: some of its text, with the words that were looked for."""

    number: int
    mine: bool
    name: str
    date: datetime
    subject: str
    before: str
    found: str
    after: str


@dataclass(frozen=True, slots=True)
class EarlierLetters:
    """Some of them, the last first. `next`: number to go on before, None where that is all. `name`, `uid`: of the
    correspondent; "" where the page goes to nobody known."""

    letters: tuple[EarlierLetter, ...]
    next: int | None
    name: str = ""
    uid: str = ""


async def earlier(
    desk: Desk, number: int, query: str = "", before: int | None = None, limit: int = 20
) -> EarlierLetters:
    """Earlier letters to and from whom the page goes to (the first of them that is known), the last first; with
    `query`, those in which these words stand. Raises `NotFound` (no_draft)."""
    words = query.casefold().split()

    def work(db: Db) -> EarlierLetters:
        page = drafts.load(db, number)
        person = next((one for one in page.persons if one is not None), None)
        if person is None:
            return EarlierLetters((), None)
        who = _who(db, person)
        found: list[EarlierLetter] = []
        last: int | None = None
        for line in _lines(db, person, before):
            if len(found) == limit:
                return EarlierLetters(tuple(found), last, *who)
            last = line.number
            seen = _seen(db, line, words, who[0])
            if seen is not None:
                found.append(seen)
        return EarlierLetters(tuple(found), None, *who)

    return await desk.drawer.read(work)


def _who(db: Db, person: int) -> tuple[str, str]:
    known = people.show(db, person)
    return known.name, known.uid


def _lines(db: Db, person: int, before: int | None) -> Iterator[letters.LetterLine]:
    for _turn in range(_MOST_LOOKED_THROUGH // _PAGE):
        lines = letters.correspondence(db, person, newest_first=True, limit=_PAGE, after=before)
        yield from lines
        if len(lines) < _PAGE:
            return
        before = lines[-1].number


def _seen(db: Db, line: letters.LetterLine, words: list[str], name: str) -> EarlierLetter | None:
    mine = line.direction == "out"
    text = line.beginning if not words else letters.letter(db, line.number).text
    text = " ".join((text if mine else plain.shown(text)).split())
    subject = line.subject if mine else plain.shown(line.subject)
    said: tuple[str, str, str] = (_shortly(text), "", "")
    if words:
        lower = text.casefold()
        if not all(word in lower or word in subject.casefold() for word in words):
            return None
        said = _around(text, words)
    return EarlierLetter(line.number, mine, _("You") if mine else name, line.date, subject, *said)


def _shortly(text: str) -> str:
    return text if len(text) <= _BEGINNING else text[:_BEGINNING].rsplit(" ", 1)[0] + " …"


def _around(text: str, words: list[str]) -> tuple[str, str, str]:
    hit = re.search("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)), text, re.IGNORECASE)
    if hit is None:
        return _shortly(text), "", ""
    start, end = max(0, hit.start() - _AROUND), min(len(text), hit.end() + _AROUND)
    before = text[start : hit.start()]
    after = text[hit.end() : end]
    if start > 0:
        before = "… " + before.split(" ", 1)[-1]
    if end < len(text):
        after = after.rsplit(" ", 1)[0] + " …"
    return before, hit[0], after
