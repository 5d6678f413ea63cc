"""Taking a certificate in: merged with the copy at hand, minimised, and kept. Whose it is, is another question.

All parsing happens in the opener's child; the desk moves bytes and facts.
"""

from __future__ import annotations

from collections.abc import Sequence

from dearly.desk.desk import Desk
from dearly.drawer import keyring
from dearly.letter.errors import Refused
from dearly.seal.values import CertificateFacts


async def take_in(desk: Desk, certificate: bytes, source: str) -> CertificateFacts:
    """Keep a foreign certificate; its facts, after merging. `source`: card, autocrypt, signature, gossip,
    enclosed, file or hand.

    A revocation in either copy stays (A16). Raises `CannotSealOrOpen` (bad_certificate)."""
    facts, _news = await _take_in(desk, certificate, source)
    return facts


class AtHand:
    """The certificates in the drawer, each looked up once while several letters are read. What is taken in by it is
    known at once; what others take in meanwhile may not be."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._found: dict[tuple[str, ...], list[keyring.StoredCertificate]] = {}
        self.changes = 0
        """How often something was stored by this."""

    async def find(self, key_ids: Sequence[str]) -> list[bytes]:
        """Every certificate with one of these key ids or fingerprints (`keyring.certificates_by_key_ids`)."""
        return [one.body for one in await self._look(tuple(key_ids))]

    async def known(self, fingerprint: str) -> keyring.StoredCertificate | None:
        """The certificate with this fingerprint of its primary key."""
        seen = (one for found in self._found.values() for one in found if one.fingerprint == fingerprint)
        if (one := next(seen, None)) is not None:
            return one
        return next((one for one in await self._look((fingerprint,)) if one.fingerprint == fingerprint), None)

    async def take_in(self, certificate: bytes, source: str) -> tuple[CertificateFacts, bool]:
        """As `take_in`; and whether anything in it was new."""
        facts, news = await _take_in(self._desk, certificate, source)
        if news:
            self._found.clear()
            self.changes += 1
        return facts, news

    async def _look(self, key_ids: tuple[str, ...]) -> list[keyring.StoredCertificate]:
        found = self._found.get(key_ids)
        if found is None:
            at = self.changes
            found = await self._desk.drawer.read(lambda db: keyring.certificates_by_key_ids(db, key_ids))
            if at == self.changes:  # else it may be older than what was stored meanwhile
                self._found[key_ids] = found
        return found


async def _take_in(desk: Desk, certificate: bytes, source: str) -> tuple[CertificateFacts, bool]:
    minimal, facts = await desk.opener.read_certificate(certificate, desk.clock.now())
    while True:
        try:
            return await _merge(desk, minimal, facts, source)
        except Refused as other:
            if other.code != "changed_meanwhile":
                raise  # else another copy came in between: merge onto that one


async def _merge(desk: Desk, minimal: bytes, facts: CertificateFacts, source: str) -> tuple[CertificateFacts, bool]:
    now = desk.clock.now()
    known = await desk.drawer.read(lambda db: keyring.certificate(db, facts.fingerprint))
    if known is not None:
        if known.body == minimal:
            return facts, False
        minimal = await desk.opener.merge(known.body, minimal)
    merged = await desk.opener.examine(minimal, now)
    if known is not None and known.body == minimal:
        return merged, False
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
    return merged, True
