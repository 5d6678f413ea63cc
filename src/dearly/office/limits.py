"""What the office bounds, in one value, so that an operator, a test and the session object read the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes. The first eight are told to clients in the session (RFC 8620 2, RFC 9404 3.1)."""

    upload: int = 70_000_000
    """The largest parcel: one with 50 MB of enclosures, sealed and armored, passes."""
    uploads_at_once: int = 4
    request: int = 10_000_000
    requests_at_once: int = 8
    calls: int = 64
    get: int = 500
    set: int = 500
    sources: int = 64
    """Data sources of one blob in `Blob/upload`; RFC 9404 3.1 demands at least 64."""

    answer: int = 16_000_000
    """Blob and header bytes in one answer. Larger parcels are fetched one by one from the download address."""
    quota: int = 1_000_000_000
    """What may lie in the office for one account: waiting parcels, and what it has uploaded."""
    recipients: int = 100
    """Of one submission (RFC 8621 7.5 tooManyRecipients)."""
    header_block: int = 65_536
    """The outer header of a parcel."""
    memory: int = 150_000_000
    """Bodies of uploads under way, all accounts together; examining one needs about three times its size."""

    kept: timedelta = timedelta(days=30)
    """How long a fetched parcel, and the sender's own copy, stay."""
    remembered: timedelta = timedelta(days=400)
    """How long a submission stays as proof that it was made, and so how long its key is honoured."""
    unclaimed: timedelta = timedelta(days=1)
    """How long an upload stays that no Email was made of (RFC 8620 6.1: at least an hour)."""
    invitation: timedelta = timedelta(days=7)
    changes: timedelta = timedelta(days=90)
    """How far back `Email/changes` can answer about what was destroyed."""

    connections: int = 500
    """At once; below the 1,024 open files that most systems allow a process."""
    connections_each: int = 64
    """From one address; not counted on loopback, where a reverse proxy may stand for everyone."""
    head_seconds: float = 15.0
    """For the whole head of a request, from the connection's beginning."""
    idle_seconds: float = 75.0
    """Between two requests of one connection."""
    body_seconds: float = 20.0
    """Between two pieces of a body, in either direction."""
    body_rate: int = 2_000
    """Bytes a second that a sender keeps up on average, after the first `body_seconds`."""
    failures: int = 20
    """Wrong tokens or invitations a minute from one address, before it is told to wait. Right ones always pass."""


DEFAULT = Limits()
