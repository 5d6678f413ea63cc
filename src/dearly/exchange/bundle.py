"""The bundle: everything in a drawer as one plain file, which `import` takes back without any loss (docs/bundle.md).

It is a tar file of lines of JSON and of blobs, each blob under its own SHA-256: what there is to read it with in thirty
years, there was thirty years ago. In this order:

    dearly-bundle.json          what this is, which version, when it was made
    README.txt                  the same in words
    owner.json                  whose letters these are, and their keys
    people.jsonl, certificates.jsonl, door.jsonl, erased.jsonl
    blobs/SHA-256               octets that the lines behind it name, each once
    letters/000001.jsonl ...    a letter a line (`letter.leaving`), by date
    envelopes/000001.jsonl ...  what was not opened, or cannot be, as it came
    drafts/000001.jsonl ...
    end.json                    how many of each, and the digest of every file of lines: without it something is missing

It is not locked: a backup is, and a bundle may be put under any lock that one trusts. It is written and read from one
end to the other, with one piece in memory. `bundle_reading` reads it.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from dearly.exchange.records import to_json

if TYPE_CHECKING:
    from dearly.letter.leaving import Book, Leaving, LeavingDraft, Original

FORMAT, VERSION = "dearly-bundle", 1
HEAD, OWNER, PEOPLE, CERTIFICATES, DOOR, ERASED, END = (
    "dearly-bundle.json",
    "owner.json",
    "people.jsonl",
    "certificates.jsonl",
    "door.jsonl",
    "erased.jsonl",
    "end.json",
)
NAME = "letters.dearly.tar"
"""How the file is called in an export."""

BLOCK = 512
"""Octets of a tar's blocks (POSIX.1-1988 ustar)."""


class Out(Protocol):
    """Where it is written to."""

    def write(self, data: bytes) -> None:
        """Go on with these octets."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is in it."""

    letters: int = 0
    envelopes: int = 0
    drafts: int = 0


class BundleWriter:
    """Writes a bundle onto `out`: `begin`, then pieces of letters, envelopes and drafts, then `end`."""

    def __init__(self, out: Out, made: datetime) -> None:
        self._out, self._made = out, made.astimezone(UTC)
        self._blobs: set[bytes] = set()
        self._files: dict[str, str] = {}
        self._counts = {"letters": 0, "envelopes": 0, "drafts": 0}
        self._pieces = {"letters": 0, "envelopes": 0, "drafts": 0}

    def begin(self, readme: str, book: Book) -> None:
        """What stands before the letters."""
        owner = book.owner
        head = {"format": FORMAT, "version": VERSION, "made": self._made.isoformat(), "drawer": owner.drawer}
        self._file(HEAD, _lines([head]))
        self._file("README.txt", readme.encode())
        self._listed(OWNER, [owner])
        self._listed(PEOPLE, book.people)
        self._listed(CERTIFICATES, book.certificates)
        self._listed(DOOR, book.door)
        self._listed(ERASED, book.erased)

    def letters(self, piece: Iterable[Leaving]) -> None:
        """The next letters, with everything in them."""
        self._next("letters", piece)

    def envelopes(self, piece: Iterable[Original]) -> None:
        """The next parcels without a letter."""
        self._next("envelopes", piece)

    def drafts(self, piece: Iterable[LeavingDraft]) -> None:
        """The next drafts."""
        self._next("drafts", piece)

    def end(self) -> Counts:
        """The end, by which a reader knows that nothing is missing."""
        self._file(END, _lines([{**self._counts, "files": self._files}]))
        self._out.write(bytes(2 * BLOCK))
        return Counts(**self._counts)

    def _next(self, kind: str, piece: Iterable[Any]) -> None:
        self._pieces[kind] += 1
        self._counts[kind] += self._listed(f"{kind}/{self._pieces[kind]:06}.jsonl", piece)

    def _listed(self, name: str, values: Iterable[Any]) -> int:
        # The blobs that the lines name are written while they are made, so they lie before them.
        lines = [to_json(value, self._blob) for value in values]
        data = _lines(lines)
        self._files[name] = hashlib.sha256(data).hexdigest()
        self._file(name, data)
        return len(lines)

    def _blob(self, data: bytes) -> str:
        digest = hashlib.sha256(data)
        if digest.digest() not in self._blobs:
            self._blobs.add(digest.digest())
            self._file(f"blobs/{digest.hexdigest()}", data)
        return digest.hexdigest()

    def _file(self, name: str, data: bytes) -> None:
        about = tarfile.TarInfo(name)
        about.size, about.mode, about.mtime = len(data), 0o600, int(self._made.timestamp())
        self._out.write(about.tobuf(tarfile.USTAR_FORMAT))
        self._out.write(data)
        self._out.write(bytes(-len(data) % BLOCK))


def _lines(values: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for one in values)
