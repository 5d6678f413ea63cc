"""The letters in one file of an archive, whatever it is: read from a stream, with what its place lets one suppose.

What is looked at in a letter's own bytes is its first lines, for three fields that mail programs add: the rest is read
where foreign bytes may be parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from dearly.exchange import fromline, mbox, roles, written
from dearly.exchange.found import LARGEST_LETTER, Found, Hints, Item, Page, PassedOver, Role, Said, Written
from dearly.exchange.kinds import is_maildir_entry, scan_type
from dearly.exchange.mbox import Dialect, Reads
from dearly.letter.address import clean
from dearly.letter.words import _
from dearly.mime import encoded

_LONGEST_HEADER = 64 << 10
_MOST_LETTERS = 64 << 10
"""Octets that most letters do not have: asking for many more at once takes longer than reading them."""

_MARKS = re.compile(
    rb"^(X-Gmail-Labels|X-Mozilla-Status|X-Status|X-IMAP(?:base)?):[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)",
    re.MULTILINE | re.IGNORECASE,
)
_INTERNAL = b"DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"
_EXPUNGED = 0x0008
"""X-Mozilla-Status: deleted, and still there until the folder is compacted."""

_FLAGS = re.compile(r"[:;!]2,([A-Za-z]{0,60})\Z")  # maildir(5); on other file systems with another mark
_LABEL = re.compile(r'"([^"]*)"|([^,]+)')
_LENGTH_LINE = re.compile(rb"[ \t]*(\d{1,12})[ \t]*\r?\n")


@dataclass(frozen=True, slots=True)
class Where:
    """A file of an archive. `parts`: its path inside; `around`: name of the archive itself, which may be the folder's.
    `cursor` and `passed`: for a place in the file, or (None) its end."""

    parts: Sequence[str]
    around: str
    cursor: Callable[[int | None], str]
    passed: Callable[[int | None], int]

    @property
    def shown(self) -> str:
        return clean("/".join(self.parts))

    def hints(self, folders: Sequence[str]) -> Hints:
        """What its place says of a letter in these folders."""
        return Hints(self.shown, *_folder(tuple(folders), self.around))

    def over(self, code: str, why: str, at: int | None = None, offset: int | None = None) -> PassedOver:
        """Why the file, or what lies in it from `offset` up to `at`, is not taken."""
        size = None if at is None or offset is None else at - offset
        return PassedOver(code, why, self.shown, self.cursor(at), self.passed(at), offset, size)


@lru_cache(maxsize=64)  # thousands of letters lie in one folder
def _folder(folders: tuple[str, ...], around: str) -> tuple[str, Role | None]:
    names = roles.folder_names(folders)
    return "/".join(names), roles.role_of(names or roles.folder_names([around]))


def in_mbox(stream: Reads, start: int, dialect: Dialect | None, where: Where) -> Iterator[Found]:
    """The letters of an mbox file after `start`. Raises `mbox.Changed`, and `OSError` as the stream does."""
    for piece in mbox.pieces(stream, start, dialect):
        cursor, passed = where.cursor(piece.end), where.passed(piece.end)
        if piece.data is None:
            why = _("What lies there is no letter.") if piece.garbage else too_large(piece.end - piece.offset)
            yield where.over("not_a_letter" if piece.garbage else "too_large", why, piece.end, piece.offset)
        elif not piece.data or piece.data.isspace():
            yield where.over("empty", _("There is nothing in it."), piece.end, piece.offset)
        elif _is_internal(piece.data):
            why = _("It is a note of the mail program to itself.")
            yield where.over("not_a_letter", why, piece.end, piece.offset)
        else:
            hints = _marked(piece.data, where, exact=piece.exact)
            yield Item(piece.data, cursor, passed, replace(hints, laid_down=fromline.dated(piece.line)))


def in_file(stream: Reads, where: Where, mark: bytes = b"") -> Iterator[Found]:
    """The one letter that is the whole file, with the file's mark. Raises `OSError` as the stream does."""
    data = _whole(stream, LARGEST_LETTER)
    if data is None:
        yield where.over("too_large", too_large())
        return
    if not data or data.isspace():
        yield where.over("empty", _("There is nothing in it."))
        return
    flags = _FLAGS.search(where.parts[-1]) if is_maildir_entry(where.parts) else None
    marks = flags[1] if flags else ""
    laid_down = _named_second(where.parts[-1]) if is_maildir_entry(where.parts) else None
    hints = replace(where.hints(where.parts[:-1]), laid_down=laid_down, deleted="T" in marks, draft="D" in marks)
    yield Item(data, where.cursor(None), where.passed(None), hints, mark)


def _named_second(name: str) -> datetime | None:
    """When a file was put into a Maildir: its name begins with the second."""
    digits = name.partition(".")[0]
    if not (digits.isascii() and digits.isdecimal() and 8 <= len(digits) <= 10):
        return None
    return datetime.fromtimestamp(int(digits), UTC)


def in_emlx(stream: Reads, where: Where) -> Iterator[Found]:
    """The one letter in a file of Apple Mail. Raises `OSError` as the stream does."""
    data = _whole(stream, LARGEST_LETTER + (1 << 20))
    if data is None:
        yield where.over("too_large", too_large())
        return
    line = _LENGTH_LINE.match(data)
    if line is None:
        yield where.over("damaged", _("It does not begin with the length of its letter, as files of Apple Mail do."))
        return
    begin, length = line.end(), int(line[1])
    # Where parts of it were never fetched, or it is shorter than it says, it is not what was once sent.
    exact = len(data) >= begin + length and not where.parts[-1].lower().endswith(".partial.emlx")
    hints = replace(where.hints(where.parts[:-1]), exact=exact)
    yield Item(data[begin : begin + length], where.cursor(None), where.passed(None), hints)


def in_text(stream: Reads, where: Where, beside: written.Beside) -> Iterator[Found]:
    """The letter that a text file is. Raises `OSError` as the stream does."""
    data = _whole(stream, written.LARGEST_TEXT)
    if data is None:
        yield where.over("too_large", too_large())
        return
    text = written.read(where.parts[-1], data, beside)
    if not text.text.strip() and not text.pages and not text.said.letter_id:
        yield where.over("empty", _("There is nothing in it."))
        return
    yield Written(
        text=text.text,
        original=data,
        pages=text.pages,
        said=text.said,
        cursor=where.cursor(None),
        passed=where.passed(None),
        # So Dearly marks a page that was never finished when it writes it out.
        hints=replace(where.hints(where.parts[:-1]), draft="draft" in dict(text.said.also)),
        markdown=text.markdown,
        lacking=text.lacking,
    )


def scanned(pages: Sequence[tuple[str, bytes]], where: Where) -> Written:
    """A letter of scanned pages: names and octets, in their order."""
    kept = tuple(Page(name, scan_type(data[:64]) or "application/octet-stream", data) for name, data in pages)
    when = next(filter(None, (written.date_in_name(name) for name in (*reversed(where.parts), where.around))), None)
    return Written(
        text=None,
        original=b"",
        pages=kept,
        said=Said(date=when),
        cursor=where.cursor(None),
        passed=where.passed(None),
        hints=where.hints(where.parts[:-1]),
    )


def too_large(size: int | None = None) -> str:
    """Why something larger than a letter may be is passed over. `size` in octets."""
    most = LARGEST_LETTER >> 20
    if size is None:
        return _("It is larger than {most} MB, which no letter is.").format(most=most)
    return _("It weighs {size} MB; a letter of up to {most} MB can be taken.").format(size=size >> 20, most=most)


def _whole(stream: Reads, most: int) -> bytes | None:
    """The whole file; None where it is larger than `most`."""
    parts: list[bytes] = []
    left, some = most + 1, _MOST_LETTERS
    while left and (data := stream.read(min(left, some))):
        parts.append(data)
        left -= len(data)
        some = 1 << 20
    return b"".join(parts) if left else None


def _header(data: bytes) -> bytes:
    header = data[:_LONGEST_HEADER].replace(b"\r\n", b"\n")
    return header.partition(b"\n\n")[0]


def _is_internal(data: bytes) -> bool:
    return _INTERNAL in data[:4_096] and any(name.lower().startswith(b"x-imap") for name, _v in _fields(data))


def _fields(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(found[1], found[2]) for found in _MARKS.finditer(_header(data))]


def _marked(data: bytes, where: Where, *, exact: bool) -> Hints:
    """What the fields say that programs add to letters in an mbox file."""
    labels: tuple[str, ...] = ()
    deleted = draft = False
    for name, value in _fields(data):
        match name.lower():
            case b"x-gmail-labels":
                labels = _labels(value)
            case b"x-mozilla-status":
                status = value.strip()
                deleted |= len(status) == 4 and bool(_hex(status) & _EXPUNGED)
            case b"x-status":
                deleted |= b"D" in value
                draft |= b"T" in value
    hints = replace(where.hints(where.parts), deleted=deleted, draft=draft, exact=exact)
    return replace(hints, role=roles.role_of_labels(labels), labels=labels) if labels else hints


def _hex(text: bytes) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _labels(value: bytes) -> tuple[str, ...]:
    text = encoded.decoded(re.sub(r"\s*\n\s+", " ", encoded.raw_text(value)))
    found = (clean(quoted or bare) for quoted, bare in _LABEL.findall(text))
    return tuple(label for label in found if label)[:100]
