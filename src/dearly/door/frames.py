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

The thin client pays for each import at every command. So what it says and hears nearly always is written and read here;
the library (`json`, with `re` and a dozen more) is imported for the rest.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False  # as typing's, which would be imported for this alone
if TYPE_CHECKING:
    import asyncio
    from _socket import socket
    from typing import Any

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
    return pack(JSON, _written(value).encode("ascii"))


def _written(value: Any) -> str:
    """JSON (RFC 8259) in ASCII, without blanks. Raises `TypeError` for what no frame has."""
    if isinstance(value, str):
        plain = value.isascii() and value.isprintable() and '"' not in value and "\\" not in value
        return f'"{value}"' if plain else f'"{"".join(map(_escaped, value))}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, dict):
        return "{" + ",".join(f"{_written(str(name))}:{_written(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    raise TypeError(type(value).__name__)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0x20 <= code < 0x7F and char not in '"\\':
        return char
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 | code >> 10:04x}\\u{0xDC00 | code & 0x3FF:04x}"


def _measure(head: bytes, most_json: int) -> tuple[bytes, int]:
    kind, size = _HEAD.unpack(head)
    if kind not in (JSON, OUT, ERR, DATA) or size > (most_json if kind == JSON else MOST_BYTES):
        raise Breach
    return kind, size


def unpack_json(body: bytes) -> dict[str, Any]:
    """The object in a JSON frame. Raises `Breach` for anything but one object."""
    name, _colon, number = body.removeprefix(b'{"').removesuffix(b"}").partition(b'":')
    if name.isalpha() and number.isdigit() and len(number) < 10 and body == b'{"%b":%d}' % (name, int(number)):
        return {name.decode("ascii"): int(number)}
    import json

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


def receive_from(sock: socket) -> tuple[bytes, bytes]:
    """The next frame, blocking. Raises `Breach`, `EOFError` where the other side ended, `TimeoutError`."""
    kind, size = _measure(_exactly(sock, _HEAD.size), MOST_JSON)
    return kind, _exactly(sock, size)


def _exactly(sock: socket, size: int) -> bytes:
    got = bytearray()
    while len(got) < size:
        piece = sock.recv(size - len(got))
        if not piece:
            raise EOFError
        got += piece
    return bytes(got)
