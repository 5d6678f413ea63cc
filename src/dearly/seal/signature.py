"""Signature packets (RFC 9580 5.2): reading them, making ours, and proving those of a certificate's owner.

`proves` is arithmetic only. Which signatures count, and when, is Sequoia's judgement (see `sequoia`); we use the
arithmetic to throw away what an owner never signed, and to tell a bad signature from a good one by an expired key.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from dearly.seal import keypacket
from dearly.seal.keypacket import KeyPacket, SecretKey
from dearly.seal.packets import Malformed, length, mpi, read_mpi

BINARY, TEXT = 0x00, 0x01
CERTIFICATIONS = frozenset({0x10, 0x11, 0x12, 0x13})
SUBKEY_BINDING, DIRECT_KEY, KEY_REVOCATION, SUBKEY_REVOCATION, USER_ID_REVOCATION = 0x18, 0x1F, 0x20, 0x28, 0x30

CREATED, SIGNATURE_EXPIRES, KEY_EXPIRES, CIPHERS, ISSUER, HASHES, COMPRESSIONS = 2, 3, 9, 11, 16, 21, 22
PRIMARY_USER_ID, KEY_FLAGS, REASON, FEATURES, EMBEDDED, ISSUER_FINGERPRINT, INTENDED, AEADS = (
    25,
    27,
    29,
    30,
    32,
    33,
    35,
    39,
)

SHA256, SHA512 = 8, 10
_HASHES: dict[int, hashes.HashAlgorithm] = {
    2: hashes.SHA1(),  # noqa: S303  old certificates; only to recognise what their owner signed
    8: hashes.SHA256(),
    9: hashes.SHA384(),
    10: hashes.SHA512(),
    11: hashes.SHA224(),
    12: hashes.SHA3_256(),
    14: hashes.SHA3_512(),
}
_CURVES: dict[str, ec.EllipticCurve] = {
    "082a8648ce3d030107": ec.SECP256R1(),
    "052b81040022": ec.SECP384R1(),
    "052b81040023": ec.SECP521R1(),
    "092b2403030208010107": ec.BrainpoolP256R1(),
    "092b240303020801010b": ec.BrainpoolP384R1(),
    "092b240303020801010d": ec.BrainpoolP512R1(),
}


@dataclass(frozen=True, slots=True)
class SignaturePacket:
    """One signature of version 4 or 6. `head`: what is hashed of the packet itself; `hashed` and `unhashed`: its
    subpackets as (type, octets); `tail`: salt, first digest octets and the algorithm's own value."""

    version: int
    kind: int
    algorithm: int
    hash: int
    head: bytes = field(repr=False)
    hashed: tuple[tuple[int, bytes], ...] = field(repr=False)
    unhashed: tuple[tuple[int, bytes], ...] = field(repr=False)
    salt: bytes = field(repr=False)
    first: bytes = field(repr=False)
    value: bytes = field(repr=False)

    @classmethod
    def read(cls, body: bytes) -> SignaturePacket:
        """A signature packet. Raises `Malformed`, also for versions other than 4 and 6."""
        try:
            version, kind, algorithm, hash_ = body[:4]
            if version not in (4, 6):
                raise Malformed("unknown version of a signature")
            count = ">H" if version == 4 else ">I"
            width = struct.calcsize(count)
            end = 4 + width + struct.unpack_from(count, body, 4)[0]
            stop = end + width + struct.unpack_from(count, body, end)[0]
            salt, at = b"", stop + 2
            if version == 6:
                salt, at = body[at + 1 : at + 1 + body[at]], at + 1 + body[at]
        except (IndexError, ValueError, struct.error):
            raise Malformed("cut signature") from None
        if at >= len(body):
            raise Malformed("cut signature")
        hashed, unhashed = subpackets(body[4 + width : end]), subpackets(body[end + width : stop])
        return cls(
            version, kind, algorithm, hash_, body[:end], hashed, unhashed, salt, body[stop : stop + 2], body[at:]
        )

    def get(self, kind: int) -> bytes | None:
        """The last hashed subpacket of that type (RFC 9580 5.2.3.9: the last one counts)."""
        return next((value for k, value in reversed(self.hashed) if k == kind), None)

    def number(self, kind: int) -> int | None:
        """The same as a time or duration in seconds."""
        value = self.get(kind)
        return int.from_bytes(value, "big") if value is not None and len(value) == 4 else None

    @property
    def created(self) -> int:
        """Unix seconds; 0 where it says none, which Sequoia then refuses."""
        return self.number(CREATED) or 0

    @property
    def issuers(self) -> tuple[str, ...]:
        """Whom it names as its maker, lower-case hex: a claim, until proven."""
        named: list[str] = []
        for kind, value in (*self.hashed, *self.unhashed):
            if kind == ISSUER_FINGERPRINT and len(value) in (21, 33):
                named.append(value[1:].hex())
            elif kind == ISSUER and len(value) == 8:
                named.append(value.hex())
        return tuple(dict.fromkeys(named))

    def lean(self) -> bytes:
        """The packet body without what anyone could have added to its unhashed part (A15)."""
        kept = b"".join(sub(k, v) for k, v in self.unhashed if k in (ISSUER, ISSUER_FINGERPRINT, EMBEDDED))
        size = struct.pack(">H" if self.version == 4 else ">I", len(kept))
        salt = bytes([len(self.salt)]) + self.salt if self.version == 6 else b""
        return self.head + size + kept + self.first + salt + self.value


def sub(kind: int, value: bytes, *, critical: bool = False) -> bytes:
    """A signature subpacket (RFC 9580 5.2.3.7)."""
    return length(len(value) + 1) + bytes([kind | (0x80 if critical else 0)]) + value


def subpackets(area: bytes) -> tuple[tuple[int, bytes], ...]:
    """(type without critical bit, octets) of each. Raises `Malformed`."""
    found: list[tuple[int, bytes]] = []
    at = 0
    try:
        while at < len(area):
            size = area[at]
            if size < 192:
                at += 1
            elif size < 255:
                size, at = (size - 192 << 8) + area[at + 1] + 192, at + 2
            else:
                size, at = struct.unpack_from(">I", area, at + 1)[0], at + 5
            if not size or at + size > len(area):
                raise Malformed("cut subpacket")
            found.append((area[at] & 0x7F, area[at + 1 : at + size]))
            at += size
    except (IndexError, struct.error):
        raise Malformed("cut subpacket") from None
    return tuple(found)


def sign(
    key: SecretKey, kind: int, signed: Iterable[bytes], when: int, hashed: bytes = b"", digest: int = SHA512
) -> bytes:
    """Body of a version 4 signature by our Ed25519 key over the parts of `signed`. `hashed`: further subpackets."""
    area = sub(CREATED, struct.pack(">I", when), critical=True) + sub(
        ISSUER_FINGERPRINT, b"\4" + key.public.fingerprint
    )
    area += hashed
    head = struct.pack(">BBBBH", 4, kind, key.public.algorithm, digest, len(area)) + area
    value = _digest(digest, 4, b"", signed, head)
    raw = key.ed25519.sign(value)
    issuer = sub(ISSUER, key.public.key_id)
    return head + struct.pack(">H", len(issuer)) + issuer + value[:2] + mpi(raw[:32]) + mpi(raw[32:])


def _digest(algorithm: int, version: int, salt: bytes, signed: Iterable[bytes], head: bytes) -> bytes:
    """RFC 9580 5.2.4: salt (version 6), what is signed, the packet's own head, and a trailer."""
    total = hashlib.new(_HASHES[algorithm].name, salt, usedforsecurity=False)
    for part in signed:
        total.update(part)
    total.update(head)
    total.update(struct.pack(">BBI", version, 255, len(head)))
    return total.digest()


def proves(signature: SignaturePacket, key: KeyPacket, signed: Iterable[bytes]) -> bool | None:
    """Whether `key` made this signature over `signed`; None where we cannot reckon its algorithm."""
    if signature.algorithm != key.algorithm or signature.version != key.version:
        return False
    if signature.hash not in _HASHES:
        return None
    digest = _digest(signature.hash, signature.version, signature.salt, signed, signature.head)
    if digest[:2] != signature.first:
        return False
    try:
        return _check(key, signature.value, digest, _HASHES[signature.hash])
    except InvalidSignature:
        return False
    except (Malformed, ValueError, IndexError, OverflowError):
        return False
    except UnsupportedAlgorithm:
        return None


def _check(key: KeyPacket, value: bytes, digest: bytes, hash_: hashes.HashAlgorithm) -> bool | None:
    """True, None for unknown algorithms, or an exception."""
    material, how = key.material, Prehashed(hash_)
    match key.algorithm:
        case keypacket.EDDSA if material.startswith(keypacket.OID_ED25519):
            point, _ = read_mpi(material, len(keypacket.OID_ED25519))
            r, at = read_mpi(value)
            s, _ = read_mpi(value, at)
            Ed25519PublicKey.from_public_bytes(point[1:]).verify(r.rjust(32, b"\0") + s.rjust(32, b"\0"), digest)
        case keypacket.ED25519:
            Ed25519PublicKey.from_public_bytes(material).verify(value, digest)
        case keypacket.ED448:
            Ed448PublicKey.from_public_bytes(material).verify(value, digest)
        case keypacket.RSA | keypacket.RSA_SIGN:
            n, e = _numbers(material, 2)
            (s_,) = _numbers(value, 1)
            width = (n.bit_length() + 7) // 8
            public = rsa.RSAPublicNumbers(e, n).public_key()
            public.verify(s_.to_bytes(width, "big"), digest, padding.PKCS1v15(), how)
        case keypacket.ECDSA:
            curve = _CURVES.get(material[: 1 + material[0]].hex())
            if curve is None:
                return None
            point, _ = read_mpi(material, 1 + material[0])
            r_, s_ = _numbers(value, 2)
            ec.EllipticCurvePublicKey.from_encoded_point(curve, point).verify(
                encode_dss_signature(r_, s_), digest, ec.ECDSA(how)
            )
        case keypacket.DSA:
            p, q, g, y = _numbers(material, 4)
            r_, s_ = _numbers(value, 2)
            numbers = dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g))
            numbers.public_key().verify(encode_dss_signature(r_, s_), digest, how)
        case _:
            return None
    return True


def _numbers(data: bytes, count: int) -> list[int]:
    found, at = [], 0
    for _ in range(count):
        number, at = read_mpi(data, at)
        found.append(int.from_bytes(number, "big"))
    return found
