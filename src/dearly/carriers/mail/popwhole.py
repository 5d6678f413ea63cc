"""Whether a POP3 message has come whole, and when it came at all. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dearly.carriers.base import MOST_HEAD
from dearly.carriers.mail.popcursor import Entry, Owed

_SAME = 3
"""How often just the same octets must have come to be taken, where they are fewer than the server states."""


def weighed(entry: Entry, data: bytes | None, before: Owed) -> tuple[bytes | None, Owed]:
    """The message, when it is taken for whole; else what is remembered of it."""
    if data is None:
        return None, replace(before, digest="", times=0)
    if whole(data, entry.size):
        return data, before
    digest = hashlib.sha256(data).hexdigest()[:16]
    times = before.times + 1 if digest == before.digest else 1
    return (data if data and times >= _SAME else None), replace(before, digest=digest, times=times)


_BOUNDARY = re.compile(rb'[;\s]boundary\s*=\s*(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)


def whole(data: bytes | None, stated: int) -> bool:
    """Whether a message is all there: as long as the server says, or closed by its own last boundary."""
    if not data:
        return False
    if len(data) >= stated:
        return True
    found = _BOUNDARY.search(header(data))
    if found is None:
        return False
    boundary = found[1] or found[2]
    return data[-len(boundary) - 512 :].rstrip().endswith(b"\r\n--" + boundary + b"--")


def header(data: bytes) -> bytes:
    """The header of a message, with the empty line after it; cut at the last line that fits."""
    if data.startswith(b"\r\n"):
        return b"\r\n"
    end = data.find(b"\r\n\r\n", 0, MOST_HEAD)
    if end < 0:
        end = data.rfind(b"\r\n", 0, MOST_HEAD - 2)
    return data[: end + 2] + b"\r\n" if end >= 0 else b"\r\n"


_STAMP = re.compile(rb"(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d)")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


def came_before(header: bytes, since: datetime) -> bool:
    """Whether a message certainly came before `since`, give or take a zone. What cannot be read came just now."""
    fields = re.sub(rb"\r\n(?=[ \t])", b"", header).split(b"\r\n")
    received = next((one for one in fields if one[:9].lower() == b"received:"), None)
    date = next((one for one in fields if one[:5].lower() == b"date:"), b"")
    found = _STAMP.search((date if received is None else received.rpartition(b";")[2])[:200])
    if found is None or found[2] not in _MONTHS:
        return False
    day, year, hour, minute = (int(found[group]) for group in (1, 3, 4, 5))
    try:
        return datetime(year, _MONTHS.index(found[2]) + 1, day, hour, minute, tzinfo=UTC) < since - timedelta(days=1)
    except (ValueError, OverflowError):
        return False
