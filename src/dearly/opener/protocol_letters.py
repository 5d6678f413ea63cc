"""What children that read letters are asked, and what they may ask back (`protocol`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dearly.letter.address import Address
from dearly.opener.bulk import Read, Stack
from dearly.opener.heads import HeadFacts
from dearly.opener.protocol import Operation
from dearly.opener.values import Opened, Outside
from dearly.seal.values import CertificateFacts, SealPlan, SessionKey

MOST_ISSUERS = 64


@dataclass(frozen=True, slots=True)
class Open:
    """Open this parcel. `limit`: octets that it may unfold to."""

    raw: bytes = field(repr=False)
    now: datetime
    our_fingerprints: tuple[str, ...]
    our_addresses: tuple[Address, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Bytes:
    """Foreign bytes, and the time at which they are judged."""

    data: bytes = field(repr=False)
    now: datetime


@dataclass(frozen=True, slots=True)
class Minimise:
    certificate: bytes = field(repr=False)
    keep: Address | None
    only: bool


@dataclass(frozen=True, slots=True)
class Merge:
    old: bytes = field(repr=False)
    new: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Someone to seal to, and the certificate at hand for them."""

    address: Address
    certificate: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    wanted: tuple[Wanted, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class Certificate:
    """A minimised certificate and what it says of itself."""

    certificate: bytes = field(repr=False)
    facts: CertificateFacts


OPEN: Operation[Open, Opened] = Operation("open", Open, Opened)
OUTLINE: Operation[bytes, Outside] = Operation("outline", bytes, Outside)
OUTLINES: Operation[tuple[bytes, ...], tuple[Outside | None, ...]] = Operation(
    "outlines", tuple[bytes, ...], tuple[Outside | None, ...]
)
HEADS: Operation[tuple[bytes, ...], tuple[HeadFacts, ...]] = Operation(
    "heads", tuple[bytes, ...], tuple[HeadFacts, ...]
)
READ: Operation[Stack, tuple[Read, ...]] = Operation("read", Stack, tuple[Read, ...])
CERTIFICATE: Operation[Bytes, Certificate] = Operation("certificate", Bytes, Certificate)
CERTIFICATES: Operation[Bytes, tuple[Certificate, ...]] = Operation("certificates", Bytes, tuple[Certificate, ...])
EXAMINE: Operation[Bytes, CertificateFacts] = Operation("examine", Bytes, CertificateFacts)
MINIMISE: Operation[Minimise, bytes] = Operation("minimise", Minimise, bytes)
MERGE: Operation[Merge, bytes] = Operation("merge", Merge, bytes)
PLAN: Operation[Plan, SealPlan] = Operation("plan", Plan, SealPlan)

KEYS: Operation[tuple[bytes, ...], tuple[SessionKey, ...]] = Operation(
    "keys", tuple[bytes, ...], tuple[SessionKey, ...]
)
"""What an opener may ask back: session keys for PKESK bodies."""

FIND: Operation[tuple[str, ...], tuple[bytes, ...]] = Operation("find", tuple[str, ...], tuple[bytes, ...])
"""What an opener may ask back: certificates for issuer ids."""
