"""What a foreign record says, as far as a column can hold it: words out of a closed list, digests, days, addresses."""

from __future__ import annotations

from datetime import date

from dearly.letter.address import Address, clean
from dearly.letter.envelope import Way
from dearly.letter.errors import Usage


def in_line(text: str) -> str:
    """As it was written, where that is fit for one line."""
    return text if text.isprintable() else clean(text)


def way_of(text: str) -> str:
    """A way; by hand where it is none that is known here."""
    return text if text in set(Way) else Way.HAND.value


def day_of(text: str) -> str | None:
    """A day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        return None


def octets(text: str, size: int) -> bytes | None:
    """So many octets written in hex: of a digest, or of a uid."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return None
    return found if len(found) == size else None


def address(text: str) -> Address | None:
    """An address, where it is one."""
    try:
        return Address.parse(text)
    except Usage:
        return None
