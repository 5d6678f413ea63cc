"""ASCII armor (RFC 9580 6): the printable dress of sealed bytes and certificates."""

from __future__ import annotations

import base64
import binascii
import re
import struct

from anycrc import Model

from dearly.seal.packets import Malformed

_CRC24 = Model("CRC24-OPENPGP")
_LINE = 76
_ROWS = 1024
_PAGE = struct.Struct(f"{_LINE}s" * _ROWS)
"""Cuts many lines in one call: lines are a third of the cost of sealing a large letter otherwise."""

_BEGIN = re.compile(
    rb"\s*-----BEGIN PGP (MESSAGE|PUBLIC KEY BLOCK|PRIVATE KEY BLOCK)-----[ \t]*\r?\n"
    rb"(?:[!-9;-~]+:[^\n]*\n)*[ \t]*\r?\n"
)


def armor(data: bytes, kind: str = "MESSAGE") -> bytes:
    """`data` in armor: CRLF, no armor headers, and the CRC-24 that RFC 9580 6.1 makes optional.

    We write it because a filter in use cuts the armor at its last `=`, which is else the padding of the data."""
    text = base64.b64encode(data)
    page = _LINE * _ROWS
    whole = len(text) // page
    lines: list[bytes] = []
    for at in range(0, whole * page, page):
        lines += _PAGE.unpack_from(text, at)
    lines += [text[at : at + _LINE] for at in range(whole * page, len(text), _LINE)]
    check = base64.b64encode(int(_CRC24.calc(data)).to_bytes(3, "big"))
    name = kind.encode()
    return b"\r\n".join(
        [b"-----BEGIN PGP %b-----" % name, b"", *lines, b"=" + check, b"-----END PGP %b-----" % name, b""]
    )


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
        return binascii.a2b_base64(memoryview(text)[begin.end() : stop])
    except binascii.Error:
        raise Malformed("bad armor") from None
