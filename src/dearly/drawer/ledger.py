"""What the ledger is reckoned from: the latest letters of each correspondence, and what was decided about them.

Of each correspondence a bounded number of letters is read, by an index; one whose last letter came from an archive long
after it was written is passed over at the first look. So the ledger of a hundred thousand letters costs what its open
correspondences cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from dearly.drawer.connection import Db
from dearly.drawer.rows import LAST, written_at
from dearly.letter.errors import NotFound
from dearly.letter.ledger import RESTS_BY_ITSELF, Turn
from dearly.letter.words import _

_LOOKED_AT = 24
"""Letters of a correspondence from which its standing is reckoned; beside them, whatever is kept for later."""

_RESTS = int(RESTS_BY_ITSELF.total_seconds())

_TURNS = """
SELECT l.number, l.direction, l.date, l.date_offset, l.filed, n.origin, n.made, l.reply, l.reply_on,
       (SELECT min(m.at) FROM arrivals a JOIN postmarks m ON m.arrival = a.number WHERE a.letter = l.number),
       EXISTS (SELECT 1 FROM letters o WHERE o.in_reply_to = l.letter_id AND o.direction <> l.direction)
FROM letters l JOIN numbers n ON n.number = l.number
WHERE l.number IN (
  SELECT letter FROM (SELECT letter FROM correspondences WHERE person_id = :person ORDER BY sort_key DESC LIMIT :most)
  UNION SELECT k.number FROM letters k INDEXED BY letters_for_later CROSS JOIN correspondences c
  WHERE k.reply = 'later' AND k.sort_key > :least AND c.letter = k.number AND c.person_id = :person)
"""

_PEOPLE = """
SELECT p.id, p.uid, p.name, p.kind,
       (SELECT c.letter FROM correspondences c WHERE c.person_id = p.id ORDER BY c.sort_key DESC LIMIT 1) AS latest
FROM persons p WHERE p.hidden = 0 AND p.merged_into IS NULL AND latest IS NOT NULL
"""
_OPEN = """
SELECT o.id, o.uid, o.name, o.kind, o.latest FROM ((people)) o
JOIN letters l ON l.number = o.latest JOIN numbers n ON n.number = l.number
WHERE n.origin <> 'import' OR n.made - l.date <= :rests OR l.reply IS NOT NULL
   OR o.id IN (SELECT c.person_id FROM letters k INDEXED BY letters_for_later CROSS JOIN correspondences c
               WHERE k.reply = 'later' AND k.sort_key > :least AND c.letter = k.number)
""".replace("((people))", f"({_PEOPLE})")


@dataclass(frozen=True, slots=True)
class Kept:
    """A correspondence of the ledger, with the letters that matter in it. `kind`: person, household or circle."""

    person: int
    uid: str
    name: str
    kind: str
    turns: tuple[Turn, ...]


def correspondences(db: Db, *, everything: bool) -> Iterator[Kept]:
    """Every correspondence on which something may be open; with `everything`, also those that rest by themselves."""
    rows = db.all(_PEOPLE) if everything else db.all(_OPEN, {"rests": _RESTS, "least": -LAST})
    for person, uid, name, kind, _latest in rows:
        yield Kept(person, uid.hex(), name, kind, turns(db, person))


def turns(db: Db, person: int) -> tuple[Turn, ...]:
    """The latest letters with this person (id), and those that are to be answered later."""
    return tuple(_turn(*row) for row in db.each(_TURNS, {"person": person, "most": _LOOKED_AT, "least": -LAST}))


def _turn(
    number: int,
    direction: str,
    written: int,
    minutes: int,
    filed: int,
    origin: str,
    made: int,
    reply: str | None,
    on: str | None,
    came: int | None,
    answered: int,
) -> Turn:
    ours, brought = direction == "out", origin == "import"
    # What a letter says of its day is a claim: it was not written after it had come, or was brought in. Only what was
    # posted here may be dated ahead.
    written = written if ours and not brought else min(written, filed)
    there = written if ours or brought else (came or filed)
    return Turn(
        number,
        ours,
        written_at(written, minutes),
        written_at(there, minutes),
        reply,
        None if on is None else date.fromisoformat(on),
        bool(answered),
        brought and made - written > _RESTS,
    )


def put_off(db: Db, number: int) -> date | None:
    """The day for which the answer to a letter was put off; None where none was named."""
    row = db.one("SELECT reply_on FROM letters WHERE number = ?", (number,))
    return date.fromisoformat(row[0]) if row is not None and row[0] is not None else None


def decide(db: Db, number: int, reply: str | None, on: date | None = None) -> None:
    """Keep what was decided about the answer to a letter: later (`on`: for which day), not_needed, rest; None takes it
    back. Of a letter of ours it can only be let rest. Raises `NotFound` (no_letter)."""
    changed = db.run(
        "UPDATE letters SET reply = ?1, reply_on = ?2 WHERE number = ?3"
        " AND (direction = 'in' OR ?1 IS NULL OR ?1 = 'rest')",
        (reply, None if on is None else on.isoformat(), number),
    )
    if not changed:
        raise NotFound("no_letter", _("There is no letter with the number {n} that came for you.").format(n=number))
