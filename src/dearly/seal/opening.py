"""Opening in steps that never bring foreign bytes and our private keys together (see `openpgp`).

`outer` takes the sealed bytes apart, `session_keys` looks at nothing but the short key packets, and `unpack` opens,
proves and unfolds. All of them answer with values: bytes from outside cannot make them raise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from dearly.letter.sealing import Grammar, Integrity, Key, Shape
from dearly.seal import packets, pkesk, seipd, skesk
from dearly.seal.armor import dearmor
from dearly.seal.compressed import TooBig, inflate
from dearly.seal.keypacket import MLKEM768_X25519
from dearly.seal.keys import OwnKey
from dearly.seal.packets import Malformed, Packet, Tag
from dearly.seal.seipd import Altered, Unsupported
from dearly.seal.signature import SignaturePacket
from dearly.seal.values import SessionKey

LIMIT = 64 << 20
"""Octets that a compressed letter may unfold to, unless the person allows more (A25)."""

MOST_RECIPIENTS = 64
MOST_SIGNATURES = 20
MOST_LAYERS = 2
MOST_PASSPHRASE_TRIALS = 4
BY_WORD = "passphrase"

_CONTAINERS = frozenset({Tag.SEIPD, Tag.SED, Tag.OCBED})
_MEANINGLESS = frozenset({Tag.MARKER, Tag.PADDING})


@dataclass(frozen=True, slots=True)
class Outer:
    """The sealed bytes taken apart, unopened.

    `shape`: SEALED, or MALFORMED for what is no OpenPGP message; then everything else is empty. `pkesks`: bodies of
    the Public-Key Encrypted Session Key packets, in order, for the keyholder. `skesks`: the same for passphrases.
    `container`: body of the encrypted data packet. `integrity`: INTACT as long as nothing speaks against opening it,
    else UNSUPPORTED (sealed without protection against alteration: tag 9, or in a way unknown to us).
    `seal_sha256`: of the decoded bytes. `quantum_safe`: only ML-KEM keys can open it. `hidden`: nobody is named."""

    shape: Shape
    pkesks: tuple[bytes, ...] = field(default=(), repr=False)
    skesks: tuple[bytes, ...] = field(default=(), repr=False)
    container: bytes = field(default=b"", repr=False)
    integrity: Integrity = Integrity.ALTERED
    seal_sha256: bytes = b""
    quantum_safe: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What is inside, proven whole, its signatures not yet checked.

    `key`, `integrity`, `grammar` as in `letter.sealing`. `data`: the signed part; empty unless INTACT and ONE_LETTER.
    `signatures`: bodies of the signature packets. `issuers`: ids (lower-case hex fingerprints and key ids) that they
    claim as their makers: a claim only. `opened_with`: fingerprint of our subkey, or "passphrase". `quantum_safe`: as
    in `Outer`."""

    key: Key
    integrity: Integrity
    grammar: Grammar
    data: bytes = field(default=b"", repr=False)
    signatures: tuple[bytes, ...] = field(default=(), repr=False)
    issuers: tuple[str, ...] = ()
    opened_with: str = ""
    quantum_safe: bool = False


def outer(slice_: bytes) -> Outer:
    """Step 1, in the child: the sealed bytes (ASCII armor or binary) taken apart. Never raises."""
    try:
        data = dearmor(slice_)
        parts = [p for p in packets.read(data) if p.tag not in _MEANINGLESS]
    except Malformed:
        return Outer(Shape.MALFORMED)
    *heads, last = parts or [Packet(0, b"")]
    if last.tag not in _CONTAINERS or len(heads) > MOST_RECIPIENTS or {p.tag for p in heads} - {Tag.PKESK, Tag.SKESK}:
        return Outer(Shape.MALFORMED)
    pkesks = tuple(p.body for p in heads if p.tag == Tag.PKESK)
    skesks = tuple(p.body for p in heads if p.tag == Tag.SKESK)
    known = [h for h in map(_head, pkesks) if h is not None]
    supported = last.tag == Tag.SEIPD and seipd.version_known(last.body)
    return Outer(
        shape=Shape.SEALED,
        pkesks=pkesks,
        skesks=skesks,
        container=last.body,
        integrity=Integrity.INTACT if supported else Integrity.UNSUPPORTED,
        seal_sha256=hashlib.sha256(data).digest(),
        quantum_safe=len(known) == len(heads) > 0 and all(h.algorithm == MLKEM768_X25519 for h in known),
        hidden=bool(known) and not any(h.recipient for h in known),
    )


def _head(body: bytes) -> pkesk.Head | None:
    """None for unknown versions, which are passed over (RFC 9580 5.1)."""
    try:
        return pkesk.Head.read(body)
    except Malformed:
        return None


def session_keys(pkesks: Sequence[bytes], own: OwnKey) -> tuple[SessionKey, ...]:
    """Step 2, with the keyholder: the session key that our subkeys give, of the first packet that is for us.

    Never raises; at most 64 packets are looked at."""
    for index, body in enumerate(pkesks[:MOST_RECIPIENTS]):
        head = _head(body)
        for key in own.subkeys if head else ():
            if head and head.for_key(key.public):
                try:
                    cipher, session = pkesk.unwrap(head, key)
                except pkesk.CannotOpen:
                    continue
                return (SessionKey(cipher, session, key.public.fingerprint.hex(), index),)
    return ()


def passphrase_keys(skesks: Sequence[bytes], passphrase: str) -> tuple[SessionKey, ...]:
    """Step 2 for a letter under a passphrase (RFC 9580 5.3), with bounded cost (A26): only the first four are tried.

    Never raises. A wrong passphrase often shows only as a session key that opens nothing: `unpack` says Key.NONE."""
    found: list[SessionKey] = []
    for index, body in enumerate(skesks[:MOST_PASSPHRASE_TRIALS]):
        try:
            cipher, session = skesk.unwrap(body, passphrase.encode("utf-8", "surrogatepass"))
        except pkesk.CannotOpen:
            continue
        found.append(SessionKey(cipher, session, BY_WORD, index))
    return tuple(found)


def unpack(outer: Outer, keys: Sequence[SessionKey], limit: int = LIMIT) -> Unpacked:
    """Step 3, in the child: open, prove whole, unfold at most `limit` octets, and take the one letter out.

    Never raises. Nothing of the content is looked at before all of it is proven unaltered."""
    fitted, opened_with = Key.NONE, ""
    integrity = Integrity.ALTERED
    for key in keys if outer.shape is Shape.SEALED else ():
        try:
            plain = _unseal(outer, key)
        except Altered:
            # A key from a wrong passphrase looks like an alteration; one that our own key unwrapped is the right one.
            if key.opened_with != BY_WORD:
                fitted, opened_with = Key.FITTED, key.opened_with
            continue
        except Unsupported:
            fitted, opened_with, integrity = Key.FITTED, key.opened_with, Integrity.UNSUPPORTED
            continue
        return _unfold(plain, key, outer.quantum_safe, limit)
    return Unpacked(fitted, integrity, Grammar.OTHER, opened_with=opened_with, quantum_safe=outer.quantum_safe)


def _unseal(outer: Outer, key: SessionKey) -> bytes:
    if outer.integrity is not Integrity.INTACT:
        raise Unsupported
    return seipd.unseal(outer.container, key.cipher, key.key)


def _unfold(plain: bytes, key: SessionKey, quantum_safe: bool, limit: int) -> Unpacked:
    """The proven packets, decompressed and taken apart."""
    integrity = Integrity.INTACT
    try:
        for _ in range(MOST_LAYERS + 1):
            parts = [p for p in packets.read(plain) if p.tag not in _MEANINGLESS]
            if len(parts) != 1 or parts[0].tag != Tag.COMPRESSED:
                data, signatures = _letter(parts)
                issuers = tuple(dict.fromkeys(i for s in signatures for i in _issuers(s)))
                return Unpacked(
                    Key.FITTED,
                    integrity,
                    Grammar.ONE_LETTER,
                    data,
                    signatures,
                    issuers,
                    key.opened_with,
                    quantum_safe,
                )
            plain = inflate(parts[0].body, limit)
    except TooBig:
        integrity = Integrity.TOO_BIG
    except Unsupported:
        integrity = Integrity.UNSUPPORTED
    except Malformed:
        pass
    return Unpacked(Key.FITTED, integrity, Grammar.OTHER, opened_with=key.opened_with, quantum_safe=quantum_safe)


def _letter(parts: list[Packet]) -> tuple[bytes, tuple[bytes, ...]]:
    """(literal data, signature bodies): n one-pass, one literal, n signatures, or signatures first (RFC 9580 10.3).

    The literal's format, file name and date are passed over unread: they are not signed (A09)."""
    tags = [p.tag for p in parts]
    signatures = tuple(p.body for p in parts if p.tag == Tag.SIGNATURE)
    n = len(signatures)
    modern = [Tag.ONE_PASS] * n + [Tag.LITERAL] + [Tag.SIGNATURE] * n
    if n > MOST_SIGNATURES or tags not in (modern, [Tag.SIGNATURE] * n + [Tag.LITERAL]):
        raise Malformed("not one letter")
    body = parts[tags.index(Tag.LITERAL)].body
    start = 6 + body[1] if len(body) > 1 else 6
    if len(body) < start:
        raise Malformed("cut literal")
    return body[start:], signatures


def _issuers(body: bytes) -> tuple[str, ...]:
    try:
        return SignaturePacket.read(body).issuers
    except Malformed:
        return ()
