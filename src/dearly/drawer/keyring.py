"""Keys: our own, other people's certificates, and the bindings that say whose a certificate is and how sure we are.

A certificate is kept once, merged (A16) and minimised (A15): both are done outside and handed in. A binding ties it to
one address of one person (docs/decisions.md 15): `first_seen`, then `pinned` by use, `verified` in person. Another
certificate for a person who has one becomes `changed`: it is shown, and the old one stays in use until the person
decides (A13); what was decided against, or left, is `left`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.sealing import Binding


class BindingState(StrEnum):
    """How sure we are that a certificate is a person's."""

    FIRST_SEEN = "first_seen"
    PINNED = "pinned"
    VERIFIED = "verified"
    CHANGED = "changed"
    LEFT = "left"


IN_USE = frozenset({BindingState.FIRST_SEEN, BindingState.PINNED, BindingState.VERIFIED})
"""States of a binding that letters are sealed by. At most one for each address of a person."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """Our own key. `secret`: as `seal.keys.OwnKey.to_bytes` wrote it. `certificate`: sent byte for byte. `retired`:
    aware UTC; a retired key still opens old letters."""

    fingerprint: str
    secret: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    made: datetime
    retired: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """Someone's certificate: merged and minimised. `key_ids`: every id a signature may name as its issuer. `source`:
    where it was first seen: card, autocrypt, signature or hand."""

    fingerprint: str
    body: bytes = field(repr=False)
    key_ids: tuple[str, ...]
    created: datetime
    expires: datetime | None
    revoked: bool
    quantum_safe: bool
    source: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A certificate tied to one address of one person. `seen`: when first; `since`: in this state since (aware UTC)."""

    person: int
    address: str
    fingerprint: str
    state: BindingState
    source: str
    seen: datetime
    since: datetime


def set_own_key(db: Db, key: StoredKey, now: datetime) -> None:
    """Keep our key: a new one becomes the one in use and retires the one before; the same one again (with an address
    more or less) is replaced."""
    raise NotImplementedError


def own_key(db: Db) -> StoredKey:
    """The key in use. Raises `NotFound` (no_own_key) before set-up."""
    raise NotImplementedError


def own_keys(db: Db) -> list[StoredKey]:
    """Every key of ours, the one in use first: old letters need old keys."""
    raise NotImplementedError


def put_certificate(db: Db, certificate: StoredCertificate, *, merged_onto: bytes | None, now: datetime) -> None:
    """Keep a certificate. `merged_onto`: the stored body that the merge started from, None when there was none.

    Raises `RevisionMismatch` (changed_meanwhile) when another body was stored since: merge again, so that neither
    a revocation nor a new subkey is lost."""
    raise NotImplementedError


def certificate(db: Db, fingerprint: str) -> StoredCertificate | None:
    """The certificate with this fingerprint of its primary key (lower-case hex)."""
    raise NotImplementedError


def certificates_by_key_ids(db: Db, key_ids: Sequence[str]) -> list[StoredCertificate]:
    """Every certificate with one of these key ids or fingerprints (lower-case hex), each once; at most 64 are
    looked up (A26)."""
    raise NotImplementedError


def saw(db: Db, person: int, address: Address, fingerprint: str, source: str, now: datetime) -> Bound:
    """A certificate was seen as this person's, at this address. The first for the person becomes `first_seen`, the one
    they have in use at another address counts here too, any other becomes `changed`; one that was seen before stays
    what it is."""
    raise NotImplementedError


def mark_used(db: Db, person: int, address: Address, now: datetime) -> None:
    """A letter went to, or came from, the certificate in use here: `first_seen` becomes `pinned`."""
    raise NotImplementedError


def decide(
    db: Db, person: int, fingerprint: str, state: BindingState, now: datetime, address: Address | None = None
) -> list[Bound]:
    """The person's own word: PINNED or VERIFIED takes this certificate into use (whatever was in use is `left`), LEFT
    refuses or drops it. At one address, or at every address where it was seen. Raises `NotFound` (unknown_key)."""
    raise NotImplementedError


def binding(db: Db, person: int, address: Address | None = None) -> Bound | None:
    """What letters to this address are sealed by: the binding in use there; where none was ever seen there, the one
    in use at the person's other addresses, if that is a single certificate. Without an address: the latter."""
    raise NotImplementedError


def bindings(db: Db, person: int) -> list[Bound]:
    """Everything ever seen for this person: in use first, then `changed`, then `left`."""
    raise NotImplementedError


def standing(db: Db, person: int | None, fingerprint: str) -> Binding | None:
    """What the address book says of a signer who is said to be `person`, for `letter.sealing.judge`.

    None: nothing is known of this certificate, and the person has none: it would be the first seen. OTHER: it is
    known as another person's only. CHANGED: the person has another one in use, or has left this one."""
    raise NotImplementedError
