"""The office's own look at a parcel: is it sealed and nothing else? One pass, fixed caps, no parser behind it.

It knows less MIME than `read` on purpose: one way to build a sealed letter, and no room for clear text beside it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from functools import lru_cache

LONGEST_HEADER = 64 * 1024
LONGEST_PART_HEADER = 2 * 1024
MOST_KEYS = 128
"""PKESK and SKESK packets, one for each recipient (A26)."""

LONGEST_KEY = 16 * 1024
"""Octets of one PKESK packet; ML-KEM-1024 needs less than 2,000."""

_FIELD = re.compile(rb"[!-9;-~]{1,100}:[^\x00\r\n]*\Z")
_CONTENT_TYPE = re.compile(
    rb'[ \t]*([A-Za-z/-]{1,60})((?:[ \t]*;[ \t]*[A-Za-z-]{1,40}=(?:"[^"\\]{0,200}"|[^\s";\\]{1,200}))*)[ \t]*\Z'
)
_PARAMETER = re.compile(rb'([A-Za-z-]+)=(?:"([^"]*)"|([^\s";]+))')
_BOUNDARY = re.compile(rb"[A-Za-z0-9'()+_,./:=? -]{0,69}[A-Za-z0-9'()+_,./:=?-]\Z")
_CRC = re.compile(rb"\r\n=[A-Za-z0-9+/]{4}\Z")
_BEGIN = b"-----BEGIN PGP MESSAGE-----\r\n\r\n"
_END = b"\r\n-----END PGP MESSAGE-----"
_IDENTITY = (b"", b"7bit", b"8bit", b"binary")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_PKESK, _SKESK, _SEIPD = 1, 3, 18


def sealed_shape(raw: bytes) -> bool:
    """Whether these bytes are exactly a sealed letter as a chatmail relay demands it.

    CRLF line ends only; one multipart/encrypted with protocol application/pgp-encrypted; two parts, the first saying
    "Version: 1", the second one ASCII armor without armor headers, holding PKESK and SKESK packets and then one
    SEIPD packet to the end (RFC 3156 4, RFC 9580 4 and 6.2). Linear in the length of `raw`; opens nothing."""
    if not raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n"):
        return False
    armor = _armor(raw)
    return armor is not None and _sealed_packets(armor)


def _armor(raw: bytes) -> bytes | None:
    """The base64 text of the second part without line ends and checksum, if all around it is as it must be."""
    at = raw.find(b"\r\n\r\n", 0, LONGEST_HEADER) + 4
    head = _fields(raw[: max(0, at - 4)])
    media_type, parameters = _content_type(head)
    boundary = parameters.get(b"boundary", b"")
    if media_type != b"multipart/encrypted" or not _BOUNDARY.match(boundary):
        return None
    if parameters.get(b"protocol", b"").lower() != b"application/pgp-encrypted" or not _is_identity(head):
        return None
    at = _after_empty_lines(raw, at)
    line = b"--" + boundary
    if not raw.startswith(line + b"\r\n", at):
        return None
    control, at = _part(raw, at + len(line) + 2)
    if control != b"application/pgp-encrypted":
        return None
    next_line = raw.find(line, at, at + 200)
    if next_line < 0 or raw[at:next_line].strip(b"\r\n") != b"Version: 1" or raw[next_line - 2 : next_line] != b"\r\n":
        return None
    if not raw.startswith(line + b"\r\n", next_line):
        return None
    sealed, at = _part(raw, next_line + len(line) + 2)
    if sealed != b"application/octet-stream":
        return None
    at = _after_empty_lines(raw, at)
    stop = raw.rfind(_END)
    if not raw.startswith(_BEGIN, at) or stop < at + len(_BEGIN) - 2:
        return None
    closing = raw[stop + len(_END) :]
    if len(closing) > 200 or closing.strip(b"\r\n") != line + b"--" or not closing.startswith(b"\r\n"):
        return None
    text = raw[at + len(_BEGIN) : stop]
    return text[: -len(b"\r\n=abcd") if _CRC.search(text, max(0, len(text) - 7)) else None].translate(None, b"\r\n")


def _part(raw: bytes, start: int) -> tuple[bytes, int]:
    """The media type in the header section at `start`, as `_part_type`, and where its body begins."""
    end = raw.find(b"\r\n\r\n", start, start + LONGEST_PART_HEADER)
    return (_part_type(raw[start:end]), end + 4) if end > start else (b"", len(raw))


@lru_cache(maxsize=64)
def _part_type(header: bytes) -> bytes:
    """The media type of a part whose bytes stand as they are, b"" of any other. Remembered: a program writes the
    same few again and again."""
    head = _fields(header)
    return _content_type(head)[0] if _is_identity(head) else b""


def _fields(header: bytes) -> dict[bytes, list[bytes]]:
    """The fields of a header section by lower-case name; {} if it is not one."""
    fields: dict[bytes, list[bytes]] = {}
    for line in re.sub(rb"\r\n([ \t])", rb"\1", header).split(b"\r\n"):
        if not _FIELD.match(line):
            return {}
        name, _colon, value = line.partition(b":")
        fields.setdefault(name.lower(), []).append(value)
    return fields


def _content_type(head: dict[bytes, list[bytes]]) -> tuple[bytes, dict[bytes, bytes]]:
    values = head.get(b"content-type", [])
    found = _CONTENT_TYPE.match(values[0]) if len(values) == 1 else None
    if found is None:
        return b"", {}
    pairs = [(m[1].lower(), m[2] if m[2] is not None else m[3]) for m in _PARAMETER.finditer(found[2])]
    return (found[1].lower(), dict(pairs)) if len({name for name, _value in pairs}) == len(pairs) else (b"", {})


def _is_identity(head: dict[bytes, list[bytes]]) -> bool:
    values = head.get(b"content-transfer-encoding", [b""])
    return len(values) == 1 and values[0].strip().lower() in _IDENTITY


def _after_empty_lines(raw: bytes, at: int) -> int:
    for _number in range(4):
        if raw.startswith(b"\r\n", at):
            at += 2
    return at


def _sealed_packets(text: bytes) -> bool:
    """Whether this base64 holds PKESK and SKESK packets and then one SEIPD to its end. Only their headers are decoded
    (RFC 9580 4.2)."""
    data = text.rstrip(b"=")
    pads = len(text) - len(data)
    if pads > 2 or len(text) % 4 or data.translate(None, _ALPHABET):
        return False
    size = len(text) // 4 * 3 - pads

    def octets(at: int, count: int) -> bytes:
        group = at // 3
        window = binascii.a2b_base64(text[group * 4 : ((at + count) // 3 + 1) * 4])
        return window[at - group * 3 : at - group * 3 + count]

    at = 0
    for number in range(MOST_KEYS + 1):
        header = octets(at, 6)
        if len(header) < 6:
            return False
        tag, length, header_size = _packet(header)
        if tag == _SEIPD:
            return number > 0 and _fills(octets, at, size)
        if tag not in (_PKESK, _SKESK) or length is None or length > LONGEST_KEY:
            return False
        at += header_size + length
    return False


def _packet(header: bytes) -> tuple[int, int | None, int]:
    """Tag, length (None: partial or indeterminate) and size of a packet's header (RFC 9580 4.2.1, 4.2.2)."""
    first = header[0]
    if first & 0xC0 == 0xC0:
        length, size = _new_length(header[1:])
        return first & 0x3F, length, size + 1
    if first & 0xC0 == 0x80 and first & 3 != 3:
        octets = 1 << (first & 3)
        return first >> 2 & 15, int.from_bytes(header[1 : 1 + octets], "big"), 1 + octets
    return 0, None, 1


def _new_length(octets: bytes) -> tuple[int | None, int]:
    first = octets[0]
    if first < 192:
        return first, 1
    if first < 224:
        return (first - 192 << 8) + octets[1] + 192, 2
    if first == 255:
        return int.from_bytes(octets[1:5], "big"), 5
    return None, 1


def _fills(octets: Callable[[int, int], bytes], at: int, size: int) -> bool:
    """Whether the SEIPD packet at `at` is version 1 or 2 and ends exactly at `size`, in one or in partial lengths."""
    if octets(at, 1)[0] & 0xC0 != 0xC0:
        return False
    at += 1
    first = True
    # RFC 9580 4.2.1.4: the first partial length is at least 512, so an honest packet has few.
    for _number in range(size // 256 + 16):
        header = octets(at, 6)
        if not header or (header[0] == 255 and len(header) < 5):
            return False
        length, header_size = _new_length(header + b"\0")
        begun, first = first, False
        if begun and header[header_size : header_size + 1] not in (b"\x01", b"\x02"):
            return False
        if length is not None:
            return at + header_size + length == size
        length = 1 << (header[0] & 0x1F)
        if begun and length < 512:
            return False
        at += header_size + length
        if at >= size:
            return False
    return False
