"""Strangers at the door whose letters lie unfetched at a carrier: their headers, kept as claims until one answers.

A knock has a number of the drawer-wide sequence; when its letter is fetched, the arrival has the same. The same header
offered again is the same knock, also when the carrier has numbered its mailbox anew (F27, F28); but what could be two
letters is never taken for one (F38, A36).

Somebody who waits for a letter expects two things of the door: that it is not a queue of a thousand, and that nothing
a person wrote is thrown away by it. So the last `MOST_SHOWN` are shown; the older ones step back, silently, and come
forward again as soon as those before them are answered. Only a flood makes the door forget: beyond `MOST_WAITING` the
oldest headers are let go of. The letters themselves lie where they lay: at the provider nothing was touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dearly.drawer.connection import Args, Db
from dearly.drawer.numbers import new_number
from dearly.drawer.rows import LAST, address, maybe, moment, name_key, sound, stamp
from dearly.letter.address import Correspondent
from dearly.letter.clock import Chance
from dearly.letter.content import LetterId
from dearly.letter.envelope import LARGEST_PARCEL, Heading, Source, Way
from dearly.letter.sealing import Seal

MOST_SHOWN = 500
"""How many wait at the door where one sees them."""

MOST_WAITING = 5_000
"""How many headers wait unanswered; of more, the oldest are forgotten."""

LONGEST_SUBJECT = 1_000
"""Characters of a subject that are kept."""

_Values = tuple[str | int | None, ...]


class KnockState(StrEnum):
    """What was answered, and what came of it. GONE: it was let in, but does not lie at the carrier any more, or does
    not come whole."""

    WAITING = "waiting"
    LET_IN = "let_in"
    REFUSED = "refused"
    GONE = "gone"
    FETCHED = "fetched"


COMING = (KnockState.LET_IN, KnockState.GONE)
"""Let in, and not here yet."""

AT_DOOR = (KnockState.WAITING, *COMING)
"""What somebody who looks at the door finds there."""


@dataclass(frozen=True, slots=True)
class Knock:
    """A stranger's header at the door. `at`: when it was kept. `since`: when it came into its state."""

    number: int
    state: KnockState
    since: datetime
    at: datetime
    heading: Heading

    @property
    def too_large(self) -> bool:
        """Whether it is larger than anything that is opened, and so is never fetched."""
        return self.heading.size > LARGEST_PARCEL

    @property
    def seal(self) -> Seal | None:
        """What is known of its seal. Sealed letters are fetched, and knock only where they are too large for that
        (`desk.sieve`): of those, nothing."""
        return None if self.too_large else Seal.NEVER_SEALED


@dataclass(frozen=True, slots=True)
class Known:
    """What the drawer knows of those whom a batch of headers names: keys of addresses of ours (also of those that we
    have left), of people in the book, and of refused strangers; and by their ids letters of ours, with the octets that
    each has as it was posted (its largest form; 0 where it was not sealed yet)."""

    own: frozenset[str]
    people: frozenset[str]
    refused: frozenset[str]
    letters: Mapping[LetterId, int]


_HEARD_OF = """
SELECT s.address_key FROM strangers s
WHERE s.address_key IN (SELECT value FROM json_each(?)) AND s.from_archive = 1 AND s.answer IS NOT 'let_in'
  AND NOT EXISTS
    (SELECT 1 FROM parties t JOIN letters l ON l.number = t.letter
     WHERE t.address_key = s.address_key AND t.role <> 'from' AND l.direction = 'out')
"""


def heard_of(db: Db, key: str) -> bool:
    """Whether this address (`Address.key`) is in the book by letters of an archive alone, and nothing ever went there:
    at the door it is a stranger's, or else anybody could come in by a mail that was imported."""
    return db.one(_HEARD_OF, (json.dumps([key]),)) is not None


def known(db: Db, keys: Iterable[str], letter_ids: Iterable[LetterId]) -> Known:
    """Which of these addresses (`Address.key`) and ids are known here. Every question is answered by an index."""
    named = (json.dumps(sorted(set(keys))),)
    ids = (json.dumps(sorted({sound(one) for one in letter_ids})),)
    return Known(
        own=_all(
            db, "SELECT address_key FROM own_addresses WHERE address_key IN (SELECT value FROM json_each(?))", named
        ),
        people=_all(
            db,
            "SELECT a.address_key FROM addresses a WHERE a.address_key IN (SELECT value FROM json_each(?))"
            " AND a.kind <> 'postal' AND EXISTS (SELECT 1 FROM person_addresses e"
            " JOIN persons p ON p.id = e.person_id WHERE e.address_id = a.id AND p.hidden = 0)",
            named,
        )
        - _all(db, _HEARD_OF, named),
        refused=_all(
            db,
            "SELECT address_key FROM strangers WHERE answer = 'refused'"
            " AND address_key IN (SELECT value FROM json_each(?))",
            named,
        ),
        letters={
            LetterId(one): weight
            for one, weight in db.each(
                "SELECT l.letter_id, coalesce(max(o.size), 0) FROM letters l"
                " LEFT JOIN sealed_forms f ON f.letter = l.number LEFT JOIN objects o ON o.id = f.object_id"
                " WHERE l.letter_id IN (SELECT value FROM json_each(?)) AND l.direction = 'out' GROUP BY l.letter_id",
                ids,
            )
        },
    )


def namesakes(db: Db, names: Iterable[str]) -> frozenset[str]:
    """Which of these names somebody in the book has."""
    by_key = {name_key(name): name for name in names if name}
    found = _all(
        db,
        "SELECT name_key FROM persons WHERE name_key IN (SELECT value FROM json_each(?)) AND hidden = 0",
        (json.dumps(list(by_key)),),
    )
    return frozenset(name for key, name in by_key.items() if key in found)


def keep(db: Db, heading: Heading, now: datetime, chance: Chance) -> int | None:
    """Keep a stranger's header; the number of the new knock. None for one that is here already, whose letter was
    fetched, or whose sender was refused."""
    source, key = heading.source, heading.sender.address.key
    at = (source.way.value, source.place, source.validity, source.uid)
    # One header is known by all that it claims; a twin that differs in anything stands beside it (A36).
    claims: _Values = (
        key,
        None if heading.letter_id is None else sound(heading.letter_id),
        sound(heading.subject)[:LONGEST_SUBJECT],
        None if heading.date is None else stamp(heading.date),
        heading.size,
    )
    if db.value("SELECT 1 FROM strangers WHERE address_key = ? AND answer = 'refused'", (key,)) is not None:
        return None
    there = db.one(
        "SELECT number, from_key, letter_id, subject, date, size FROM knocks"
        " WHERE way = ? AND place = ? AND validity = ? AND uid = ?",
        at,
    )
    if there is not None:
        if there[1:] == claims:
            return None
        # The carrier has given this uid to another message (F29): the one before cannot be fetched by it any more.
        db.run(
            "UPDATE knocks SET uid = uid || ' ' || number, state = iif(state IN ('waiting', 'let_in'), 'gone', state),"
            " since = ? WHERE number = ?",
            (stamp(now), there[0]),
        )
    if there is None and (_fetched_from(db, at, claims) or _moved(db, at, claims, now)):
        return None
    number = new_number(db, "arrival", now, chance)
    db.run(
        "INSERT INTO knocks (number, way, place, validity, uid, size, state, since, at, from_name, from_address,"
        " from_key, subject, letter_id, date) VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            *at,
            heading.size,
            stamp(now),
            stamp(now),
            sound(heading.sender.name),
            str(heading.sender.address),
            key,
            claims[2],
            claims[1],
            claims[3],
        ),
    )
    return number


def _fetched_from(db: Db, at: _Values, claims: _Values) -> bool:
    """Whether an arrival with these claims was fetched from there: its sender was known then, and is not now."""
    return (
        db.one(
            "SELECT 1 FROM arrivals a JOIN postmarks m ON m.arrival = a.number WHERE a.from_key = ?5"
            " AND a.letter_id IS ?6 AND m.way = ?1 AND m.place = ?2 AND m.validity = ?3 AND m.uid = ?4",
            (*at, *claims[:2]),
        )
        is not None
    )


def _moved(db: Db, at: _Values, claims: _Values, now: datetime) -> bool:
    """Whether this is a knock that the carrier numbers anew (F27, F28): it is found there from now on. One that was let
    in and could not be found is to be fetched once more."""
    row = db.one(
        "SELECT number FROM knocks WHERE from_key = ?4 AND letter_id IS ?5 AND subject = ?6 AND date IS ?7"
        " AND size = ?8 AND way = ?1 AND place = ?2 AND validity <> ?3 AND state <> 'fetched' ORDER BY number LIMIT 1",
        (*at[:3], *claims),
    )
    if row is None:
        return False
    db.run(
        "UPDATE knocks SET validity = ?1, uid = ?2, since = iif(state = 'gone', ?3, since),"
        " state = iif(state = 'gone', 'let_in', state) WHERE number = ?4",
        (at[2], at[3], stamp(now), row[0]),
    )
    return True


def tidy(db: Db) -> int:
    """Forget the oldest waiting ones beyond `MOST_WAITING`; how many."""
    return db.run(
        "DELETE FROM knocks WHERE number IN (SELECT number FROM knocks WHERE state = 'waiting'"
        " ORDER BY number DESC LIMIT -1 OFFSET ?)",
        (MOST_WAITING,),
    )


def find(db: Db, number: int) -> Knock | None:
    """The knock with this number, whatever its state."""
    found = _read(db, "WHERE number = ?", (number,))
    return found[0] if found else None


def standing(db: Db, state: KnockState = KnockState.WAITING, limit: int = MOST_SHOWN) -> list[Knock]:
    """The last knocks in this state, the last one first."""
    return _read(db, "WHERE state = ? AND number < ? ORDER BY number DESC LIMIT ?", (state.value, LAST, limit))


def let_in(db: Db, key: str, now: datetime, *, refused: bool = True) -> list[int]:
    """The stranger with this address is known from now on: all their letters are to be fetched, also those that were
    refused before if `refused`; the numbers. What is larger than anything that is opened stays where it stands."""
    states = ("waiting", "gone", "refused") if refused else ("waiting", "gone")
    return _turn(db, key, states, KnockState.LET_IN, now, most=LARGEST_PARCEL)


def refuse(db: Db, key: str, now: datetime) -> list[int]:
    """Turn the letters of this address away; the numbers."""
    return _turn(db, key, ("waiting",), KnockState.REFUSED, now)


def leave(db: Db, key: str, now: datetime) -> list[int]:
    """Take the refusal back: they stand at the door again; the numbers."""
    return _turn(db, key, ("refused",), KnockState.WAITING, now)


def to_fetch(db: Db, way: Way, place: str, *, after: int = 0, limit: int = 50) -> list[Knock]:
    """Knocks that were let in and whose letters lie at this account, the first one first, after number `after`."""
    return _read(
        db,
        "WHERE state = 'let_in' AND number > ? AND way = ? AND place = ? ORDER BY number LIMIT ?",
        (after, way.value, place, limit),
    )


def settle(db: Db, number: int, state: KnockState, now: datetime) -> None:
    """What fetching the letter of a let-in knock came to: FETCHED or GONE."""
    assert state in {KnockState.FETCHED, KnockState.GONE}
    db.run(
        "UPDATE knocks SET state = ?, since = ? WHERE number = ? AND state = 'let_in'",
        (state.value, stamp(now), number),
    )


def is_of(knock: Knock, sender: Correspondent | None, letter_id: LetterId | None, date: datetime | None) -> bool:
    """Whether a letter with these claims is the one that knocked, as far as its header can tell. Its subject is not
    asked for: a carrier may give that otherwise in a header alone than in the whole (RFC 8621 4.1.3)."""
    claimed = knock.heading
    return (
        sender is not None
        and sender.address.key == claimed.sender.address.key
        and (None if letter_id is None else sound(letter_id)) == claimed.letter_id
        and (None if date is None else stamp(date)) == (None if claimed.date is None else stamp(claimed.date))
    )


def namesakes_of(db: Db, knock: Knock, limit: int = 10) -> list[int]:
    """Numbers of arrivals with the sender and id of this knock: one of them may be its letter, fetched under another
    name of the carrier's. Both are claims that anybody can make, so whoever asks compares more (A36)."""
    heading = knock.heading
    if heading.letter_id is None:
        return []
    return [
        number
        for (number,) in db.each(
            "SELECT number FROM arrivals WHERE from_key = ? AND letter_id = ? AND way = ? AND number <> ?"
            " ORDER BY number LIMIT ?",
            (heading.sender.address.key, sound(heading.letter_id), heading.source.way.value, knock.number, limit),
        )
    ]


def _turn(
    db: Db, key: str, states: tuple[str, ...], state: KnockState, now: datetime, *, most: int = LAST
) -> list[int]:
    numbers = [
        number
        for number, was, size in db.all(
            "SELECT number, state, size FROM knocks WHERE from_key = ? ORDER BY number", (key,)
        )
        if was in states and size <= most
    ]
    db.many(
        "UPDATE knocks SET state = ?, since = ? WHERE number = ?",
        [(state.value, stamp(now), number) for number in numbers],
    )
    return numbers


def _all(db: Db, sql: str, args: Args) -> frozenset[str]:
    return frozenset(str(one) for (one,) in db.each(sql, args))


_KNOCKS = """
SELECT number, state, since, at, way, place, validity, uid, size, from_name, from_address, subject, letter_id, date
FROM knocks
"""


def _read(db: Db, condition: str, args: Args) -> list[Knock]:
    return [
        Knock(
            number,
            KnockState(state),
            moment(since),
            moment(at),
            Heading(
                Source(Way(way), place, validity, uid),
                size,
                Correspondent(name, address(where)),
                subject,
                letter_id,
                maybe(date),
            ),
        )
        for number, state, since, at, way, place, validity, uid, size, name, where, subject, letter_id, date in db.each(
            _KNOCKS + condition, args
        )
    ]
