"""Sealed letters as MIME: RFC 3156 section 4 out and in, and where in the original bytes the OpenPGP message lies."""

from __future__ import annotations

import re
from hashlib import sha256

from dearly.letter.address import Address
from dearly.letter.content import Letter
from dearly.letter.envelope import SealedBytes
from dearly.letter.sealing import Shape
from dearly.mime import transfer
from dearly.mime.bounded import sealed_shape
from dearly.mime.entity import Entity, multipart
from dearly.mime.outline import Outline, Part, Slice
from dearly.mime.read import outline as read_outline
from dearly.mime.write import Introduction, outer_headers

__all__ = ["sealed_shape", "sealed_slice", "shape", "wrap"]

_BEGIN = b"-----BEGIN PGP MESSAGE-----"
_END = b"-----END PGP MESSAGE-----"
# RFC 9580 6.2.2 and the programs before it; what they say is not believed.
_ARMOR_HEADER = re.compile(rb"(?:Version|Comment|MessageID|Charset|Hash): [^\r\n]{0,200}\Z")
_ARMOR_CHARS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n"
MOST_ARMOR_HEADERS = 20
LONGEST_ARMOR_HEAD = 8 * 1024


def wrap(letter: Letter, armored: bytes, sender: Address, autocrypt: Introduction | None = None) -> SealedBytes:
    """The message as a carrier takes it: the neutral outer header of `write.outer_headers` and the two parts of
    RFC 3156 section 4. `autocrypt`: for it, and only where `render` was told of it. `armored` as `seal` makes it:
    CRLF, no armor headers, with a CRC-24 line.

    Raises `Usage` (sender_differs) when `sender` is not the letter's own address."""
    parts = (Entity("application/pgp-encrypted", b"Version: 1\r\n"), Entity("application/octet-stream", armored))
    boundary = sha256(armored).hexdigest()[:32]
    whole = multipart("encrypted", parts, boundary, (("protocol", "application/pgp-encrypted"),))
    return SealedBytes(outer_headers(letter, sender, autocrypt) + whole.whole())


def shape(raw: bytes, outline: Outline | None = None) -> tuple[Shape, bytes | None]:
    """What the outside is, and the armored OpenPGP message ("-----BEGIN" to "-----END ...-----") when it is SEALED.

    SEALED is exactly: a root multipart/encrypted with protocol application/pgp-encrypted and two leaf parts, the
    second one armor and nothing else (RFC 3156 4); or a root text/plain whose whole body is one armor (A10).
    MALFORMED says multipart/encrypted and is not that. All else is PLAIN, also sealed parts further down (A01, A06).
    Pass the outline if it is at hand. Raises `Unreadable` as `read.outline` does."""
    outline = outline or read_outline(raw)
    part = _sealed_part(raw, outline)
    if part is not None:
        data = transfer.decode(raw[part.body : part.end], part.cte)
        if found := _one_armor(data):
            return Shape.SEALED, found.of(data)
    return (Shape.MALFORMED if outline.root.content_type == "multipart/encrypted" else Shape.PLAIN), None


def sealed_slice(raw: bytes, outline: Outline | None = None) -> Slice | None:
    """Where the armored OpenPGP message lies in `raw`, or None: not SEALED, or transfer-encoded on the way
    (then only `shape` gives its bytes). Raises `Unreadable` as `read.outline` does."""
    outline = outline or read_outline(raw)
    part = _sealed_part(raw, outline)
    if part is None or part.cte in ("base64", "quoted-printable") or "uu" in part.cte:
        return None
    found = _one_armor(raw[part.body : part.end])
    return Slice(part.body + found.start, part.body + found.end) if found else None


def _sealed_part(raw: bytes, outline: Outline) -> Part | None:
    """The part that holds nothing but the armor, if the letter is built as one sealed letter is."""
    root = outline.root
    if root.content_type == "text/plain" and not root.container:
        return root
    protocol = root.parameters.get("protocol", "").lower()
    if root.content_type != "multipart/encrypted" or protocol != "application/pgp-encrypted":
        return None
    if len(outline.parts) != 3 or any(part.container for part in outline.parts[1:]):
        return None
    control, sealed = outline.parts[1:]
    if control.content_type != "application/pgp-encrypted" or sealed.content_type != "application/octet-stream":
        return None
    version = transfer.decode(raw[control.body : control.end], control.cte).strip().lower()
    return sealed if version == b"version: 1" else None


def _one_armor(data: bytes) -> Slice | None:
    """Where in `data` the one armor lies, if there is nothing else but white space around it (RFC 9580 6.2)."""
    start = len(data) - len(data.lstrip())
    stop = len(data.rstrip())
    if not data.startswith(_BEGIN, start) or not data.endswith(_END, start, stop) or data.count(b"-----") != 4:
        return None
    first_line, *more = data[start : start + LONGEST_ARMOR_HEAD].split(b"\n", MOST_ARMOR_HEADERS + 1)
    lines_at = start + len(first_line) + 1
    if first_line.strip() != _BEGIN:
        return None
    for line in more:
        lines_at += len(line) + 1
        if not line.strip():
            break
        if not _ARMOR_HEADER.match(line.strip()):
            return None
    else:
        return None
    text = data[lines_at : stop - len(_END)]
    if not text.strip() or text.translate(None, _ARMOR_CHARS):
        return None
    return Slice(start, stop)
