"""Our own key: made at set-up, grown by an address at a time, never expiring.

One version 4 certificate serves everybody: an Ed25519 primary that certifies and signs, an ML-KEM-768+X25519 subkey
(RFC 9980) that newer programs seal to, and a Curve25519 ECDH subkey for all others. User IDs are addresses only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dearly.letter.address import Address


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The transferable secret key (RFC 9580 10.2) of one person. Secret: it stays in the drawer and the keyholder."""

    @classmethod
    def generate(cls, addresses: Sequence[Address], created: datetime) -> OwnKey:
        """A new key for these addresses (at least one), made at `created` (aware UTC, whole seconds count)."""
        raise NotImplementedError

    def with_address(self, address: Address, now: datetime) -> OwnKey:
        """The same key that speaks for one more address (or again for one that was left)."""
        raise NotImplementedError

    def without_address(self, address: Address, now: datetime) -> OwnKey:
        """The same key, with the User ID of this address revoked (RFC 9580 5.2.1.13, 0x30)."""
        raise NotImplementedError

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses that it speaks for now, the first one first."""
        raise NotImplementedError

    @property
    def certificate(self) -> bytes:
        """The transferable public key (RFC 9580 10.1), always byte for byte as we wrote it."""
        raise NotImplementedError

    @property
    def plain_certificate(self) -> bytes:
        """The same certificate without the ML-KEM subkey, for programs that refuse what they do not know."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the primary key, lower-case hex."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """The transferable secret key, unprotected: only ever for the drawer."""
        raise NotImplementedError

    @classmethod
    def from_bytes(cls, data: bytes) -> OwnKey:
        """What `to_bytes` wrote. Raises `Damaged` (own_key_damaged) for anything else, or altered (A37)."""
        raise NotImplementedError
