"""Letters one after another in a file (mbox), as a dozen programs have written them, in bounded memory at any size.

No file says which dialect it is in; it is decided once for a file, by its first megabytes:

    mboxrd      any line of a letter that begins with >*From has one ">" more. Read so where the person says it, or the
                file is called *.mboxrd: then every "From " at the beginning of a line separates, one line end after
                each letter is the file's own, and each letter comes back octet for octet (what `mboxrd` writes).
    by length   nearly every letter has a Content-Length that is right: at its end stands the next letter, or the file
                ends (mboxcl, mboxcl2). A letter whose length lies is ended by the line instead.
    unquoted    some letter has a line that begins with "From " and separates nothing (mboxcl2, Thunderbird): its
                writer quoted no lines, so none is changed.
    any other   one ">" is taken from >*From lines, as in mboxrd. Writers of the oldest kind (mboxo) put it before
                "From " alone, and nothing tells them apart: a letter with such a line is marked as not `exact`.

What programs wrote into the headers of letters (Status, X-Mozilla-Status, Content-Length) stays, since nobody knows
whether it was there before.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from dearly.exchange import fromline, mboxrd
from dearly.exchange.found import LARGEST_LETTER

SAMPLE = 4 << 20
"""Octets by which the dialect is decided."""

_CHUNK = 1 << 20
_MOST_GARBAGE = 1 << 20
"""Octets before the first letter that are looked through for it."""

_LONGEST_HEADER = 256 << 10
_QUOTED_LINE = re.compile(rb"^>+From ", re.MULTILINE)
_HEADER_END = re.compile(rb"\n\r?\n")
_LENGTH = re.compile(rb"^Content-Length:[ \t]*(\d{1,10})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)


class Reads(Protocol):
    """A stream of octets, as a file or one file of a packed file is."""

    def read(self, size: int, /) -> bytes: ...


class Quoting(Enum):
    """Which lines had a ">" put before them."""

    NONE = "none"
    FROM = "from"
    """mboxo: lines that began with "From "."""
    ANY = "any"
    """mboxrd: lines that began with any number of ">" and "From "."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file was written. `sure`: every line that begins with "From " separates, and nothing is a guess."""

    quoting: Quoting
    lengths: bool = False
    sure: bool = False


MBOXRD = Dialect(Quoting.ANY, sure=True)


@dataclass(frozen=True, slots=True)
class Piece:
    """One letter. `data`: without the line before it; None where it is larger than `largest`, or where what lies there
    is no letter (`garbage`, before the first one). `offset`, `end`: where it begins in the file and where the next one
    does; `end` is where `pieces` may go on. `by_length`: its end was found by its Content-Length. `line`: the
    one before it."""

    data: bytes | None = field(repr=False)
    offset: int
    end: int
    exact: bool = True
    garbage: bool = False
    by_length: bool = False
    line: bytes = b""


class Changed(Exception):
    """Where reading should go on, no letter begins any more."""


def pieces(
    stream: Reads, start: int = 0, dialect: Dialect | None = None, *, largest: int = LARGEST_LETTER
) -> Iterator[Piece]:
    """The letters of the file. `stream` stands at its beginning; `start`: `end` of the last piece that was read.
    `dialect`: None to find out. Raises `Changed` before anything is read where no letter begins at `start`."""
    window = _Window(stream)
    if dialect is None or dialect.lengths:
        window.load(SAMPLE)
        found = survey(window.cut(0, SAMPLE))
        dialect = found if dialect is None else Dialect(dialect.quoting, found.lengths)
    if start:
        if not window.skip(start) or (window.load(5) and not window.held.startswith(b"From ")):
            raise Changed
    else:
        garbage = _to_the_first(window, dialect)
        if garbage is not None:
            yield garbage
    while window.load(1):
        yield _next(window, dialect, largest)


def survey(sample: bytes) -> Dialect:
    """How the file was written that begins with `sample`."""
    window = _Window(io.BytesIO(sample))
    raw = Dialect(Quoting.NONE, lengths=True)
    _to_the_first(window, raw)
    right = wrong = 0
    bare = {True: False, False: False}
    while window.load(1):
        piece = _next(window, raw, len(sample) + 1)
        if piece.end == len(sample) >= SAMPLE:
            break  # cut by the end of the sample
        right, wrong = right + piece.by_length, wrong + (not piece.by_length)
        bare[piece.by_length] |= b"\nFrom " in b"\n" + (piece.data or b"")
    lengths = right > 3 * wrong
    unquoted = bare[False] or (lengths and bare[True])
    return Dialect(Quoting.NONE if unquoted else Quoting.ANY, lengths)


class _Window:
    """The part of the file that is looked at. `at`: where in the file it begins."""

    def __init__(self, stream: Reads) -> None:
        self._stream = stream
        self.held = bytearray()
        self.at = 0
        self.ended = False

    def load(self, size: int) -> bool:
        """Have at least `size` octets, or all that there are. False when there are none."""
        while len(self.held) < size and not self.ended:
            self.more()
        return bool(self.held)

    def more(self) -> None:
        data = self._stream.read(_CHUNK)
        self.held += data
        self.ended = not data

    def cut(self, begin: int, end: int) -> bytes:
        """A copy of what lies there, made once: a letter may be large."""
        with memoryview(self.held) as view, view[begin:end] as part:
            return bytes(part)

    def drop(self, size: int) -> None:
        del self.held[:size]
        self.at += size

    def skip(self, to: int) -> bool:
        """Begin at `to`. False where the file ends before."""
        while self.at + len(self.held) < to and not self.ended:
            self.drop(len(self.held))
            if isinstance(self._stream, io.BufferedIOBase | io.RawIOBase) and self._stream.seekable():
                end = self._stream.seek(0, io.SEEK_END)
                self.at = self._stream.seek(min(to, end))
                return self.at == to
            self.more()
        if self.at + len(self.held) < to:
            return False
        self.drop(to - self.at)
        return True


def _to_the_first(window: _Window, dialect: Dialect) -> Piece | None:
    """Begin at the first letter. What lies before it and is more than blank lines and a byte order mark is given."""
    window.load(_MOST_GARBAGE)
    held = window.cut(0, _MOST_GARBAGE)
    blank = len(held) - len(held.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n"))
    if held.startswith(b"From ", blank):  # whatever it looks like, it is what stands first
        window.drop(blank)
        return None
    at = held.find(b"\nFrom ")
    while at >= 0 and not (dialect.sure or _separates(window, at + 1, begun=at + 1)):
        at = held.find(b"\nFrom ", at + 1)
    if at < 0:
        while not window.ended:
            window.drop(len(window.held))
            window.more()
    size = len(window.held) if at < 0 else at + 1
    window.drop(size)
    return Piece(None, 0, window.at, garbage=True) if window.at > blank else None


def _next(window: _Window, dialect: Dialect, largest: int) -> Piece:
    """The letter at whose line the window begins; the window begins at the next one after that."""
    offset = window.at
    window.load(_LONGEST_HEADER)
    first = window.held.find(b"\n", 0, fromline.LONGEST) + 1
    if not first and window.ended and len(window.held) < fromline.LONGEST:  # nothing but the line
        window.drop(len(window.held))
        return Piece(b"", offset, window.at)
    line = window.cut(0, first)
    found = _by_length(window, first, largest) if dialect.lengths else None
    if found is not None:
        last, end = found
        data: bytes | None = window.cut(first, last)
    else:
        last = end = _by_line(window, dialect, first, largest)
        data = None if window.at > offset or last - first > largest else window.cut(first, last)
    window.drop(end)
    if data is None:
        return Piece(None, offset, window.at)
    if found is None:
        data = _without_last_line_end(data, dialect)
    # The plain look comes first: it is many times as quick, and nearly always enough.
    quoted = b">From " in data and _QUOTED_LINE.search(data) is not None
    restored = _unquoted(data, dialect) if quoted else data
    return Piece(restored, offset, window.at, dialect.sure or not quoted, by_length=found is not None, line=line)


def _by_line(window: _Window, dialect: Dialect, first: int, largest: int) -> int:
    """Where in the window the next letter begins, by the line before it. Of a letter that is too large only the end
    stays in the window."""
    at, begun = max(0, first - 1), first
    while True:
        found = window.held.find(b"\nFrom ", at)
        if found >= 0:
            if dialect.sure or _separates(window, found + 1, begun=begun):
                return found + 1
            at = found + 1
            continue
        if window.ended:
            return len(window.held)
        at = max(at, len(window.held) - 5)
        if at > first + largest + _CHUNK:
            gone = at - 4  # what is before the line is still needed
            window.drop(gone)
            at, begun = at - gone, -1
        window.more()


def _separates(window: _Window, at: int, *, begun: int) -> bool:
    """Whether the line at `at` of the window does. `begun`: where the letter before it begins."""
    window.load(at + fromline.LONGEST + fromline.LOOK_AFTER)
    held = window.held
    end = held.find(b"\n", at, at + fromline.LONGEST)
    if end < 0:
        if len(held) - at > fromline.LONGEST:
            return False
        end = len(held)
    blank = at == begun or held.endswith((b"\n\n", b"\n\r\n"), max(0, at - 3), at)
    after = window.cut(end + 1, end + 1 + fromline.LOOK_AFTER)
    return fromline.separates(window.cut(at, end), after, blank_before=blank)


def _by_length(window: _Window, first: int, largest: int) -> tuple[int, int] | None:
    """Where in the window the letter ends and the next one begins, by its Content-Length, if the next one does."""
    window.load(first + _LONGEST_HEADER)
    header = _HEADER_END.search(window.held, first - 1, first + _LONGEST_HEADER)
    if header is None:
        return None
    claimed = {int(value) for value in _LENGTH.findall(window.cut(first, header.start() + 1))}
    if len(claimed) != 1 or (length := claimed.pop()) > largest:
        return None
    last = header.end() + length
    window.load(last + 2 * fromline.LONGEST)
    held = window.held
    if last > len(held):
        return None
    for line_end in (b"\n", b"\r\n", b""):
        at = last + len(line_end)
        if held.startswith(line_end, last) and (
            (at == len(held) and window.ended) or (held.startswith(b"From ", at) and _separates(window, at, begun=at))
        ):
            return last, at
    return None


def _without_last_line_end(data: bytes, dialect: Dialect) -> bytes:
    """Without the empty line that the file has after each letter."""
    if dialect.sure:
        return data.removesuffix(b"\n")
    for line_end in (b"\r\n", b"\n"):
        if data == line_end or data.endswith(b"\n" + line_end):
            return data.removesuffix(line_end)
    return data


def _unquoted(data: bytes, dialect: Dialect) -> bytes:
    if dialect.quoting is Quoting.ANY:
        return mboxrd.unquote(data)
    if dialect.quoting is Quoting.FROM:
        return re.sub(rb"^>From ", b"From ", data, flags=re.MULTILINE)
    return data
