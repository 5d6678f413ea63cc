"""Keys: our own, and other people's certificates. Whose a certificate is, and how sure we are, says `bindings`.

A certificate is kept once, merged (A16) and minimised (A15); both is done outside, where foreign bytes are parsed,
and handed in. Fingerprints and key ids are lower-case hex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dearly.drawer.bindings import (
    IN_USE,
    BindingState,
    Bound,
    binding,
    bindings,
    decide,
    mark_used,
    saw,
    standing,
)
from dearly.drawer.connection import Db
from dearly.drawer.rows import maybe, moment, stamp
from dearly.letter.errors import NotFound, Refused
from dearly.letter.words import _

__all__ = [
    "IN_USE",
    "BindingState",
    "Bound",
    "StoredCertificate",
    "StoredKey",
    "add_old_key",
    "binding",
    "bindings",
    "certificate",
    "certificates_by_key_ids",
    "decide",
    "mark_used",
    "own_key",
    "own_keys",
    "put_certificate",
    "ring",
    "saw",
    "set_own_key",
    "standing",
]

_MOST = 64
"""Key ids looked up, and certificates found, for one letter (A26)."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """Our own key. `secret`: as `seal.keys.OwnKey.to_bytes` wrote it. `certificate`: sent byte for byte. `retired`:
    aware UTC; a retired key still opens old letters."""

    fingerprint: str
    secret: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    made: datetime
    retired: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """Someone's certificate: merged and minimised. `key_ids`: every id a signature may name as its issuer. `source`:
    where it was first seen: card, autocrypt, signature or hand."""

    fingerprint: str
    body: bytes = field(repr=False)
    key_ids: tuple[str, ...]
    created: datetime
    expires: datetime | None
    revoked: bool
    quantum_safe: bool
    source: str


def set_own_key(db: Db, key: StoredKey, now: datetime) -> None:
    """Keep our key: a new one becomes the one in use and retires the one before; the same one again (with an address
    more or less) is replaced."""
    db.run(
        "UPDATE own_keys SET retired = ? WHERE retired IS NULL AND fingerprint <> ?",
        (stamp(now), key.fingerprint),
    )
    db.run(
        "INSERT INTO own_keys (fingerprint, secret, certificate, made, changed) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (fingerprint) DO UPDATE SET secret = excluded.secret, certificate = excluded.certificate,"
        " changed = excluded.changed, retired = NULL",
        (key.fingerprint, key.secret, key.certificate, stamp(key.made), stamp(now)),
    )


def add_old_key(db: Db, key: StoredKey, now: datetime) -> bool:
    """Keep a key that only opens old letters: it is never in use. Whether it was new here."""
    there = db.one("SELECT 1 FROM own_keys WHERE fingerprint = ?", (key.fingerprint,))
    if there is None:
        db.run(
            "INSERT INTO own_keys (fingerprint, secret, certificate, made, changed, retired) VALUES (?, ?, ?, ?, ?, ?)",
            (key.fingerprint, key.secret, key.certificate, stamp(key.made), stamp(now), stamp(now)),
        )
    return there is None


def ring(db: Db) -> bytes:
    """The secrets of all our keys, for the keyholder: the one in use first. Raises as `own_key`."""
    return b"".join((own_key(db).secret, *(key.secret for key in own_keys(db)[1:])))


def own_key(db: Db) -> StoredKey:
    """The key in use. Raises `NotFound` (no_own_key) before set-up."""
    keys = own_keys(db)
    if not keys or keys[0].retired is not None:
        raise NotFound("no_own_key", _("This desk has no key of its own yet."), _("“dearly setup” makes one."))
    return keys[0]


def own_keys(db: Db) -> list[StoredKey]:
    """Every key of ours, the one in use first: old letters need old keys."""
    return [
        StoredKey(fingerprint, secret, body, moment(made), maybe(retired))
        for fingerprint, secret, body, made, retired in db.each(
            "SELECT fingerprint, secret, certificate, made, retired FROM own_keys"
            " ORDER BY retired IS NOT NULL, retired DESC"
        )
    ]


def put_certificate(db: Db, certificate: StoredCertificate, *, merged_onto: bytes | None, now: datetime) -> None:
    """Keep a certificate. `merged_onto`: the stored body that the merge started from, None when there was none.

    Raises `Refused` (changed_meanwhile) when another body was stored since: merge again, so that neither a revocation
    nor a new subkey is lost."""
    stored = db.value("SELECT body FROM certificates WHERE fingerprint = ?", (certificate.fingerprint,))
    if stored != merged_onto and stored != certificate.body:
        raise Refused(
            "changed_meanwhile", _("This key was brought up to date by something else meanwhile."), retry=True
        )
    db.run(
        "INSERT INTO certificates"
        " (fingerprint, body, source, created, expires, revoked, quantum_safe, first_seen, changed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (fingerprint) DO UPDATE SET body = excluded.body, created = excluded.created,"
        " expires = excluded.expires, revoked = excluded.revoked, quantum_safe = excluded.quantum_safe,"
        " changed = excluded.changed",
        (
            certificate.fingerprint,
            certificate.body,
            certificate.source,
            stamp(certificate.created),
            None if certificate.expires is None else stamp(certificate.expires),
            certificate.revoked,
            certificate.quantum_safe,
            stamp(now),
            stamp(now),
        ),
    )
    db.run("DELETE FROM certificate_keys WHERE fingerprint = ?", (certificate.fingerprint,))
    db.many(
        "INSERT INTO certificate_keys (key_id, fingerprint) VALUES (?, ?)",
        [(key_id, certificate.fingerprint) for key_id in sorted({*certificate.key_ids, certificate.fingerprint})],
    )


def certificate(db: Db, fingerprint: str) -> StoredCertificate | None:
    """The certificate with this fingerprint of its primary key (lower-case hex)."""
    row = db.one(
        "SELECT fingerprint, body, source, created, expires, revoked, quantum_safe FROM certificates"
        " WHERE fingerprint = ?",
        (fingerprint,),
    )
    if row is None:
        return None
    fingerprint, body, source, created, expires, revoked, quantum_safe = row
    key_ids = tuple(
        key_id
        for (key_id,) in db.each(
            "SELECT key_id FROM certificate_keys WHERE fingerprint = ? ORDER BY key_id", (fingerprint,)
        )
    )
    return StoredCertificate(
        fingerprint,
        body,
        key_ids,
        moment(created),
        maybe(expires),
        revoked=bool(revoked),
        quantum_safe=bool(quantum_safe),
        source=source,
    )


def certificates_by_key_ids(db: Db, key_ids: Sequence[str]) -> list[StoredCertificate]:
    """Every certificate with one of these key ids or fingerprints (lower-case hex), each once; at most 64 ids are
    looked up, and at most 64 certificates found (A26)."""
    found: dict[str, StoredCertificate] = {}
    for key_id in list(dict.fromkeys(key_ids))[:_MOST]:
        for (fingerprint,) in db.all(
            "SELECT fingerprint FROM certificate_keys WHERE key_id = ? LIMIT ?", (key_id, _MOST)
        ):
            if fingerprint not in found and len(found) < _MOST and (known := certificate(db, fingerprint)):
                found[fingerprint] = known
    return list(found.values())
