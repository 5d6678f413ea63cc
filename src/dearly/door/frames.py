"""What travels through the door: one kind byte, four bytes of length (big-endian), and a body with a cap.

Kinds: `j` a JSON object, `o` and `e` text for the client's standard output and error (UTF-8), `d` bytes of a file or
of standard input. The talk:

    client  j {"v":1,"drawer":..,"argv":[..],"cwd":..,"env":{..},"columns":80,"tty":[in,out,err]}
    owner   j {"hello":1}  or  j {"refused":"busy"|"drawer"|"version"|"frame"}
    owner   o.. e..                               as the command speaks
    owner   j {"ask":"secret","prompt":..}        client  j {"secret":..|null}      typed without echo
    owner   j {"ask":"line","prompt":..}          client  j {"line":..|null}        typed and seen
    owner   j {"ask":"read","source":..,"limit":n}  client  d.. j {"mode":n|null}  or  j {"errno":n}
    client  j {"deaf":true}                       nobody reads its output any more
    owner   j {"exit":n}                          the last frame

Never pickle: both ends read only what is described here, and end the talk at anything else.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

VERSION = 1
JSON, OUT, ERR, DATA = b"j", b"o", b"e", b"d"

MOST_REQUEST = 4 << 20
"""Bytes of the first frame: Linux gives a program at most 2 MiB of arguments, which JSON may double."""

MOST_JSON = 64 << 10
MOST_BYTES = 64 << 10

_HEAD = struct.Struct(">cI")


class Breach(Exception):
    """A frame against the rules. The talk ends."""


def pack(kind: bytes, body: bytes) -> bytes:
    """One frame. `body` must be within the kind's cap: the callers split before."""
    return _HEAD.pack(kind, len(body)) + body


def pack_json(value: dict[str, Any]) -> bytes:
    """One JSON frame. Lone surrogates (file names that are not UTF-8) survive as escapes."""
    return pack(JSON, json.dumps(value, separators=(",", ":")).encode("ascii"))


def _measure(head: bytes, most_json: int) -> tuple[bytes, int]:
    kind, size = _HEAD.unpack(head)
    if kind not in (JSON, OUT, ERR, DATA) or size > (most_json if kind == JSON else MOST_BYTES):
        raise Breach
    return kind, size


def unpack_json(body: bytes) -> dict[str, Any]:
    """The object in a JSON frame. Raises `Breach` for anything but one object."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Breach from None
    if not isinstance(value, dict):
        raise Breach
    return value


async def receive(reader: asyncio.StreamReader, most_json: int = MOST_JSON) -> tuple[bytes, bytes]:
    """The next frame. Raises `Breach`, and `asyncio.IncompleteReadError` (an EOFError) where the other side ended."""
    kind, size = _measure(await reader.readexactly(_HEAD.size), most_json)
    return kind, await reader.readexactly(size)


def receive_from(sock: socket.socket) -> tuple[bytes, bytes]:
    """The next frame, blocking. Raises `Breach`, `EOFError` where the other side ended, `TimeoutError`."""
    kind, size = _measure(_exactly(sock, _HEAD.size), MOST_JSON)
    return kind, _exactly(sock, size)


def _exactly(sock: socket.socket, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        piece = sock.recv(size - len(got))
        if not piece:
            raise EOFError
        got += piece
    return bytes(got)
