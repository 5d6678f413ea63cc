"""Bytes kept whole: enclosures, arrivals, sealed forms. Each content once, found by its SHA-256, packed when it helps.

Packing is a pure function, so that a caller can do it for large bytes before the transaction begins. Reading checks
the digest: bytes that changed on the disk are never given out as if they were whole.

An enclosure whose base64 stands in an original that is kept as well (an imported letter's) is not kept twice: it is a
place *within* that object. Undoing base64 and zstd is all that is ever done with foreign bytes here.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import zstandard

from dearly.drawer.connection import Db
from dearly.letter.errors import Damaged
from dearly.letter.words import _

_LEVEL = 3
_QUICK = 1
"""For what will soon be overwritten, and for many letters: less time than level 3, and about as small."""

_WINDOW = 1 << 27
_TEXT_LIMIT = 64 << 20
"""Octets that a packed text may unfold to. Our own texts are far below; it bounds what damage can ask for."""

_HOLDERS = (
    ("enclosures", "object_id"),
    ("draft_enclosures", "object_id"),
    ("sealed_forms", "object_id"),
    ("arrivals", "object_id"),
    ("letters", "html"),
)
"""Every column that refers to an object, but for `objects.within`."""

_PLACE = struct.Struct(">QQ")


class _Tools(threading.local):
    """One packer and one unpacker for each thread: making them costs more than most letters, sharing them is unsafe."""

    def __init__(self) -> None:
        self.packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self.quick = zstandard.ZstdCompressor(level=_QUICK, write_checksum=True)
        self.unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)


_tools = _Tools()


@dataclass(frozen=True, slots=True)
class Packed:
    """Bytes ready to be stored. `packing`: "plain", "zstd" or "within". `size`: before packing."""

    sha256: bytes
    size: int
    packing: str
    body: bytes = field(repr=False)


def pack(data: bytes, sha256: bytes | None = None, *, quick: bool = False) -> Packed:
    """`data` compressed (zstd level 3; `quick`: level 1), or as it is where that saves less than a sixteenth. `sha256`:
    where it is known."""
    small = (_tools.quick if quick else _tools.packer).compress(data)
    digest = sha256 or hashlib.sha256(data).digest()
    if len(small) < len(data) - len(data) // 16:
        return Packed(digest, len(data), "zstd", small)
    return Packed(digest, len(data), "plain", data)


def within(original: bytes, start: int, end: int) -> Packed:
    """The bytes whose base64 is `original[start:end]`, as a place in it: what `importing` keeps. Raises
    `binascii.Error` where that is no base64."""
    data = binascii.a2b_base64(original[start:end])
    return Packed(hashlib.sha256(data).digest(), len(data), "within", _PLACE.pack(start, end))


def put(db: Db, data: bytes | Packed) -> int:
    """Keep the bytes; the id of the object, the same one for the same bytes."""
    digest = data.sha256 if isinstance(data, Packed) else hashlib.sha256(data).digest()
    known = db.value("SELECT id FROM objects WHERE sha256 = ?", (digest,))
    if known is not None:
        return int(known)
    packed = data if isinstance(data, Packed) else pack(data)
    return db.insert(
        "INSERT INTO objects (sha256, size, packing, body) VALUES (?, ?, ?, ?)",
        (packed.sha256, packed.size, packed.packing, packed.body),
    )


def put_many(db: Db, objects: Sequence[tuple[Packed, bytes | None]]) -> dict[bytes, int]:
    """Keep all of these; the ids of the objects by their digests. With each the digest of the object that it lies
    `within`, which comes before it, else None."""
    wanted = json.dumps(list({one.sha256.hex() for one, _outer in objects}))
    ids: dict[bytes, int] = dict(
        db.all("SELECT sha256, id FROM objects WHERE sha256 IN (SELECT unhex(value) FROM json_each(?))", (wanted,))
    )
    last = int(db.value("SELECT coalesce(max(id), 0) FROM objects"))
    rows = []
    for one, outer in objects:
        if one.sha256 not in ids:
            last += 1
            ids[one.sha256] = last
            inside = ids[outer] if one.packing == "within" and outer is not None else None
            rows.append((last, one.sha256, one.size, one.packing, one.body, inside))
    db.many("INSERT INTO objects (id, sha256, size, packing, body, within) VALUES (?, ?, ?, ?, ?, ?)", rows)
    return ids


def get(db: Db, object_id: int) -> bytes:
    """The bytes. Raises `Damaged` (object_damaged) when they are not the ones that were stored."""
    row = db.one("SELECT sha256, size, packing, body, within FROM objects WHERE id = ?", (object_id,))
    if row is None:
        raise _damaged()
    digest, size, packing, body, outer = row
    try:
        if packing == "within":
            start, end = _PLACE.unpack(body)
            data = binascii.a2b_base64(get(db, outer)[start:end])
        else:
            # `size` bounds the unfolding, so that damage cannot ask for more memory than the object ever had.
            data = body if packing == "plain" else _unfold(body, size)
    except (zstandard.ZstdError, binascii.Error, struct.error):
        raise _damaged() from None
    if len(data) != size or hashlib.sha256(data).digest() != digest:
        raise _damaged()
    return bytes(data)


def release(db: Db, object_id: int) -> bool:
    """Delete the object if nothing refers to it any more. True when it is gone."""
    for table, column in _HOLDERS:
        # Table and column are the constants above.
        if db.one(f"SELECT 1 FROM {table} WHERE {column} = ?", (object_id,)) is not None:  # noqa: S608
            return False
    for (inner,) in db.all("SELECT id FROM objects WHERE within = ?", (object_id,)):
        _let_stand_alone(db, inner)
    return db.run("DELETE FROM objects WHERE id = ?", (object_id,)) > 0


def _let_stand_alone(db: Db, object_id: int) -> None:
    """Another letter encloses the same bytes: they stay when the original that they stand in goes."""
    packed = pack(get(db, object_id))
    db.run(
        "UPDATE objects SET packing = ?, body = ?, within = NULL WHERE id = ?",
        (packed.packing, packed.body, object_id),
    )


def pack_text(text: str, onto: str | None = None) -> bytes:
    """A text as a zstd frame; compressed against the text `onto`, which is then needed for reading it."""
    data = text.encode()
    base = b"" if onto is None else onto.encode()
    # The checksum tells a text that was unpacked against the wrong one: without it, nonsense would come out.
    if not base:
        return _tools.packer.compress(data)
    # Window and tables must span both texts, or only the nearer part of the older one would be seen.
    window = max(10, min(27, (len(data) + len(base)).bit_length()))
    # A table as large as a very long text costs more than all the rest, and finds hardly more.
    table = max(10, min(window - 1, max(17, window - 4)))
    parameters = zstandard.ZstdCompressionParameters.from_level(
        _LEVEL,
        source_size=len(data),
        dict_size=len(base),
        window_log=window,
        hash_log=table,
        write_checksum=True,
    )
    return zstandard.ZstdCompressor(dict_data=_dictionary(base), compression_params=parameters).compress(data)


def pack_passing(text: str) -> bytes:
    """As `pack_text`, for a text that the next save overwrites: quickly."""
    return _tools.quick.compress(text.encode())


def unpack_text(body: bytes, onto: str | None = None) -> str:
    """What `pack_text` packed. Raises `Damaged` (text_damaged)."""
    base = b"" if onto is None else onto.encode()
    try:
        return _unfold(body, _TEXT_LIMIT, base).decode()
    except (zstandard.ZstdError, UnicodeDecodeError):
        raise Damaged(
            "text_damaged",
            _("A text in the drawer is damaged: its bytes are not as they were written."),
            _("“dearly check” names what is damaged; a backup has it whole."),
        ) from None


def _unfold(body: bytes, limit: int, base: bytes = b"") -> bytes:
    if zstandard.frame_content_size(body) > limit:
        raise zstandard.ZstdError("larger than it can be")
    if not base:
        return _tools.unpacker.decompress(body)
    return zstandard.ZstdDecompressor(dict_data=_dictionary(base), max_window_size=_WINDOW).decompress(body)


def _dictionary(base: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def _damaged() -> Damaged:
    return Damaged(
        "object_damaged",
        _("Something kept in the drawer is damaged: its bytes are not as they were written."),
        _("“dearly check” names what is damaged; a backup has it whole."),
    )
