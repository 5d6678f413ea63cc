"""The letterbox: parcels as they were fetched, kept byte for byte, and what became of each.

An arrival gets its drawer-wide number when it is taken in, and the letter in it has the same. The same bytes are taken
in once, whatever the carrier calls them (F27-F29, F35); each place where they lay is a postmark. What sorting found on
the outside (who it says it is from, which id) is a claim, kept as such. Order is by number: the counter, never a date.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dearly.drawer import chain, knocks, objects
from dearly.drawer.connection import Args, Db
from dearly.drawer.letters import Postmark
from dearly.drawer.numbers import new_number
from dearly.drawer.objects import Packed
from dearly.drawer.rows import LAST, address, moment, sound, stamp
from dearly.letter.address import Address, Correspondent
from dearly.letter.clock import Chance
from dearly.letter.content import LetterId
from dearly.letter.envelope import Parcel, Source, Way
from dearly.letter.errors import NotFound, Refused
from dearly.letter.sealing import Seal
from dearly.letter.words import _


class ArrivalState(StrEnum):
    """What became of an arrival. NEW: not sorted yet. OWN: our own copy. REPORT: a carrier's report on a letter of
    ours. SAME: another copy of an arrival that is here. REFUSED: at the door, and turned away. IMPORTED: out of an
    archive, and never in the letterbox."""

    NEW = "new"
    UNOPENED = "unopened"
    OPENED = "opened"
    UNREADABLE = "unreadable"
    OWN = "own"
    REPORT = "report"
    SAME = "same"
    REFUSED = "refused"
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Outside:
    """What sorting found on the outside. `seal`: NEVER_SEALED, or None for a sealed one, which says nothing before it
    is opened. `person`: whose address the claimed sender's is. `at_door`: a stranger's, who waits if not let in."""

    sender: Correspondent | None
    letter_id: LetterId | None
    seal_sha256: bytes | None
    seal: Seal | None
    person: int | None
    at_door: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """An arrival. `sender`: as the outside claims; None when unreadable. `letter`: number of the letter it held.
    `same_as`: number of the arrival that this is another copy of. `postmarks`: of the envelope and all its copies."""

    number: int
    uid: str
    state: ArrivalState
    at_door: bool
    arrived: datetime
    way: Way
    place: str
    sender: Correspondent | None
    person_id: int | None
    person: str | None
    letter_id: LetterId | None
    raw_sha256: bytes
    seal_sha256: bytes | None
    seal: Seal | None
    reason: str
    letter: int | None
    same_as: int | None
    postmarks: tuple[Postmark, ...]


def take_in(
    db: Db,
    parcel: Parcel,
    raw_sha256: bytes,
    *,
    now: datetime,
    chance: Chance,
    packed: Packed | None = None,
    number: int | None = None,
) -> int | None:
    """Keep a parcel; its new number. None when these very bytes are here already: then only the postmark is added.
    None also for bytes that were here and whose letter was erased: they do not come back by themselves.

    `raw_sha256`: SHA-256 of `parcel.data`. `packed`: `objects.pack(parcel.data)`, where it was made beforehand.
    `number`: the one that its header was given at the door (`knocks`)."""
    source = parcel.source
    there = db.value("SELECT number FROM arrivals WHERE raw_sha256 = ?", (raw_sha256,))
    if there is None and chain.known(db, chain.Kind.ERASED, raw_sha256):
        return None
    if there is not None:
        number = there
    elif number is None:
        number = new_number(db, "arrival", now, chance)
    if there is None:
        db.run(
            "INSERT INTO arrivals (number, raw_sha256, object_id, state, arrived, way, place)"
            " VALUES (?, ?, ?, 'new', ?, ?, ?)",
            (
                number,
                raw_sha256,
                objects.put(db, packed or objects.pack(parcel.data)),
                stamp(now),
                source.way.value,
                source.place,
            ),
        )
        chain.append(db, chain.Kind.ARRIVED, raw_sha256, now)
    db.run(
        "INSERT OR IGNORE INTO postmarks (arrival, way, place, validity, uid, at) VALUES (?, ?, ?, ?, ?, ?)",
        (number, source.way.value, source.place, source.validity, source.uid, stamp(now)),
    )
    return number if there is None else None


def save_cursor(db: Db, way: Way, place: str, cursor: str, now: datetime) -> None:
    """Where to go on collecting. Called in the transaction that takes the parcels in, never before."""
    db.run(
        "INSERT INTO cursors (way, place, cursor, saved) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (way, place) DO UPDATE SET cursor = excluded.cursor, saved = excluded.saved",
        (way.value, place, cursor, stamp(now)),
    )


def cursor(db: Db, way: Way, place: str) -> str:
    """Where to go on collecting; "" at first."""
    return str(db.value("SELECT cursor FROM cursors WHERE way = ? AND place = ?", (way.value, place)) or "")


def unacknowledged(db: Db, way: Way, place: str, limit: int = 500) -> list[Source]:
    """What is safe here but was not acknowledged to the carrier yet, by uid."""
    return [
        Source(way, place, validity, uid)
        for validity, uid in db.each(
            "SELECT validity, uid FROM postmarks WHERE way = ? AND place = ? AND acknowledged = 0 ORDER BY uid LIMIT ?",
            (way.value, place, limit),
        )
    ]


def acknowledged(db: Db, sources: Sequence[Source]) -> None:
    """The carrier was told."""
    db.many(
        "UPDATE postmarks SET acknowledged = 1"
        " WHERE way = ? AND place = ? AND validity = ? AND uid = ? AND acknowledged = 0",
        [(source.way.value, source.place, source.validity, source.uid) for source in sources],
    )


def unsorted(db: Db, limit: int = 100) -> list[int]:
    """Numbers of arrivals not sorted yet, oldest first."""
    return [
        n
        for (n,) in db.each(
            "SELECT number FROM arrivals WHERE state = 'new' AND number > 0 ORDER BY number LIMIT ?", (limit,)
        )
    ]


def raw(db: Db, number: int) -> bytes:
    """The bytes as fetched. Raises `NotFound` (no_arrival), `Damaged` (object_damaged)."""
    found = db.value("SELECT object_id FROM arrivals WHERE number = ?", (number,))
    if found is None:
        raise _no_arrival(number)
    return objects.get(db, found)


def arrival(db: Db, number: int) -> Arrival:
    """One arrival. Raises `NotFound` (no_arrival), `Refused` (at_door) for a letter whose header alone is here."""
    found = _read(db, "WHERE a.number = ?", (number,))
    if found:
        return found[0]
    knock = knocks.find(db, number)
    if knock is not None and knock.state is not knocks.KnockState.FETCHED:
        raise Refused(
            "at_door",
            _("Letter {number} stands at the door, and has not been fetched.").format(number=number),
            _("“dearly door let-in {number}” lets it in.").format(number=number),
        )
    raise _no_arrival(number)


def there(db: Db, number: int) -> bool:
    """Whether this is the number of an arrival."""
    return db.one("SELECT 1 FROM arrivals WHERE number = ?", (number,)) is not None


def of_bytes(db: Db, data: bytes) -> Arrival:
    """The arrival with exactly these bytes, or the one that it was another copy of. Raises `NotFound` (no_arrival)."""
    found = _read(
        db,
        "WHERE a.number = (SELECT coalesce(same_as, number) FROM arrivals WHERE raw_sha256 = ?)",
        (hashlib.sha256(data).digest(),),
    )
    if not found:
        raise NotFound("no_arrival", _("This letter has not been taken in."))
    return found[0]


def put_in_letterbox(db: Db, number: int, outside: Outside, now: datetime) -> ArrivalState:
    """Sorted: an envelope for the letterbox. UNOPENED; SAME when an arrival with the same sealed slice, id and claimed
    sender is here (the same letter by another way: one envelope, two postmarks). REFUSED for a refused stranger."""
    sender = outside.sender
    letter_id = None if outside.letter_id is None else sound(outside.letter_id)
    key = sender.address.key if sender else ""
    other = db.one(
        "SELECT coalesce(same_as, number), letter FROM arrivals INDEXED BY arrivals_by_seal"
        " WHERE seal_sha256 = ? AND letter_id IS ? AND from_key = ? AND number <> ?"
        " AND state IN ('unopened', 'opened', 'unreadable', 'same') ORDER BY number LIMIT 1",
        (outside.seal_sha256, letter_id, key, number),
    )
    state = ArrivalState.UNOPENED
    if other is not None:
        state = ArrivalState.SAME
    elif outside.at_door and sender is not None and refused(db, sender.address):
        state = ArrivalState.REFUSED
    same_as, letter = other or (None, None)
    changed = db.run(
        "UPDATE arrivals SET state = ?, at_door = ?, sorted = ?, from_name = ?, from_address = ?, from_key = ?,"
        " person_id = ?, letter_id = ?, seal_sha256 = ?, seal = ?, same_as = ?, letter = ?"
        " WHERE number = ? AND state = 'new'",
        (
            state.value,
            outside.at_door and state is ArrivalState.UNOPENED and _answered(db, key) != "let_in",
            stamp(now),
            sound(sender.name) if sender else "",
            str(sender.address) if sender else "",
            key,
            outside.person,
            letter_id,
            outside.seal_sha256,
            None if outside.seal is None else outside.seal.value,
            same_as,
            letter,
            number,
        ),
    )
    return state if changed else arrival(db, number).state


def put_aside(
    db: Db,
    number: int,
    state: ArrivalState,
    now: datetime,
    letter: int | None = None,
    seal_sha256: bytes | None = None,
) -> None:
    """Sorted, but not for the letterbox: OWN or REPORT, on `letter` of ours. `seal_sha256`: of an own copy, so that the
    copies of one letter can be counted (`attempts.own_copy_found`)."""
    assert state in {ArrivalState.OWN, ArrivalState.REPORT}
    db.run(
        "UPDATE arrivals SET state = ?, sorted = ?, letter = ?, seal_sha256 = ? WHERE number = ? AND state = 'new'",
        (state.value, stamp(now), letter, seal_sha256, number),
    )


def mark_unreadable(db: Db, number: int, seal: Seal, reason: str, now: datetime) -> None:
    """It could not be opened: it stays as it came, with the reason, and may be tried again."""
    db.run(
        "UPDATE arrivals SET state = 'unreadable', seal = ?, reason = ?, sorted = coalesce(sorted, ?)"
        " WHERE number = ? AND state IN ('new', 'unopened', 'unreadable')",
        (seal.value, reason, stamp(now), number),
    )


def said_of(db: Db, letter: int) -> list[str]:
    """What was said of an original when the letter in it was filed: that its date is not the writer's."""
    found = db.all(
        "SELECT reason FROM arrivals WHERE letter = ? AND state = 'imported' AND reason <> '' ORDER BY number LIMIT 1",
        (letter,),
    )
    return [reason for (reason,) in found]


def letterbox(db: Db, *, unopened_only: bool = False, limit: int = 100, before: int | None = None) -> list[Arrival]:
    """Envelopes in the letterbox (unopened, opened, unreadable), the last arrived first, by counter and never by date.
    `before`: number of the last one of the page before."""
    condition = (
        "WHERE a.state = 'unopened' AND a.at_door IN (0, 1) AND a.number < ? ORDER BY a.number DESC LIMIT ?"
        if unopened_only
        else "WHERE a.state IN ('unopened', 'opened', 'unreadable') AND a.number < ? ORDER BY a.number DESC LIMIT ?"
    )
    return _read(db, condition, (LAST if before is None else before, limit))


def waiting_count(db: Db) -> int:
    """How many envelopes are unopened, without those at the door."""
    return int(db.value("SELECT count(*) FROM arrivals WHERE state = 'unopened' AND at_door = 0"))


def at_door(db: Db, limit: int = 100) -> list[Arrival]:
    """First letters of strangers, oldest first."""
    return _read(db, "WHERE a.state = 'unopened' AND a.at_door = 1 ORDER BY a.number LIMIT ?", (limit,))


def unreadable(db: Db, limit: int = 100) -> list[Arrival]:
    """Parcels that could not be opened, the last arrived first."""
    return _read(db, "WHERE a.state = 'unreadable' AND a.number > 0 ORDER BY a.number DESC LIMIT ?", (limit,))


def turned_away(db: Db, limit: int = 100) -> list[Arrival]:
    """What was refused at the door, the last arrived first."""
    return _read(db, "WHERE a.state = 'refused' AND a.number > 0 ORDER BY a.number DESC LIMIT ?", (limit,))


def opened_lately(db: Db, limit: int = 5) -> list[Arrival]:
    """The last arrivals that are opened."""
    return _read(
        db,
        "WHERE a.state IN ('unopened', 'opened', 'unreadable') AND a.state = 'opened' ORDER BY a.number DESC LIMIT ?",
        (limit,),
    )


def let_in(db: Db, number: int, person: int | None, now: datetime) -> list[int]:
    """The stranger is `person` from now on: everything of theirs at the door comes in; the numbers. It pins no key.

    None: an envelope that does not say who it is from comes in by itself."""
    key = _from_key(db, number)
    if key:
        return let_in_all(db, key, person, now)
    _come_in(db, [number], person)
    return [number]


def let_in_all(db: Db, key: str, person: int | None, now: datetime) -> list[int]:
    """The same for the stranger of this address (`Address.key`), also where nothing of theirs lies here yet."""
    _answer(db, key, "let_in", now)
    numbers = of_stranger(db, key)
    _come_in(db, numbers, person)
    return numbers


def of_stranger(db: Db, key: str) -> list[int]:
    """Numbers of what this address sent and that stands at the door, or was refused there."""
    return _of_stranger(db, key, "('unopened', 'refused')")


def refuse(db: Db, number: int, now: datetime) -> list[int]:
    """Turn the stranger's letters away, now and later; nobody is told. Kept, but not in the letterbox; the numbers."""
    key = _from_key(db, number)
    if key:
        return refuse_all(db, key, now)
    _turn_away(db, [number])
    return [number]


def refuse_all(db: Db, key: str, now: datetime) -> list[int]:
    """The same for the stranger of this address."""
    _answer(db, key, "refused", now)
    numbers = _of_stranger(db, key, "('unopened')")
    _turn_away(db, numbers)
    return numbers


def leave(db: Db, number: int) -> list[int]:
    """Leave the stranger's letters at the door, as if nothing had been answered: also takes a refusal back; the
    numbers of those that stand there again."""
    key = _from_key(db, number)
    if key:
        return leave_all(db, key)
    return [number] if db.run(f"{_AT_DOOR_AGAIN} AND state = 'refused'", (number,)) else []


def leave_all(db: Db, key: str) -> list[int]:
    """The same for the stranger of this address."""
    db.run("DELETE FROM strangers WHERE address_key = ? AND answer = 'refused' AND from_archive = 0", (key,))
    db.run("UPDATE strangers SET answer = NULL WHERE address_key = ? AND answer = 'refused'", (key,))
    numbers = _of_stranger(db, key, "('refused')")
    db.many(_AT_DOOR_AGAIN, [(one,) for one in numbers])
    return numbers


def heard_of(db: Db, where: Address, now: datetime) -> None:
    """Somebody came into the book by writing a letter of an archive: at the door they stay a stranger (`knocks`)."""
    db.run(
        "INSERT INTO strangers (address_key, from_archive, at) VALUES (?, 1, ?)"
        " ON CONFLICT (address_key) DO UPDATE SET from_archive = 1",
        (where.key, stamp(now)),
    )


def refused(db: Db, where: Address) -> bool:
    """Whether letters from this address are turned away."""
    return _answered(db, where.key) == "refused"


_AT_DOOR_AGAIN = "UPDATE arrivals SET state = 'unopened', at_door = 1 WHERE number = ?"


def _come_in(db: Db, numbers: Sequence[int], person: int | None) -> None:
    db.many(
        "UPDATE arrivals SET state = iif(state = 'refused', 'unopened', state), at_door = 0, person_id = ?"
        " WHERE number = ?",
        [(person, one) for one in numbers],
    )


def _turn_away(db: Db, numbers: Sequence[int]) -> None:
    db.many("UPDATE arrivals SET state = 'refused', at_door = 0 WHERE number = ?", [(one,) for one in numbers])


def _answered(db: Db, key: str) -> str:
    return str(db.value("SELECT answer FROM strangers WHERE address_key = ?", (key,)) or "")


def _answer(db: Db, key: str, answer: str, now: datetime) -> None:
    db.run(
        "INSERT INTO strangers (address_key, answer, at) VALUES (?, ?, ?)"
        " ON CONFLICT (address_key) DO UPDATE SET answer = excluded.answer, at = excluded.at",
        (key, answer, stamp(now)),
    )


def _from_key(db: Db, number: int) -> str:
    """The key of the sender's address, "" where the envelope does not say it. Raises `NotFound` (no_arrival)."""
    row = db.one("SELECT from_key FROM arrivals WHERE number = ?", (number,))
    if row is None:
        raise _no_arrival(number)
    return str(row[0])


def _of_stranger(db: Db, key: str, states: str) -> list[int]:
    """All arrivals from this unknown address that are in one of these states."""
    return [
        n
        for (n,) in db.all(
            f"SELECT number FROM arrivals WHERE state IN {states}"  # noqa: S608  constants above
            " AND from_key = ? AND (at_door = 1 OR state = 'refused') ORDER BY number",
            (key,),
        )
    ]


_ARRIVALS = """
SELECT a.number, n.uid, a.state, a.at_door, a.arrived, a.way, a.place, a.from_name, a.from_address, a.person_id, p.name,
       a.letter_id, a.raw_sha256, a.seal_sha256, a.seal, a.reason, a.letter, a.same_as
FROM arrivals a JOIN numbers n ON n.number = a.number LEFT JOIN persons p ON p.id = a.person_id
"""


_POSTMARKS = """
SELECT coalesce(a.same_as, a.number), m.way, m.place, min(m.at)
FROM arrivals a JOIN postmarks m ON m.arrival = a.number
WHERE a.number IN (SELECT value FROM json_each(?1))
   OR a.same_as IN (SELECT value FROM json_each(?1))
GROUP BY 1, m.way, m.place ORDER BY min(m.id)
"""


def _read(db: Db, condition: str, args: Args) -> list[Arrival]:
    rows = db.all(_ARRIVALS + condition, args)
    postmarks: dict[int, list[Postmark]] = {}
    if rows:
        for number, way, place, at in db.each(_POSTMARKS, (json.dumps([row[-1] or row[0] for row in rows]),)):
            postmarks.setdefault(number, []).append(Postmark(Way(way), place, moment(at)))
    found = []
    for row in rows:
        number, uid, state, door, arrived, way, place, name, where, person_id, person = row[:11]
        letter_id, raw_sha256, seal_sha256, seal, reason, letter, same_as = row[11:]
        found.append(
            Arrival(
                number=number,
                uid=uid.hex(),
                state=ArrivalState(state),
                at_door=bool(door),
                arrived=moment(arrived),
                way=Way(way),
                place=place,
                sender=Correspondent(name, address(where)) if where else None,
                person_id=person_id,
                person=person,
                letter_id=letter_id,
                raw_sha256=raw_sha256,
                seal_sha256=seal_sha256,
                seal=None if seal is None else Seal(seal),
                reason=reason,
                letter=letter,
                same_as=same_as,
                postmarks=tuple(postmarks.get(same_as or number, ())),
            )
        )
    return found


def _no_arrival(number: int) -> NotFound:
    return NotFound(
        "no_arrival",
        _("There is no envelope with the number {n}.").format(n=number),
        _("“dearly letterbox” lists the numbers."),
    )
