"""Large letters in pieces of one size, so that sealing touches little memory beside the letter and the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Piece = bytes | bytearray | memoryview


def cut(parts: Iterable[Piece], size: int) -> Iterator[Piece]:
    """All octets of `parts`, in pieces of `size`, the last one shorter; nothing at all for no octets.

    What lies whole in one part is not copied. A piece is to be used before the next one is asked for."""
    rest = bytearray()
    for part in parts:
        view, at = memoryview(part), 0
        if rest:
            at = size - len(rest)
            rest += view[:at]
            if len(rest) < size:
                continue
            yield rest
            rest = bytearray()
        whole = at + (len(view) - at) // size * size
        for start in range(at, whole, size):
            yield view[start : start + size]
        rest += view[whole:]
    if rest:
        yield rest
