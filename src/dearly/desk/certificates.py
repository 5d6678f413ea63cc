"""Taking a certificate in: merged with the copy at hand, minimised, and kept. Whose it is, is another question.

All parsing happens in the opener's child; the desk moves bytes and facts.
"""

from __future__ import annotations

from dearly.desk.desk import Desk
from dearly.drawer import keyring
from dearly.letter.errors import Refused
from dearly.seal.trust import CertificateFacts


async def take_in(desk: Desk, certificate: bytes, source: str) -> CertificateFacts:
    """Keep a foreign certificate; its facts, after merging. `source`: card, autocrypt, signature, gossip,
    enclosed, file or hand.

    A revocation in either copy stays (A16). Raises `CannotSealOrOpen` (bad_certificate)."""
    minimal, facts = await desk.opener.read_certificate(certificate, desk.clock.now())
    while True:
        try:
            return await _merge(desk, minimal, facts, source)
        except Refused as other:
            if other.code != "changed_meanwhile":
                raise  # else another copy came in between: merge onto that one


async def _merge(desk: Desk, minimal: bytes, facts: CertificateFacts, source: str) -> CertificateFacts:
    now = desk.clock.now()
    known = await desk.drawer.read(lambda db: keyring.certificate(db, facts.fingerprint))
    if known is not None:
        if known.body == minimal:
            return facts
        minimal = await desk.opener.merge(known.body, minimal)
    merged = await desk.opener.examine(minimal, now)
    if known is not None and known.body == minimal:
        return merged  # nothing new in it
    stored = keyring.StoredCertificate(
        fingerprint=merged.fingerprint,
        body=minimal,
        key_ids=merged.key_ids,
        created=merged.created,
        expires=merged.expires,
        revoked=merged.revoked,
        quantum_safe=merged.quantum_safe,
        source=known.source if known else source,
    )
    onto = known.body if known else None
    await desk.drawer.write(lambda db: keyring.put_certificate(db, stored, merged_onto=onto, now=now))
    return merged
