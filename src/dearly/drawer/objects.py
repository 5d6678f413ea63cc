"""Bytes kept whole: enclosures, arrivals, sealed forms. Each content once, found by its SHA-256, packed when it helps.

Packing is a pure function, so that a caller can do it for large bytes before the transaction begins. Reading checks
the digest: bytes that changed on the disk are never given out as if they were whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dearly.drawer.connection import Db


@dataclass(frozen=True, slots=True)
class Packed:
    """Bytes ready to be stored. `packing`: "plain" or "zstd". `size`: before packing."""

    sha256: bytes
    size: int
    packing: str
    body: bytes = field(repr=False)


def pack(data: bytes) -> Packed:
    """`data` compressed (zstd level 3), or as it is where that saves less than a sixteenth."""
    raise NotImplementedError


def put(db: Db, data: bytes | Packed) -> int:
    """Keep the bytes; the id of the object, the same one for the same bytes."""
    raise NotImplementedError


def get(db: Db, object_id: int) -> bytes:
    """The bytes. Raises `Damaged` (object_damaged) when they are not the ones that were stored."""
    raise NotImplementedError


def release(db: Db, object_id: int) -> bool:
    """Delete the object if nothing refers to it any more. True when it is gone."""
    raise NotImplementedError


def pack_text(text: str, onto: str | None = None) -> bytes:
    """A text as a zstd frame; compressed against the text `onto`, which is then needed for reading it."""
    raise NotImplementedError


def unpack_text(body: bytes, onto: str | None = None) -> str:
    """What `pack_text` packed. Raises `Damaged` (text_damaged)."""
    raise NotImplementedError
