"""Attempts: what may leave now, and what each handing over brought. An attempt is recorded before it is made.

An attempt that was begun and never ended has an unknown outcome; such a letter is looked for, never handed over again
on a guess (F05, F06). Letters by hand and on paper leave when the person hands them out, not by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from dearly.drawer import objects
from dearly.drawer.connection import Db
from dearly.drawer.rows import LAST, maybe, stamp
from dearly.drawer.travels import Ready, Travel, happen_if_it_may, read, ready, reread, store
from dearly.letter.address import Address
from dearly.letter.envelope import Way
from dearly.letter.errors import Damaged, Refused
from dearly.letter.journey import (
    LEAVES,
    Accepted,
    Act,
    Bounced,
    Delayed,
    Delivered,
    Evidence,
    Found,
    Outcome,
    State,
    TryLater,
    Turned,
    Unknown,
    begin,
)
from dearly.letter.words import _

_OUTCOMES: dict[type, str] = {Accepted: "accepted", TryLater: "try_later", Turned: "turned", Unknown: "unknown"}

# The conditions on `state` repeat those of the partial indexes word for word, which is how SQLite knows them again.
# Without being told, it would rather group all forms there ever were than look at the few that leave.
_DUE = """
SELECT form FROM (
  SELECT form, min(not_before) AS first, row_number() OVER (PARTITION BY way, place ORDER BY min(not_before), form) AS n
  FROM journeys j INDEXED BY journeys_leaving
  WHERE state IN ('waiting', 'trying', 'dated') AND state <> 'dated' AND not_before <= ?
    AND form IS NOT NULL AND way NOT IN ('hand', 'paper')
    AND NOT EXISTS (SELECT 1 FROM attempt_journeys t JOIN attempts a ON a.id = t.attempt
                    WHERE t.journey = j.id AND a.ended IS NULL)
  GROUP BY form
) WHERE n <= ? ORDER BY first, form
"""
_FORMS_UNCERTAIN = "SELECT DISTINCT form FROM journeys WHERE state = 'uncertain' AND form > ? ORDER BY form LIMIT ?"
_FORMS_GIVEN_UP = """
SELECT DISTINCT form FROM journeys
WHERE state = 'given_up' AND way = ? AND place = ? AND form > ? AND since >= ? AND attempts > 0 ORDER BY form LIMIT ?
"""
_FORMS_TRAVELLING = """
SELECT DISTINCT form FROM journeys
WHERE state = 'on_its_way' AND way = ? AND place = ? AND form > ? AND since >= ? ORDER BY form LIMIT ?
"""


def due(db: Db, now: datetime, limit: int = 20) -> list[Ready]:
    """What may leave now: sealed letters with journeys whose time has come and that no attempt is open for, grouped
    by form, the longest due first; at most `limit` forms for each account, with their bytes."""
    found = []
    for (form,) in db.all(_DUE, (stamp(now), limit)):
        travels = [
            travel
            for travel in read(db, "WHERE j.form = ? ORDER BY j.id", (form,))
            if travel.journey.state in LEAVES and travel.journey.not_before <= now and not _open(db, travel)
        ]
        found += _whole(db, form, travels)
    return found


def next_due(db: Db) -> datetime | None:
    """When the next waiting, trying or dated journey may go on by itself (may lie in the past); None when none is."""
    return maybe(
        db.value(
            "SELECT not_before FROM journeys WHERE state IN ('waiting', 'trying', 'dated')"
            " AND not_before > ? AND way NOT IN ('hand', 'paper') ORDER BY not_before LIMIT 1",
            (-LAST,),
        )
    )


def ripen(db: Db, now: datetime) -> list[int]:
    """Dated letters whose day has come become waiting ones; their numbers."""
    ripe = read(
        db,
        "WHERE j.state IN ('waiting', 'trying', 'dated') AND j.state = 'dated' AND j.not_before <= ?"
        " ORDER BY j.not_before, j.id",
        (stamp(now),),
    )
    return list(dict.fromkeys(travel.number for travel in ripe if happen_if_it_may(db, travel, Act.DUE, now)))


def begin_attempt(db: Db, ready: Ready, now: datetime) -> int:
    """Record an attempt for the journeys of `ready` that were to leave, before it is made; its id. Raises `Refused`
    (impossible_step) when one of them is no longer waiting (taken back, held, sealed anew), or has an attempt open."""
    leaving = [travel for travel in ready.travels if travel.journey.state in LEAVES]
    travels = reread(db, leaving)
    if not leaving or len(travels) < len(leaving) or any(t.form != ready.form or _open(db, t) for t in travels):
        raise Refused("impossible_step", _("This letter is not waiting to leave."))
    attempt = db.insert("INSERT INTO attempts (form, begun) VALUES (?, ?)", (ready.form, stamp(now)))
    for travel in travels:
        store(db, travel, begin(travel.journey))
        db.run("INSERT INTO attempt_journeys (attempt, journey) VALUES (?, ?)", (attempt, travel.id))
    return attempt


def end_attempt(db: Db, attempt: int, outcomes: Mapping[Address, Outcome], now: datetime) -> list[Travel]:
    """Record what it brought; its journeys. A recipient without an outcome is `Unknown`. Ending it twice changes
    nothing."""
    if not db.run("UPDATE attempts SET ended = ? WHERE id = ? AND ended IS NULL", (stamp(now), attempt)):
        return []
    by_key = {recipient.key: outcome for recipient, outcome in outcomes.items()}
    ended = []
    for travel in read(db, "JOIN attempt_journeys t ON t.journey = j.id WHERE t.attempt = ? ORDER BY j.id", (attempt,)):
        outcome = by_key.get(travel.journey.recipient.key) or Unknown(_("There was no answer for this recipient."))
        why = "" if isinstance(outcome, Accepted) else outcome.why
        db.run(
            "UPDATE attempt_journeys SET outcome = ?, why = ? WHERE attempt = ? AND journey = ?",
            (_OUTCOMES[type(outcome)], why, attempt, travel.id),
        )
        ended.append(happen_if_it_may(db, travel, outcome, now) or travel)
    return ended


def settle_unfinished(db: Db, now: datetime) -> list[Travel]:
    """At start-up: attempts that never ended have an unknown outcome (F06); the journeys that became uncertain."""
    why = Unknown(_("Dearly stopped before the answer was here."))
    settled: list[Travel] = []
    for (attempt,) in db.all("SELECT id FROM attempts WHERE ended IS NULL AND id > 0 ORDER BY id"):
        journeys = read(db, "JOIN attempt_journeys t ON t.journey = j.id WHERE t.attempt = ?", (attempt,))
        settled += end_attempt(db, attempt, {travel.journey.recipient: why for travel in journeys}, now)
    return [travel for travel in settled if travel.journey.state is State.UNCERTAIN]


def uncertain(db: Db, limit: int = 20, after: int = 0) -> list[Ready]:
    """Sealed letters with uncertain journeys, to be looked for; `after`: `form` of the last one of the batch before.

    By mail the envelope names, besides, everybody else whose transaction may have left a copy with us, and each as
    often as it may: the copies are all alike, and another reader's must not prove this one's (see `own_copy_found`)."""
    return [
        _as_it_went(db, one)
        for (form,) in db.all(_FORMS_UNCERTAIN, (after, limit))
        for one in _whole(db, form, read(db, "WHERE j.form = ? AND j.state = 'uncertain' ORDER BY j.id", (form,)))
    ]


def _as_it_went(db: Db, one: Ready) -> Ready:
    if one.way is not Way.MAIL:
        return one
    tries: dict[int, int] = dict(db.each(_MAY_HAVE_TAKEN, (one.form,)))
    travels = read(db, "WHERE j.form = ? ORDER BY j.id", (one.form,))
    recipients = tuple(travel.journey.recipient for travel in travels for _try in range(tries.get(travel.id, 0)))
    envelope = replace(one.sealed.envelope, recipients=recipients)
    return replace(one, sealed=replace(one.sealed, envelope=envelope))


def travelling(
    db: Db, *, place: str, since: datetime, way: Way = Way.OFFICE, limit: int = 20, after: int = 0
) -> list[Ready]:
    """Sealed letters that this account's carrier accepted at `since` or later, and of which nothing was heard yet: a
    carrier that reports may be asked. `after`: as in `uncertain`."""
    return [
        one
        for (form,) in db.all(_FORMS_TRAVELLING, (way.value, place, after, stamp(since), limit))
        for one in _whole(db, form, read(db, "WHERE j.form = ? AND j.state = 'on_its_way' ORDER BY j.id", (form,)))
    ]


def given_up(db: Db, *, place: str, since: datetime, limit: int = 20, after: int = 0) -> list[Ready]:
    """Letters that were handed to this office and given up at `since` or later: it may still have them. `after`: as in
    `uncertain`."""
    return [
        one
        for (form,) in db.all(_FORMS_GIVEN_UP, (Way.OFFICE.value, place, after, stamp(since), limit))
        for one in _whole(db, form, read(db, "WHERE j.form = ? AND j.state = 'given_up' ORDER BY j.id", (form,)))
    ]


def record_evidence(db: Db, ready: Ready, evidence: Mapping[Address, Evidence], now: datetime) -> list[Travel]:
    """What looking afterwards proved, for the journeys of `ready` that it can still change; those."""
    by_key = {recipient.key: found for recipient, found in evidence.items()}
    changed = (
        happen_if_it_may(db, travel, by_key[travel.journey.recipient.key], now)
        for travel in reread(db, ready.travels)
        if travel.journey.recipient.key in by_key
    )
    return [travel for travel in changed if travel is not None]


def own_copy_found(db: Db, seal_sha256: bytes, now: datetime, way: Way = Way.OFFICE) -> list[Travel]:
    """Our own copy came back by this way: uncertain journeys of forms that went by it had been accepted; those.

    By mail each recipient's transaction brings one copy of its own, all alike (F05): a copy says that some transaction
    was accepted, never which. So a recipient is proven only where the copies are more than the transactions with all
    the others; with as many copies as transactions, everybody is. Call it when the copy itself has been put aside."""
    found: list[Travel | None] = []
    forms = db.all(
        "SELECT id, place FROM sealed_forms WHERE seal_sha256 = ? AND way = ? ORDER BY id", (seal_sha256, way.value)
    )
    for form, place in forms:
        tries: dict[int, int] = dict(db.each(_MAY_HAVE_TAKEN, (form,)))
        together = sum(tries.values())
        copies = _copies(db, seal_sha256, place, one_is_enough=len(tries) < 2) if way is Way.MAIL else together
        travels = read(db, "WHERE j.form = ? ORDER BY j.id", (form,))
        proven = [travel for travel in travels if tries.get(travel.id, 0) > together - copies]
        found += [happen_if_it_may(db, travel, Found(), now) for travel in proven]
    return [travel for travel in found if travel is not None]


_MAY_HAVE_TAKEN = """
SELECT t.journey, count(*) FROM attempt_journeys t JOIN attempts a ON a.id = t.attempt
WHERE a.form = ? AND coalesce(t.outcome, 'unknown') IN ('accepted', 'unknown') GROUP BY t.journey
"""
"""How many handings over to each reader may have been accepted; the others certainly were not."""

# Fewer rather than too many: the same copy fetched twice (a mailbox numbered anew, a literal that came short) is one.
_COPIES = """
SELECT a.number, a.object_id, m.validity, m.uid FROM arrivals a JOIN postmarks m ON m.arrival = a.number
WHERE a.seal_sha256 = ? AND a.state = 'own' AND m.way = 'mail' AND m.place = ?
"""
_RECEIVED = re.compile(rb"(?im)^received:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")


def _copies(db: Db, seal_sha256: bytes, place: str, *, one_is_enough: bool) -> int:
    """How many transactions certainly brought a copy of ours into this account's mailbox. A server may put one and the
    same down twice, when it is killed in the midst of it (RFC 1047): those have their first hop's line in common, the
    oldest Received field (RFC 5321 4.4). Copies without any are told apart by their octets."""
    boxes: dict[str, tuple[set[bytes | int], set[str]]] = {}
    for number, object_id, validity, uid in db.all(_COPIES, (seal_sha256, place)):
        transactions, uids = boxes.setdefault(validity, (set(), set()))
        transactions.add(number if one_is_enough else _first_hop(db, object_id) or number)
        uids.add(uid)
    return max((min(len(transactions), len(uids)) for transactions, uids in boxes.values()), default=0)


def _first_hop(db: Db, object_id: int) -> bytes:
    try:
        data = objects.get(db, object_id)
    except Damaged:
        return b""
    hops = _RECEIVED.findall(re.split(rb"\r?\n\r?\n", data[:_MOST_HEADER], maxsplit=1)[0])
    return b" ".join(hops[-1].split()) if hops else b""


_MOST_HEADER = 256 * 1024
"""Octets of a copy's header that are looked at."""


def report(
    db: Db, number: int, recipient: Address, event: Delivered | Bounced | Delayed, now: datetime, way: Way | None = None
) -> list[Travel]:
    """A carrier's later word on a letter of ours. `way`: concerns the journeys by that way alone. What the journeys'
    table does not allow, and a journey that no attempt was made for, changes nothing."""
    travels = read(db, "WHERE j.letter = ? AND j.address_key = ? ORDER BY j.id", (number, recipient.key))
    begun = (travel for travel in travels if travel.journey.attempts and way in (None, travel.way))
    changed = (happen_if_it_may(db, travel, event, now) for travel in begun)
    return [travel for travel in changed if travel is not None]


def _open(db: Db, travel: Travel) -> bool:
    return (
        db.one(
            "SELECT 1 FROM attempt_journeys t JOIN attempts a ON a.id = t.attempt"
            " WHERE t.journey = ? AND a.ended IS NULL",
            (travel.id,),
        )
        is not None
    )


def _whole(db: Db, form: int, travels: Sequence[Travel]) -> list[Ready]:
    """The sealed letter, if its bytes are whole. One that is damaged stays where it is, and `check` names it; it must
    not keep the others from leaving (F19)."""
    try:
        return [ready(db, form, travels)]
    except Damaged:
        return []
