"""Sealed letters as MIME: RFC 3156 section 4 out and in, and where in the original bytes the OpenPGP message lies."""

from __future__ import annotations

from dearly.letter.address import Address
from dearly.letter.content import Letter
from dearly.letter.envelope import SealedBytes
from dearly.letter.sealing import Shape
from dearly.mime.bounded import sealed_shape
from dearly.mime.outline import Outline, Slice

__all__ = ["sealed_shape", "sealed_slice", "shape", "wrap"]


def wrap(letter: Letter, armored: bytes, sender: Address) -> SealedBytes:
    """The message as a carrier takes it: the neutral outer header of `write.outer_headers` and the two parts of
    RFC 3156 section 4. `armored` as `seal` makes it: CRLF, no armor headers, with a CRC-24 line.

    Raises `Usage` (sender_differs) when `sender` is not the letter's own address."""
    raise NotImplementedError


def shape(raw: bytes, outline: Outline | None = None) -> tuple[Shape, bytes | None]:
    """What the outside is, and the armored OpenPGP message ("-----BEGIN" to "-----END ...-----") when it is SEALED.

    SEALED is exactly: a root multipart/encrypted with protocol application/pgp-encrypted and two leaf parts, the
    second one armor and nothing else (RFC 3156 4); or a root text/plain whose whole body is one armor (A10).
    MALFORMED says multipart/encrypted and is not that. All else is PLAIN, also sealed parts further down (A01, A06).
    Pass the outline if it is at hand. Raises `Unreadable` as `read.outline` does."""
    raise NotImplementedError


def sealed_slice(raw: bytes, outline: Outline | None = None) -> Slice | None:
    """Where the armored OpenPGP message lies in `raw`, or None: not SEALED, or transfer-encoded on the way
    (then only `shape` gives its bytes). Raises `Unreadable` as `read.outline` does."""
    raise NotImplementedError
