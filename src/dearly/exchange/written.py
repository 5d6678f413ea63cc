"""Letters in text files: plain text or Markdown, with lines at their head that say who, to whom and when, or without.

A file's name may say when, too: 1987-05-12 Clara.md, 1987-05.txt.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from mimetypes import MimeTypes
from urllib.parse import unquote

from dearly.exchange import frontmatter
from dearly.exchange.found import LARGEST_LETTER, Page, Precision, Said, When
from dearly.exchange.frontmatter import Value
from dearly.letter.address import clean
from dearly.mime import charset
from dearly.mime.dates import read_date

LARGEST_TEXT = 8 << 20
"""Octets of a text file; a long novel has a tenth of it."""

MOST_ENCLOSURES = 200

HEAVIEST = LARGEST_LETTER
"""Octets of all the files that a text encloses; what goes beyond counts as lacking."""

LONGEST_HEAD = 4 * frontmatter.LONGEST
"""Octets in which a head of the longest kind surely ends."""

_ISO = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?\Z")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d[0-9:.+Z-]{0,24}\Z")
_IN_NAME = re.compile(r"(?<!\d)(1[4-9]\d\d|20\d\d)(?:-(0[1-9]|1[0-2])(?:-([0-3]\d))?)?(?![\d-])")
_DIRECTIONS = {"in": "in", "out": "out", "received": "in", "sent": "out", "from me": "out", "to me": "in"}
_FOR_ALL = ("from", "to", "cc", "date", "subject", "place", "lang", "language", "direction", "letter_id", "number")
_MEANT = frozenset({*_FOR_ALL, "letter_no", "way", "seal", "in_reply_to", "enclosures", "text"})

Beside = Callable[[str], bytes | None]
"""The octets of a file by its path beside the text file; None where there is none that may be taken."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text file, read. `markdown`: whether its text is CommonMark."""

    text: str
    said: Said
    pages: tuple[Page, ...]
    lacking: tuple[str, ...]
    markdown: bool


def read(name: str, data: bytes, beside: Beside) -> Text:
    """What a file called `name` says. `beside`: for what it names as enclosed. Never raises."""
    text = _decoded(data).replace("\r\n", "\n").replace("\r", "\n")
    head, body = frontmatter.split(text, _FOR_ALL)
    said = _said(head)
    if said.date is None:
        said = replace(said, date=date_in_name(name))
    pages, lacking = _enclosed(_many(head.get("enclosures", ())), beside)
    markdown = name.lower().endswith((".md", ".markdown")) and head.get("text") != "plain"
    return Text(body, said, pages, lacking, markdown)


def enclosures(beginning: bytes) -> tuple[str, ...]:
    """What a text file names as enclosed, by its first `LONGEST_HEAD` octets."""
    paths = _many(frontmatter.split(_decoded(beginning).replace("\r\n", "\n"))[0].get("enclosures", ()))
    return (*paths, *(unquote(path) for path in paths if "%" in path))


def date_in_name(name: str) -> When | None:
    """The date in the name of a file or folder, if one is there: a day, a month or a year."""
    found = _IN_NAME.search(name)
    return _when(found) if found else None


def read_when(text: str) -> When | None:
    """A date as people and programs write it at the head of a file; None when it is none."""
    text = text.strip()
    found = _ISO.match(text)
    if found:
        return _when(found)
    moment = read_date(text)
    if _MOMENT.match(text):
        try:
            found_so = datetime.fromisoformat(text)
            moment = found_so if found_so.tzinfo else found_so.replace(tzinfo=UTC)
            moment.astimezone(UTC)  # every later step works in UTC
        except (ValueError, OverflowError):
            return None
    return When(moment, Precision.TIME) if moment else None


def _when(found: re.Match[str]) -> When | None:
    year, month, day = (int(part) if part else None for part in found.groups())
    precision = Precision.DAY if day else Precision.MONTH if month else Precision.YEAR
    try:
        return When(datetime(year or 0, month or 1, day or 1, 12, tzinfo=UTC), precision)
    except ValueError:
        return None


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return charset.decode(data, None)


def _said(head: dict[str, Value]) -> Said:
    def one(key: str) -> str | None:
        return clean(", ".join(_many(head.get(key, "")))) or None

    def some(key: str) -> tuple[str, ...]:
        return tuple(filter(None, map(clean, _many(head.get(key, "")))))

    def count(key: str) -> int | None:
        value = one(key) or ""
        return int(value) if value.isascii() and value.isdecimal() and len(value) <= 9 else None

    direction = _DIRECTIONS.get((one("direction") or "").casefold())
    return Said(
        sender=one("from"),
        to=some("to"),
        cc=some("cc"),
        date=read_when(one("date") or ""),
        subject=one("subject"),
        place=one("place"),
        language=one("lang") or one("language"),
        direction=direction,
        letter_id=one("letter_id"),
        number=count("number"),
        letter_no=count("letter_no"),
        way=one("way"),
        seal=one("seal"),
        in_reply_to=one("in_reply_to"),
        also=tuple((key, clean(", ".join(_many(value)))) for key, value in head.items() if key not in _MEANT),
    )


def _many(value: Value) -> tuple[str, ...]:
    return ((value,) if value else ()) if isinstance(value, str) else value


def _enclosed(paths: tuple[str, ...], beside: Beside) -> tuple[tuple[Page, ...], tuple[str, ...]]:
    pages, lacking = [], [clean(path) for path in paths[MOST_ENCLOSURES:]]
    types = MimeTypes(filenames=())  # the machine's own table would make letters differ from place to place
    left = HEAVIEST
    for path in paths[:MOST_ENCLOSURES]:
        data = beside(path)
        if data is None and "%" in path:
            data = beside(unquote(path))
        if data is None or len(data) > left:
            lacking.append(clean(path))
            continue
        left -= len(data)
        name = path.rpartition("/")[2]
        guessed, encoding = types.guess_type(name)
        pages.append(Page(name, guessed if guessed and not encoding else "application/octet-stream", data))
    return tuple(pages), tuple(lacking)
