"""Journeys as rows: reading them, and the one way in which an event changes them, which is `letter.journey`'s table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dearly.drawer import objects
from dearly.drawer.connection import Args, Db
from dearly.drawer.rows import address, moment, stamp
from dearly.letter.address import Address
from dearly.letter.envelope import Envelope, SealedBytes, SealedLetter, Way
from dearly.letter.errors import Refused
from dearly.letter.journey import Accepted, Event, Found, Journey, State, advance

_TRAVELS = """
SELECT j.id, j.letter, j.person_id, coalesce(p.name, ''), j.way, j.place, j.form, j.address, j.state, j.since,
       j.not_before, j.reason, j.attempts
FROM journeys j LEFT JOIN persons p ON p.id = j.person_id
"""


@dataclass(frozen=True, slots=True)
class Travel:
    """A journey with what belongs to it. `number`: of the letter. `person`: name in the address book, or "". `form`:
    None while it is not sealed yet."""

    id: int
    number: int
    person_id: int | None
    person: str
    way: Way
    place: str
    form: int | None
    journey: Journey


@dataclass(frozen=True, slots=True)
class Ready:
    """A sealed letter that may be handed over, or looked for. `sealed.envelope` names only the recipients whose
    journeys are in `travels` (more in one that is looked for: `attempts.uncertain`). `certificates`: fingerprints that
    it is sealed to, ours too; empty for a postcard."""

    form: int
    number: int
    way: Way
    place: str
    sealed: SealedLetter
    certificates: tuple[str, ...]
    travels: tuple[Travel, ...]


def read(db: Db, condition: str, args: Args = ()) -> list[Travel]:
    """The journeys that the end of a statement (of this room's own) picks: "WHERE ..." and what follows."""
    return [_travel(*row) for row in db.each(_TRAVELS + condition, args)]


def reread(db: Db, travels: Iterable[Travel]) -> list[Travel]:
    """The same journeys as they are now; those that are gone are left out."""
    return [now for travel in travels for now in read(db, "WHERE j.id = ?", (travel.id,))]


def store(db: Db, travel: Travel, journey: Journey) -> Travel:
    """Keep what became of a journey."""
    db.run(
        "UPDATE journeys SET state = ?, since = ?, not_before = ?, reason = ?, attempts = ? WHERE id = ?",
        (
            journey.state.value,
            stamp(journey.since),
            stamp(journey.not_before),
            journey.reason,
            journey.attempts,
            travel.id,
        ),
    )
    return replace(travel, journey=journey)


def happen(db: Db, travel: Travel, event: Event, now: datetime) -> Travel:
    """Let an event happen to a journey. Raises `Refused` (impossible_step) for what the table does not allow."""
    return store(db, travel, advance(travel.journey, event, now))


def happen_if_it_may(db: Db, travel: Travel, event: Event, now: datetime) -> Travel | None:
    """As `happen`; None where the table does not allow it. What a carrier says is never refused with an error: the
    person may have acted meanwhile. An acceptance is then at least a proof that it was accepted."""
    for tried in (event, Found()) if isinstance(event, Accepted) else (event,):
        try:
            return happen(db, travel, tried, now)
        except Refused:
            continue
    return None


def ready(db: Db, form: int, travels: Sequence[Travel]) -> Ready:
    """The sealed form with these of its journeys, and its bytes. Raises `Damaged` (object_damaged)."""
    row = db.one(
        "SELECT f.letter, f.way, f.place, f.key, f.sender, f.object_id, f.seal_sha256, l.letter_id"
        " FROM sealed_forms f JOIN letters l ON l.number = f.letter WHERE f.id = ?",
        (form,),
    )
    assert row is not None
    number, way, place, key, sender, object_id, seal_sha256, letter_id = row
    recipients = tuple(travel.journey.recipient for travel in travels)
    return Ready(
        form,
        number,
        Way(way),
        place,
        SealedLetter(
            Envelope(address(sender), recipients),
            letter_id,
            SealedBytes(objects.get(db, object_id)),
            seal_sha256,
            key,
        ),
        certificates_of(db, form),
        tuple(travels),
    )


def certificates_of(db: Db, form: int) -> tuple[str, ...]:
    """Fingerprints of the certificates that a form is sealed to."""
    return tuple(
        fingerprint
        for (fingerprint,) in db.each("SELECT fingerprint FROM sealed_to WHERE form = ? ORDER BY position", (form,))
    )


def of_recipient(travels: Iterable[Travel], recipient: Address | None) -> list[Travel]:
    """Those to one recipient; all for None."""
    return [travel for travel in travels if recipient is None or travel.journey.recipient.same(recipient)]


def _travel(
    id_: int,
    number: int,
    person_id: int | None,
    person: str,
    way: str,
    place: str,
    form: int | None,
    recipient: str,
    state: str,
    since: int,
    not_before: int,
    reason: str,
    attempts: int,
) -> Travel:
    journey = Journey(address(recipient), State(state), moment(since), moment(not_before), reason, attempts)
    return Travel(id_, number, person_id, person, Way(way), place, form, journey)
