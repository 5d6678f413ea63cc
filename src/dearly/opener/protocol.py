"""What the desk may ask of its children, and they of it: one table of names and types for both sides.

A request is answered with exactly one `done`, `failed` or `lost`. Before it, the child says once that it `took` the
request (a child that ends before that has not seen the parcel, so another one may be asked), and an opener may ask
back, each question at most once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Generic, TypeVar

from dearly.exchange.vcard import Card
from dearly.letter.address import Address
from dearly.letter.suggestion import Settings
from dearly.opener.bulk import Read, Stack
from dearly.opener.heads import HeadFacts
from dearly.opener.limits import Locks
from dearly.opener.picture import Develop, Picture
from dearly.opener.showing import Foreign, Paper, Sheets
from dearly.opener.values import Opened, Outside
from dearly.seal.values import CertificateFacts, Sealed, SealPlan, SessionKey

MOST_PKESKS = 64
LARGEST_PKESK = 8 << 10
"""Caps on what is handed to the keyholder (A26)."""

MOST_ISSUERS = 64


class How(Enum):
    """How a request was lost together with its child."""

    TIME = "time"
    MEMORY = "memory"
    CRASHED = "crashed"
    """By a signal of its own making."""
    ENDED = "ended"
    """From outside, or without a word."""
    SILENT = "silent"
    """It said nothing for a minute, and had not used up its processor time: it was stopped, or the machine slept."""
    CONFUSED = "confused"
    """It broke the protocol and was ended for it."""


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing to say."""


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


@dataclass(frozen=True, slots=True)
class SealThis:
    """Sign `data` with our key and seal it to the plan."""

    data: bytes = field(repr=False)
    plan: SealPlan


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file with a secret key of another program, and its passphrase if one was given."""

    data: bytes = field(repr=False)
    passphrase: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class OldKeyRead:
    """Such a key, proven, for opening old letters. `secret`: as the drawer keeps it. `addresses`: that it names."""

    fingerprint: str
    secret: bytes = field(repr=False)
    public: bytes = field(repr=False)
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Try:
    """What a self-test is to attempt. `home`: the home folder; `file`: an empty file in an empty folder, both
    ours to change; `port`: one of 127.0.0.1 that answers."""

    home: str
    file: str
    port: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What of it was refused by the system, as it should be."""

    memory: bool
    descriptors: bool
    output: bool
    no_net: bool
    no_files: bool
    processes: bool


In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


@dataclass(frozen=True, slots=True)
class Operation(Generic[In, Out]):
    """A name, the type that goes to the other side, and the type that comes back."""

    name: str
    takes: Any
    gives: Any


# asked of openers
OPEN: Operation[Open, Opened] = Operation("open", Open, Opened)
OUTLINE: Operation[bytes, Outside] = Operation("outline", bytes, Outside)
OUTLINES: Operation[tuple[bytes, ...], tuple[Outside | None, ...]] = Operation(
    "outlines", tuple[bytes, ...], tuple[Outside | None, ...]
)
HEADS: Operation[tuple[bytes, ...], tuple[HeadFacts, ...]] = Operation(
    "heads", tuple[bytes, ...], tuple[HeadFacts, ...]
)
READ: Operation[Stack, tuple[Read, ...]] = Operation("read", Stack, tuple[Read, ...])
CARD: Operation[Bytes, Card] = Operation("card", Bytes, Card)
SETTINGS: Operation[bytes, Settings] = Operation("settings", bytes, Settings)
CODE: Operation[bytes, tuple[str, ...]] = Operation("code", bytes, tuple[str, ...])
CERTIFICATE: Operation[Bytes, Certificate] = Operation("certificate", Bytes, Certificate)
CERTIFICATES: Operation[Bytes, tuple[Certificate, ...]] = Operation("certificates", Bytes, tuple[Certificate, ...])
EXAMINE: Operation[Bytes, CertificateFacts] = Operation("examine", Bytes, CertificateFacts)
MINIMISE: Operation[Minimise, bytes] = Operation("minimise", Minimise, bytes)
MERGE: Operation[Merge, bytes] = Operation("merge", Merge, bytes)
PLAN: Operation[Plan, SealPlan] = Operation("plan", Plan, SealPlan)
PAPER: Operation[Sheets, tuple[Paper, ...]] = Operation("paper", Sheets, tuple[Paper, ...])
FRAME: Operation[Foreign, str] = Operation("frame", Foreign, str)
TRY: Operation[Try, Tried] = Operation("try", Try, Tried)
EXEC: Operation[Empty, bool] = Operation("exec", Empty, bool)
SPIN: Operation[Empty, Empty] = Operation("spin", Empty, Empty)

# asked of the reader of pictures
PICTURE: Operation[Develop, Picture] = Operation("picture", Develop, Picture)

# asked of keyholders
OWN: Operation[bytes, str] = Operation("own", bytes, str)
SESSION_KEYS: Operation[tuple[bytes, ...], tuple[SessionKey, ...]] = Operation(
    "session_keys", tuple[bytes, ...], tuple[SessionKey, ...]
)
OLD_KEY: Operation[SecretFile, OldKeyRead] = Operation("old_key", SecretFile, OldKeyRead)
SEAL: Operation[SealThis, Sealed] = Operation("seal", SealThis, Sealed)

OPERATIONS: dict[str, Operation[Any, Any]] = {
    operation.name: operation
    for operation in (
        *(OPEN, OUTLINE, OUTLINES, HEADS, READ, CARD, CODE, CERTIFICATE, CERTIFICATES, EXAMINE, MINIMISE, MERGE, PLAN),
        *(TRY, EXEC, SPIN),
        *(PAPER, FRAME),
        *(SETTINGS,),
        *(PICTURE, OWN, SESSION_KEYS, OLD_KEY, SEAL),
    )
}

KEYS: Operation[tuple[bytes, ...], tuple[SessionKey, ...]] = Operation(
    "keys", tuple[bytes, ...], tuple[SessionKey, ...]
)
"""What an opener may ask back: session keys for PKESK bodies."""

FIND: Operation[tuple[str, ...], tuple[bytes, ...]] = Operation("find", tuple[str, ...], tuple[bytes, ...])
"""What an opener may ask back: certificates for issuer ids."""

QUESTIONS: dict[str, Operation[Any, Any]] = {KEYS.name: KEYS, FIND.name: FIND}

READY = Locks
"""The first word of every child: how far it has locked itself down."""
