"""A bundle read back. It may come from anywhere, so nothing in it is believed that can be looked at.

The tar's headers are read by their fixed form, one after the other, and nothing is ever unpacked onto a disk: there are
no paths to follow. A line is JSON of a few megabytes at most, of which each field must have its own type
(`exchange.records`); a blob must have its own digest. That is all the parsing there is, so it is done here: what is in
the blobs, the letters themselves, is given to the opener's children like every other foreign letter.

What a bundle says of a letter's seal is the word of whoever made the bundle.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeVar

from dearly.exchange.bundle import (
    BLOCK,
    CERTIFICATES,
    DOOR,
    END,
    ERASED,
    FORMAT,
    HEAD,
    OWNER,
    PEOPLE,
    VERSION,
    Counts,
)
from dearly.exchange.records import Get, Wrong, from_json
from dearly.letter.errors import Damaged, MadeByNewer, Usage
from dearly.letter.leaving import (
    AtTheDoor,
    Book,
    Leaving,
    LeavingCertificate,
    LeavingDraft,
    LeavingPerson,
    Original,
    Owner,
    Tombstone,
)
from dearly.letter.words import _

T = TypeVar("T")

LONGEST_LINE = 8 << 20
LARGEST_BLOB = 256 << 20
HEAVIEST_LINE = 1 << 30
"""Octets of all blobs that one line names, counted as often as it names them: a letter of the largest size, its
enclosures, and several copies of it."""

MOST_NAMED = 50
"""Torn things that are remembered by where they are."""

MOST_MEMBERS = 20_000_000
LARGEST_LIST = 1 << 30
"""Octets of one file of lines. It is read line by line."""

_PIECE = re.compile(r"(letters|envelopes|drafts)/\d{6,9}\.jsonl\Z")
_BLOB = re.compile(r"blobs/([0-9a-f]{64})\Z")


@dataclass(frozen=True, slots=True)
class Torn:
    """Something in a bundle that is not as it was written. `where`: file and line, for a person who looks; `why`: what
    is wrong, in a sentence."""

    where: str
    why: str


class Bundle:
    """An open bundle. `with Bundle.open(path) as bundle:`. A cursor names the place behind what it came with; "" is the
    beginning. `whole`: False where the end is missing; what is there can be read all the same. `torn`: where what was
    read until now is not as it was written, the first `MOST_NAMED` of it."""

    format = "bundle"

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self._blobs: dict[bytes, tuple[int, int]] = {}
        self._members: dict[str, tuple[int, int]] = {}
        self.whole = False
        self.torn: list[str] = []
        self.counts = Counts()
        self.made: datetime | None = None
        self.drawer = ""

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """The bundle at `path`. Raises `Usage` (not_a_bundle), `MadeByNewer` (bundle_newer), `Damaged`
        (bundle_damaged)."""
        return cls.of(path.open("rb"), path)

    @classmethod
    def of(cls, file: BinaryIO, path: Path) -> Bundle:
        """As `open`, of a file that is open already and becomes the bundle's own. `path`: what it is called."""
        try:
            bundle = cls(file, path)
            bundle._look()
        except BaseException:
            file.close()
            raise
        return bundle

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @property
    def place(self) -> str:
        """What a person calls it."""
        return self._path.name

    def book(self) -> Book:
        """Whose letters these are, and all that is not letters; what is torn of it is left out. Certificates are
        unexamined. Raises `Damaged` (bundle_damaged)."""
        return Book(
            self._only(OWNER, Owner),
            self._all(PEOPLE, LeavingPerson),
            self._all(CERTIFICATES, LeavingCertificate),
            self._all(DOOR, AtTheDoor),
            self._all(ERASED, Tombstone),
        )

    def letters(self, cursor: str = "") -> Iterator[tuple[str, Leaving | Torn]]:
        """The letters behind `cursor`, by date, each with the cursor behind it."""
        return self._pieces("letters", Leaving, cursor)

    def envelopes(self, cursor: str = "") -> Iterator[tuple[str, Original | Torn]]:
        """Parcels without a letter, as `letters`."""
        return self._pieces("envelopes", Original, cursor)

    def drafts(self, cursor: str = "") -> Iterator[tuple[str, LeavingDraft | Torn]]:
        """Drafts, as `letters`."""
        return self._pieces("drafts", LeavingDraft, cursor)

    def _look(self) -> None:
        """Learn where everything lies."""
        first = True
        for name, offset, size in _headers(self._file):
            if first and name != HEAD:
                raise _no_bundle(self._path)
            first = False
            if (found := _BLOB.match(name)) is not None:
                self._blobs.setdefault(bytes.fromhex(found[1]), (offset, size))
            elif name in (HEAD, OWNER, PEOPLE, CERTIFICATES, DOOR, ERASED, END) or _PIECE.match(name):
                self._members.setdefault(name, (offset, size))
        if first:
            raise _no_bundle(self._path)
        self._read_head()
        self._read_end()

    def _read_head(self) -> None:
        head = self._object(HEAD)
        if head.get("format") != FORMAT or type(head.get("version")) is not int:
            raise _no_bundle(self._path)
        if head["version"] > VERSION:
            raise MadeByNewer(
                "bundle_newer",
                _("This bundle was made by a newer version of Dearly."),
                _("Import it with that version, or a later one."),
            )
        try:
            self.made = datetime.fromisoformat(str(head.get("made")))
        except ValueError:
            self.made = None
        self.drawer = str(head.get("drawer", ""))[:64]

    def _read_end(self) -> None:
        if END not in self._members:
            return
        end = self._object(END)
        files = end.get("files")
        if not isinstance(files, dict):
            raise _damaged(_("its end cannot be read"))
        for name, digest in files.items():
            if name not in self._members:
                raise _damaged(_("something is missing in it"))
            if self._digest(name) != digest:
                raise _damaged(_("a file in it is not as it was written"))
        try:
            self.counts = from_json(Counts, end, self._blob)
        except Wrong:
            raise _damaged(_("its end cannot be read")) from None
        self.whole = True

    def _digest(self, name: str) -> str:
        offset, size = self._members[name]
        self._file.seek(offset)
        digest = hashlib.sha256()
        while size and (data := self._file.read(min(size, 1 << 20))):
            digest.update(data)
            size -= len(data)
        return digest.hexdigest()

    def _object(self, name: str) -> dict[str, Any]:
        offset, size = self._members.get(name, (0, 0))
        if not 0 < size <= LONGEST_LINE:
            raise _damaged(_("something is missing in it"))
        self._file.seek(offset)
        try:
            found = _parse(self._file.read(size))
        except Wrong:
            found = None
        if not isinstance(found, dict):
            raise _damaged(_("a file in it is not as it was written"))
        return found

    def _only(self, name: str, kind: type[T]) -> T:
        try:
            return from_json(kind, self._object(name), self._blob)
        except Wrong as wrong:
            raise _damaged(f"{name}: {wrong}") from None

    def _all(self, name: str, kind: type[T]) -> tuple[T, ...]:
        return tuple(one for _cursor, one in self._listed(name, kind, 0) if not isinstance(one, Torn))

    def _pieces(self, what: str, kind: type[T], cursor: str) -> Iterator[tuple[str, T | Torn]]:
        name, _colon, line = cursor.rpartition(":")
        names = sorted(one for one in self._members if one.startswith(f"{what}/") and one >= name)
        for one in names:
            skip = int(line) if one == name and line.isdecimal() else 0
            yield from self._listed(one, kind, skip)

    def _listed(self, name: str, kind: type[T], skip: int) -> Iterator[tuple[str, T | Torn]]:
        """The values in a file of lines behind the first `skip`, each with the cursor behind it."""
        offset, size = self._members.get(name, (0, 0))
        end, number = offset + min(size, LARGEST_LIST), 0
        while offset < end:
            self._file.seek(offset)
            line = self._file.readline(min(LONGEST_LINE, end - offset))
            if not line:
                return
            offset += len(line)
            number += 1
            if number <= skip:
                continue
            cursor = f"{name}:{number}"
            if not line.endswith(b"\n"):
                yield cursor, self._torn(cursor, _("The line is cut off, or too long."))
                return
            try:
                yield cursor, from_json(kind, _parse(line), self._blobs_of_a_line())
            except Wrong as wrong:
                yield cursor, self._torn(cursor, str(wrong))

    def _torn(self, where: str, why: str) -> Torn:
        if len(self.torn) < MOST_NAMED:
            self.torn.append(where)
        return Torn(where, why)

    def _blobs_of_a_line(self) -> Get:
        left = HEAVIEST_LINE

        def blob(digest: str, size: int) -> bytes:
            nonlocal left
            left -= size
            if left < 0:
                raise Wrong("the blobs that it names are too large together")
            return self._blob(digest, size)

        return blob

    def _blob(self, digest: str, size: int) -> bytes:
        try:
            offset, there = self._blobs[bytes.fromhex(digest)]
        except (ValueError, KeyError):
            raise Wrong("a blob is missing") from None
        if size != there or size > LARGEST_BLOB:
            raise Wrong("a blob has another size")
        self._file.seek(offset)
        data = self._file.read(size)
        if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
            raise Wrong("a blob is not as it was written")
        return data


def _headers(file: BinaryIO) -> Iterator[tuple[str, int, int]]:
    """Name, offset and size of each plain file in a tar. What is not whole at its end is passed over."""
    file.seek(0, 2)
    length, offset = file.tell(), 0
    for _member in range(MOST_MEMBERS):
        file.seek(offset)
        block = file.read(BLOCK)
        if len(block) < BLOCK or not block.strip(b"\0"):
            return
        try:
            about = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError, UnicodeDecodeError):
            return
        offset += BLOCK
        if about.size < 0 or offset + about.size > length:
            return
        if about.isreg():
            yield about.name, offset, about.size
        # Whatever else a program that packed it anew put in (folders, times) holds nothing of ours.
        offset += about.size + -about.size % BLOCK


def _parse(line: bytes) -> Any:
    def refuse(_constant: str) -> Any:
        raise Wrong("not a number")

    try:
        return json.loads(line, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Wrong("not JSON") from None


def _no_bundle(path: Path) -> Usage:
    return Usage(
        "not_a_bundle",
        _("“{name}” is not a bundle of letters.").format(name=path.name),
        _("“dearly export DIR --format bundle” makes one."),
    )


def _damaged(why: str) -> Damaged:
    return Damaged(
        "bundle_damaged",
        _("This bundle is damaged or not whole: {why}.").format(why=why),
        _("Use another copy of it. The file itself can be looked into with tar."),
    )
