"""What a mail server's report says, as values (`mime.report` reads it out of a message)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dearly.letter.address import Address
from dearly.letter.content import LetterId


class Kind(StrEnum):
    """What the report is in form."""

    DELIVERY = "delivery"
    """RFC 3464."""
    READ = "read"
    """RFC 8098. Never asked for, never sent, never shown."""
    LOOSE = "loose"
    """A bounce by a program that writes no RFC 3464: only the letter that it brings back says what it is about."""


class Action(StrEnum):
    """RFC 3464 2.3.3. Only FAILED and DELIVERED prove anything; RELAYED and EXPANDED say that nobody will know more."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of one recipient. `recipients`: the original and the final address (RFC 3464 2.3.1, 2.3.2), those
    that can be read. `status`: RFC 3463, or "". `why`: the server's own words, cleaned, in one line, may be "". `by`:
    the server that says so, by its own account."""

    recipients: tuple[Address, ...]
    action: Action
    status: str = ""
    why: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """One report. `envelope_id`: as we gave it with the letter (RFC 3461 4.4), or "". `letter_id`: Message-ID of the
    letter that it is about, as the returned header has it. In a LOOSE one `told` names everybody whom its text names:
    which of them are meant, only the reader who knows the letter can say."""

    kind: Kind
    envelope_id: str
    letter_id: LetterId | None
    told: tuple[Told, ...]
