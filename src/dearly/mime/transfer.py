"""Transfer encodings (RFC 2045 6): exact on the way out, forgiving on the way in."""

from __future__ import annotations

import binascii
import re
from functools import lru_cache

CRLF = b"\r\n"

_UNSAFE = re.compile(rb"[^\t !-<>-~]")
_PADDED_SOFT_BREAK = re.compile(rb"=[ \t]+(?=\r?\n|\Z)")
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
MOST_UUENCODED = 16 * 1024 * 1024
"""Octets of an old encoding that nobody sends large files in any more."""

_PLAIN = frozenset({"7bit", "8bit", "binary"})

_SHORT = 1 << 16
"""Octets that are remembered for a moment: the text of a letter is looked at for an armor, for a signature around it,
for one within it, and then read."""

_LINE = 73
"""Octets of a quoted-printable line before its soft break, so that escaping its start still keeps it within 76."""


def quoted_printable(text: str) -> bytes:
    """`text` with line ends "\\n" as quoted-printable UTF-8 (RFC 2045 6.7), CRLF, no line over 76.

    Survives everything that carriers do to text: "From " and "." at a line's start, blanks at its end, NUL and CR
    are all escaped. Does not end with CRLF unless `text` ends a line."""
    out: list[bytes] = []
    for line in text.encode().split(b"\n"):
        escaped = _UNSAFE.sub(lambda found: b"=%02X" % found[0][0], line)
        if escaped[-1:] in (b" ", b"\t"):
            escaped = escaped[:-1] + b"=%02X" % escaped[-1]
        while len(escaped) > _LINE + 1:
            cut = _LINE - (2 if escaped[_LINE - 2] == 0x3D else 1 if escaped[_LINE - 1] == 0x3D else 0)
            out.append(_armoured_start(escaped[:cut]) + b"=\r\n")
            escaped = escaped[cut:]
        out += (_armoured_start(escaped), CRLF)
    return b"".join(out[:-1])


def _armoured_start(line: bytes) -> bytes:
    if line.startswith(b"From "):
        return b"=46" + line[1:]
    return b"=2E" + line[1:] if line.startswith(b".") else line


def base64_lines(data: bytes) -> bytes:
    """`data` as base64 in lines of 76, CRLF between them (RFC 2045 6.8)."""
    text = binascii.b2a_base64(data, newline=False)
    return CRLF.join(text[i : i + 76] for i in range(0, len(text), 76))


def decode(data: bytes, encoding: str) -> bytes:
    """`data` without its transfer encoding (lower case name). Unknown encodings are identity; never raises."""
    if encoding in _PLAIN:
        return data
    return _remembered(data, encoding) if len(data) <= _SHORT else _decoded(data, encoding)


@lru_cache(8)
def _remembered(data: bytes, encoding: str) -> bytes:
    return _decoded(data, encoding)


def forget() -> None:
    """Let go of what is remembered: by whoever reads something else next, which must not meet it."""
    _remembered.cache_clear()


def _decoded(data: bytes, encoding: str) -> bytes:
    match encoding:
        case "quoted-printable":
            return binascii.a2b_qp(_PADDED_SOFT_BREAK.sub(b"=", data))
        case "base64":
            return _base64(data)
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            return _uuencoded(data)
        case _:
            return data


def _base64(data: bytes) -> bytes:
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        # Cut short, or with foreign lines after it: what comes before the padding, as far as it goes.
        alphabet = data.partition(b"=")[0].translate(None, _NOT_BASE64)
        if len(alphabet) % 4 == 1:
            alphabet = alphabet[:-1]
        return binascii.a2b_base64(alphabet + b"=" * (-len(alphabet) % 4))


def _uuencoded(data: bytes) -> bytes:
    if len(data) > MOST_UUENCODED:
        return data
    out: list[bytes] = []
    for line in data.splitlines():
        if line.startswith(b"begin ") or line.strip() in (b"`", b""):
            continue
        if line.rstrip() == b"end":
            break
        # The first octet counts what the line means; trailing blanks that were lost or gained on the way are no loss,
        # a line that says far more than it holds is no line.
        needed = (((line[0] - 32) & 63) + 2) // 3 * 4 + 1
        if len(line) + 4 < needed:
            return data
        try:
            out.append(binascii.a2b_uu(line[:needed]))
        except binascii.Error:
            return data
    return b"".join(out) if out else data
