"""The outbox: sealed forms, one journey for each recipient and way, and every attempt, recorded before it is made.

The rules are `letter.journey`'s; here they are only applied to rows. Posting is one transaction: from its commit on,
the letter leaves exactly as often as the journeys say. A form's bytes are final and serve every attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dearly.drawer.connection import Db
from dearly.drawer.drafts import OnPage
from dearly.letter.address import Address
from dearly.letter.content import Letter
from dearly.letter.envelope import SealedLetter, Way
from dearly.letter.journey import Act, Bounced, Delivered, Evidence, Journey, Outcome, State
from dearly.letter.journey import Why as HeldWhy

SEAL_WITHIN = timedelta(days=7)
"""A letter is sealed when it leaves within this time; one dated further is stored unsealed, and sealed then."""


@dataclass(frozen=True, slots=True)
class Form:
    """A sealed form to be stored: what a carrier will get. `place`: the account it leaves by. `certificates`:
    fingerprints it is sealed to, ours too; empty for a postcard. `inner_sha256`: of the signed bytes."""

    way: Way
    place: str
    sealed: SealedLetter
    certificates: tuple[str, ...] = ()
    inner_sha256: bytes | None = None
    quantum_safe: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """A journey to begin. `state`: WAITING, DATED or HELD (then `reason` says why). `person`: id in the address book."""

    recipient: Address
    person: int | None
    way: Way
    place: str
    not_before: datetime
    state: State = State.WAITING
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Posted:
    """`again`: this draft had been posted before; nothing was done, and `number` is that letter's (F48)."""

    number: int
    again: bool


@dataclass(frozen=True, slots=True)
class Travel:
    """A journey with what belongs to it. `id`: for the functions below. `person`: name in the address book, or "".
    `form` None: not sealed yet."""

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
    """A sealed letter that may be handed over (or looked for) now. `sealed.envelope` names only the recipients whose
    journeys are in `travels`."""

    form: int
    number: int
    way: Way
    place: str
    sealed: SealedLetter
    certificates: tuple[str, ...]
    travels: tuple[Travel, ...]


def post(
    db: Db,
    number: int,
    letter: Letter,
    legs: Sequence[Leg],
    forms: Sequence[Form],
    *,
    based_on: int,
    postcard: bool = False,
    now: datetime,
) -> Posted:
    """Post a draft: letter, forms, journeys and the link of the chain, all in the caller's one transaction.

    A leg is joined to the form of its way whose envelope names it; without one it must be DATED or HELD. Raises
    `RevisionMismatch` when the draft changed since `based_on`, `NotFound` as `drafts.load`; a draft posted before
    gives that letter, whatever is asked now."""
    raise NotImplementedError


def add_forms(db: Db, number: int, forms: Sequence[Form], now: datetime) -> None:
    """Seal later: join new forms to the journeys that have none, or whose form no attempt has used yet (a key was
    changed or chosen). Raises `Refused` (already_collected) where one has."""
    raise NotImplementedError


def needs_sealing(db: Db, now: datetime, within: timedelta = SEAL_WITHIN) -> list[Travel]:
    """Journeys without a form that leave within this time, the earliest first."""
    raise NotImplementedError


def ripen(db: Db, now: datetime) -> list[int]:
    """Dated letters whose day has come become waiting ones; their numbers."""
    raise NotImplementedError


def due(db: Db, now: datetime, limit: int = 20) -> list[Ready]:
    """What may leave now: sealed letters with journeys whose time has come and that no attempt is open for, grouped
    by form, the longest due first; at most `limit` forms, with their bytes."""
    raise NotImplementedError


def next_due(db: Db) -> datetime | None:
    """When the next waiting, trying or dated journey may go on (may lie in the past); None when none is."""
    raise NotImplementedError


def begin_attempt(db: Db, ready: Ready, now: datetime) -> int:
    """Record an attempt before it is made; its id. Raises `Refused` (impossible_step) when a journey of it is no longer
    waiting (taken back meanwhile), or has an attempt open."""
    raise NotImplementedError


def end_attempt(db: Db, attempt: int, outcomes: Mapping[Address, Outcome], now: datetime) -> list[Travel]:
    """Record what it brought. A recipient without an outcome is `Unknown`. Ending it twice changes nothing."""
    raise NotImplementedError


def settle_unfinished(db: Db, now: datetime) -> list[Travel]:
    """At start-up: attempts that never ended have an unknown outcome (F06); the journeys that became uncertain."""
    raise NotImplementedError


def uncertain(db: Db, limit: int = 20, after: int = 0) -> list[Ready]:
    """Sealed letters with uncertain journeys, to be looked for; `after`: `form` of the last one of the batch before."""
    raise NotImplementedError


def record_evidence(db: Db, ready: Ready, evidence: Mapping[Address, Evidence], now: datetime) -> list[Travel]:
    """What looking afterwards proved, for the journeys of `ready` that are still uncertain or held."""
    raise NotImplementedError


def forms_by_seal(db: Db, seal_sha256: bytes) -> list[int]:
    """Numbers of our letters with a form that has this sealed slice: an arrival with it is our own copy."""
    raise NotImplementedError


def own_copy_found(db: Db, seal_sha256: bytes, now: datetime) -> list[Travel]:
    """Our own copy came back: every uncertain journey of that form was accepted (`Found`)."""
    raise NotImplementedError


def report(db: Db, number: int, recipient: Address, event: Delivered | Bounced, now: datetime) -> list[Travel]:
    """A carrier's later word on a letter of ours. What the journey's table does not allow changes nothing."""
    raise NotImplementedError


def travels(db: Db, number: int) -> list[Travel]:
    """The journeys of one letter, in the order of its recipients. Raises `NotFound` (no_letter)."""
    raise NotImplementedError


def listing(db: Db, *, pending: bool = False, limit: int = 200, before: int | None = None) -> list[Travel]:
    """Journeys, the last posted letter first. `pending`: only what has not left or needs an answer (waiting, dated, held,
    trying, came back, uncertain). `before`: number of the last letter of the page before."""
    raise NotImplementedError


def hold(db: Db, number: int, why: HeldWhy, now: datetime, recipient: Address | None = None) -> list[Travel]:
    """Keep it here until the person decides: one recipient's or all that can still be held."""
    raise NotImplementedError


def hold_all_restored(db: Db, now: datetime) -> list[Travel]:
    """The drawer was restored or copied: every waiting, dated, trying or uncertain journey is held (F49)."""
    raise NotImplementedError


def act(db: Db, number: int, what: Act, now: datetime, recipient: Address | None = None) -> list[Travel]:
    """RELEASE, POST_AGAIN or GIVE_UP by the person: for one recipient, or for all for whom it is possible now. Raises
    `Refused` (impossible_step) when it is for none, `NotFound` (no_letter)."""
    raise NotImplementedError


def put_off(db: Db, number: int, not_before: datetime, now: datetime) -> list[Travel]:
    """Let it leave at another time, while it has not left: waiting ones wait longer, or become dated. Raises `Refused`
    (already_collected)."""
    raise NotImplementedError


def take_back(db: Db, number: int, now: datetime) -> OnPage:
    """Undo the posting: letter, forms and journeys are gone, the draft lies on the page again with its number.

    Allowed only while no attempt exists: raises `Refused` (already_collected) else, `NotFound` (no_letter)."""
    raise NotImplementedError
