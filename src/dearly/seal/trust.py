"""Certificates of others: what one says of itself, what of it is worth keeping, and whether a letter can be sealed to it.

Whose certificate it is, and whether we believe that, is not decided here: that is the address book's binding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dearly.letter.address import Address


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says of itself, as far as its own signatures prove it.

    `fingerprint`: of the primary key, lower-case hex. `key_ids`: fingerprint and key id of every key in it, lower-case
    hex: whatever a signature may name as its issuer. `user_ids`: cleaned for showing. `addresses`: those of them that
    are addresses. `expires`: aware UTC or None. `usable_for_sealing`: not revoked, not expired, with a live encryption
    key that we can use. `quantum_safe`: that key is ML-KEM-768+X25519. `seipd2`: it reads SEIPD version 2 (RFC 9580
    5.2.3.32). `size`: in bytes."""

    fingerprint: str
    key_ids: tuple[str, ...]
    user_ids: tuple[str, ...]
    addresses: tuple[Address, ...]
    created: datetime
    expires: datetime | None
    revoked: bool
    usable_for_sealing: bool
    quantum_safe: bool
    seipd2: bool
    size: int


@dataclass(frozen=True, slots=True)
class SealPlan:
    """To whom a letter is to be sealed, and how. A value: making it touches no secret.

    `certificates`: one for each recipient, without ours, which `seal` adds. `hidden`: recipients are not named in the
    sealed bytes. `binary`: enclosures may travel as binary inside the seal. `quantum_safe`: every recipient has an
    ML-KEM key. `at`: the moment for which it was made; the signature carries it."""

    certificates: tuple[bytes, ...] = field(repr=False)
    hidden: bool
    binary: bool
    quantum_safe: bool
    at: datetime


def examine(certificate: bytes, now: datetime) -> CertificateFacts:
    """The facts of one certificate (binary or armored, at most 256 KiB), judged at `now` (aware UTC).

    Raises `CannotSealOrOpen` (bad_certificate) when it is none, more than one, a secret key, or of a kind we cannot
    read."""
    raise NotImplementedError


def minimise(certificate: bytes, keep: Address | None) -> bytes:
    """Only what the owner's own signatures prove: keys, at most 10 User IDs, a few signatures each (A15). Binary.

    `keep`: the User ID with this address is never the one left out. Subkeys stay in the order they came in.
    Raises as `examine`."""
    raise NotImplementedError


def merge(old: bytes, new: bytes) -> bytes:
    """Both copies of one certificate as one, minimised; a revocation in either stays (A16).

    Raises `CannotSealOrOpen` (other_certificate) when the fingerprints differ, else as `examine`."""
    raise NotImplementedError


def plan(wanted: Mapping[Address, bytes | None], now: datetime) -> SealPlan:
    """How to seal to all of `wanted`. Raises `CannotSealOrOpen` that names everybody to whom it cannot be done, and why.

    Its code is that of the first: no_key, key_revoked, key_expired, key_unusable or bad_certificate."""
    raise NotImplementedError
