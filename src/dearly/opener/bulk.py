"""Many originals at once: what goes to a child that reads a whole archive, and what comes back of each letter.

A question holds a stack of originals. The answer has everything that filing needs of each, but nothing that the desk
can find out for itself: digests and packing of the originals are never left to a process that foreign bytes were in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from dearly.letter.address import Address
from dearly.letter.sealing import Signed
from dearly.letter.search import Entry
from dearly.opener.heads import HeadFacts
from dearly.opener.values import Heading, Trouble

MOST_STACKED = 100
"""Originals in one question."""

HEAVIEST_STACK = 4 << 20
"""Octets of all originals in one question, unless it holds a single one."""

_DAEMONS = frozenset({"mailer-daemon", "postmaster"})


class Kind(Enum):
    """What an original turns out to be. All but the first three are no letters, as far as they say of themselves."""

    LETTER = "letter"
    SEALED = "sealed"
    """To be opened by itself, with keys; nothing but its heading is known."""
    UNREADABLE = "unreadable"
    """Beyond a limit of reading, or it broke the process that read it: kept as it is."""
    REPORT = "report"
    """What carriers' programs say of other mail: delivery reports, receipts."""
    NEWSLETTER = "newsletter"
    """Sent by a program, or to many at once: List fields, Precedence, Auto-Submitted, Feedback-ID."""
    CALENDAR = "calendar"
    """An invitation for a calendar."""
    EMPTY = "empty"
    """Neither text nor enclosure."""


NO_LETTERS = frozenset(Kind) - {Kind.LETTER, Kind.SEALED, Kind.UNREADABLE}


def kind_by_header(facts: HeadFacts) -> Kind:
    """What a header alone says. CALENDAR and EMPTY show only when the whole is read."""
    if not facts.readable:
        return Kind.UNREADABLE
    if facts.report or facts.receipt or (facts.sender and facts.sender.address.local.casefold() in _DAEMONS):
        return Kind.REPORT
    if facts.bulk:
        return Kind.NEWSLETTER
    return Kind.SEALED if facts.sealed else Kind.LETTER


@dataclass(frozen=True, slots=True)
class Stack:
    """Originals to be read. `sent`: for each, whether the folder that it lay in says that we wrote it, None where it
    says nothing. `ours`: our addresses, present and left. `leave`: kinds of which nothing more is wanted."""

    letters: tuple[bytes, ...] = field(repr=False)
    sent: tuple[bool | None, ...]
    ours: tuple[Address, ...]
    leave: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """An enclosure: its octets; or, where those stand in the original as one run of base64, where (`start` to `end`),
    and `data` is empty."""

    name: str
    media_type: str
    cid: str | None
    data: bytes = field(repr=False)
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """One original, read. Of all but a LETTER there are only `kind`, `sent`, `ours`, `heading` and `trouble`.

    `sent`: we wrote it, by its sender or the folder that it lay in. `ours`: somebody whom it names is us, or it is
    sent. `inner_sha256`: `reading.cleartext_sha256`. `signed`: what the signature of an unsealed letter comes to as far
    as it can be told without a key: UNKNOWN for every signature around the whole. `entry`: what it is found by.
    `received`: of a letter without a Date, when the last server on its way took it."""

    kind: Kind
    sent: bool = False
    ours: bool = False
    heading: Heading | None = None
    inner_sha256: bytes = b""
    text: str = field(repr=False, default="")
    html: str | None = field(repr=False, default=None)
    pieces: tuple[Piece, ...] = ()
    signed: Signed = Signed.NONE
    entry: Entry | None = field(repr=False, default=None)
    received: datetime | None = None
    trouble: Trouble | None = None


def unread(trouble: Trouble, *, sent: bool = False) -> Read:
    """Of an original that could not be read."""
    return Read(Kind.UNREADABLE, sent=sent, ours=sent, trouble=trouble)
