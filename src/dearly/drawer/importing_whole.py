"""Letters, parcels and drafts of another drawer, put into this one with all that was known of them there: uid, dates,
how each travelled and was judged, earlier versions, what was decided about answering.

What was opened there lies in the correspondences only (state "imported"), never in the letterbox. What was never opened
is an envelope in the letterbox where the other drawer was our own, and kept without a word from anybody else's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from dearly.drawer import (
    adopting,
    chain,
    filing,
    importing,
    importing_claims,
    importing_known,
    importing_travels,
    objects,
    offers,
    versions,
)
from dearly.drawer.connection import Db
from dearly.drawer.enclosed import IN_DRAFT
from dearly.drawer.importing_values import Content, Imported
from dearly.drawer.importing_words import address, day_of, in_line, octets, way_of
from dearly.drawer.numbers import new_number
from dearly.drawer.persons import known
from dearly.drawer.rows import sound, stamp
from dearly.letter.address import Correspondent, clean
from dearly.letter.clock import Chance
from dearly.letter.envelope import Way
from dearly.letter.leaving import Leaving, LeavingDraft, Original

_WAITING = ("new", "unopened", "unreadable", "same")
_OF_OURS = ("own", "report")


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

    def person(self, db: Db, uid: str, who: Correspondent) -> int | None:
        """Id of the person here. Whose an address was, only a drawer of ours says; else it is as our book has it."""
        return self.people.get(uid) if self.ours else known(db, who)


def take_letter(db: Db, other: Other, letter: Leaving, content: Content) -> str:
    """File a letter; "taken", "already_here" (its originals are added to the one that is), or "erased". `content` says
    whose it is here: what anybody else posted is no letter of ours."""
    if importing_claims.erased(db, letter, content):
        return "erased"
    here = importing_claims.here(db, letter, content, ours=other.ours)
    number = _file(db, other, letter, content) if here is None else here
    out = content.direction == "out"
    for one in letter.originals:
        if one.state != "posted" or not out:
            _arrival(db, other, one, number, letter)
    if here is None:
        if out:
            _posted(db, other, number, letter)
        if other.ours:
            _known_there(db, number, letter)
    return "taken" if here is None else "already_here"


def take_envelope(db: Db, other: Other, one: Original, why: str) -> str:
    """Keep a parcel without a letter, or a further copy of one; "failed" (it is kept, without a letter), "already_here"
    or "erased". `why`: where it says nothing itself."""
    digests = [hashlib.sha256(one.data).digest(), octets(one.seal_sha256, 32)]
    if importing_known.here(db, [digest for digest in digests if digest is not None])[1]:
        return "erased"
    of = importing_claims.letter_of(db, one, ours=other.ours)
    return "failed" if _arrival(db, other, one, of, None, why) and of is None else "already_here"


def take_draft(db: Db, other: Other, draft: LeavingDraft) -> bool:
    """Put a draft with its versions and enclosures where it was: on the page, put away, or behind its letter. Whether
    it was not here."""
    number = db.value("SELECT number FROM numbers WHERE uid = ?", (octets(draft.uid, 16),))
    letter = db.one("SELECT 1 FROM letters WHERE number = ? AND direction = 'out'", (number,)) is not None
    # Its number may be a draft's here, or that of something which came: then it is not this one's.
    here = "SELECT 1 FROM drafts WHERE number = ?1 UNION ALL SELECT 1 FROM letters WHERE number = ?1 AND NOT ?2"
    came = " UNION ALL SELECT 1 FROM arrivals WHERE number = ?1 AND NOT ?2"
    if db.one(here + came, (number, letter)) is not None:
        return False
    if draft.state not in ("page", "away", "posted") or (draft.state == "posted") != letter:
        return False
    if number is None:
        number = _number(db, other, draft.uid, "draft")
        db.run("UPDATE numbers SET made = ? WHERE number = ?", (stamp(draft.begun or draft.changed), number))
    answers = db.value(
        "SELECT number FROM letters WHERE letter_id = ? AND direction = 'in' ORDER BY number", (draft.in_reply_to,)
    )
    db.run(
        "INSERT INTO drafts (number, state, revision, subject, body, words, changed_words, in_reply_to, answers,"
        " look_again, place, caret, changed) VALUES (?, ?, 1, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)",
        (
            number,
            draft.state,
            in_line(draft.subject),
            objects.pack_text(draft.text),
            versions.count_words(draft.text),
            draft.in_reply_to,
            answers,
            day_of(draft.look_again),
            in_line(draft.place),
            min(max(draft.caret or 0, 0), len(draft.text.encode("utf-16-le")) // 2),
            stamp(draft.changed),
        ),
    )
    named = [(one, where) for one in draft.named if (where := address(one.address)) is not None]
    db.many(
        "INSERT INTO draft_recipients (draft, position, name, address, address_key, person_id)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (number, position, who.name, str(where), where.key, other.person(db, one.person, who))
            for position, (one, where) in enumerate(named)
            for who in [Correspondent(clean(one.name), where)]
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
            versions.put_back(db, number, in_line(version.subject), version.text, versions.Why(version.why), version.at)
    return True


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
    if other.ours:
        for role in ("from", "to", "cc"):
            of_role = [one for one in letter.who(role) if address(one.address) is not None]
            db.many(
                "UPDATE parties SET person_id = ? WHERE letter = ? AND role = ? AND position = ?",
                [(other.people.get(one.person), number, role, at) for at, one in enumerate(of_role)],
            )
        db.run("DELETE FROM correspondences WHERE letter = ?", (number,))
        adopting.enter(db, number)
    other.index(db, number)
    return number


def _posted(db: Db, other: Other, number: int, letter: Leaving) -> None:
    """The forms in which a letter of ours was posted, and how they went."""
    posted = [one for one in letter.originals if one.state == "posted"]
    forms = [importing_travels.take_form(db, number, letter.letter_id, one, ours=other.ours) for one in posted]
    importing_travels.take_journeys(
        db, number, letter.journeys, forms, ours=other.ours, person=partial(other.person, db), now=other.now
    )
    for one, form in zip(posted, forms, strict=True):
        if form is not None:
            importing_travels.take_attempts(db, number, form, one.attempts, other.now)
    if not letter.journeys:
        gone = frozenset(one.way for one in letter.originals)
        importing_travels.take_ways(db, number, letter.ways, gone, letter.filed)


def _known_there(db: Db, number: int, letter: Leaving) -> None:
    """What only a drawer of ours is believed: keys that a letter gives, mails in which its enclosures came or are to
    come, and since when it is ours, by which the ledger lets old letters rest or not."""
    for one in letter.offered:
        where = address(one.address)
        known_key = db.one("SELECT 1 FROM certificates WHERE fingerprint = ?", (one.fingerprint,)) is not None
        if where is not None and known_key and one.source in set(offers.Source):
            offers.offer(db, number, where, one.fingerprint, offers.Source(one.source))
    db.many(
        "INSERT OR IGNORE INTO pieces (letter, letter_id, inner_sha256, name, size) VALUES (?, ?, ?, ?, ?)",
        [
            (number, sound(half.letter_id), octets(half.inner_sha256, 32), sound(half.name), half.size)
            for half in letter.halves
        ],
    )
    if letter.origin in ("draft", "arrival", "import") and letter.begun is not None:
        db.run("UPDATE numbers SET origin = ?, made = ? WHERE number = ?", (letter.origin, stamp(letter.begun), number))


def _arrival(db: Db, other: Other, one: Original, letter: int | None, of: Leaving | None, why: str = "") -> bool:
    """A parcel as it came; whether its bytes were not here."""
    packed = objects.pack(one.data)
    here = db.value("SELECT number FROM arrivals WHERE raw_sha256 = ?", (packed.sha256,))
    if here is not None:
        _marks(db, here, one)
        return False
    stays = (*_WAITING, *_OF_OURS) if letter is None else _OF_OURS
    state = one.state if other.ours and one.state in stays else "imported"
    same_as = db.value(
        "SELECT a.number FROM arrivals a JOIN numbers n ON n.number = a.number WHERE n.uid = ?",
        (octets(one.same_as, 16) if other.ours else None,),
    )
    if state == "same" and same_as is None:
        state = "unopened"
    # The original that a letter came in has its number, unless the letter was here before, out of another original.
    shares = (
        of is not None and one.uid == of.uid and db.one("SELECT 1 FROM arrivals WHERE number = ?", (letter,)) is None
    )
    if shares and letter is not None:
        number = letter
    else:
        number = _number(db, other, one.uid, "import")
        if other.ours:
            origin = "import" if one.state == "imported" else "arrival"
            db.run("UPDATE numbers SET origin = ?, made = ? WHERE number = ?", (origin, stamp(one.at), number))
    where = address(one.from_address) if one.from_address else None
    seal = one.seal or ("locked" if letter is None and one.sealed else None)
    db.run(
        "INSERT INTO arrivals (number, raw_sha256, object_id, state, at_door, arrived, sorted, opened, way, place,"
        " from_name, from_address, from_key, person_id, letter_id, seal_sha256, seal, reason, letter, same_as)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            packed.sha256,
            objects.put(db, packed),
            state,
            state == "unopened" and bool(one.at_door),
            stamp(one.at),
            _when(one.sorted, None if state == "new" else other.now),
            _when(one.opened, None if letter is None else other.now),
            way_of(one.way),
            in_line(one.place),
            clean(one.from_name),
            "" if where is None else str(where),
            "" if where is None else where.key,
            (other.ours and other.people.get(one.person))
            or (None if where is None else known(db, Correspondent(clean(one.from_name), where))),
            None if one.letter_id is None else sound(one.letter_id),
            octets(one.seal_sha256, 32),
            seal if state in ("unreadable", "imported") else one.seal or None,
            clean(one.reason) or (why if letter is None and state in ("unreadable", "imported") else ""),
            letter,
            same_as,
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
            (number, way_of(mark.way), in_line(mark.place), clean(mark.validity), clean(mark.uid), stamp(mark.at))
            for mark in one.marks
        ],
    )


def _when(then: datetime | None, otherwise: datetime | None) -> int | None:
    when = then or otherwise
    return None if when is None else stamp(when)


def _number(db: Db, other: Other, uid: str, origin: Literal["draft", "import"]) -> int:
    """A number of our own, with the uid that the thing has had."""
    number = new_number(db, origin, other.now, other.chance)
    wanted = octets(uid, 16)
    if wanted is not None:
        db.run("UPDATE OR IGNORE numbers SET uid = ? WHERE number = ?", (wanted, number))
    return number
