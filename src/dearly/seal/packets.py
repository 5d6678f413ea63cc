"""OpenPGP framing: packets and multiprecision integers (RFC 9580 3.2 and 4), bounded.

Reads old and new headers, partial and indeterminate lengths; writes new headers only. Everything here is about length
and order: what a packet means stands in the other modules. `Malformed` never leaves this room.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

MOST_PACKETS = 200
"""Packets of one message, on each level. The largest honest one has a packet for each recipient and signature."""

LEAST_PARTIAL = 512
"""RFC 9580 4.2.1.4 asks for 512 octets in the first piece. We ask it of all: a million tiny pieces are no letter."""


class Malformed(Exception):
    """Bytes that are not the OpenPGP we read."""


class Tag(IntEnum):
    """Packet types (RFC 9580 5)."""

    PKESK = 1
    SIGNATURE = 2
    SKESK = 3
    ONE_PASS = 4
    SECRET_KEY = 5
    PUBLIC_KEY = 6
    SECRET_SUBKEY = 7
    COMPRESSED = 8
    SED = 9
    """Encrypted without protection against alteration: never opened (A02)."""
    MARKER = 10
    LITERAL = 11
    TRUST = 12
    USER_ID = 13
    PUBLIC_SUBKEY = 14
    USER_ATTRIBUTE = 17
    SEIPD = 18
    OCBED = 20
    """The encrypted data packet of LibrePGP, which RFC 9580 does not know."""
    PADDING = 21


_STREAMED = frozenset({Tag.COMPRESSED, Tag.SED, Tag.LITERAL, Tag.SEIPD, Tag.OCBED})
"""Only these may come in pieces or without length (RFC 9580 4.2.1.4)."""


class Packet(NamedTuple):
    """One packet, its pieces joined."""

    tag: int
    body: bytes


def length(n: int) -> bytes:
    """A length as new packet headers and subpackets write it (RFC 9580 4.2.1)."""
    if n < 192:
        return bytes([n])
    if n < 8384:
        return bytes([192 + (n - 192 >> 8), n - 192 & 255])
    return b"\xff" + struct.pack(">I", n)


def head(tag: int, size: int) -> bytes:
    """The header of a packet of that many octets."""
    return bytes([0xC0 | tag]) + length(size)


def write(tag: int, body: bytes) -> bytes:
    """A packet with its header."""
    return head(tag, len(body)) + body


def join(packets: Iterable[Packet]) -> bytes:
    """Packets, one after the other."""
    return b"".join(part for tag, body in packets for part in (head(tag, len(body)), body))


def read(data: bytes, most: int = MOST_PACKETS) -> list[Packet]:
    """All packets in `data`, which they fill to the last octet. Raises `Malformed`, also for more than `most`."""
    found: list[Packet] = []
    at = 0
    try:
        while at < len(data):
            if len(found) >= most:
                raise Malformed("too many packets")
            first = data[at]
            if not first & 0x80:
                raise Malformed("no packet header")
            packet, at = _new(data, at) if first & 0x40 else _old(data, at)
            found.append(packet)
    except (IndexError, struct.error):
        raise Malformed("cut packet") from None
    return found


def _new(data: bytes, at: int) -> tuple[Packet, int]:
    tag, at = data[at] & 63, at + 1
    pieces: list[bytes] = []
    while True:
        n, at, partial = _size(data, at)
        if partial and (tag not in _STREAMED or n < LEAST_PARTIAL):
            raise Malformed("pieces where none may be")
        pieces.append(_take(data, at, n))
        at += n
        if not partial:
            return Packet(tag, pieces[0] if len(pieces) == 1 else b"".join(pieces)), at


def _size(data: bytes, at: int) -> tuple[int, int, bool]:
    """(octets, where they begin, whether another piece follows)."""
    first = data[at]
    if first < 192:
        return first, at + 1, False
    if first < 224:
        return (first - 192 << 8) + data[at + 1] + 192, at + 2, False
    if first == 255:
        return struct.unpack_from(">I", data, at + 1)[0], at + 5, False
    return 1 << (first & 31), at + 1, True


def _old(data: bytes, at: int) -> tuple[Packet, int]:
    tag, kind, at = data[at] >> 2 & 15, data[at] & 3, at + 1
    if kind == 3:
        if tag not in _STREAMED:
            raise Malformed("no length where one must be")
        return Packet(tag, data[at:]), len(data)
    width = 1 << kind
    n = int.from_bytes(_take(data, at, width), "big")
    return Packet(tag, _take(data, at + width, n)), at + width + n


def _take(data: bytes, at: int, n: int) -> bytes:
    piece = data[at : at + n]
    if len(piece) != n:
        raise Malformed("cut packet")
    return piece


def mpi(number: bytes) -> bytes:
    """A big-endian number as multiprecision integer (RFC 9580 3.2)."""
    number = number.lstrip(b"\0")
    bits = len(number) * 8 - 8 + number[0].bit_length() if number else 0
    return struct.pack(">H", bits) + number


def read_mpi(data: bytes, at: int = 0) -> tuple[bytes, int]:
    """(the number's octets, where the next thing begins)."""
    size = (int.from_bytes(_take(data, at, 2), "big") + 7) // 8
    return _take(data, at + 2, size), at + 2 + size
