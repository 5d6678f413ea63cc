"""ASCII armor (RFC 9580 6): the printable dress of sealed bytes and certificates."""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Iterable

import pybase64
from anycrc import Model

from dearly.seal.packets import Malformed
from dearly.seal.pieces import Piece, cut

_CRC24 = Model("CRC24-OPENPGP")
_LINE = 76
_ROWS = 1024
_PAGE = struct.Struct(f"{_LINE}s" * _ROWS)
"""Cuts many lines in one call: lines are a third of the cost of sealing a large letter otherwise."""

_BEGIN = re.compile(
    rb"\s*-----BEGIN PGP (MESSAGE|PUBLIC KEY BLOCK|PRIVATE KEY BLOCK|SIGNATURE)-----[ \t]*\r?\n"
    rb"(?:[!-9;-~]+:[^\n]*\n)*[ \t]*\r?\n"
)


def armor(data: bytes, kind: str = "MESSAGE") -> bytes:
    """`data` in armor: CRLF, no armor headers, and the CRC-24 that RFC 9580 6.1 makes optional.

    We write it because a filter in use cuts the armor at its last `=`, which is else the padding of the data."""
    return armor_parts([data], kind)


def armor_parts(parts: Iterable[Piece], kind: str = "MESSAGE") -> bytes:
    """The same for data that comes in parts."""
    name, check = kind.encode(), 0xB704CE
    out = [b"-----BEGIN PGP %b-----\r\n" % name]
    for piece in cut(parts, _LINE * _ROWS // 4 * 3):
        check = _CRC24.calc(piece, check)
        text = pybase64.b64encode(piece)
        if len(text) == _PAGE.size:
            lines = _PAGE.unpack(text)
        else:
            lines = tuple(text[at : at + _LINE] for at in range(0, len(text), _LINE))
        out.append(b"\r\n".join((b"", *lines)))
    out += [b"\r\n=", pybase64.b64encode(check.to_bytes(3, "big")), b"\r\n-----END PGP %b-----\r\n" % name]
    return b"".join(out)


def dearmor(text: bytes) -> bytes:
    """The bytes in the armor; what is not armored is returned as it is. Raises `Malformed`.

    Nothing but white space may stand around the armor (A10). The CRC is not looked at: RFC 9580 6.1 forbids to refuse
    by it, and the seal proves more."""
    if text[:1] >= b"\x80":
        return text
    begin = _BEGIN.match(text)
    if not begin:
        raise Malformed("no armor")
    end = text.find(b"-----END PGP %b-----" % begin[1], begin.end())
    if end < 0 or text[end + 18 + len(begin[1]) :].strip():
        raise Malformed("no end of the armor, or something behind it")
    stop = text.rfind(b"\n=", begin.end() - 1, end)
    if stop < 0 or len(text[stop:end].strip()) != 5:
        stop = end
    try:
        return pybase64.b64decode(memoryview(text)[begin.end() : stop])
    except binascii.Error:
        raise Malformed("bad armor") from None
