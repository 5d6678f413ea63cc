"""What a header alone says of a message that was not fetched: facts for the desk's sieve, claims all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dearly.letter.address import Correspondent
from dearly.letter.content import LetterId

LONGEST_HEADER = 64 * 1024
"""Octets of a header that is looked at; a longer one is `UNREADABLE`."""

MOST_TOGETHER = 100
"""Headers that a child is given at a time."""

MOST_NAMED = 200
"""Correspondents that are named of To and of Cc each; later ones are left out."""


@dataclass(frozen=True, slots=True)
class HeadFacts:
    """One header, read. All of it is what the writer, or whoever carried it, put there.

    `readable`: False where it cannot be read as a header at all (beyond the limits of A27, or with NUL in it); then
    everything else is empty. `whole`: it ends with its empty line; a header that was cut says less than it did.
    `sender`: the one correspondent of the one From field, None where that is not certain (A20). `subject`: decoded and
    cleaned. `sealed`: multipart/encrypted by OpenPGP (RFC 3156 4). `report`: a delivery report (RFC 3464). `receipt`: a
    notice that something was read (RFC 8098). `bulk`: it says of itself that no person wrote it to us: List fields
    (RFC 2369, RFC 2919), Precedence, Auto-Submitted (RFC 3834), Feedback-ID."""

    readable: bool = False
    whole: bool = False
    sender: Correspondent | None = None
    to: tuple[Correspondent, ...] = ()
    cc: tuple[Correspondent, ...] = ()
    date: datetime | None = None
    subject: str = ""
    letter_id: LetterId | None = None
    in_reply_to: LetterId | None = None
    references: tuple[LetterId, ...] = ()
    sealed: bool = False
    report: bool = False
    receipt: bool = False
    bulk: bool = False


UNREADABLE = HeadFacts()
"""Nothing is known of it."""
