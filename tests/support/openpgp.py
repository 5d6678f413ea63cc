"""Keys of invented people, and OpenPGP bytes that no honest program writes.

Everything is made at run time. Times lie around the real now, because Sequoia asks the machine for the time.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from dearly.letter.address import Address
from dearly.seal import openpgp, packets, pkesk, seipd, sequoia, trust
from dearly.seal.certificate import parse
from dearly.seal.keypacket import KeyPacket, SecretKey
from dearly.seal.keys import OwnKey
from dearly.seal.openpgp import Outer, Unpacked, Verified
from dearly.seal.packets import Packet, Tag
from dearly.seal.sealing import signed_parts
from dearly.seal.signature import (
    DIRECT_KEY,
    FEATURES,
    KEY_EXPIRES,
    KEY_FLAGS,
    KEY_REVOCATION,
    REASON,
    SUBKEY_BINDING,
    SUBKEY_REVOCATION,
    sign,
    sub,
)

NOW = datetime.now(UTC).replace(microsecond=0)
YESTERDAY = NOW - timedelta(days=1)
LAST_YEAR = NOW - timedelta(days=365)
TEXT = b"Dear Bert,\r\n\r\nthe harvest is in.\r\n" * 40


def address(name: str) -> Address:
    return Address.parse(f"{name}@letters.test")


@cache
def person(name: str) -> OwnKey:
    """Ada, Bert, Clara, Dora and whoever else; the same key in one test run."""
    return OwnKey.generate([address(name)], LAST_YEAR)


def plan_for(*people: OwnKey | bytes) -> trust.SealPlan:
    wanted = {address(f"reader{n}"): p if isinstance(p, bytes) else p.certificate for n, p in enumerate(people)}
    return trust.plan(wanted, NOW)


class Result(NamedTuple):
    outer: Outer
    unpacked: Unpacked
    verified: Verified


def open_letter(
    blob: bytes,
    own: OwnKey,
    certificates: Sequence[bytes] = (),
    passphrase: str | None = None,
    limit: int = openpgp.LIMIT,
    now: datetime = NOW,
) -> Result:
    """All four steps in one process."""
    outer = openpgp.outer(blob)
    keys = openpgp.session_keys(outer.pkesks, own)
    if passphrase is not None:
        keys += openpgp.passphrase_keys(outer.skesks, passphrase)
    unpacked = openpgp.unpack(outer, keys, limit)
    return Result(outer, unpacked, openpgp.verify(unpacked, certificates, now))


def seal_raw(inner: bytes, to: OwnKey, version: int = 2, heads: Iterable[Packet] = ()) -> bytes:
    """Whatever is `inner`, sealed to the newest subkey of `to`; binary. `heads`: packets to stand in front."""
    ours = to.subkeys[0] if version == 2 else to.subkeys[1]
    view = parse(to.certificate).only(ours.public).encoded
    if version == 1:  # one reader without SEIPD version 2 in the round makes Sequoia write version 3 packets
        view = parse(old_style(to)).only(ours.public).encoded
    first, shell = sequoia.shell([view])
    cipher, key = pkesk.unwrap(pkesk.Head.read(first.body), ours)
    assert shell.body[0] == version
    body = b"".join(seipd.seal([inner], version, cipher or 9, key))
    return packets.join([*heads, Packet(Tag.PKESK, first.body), Packet(Tag.SEIPD, body)])


def old_style(own: OwnKey, features: bytes = sub(FEATURES, b"\x01")) -> bytes:
    """The certificate of a program that knows only SEIPD version 1, with our ECDH key in it."""
    when = int(NOW.timestamp()) - 60
    flags = sub(KEY_FLAGS, b"\x03")
    direct = sign(own.primary, DIRECT_KEY, (own.primary.public.hashed,), when, flags + features)
    user_id = b"<old@letters.test>"
    over = (own.primary.public.hashed, b"\xb4" + len(user_id).to_bytes(4, "big"), user_id)
    bound = sign(own.primary, 0x13, over, when, flags + features)
    ecdh = own.subkeys[1]
    subkey = sign(
        own.primary, SUBKEY_BINDING, (own.primary.public.hashed, ecdh.public.hashed), when, sub(KEY_FLAGS, b"\x0c")
    )
    return packets.join(
        [
            Packet(Tag.PUBLIC_KEY, own.primary.public.body),
            Packet(Tag.SIGNATURE, direct),
            Packet(Tag.USER_ID, user_id),
            Packet(Tag.SIGNATURE, bound),
            Packet(Tag.PUBLIC_SUBKEY, ecdh.public.body),
            Packet(Tag.SIGNATURE, subkey),
        ]
    )


def signed_message(text: bytes, by: OwnKey, when: datetime, intended: Sequence[bytes] = ()) -> bytes:
    """One-pass, literal, signature, of that time."""
    return b"".join(signed_parts(text, by.primary, int(when.timestamp()), list(intended)))


def signed(text: bytes, by: OwnKey, *to: OwnKey, when: datetime = NOW) -> bytes:
    """The inner packets of a letter to these people."""
    named = [p.primary.public.fingerprint for p in to]
    return signed_message(text, by, when, named)


def literal(text: bytes, name: bytes = b"", kind: bytes = b"b", date: int = 0) -> bytes:
    return packets.write(Tag.LITERAL, kind + bytes([len(name)]) + name + date.to_bytes(4, "big") + text)


def compressed(inner: bytes, method: int = 2) -> bytes:
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeeze = {
        0: lambda: inner,
        1: lambda: raw.compress(inner) + raw.flush(),
        2: lambda: zlib.compress(inner, 9),
        3: lambda: bz2.compress(inner),
    }
    return packets.write(Tag.COMPRESSED, bytes([method]) + squeeze[method]())


def bomb(mebibytes: int) -> bytes:
    """A literal of that many MiB of zeros, compressed to about 1 KiB each; quick, because one block is repeated."""
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    size = 6 + (mebibytes << 20)
    start = raw.compress(packets.head(Tag.LITERAL, size) + b"b" + bytes(5)) + raw.flush(zlib.Z_FULL_FLUSH)
    block = raw.compress(bytes(1 << 20)) + raw.flush(zlib.Z_FULL_FLUSH)
    return packets.write(Tag.COMPRESSED, b"\1" + start + block * mebibytes + raw.flush(zlib.Z_FINISH))


def revoked(own: OwnKey, reason: int = 2) -> bytes:
    """The certificate, withdrawn by its owner; reason 2: the key is in other hands (RFC 9580 5.2.3.31)."""
    made = sign(
        own.primary,
        KEY_REVOCATION,
        (own.primary.public.hashed,),
        int(NOW.timestamp()) - 60,
        sub(REASON, bytes([reason])),
    )
    first, *rest = packets.read(own.certificate)
    return packets.join([first, Packet(Tag.SIGNATURE, made), *rest])


def with_subkey_signature(own: OwnKey, which: SecretKey, kind: int, hashed: bytes, when: datetime = NOW) -> bytes:
    """The certificate with one more signature on that subkey."""
    over = (own.primary.public.hashed, which.public.hashed)
    added = Packet(Tag.SIGNATURE, sign(own.primary, kind, over, int(when.timestamp()), hashed))
    found = packets.read(own.certificate)
    at = found.index(Packet(Tag.PUBLIC_SUBKEY, which.public.body)) + 1
    return packets.join([*found[:at], added, *found[at:]])


def subkey_revoked(own: OwnKey, which: SecretKey) -> bytes:
    return with_subkey_signature(own, which, SUBKEY_REVOCATION, sub(REASON, b"\1"))


def subkey_expiring(own: OwnKey, which: SecretKey, at: datetime) -> bytes:
    lasts = int(at.timestamp()) - which.public.created
    hashed = sub(KEY_FLAGS, b"\x0c") + sub(KEY_EXPIRES, lasts.to_bytes(4, "big"))
    return with_subkey_signature(own, which, SUBKEY_BINDING, hashed, YESTERDAY)


def expiring(own: OwnKey, at: datetime, after: int = 1) -> bytes:
    """The certificate whose primary key expires at that time, said in a self-signature `after` seconds newer."""
    lasts = int(at.timestamp()) - own.primary.public.created
    found = packets.read(own.certificate)
    user_id = found[1].body
    over = (own.primary.public.hashed, b"\xb4" + len(user_id).to_bytes(4, "big"), user_id)
    hashed = sub(25, b"\1") + sub(KEY_FLAGS, b"\x03") + sub(KEY_EXPIRES, lasts.to_bytes(4, "big")) + sub(30, b"\x09")
    made = sign(own.primary, 0x13, over, own.primary.public.created + after, hashed)
    return packets.join([*found[:2], Packet(Tag.SIGNATURE, made), *found[2:]])


def forged_signature(victim: KeyPacket, n: int, kind: int = 0x10) -> bytes:
    """A signature packet body that names `victim` as its maker, and holds nothing (A15)."""
    hashed = sub(2, n.to_bytes(4, "big")) + sub(33, b"\4" + victim.fingerprint)
    head = bytes([4, kind, 22, 10]) + len(hashed).to_bytes(2, "big") + hashed
    return head + b"\0\0" + b"\xab\xcd" + packets.mpi(b"\x7f" * 32) + packets.mpi(b"\x3f" * 32)
