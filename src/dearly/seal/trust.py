"""Certificates of others: what one says of itself, what of it is worth keeping, whether letters can be sealed to it.

Whose certificate it is, and whether we believe that, is not decided here: that is the address book's binding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from dearly.letter.address import Address, clean
from dearly.letter.errors import CannotSealOrOpen
from dearly.letter.words import _
from dearly.seal import sequoia
from dearly.seal.certificate import Certificate, build, join_components, parse
from dearly.seal.chatmail import chats
from dearly.seal.keypacket import MLKEM768_X25519, KeyPacket
from dearly.seal.packets import Malformed, Tag
from dearly.seal.pkesk import Head
from dearly.seal.values import CertificateFacts, SealPlan


@dataclass(frozen=True, slots=True)
class Slot:
    """What `seal` needs of one certificate: it, the one key to seal to, and the certificate reduced to that key."""

    certificate: Certificate
    key: KeyPacket
    view: bytes = field(repr=False)

    @property
    def quantum_safe(self) -> bool:
        """Whether that key is a post-quantum one."""
        return self.key.algorithm == MLKEM768_X25519


def examine(certificate: bytes, now: datetime) -> CertificateFacts:
    """The facts of one certificate (binary or armored, at most 256 KiB), judged at `now` (aware UTC).

    Raises `CannotSealOrOpen` (bad_certificate) when it is none, more than one, a secret key, or of a kind we cannot
    read."""
    cert = _parsed(certificate)
    data = cert.encoded
    try:
        revoked, expires = sequoia.standing(data)
    except sequoia.NotTaken:
        raise _bad_certificate() from None
    try:
        found: Slot | None = slot(certificate, now)
    except CannotSealOrOpen:
        found = None
    spoken_for = [u.body for u in cert.user_ids if not u.revoked]
    return CertificateFacts(
        fingerprint=cert.fingerprint,
        key_ids=cert.names,
        user_ids=tuple(clean(u.decode("utf-8", "replace"))[:200] for u in spoken_for),
        addresses=cert.addresses,
        created=datetime.fromtimestamp(cert.key.created, UTC),
        expires=expires,
        revoked=revoked or bool(cert.primary.revocations),
        usable_for_sealing=found is not None,
        quantum_safe=found is not None and found.quantum_safe,
        seipd2=cert.seipd2,
        size=len(data),
    )


def minimise(certificate: bytes, keep: Address | None, *, only: bool = False) -> bytes:
    """Only what the owner's own signatures prove: keys, at most 10 User IDs, a few signatures each (A15). Binary.

    `keep`: the User ID with this address is never the one left out. `only`: it alone is kept (where it is there), and
    of each key the newest signature: all that others need, and no other address of its owner. Subkeys stay in the order
    they came in. Raises as `examine`."""
    cert = _parsed(certificate, keep)
    data = (cert.alone(keep) if only and keep is not None else cert).encoded
    try:
        sequoia.certificate(data)
    except sequoia.NotTaken:
        raise _bad_certificate() from None
    return data


def merge(old: bytes, new: bytes) -> bytes:
    """Both copies of one certificate as one, minimised; a revocation in either stays (A16).

    Raises `CannotSealOrOpen` (other_certificate) when the fingerprints differ, else as `examine`."""
    one, other = _parsed(old), _parsed(new)
    if one.fingerprint != other.fingerprint:
        raise CannotSealOrOpen(
            "other_certificate",
            _("These are certificates of two different keys; they cannot be joined."),
            _("Ask the person which key is theirs, on another way than by letter."),
        )
    primary = join_components(one.primary, other.primary)
    both = build(primary, (*one.user_ids, *other.user_ids), (*one.subkeys, *other.subkeys))
    return minimise(both.encoded, None)


def plan(wanted: Mapping[Address, bytes | None], now: datetime) -> SealPlan:
    """How to seal to all of `wanted`. Raises `CannotSealOrOpen` naming everybody to whom it cannot be done, and why.

    Its code is that of the first: no_key, key_revoked, key_expired, key_unusable or bad_certificate."""
    slots: dict[str, Slot] = {}
    troubles: list[tuple[Address, CannotSealOrOpen]] = []
    for address, certificate in wanted.items():
        try:
            found = slot(certificate, now)
            slots.setdefault(found.certificate.fingerprint, found)
        except CannotSealOrOpen as trouble:
            troubles.append((address, trouble))
    if troubles:
        whom = "; ".join(f"{address}: {trouble.message}" for address, trouble in troubles)
        raise CannotSealOrOpen(
            troubles[0][1].code,
            _("This letter cannot be sealed. {whom}.").format(whom=whom),
            troubles[0][1].hint,
        )
    modern = bool(slots) and all(s.certificate.seipd2 for s in slots.values())
    return SealPlan(
        certificates=tuple(s.certificate.encoded for s in slots.values()),
        # GnuPG and Thunderbird try every key they have on a letter that names nobody, and To names them anyway.
        hidden=modern,
        binary=bool(slots) and all(chats(s.certificate.encoded) for s in slots.values()),
        quantum_safe=all(s.quantum_safe for s in slots.values()),
        at=now,
    )


def slot(certificate: bytes | None, now: datetime) -> Slot:
    """The key to seal to in a certificate, alive at `now` by its owner's signatures, and taken by Sequoia too.

    Raises `CannotSealOrOpen` with one of the codes of `plan`, in words that follow a name."""
    if certificate is None:
        raise CannotSealOrOpen("no_key", _("no key of theirs is known"), _("Ask them for their card."))
    cert = _parsed(certificate)
    try:
        revoked, expires = sequoia.standing(cert.encoded)
    except sequoia.NotTaken:
        raise _bad_certificate() from None
    if revoked or cert.primary.revocations:
        raise CannotSealOrOpen(
            "key_revoked",
            _("they have withdrawn their key"),
            _("Ask them, on another way than by letter, for their new card."),
        )
    if expires is not None and expires <= now:
        raise CannotSealOrOpen(
            "key_expired",
            _("their key expired on {day}").format(day=expires.date().isoformat()),
            _("Ask them for their card again: it brings the key with its new date."),
        )
    for key in cert.sealing_keys(int(now.timestamp())):
        view = cert.only(key).encoded
        if _taken(view, key.fingerprint, key.key_id):
            return Slot(cert, key, view)
    raise CannotSealOrOpen(
        "key_unusable",
        _("their key has no part that letters can be sealed to now"),
        _("Ask them for their card again, or for a newer key."),
    )


@lru_cache(maxsize=128)
def _taken(view: bytes, fingerprint: bytes, key_id: bytes) -> bool:
    """Whether Sequoia seals to that very key."""
    try:
        first, *rest = sequoia.shell([view])
        head = Head.read(first.body)
    except (sequoia.NotTaken, Malformed, ValueError):
        return False
    named = first.tag == Tag.PKESK and head.recipient in (fingerprint, key_id)
    return named and [p.tag for p in rest] == [Tag.SEIPD]


def _parsed(certificate: bytes, keep: Address | None = None) -> Certificate:
    try:
        return parse(certificate, keep)
    except Malformed:
        raise _bad_certificate() from None


def _bad_certificate() -> CannotSealOrOpen:
    return CannotSealOrOpen(
        "bad_certificate",
        _("this is not one OpenPGP certificate that can be used here"),
        _("Ask them for their card again."),
    )
