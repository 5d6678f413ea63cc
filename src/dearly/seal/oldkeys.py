"""Secret keys that other programs made, for opening old letters: they never sign, and never leave the drawer again.

A transferable secret key (RFC 9580 10.2) is read once, with its passphrase, and kept as its secret key packets alone,
without protection; the drawer is what protects it. Read are keys of version 4 for RSA and for ECDH over Curve25519,
under AES (RFC 9580 5.5.3); what Elgamal or other curves sealed stays closed.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

from dearly.letter.errors import CannotSealOrOpen, Locked
from dearly.letter.sealing import Grammar
from dearly.letter.words import _
from dearly.seal import opening, pkesk
from dearly.seal.armor import dearmor
from dearly.seal.certificate import address_of
from dearly.seal.keypacket import ECDH, OID_CURVE25519, RSA, RSA_ENCRYPT, KeyPacket, SecretKey
from dearly.seal.opening import MOST_RECIPIENTS
from dearly.seal.packets import Malformed, Packet, Tag, join, read, read_mpi
from dearly.seal.seipd import KEY_SIZES
from dearly.seal.skesk import stretch
from dearly.seal.values import SessionKey

_SECRET = (Tag.SECRET_KEY, Tag.SECRET_SUBKEY)
_NUMBERS = {RSA: 2, RSA_ENCRYPT: 2, 3: 2, 16: 3, 17: 4}
_MOST_PACKETS = 1000
MOST_KEYS = 32


@dataclass(frozen=True)  # no slots: the key object is made once
class OldSecret:
    """One key of it. `secret`: the octets of the packet behind its usage octet 0, without the checksum."""

    public: KeyPacket
    secret: bytes = field(repr=False)

    @cached_property
    def rsa(self) -> rsa.RSAPrivateKey:
        """Of an RSA key. Raises ValueError where the numbers do not belong together (A37)."""
        n, at = read_mpi(self.public.material)
        e, _end = read_mpi(self.public.material, at)
        d, at = read_mpi(self.secret)
        p, at = read_mpi(self.secret, at)
        q, _end = read_mpi(self.secret, at)
        n_, e_, d_, p_, q_ = (int.from_bytes(one, "big") for one in (n, e, d, p, q))
        if p_ * q_ != n_:
            raise ValueError
        numbers = rsa.RSAPrivateNumbers(
            p_, q_, d_, d_ % (p_ - 1), d_ % (q_ - 1), rsa.rsa_crt_iqmp(p_, q_), rsa.RSAPublicNumbers(e_, n_)
        )
        return numbers.private_key()

    @property
    def opens(self) -> bool:
        """Whether letters can be sealed to this key, and it can open them here."""
        if self.public.algorithm in (RSA, RSA_ENCRYPT):
            return True
        return self.public.algorithm == ECDH and self.public.material.startswith(OID_CURVE25519)

    def prove(self) -> None:
        """The two halves belong together: what one seals the other opens (A37). Raises `Malformed`."""
        try:
            if self.public.algorithm == ECDH:
                point, _at = read_mpi(self.public.material, len(OID_CURVE25519))
                proven = SecretKey(self.public, self.secret).x25519.public_key().public_bytes_raw() == point[1:]
            else:
                sealed = self.rsa.public_key().encrypt(b"proof", padding.PKCS1v15())
                proven = self.rsa.decrypt(sealed, padding.PKCS1v15()) == b"proof"
        except ValueError:
            proven = False
        if not proven:
            raise Malformed("its halves do not belong together")

    def unwrap(self, head: pkesk.Head) -> tuple[int | None, bytes]:
        """(cipher, session key). Raises `CannotOpen`."""
        if self.public.algorithm == ECDH:
            return pkesk.unwrap(head, SecretKey(self.public, self.secret))
        try:
            number, _end = read_mpi(head.rest)
            plain = self.rsa.decrypt(number.rjust(self.rsa.key_size // 8, b"\0"), padding.PKCS1v15())
        except (ValueError, Malformed, IndexError):
            raise pkesk.CannotOpen from None
        cipher, key, checksum = plain[:1], plain[1:-2], plain[-2:]
        if head.version != 3 or len(plain) < 19 or sum(key) & 0xFFFF != int.from_bytes(checksum, "big"):
            raise pkesk.CannotOpen
        return cipher[0], key

    def body(self, tag: int) -> Packet:
        """The packet, unprotected."""
        return Packet(tag, self.public.body + b"\0" + self.secret + struct.pack(">H", sum(self.secret) & 0xFFFF))


@dataclass(frozen=True)
class OldKey:
    """A secret key of another program. `keys`: the primary one first. `addresses`: that its User IDs name; claims."""

    keys: tuple[OldSecret, ...]
    addresses: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Of the primary key, in lower-case hex."""
        return self.keys[0].public.fingerprint.hex()

    def to_bytes(self) -> bytes:
        """Its secret key packets, unprotected: what the drawer keeps, and `from_bytes` reads."""
        return join(one.body(Tag.SECRET_SUBKEY if n else Tag.SECRET_KEY) for n, one in enumerate(self.keys))

    @property
    def public(self) -> bytes:
        """The public halves, without anything that others signed."""
        tags = (Tag.PUBLIC_KEY, *[Tag.PUBLIC_SUBKEY] * (len(self.keys) - 1))
        return join(Packet(tag, one.public.body) for tag, one in zip(tags, self.keys, strict=True))

    @classmethod
    def from_bytes(cls, data: bytes) -> OldKey:
        """What `to_bytes` wrote. Raises `Malformed`."""
        return cls(tuple(_secret(body, b"") for tag, body in read(data, _MOST_PACKETS) if tag in _SECRET))


def import_key(data: bytes, passphrase: str | None) -> OldKey:
    """The secret key in a file, armored or not, with its passphrase where it has one. Each half is proven (A37); what
    a passphrase may cost is bounded (A26).

    Raises `Locked` (key_locked where there is a passphrase and none was given, wrong_key_passphrase),
    `CannotSealOrOpen` (bad_secret_key, key_opens_nothing)."""
    word = None if passphrase is None else passphrase.encode()
    try:
        packets = read(dearmor(data.strip() if data[:1] < b"\x80" else data), _MOST_PACKETS)
        found = _of_one_key(packets)[:MOST_KEYS]
        keys = [_kept(body, word, first=not n) for n, body in enumerate(found)]
        named = [address_of(body) for tag, body in packets if tag == Tag.USER_ID]
    except (Malformed, IndexError, struct.error, KeyError):
        raise CannotSealOrOpen(
            "bad_secret_key",
            _("This is no secret key that can be read, or its two halves do not belong together."),
            _("Export it once more from the program that made it."),
        ) from None
    key = OldKey(tuple(one for one in keys if one is not None), tuple(str(one) for one in named if one is not None))
    if not any(one.opens for one in key.keys):
        raise CannotSealOrOpen(
            "key_opens_nothing",
            _("Letters sealed to this key cannot be opened here: it is of a kind that this desk does not know."),
            _("RSA keys and keys of Curve25519 can be used."),
        )
    return key


def out_of_message(data: bytes, passphrase: str | None) -> bytes:
    """A secret key that Dearly exported lies in a message under a passphrase (`sequoia.under_passphrase`): what lies in
    it. Anything else as it is. Raises `Locked` as `import_key`."""
    message = opening.outer(data)
    if not message.skesks:
        return data
    if passphrase is None:
        raise _locked()
    found = opening.unpack(message, opening.passphrase_keys(message.skesks, passphrase))
    if found.grammar is not Grammar.ONE_LETTER:
        raise Locked("wrong_key_passphrase", _("That passphrase does not open this key."))
    return found.data


def _locked() -> Locked:
    return Locked(
        "key_locked", _("This key is locked by a passphrase of its own."), _("Give it with --key-passphrase-file.")
    )


def _of_one_key(packets: Sequence[Packet]) -> list[bytes]:
    """The secret halves, of which the first is the primary one. Raises `Malformed`."""
    found = [(tag, body) for tag, body in packets if tag in _SECRET]
    if [tag for tag, _body in found].count(Tag.SECRET_KEY) != 1 or found[0][0] != Tag.SECRET_KEY:
        raise Malformed("not one secret key")
    return [body for _tag, body in found]


def _kept(body: bytes, passphrase: bytes | None, *, first: bool) -> OldSecret | None:
    """A key with its secret half; None for a subkey that is of no use here. The primary names the whole, so it stays,
    without its secret where that cannot be read (its owner may keep it elsewhere)."""
    size = _public_size(body)
    public = KeyPacket.read(body[:size])
    key = OldSecret(public, b"")
    if not key.opens:
        return key if first else None
    try:
        key = _secret(body, passphrase)
    except pkesk.CannotOpen:
        return OldSecret(public, b"") if first else None
    key.prove()
    return key


def _secret(body: bytes, passphrase: bytes | None) -> OldSecret:
    """Raises `Malformed`, `Locked`, and `CannotOpen` for a secret that is not there, or protected in unknown ways."""
    size = _public_size(body)
    public, usage, rest = KeyPacket.read(body[:size]), body[size], body[size + 1 :]
    if usage == 0:
        secret, checksum = rest[:-2], int.from_bytes(rest[-2:], "big")
        if sum(secret) & 0xFFFF != checksum:
            raise Malformed("wrong checksum")
        return OldSecret(public, secret)
    if usage not in (254, 255) or rest[0] not in KEY_SIZES or rest[1] == 101:  # 101: GnuPG keeps it elsewhere
        raise pkesk.CannotOpen
    if passphrase is None:
        raise _locked()
    key, used = stretch(rest[1:], passphrase, KEY_SIZES[rest[0]])
    start = 1 + used
    plain = Cipher(algorithms.AES(key), CFB(rest[start : start + 16])).decryptor().update(rest[start + 16 :])
    secret, proof = (plain[:-20], plain[-20:]) if usage == 254 else (plain[:-2], plain[-2:])
    whole = (
        hashlib.sha1(secret, usedforsecurity=False).digest() == proof
        if usage == 254
        else sum(secret) & 0xFFFF == int.from_bytes(proof, "big")
    )
    if not whole:
        raise Locked("wrong_key_passphrase", _("That passphrase does not open this key."))
    return OldSecret(public, secret)


def _public_size(body: bytes) -> int:
    """Octets of the public half, at the beginning of a secret key packet of version 4. Raises `Malformed`."""
    if len(body) < 10 or body[0] != 4:
        raise Malformed("a version that is not read here")
    algorithm, at = body[5], 6
    if algorithm in (18, 19, 22):
        at = read_mpi(body, at + 1 + body[at])[1]
        return at + 1 + body[at] if algorithm == ECDH else at
    for _number in range(_NUMBERS.get(algorithm, 0)):
        at = read_mpi(body, at)[1]
    if at == 6:
        raise Malformed("an algorithm that is not read here")
    return at


def session_keys(pkesks: Sequence[bytes], keys: Sequence[OldKey]) -> tuple[SessionKey, ...]:
    """As `opening.session_keys`, with these keys."""
    for index, body in enumerate(pkesks[:MOST_RECIPIENTS]):
        try:
            head = pkesk.Head.read(body)
        except Malformed:
            continue
        for one in (one for key in keys for one in key.keys):
            if one.secret and one.opens and head.for_key(one.public):
                try:
                    cipher, session = one.unwrap(head)
                except pkesk.CannotOpen:
                    continue
                return (SessionKey(cipher, session, one.public.fingerprint.hex(), index),)
    return ()


def split(ring: bytes) -> list[bytes]:
    """Transferable secret keys that stand one after another, each by itself. Raises `Malformed`."""
    found: list[list[Packet]] = []
    for packet in read(ring, _MOST_PACKETS):
        if packet.tag == Tag.SECRET_KEY:
            found.append([])
        if not found:
            raise Malformed("no secret key")
        found[-1].append(packet)
    return [join(one) for one in found]
