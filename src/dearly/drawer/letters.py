"""Filed letters, ours and theirs, and the correspondences they make.

A letter's key is its drawer-wide number. Its LetterId is a claim that anyone can write: the same letter is the same
LetterId *and* the same signed bytes (`inner_sha256`); the same id with other bytes is another letter, both are kept and
both are marked as twins (A36, F38). Archive order is by date, through `sort_key`: day << 20 | n.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from dearly.drawer.connection import Db
from dearly.drawer.enclosed import Enclosed
from dearly.letter.address import Correspondent
from dearly.letter.content import Enclosure, Letter, LetterId
from dearly.letter.envelope import Way
from dearly.letter.sealing import Seal

Direction = Literal["out", "in"]


@dataclass(frozen=True, slots=True)
class Party:
    """Someone named by a letter. `role`: from, to or cc. `person`: id in the address book, None for nobody known."""

    role: str
    who: Correspondent
    person: int | None


@dataclass(frozen=True, slots=True)
class Postmark:
    """One way by which a letter came: when it was taken in, and from which place."""

    way: Way
    place: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A letter as listed. `date` carries the writer's offset. `persons`: names in the address book of the
    correspondents it was written to or came from. `beginning`: its first 200 characters."""

    number: int
    direction: Direction
    letter_no: int | None
    date: datetime
    subject: str
    beginning: str
    persons: tuple[str, ...]
    seal: Seal | None
    twin: bool
    enclosures: int


@dataclass(frozen=True, slots=True)
class FiledLetter:
    """A letter whole, but for the bytes of its enclosures (`enclosure`).

    `seal`, `quantum_safe`, `signer` (fingerprint), `signed_at`: what opening came to; None for our own. `postcard`: ours,
    chosen to go unsealed. `raw_sha256`: of the bytes as first fetched; None for our own. `filed`: when it was posted or
    opened. `has_html`: whether `html` has something. `answers`, `answered_by`: numbers of letters at hand."""

    number: int
    uid: str
    direction: Direction
    letter_id: LetterId
    letter_no: int | None
    date: datetime
    subject: str
    text: str
    parties: tuple[Party, ...]
    in_reply_to: LetterId | None
    references: tuple[LetterId, ...]
    enclosed: tuple[Enclosed, ...]
    postmarks: tuple[Postmark, ...]
    seal: Seal | None
    quantum_safe: bool | None
    signer: str | None
    signed_at: datetime | None
    postcard: bool
    twin: bool
    has_html: bool
    answers: tuple[int, ...]
    answered_by: tuple[int, ...]
    filed: datetime

    @property
    def sender(self) -> Correspondent | None:
        """Who it says it is from; None when that could not be read."""
        raise NotImplementedError

    @property
    def to(self) -> tuple[Correspondent, ...]:
        """To whom it says it went."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Received:
    """What opening an arrival brought, to be filed. `letter_id` None: it carried none. `inner_sha256`: of the signed
    bytes (decisions 9). `person`: whose correspondence it joins; None for someone not in the address book."""

    letter_id: LetterId | None
    inner_sha256: bytes
    sender: Correspondent | None
    to: tuple[Correspondent, ...]
    cc: tuple[Correspondent, ...]
    date: datetime
    subject: str
    text: str
    seal: Seal
    html: str | None = field(default=None, repr=False)
    enclosures: tuple[Enclosure, ...] = ()
    in_reply_to: LetterId | None = None
    references: tuple[LetterId, ...] = ()
    letter_no: int | None = None
    quantum_safe: bool | None = None
    signer: str | None = None
    signed_at: datetime | None = None
    person: int | None = None


@dataclass(frozen=True, slots=True)
class Filed:
    """`number`: of the letter. `first`: False when it was here already (by another way), so that only a postmark was
    added. `twin`: another letter with the same id but other bytes is here."""

    number: int
    first: bool
    twin: bool


def file_received(db: Db, arrival: int, received: Received, now: datetime) -> Filed:
    """File what an arrival held, in the transaction of the caller: letter, enclosures, correspondence, chain; the
    arrival becomes "opened". The letter's number is the arrival's, unless the same letter is here already; then that
    one stays, and keeps the better of the two seals. Filing the same arrival again changes nothing.

    Raises `NotFound` (no_arrival)."""
    raise NotImplementedError


def file_sent(
    db: Db, number: int, letter: Letter, *, persons: Sequence[int | None], postcard: bool, now: datetime
) -> None:
    """File a letter of ours under the number that its draft had (or that `new_number` gave). `persons`: for each of
    `letter.to`, its id in the address book. `letter.enclosures` hold their bytes."""
    raise NotImplementedError


def letter(db: Db, number: int) -> FiledLetter:
    """The letter with this number, or the one that the arrival with this number was another copy of. Raises
    `NotFound` (no_letter)."""
    raise NotImplementedError


def content(db: Db, number: int) -> Letter:
    """A letter of ours as it was finished, with the bytes of its enclosures: what rendering needs. Raises `NotFound`
    (no_letter)."""
    raise NotImplementedError


def enclosure(db: Db, number: int, position: int) -> Enclosure:
    """One enclosure with its bytes. Raises `NotFound` (no_letter, no_enclosure), `Damaged`."""
    raise NotImplementedError


def html(db: Db, number: int) -> str | None:
    """The HTML that a letter from another program carried, as it came. Never to be shown but in the locked frame."""
    raise NotImplementedError


def correspondence(
    db: Db, person: int, *, newest_first: bool = False, limit: int = 100, after: int | None = None
) -> list[LetterLine]:
    """Letters to and from one person (or household, or circle), by date. `after`: number of the last one of the page
    before."""
    raise NotImplementedError


def correspondence_count(db: Db, person: int) -> int:
    """How many letters there are to and from this person."""
    raise NotImplementedError


def with_id(db: Db, letter_id: LetterId) -> list[int]:
    """Numbers of all letters that claim this id, oldest filed first."""
    raise NotImplementedError


def same(db: Db, letter_id: LetterId, inner_sha256: bytes) -> int | None:
    """Number of the letter with this id and these signed bytes, ours too (our own copy coming back)."""
    raise NotImplementedError


def our_numbers(db: Db, person: int) -> list[int]:
    """The letter numbers that we gave in this correspondence, ascending. Letters taken back do not count."""
    raise NotImplementedError


def their_numbers(db: Db, person: int) -> list[int]:
    """The letter numbers that they gave, ascending, from letters whose seal proves the writer, or unsealed ones."""
    raise NotImplementedError


def threading(db: Db, number: int) -> tuple[LetterId, tuple[LetterId, ...]]:
    """In-Reply-To and References (RFC 5322 3.6.4) of an answer to this letter; at most 50 references, the first kept."""
    raise NotImplementedError


def redate(db: Db, number: int, date: datetime) -> None:
    """Give the letter another date, and so another place in the archive. The digest in the chain stays what it was."""
    raise NotImplementedError


def damaged(db: Db) -> list[int]:
    """Numbers of letters whose content is not what was filed (F19, F21); reads everything, for `check`."""
    raise NotImplementedError
