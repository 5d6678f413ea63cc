"""A correspondence as a book: any stretch of it, found by date, and words that stand in it.

Of a person it is what was written to them and came from them. Of a household or a circle it is what went to and fro
with all of them at once: its own letters, and those in which two of its members are named. Every question is answered
from an index, so that a stretch of a long book costs what one of a short book does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from dearly.drawer import objects, people
from dearly.drawer.connection import Db, Row
from dearly.drawer.persons import load
from dearly.drawer.rows import LAST, PER_DAY, day_begins, moment, written_at
from dearly.letter.errors import NotFound
from dearly.letter.sealing import Seal
from dearly.letter.words import _

_DAY = 86_400

_OF_PERSON = "SELECT sort_key, letter FROM correspondences WHERE person_id = :person"
_OF_GROUP = """
SELECT sort_key, letter FROM correspondences WHERE person_id = :person
UNION SELECT l.sort_key, l.number FROM letters l WHERE l.number IN (
  SELECT letter FROM parties
  WHERE person_id IN (SELECT member_id FROM memberships WHERE group_id = :person AND until IS NULL)
  GROUP BY letter HAVING count(DISTINCT person_id) >= 2)
"""
_LEAF = """
SELECT b.sort_key, l.number, l.letter_no, l.direction, l.date, l.date_offset, l.filed, l.postcard,
       coalesce(p.name, nullif(f.name, ''), f.address, ''),
       EXISTS (SELECT 1 FROM postmarks m JOIN arrivals a ON a.number = m.arrival
               WHERE a.letter = l.number AND m.way = 'paper')
         OR EXISTS (SELECT 1 FROM journeys j WHERE j.letter = l.number AND j.way = 'paper')
FROM ((book)) b JOIN letters l ON l.number = b.letter
LEFT JOIN parties f ON f.letter = l.number AND f.role = 'from' AND f.position = 0
LEFT JOIN persons p ON p.id = f.person_id
"""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One letter of the book, without its text. `key`: its place in the archive. `writer`: as the address book has the
    name, else as the letter has it. `letter_no`: as its writer counted it. `date`: as it was written, with the writer's
    offset. `paper`: it went on paper."""

    key: int
    number: int
    letter_no: int | None
    ours: bool
    date: datetime
    writer: str
    postcard: bool
    paper: bool


class Text(NamedTuple):
    """A letter to be looked through. `seal` None: one of ours."""

    key: int
    number: int
    ours: bool
    seal: Seal | None
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A correspondence in the list of all. `kind`: person, household or circle. `first`, `last`: when its first and its
    last letter were written. `ours`: the last one is ours. `reply`: what was decided about answering it, "" for
    nothing. `key`: of the last letter."""

    uid: str
    name: str
    kind: str
    first: datetime
    last: datetime
    number: int
    ours: bool
    reply: str
    key: int


class Book:
    """The correspondence of one entry of the address book. Valid only inside the unit of work that it was made in."""

    def __init__(self, db: Db, person: people.Person) -> None:
        self._db = db
        self.person = person
        self._sql = _OF_GROUP if person.kind != "person" and person.members else _OF_PERSON

    def key_of(self, number: int) -> int | None:
        """The place of a letter, None where it is not in this book."""
        return self._value(
            "SELECT b.sort_key FROM ((book)) b WHERE b.letter = :letter"
            " AND b.sort_key = (SELECT sort_key FROM letters WHERE number = :letter)",
            letter=number,
        )

    def first_from(self, key: int) -> int | None:
        """The place of the first letter at or after this place."""
        return self._value("SELECT min(b.sort_key) FROM ((book)) b WHERE b.sort_key >= :key", key=key)

    def last_until(self, key: int) -> int | None:
        """The place of the last letter at or before this place."""
        return self._value("SELECT max(b.sort_key) FROM ((book)) b WHERE b.sort_key <= :key", key=key)

    def which(self, key: int) -> int:
        """How many letters there are up to this place, with the one that lies there."""
        return self._value("SELECT count(*) FROM ((book)) b WHERE b.sort_key <= :key", key=key) or 0

    def leaves(self, key: int, limit: int, *, backwards: bool = False) -> list[Leaf]:
        """Letters from this place on, with the one that lies there: later ones in order, or earlier ones, the last
        first."""
        order = "b.sort_key <= :key ORDER BY b.sort_key DESC" if backwards else "b.sort_key >= :key ORDER BY b.sort_key"
        sql = f"{_LEAF} WHERE {order} LIMIT :limit"
        return [
            Leaf(
                place,
                number,
                letter_no,
                direction == "out",
                written_at(date if direction == "out" else min(date, filed), minutes),
                writer,
                bool(postcard),
                bool(paper),
            )
            for place, number, letter_no, direction, date, minutes, filed, postcard, writer, paper in self._each(
                sql, key=key, limit=limit
            )
        ]

    def years(self) -> list[int]:
        """The years (of days in UTC) in which letters lie, the first one first."""
        found: list[int] = []
        key = self.first_from(-LAST)
        while key is not None:
            found.append(day_of(key).year)
            key = self.first_from(year_begins(found[-1] + 1)) if found[-1] < 9999 else None
        return found

    def texts(self, before: int) -> Iterator[Text]:
        """Every letter before this place, the last one first."""
        yield from self._texts(
            "SELECT b.sort_key, l.number, l.direction, l.seal, l.subject, l.body FROM ((book)) b"
            " JOIN letters l ON l.number = b.letter WHERE b.sort_key < :key ORDER BY b.sort_key DESC",
            key=before,
        )

    def matching(self, match: str, before: int) -> Iterator[Text]:
        """As `texts`, of letters that the index finds by this expression (of `terms`)."""
        # No rowid is asked of the index for each letter of the book: of each that it finds, whether it is in the book.
        yield from self._texts(
            "SELECT s.rowid, l.number, l.direction, l.seal, l.subject, l.body FROM search s"
            " CROSS JOIN letters l ON l.sort_key = s.rowid WHERE s.search MATCH :match AND s.rowid < :key"
            " AND EXISTS (SELECT 1 FROM ((book)) b WHERE b.sort_key = l.sort_key) ORDER BY s.rowid DESC",
            key=before,
            match=match,
        )

    def _texts(self, sql: str, **args: int | str) -> Iterator[Text]:
        for key, number, direction, seal, subject, body in self._each(sql, **args):
            known = None if seal is None else Seal(seal)
            yield Text(key, number, direction == "out", known, subject, objects.unpack_text(body))

    def _value(self, sql: str, **args: int) -> int | None:
        found: int | None = self._db.value(self._in_book(sql), {"person": self.person.id, **args})
        return found

    def _each(self, sql: str, **args: int | str) -> Iterator[Row]:
        return self._db.each(self._in_book(sql), {"person": self.person.id, **args})

    def _in_book(self, sql: str) -> str:
        return sql.replace("((book))", f"({self._sql})")


def book(db: Db, uid: str) -> Book:
    """The book of the person, household or circle with this uid. Raises `NotFound` (unknown_person)."""
    if not re.fullmatch("[0-9a-f]{32}", uid):  # a name would be found too, and names do not stand in addresses
        raise NotFound(
            "unknown_person", _("There is no such correspondence."), _("The page of letters lists them all.")
        )
    return Book(db, people.find(db, uid))


def lines(db: Db, limit: int, before: Thread | None = None) -> list[Thread]:
    """Every correspondence in which a letter lies, the one with the latest letter first; of those with the same one,
    which was written to several, by uid. `before`: the last line of the page before."""
    start = (LAST, b"") if before is None else (before.key, bytes.fromhex(before.uid))
    found = [
        (latest, uid, name, kind, first)
        for uid, name, kind, first, latest in db.each(
            "SELECT uid, name, kind, first, latest FROM (SELECT uid, name, kind,"
            " (SELECT min(sort_key) FROM correspondences WHERE person_id = persons.id) AS first,"
            " (SELECT max(sort_key) FROM correspondences WHERE person_id = persons.id) AS latest"
            " FROM persons WHERE hidden = 0 AND merged_into IS NULL"
            " AND NOT (kind <> 'person' AND EXISTS (SELECT 1 FROM memberships WHERE group_id = persons.id)))"
            " WHERE (latest, uid) < (?, ?) ORDER BY latest DESC, uid DESC LIMIT ?",
            (*start, limit),
        )
    ]
    found += [one for one in _groups(db) if one[:2] < start]
    return [_line(db, *one) for one in sorted(found, reverse=True)[:limit]]


def thread_at(db: Db, uid: str) -> Thread | None:
    """The line of one correspondence; None where no letter lies in it. Raises `NotFound` (unknown_person)."""
    one = book(db, uid)
    first, latest = one.first_from(-LAST), one.last_until(LAST)
    if first is None or latest is None:
        return None
    person = one.person
    return _line(db, latest, bytes.fromhex(person.uid), person.name, str(person.kind), first)


def _groups(db: Db) -> list[tuple[int, bytes, str, str, int]]:
    found = []
    for person in load(
        db,
        "hidden = 0 AND merged_into IS NULL AND kind <> 'person' AND id IN (SELECT group_id FROM memberships)",
        (),
    ):
        one = Book(db, person)
        first, latest = one.first_from(-LAST), one.last_until(LAST)
        if first is not None and latest is not None:
            found.append((latest, bytes.fromhex(person.uid), person.name, str(person.kind), first))
    return found


def _line(db: Db, latest: int, uid: bytes, name: str, kind: str, first: int) -> Thread:
    number, direction, date, minutes, filed, reply = db.all(
        "SELECT number, direction, date, date_offset, filed, reply FROM letters WHERE sort_key = ?", (latest,)
    )[0]
    began = db.all("SELECT date, date_offset FROM letters WHERE sort_key = ?", (first,))[0]
    ours = direction == "out"
    return Thread(
        uid=uid.hex(),
        name=name,
        kind=kind,
        first=written_at(*began),
        last=written_at(date if ours else min(date, filed), minutes),
        number=number,
        ours=ours,
        reply="" if ours else reply or "",
        key=latest,
    )


def day_of(key: int) -> date:
    """The day (UTC) of a place in the archive."""
    return moment(key // PER_DAY * _DAY).astimezone(UTC).date()


def year_begins(year: int) -> int:
    """The first place in a year (UTC)."""
    return day_begins(date(year, 1, 1)) if year <= 9999 else LAST
