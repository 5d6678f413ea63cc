"""What the desk shows at a glance. Everything here is found by an index: a page for a hundred letters costs about as
much as one for a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dearly.drawer.connection import Db
from dearly.drawer.drafts import UNWRITTEN
from dearly.drawer.objects import unpack_text
from dearly.drawer.rows import LAST, moment, written_at

_LOOKED_AT = 400
"""Of how many of the latest letters the people are found who are written to lately."""

_AT_HAND = """
SELECT d.number, d.subject, d.body, n.made, d.changed FROM drafts d JOIN numbers n ON n.number = d.number
WHERE d.state = 'page' AND NOT ((unwritten)) ORDER BY d.changed DESC, d.number DESC LIMIT ?
""".replace("(unwritten)", UNWRITTEN)


@dataclass(frozen=True, slots=True)
class DraftAtHand:
    """A draft on the page. `to`: names as the address book has them, else as they stand on the draft, else addresses;
    `persons`: ids of those who are in the book. `beginning`: of the text."""

    number: int
    to: tuple[str, ...]
    persons: tuple[int, ...]
    subject: str
    beginning: str
    whole: bool
    begun: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class Spoken:
    """A letter of a correspondence as the desk counts it. `at`: when it was written, as it says, but never later than
    when it came here. `answers`: number of the letter of theirs that it answers, when it is here."""

    number: int
    ours: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class PostedFacts:
    """What is known of a posted letter beside its journeys. `place`: where it was written, as its page said.
    `answered`: when the letter was written that it answers. `collected`: a carrier was tried, so that it cannot be
    taken back."""

    number: int
    posted: datetime
    date: datetime
    postcard: bool
    sender: str
    sender_name: str
    place: str
    answered: datetime | None
    collected: bool


def drafts_at_hand(db: Db, limit: int, beginning: int) -> list[DraftAtHand]:
    """Drafts on the page, the last changed first, each with so many characters of its beginning."""
    found = []
    for number, subject, body, made, changed in db.all(_AT_HAND, (limit,)):
        to = db.all(
            "SELECT coalesce(p.name, nullif(r.name, ''), r.address), r.person_id FROM draft_recipients r"
            " LEFT JOIN persons p ON p.id = r.person_id WHERE r.draft = ? ORDER BY r.position",
            (number,),
        )
        text = unpack_text(body).strip()
        found.append(
            DraftAtHand(
                number,
                tuple(name for name, _person in to),
                tuple(person for _name, person in to if person is not None),
                subject,
                text[:beginning],
                len(text) <= beginning,
                moment(made),
                moment(changed),
            )
        )
    return found


def written_with_lately(db: Db, limit: int) -> list[int]:
    """Persons of the latest letters, the latest first; where these are few, those who came into the book last."""
    latest = db.each(
        "SELECT c.person_id FROM (SELECT number, sort_key FROM letters ORDER BY sort_key DESC LIMIT ?) l"
        " JOIN correspondences c ON c.letter = l.number JOIN persons p ON p.id = c.person_id AND p.hidden = 0"
        " ORDER BY l.sort_key DESC",
        (_LOOKED_AT,),
    )
    found = _first(latest, limit)
    if len(found) < limit:
        newest = db.each(
            "SELECT id FROM persons WHERE hidden = 0 AND merged_into IS NULL ORDER BY id DESC LIMIT ?", (limit,)
        )
        found = list(dict.fromkeys((*found, *_first(newest, limit))))[:limit]
    return found


def _first(rows: Iterator[tuple[int, ...]], limit: int) -> list[int]:
    found: dict[int, None] = {}
    for (person,) in rows:
        found[person] = None
        if len(found) == limit:
            break
    return list(found)


def spoken(db: Db, person: int, limit: int) -> list[Spoken]:
    """The latest letters to and from one person, the latest first."""
    return [
        Spoken(number, direction == "out", moment(date if direction == "out" else min(date, filed)))
        for number, direction, date, filed in db.each(
            "SELECT l.number, l.direction, l.date, l.filed FROM correspondences c JOIN letters l ON l.number = c.letter"
            " WHERE c.person_id = ? AND c.sort_key < ? ORDER BY c.sort_key DESC LIMIT ?",
            (person, LAST, limit),
        )
    ]


def reply_to(db: Db, number: int) -> str | None:
    """What was decided about answering a letter of theirs: later, not_needed, or nothing."""
    found: str | None = db.value("SELECT reply FROM letters WHERE number = ?", (number,))
    return found


def posted_facts(db: Db, number: int) -> PostedFacts | None:
    """What is known of a letter of ours; None where there is none with this number."""
    row = db.one(
        "SELECT l.filed, l.date, l.date_offset, l.postcard, f.address, f.name,"
        " (SELECT d.place FROM drafts d WHERE d.number = l.number),"
        " (SELECT a.date FROM letters a WHERE a.letter_id = l.in_reply_to AND a.direction = 'in' LIMIT 1),"
        " EXISTS (SELECT 1 FROM sealed_forms s JOIN attempts t ON t.form = s.id WHERE s.letter = l.number)"
        " FROM letters l LEFT JOIN parties f ON f.letter = l.number AND f.role = 'from' AND f.position = 0"
        " WHERE l.number = ? AND l.direction = 'out'",
        (number,),
    )
    if row is None:
        return None
    filed, date, minutes, postcard, sender, name, place, answered, collected = row
    return PostedFacts(
        number,
        moment(filed),
        written_at(date, minutes),
        bool(postcard),
        sender or "",
        name or "",
        place or "",
        None if answered is None else moment(answered),
        bool(collected),
    )
