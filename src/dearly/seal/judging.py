"""Judging the signatures of an opened letter. Sequoia decides whether one holds; we decide what to call it if not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dearly.letter.address import Address
from dearly.letter.errors import CannotSealOrOpen
from dearly.letter.sealing import Grammar, Integrity, Signature
from dearly.seal import sequoia
from dearly.seal.certificate import Certificate, Component, parse
from dearly.seal.opening import Unpacked
from dearly.seal.packets import Malformed, Tag, write
from dearly.seal.signature import BINARY, INTENDED, KEY_EXPIRES, TEXT, SignaturePacket, proves
from dearly.seal.trust import merge

MOST_CERTIFICATES = 64

MOST_AHEAD = timedelta(days=1)
"""How far a clock may be wrong: a time zone or a day at the most. What is dated further ahead is no mistake."""


@dataclass(frozen=True, slots=True)
class Verified:
    """`signers`: fingerprints of the certificates whose signature holds; `named`: for each of them, the addresses that
    the certificate itself names. `signed_at`: as the first signature that holds says, aware UTC; where they are dated
    ahead, when all of them may hold. `intended`: primary fingerprints that the signatures
    that hold name as intended recipients (RFC 9580 5.2.3.36); empty when they name nobody. `at_hand`: fingerprints of
    the certificates that own a claimed issuer id, whatever came of it. All in lower-case hex."""

    signature: Signature
    signers: tuple[str, ...] = ()
    signed_at: datetime | None = None
    intended: tuple[str, ...] = ()
    at_hand: tuple[str, ...] = ()
    named: tuple[tuple[Address, ...], ...] = ()


def verify(unpacked: Unpacked, certificates: Sequence[bytes], now: datetime) -> Verified:
    """Step 4, in the child: judge the signatures with these certificates. Never raises.

    Certificates that own none of the claimed issuer ids count as not given; copies of one certificate are merged
    first (A16). `now` (aware UTC) decides whether a certificate whose signature does not hold is called expired."""
    if unpacked.integrity is not Integrity.INTACT or unpacked.grammar is not Grammar.ONE_LETTER:
        return Verified(Signature.NONE)
    if not unpacked.signatures:
        return Verified(Signature.NONE)
    owners = _owners(certificates, set(unpacked.issuers))
    if not owners:
        return Verified(Signature.UNKNOWN)
    at_hand = tuple(c.fingerprint for c in owners)
    signatures = list(_readable(unpacked.signatures))
    store: dict[str, list[bytes]] = {}
    for cert in owners:
        for name in cert.names:
            store.setdefault(name, []).append(cert.encoded)
    signers: list[str] = []
    held: list[SignaturePacket] = []
    # Each alone: a forged signature beside a true one must not lend its subpackets to it (A17).
    for signature in signatures:
        found = sequoia.signers(unpacked.data, write(Tag.SIGNATURE, signature.lean()), store)
        if found:
            signers += found
            held.append(signature)
    if held:
        named = {cert.fingerprint: cert.addresses for cert in owners}
        return Verified(
            signature=Signature.HOLDS,
            signers=tuple(dict.fromkeys(signers)),
            named=tuple(named.get(one, ()) for one in dict.fromkeys(signers)),
            signed_at=datetime.fromtimestamp(held[0].created, UTC),
            intended=tuple(dict.fromkeys(v[1:].hex() for s in held for k, v in s.hashed if k == INTENDED)),
            at_hand=at_hand,
        )
    why = _why_not(unpacked.data, signatures, owners, now)
    latest = max((s.created for s in signatures), default=0) if why is Signature.AHEAD else 0
    return Verified(why, signed_at=datetime.fromtimestamp(latest, UTC) if latest else None, at_hand=at_hand)


def _owners(certificates: Sequence[bytes], issuers: set[str]) -> list[Certificate]:
    """The certificates that own one of the issuer ids, one for each fingerprint."""
    found: dict[str, bytes] = {}
    for data in certificates[:MOST_CERTIFICATES]:
        try:
            cert = parse(data)
            if issuers.intersection(cert.names):
                known = found.get(cert.fingerprint)
                found[cert.fingerprint] = cert.encoded if known in (None, cert.encoded) else merge(known, data)
        except (Malformed, CannotSealOrOpen):
            continue
    return [parse(data) for data in found.values()]


def _readable(bodies: Sequence[bytes]) -> Iterator[SignaturePacket]:
    """Those over a text: a certification must never count as one, though its octets can be shown as a text."""
    for body in bodies:
        try:
            signature = SignaturePacket.read(body)
        except Malformed:
            continue
        if signature.kind in (BINARY, TEXT):
            yield signature


def _why_not(data: bytes, signatures: list[SignaturePacket], owners: list[Certificate], now: datetime) -> Signature:
    """BAD, unless a signature was truly made by a key that has been revoked or has expired, or is dated ahead."""
    made_by = [
        (signature, cert, component)
        for signature in signatures
        for cert in owners
        for component in (cert.primary, *cert.subkeys)
        if component.key is not None
        and set(component.key.names).intersection(signature.issuers)
        and proves(signature, component.key, (_as_signed(data, signature),)) is not False
    ]
    if any(_revoked(cert, component) for _signature, cert, component in made_by):
        return Signature.REVOKED
    if any(_expired(cert, component, now) for _signature, cert, component in made_by):
        return Signature.EXPIRED
    if any(0 < signature.created - now.timestamp() <= MOST_AHEAD.total_seconds() for signature, *_by in made_by):
        return Signature.AHEAD
    return Signature.BAD


def _as_signed(data: bytes, signature: SignaturePacket) -> bytes:
    return re.sub(rb"\r?\n", b"\r\n", data) if signature.kind == TEXT else data


def _revoked(cert: Certificate, component: Component) -> bool:
    try:
        return bool(component.revocations) or sequoia.standing(cert.encoded)[0]
    except sequoia.NotTaken:
        return False


def _expired(cert: Certificate, component: Component, now: datetime) -> bool:
    lasts = component.newest.number(KEY_EXPIRES) if component.newest else None
    if component.key and lasts and component.key.created + lasts <= now.timestamp():
        return True
    try:
        expires = sequoia.standing(cert.encoded)[1]
    except sequoia.NotTaken:
        return False
    return expires is not None and expires <= now
