"""What the verbs of the desk hand to the faces: plain frozen values, one per thing that a person sees.

Field names are those of the command line's JSON (docs/commands.md), so that a face adds words and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date as day
from datetime import datetime
from pathlib import Path

from dearly.letter.content import Enclosure
from dearly.letter.envelope import Way
from dearly.letter.sealing import Seal, Signed


@dataclass(frozen=True, slots=True)
class Postmark:
    """One way by which a letter came: when it was taken in, and from where."""

    way: Way
    at: datetime
    place: str


@dataclass(frozen=True, slots=True)
class EnclosureView:
    """An enclosure as listed: a cleaned name, a media type, a size in bytes."""

    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class LetterView:
    """A draft, a letter of ours, or a letter that came.

    `number`: drawer-wide. `letter_no`: inside the correspondence, as its writer counted it. `direction`: "out" or "in".
    `state`: for a draft "draft" or "put_away"; for one of ours the least advanced journey, or "imported"; for an
    arrival "opened" or "unreadable". `seal`: of a letter that came. `signer`: fingerprint. `signature`: what one that
    was never sealed carries besides; None for a sealed one, and for one of ours. `notes`: see there."""

    number: int
    direction: str
    person: str
    from_: str
    to: tuple[str, ...]
    date: datetime
    subject: str
    state: str
    text: str
    letter_no: int | None = None
    letter_id: str | None = None
    seal: Seal | None = None
    quantum_safe: bool | None = None
    way: Way | None = None
    postmarks: tuple[Postmark, ...] = ()
    enclosures: tuple[EnclosureView, ...] = ()
    put_away_until: day | None = None
    signer: str | None = None
    signature: Signed | None = None
    notes: tuple[str, ...] = ()
    """Sentences about this letter that the reader should see outside it."""


@dataclass(frozen=True, slots=True)
class EnvelopeView:
    """An envelope in the letterbox. `seal`: never_sealed, or None for a sealed one, which says nothing before it is
    opened."""

    number: int
    from_: str
    person: str | None
    arrived: datetime
    way: Way
    seal: Seal | None
    opened: bool
    at_door: bool


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One journey. `leaves`: when the next attempt may be made; None where nothing leaves by itself. `ask`: it has not
    got on for so long that the writer is asked what is to become of it (F05, F10)."""

    number: int
    person: str
    recipient: str
    state: str
    since: datetime
    leaves: datetime | None
    reason: str
    way: Way
    ask: bool = False


@dataclass(frozen=True, slots=True)
class KeyView:
    """A certificate as the address book knows it. `state`: first_seen, pinned, verified, changed or left. `words`: what
    two people read to each other to check it, where they were asked for. `source`: how it came: card, letter, gossip,
    autocrypt, enclosed, file or hand. `given_by`: whose letter gave it, for gossip."""

    fingerprint: str
    state: str
    quantum_safe: bool
    since: datetime
    words: tuple[str, ...] = ()
    source: str = ""
    given_by: str = ""


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """A key that a letter brings for somebody. `which`: its place in the letter, from 1. `addresses`: whom it is
    offered for; empty where it names nobody. `person`: who that is in the address book, or the name on a card.

    `state`: as of a `KeyView` where it is known as theirs; "another" where another key of theirs is in use; "unknown"
    where none is. `source`: gossip (of another reader, as a verified writer gives it), autocrypt (of the writer of an
    unsealed letter), enclosed or card. `given_by`: the letter's writer. `enclosure`: the file's name, or empty."""

    which: int
    fingerprint: str
    addresses: tuple[str, ...]
    person: str
    state: str
    source: str
    given_by: str
    enclosure: str
    usable: bool
    quantum_safe: bool


@dataclass(frozen=True, slots=True)
class PersonView:
    """Someone in the address book."""

    name: str
    uid: str
    addresses: tuple[str, ...]
    keys: tuple[KeyView, ...] = ()
    kind: str = "person"


@dataclass(frozen=True, slots=True)
class VersionView:
    """An earlier state of a draft. `version` counts from 1; `why`: pause, put_away, read_over, leaving, restore, words
    or posted."""

    version: int
    at: datetime
    why: str
    words: int
    text: str


@dataclass(frozen=True, slots=True)
class ReadOver:
    """A draft as its reader will see it, and what a friend would notice. `seal`: what it will be worth, in words."""

    letter: LetterView
    notices: tuple[str, ...]
    seal: str
    way: Way | None


@dataclass(frozen=True, slots=True)
class RoundReport:
    """What one round did. Numbers of letters handed over and taken in, and sentences about what did not work."""

    handed_over: tuple[int, ...]
    arrived: tuple[int, ...]
    uncertain: tuple[int, ...]
    troubles: tuple[str, ...]
    next_leaves: datetime | None


@dataclass(frozen=True, slots=True)
class MyCard:
    """What one gives to others: name, addresses, certificate, and the card as vCard text."""

    name: str
    addresses: tuple[str, ...]
    fingerprint: str
    vcard: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `check` looked at. `ok` False: `what` says in a sentence what is wrong and what next."""

    name: str
    ok: bool
    what: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A letter with its enclosures' contents, for saving. `saved`: files written, when a folder was given."""

    letter: LetterView
    enclosures: tuple[Enclosure, ...] = field(default=(), repr=False)
    saved: tuple[Path, ...] = ()
