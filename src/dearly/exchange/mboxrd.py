"""The one rule by which letters stand one after another in a file (mbox), for writing it and for reading it.

The variant is mboxrd: a line of a letter that begins with any number of “>” and then “From ” gets one more “>”, and
loses it when it is read. So every letter comes back as it was, which the older variant (mboxo), that marks only “From ”
itself, cannot promise. A letter is kept byte for byte, its line ends too. After each one stands exactly one line end
more, which nearly always makes an empty line; only where the last line of a letter has no end, it is that end.

A file of this kind is called NAME.mboxrd: by nothing else does a reader know that it may rely on both.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TO_QUOTE = re.compile(rb"^(>*From )", re.MULTILINE)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_NOT_IN_LINE = re.compile(r"[^!-~]")


def quote(data: bytes) -> bytes:
    """The bytes of a letter as they stand in the file."""
    return _TO_QUOTE.sub(rb">\1", data) if b"From " in data else data


def unquote(data: bytes) -> bytes:
    """What `quote` was given."""
    return _QUOTED.sub(rb"\1", data) if b">From " in data else data


def from_line(address: str, at: datetime) -> bytes:
    """The line before a letter: who it is from (one word), and when, in the form of C's asctime, in UTC. No name of a
    day or month depends on the language of the machine."""
    when = at.astimezone(UTC)
    day = f"{_DAYS[when.weekday()]} {_MONTHS[when.month - 1]} {when.day:2} {when:%H:%M:%S} {when.year:04}"
    return f"From {_NOT_IN_LINE.sub('', address) or 'MAILER-DAEMON'} {day}\n".encode()


def entry(data: bytes, address: str, at: datetime) -> bytes:
    """A letter with the line before it and the line end after it."""
    return b"".join((from_line(address, at), quote(data), b"\n"))
