"""Letters, parcels and drafts of another drawer, put into this one with all that was known of them there: uid, dates,
how each travelled and was judged, earlier versions, what was decided about answering.

What was opened there lies in the correspondences only (state "imported"), never in the letterbox. What was never opened
is an envelope in the letterbox where the other drawer was our own, and kept without a word from anybody else's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from dearly.drawer import adopting, chain, filing, importing, objects, versions
from dearly.drawer.connection import Db
from dearly.drawer.enclosed import IN_DRAFT
from dearly.drawer.importing_values import Content, Imported
from dearly.drawer.numbers import new_number
from dearly.drawer.persons import known
from dearly.drawer.rows import sound, stamp
from dearly.letter.address import Address, Correspondent, clean
from dearly.letter.clock import Chance
from dearly.letter.content import LetterId
from dearly.letter.envelope import Way
from dearly.letter.errors import Usage
from dearly.letter.leaving import Leaving, LeavingDraft, Original

_WAITING = ("unopened", "unreadable")


@dataclass(frozen=True, slots=True)
class Other:
    """The other drawer. `place`: what a person calls it. `ours`: it was our own. `people`: ids here, by uid there.
    `index`: puts a letter into the index of words; `meet`: as `importing.Meet`."""

    place: str
    ours: bool
    people: Mapping[str, int]
    meet: importing.Meet
    index: Callable[[Db, int], None]
    now: datetime
    chance: Chance


def take_letter(db: Db, other: Other, letter: Leaving, content: Content) -> str:
    """File a letter; "taken", "already_here" (its originals are added to the one that is), or "erased"."""
    digests = [hashlib.sha256(one.data).digest() for one in letter.originals]
    if importing.here(db, digests)[1]:
        return "erased"
    here = _here(db, letter, content)
    number = _file(db, other, letter, content) if here is None else here
    for one in letter.originals:
        if one.state == "posted":
            _posted(db, number, letter, one)
        else:
            _arrival(db, other, one, number, letter)
    if here is None:
        _ways(db, number, letter)
    return "taken" if here is None else "already_here"


def take_envelope(db: Db, other: Other, one: Original, why: str) -> str:
    """Keep a parcel without a letter; "failed" (it is kept), or "already_here". `why`: where it says nothing itself."""
    return "failed" if _arrival(db, other, one, None, None, why) else "already_here"


def take_draft(db: Db, other: Other, draft: LeavingDraft) -> bool:
    """Put a draft with its versions and enclosures where it was: on the page, put away, or behind its letter. Whether
    it was not here."""
    number = db.value("SELECT number FROM numbers WHERE uid = ?", (_octets(draft.uid, 16),))
    if number is not None and db.one("SELECT 1 FROM drafts WHERE number = ?", (number,)) is not None:
        return False
    letter = number is not None and db.one("SELECT 1 FROM letters WHERE number = ?", (number,)) is not None
    if draft.state not in ("page", "away", "posted") or (draft.state == "posted") != letter:
        return False
    if number is None:
        number = _number(db, other, draft.uid, "draft")
    answers = db.value(
        "SELECT number FROM letters WHERE letter_id = ? AND direction = 'in' ORDER BY number", (draft.in_reply_to,)
    )
    db.run(
        "INSERT INTO drafts (number, state, revision, subject, body, words, changed_words, in_reply_to, answers,"
        " look_again, place, changed) VALUES (?, ?, 1, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
        (
            number,
            draft.state,
            _line(draft.subject),
            objects.pack_text(draft.text),
            versions.count_words(draft.text),
            draft.in_reply_to,
            answers,
            _day(draft.look_again),
            _line(draft.place),
            stamp(draft.changed),
        ),
    )
    named = [(one, where) for one in draft.named if (where := _address(one.address)) is not None]
    db.many(
        "INSERT INTO draft_recipients (draft, position, name, address, address_key, person_id)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (number, position, clean(one.name), str(where), where.key, other.people.get(one.person))
            for position, (one, where) in enumerate(named)
        ],
    )
    db.many(
        "INSERT INTO draft_references (draft, position, letter_id) VALUES (?, ?, ?)",
        [(number, at, sound(one)) for at, one in enumerate(draft.references[: filing.MOST_REFERENCES])],
    )
    if letter:
        db.run(
            "INSERT INTO draft_enclosures (draft, position, object_id, name, media_type, cid)"
            " SELECT letter, position, object_id, name, media_type, cid FROM enclosures WHERE letter = ?",
            (number,),
        )
    else:
        IN_DRAFT.add(db, number, draft.enclosures)
    for version in sorted(draft.versions, key=lambda one: one.version):
        if version.why in set(versions.Why):
            versions.cut(db, number, _line(version.subject), version.text, versions.Why(version.why), version.at)
    return True


def _here(db: Db, letter: Leaving, content: Content) -> int | None:
    """Number of this letter: by its uid and id, by what it says, or by its signed bytes."""
    found = db.value(
        "SELECT l.number FROM letters l JOIN numbers n ON n.number = l.number WHERE n.uid = ?1 AND l.letter_id = ?3"
        " UNION ALL SELECT number FROM letters WHERE letter_id = ?3 AND content_sha256 = ?2 LIMIT 1",
        (_octets(letter.uid, 16), _octets(letter.content_sha256, 32), letter.letter_id),
    )
    inner = content.inner_sha256
    inner = inner or next((_octets(one.inner_sha256, 32) for one in letter.originals if one.inner_sha256), None)
    if found is None and inner is not None:
        found = filing.same(db, LetterId(letter.letter_id), inner)
    return None if found is None else int(found)


def _file(db: Db, other: Other, letter: Leaving, content: Content) -> int:
    """File it under a number of its own, as it was filed there."""
    number = _number(db, other, letter.uid, "import")
    nothing = objects.pack(b"")
    here = db.one("SELECT id FROM objects WHERE sha256 = ?", (nothing.sha256,))
    as_it_came = Imported(nothing, Way.HAND, other.place, letter.filed, content)
    importing.file_late(db, number, as_it_came, meet=other.meet, now=other.now, chance=other.chance)
    if here is None:
        objects.release(db, db.value("SELECT id FROM objects WHERE sha256 = ?", (nothing.sha256,)))
    if db.one("SELECT 1 FROM letters WHERE number = ?", (number,)) is None:  # it is here after all
        return int(db.value("SELECT min(number) FROM letters WHERE letter_id = ?", (letter.letter_id,)))
    db.run(
        "UPDATE letters SET filed = ?, twin = max(twin, ?) WHERE number = ?",
        (stamp(letter.filed), letter.twin, number),
    )
    for role in ("from", "to", "cc"):
        of_role = [one for one in letter.who(role) if _address(one.address) is not None]
        db.many(
            "UPDATE parties SET person_id = ? WHERE letter = ? AND role = ? AND position = ?",
            [(other.people.get(one.person), number, role, at) for at, one in enumerate(of_role)],
        )
    db.run("DELETE FROM correspondences WHERE letter = ?", (number,))
    adopting.enter(db, number)
    other.index(db, number)
    return number


def _posted(db: Db, number: int, letter: Leaving, one: Original) -> None:
    """A form in which a letter of ours was posted."""
    key = f"imported {letter.letter_id} {one.way} {hashlib.sha256(one.data).hexdigest()}"
    seal = _octets(one.seal_sha256, 32)
    data = objects.put(db, one.data)
    there = db.one("SELECT 1 FROM sealed_forms WHERE letter = ? AND object_id = ?", (number, data))
    if there is not None or letter.direction != "out":
        return
    form = db.insert(
        "INSERT INTO sealed_forms (letter, way, place, key, sender, object_id, seal_sha256, inner_sha256,"
        " quantum_safe, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            _way(one.way),
            _line(one.place),
            key,
            one.sender,
            data,
            seal or hashlib.sha256(one.data).digest(),
            _octets(one.inner_sha256, 32),
            bool(one.quantum_safe),
            stamp(one.at),
        ),
    )
    db.many(
        "INSERT INTO form_recipients (form, position, address) VALUES (?, ?, ?)",
        [(form, at, sound(address)) for at, address in enumerate(one.recipients)],
    )
    db.many(
        "INSERT INTO sealed_to (form, position, fingerprint) VALUES (?, ?, ?)",
        [(form, at, sound(fingerprint)) for at, fingerprint in enumerate(one.sealed_to)],
    )


def _arrival(db: Db, other: Other, one: Original, letter: int | None, of: Leaving | None, why: str = "") -> bool:
    """A parcel as it came; whether its bytes were not here."""
    packed = objects.pack(one.data)
    here = db.value("SELECT number FROM arrivals WHERE raw_sha256 = ?", (packed.sha256,))
    if here is not None:
        _marks(db, here, one)
        return False
    own = other.ours and one.state in (*_WAITING, "own", "report")
    state = one.state if own and (letter is None) == (one.state in _WAITING) else "imported"
    shares = of is not None and letter is not None and one.uid == of.uid
    number = letter if shares and letter is not None else _number(db, other, one.uid, "import")
    where = _address(one.from_address) if one.from_address else None
    seal = one.seal or ("locked" if letter is None and one.sealed else None)
    db.run(
        "INSERT INTO arrivals (number, raw_sha256, object_id, state, at_door, arrived, sorted, opened, way, place,"
        " from_name, from_address, from_key, person_id, letter_id, seal_sha256, seal, reason, letter)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            packed.sha256,
            objects.put(db, packed),
            state,
            state == "unopened" and bool(one.at_door),
            stamp(one.at),
            stamp(other.now),
            None if letter is None else stamp(other.now),
            _way(one.way),
            _line(one.place),
            clean(one.from_name),
            "" if where is None else str(where),
            "" if where is None else where.key,
            None if where is None else known(db, Correspondent(clean(one.from_name), where)),
            None if one.letter_id is None else sound(one.letter_id),
            _octets(one.seal_sha256, 32),
            seal if state != "unopened" else one.seal or None,
            "" if state == "unopened" else clean(one.reason) or why,
            letter,
        ),
    )
    _marks(db, number, one)
    chain.append(db, chain.Kind.ARRIVED, packed.sha256, other.now)
    return True


def _marks(db: Db, number: int, one: Original) -> None:
    db.many(
        "INSERT OR IGNORE INTO postmarks (arrival, way, place, validity, uid, at, acknowledged)"
        " VALUES (?, ?, ?, ?, ?, ?, 1)",
        [
            (number, _way(mark.way), _line(mark.place), clean(mark.validity), clean(mark.uid), stamp(mark.at))
            for mark in one.marks
        ],
    )


def _ways(db: Db, number: int, letter: Leaving) -> None:
    """What went by a way that left no form behind (on paper) went by it all the same."""
    gone = {one.way for one in letter.originals}
    for way in letter.ways:
        if letter.direction == "out" and way in (Way.PAPER.value, Way.HAND.value) and way not in gone:
            db.run(
                "INSERT OR IGNORE INTO journeys (letter, address, address_key, person_id, way, place, state, since,"
                " not_before, reason, attempts) SELECT letter, address, address_key, person_id, ?, '', 'on_its_way', ?,"
                " ?, '', 0 FROM parties WHERE letter = ? AND role = 'to'",
                (way, stamp(letter.filed), stamp(letter.filed), number),
            )


def _number(db: Db, other: Other, uid: str, origin: Literal["draft", "import"]) -> int:
    """A number of our own, with the uid that the thing has had."""
    number = new_number(db, origin, other.now, other.chance)
    wanted = _octets(uid, 16)
    if wanted is not None:
        db.run("UPDATE OR IGNORE numbers SET uid = ? WHERE number = ?", (wanted, number))
    return number


def _line(text: str) -> str:
    """As it was written, where that is fit for one line."""
    return text if text.isprintable() else clean(text)


def _way(text: str) -> str:
    return text if text in set(Way) else Way.HAND.value


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        return None


def _octets(text: str, size: int) -> bytes | None:
    """So many octets written in hex: of a digest, or of a uid."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return None
    return found if len(found) == size else None


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except Usage:
        return None
