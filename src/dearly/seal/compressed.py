"""Compressed data packets (RFC 9580 5.6): read only, and never further than a limit (A25). We write none."""

from __future__ import annotations

import bz2
import zlib

from dearly.seal.packets import Malformed
from dearly.seal.seipd import Unsupported


class TooBig(Exception):
    """Unfolds to more than was allowed."""


def inflate(body: bytes, limit: int) -> bytes:
    """What was compressed, at most `limit` octets. Raises `TooBig`, `Malformed` or `Unsupported`."""
    if not body:
        raise Malformed("empty compression")
    method, data = body[0], body[1:]
    if method == 0:
        return data
    box: zlib._Decompress | bz2.BZ2Decompressor
    if method == 1:
        box = zlib.decompressobj(-15)
    elif method == 2:
        box = zlib.decompressobj()
    elif method == 3:
        box = bz2.BZ2Decompressor()
    else:
        raise Unsupported
    try:
        plain = box.decompress(data, limit + 1)
    except (zlib.error, OSError, EOFError, ValueError):
        raise Malformed("bad compression") from None
    if len(plain) > limit:
        raise TooBig
    # What stands behind the end of the stream is passed over: sq pads letters so by default.
    if not box.eof:
        raise Malformed("bad compression")
    return plain
