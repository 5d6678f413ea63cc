"""Filed letters, ours and theirs, and the correspondences they make.

A letter's key is its drawer-wide number. Its LetterId is a claim that anyone can write: the same letter is the same
LetterId *and* the same signed bytes (`inner_sha256`); the same id with other bytes is another letter, both are kept and
both are marked as twins (A36, F38). Archive order is by date, through `sort_key`: day << 20 | n. This is the face of
the letters: putting them in is `filing`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dearly.drawer import objects
from dearly.drawer.connection import Db
from dearly.drawer.damage import damaged
from dearly.drawer.enclosed import IN_LETTER, Enclosed
from dearly.drawer.filing import Filed, Received, content_digest, file_received, file_sent, own_id, same
from dearly.drawer.rows import LAST, address, maybe, moment, written_at
from dearly.letter.address import Correspondent
from dearly.letter.content import Enclosure, Letter, LetterId
from dearly.letter.envelope import Way
from dearly.letter.errors import NotFound
from dearly.letter.sealing import Seal, Signed
from dearly.letter.words import _

__all__ = [
    "Direction",
    "Enclosed",
    "Filed",
    "FiledLetter",
    "LetterLine",
    "Party",
    "Postmark",
    "Received",
    "Reply",
    "content",
    "content_digest",
    "correspondence",
    "correspondence_count",
    "damaged",
    "enclosure",
    "file_received",
    "file_sent",
    "html",
    "letter",
    "our_numbers",
    "own_id",
    "postmarks_of",
    "same",
    "their_numbers",
    "threading",
    "with_id",
]

Direction = Literal["out", "in"]
Reply = Literal["later", "not_needed", "rest"]
"""What the reader of a letter may decide about answering it, beside answering it; `rest` also of a letter of ours, for
which no answer is waited any more."""

_BEGINNING = 200
_MOST_REFERENCES = 50


@dataclass(frozen=True, slots=True)
class Party:
    """Someone named by a letter. `role`: from, to or cc. `person`: id in the address book, None for nobody known."""

    role: str
    who: Correspondent
    person: int | None


@dataclass(frozen=True, slots=True)
class Postmark:
    """One way by which a letter came: when it was taken in, and from which place."""

    way: Way
    place: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A letter as listed. `date` carries the writer's offset. `persons`: names in the address book of the
    correspondents it was written to or came from. `beginning`: its first 200 characters."""

    number: int
    direction: Direction
    letter_no: int | None
    date: datetime
    subject: str
    beginning: str
    persons: tuple[str, ...]
    seal: Seal | None
    twin: bool
    enclosures: int


@dataclass(frozen=True, slots=True)
class FiledLetter:
    """A letter whole, but for the bytes of its enclosures (`enclosure`).

    `seal`, `quantum_safe`, `signer` (fingerprint), `signed_at`: what opening came to; None for our own. `postcard`:
    ours, chosen to go unsealed. `filed`: when it was posted or opened. `has_html`: whether `html` has something.
    `commonmark`: False for another program's text. `signature`: what one that was never sealed carries. `reply`: what
    its reader decided about answering it, if anything. `answers`, `answered_by`: numbers of letters at hand."""

    number: int
    uid: str
    direction: Direction
    letter_id: LetterId
    letter_no: int | None
    date: datetime
    subject: str
    text: str
    parties: tuple[Party, ...]
    in_reply_to: LetterId | None
    references: tuple[LetterId, ...]
    enclosed: tuple[Enclosed, ...]
    postmarks: tuple[Postmark, ...]
    seal: Seal | None
    quantum_safe: bool | None
    signer: str | None
    signed_at: datetime | None
    postcard: bool
    twin: bool
    has_html: bool
    commonmark: bool
    reply: Reply | None
    answers: tuple[int, ...]
    answered_by: tuple[int, ...]
    filed: datetime
    signature: Signed

    @property
    def sender(self) -> Correspondent | None:
        """Who it says it is from; None when that could not be read."""
        return next((party.who for party in self.parties if party.role == "from"), None)

    @property
    def to(self) -> tuple[Correspondent, ...]:
        """To whom it says it went."""
        return tuple(party.who for party in self.parties if party.role == "to")


def letter(db: Db, number: int) -> FiledLetter:
    """The letter with this number, or the one that the arrival with this number was another copy of. Raises
    `NotFound` (no_letter), `Damaged` (text_damaged)."""
    row = db.one(
        "SELECT l.number, n.uid, l.direction, l.letter_id, l.letter_no, l.date, l.date_offset, l.subject, l.body,"
        " l.in_reply_to, l.seal, l.quantum_safe, l.signer, l.signed_at, l.postcard, l.twin, l.html, l.filed,"
        " l.commonmark, l.reply, l.signature"
        " FROM letters l JOIN numbers n ON n.number = l.number"
        " WHERE l.number = coalesce((SELECT letter FROM arrivals WHERE number = ?1), ?1)",
        (number,),
    )
    if row is None:
        raise _no_letter(number)
    number, uid, direction, letter_id, letter_no, date, minutes, subject, body = row[:9]
    in_reply_to, seal, quantum_safe, signer, signed_at, postcard, twin, has_html, filed, *more = row[9:]
    commonmark, reply, signature = more
    return FiledLetter(
        number=number,
        uid=uid.hex(),
        direction=direction,
        letter_id=letter_id,
        letter_no=letter_no,
        date=written_at(date, minutes),
        subject=subject,
        text=objects.unpack_text(body),
        parties=_parties(db, number),
        in_reply_to=in_reply_to,
        references=_references(db, number),
        enclosed=IN_LETTER.listed(db, number),
        postmarks=postmarks_of(db, number) if direction == "in" else (),
        seal=None if seal is None else Seal(seal),
        quantum_safe=None if quantum_safe is None else bool(quantum_safe),
        signer=signer,
        signed_at=maybe(signed_at),
        postcard=bool(postcard),
        twin=bool(twin),
        has_html=has_html is not None,
        commonmark=bool(commonmark),
        signature=Signed.NONE if signature is None else Signed(signature),
        reply=reply,
        answers=() if in_reply_to is None else tuple(with_id(db, in_reply_to)),
        answered_by=tuple(
            answer
            for (answer,) in db.each("SELECT number FROM letters WHERE in_reply_to = ? ORDER BY number", (letter_id,))
        ),
        filed=moment(filed),
    )


def content(db: Db, number: int) -> Letter:
    """A letter of ours as it was finished, with the bytes of its enclosures: what rendering needs. Raises `NotFound`
    (no_letter), `Damaged`."""
    filed = letter(db, number)
    if filed.direction != "out" or filed.sender is None:
        raise _no_letter(number)
    return Letter(
        letter_id=filed.letter_id,
        sender=filed.sender,
        to=filed.to,
        date=filed.date,
        subject=filed.subject,
        text=filed.text,
        enclosures=IN_LETTER.whole(db, filed.number),
        in_reply_to=filed.in_reply_to,
        references=filed.references,
        letter_no=filed.letter_no,
    )


def enclosure(db: Db, number: int, position: int) -> Enclosure:
    """One enclosure with its bytes. Raises `NotFound` (no_enclosure), `Damaged` (object_damaged)."""
    return IN_LETTER.bytes_of(db, number, position)


def html(db: Db, number: int) -> str | None:
    """The HTML that a letter from another program carried, as it came. Never to be shown but in the locked frame."""
    found = db.value("SELECT html FROM letters WHERE number = ?", (number,))
    return None if found is None else objects.get(db, found).decode()


_NEXT_LETTERS = """
SELECT c.sort_key, l.number, l.direction, l.letter_no, l.date, l.date_offset, l.subject, l.body, l.seal, l.twin,
       (SELECT count(*) FROM enclosures e WHERE e.letter = l.number)
FROM correspondences c JOIN letters l ON l.number = c.letter
"""
_NAMES = """
SELECT c.letter, p.name FROM correspondences page
JOIN correspondences c ON c.letter = page.letter JOIN persons p ON p.id = c.person_id
WHERE page.person_id = ? AND page.sort_key BETWEEN ? AND ? ORDER BY p.name_key
"""
_FORWARDS = "WHERE c.person_id = ? AND c.sort_key > ? ORDER BY c.sort_key LIMIT ?"
_BACKWARDS = "WHERE c.person_id = ? AND c.sort_key < ? ORDER BY c.sort_key DESC LIMIT ?"


def correspondence(
    db: Db, person: int, *, newest_first: bool = False, limit: int = 100, after: int | None = None
) -> list[LetterLine]:
    """Letters to and from one person (or household, or circle), by date. `after`: number of the last one of the page
    before."""
    start = LAST if newest_first else -LAST
    if after is not None:
        start = db.value("SELECT sort_key FROM letters WHERE number = ?", (after,))
    rows = db.all(_NEXT_LETTERS + (_BACKWARDS if newest_first else _FORWARDS), (person, start, limit))
    persons: dict[int, list[str]] = {}
    if rows:
        for letter, name in db.each(_NAMES, (person, *sorted((rows[0][0], rows[-1][0])))):
            persons.setdefault(letter, []).append(name)
    return [
        LetterLine(
            number,
            direction,
            letter_no,
            written_at(date, minutes),
            subject,
            objects.unpack_text(body)[:_BEGINNING],
            tuple(persons[number]),
            None if seal is None else Seal(seal),
            bool(twin),
            enclosures,
        )
        for _key, number, direction, letter_no, date, minutes, subject, body, seal, twin, enclosures in rows
    ]


def correspondence_count(db: Db, person: int) -> int:
    """How many letters there are to and from this person."""
    return int(db.value("SELECT count(*) FROM correspondences WHERE person_id = ?", (person,)))


def with_id(db: Db, letter_id: LetterId) -> list[int]:
    """Numbers of all letters that claim this id, the oldest number first."""
    return [n for (n,) in db.each("SELECT number FROM letters WHERE letter_id = ? ORDER BY number", (letter_id,))]


def our_numbers(db: Db, person: int) -> list[int]:
    """The letter numbers that we gave in this correspondence, ascending. Letters taken back do not count."""
    return [
        n
        for (n,) in db.each(
            "SELECT l.letter_no FROM correspondences c JOIN letters l ON l.number = c.letter"
            " WHERE c.person_id = ? AND l.direction = 'out' AND l.letter_no IS NOT NULL ORDER BY l.letter_no",
            (person,),
        )
    ]


def their_numbers(db: Db, person: int) -> list[int]:
    """The letter numbers that they gave, ascending, from letters whose seal proves the writer, or unsealed ones."""
    return [
        n
        for (n,) in db.each(
            "SELECT l.letter_no FROM correspondences c JOIN letters l ON l.number = c.letter"
            " WHERE c.person_id = ? AND l.direction = 'in' AND l.letter_no IS NOT NULL"
            " AND l.seal IN ('signed_first_seen', 'signed_pinned', 'signed_verified', 'never_sealed')"
            " ORDER BY l.letter_no",
            (person,),
        )
    ]


def threading(db: Db, number: int) -> tuple[LetterId, tuple[LetterId, ...]]:
    """In-Reply-To and References (RFC 5322 3.6.4) of an answer to this letter: at most 50, the first one kept."""
    filed = letter(db, number)
    line = filed.references or ((filed.in_reply_to,) if filed.in_reply_to else ())
    line = tuple(dict.fromkeys((*line, filed.letter_id)))
    if len(line) > _MOST_REFERENCES:
        line = (line[0], *line[1 - _MOST_REFERENCES :])
    return filed.letter_id, line


def postmarks_of(db: Db, number: int) -> tuple[Postmark, ...]:
    """Every way by which this letter came, the first one first."""
    return tuple(
        Postmark(Way(way), place, moment(at))
        for way, place, at in db.each(
            "SELECT m.way, m.place, min(m.at) FROM arrivals a JOIN postmarks m ON m.arrival = a.number"
            " WHERE a.letter = ? GROUP BY m.way, m.place ORDER BY min(m.id)",
            (number,),
        )
    )


def _parties(db: Db, number: int) -> tuple[Party, ...]:
    return tuple(
        Party(role, Correspondent(name, address(where)), person)
        for role, name, where, person in db.each(
            "SELECT role, name, address, person_id FROM parties WHERE letter = ? ORDER BY role, position", (number,)
        )
    )


def _references(db: Db, number: int) -> tuple[LetterId, ...]:
    return tuple(
        LetterId(one)
        for (one,) in db.each("SELECT letter_id FROM letter_references WHERE letter = ? ORDER BY position", (number,))
    )


def _no_letter(number: int) -> NotFound:
    return NotFound(
        "no_letter",
        _("There is no letter with the number {n}.").format(n=number),
        _("“dearly letterbox”, “dearly outbox” and “dearly correspondence” list the numbers."),
    )
