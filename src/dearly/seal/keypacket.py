"""Key packets (RFC 9580 5.5): what identifies a key, and the secret halves of our own three.

Public keys of any algorithm are read, because only their octets are hashed. Secrets are read and made for our own
algorithms alone.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from dearly.seal.packets import Malformed, mpi, read_mpi

RSA, RSA_ENCRYPT, RSA_SIGN, ELGAMAL, DSA, ECDH, ECDSA, EDDSA = 1, 2, 3, 16, 17, 18, 19, 22
X25519, X448, ED25519, ED448, MLKEM768_X25519, MLKEM1024_X448 = 25, 26, 27, 28, 35, 36

OID_ED25519 = bytes.fromhex("092b06010401da470f01")
"""With its length octet in front, as it stands in the packet (RFC 9580 9.2)."""

OID_CURVE25519 = bytes.fromhex("0a2b060104019755010501")

KDF = bytes([3, 1, 8, 7])
"""Of our ECDH subkey: SHA-256, AES-128 (RFC 9580 5.5.5.6), which every program reads."""


@dataclass(frozen=True, slots=True)
class KeyPacket:
    """The public half of one key. `material`: the algorithm's own octets. `fingerprint`: 20 octets (version 4) or 32
    (version 6), `key_id`: 8 of them (RFC 9580 5.5.4). `hashed`: as signatures over the key take it (5.2.4)."""

    version: int
    created: int
    algorithm: int
    material: bytes = field(repr=False)
    body: bytes = field(repr=False)
    hashed: bytes = field(repr=False)
    fingerprint: bytes
    key_id: bytes

    @classmethod
    def read(cls, body: bytes) -> KeyPacket:
        """A public key packet of version 4 or 6. Raises `Malformed`."""
        if len(body) < 10 or body[0] not in (4, 6):
            raise Malformed("unknown version of a key")
        version, created, algorithm = struct.unpack_from(">BIB", body)
        if version == 6:
            if struct.unpack_from(">I", body, 6)[0] != len(body) - 10:
                raise Malformed("wrong length of a key")
            hashed = b"\x9b" + struct.pack(">I", len(body)) + body
            print_ = hashlib.sha256(hashed).digest()
            return cls(version, created, algorithm, body[10:], body, hashed, print_, print_[:8])
        if len(body) > 0xFFFF:
            raise Malformed("too long a key")
        hashed = b"\x99" + struct.pack(">H", len(body)) + body
        print_ = hashlib.sha1(hashed, usedforsecurity=False).digest()
        return cls(version, created, algorithm, body[6:], body, hashed, print_, print_[-8:])

    @classmethod
    def make(cls, created: int, algorithm: int, material: bytes) -> KeyPacket:
        """A version 4 key packet."""
        return cls.read(struct.pack(">BIB", 4, created, algorithm) + material)

    @property
    def names(self) -> tuple[str, str]:
        """Fingerprint and key id in lower-case hex: what a signature may call this key."""
        return self.fingerprint.hex(), self.key_id.hex()


@dataclass(frozen=True)  # no slots: the key objects are made once, which is a third of the cost of opening a letter
class SecretKey:
    """One of our keys. `secret`: the octets that the packet stores behind its usage octet 0 (RFC 9580 5.5.3)."""

    public: KeyPacket
    secret: bytes = field(repr=False)

    @cached_property
    def ed25519(self) -> Ed25519PrivateKey:
        """Of our primary key."""
        return Ed25519PrivateKey.from_private_bytes(read_mpi(self.secret)[0].rjust(32, b"\0"))

    @cached_property
    def x25519(self) -> X25519PrivateKey:
        """Of either subkey."""
        if self.public.algorithm == ECDH:  # big-endian here, RFC 9580 5.5.5.6.1.1
            return X25519PrivateKey.from_private_bytes(read_mpi(self.secret)[0].rjust(32, b"\0")[::-1])
        return X25519PrivateKey.from_private_bytes(self.secret[:32])

    @cached_property
    def mlkem768(self) -> MLKEM768PrivateKey:
        """Of the ML-KEM-768+X25519 subkey: behind the X25519 octets stands the seed (RFC 9980 4.3.2)."""
        return MLKEM768PrivateKey.from_seed_bytes(self.secret[32:])

    def body(self) -> bytes:
        """The secret key packet, unprotected."""
        return self.public.body + b"\0" + self.secret + struct.pack(">H", sum(self.secret) & 0xFFFF)


def new_secret(algorithm: int) -> bytes:
    """A fresh secret for one of our three algorithms. Its randomness is the operating system's, never `Chance`."""
    if algorithm == EDDSA:
        return mpi(Ed25519PrivateKey.generate().private_bytes_raw())
    if algorithm == ECDH:
        raw = X25519PrivateKey.generate().private_bytes_raw()
        clamped = bytes([raw[0] & 248]) + raw[1:31] + bytes([raw[31] & 127 | 64])
        return mpi(clamped[::-1])
    if algorithm == MLKEM768_X25519:
        return X25519PrivateKey.generate().private_bytes_raw() + MLKEM768PrivateKey.generate().private_bytes_raw()
    raise ValueError(algorithm)


def public_of(algorithm: int, secret: bytes, created: int) -> SecretKey:
    """The key that this secret belongs to, its public half computed anew. Raises `Malformed` for a bad secret."""
    # A stand-in only carries the algorithm, by which the secret is read.
    key = SecretKey(KeyPacket.make(created, algorithm, bytes(4)), secret)
    try:
        if algorithm == EDDSA:
            material = OID_ED25519 + mpi(b"\x40" + key.ed25519.public_key().public_bytes_raw())
        elif algorithm == ECDH:
            material = OID_CURVE25519 + mpi(b"\x40" + key.x25519.public_key().public_bytes_raw()) + KDF
        elif algorithm == MLKEM768_X25519 and len(secret) == 96:
            material = key.x25519.public_key().public_bytes_raw() + key.mlkem768.public_key().public_bytes_raw()
        else:
            raise Malformed("not one of our algorithms")
    except ValueError:
        raise Malformed("bad secret") from None
    return SecretKey(KeyPacket.make(created, algorithm, material), secret)
