"""Sealed letters in form only: what a carrier and an office may look at is right, and nobody can open them.

They carry no key and cost no cryptography, so that the tests of the ways can make thousands.
"""

from __future__ import annotations

import base64
import hashlib
from random import Random

from anycrc import Model

from dearly.letter.address import Address
from dearly.letter.content import LetterId
from dearly.letter.envelope import Envelope, SealedBytes, SealedLetter

ADA = Address.parse("ada@letters.test")
BERT = Address.parse("bert@letters.test")
CLARA = Address.parse("clara@letters.test")
DORA = Address.parse("dora@letters.test")

_crc24 = Model("CRC24-OPENPGP")


def _packet(tag: int, body: bytes) -> bytes:
    """An OpenPGP packet with a five-octet length (RFC 9580 4.2.1)."""
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def fake_slice(seed: int, size: int, keys: int = 2) -> bytes:
    """Octets that have the outer form of a sealed message of about `size` octets: PKESKs, then one SEIPD."""
    chance = Random(seed)
    pkesk = b"".join(_packet(1, b"\x03" + chance.randbytes(9 + 80)) for _ in range(keys))
    return pkesk + _packet(18, b"\x01" + chance.randbytes(size))


def armored(octets: bytes) -> bytes:
    """ASCII armor with checksum, CRLF line ends (RFC 9580 6.2)."""
    text = base64.b64encode(octets)
    lines = [text[i : i + 76] for i in range(0, len(text), 76)]
    crc = b"=" + base64.b64encode(int(_crc24.calc(octets)).to_bytes(3, "big"))
    return b"\r\n".join([b"-----BEGIN PGP MESSAGE-----", b"", *lines, crc, b"-----END PGP MESSAGE-----", b""])


def fake_letter(
    seed: int, *to: Address, sender: Address = ADA, size: int = 300, letter_id: LetterId | None = None
) -> SealedLetter:
    """Letter number `seed` from `sender`: always the same bytes and the same key for the same arguments."""
    recipients = to or (BERT,)
    letter_id = letter_id or LetterId(f"letter{seed}@{sender.domain}")
    octets = fake_slice(seed, size)
    # The form of RFC 3156 section 4, as the whole of a message (RFC 5322), CRLF throughout.
    data = b"\r\n".join(
        [
            f"From: {sender}".encode(),
            f"To: {', '.join(str(r) for r in recipients)}".encode(),
            b"Date: Sun, 01 Mar 2026 09:00:00 +0000",
            f"Message-ID: <{letter_id}>".encode(),
            b"Subject: [...]",
            b"MIME-Version: 1.0",
            b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";',
            b' boundary="fold-of-the-envelope"',
            b"",
            b"--fold-of-the-envelope",
            b"Content-Type: application/pgp-encrypted",
            b"",
            b"Version: 1",
            b"",
            b"--fold-of-the-envelope",
            b'Content-Type: application/octet-stream; name="encrypted.asc"',
            b'Content-Disposition: inline; filename="encrypted.asc"',
            b"",
            armored(octets) + b"--fold-of-the-envelope--",
            b"",
        ]
    )
    return SealedLetter(
        envelope=Envelope(sender, tuple(recipients)),
        letter_id=letter_id,
        data=SealedBytes(data),
        seal_sha256=hashlib.sha256(octets).digest(),
        key=hashlib.sha256(b"a visibly fake key" + data).hexdigest()[:32],
    )
