"""What was kept of a letter byte for byte, with the way that it went or came, for those who write it down elsewhere:
posted forms with their journeys and attempts, parcels with their postmarks.

A letter may have come any number of times. Its first copies stand with it; further ones, so that one letter is never
more than a piece in memory, come behind all letters, among the parcels of which no letter was made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

from dearly.drawer import objects, offers
from dearly.drawer.connection import Db
from dearly.drawer.rows import maybe, moment
from dearly.letter.leaving import (
    Brought,
    Half,
    LeavingAttempt,
    LeavingJourney,
    Mark,
    Offer,
    Original,
)

PIECE = 200
"""Things that are read at a time, at most; so many copies of one letter stand with it."""

BUDGET = 16 << 20
"""Octets after which a piece ends, however few things are in it. One alone may be larger."""

ALONE = "letter IS NULL AND state <> 'refused'"
"""No letter was made of it (yet): not sorted, not opened, not to be opened; a report on nothing known here."""

_FURTHER = """
SELECT number FROM (
  SELECT a.number AS number, row_number() OVER copies AS n, sum(o.size) OVER copies AS octets
  FROM arrivals a JOIN objects o ON o.id = a.object_id
  WHERE a.letter IN (SELECT letter FROM arrivals WHERE letter IS NOT NULL GROUP BY letter HAVING count(*) > 1)
  WINDOW copies AS (PARTITION BY a.letter ORDER BY a.number)
) WHERE n > 1 AND (n > :most OR octets > :budget)
"""
_ENVELOPES = f"SELECT number FROM arrivals WHERE {ALONE} UNION ALL {_FURTHER}"  # noqa: S608 (constants of ours)

_ARRIVALS = """
SELECT a.number, n.uid, a.object_id, a.way, a.place, a.arrived, a.state, a.reason, a.from_name, a.from_address,
       a.seal_sha256 IS NOT NULL AND a.seal IS NOT 'never_sealed', a.seal, a.letter_id, a.at_door, a.seal_sha256,
       a.sorted, a.opened, p.uid, s.uid, l.number, l.direction, ln.uid
FROM arrivals a JOIN numbers n ON n.number = a.number LEFT JOIN persons p ON p.id = a.person_id
LEFT JOIN numbers s ON s.number = a.same_as
LEFT JOIN letters l ON l.number = a.letter LEFT JOIN numbers ln ON ln.number = l.number
WHERE a.number = ?
"""
_ATTEMPTS = """
SELECT a.id, a.begun, a.ended, j.address, t.outcome, t.why FROM attempts a
LEFT JOIN attempt_journeys t ON t.attempt = a.id LEFT JOIN journeys j ON j.id = t.journey
WHERE a.form = ? ORDER BY a.id, t.journey
"""
_JOURNEYS = """
SELECT j.address, j.way, j.place, j.state, j.since, j.not_before, j.attempts, j.reason, coalesce(p.uid, x''),
       iif(j.form IS NULL, NULL, (SELECT count(*) FROM sealed_forms f WHERE f.letter = j.letter AND f.id < j.form))
FROM journeys j LEFT JOIN persons p ON p.id = j.person_id WHERE j.letter = ? ORDER BY j.id
"""


def of_letter(db: Db, number: int, direction: Literal["in", "out"]) -> tuple[Original, ...]:
    """Of ours the forms in which it was posted, then what came, as far as it stands with the letter: the parcel of a
    letter of theirs, copies of it, our own copy that came back, reports."""
    posted = _posted(db, number) if direction == "out" else ()
    return (*posted, *_parcels(db, _first_copies(db, number), further=False))


def journeys(db: Db, number: int) -> tuple[LeavingJourney, ...]:
    """How a letter of ours went to each of its recipients."""
    return tuple(
        LeavingJourney(
            address,
            way,
            place,
            state,
            moment(since),
            moment(not_before),
            attempts,
            reason,
            person.hex(),
            form,
        )
        for address, way, place, state, since, not_before, attempts, reason, person, form in db.all(
            _JOURNEYS, (number,)
        )
    )


def offered(db: Db, number: int) -> tuple[Offer, ...]:
    """The keys that a letter gives."""
    return tuple(Offer(str(one.address), one.fingerprint, one.source.value) for one in offers.of_letter(db, number))


def halves(db: Db, number: int) -> tuple[Half, ...]:
    """The mails of their own in which enclosures of a letter came, or are to come."""
    return tuple(
        Half(letter_id, (inner or b"").hex(), name, size)
        for letter_id, inner, name, size in db.each(
            "SELECT letter_id, inner_sha256, name, size FROM pieces WHERE letter = ? ORDER BY letter_id", (number,)
        )
    )


def count(db: Db) -> int:
    """How many envelopes there are."""
    return int(db.value(f"SELECT count(*) FROM ({_ENVELOPES})", _limits()))  # noqa: S608 (a constant of ours)


def envelope_numbers(db: Db, behind: int) -> list[int]:
    """The next parcels behind this number of which no letter was made, or that are further copies of one. What was
    turned away at the door is not among them."""
    return [
        number
        for (number,) in db.each(
            f"SELECT number FROM ({_ENVELOPES}) WHERE number > :behind ORDER BY number LIMIT :most",  # noqa: S608 (a constant of ours)
            _limits() | {"behind": behind},
        )
    ]


def envelopes(db: Db, numbers: Sequence[int]) -> list[Original]:
    """Parcels by their numbers, as many as make a piece, one at least. Raises `Damaged` when one of them is: then ask
    for each alone."""
    out: list[Original] = []
    spent = 0
    for one in _parcels(db, numbers, further=True):
        out.append(one)
        spent += len(one.data)
        if spent > BUDGET:
            break
    return out


def _limits() -> dict[str, int]:
    return {"most": PIECE, "budget": BUDGET}


def _first_copies(db: Db, letter: int) -> list[int]:
    """Those that stand with the letter; the same rule as `_FURTHER`."""
    found: list[int] = []
    octets = 0
    for number, size in db.each(
        "SELECT a.number, o.size FROM arrivals a JOIN objects o ON o.id = a.object_id WHERE a.letter = ?"
        " ORDER BY a.number LIMIT ?",
        (letter, PIECE),
    ):
        octets += size
        if found and octets > BUDGET:
            break
        found.append(number)
    return found


def _posted(db: Db, number: int) -> Iterator[Original]:
    forms = db.all(
        "SELECT id, object_id, way, place, made, sender, quantum_safe, seal_sha256, inner_sha256"
        " FROM sealed_forms WHERE letter = ? ORDER BY id",
        (number,),
    )
    for form, object_id, way, place, made, sender, quantum_safe, seal_sha256, inner_sha256 in forms:
        sealed_to = _texts(db, "SELECT fingerprint FROM sealed_to WHERE form = ? ORDER BY position", form)
        yield Original(
            objects.get(db, object_id),
            way,
            place,
            moment(made),
            sealed=bool(sealed_to),
            state="posted",
            sender=sender,
            recipients=_texts(db, "SELECT address FROM form_recipients WHERE form = ? ORDER BY position", form),
            sealed_to=sealed_to,
            quantum_safe=bool(quantum_safe),
            seal_sha256=seal_sha256.hex(),
            inner_sha256=(inner_sha256 or b"").hex(),
            attempts=tuple(_attempts(db, form)),
        )


def _texts(db: Db, sql: str, form: int) -> tuple[str, ...]:
    return tuple(text for (text,) in db.all(sql, (form,)))


def _attempts(db: Db, form: int) -> Iterator[LeavingAttempt]:
    for (_id, begun, ended), rows in groupby(db.all(_ATTEMPTS, (form,)), key=lambda row: row[:3]):
        brought = tuple(
            Brought(address, outcome or "", why) for *_attempt, address, outcome, why in rows if address is not None
        )
        yield LeavingAttempt(moment(begun), maybe(ended), brought)


def _parcels(db: Db, numbers: Sequence[int], *, further: bool) -> Iterator[Original]:
    """Arrivals by their numbers. `further`: they stand behind the letters, and have to say of which they are."""
    for number in numbers:
        row = db.one(_ARRIVALS, (number,))
        if row is None:  # erased meanwhile
            continue
        _number, uid, object_id, way, place, arrived, state, reason, from_name, from_address, sealed, *more = row
        seal, letter_id, at_door, seal_sha256, sorted_at, opened, person, same_as, _letter, direction, of = more
        marks = db.all("SELECT way, place, validity, uid, at FROM postmarks WHERE arrival = ? ORDER BY id", (number,))
        yield Original(
            objects.get(db, object_id),
            way,
            place,
            moment(arrived),
            sealed=bool(sealed),
            state=state,
            number=number,
            uid=uid.hex(),
            reason=reason,
            from_name=from_name,
            from_address=from_address,
            letter_id=letter_id,
            seal=seal or "",
            at_door=bool(at_door) or None,
            seal_sha256=(seal_sha256 or b"").hex(),
            marks=tuple(Mark(w, p, validity, mark, moment(at)) for w, p, validity, mark, at in marks),
            person=(person or b"").hex(),
            sorted=maybe(sorted_at),
            opened=maybe(opened),
            same_as=(same_as or b"").hex(),
            letter=(of or b"").hex() if further else "",
            direction=(direction or "") if further else "",
        )
