"""The letterbox: parcels as they were fetched, kept byte for byte, and what became of each.

An arrival gets its drawer-wide number when it is taken in, and the letter in it has the same. The same bytes are taken
in once, whatever the carrier calls them (F27-F29, F35); each place where they lay is a postmark. What sorting found on
the outside (who it says it is from, which id) is a claim, kept as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dearly.drawer.connection import Db
from dearly.drawer.letters import Postmark
from dearly.drawer.objects import Packed
from dearly.letter.address import Address, Correspondent
from dearly.letter.clock import Chance
from dearly.letter.content import LetterId
from dearly.letter.envelope import Parcel, Source, Way
from dearly.letter.sealing import Seal


class ArrivalState(StrEnum):
    """What became of an arrival. NEW: not sorted yet. OWN: our own copy. REPORT: a carrier's report on a letter of
    ours. SAME: another copy of an arrival that is here. REFUSED: at the door, and turned away."""

    NEW = "new"
    UNOPENED = "unopened"
    OPENED = "opened"
    UNREADABLE = "unreadable"
    OWN = "own"
    REPORT = "report"
    SAME = "same"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outside:
    """What sorting found on the outside. `seal`: NEVER_SEALED, or None for a sealed one, which says nothing before it
    is opened. `person`: whose address the claimed sender's is. `at_door`: the first letter of a stranger."""

    sender: Correspondent | None
    letter_id: LetterId | None
    seal_sha256: bytes | None
    seal: Seal | None
    person: int | None
    at_door: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """An arrival. `sender`: as the outside claims; None when unreadable. `letter`: number of the letter it held."""

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
    postmarks: tuple[Postmark, ...]


def take_in(
    db: Db, parcel: Parcel, raw_sha256: bytes, *, now: datetime, chance: Chance, packed: Packed | None = None
) -> int | None:
    """Keep a parcel; its new number. None when these very bytes are here already: then only the postmark is added.

    `raw_sha256`: SHA-256 of `parcel.data`. `packed`: `objects.pack(parcel.data)`, where it was made beforehand."""
    raise NotImplementedError


def save_cursor(db: Db, way: Way, place: str, cursor: str, now: datetime) -> None:
    """Where to go on collecting. Called in the transaction that takes the parcels in, never before."""
    raise NotImplementedError


def cursor(db: Db, way: Way, place: str) -> str:
    """Where to go on collecting; "" at first."""
    raise NotImplementedError


def unacknowledged(db: Db, way: Way, place: str, limit: int = 500) -> list[Source]:
    """What is safe here but was not acknowledged to the carrier yet, oldest first."""
    raise NotImplementedError


def acknowledged(db: Db, sources: Sequence[Source]) -> None:
    """The carrier was told."""
    raise NotImplementedError


def unsorted(db: Db, limit: int = 100) -> list[int]:
    """Numbers of arrivals not sorted yet, oldest first."""
    raise NotImplementedError


def raw(db: Db, number: int) -> bytes:
    """The bytes as fetched. Raises `NotFound` (no_arrival), `Damaged`."""
    raise NotImplementedError


def arrival(db: Db, number: int) -> Arrival:
    """One arrival. Raises `NotFound` (no_arrival)."""
    raise NotImplementedError


def put_in_letterbox(db: Db, number: int, outside: Outside, now: datetime) -> ArrivalState:
    """Sorted: an envelope for the letterbox. UNOPENED; SAME when an arrival with the same sealed slice, id and claimed
    sender is here (the same letter by another way: one envelope, two postmarks). REFUSED for a refused stranger."""
    raise NotImplementedError


def put_aside(db: Db, number: int, state: ArrivalState, now: datetime, letter: int | None = None) -> None:
    """Sorted, but not for the letterbox: OWN or REPORT, on `letter` of ours."""
    raise NotImplementedError


def mark_unreadable(db: Db, number: int, seal: Seal, reason: str, now: datetime) -> None:
    """It could not be opened: it stays as it came, with the reason, and may be tried again."""
    raise NotImplementedError


def letterbox(db: Db, *, unopened_only: bool = False, limit: int = 100, before: int | None = None) -> list[Arrival]:
    """Envelopes in the letterbox (unopened, opened, unreadable), the last arrived first, by counter and never by date.
    `before`: number of the last one of the page before."""
    raise NotImplementedError


def waiting_count(db: Db) -> int:
    """How many envelopes are unopened, without those at the door."""
    raise NotImplementedError


def at_door(db: Db, limit: int = 100) -> list[Arrival]:
    """First letters of strangers, oldest first."""
    raise NotImplementedError


def let_in(db: Db, number: int, person: int, now: datetime) -> list[int]:
    """The stranger is `person` from now on: everything of theirs at the door comes in; the numbers. It pins no key."""
    raise NotImplementedError


def refuse(db: Db, number: int, now: datetime) -> list[int]:
    """Turn the stranger's letters away, now and later; nobody is told. Kept, but not in the letterbox; the numbers."""
    raise NotImplementedError


def refused(db: Db, address: Address) -> bool:
    """Whether letters from this address are turned away."""
    raise NotImplementedError
