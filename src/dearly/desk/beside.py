"""What did I already tell them? The earlier letters of a correspondence beside the page that is being written, and the
words one looks for in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dearly.desk.correspondence import Found, look_through
from dearly.desk.desk import Desk
from dearly.drawer import drafts, people
from dearly.drawer.connection import Db
from dearly.letter.words import _

FIRST = 6
"""Earlier letters that lie beside the page at once."""

Pieces = tuple[tuple[str, bool], ...]


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

    def work(db: Db) -> EarlierLetters:
        page = drafts.load(db, number)
        person = next((one for one in page.persons if one is not None), None)
        if person is None:
            return EarlierLetters((), None)
        found = look_through(db, people.show(db, person).uid, query, before, limit)
        return EarlierLetters(tuple(map(_shown, found.letters)), found.more, found.name, found.uid)

    return await desk.drawer.read(work)


def _shown(one: Found) -> EarlierLetter:
    pieces = one.excerpt.pieces
    at = next((index for index, (_piece, found) in enumerate(pieces) if found), len(pieces))
    before, found, after = ("".join(piece for piece, _found in some) for some in _parts(pieces, at))
    name = _("You") if one.ours else one.writer
    return EarlierLetter(one.number, one.ours, name, one.date, one.subject, before, found, after)


def _parts(pieces: Pieces, at: int) -> tuple[Pieces, Pieces, Pieces]:
    return pieces[:at], pieces[at : at + 1], pieces[at + 1 :]
