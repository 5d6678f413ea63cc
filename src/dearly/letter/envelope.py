"""What travels: the envelope (RFC 5321 2.3.1, not the To field), the sealed letter, and the parcel as fetched."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from dearly.letter.address import Address, Correspondent
from dearly.letter.content import LetterId

MimeBytes = NewType("MimeBytes", bytes)
"""A rendered letter: exact CRLF bytes, final. Later steps wrap, never re-render."""

SealedBytes = NewType("SealedBytes", bytes)
"""A whole message as handed to a carrier: outer headers and RFC 3156 structure, CRLF."""


class Way(StrEnum):
    """By which way a letter travels, in the words of the command line."""

    MAIL = "mail"
    OFFICE = "office"
    HAND = "hand"
    FOLDER = "folder"
    PAPER = "paper"


OFFICE_DOMAIN = ".office.invalid"
"""Ends the domain of every address at an office; such addresses are never mail addresses (RFC 6761 6.4)."""

HAND_DOMAIN = ".desk.invalid"
"""Ends the domain of the address of a desk without any post: letters to it go by hand."""


def usual_way(address: Address) -> Way:
    """The way that the kind of an address asks for."""
    if address.domain.endswith(OFFICE_DOMAIN):
        return Way.OFFICE
    return Way.HAND if address.domain.endswith(HAND_DOMAIN) else Way.MAIL


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who hands over and who is to receive (RFC 5321 MAIL FROM and RCPT TO)."""

    sender: Address
    recipients: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class SealedLetter:
    """Bytes and envelope of one letter, ready for a carrier. The same bytes are used at every attempt.

    `seal_sha256`: SHA-256 of the decoded sealed slice (of `data` for a postcard): by it we recognise our own copy.
    `key`: 32 hex digits, one for each letter and way, the idempotency key of its handing over."""

    envelope: Envelope
    letter_id: LetterId
    data: SealedBytes = field(repr=False)
    seal_sha256: bytes
    key: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a parcel was found. `place` is the carrier's account or file; `validity` and `uid` as the carrier numbers
    (RFC 9051 2.3.1.1 for IMAP; the Email id for JMAP in `uid`)."""

    way: Way
    place: str
    validity: str
    uid: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """Bytes exactly as fetched, and where they came from."""

    data: bytes = field(repr=False)
    source: Source


LARGEST_PARCEL = 128 << 20
"""Octets of the largest parcel that is opened."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What the header of an unfetched letter claims, and where the letter lies. `size`: octets of the whole of it, as
    the carrier states."""

    source: Source
    size: int
    sender: Correspondent
    subject: str
    letter_id: LetterId | None
    date: datetime | None
