"""What readers of archives give: letters as they stand, letters written on paper or in text files, and what is passed
over. An archive is anything that holds letters: a file, a folder, a packed file, a folder of a server.

Every reader keeps four promises. The source is only ever read: never locked, changed or marked as seen. Its letters are
read one after the other, and at no time more than one of them is in memory. Nothing is left out without a word: what is
no letter comes as `PassedOver`, with its reason. And reading goes on exactly after any of them, by its `cursor`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

LARGEST_LETTER = 128 << 20
"""Octets of the largest letter that is read, as the opener takes it; a larger one is passed over by name."""


class Role(StrEnum):
    """What a folder or label is for, as other programs and providers name it in many languages."""

    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    OUTBOX = "outbox"
    """Waiting to be sent by the other program; whether it ever was is not known."""
    TEMPLATES = "templates"
    ARCHIVE = "archive"
    SPAM = "spam"
    TRASH = "trash"
    CHATS = "chats"
    """Not letters: what Gmail keeps of conversations."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the place of a letter lets one suppose; nothing of it is proven.

    `shown`: where it lies, fit to be shown in one line. `folder`: its folder as the other program shows it
    ("Archive/2019"), "" where there is none. `role`: of that folder, None for one that is merely somewhere. `labels`:
    as the provider names them. `laid_down`: when it came to lie there, by the file itself; None where that
    says nothing. `deleted`: marked as deleted by its program, which has not taken it out yet. `draft`:
    marked as unfinished. `exact`: False where the bytes may differ from those that once were put into the archive,
    because its writer did not say how it changed lines that begin with "From "."""

    shown: str
    folder: str = ""
    role: Role | None = None
    labels: tuple[str, ...] = ()
    laid_down: datetime | None = None
    deleted: bool = False
    draft: bool = False
    exact: bool = True

    @property
    def sent(self) -> bool | None:
        """Whether it lies among what was sent (True) or what came in (False); None where its place says neither."""
        return {Role.SENT: True, Role.INBOX: False, Role.SPAM: False}.get(self.role) if self.role else None


@dataclass(frozen=True, slots=True)
class Item:
    """A letter as RFC 5322 bytes, exactly as they stand in the archive; whether they can be read is for the opener.

    `cursor`: where to go on after it. `passed`: octets of the source up to there, of `Archive.size()`. `mark`: of the
    file that is this letter and nothing else, as it was when it was read (`maildir.marks`, `folder.mark`); empty where
    it tells nothing.
    """

    data: bytes = field(repr=False)
    cursor: str
    passed: int
    hints: Hints
    mark: bytes = b""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Files, one after the other, that were read before and have not changed since: known by their marks (`Item.mark`),
    and not opened."""

    marks: tuple[bytes, ...] = field(repr=False)
    cursor: str
    passed: int


class Precision(StrEnum):
    """How much of a date is known."""

    TIME = "time"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class When:
    """When something was written. `moment`: aware; what is not known of it stands at its beginning (a month at its
    first day), at noon UTC, so that the day is the same nearly everywhere."""

    moment: datetime
    precision: Precision


@dataclass(frozen=True, slots=True)
class Page:
    """A file that belongs to a written letter: a scanned page, or an enclosure. `name` is as it is on the disk; it is
    not parsed here, and `media_type` is by its first octets (scans) or its name (enclosures)."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """What is said about a written letter, by the lines at its head and by the name of its file. None or empty: not
    said. People are as they were written ("Clara", "Clara <clara@letters.test>"), unexamined.

    `direction`: "in" or "out". `letter_id`, `number`, `letter_no`, `way`, `seal`, `in_reply_to`: from a letter that
    Dearly itself wrote out, as claims. `also`: names and values that have no meaning here, so that nothing is lost."""

    sender: str | None = None
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    date: When | None = None
    subject: str | None = None
    place: str | None = None
    language: str | None = None
    direction: str | None = None
    letter_id: str | None = None
    number: int | None = None
    letter_no: int | None = None
    way: str | None = None
    seal: str | None = None
    in_reply_to: str | None = None
    also: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A letter that is no mail: a text file, or scanned pages. Who wrote it, when and to whom is in `said` as far as
    the file says it; the rest the person is asked.

    `text`: as Unicode with LF line ends, without the head; None for scans. `original`: the text file byte for byte,
    empty for scans (their originals are the pages). `pages`: scans in their order, or what a text names as enclosed.
    `markdown`: whether the text is CommonMark. `lacking`: enclosures that the text names and that are not there."""

    text: str | None = field(repr=False)
    original: bytes = field(repr=False)
    pages: tuple[Page, ...]
    said: Said
    cursor: str
    passed: int
    hints: Hints
    markdown: bool = False
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Something that is not taken, and why.

    `code`: "too_large", "vanished", "unreadable", "link", "not_a_letter", "empty", "damaged" or "unsupported". `why`: a
    sentence. `shown`: what it is, fit to be shown. `offset`, `size`: where in its file and how many octets, for a
    letter in a file of many."""

    code: str
    why: str
    shown: str
    cursor: str
    passed: int
    offset: int | None = None
    size: int | None = None


Found = Item | Written | PassedOver | Unchanged


class Archive(Protocol):
    """A source of letters. `format`: the word that `recognise` found or was given ("mbox", "maildir", "eml", "folder",
    "thunderbird", "takeout", "text", "scan", "scans", "packed", "drawer", "bundle"). `place`: what a person calls it,
    fit to be shown. `source`: 32 octets that name it for resuming: format and where it is."""

    format: str
    place: str
    source: bytes

    def items(self, cursor: str = "") -> Iterator[Found]:
        """Everything in it after `cursor` ("": from the beginning), in an order that does not change while the archive
        does not. A cursor that fits no longer, because the archive has changed, goes back to where it surely fits: a
        letter may then come a second time, none is left out. Close the iterator when you stop early.

        Raises `NotFound` (no_archive) where the archive itself is gone, `Refused` (unpacks_too_large) for a packed
        file that holds far more than a packed file should; and nothing else."""
        ...

    def size(self) -> int | None:
        """Octets of the source, for showing how far one is; None where it cannot be told cheaply. Looks at every name
        in a folder, without opening any file; of one that is a letter the size is not asked for, but supposed."""
        ...


class Member(Protocol):
    """One file of a packed file, to be read from beginning to end, before the next one is asked for."""

    name: str
    trouble: str
    """Why it could not be read to its end: "damaged", "unsupported" (a method or a password), else ""."""

    @property
    def packed(self) -> int:
        """Octets of the packed file that were read up to now."""
        ...

    def read(self, size: int, /) -> bytes:
        """At most `size` octets; b"" at its end, and at once where it is not `wanted`. Look at `trouble` then."""
        ...


class Unpack(Protocol):
    """Unpacking happens where foreign bytes may be parsed: `opener.unpacking.unpack` is the one implementation, handed
    in by whoever may know both rooms."""

    def __call__(
        self, path: Path, packing: str, wanted: Sequence[str] = (), start: int = 0
    ) -> AbstractContextManager[Iterator[Member]]:
        """The files inside, in the order of the packing.

        `packing`: "gz" (one file), "tar", "tgz" or "zip". `wanted`: endings, in lower case, of the names whose contents
        are to be read, all when empty. `start`: the contents of this many members at the beginning are not wanted. A
        last member without a name, whose `trouble` is set, says that the packed file itself is damaged.

        Raises `NotFound` (no_archive), `Refused` (unpacks_too_large)."""
        ...
