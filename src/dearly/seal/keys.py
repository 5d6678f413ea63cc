"""Our own key: made at set-up, grown by an address at a time, never expiring.

One version 4 certificate serves everybody: an Ed25519 primary that certifies and signs, an ML-KEM-768+X25519 subkey
(RFC 9980) that newer programs seal to, and a Curve25519 ECDH subkey for all others. User IDs are addresses only.
The ML-KEM subkey stands first, because some programs seal to the first subkey; so our bytes are kept and sent as they
were written, never as a library would order them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from dearly.letter.address import Address
from dearly.letter.errors import Damaged, Usage
from dearly.letter.words import _
from dearly.seal.certificate import address_of
from dearly.seal.keypacket import ECDH, EDDSA, KDF, MLKEM768_X25519, KeyPacket, SecretKey, new_secret, public_of
from dearly.seal.packets import Malformed, Packet, Tag, join, read, read_mpi
from dearly.seal.signature import (
    AEADS,
    CIPHERS,
    COMPRESSIONS,
    FEATURES,
    HASHES,
    ISSUER,
    KEY_FLAGS,
    PRIMARY_USER_ID,
    REASON,
    SUBKEY_BINDING,
    USER_ID_REVOCATION,
    SignaturePacket,
    proves,
    sign,
    sub,
)

_ORDER = (EDDSA, MLKEM768_X25519, ECDH)
_CERTIFY_AND_SIGN, _SEAL = b"\x03", b"\x0c"
_POSITIVE = 0x13
_NO_LONGER = b"\x20"
"""Reason 32, «User ID information is no longer valid» (RFC 9580 5.2.3.31)."""

# AES-256, AES-128; SHA-512, SHA-256; SEIPD versions 1 and 2; OCB. Compression: none, because what others squeeze before
# sealing they squeeze for nothing (letters are small) and it is how bombs and length oracles travel.
_PREFERENCES = (
    sub(CIPHERS, bytes([9, 7]))
    + sub(HASHES, bytes([10, 8]))
    + sub(COMPRESSIONS, bytes([0]))
    + sub(FEATURES, b"\x09")
    + sub(AEADS, bytes([9, 2, 7, 2]))
)


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The transferable secret key (RFC 9580 10.2) of one person. Secret: it stays in the drawer and the keyholder."""

    keys: tuple[SecretKey, ...] = field(repr=False)
    packets: tuple[Packet, ...] = field(repr=False)
    """Of the certificate, as we wrote them."""

    @classmethod
    def generate(cls, addresses: Sequence[Address], created: datetime) -> OwnKey:
        """A new key for these addresses (at least one), made at `created` (aware UTC, whole seconds count)."""
        if not addresses:
            raise Usage("no_address", _("A key needs at least one address to speak for."))
        when = int(created.timestamp())
        keys = tuple(public_of(a, new_secret(a), when) for a in _ORDER)
        primary = keys[0]
        packets = [Packet(Tag.PUBLIC_KEY, primary.public.body)]
        for n, address in enumerate(dict.fromkeys(addresses)):
            packets += _user_id(primary, _text(address), when, first=not n)
        for key in keys[1:]:
            bound = sign(
                primary, SUBKEY_BINDING, (primary.public.hashed, key.public.hashed), when, sub(KEY_FLAGS, _SEAL)
            )
            packets += [Packet(Tag.PUBLIC_SUBKEY, key.public.body), Packet(Tag.SIGNATURE, bound)]
        return cls(keys, tuple(packets))

    def with_address(self, address: Address, now: datetime) -> OwnKey:
        """The same key that speaks for one more address (or again for one that was left)."""
        if any(address.same(held) for held in self.addresses):
            return self
        at = self._find(address)
        if at is None:
            at = next(n for n, p in enumerate(self.packets) if p.tag == Tag.PUBLIC_SUBKEY)
            return self._insert(at, *_user_id(self.primary, _text(address), self._after(now), first=False))
        # It was left before: only a new signature, behind the revocation.
        user_id = self.packets[at].body
        return self._insert(self._end_of(at), _user_id(self.primary, user_id, self._after(now), first=False)[1])

    def without_address(self, address: Address, now: datetime) -> OwnKey:
        """The same key, with the User ID of this address revoked (RFC 9580 5.2.1.13, 0x30), and the first one that is
        left confirmed as the primary one (5.2.3.27).

        Raises `Usage` (last_address) for the last one."""
        at = self._find(address)
        if at is None or not any(address.same(held) for held in self.addresses):
            return self
        if len(self.addresses) == 1:
            raise Usage("last_address", _("This is the last address of your key."), _("Add the new address first."))
        over = (self.primary.public.hashed, *_hashed(self.packets[at].body))
        when = self._after(now)
        revoked = sign(self.primary, USER_ID_REVOCATION, over, when, sub(REASON, _NO_LONGER))
        left = self._insert(self._end_of(at), Packet(Tag.SIGNATURE, revoked))
        # What we can read stands in the signature of the primary User ID, which may be the one just revoked. And Delta
        # Chat keeps only the User ID that was signed last, a revocation too: then it would seal to us in version 1.
        at = next(
            n for n, p in enumerate(left.packets) if p.tag == Tag.USER_ID and address_of(p.body) in left.addresses
        )
        confirmed = _user_id(self.primary, left.packets[at].body, when + 1, first=True)[1]
        return left._insert(left._end_of(at), confirmed)

    @property
    def primary(self) -> SecretKey:
        """The signing key."""
        return self.keys[0]

    @property
    def subkeys(self) -> tuple[SecretKey, ...]:
        """The keys that letters are sealed to, ML-KEM first."""
        return self.keys[1:]

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses that it speaks for now, the first one first."""
        held: dict[Address, bool] = {}
        address = None
        for tag, body in self.packets:
            if tag == Tag.USER_ID:
                address = address_of(body)
            elif tag == Tag.SIGNATURE and address:
                held[address] = SignaturePacket.read(body).kind != USER_ID_REVOCATION
            else:
                address = None
        return tuple(a for a, holds in held.items() if holds)

    @property
    def certificate(self) -> bytes:
        """The transferable public key (RFC 9580 10.1), always byte for byte as we wrote it."""
        return join(self.packets)

    def view(self, *, seipd2: bool) -> bytes:
        """Our certificate with the ML-KEM subkey alone, for sealing to ourselves. Never given away.

        `seipd2`: whether it says that we read SEIPD version 2. Sequoia seals in version 2 to certificates that say
        nothing of it (so do those of Thunderbird, which cannot read it); one that says no makes it use version 1."""
        (
            first,
            user_id,
            *_,
        ) = self.packets
        told = sub(KEY_FLAGS, _CERTIFY_AND_SIGN) + sub(FEATURES, b"\x09" if seipd2 else b"\x01")
        over = (self.primary.public.hashed, *_hashed(user_id.body))
        signed = Packet(Tag.SIGNATURE, sign(self.primary, _POSITIVE, over, self.primary.public.created, told))
        at = next(n for n, p in enumerate(self.packets) if p.tag == Tag.PUBLIC_SUBKEY)
        return join([first, user_id, signed, *self.packets[at : at + 2]])

    @property
    def plain_certificate(self) -> bytes:
        """The same certificate without the ML-KEM subkey, for programs that refuse what they do not know."""
        return join(_without(self.packets, MLKEM768_X25519))

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the primary key, lower-case hex."""
        return self.primary.public.fingerprint.hex()

    def to_bytes(self) -> bytes:
        """The transferable secret key, unprotected: only ever for the drawer."""
        return join(_secret(self.packets, self.keys))

    @classmethod
    def from_bytes(cls, data: bytes) -> OwnKey:
        """What `to_bytes` wrote. Raises `Damaged` (own_key_damaged) for anything else, or altered (A37)."""
        try:
            return _read(cls, data)
        except Malformed:
            raise Damaged(
                "own_key_damaged",
                _("Your own key in the drawer is damaged: it is not as it was written."),
                _("Restore the drawer from a backup; letters cannot be sealed or opened with this key."),
            ) from None

    def _after(self, now: datetime) -> int:
        """`now`, but later than all our signatures: of two over one User ID the later counts, within a second too."""
        made = (SignaturePacket.read(body).created for tag, body in self.packets if tag == Tag.SIGNATURE)
        return max(int(now.timestamp()), max(made) + 1)

    def _find(self, address: Address) -> int | None:
        for at, (tag, body) in enumerate(self.packets):
            held = address_of(body) if tag == Tag.USER_ID else None
            if held is not None and held.same(address):
                return at
        return None

    def _insert(self, at: int, *packets: Packet) -> OwnKey:
        return replace(self, packets=(*self.packets[:at], *packets, *self.packets[at:]))

    def _end_of(self, at: int) -> int:
        at += 1
        while self.packets[at].tag == Tag.SIGNATURE:
            at += 1
        return at


def _text(address: Address) -> bytes:
    """The User ID of an address: no name, because whoever holds the key sees it (Autocrypt 1.1 writes it so too)."""
    return f"<{address}>".encode()


def _hashed(user_id: bytes) -> tuple[bytes, bytes]:
    return b"\xb4" + struct.pack(">I", len(user_id)), user_id


def _user_id(primary: SecretKey, user_id: bytes, when: int, *, first: bool) -> list[Packet]:
    hashed = sub(KEY_FLAGS, _CERTIFY_AND_SIGN) + _PREFERENCES
    if first:
        hashed = sub(PRIMARY_USER_ID, b"\1") + hashed
    signed = sign(primary, _POSITIVE, (primary.public.hashed, *_hashed(user_id)), when, hashed)
    return [Packet(Tag.USER_ID, user_id), Packet(Tag.SIGNATURE, signed)]


def _without(packets: Sequence[Packet], algorithm: int) -> Iterator[Packet]:
    skipping = False
    for packet in packets:
        if packet.tag != Tag.SIGNATURE:
            skipping = packet.tag == Tag.PUBLIC_SUBKEY and KeyPacket.read(packet.body).algorithm == algorithm
        if not skipping:
            yield packet


def _secret(packets: Sequence[Packet], keys: Sequence[SecretKey]) -> Iterator[Packet]:
    bodies = {key.public.body: key for key in keys}
    for packet in packets:
        if packet.tag in (Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY):
            tag = Tag.SECRET_KEY if packet.tag == Tag.PUBLIC_KEY else Tag.SECRET_SUBKEY
            yield Packet(tag, bodies[packet.body].body())
        else:
            yield packet


def _read(cls: type[OwnKey], data: bytes) -> OwnKey:
    packets: list[Packet] = []
    keys: list[SecretKey] = []
    for tag, body in read(data):
        if tag in (Tag.SECRET_KEY, Tag.SECRET_SUBKEY):
            key = _read_secret(body)
            keys.append(key)
            packets.append(Packet(Tag.PUBLIC_KEY if tag == Tag.SECRET_KEY else Tag.PUBLIC_SUBKEY, key.public.body))
        else:
            packets.append(Packet(tag, body))
    if tuple(k.public.algorithm for k in keys) != _ORDER or not packets or packets[0].tag != Tag.PUBLIC_KEY:
        raise Malformed("not a key of ours")
    _prove(keys[0].public, packets[1:])
    own = cls(tuple(keys), tuple(packets))
    if own.to_bytes() != data:
        raise Malformed("not as written")
    return own


def _read_secret(body: bytes) -> SecretKey:
    """The key whose public half, made anew from its secret, is the one that stands beside it (A37)."""
    if len(body) < 10 or body[0] != 4:
        raise Malformed("not a key of ours")
    created, algorithm, material = int.from_bytes(body[1:5], "big"), body[5], body[6:]
    if algorithm == MLKEM768_X25519:
        end = 32 + 1184
    else:
        end = read_mpi(material, 1 + material[0])[1] + (len(KDF) if algorithm == ECDH else 0)
    key = public_of(algorithm, material[end + 1 : -2], created)
    if key.body() != body:
        raise Malformed("not as written")
    return key


def _prove(primary: KeyPacket, packets: Sequence[Packet]) -> None:
    """Every signature is by our own primary key over what it follows."""
    signed: tuple[bytes, ...] = ()
    for tag, body in packets:
        if tag == Tag.USER_ID:
            signed = (primary.hashed, *_hashed(body))
        elif tag == Tag.PUBLIC_SUBKEY:
            signed = (primary.hashed, KeyPacket.read(body).hashed)
        elif tag != Tag.SIGNATURE or not signed or not _is_ours(body, primary, signed):
            raise Malformed("not as written")


def _is_ours(body: bytes, primary: KeyPacket, signed: tuple[bytes, ...]) -> bool:
    made = SignaturePacket.read(body)
    as_written = made.unhashed == ((ISSUER, primary.key_id),) and made.lean() == body
    return as_written and proves(made, primary, signed) is True
