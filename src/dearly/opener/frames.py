"""Frames: what goes through the pipes between the desk and its children.

A frame is a fixed head, the lengths of its blobs, one JSON object, and the blobs:

    "DL1" NUL | json length u32 | number of blobs u32 | blob lengths u64 each | JSON (UTF-8) | blobs

Big-endian. Every length is compared with a cap before anything of that length is read, and nothing in a frame can
name a class or a function: the receiver says what it expects (see `wire`). Never pickle.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # the children never pay for importing asyncio
    import asyncio

MAGIC = b"DL1\0"
_HEAD = struct.Struct(">4sII")
_LENGTH = struct.Struct(">Q")


class BadFrame(Exception):
    """The other side does not speak the protocol, or asks for more than is allowed. It cannot be trusted any more."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that one frame may hold: bytes of JSON, number of blobs, bytes of all blobs together."""

    json: int = 8 << 20
    blobs: int = 4_096
    total: int = 256 << 20


CAPS = Caps()


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: a JSON object, and the blobs that it refers to by number."""

    head: dict[str, Any]
    blobs: tuple[bytes, ...] = ()


class Reads(Protocol):
    """A blocking stream, as `io.BufferedReader` is."""

    def read(self, size: int, /) -> bytes: ...


def encode(frame: Frame, caps: Caps = CAPS) -> list[bytes]:
    """The pieces to be written, in order. Raises `BadFrame` for a frame that the other side would refuse."""
    text = json.dumps(frame.head, separators=(",", ":")).encode()
    if len(text) > caps.json or len(frame.blobs) > caps.blobs or sum(map(len, frame.blobs)) > caps.total:
        raise BadFrame("too large")
    lengths = b"".join(_LENGTH.pack(len(blob)) for blob in frame.blobs)
    return [_HEAD.pack(MAGIC, len(text), len(frame.blobs)) + lengths + text, *frame.blobs]


def _head(data: bytes, caps: Caps) -> tuple[int, int]:
    magic, text, blobs = _HEAD.unpack(data)
    if magic != MAGIC or text > caps.json or blobs > caps.blobs:
        raise BadFrame("not a frame, or too large")
    return text, blobs


def _lengths(data: bytes, caps: Caps) -> list[int]:
    lengths = [length for (length,) in _LENGTH.iter_unpack(data)]
    if sum(lengths) > caps.total:
        raise BadFrame("too large")
    return lengths


def _object(text: bytes) -> dict[str, Any]:
    try:
        head = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFrame("not JSON") from None
    if not isinstance(head, dict):
        raise BadFrame("not an object")
    return head


def read(stream: Reads, caps: Caps = CAPS) -> Frame | None:
    """The next frame from a blocking stream; None where the stream ends between two frames.

    Raises `BadFrame`, also when it ends within one."""

    def exactly(size: int) -> bytes:
        data = stream.read(size) if size else b""
        if len(data) != size:
            raise BadFrame("cut short")
        return data

    first = stream.read(_HEAD.size)
    if not first:
        return None
    if len(first) != _HEAD.size:
        raise BadFrame("cut short")
    text, blobs = _head(first, caps)
    lengths = _lengths(exactly(blobs * _LENGTH.size), caps)
    head = _object(exactly(text))
    return Frame(head, tuple(exactly(length) for length in lengths))


async def receive(stream: asyncio.StreamReader, caps: Caps = CAPS) -> Frame:
    """The same from an asyncio stream. Raises `BadFrame`; `EOFError` (asyncio.IncompleteReadError) where it ends."""
    text, blobs = _head(await stream.readexactly(_HEAD.size), caps)
    lengths = _lengths(await stream.readexactly(blobs * _LENGTH.size), caps)
    head = _object(await stream.readexactly(text))
    return Frame(head, tuple([await stream.readexactly(length) for length in lengths]))
