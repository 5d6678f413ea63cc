"""Public-Key Encrypted Session Key packets (RFC 9580 5.1, RFC 9980 4): who may open, and opening with our subkeys."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from dearly.seal.keypacket import ECDH, MLKEM768_X25519, OID_CURVE25519, KeyPacket, SecretKey
from dearly.seal.packets import Malformed, read_mpi

_COMBINER = b"OpenPGPCompositeKDFv1"
_WRAPS = {7: 16, 8: 24, 9: 32}
_KDF_HASHES = {8: "sha256", 9: "sha384", 10: "sha512"}
_MLKEM_CIPHERTEXT = 1088


class CannotOpen(Exception):
    """This key does not open this packet."""


@dataclass(frozen=True, slots=True)
class Head:
    """`version`: 3 goes with SEIPD version 1, 6 with version 2. `recipient`: key id or fingerprint of the key it is
    for, empty when hidden. `rest`: what is wrapped."""

    version: int
    recipient: bytes
    algorithm: int
    rest: bytes = field(repr=False)

    @classmethod
    def read(cls, body: bytes) -> Head:
        """Raises `Malformed`, also for versions that are unknown."""
        if len(body) > 10 and body[0] == 3:
            return cls(3, body[1:9] if any(body[1:9]) else b"", body[9], body[10:])
        if len(body) > 3 and body[0] == 6:
            size = body[1]
            if len(body) > 3 + size and (size == 0 or (size, body[2]) in ((21, 4), (33, 6))):
                return cls(6, body[3 : 2 + size] if size else b"", body[2 + size], body[3 + size :])
        raise Malformed("unknown session key packet")

    def for_key(self, key: KeyPacket) -> bool:
        """Whether it names this key, or nobody."""
        return self.algorithm == key.algorithm and self.recipient in (b"", key.fingerprint, key.key_id)

    def encode(self) -> bytes:
        """The packet body, naming its recipient."""
        named = self.recipient or bytes(8)
        if self.version == 6:
            named = bytes([len(named) + 1, 4 if len(named) == 20 else 6]) + named
        return bytes([self.version]) + named + bytes([self.algorithm]) + self.rest

    def nameless(self) -> bytes:
        """The packet body without the recipient's name (RFC 9580 5.1.1, 5.1.2)."""
        return (b"\3" + bytes(8) if self.version == 3 else b"\6\0") + bytes([self.algorithm]) + self.rest


def unwrap(head: Head, own: SecretKey) -> tuple[int | None, bytes]:
    """(cipher, session key); the cipher is None for version 6. Raises `CannotOpen`."""
    try:
        if own.public.algorithm == MLKEM768_X25519:
            return _mlkem(head, own)
        if own.public.algorithm == ECDH:
            return _ecdh(head, own)
    except (InvalidUnwrap, Malformed, ValueError, IndexError, KeyError):
        raise CannotOpen from None
    raise CannotOpen


def _mlkem(head: Head, own: SecretKey) -> tuple[int | None, bytes]:
    """RFC 9980 4.2.1 and 4.3.1."""
    share, end = head.rest[:32], 32 + _MLKEM_CIPHERTEXT
    shared = own.x25519.exchange(X25519PublicKey.from_public_bytes(share))
    lattice = own.mlkem768.decapsulate(head.rest[32:end])
    parts = (lattice, shared, share, own.public.material[:32], bytes([MLKEM768_X25519]), _COMBINER)
    kek = hashlib.sha3_256(b"".join(parts) + bytes([len(_COMBINER)])).digest()
    tail = _sized(head.rest, end)
    if head.version == 3:
        return tail[0], aes_key_unwrap(kek, tail[1:])
    return None, aes_key_unwrap(kek, tail)


def _ecdh(head: Head, own: SecretKey) -> tuple[int | None, bytes]:
    """RFC 9580 11.5, over Curve25519Legacy."""
    point, at = read_mpi(head.rest)
    shared = own.x25519.exchange(X25519PublicKey.from_public_bytes(point[1:]))
    kdf = own.public.material[-4:]
    parameters = OID_CURVE25519 + bytes([ECDH]) + kdf + b"Anonymous Sender    " + own.public.fingerprint
    kek = hashlib.new(_KDF_HASHES[kdf[2]], b"\0\0\0\1" + shared + parameters).digest()[: _WRAPS[kdf[3]]]
    padded = aes_key_unwrap(kek, _sized(head.rest, at))
    pad = padded[-1]
    if not 1 <= pad <= len(padded) or padded[-pad:] != bytes([pad]) * pad:
        raise CannotOpen
    message = padded[:-pad]
    cipher, message = (message[0], message[1:]) if head.version == 3 else (None, message)
    key, checksum = message[:-2], int.from_bytes(message[-2:], "big")
    if sum(key) & 0xFFFF != checksum:
        raise CannotOpen
    return cipher, key


def _sized(data: bytes, at: int) -> bytes:
    """What one length octet announces, which is the end."""
    if data[at] != len(data) - at - 1:
        raise CannotOpen
    return data[at + 1 :]
