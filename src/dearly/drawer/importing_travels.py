"""How letters of another drawer travelled, put into this one: posted forms, journeys, attempts.

A journey that comes so never starts again by itself: what had not left there is held here, and the person is asked, as
in a drawer that was restored (F49). Where the other drawer was not our own, nothing of it can leave at all: nobody here
has written these letters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

from dearly.drawer import objects
from dearly.drawer.connection import Db
from dearly.drawer.importing_words import address, in_line, octets, way_of
from dearly.drawer.rows import sound, stamp
from dearly.letter.address import Correspondent
from dearly.letter.envelope import Way
from dearly.letter.journey import State, Why
from dearly.letter.leaving import LeavingAttempt, LeavingJourney, Original

_WOULD_GO_ON = frozenset({State.WAITING, State.DATED, State.TRYING, State.UNCERTAIN})
_WOULD_ASK = _WOULD_GO_ON | {State.HELD, State.CAME_BACK}
_MOST_TRIES = 1 << 31
_OUTCOMES = ("accepted", "try_later", "turned", "unknown")


def take_form(db: Db, number: int, letter_id: str, one: Original, *, ours: bool) -> int | None:
    """A form in which a letter of ours was posted; its id here, None where it is here already. Somebody else's form is
    not known again by its seal: what comes by post with that seal is no copy of ours, but the letter itself."""
    key = f"imported {letter_id} {one.way} {hashlib.sha256(one.data).hexdigest()}"
    data = objects.put(db, one.data)
    if db.one("SELECT 1 FROM sealed_forms WHERE key = ? OR (letter = ? AND object_id = ?)", (key, number, data)):
        return None
    form = db.insert(
        "INSERT INTO sealed_forms (letter, way, place, key, sender, object_id, seal_sha256, inner_sha256,"
        " quantum_safe, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            way_of(one.way),
            in_line(one.place),
            key,
            sound(one.sender),
            data,
            (octets(one.seal_sha256, 32) if ours else None) or hashlib.sha256(one.data).digest(),
            octets(one.inner_sha256, 32),
            bool(one.quantum_safe),
            stamp(one.at),
        ),
    )
    db.many(
        "INSERT INTO form_recipients (form, position, address) VALUES (?, ?, ?)",
        [(form, at, sound(recipient)) for at, recipient in enumerate(one.recipients)],
    )
    db.many(
        "INSERT INTO sealed_to (form, position, fingerprint) VALUES (?, ?, ?)",
        [(form, at, sound(fingerprint)) for at, fingerprint in enumerate(one.sealed_to)],
    )
    return form


def take_journeys(
    db: Db,
    number: int,
    journeys: Sequence[LeavingJourney],
    forms: Sequence[int | None],
    *,
    ours: bool,
    person: Callable[[str, Correspondent], int | None],
    now: datetime,
) -> None:
    """What became of a letter of ours. `forms`: ids here of its posted originals, in their order. `person`: id of
    somebody here, by uid there."""
    for one in journeys:
        where = address(one.address)
        if where is None or one.state not in set(State):
            continue
        state, reason = State(one.state), one.reason
        if not ours and state in _WOULD_ASK:
            state = State.GIVEN_UP
        elif state in _WOULD_GO_ON:
            state, reason = State.HELD, Why.RESTORED.value
        changed = state != one.state
        form = forms[one.form] if one.form is not None and 0 <= one.form < len(forms) else None
        db.run(
            "INSERT OR IGNORE INTO journeys (letter, address, address_key, person_id, way, place, form, state, since,"
            " not_before, reason, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                str(where),
                where.key,
                person(one.person, Correspondent("", where)),
                way_of(one.way),
                in_line(one.place) if ours else "",  # no office of ours is asked what became of it
                form,
                state.value,
                stamp(now if changed else one.since),
                stamp(one.not_before),
                sound(reason),
                min(max(one.attempts, 0), _MOST_TRIES),
            ),
        )


def take_attempts(db: Db, number: int, form: int, attempts: Sequence[LeavingAttempt], now: datetime) -> None:
    """The handings over of a form. One that had not ended there is unknown, and over."""
    journeys: dict[str, int] = dict(
        db.each("SELECT address_key, id FROM journeys WHERE letter = ? AND form = ?", (number, form))
    )
    for one in attempts:
        attempt = db.insert(
            "INSERT INTO attempts (form, begun, ended) VALUES (?, ?, ?)",
            (form, stamp(one.begun), stamp(one.ended or now)),
        )
        for brought in one.brought:
            where = address(brought.address)
            journey = None if where is None else journeys.get(where.key)
            if journey is not None:
                outcome = brought.outcome if brought.outcome in _OUTCOMES else "unknown"
                db.run(
                    "INSERT OR IGNORE INTO attempt_journeys (attempt, journey, outcome, why) VALUES (?, ?, ?, ?)",
                    (attempt, journey, outcome, sound(brought.why)),
                )


def take_ways(db: Db, number: int, ways: Sequence[str], gone: frozenset[str], filed: datetime) -> None:
    """Of a letter without journeys: what went by a way that left no form behind (on paper) went by it all the same."""
    for way in ways:
        if way in (Way.PAPER.value, Way.HAND.value) and way not in gone:
            db.run(
                "INSERT OR IGNORE INTO journeys (letter, address, address_key, person_id, way, place, state, since,"
                " not_before, reason, attempts) SELECT letter, address, address_key, person_id, ?, '', 'on_its_way', ?,"
                " ?, '', 0 FROM parties WHERE letter = ? AND role = 'to'",
                (way, stamp(filed), stamp(filed), number),
            )
