"""Sealing: one letter signed by us and encrypted to its readers and to ourselves (RFC 9580 10.3).

Sequoia makes the packets that hand each reader the session key; signing, packing and armor are ours, so that the
signature names whom it is for, recipients can stay unnamed, and bytes are exactly those that were rendered.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from dearly.letter.errors import CannotSealOrOpen
from dearly.letter.words import _
from dearly.seal import pkesk, seipd, sequoia
from dearly.seal.armor import armor_parts
from dearly.seal.keypacket import MLKEM768_X25519, SecretKey
from dearly.seal.keys import OwnKey
from dearly.seal.packets import Malformed, Tag, head, write
from dearly.seal.signature import BINARY, INTENDED, SHA256, sign, sub
from dearly.seal.trust import slot
from dearly.seal.values import Sealed, SealPlan

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

AES256 = 9
_VERSION_OF_PRINT = {20: b"\4", 32: b"\6"}


def seal(data: bytes, own: OwnKey, plan: SealPlan) -> Sealed:
    """`data` signed by us and sealed to everybody in the plan and to ourselves.

    Every certificate is looked at again: `CannotSealOrOpen` (key_revoked, key_expired, key_unusable, bad_certificate)
    is raised before anything is sealed."""
    slots = {s.certificate.fingerprint: s for s in (slot(c, plan.at) for c in plan.certificates)}
    slots.pop(own.fingerprint, None)
    ours = own.subkeys[0]
    fingerprints = [s.certificate.key.fingerprint for s in slots.values()] + [own.primary.public.fingerprint]
    version = 2 if all(s.certificate.seipd2 for s in slots.values()) else 1
    views = [s.view for s in slots.values()] + [own.view(seipd2=version == 2)]
    names = [s.key.names for s in slots.values()] + [ours.public.names]
    heads = _shell(views, names, version)
    try:
        cipher, key = pkesk.unwrap(heads[-1], ours)
    except pkesk.CannotOpen:
        raise _cannot() from None
    message = signed_parts(data, own.primary, int(plan.at.timestamp()), fingerprints)
    size = seipd.sealed_size(sum(map(len, message)), version)
    digest = hashlib.sha256()
    named = [write(Tag.PKESK, h.nameless() if plan.hidden else h.encode()) for h in heads]
    container = seipd.seal(message, version, cipher or AES256, key)
    return Sealed(
        armored=armor_parts(_hashed(chain(named, [head(Tag.SEIPD, size)], container), digest)),
        slice_sha256=digest.digest(),
        quantum_safe=all(h.algorithm == MLKEM768_X25519 for h in heads),
        fingerprints=tuple(f.hex() for f in fingerprints),
    )


def signed_parts(data: bytes, key: SecretKey, when: int, intended: list[bytes]) -> tuple[bytes, ...]:
    """One-pass, literal, signature (RFC 9580 5.4, 5.9, 5.2), to be joined.

    The literal carries no name and no date: they would not be signed (A09). `intended`: fingerprints of the
    certificates that it is for (5.2.3.36), against forwarding the signature under another seal (A17)."""
    named = b"".join(sub(INTENDED, _VERSION_OF_PRINT[len(f)] + f) for f in intended)
    one_pass = struct.pack(">BBBB", 3, BINARY, SHA256, key.public.algorithm) + key.public.key_id + b"\1"
    # SHA-256 is as strong as the curve, and processors reckon it three times as fast as SHA-512.
    signature = sign(key, BINARY, (data,), when, named, SHA256)
    literal = head(Tag.LITERAL, 6 + len(data)) + b"b" + bytes(5)
    return write(Tag.ONE_PASS, one_pass) + literal, data, write(Tag.SIGNATURE, signature)


def _hashed(parts: Iterable[bytes], digest: Hash) -> Iterator[bytes]:
    for part in parts:
        digest.update(part)
        yield part


def _shell(views: list[bytes], names: list[tuple[str, str]], version: int) -> list[pkesk.Head]:
    """The PKESK of each view, each for the key we chose, to go with a container of that version."""
    try:
        *first, last = sequoia.shell(views)
        heads = [pkesk.Head.read(p.body) for p in first]
    except (sequoia.NotTaken, Malformed, ValueError):
        raise _cannot() from None
    fit = [h.recipient.hex() in n for h, n in zip(heads, names, strict=False)]
    if len(heads) != len(names) or not all(fit) or {p.tag for p in first} != {Tag.PKESK}:
        raise _cannot()
    if last.tag != Tag.SEIPD or last.body[:1] != bytes([version]):
        raise _cannot()
    return heads


def _cannot() -> CannotSealOrOpen:
    return CannotSealOrOpen(
        "key_unusable",
        _("This letter cannot be sealed: the keys that were chosen for it do not work together."),
        _("Ask the recipients for their cards again."),
    )
