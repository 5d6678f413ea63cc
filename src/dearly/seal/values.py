"""What sealing and opening hand from one process to another: values only.

They stand apart from what makes them, so that whoever only passes them on imports no cryptography.
"""

from __future__ import annotations

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
    sealed bytes. `binary`: their certificates say that enclosures may travel as binary inside the seal.
    `quantum_safe`: every recipient has an ML-KEM key. `at`: the moment for which it was made; the signature carries
    it."""

    certificates: tuple[bytes, ...] = field(repr=False)
    hidden: bool
    binary: bool
    quantum_safe: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class SessionKey:
    """One key to one letter. `cipher`: RFC 9580 9.3, None where the container names it. `opened_with`: fingerprint of
    the subkey, or "passphrase". `index`: which of the pkesks (or skesks) it came from."""

    cipher: int | None
    key: bytes = field(repr=False)
    opened_with: str
    index: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """`armored`: ASCII armor, CRLF, with CRC-24, no armor headers (RFC 9580 6.2). `slice_sha256`: SHA-256 of the bytes
    in the armor. `quantum_safe`: no key but ML-KEM-768+X25519 opens it. `fingerprints`: of all certificates it was
    sealed to, ours last; the signature names them as intended recipients."""

    armored: bytes = field(repr=False)
    slice_sha256: bytes
    quantum_safe: bool
    fingerprints: tuple[str, ...]
