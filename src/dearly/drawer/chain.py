"""The chain: an append-only list of digests over what was posted, arrived, filed and erased.

Each link covers the one before it, so a part of the drawer that was put back to an older state no longer fits the
rest. Page MACs cannot see that: an old page of the same number is genuine (F21), and so is last week's whole file
(F20). The *head* (how many links, and the last digest) is also kept outside the database, where a rollback of the
database does not reach: sealed in the slots files and in a folder for the program's state (`heads`).

    CREATE TABLE chain (
      id      INTEGER PRIMARY KEY,   -- 1, 2, 3, ... without a gap
      kind    TEXT    NOT NULL,      -- one of Kind
      subject BLOB    NOT NULL,      -- SHA-256 of what the link speaks of
      at      INTEGER NOT NULL,      -- unix seconds, by the clock of this machine: a claim, not an order
      digest  BLOB    NOT NULL       -- SHA-256 over the digest before and this row
    ) STRICT;
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum

from dearly.drawer.connection import Db

_START = hashlib.sha256(b"dearly chain 1").digest()
_RECORD = struct.Struct(">Q32sq")


class Kind(StrEnum):
    """What happened to the subject."""

    POSTED = "posted"
    ARRIVED = "arrived"
    FILED = "filed"
    ERASED = "erased"
    """A tombstone: the subject is gone because the person wished it, not by loss."""


@dataclass(frozen=True, slots=True)
class Head:
    """How far the chain goes. `count` links; `at` is the time of the last one, in unix seconds (0 for none)."""

    count: int
    digest: bytes
    at: int

    @property
    def when(self) -> datetime:
        """The time of the last link."""
        return datetime.fromtimestamp(self.at, UTC)


@dataclass(frozen=True, slots=True)
class BadLink:
    """The first link that does not fit: its row, and the kind and time that it claims ("" and 0 for a missing row)."""

    number: int
    kind: str
    at: int


class Standing(Enum):
    """How the chain stands to a head that was kept outside."""

    AGREES = "agrees"
    """The outside head is in the chain (it may have grown since)."""
    BEHIND = "behind"
    """The chain is shorter than it once was: the drawer was put back to an older state (F20)."""
    DIFFERS = "differs"
    """It is as long or longer, but another one: put back, and then written on."""


def append(db: Db, kind: Kind, subject: bytes, now: datetime) -> Head:
    """Add a link, in the transaction of what it speaks of. `subject` is a SHA-256."""
    return append_many(db, [(kind, subject)], now)


def append_many(db: Db, links: Iterable[tuple[Kind, bytes]], now: datetime) -> Head:
    """Add links (kind and subject), in order."""
    last = head(db)
    count, digest, at = last.count, last.digest, int(now.timestamp())
    rows = []
    for kind, subject in links:
        count += 1
        digest = _link(digest, count, kind, subject, at)
        rows.append((count, kind.value, subject, at, digest))
    if rows:
        db.many("INSERT INTO chain (id, kind, subject, at, digest) VALUES (?, ?, ?, ?, ?)", rows)
    return Head(count, digest, at) if rows else last


def head(db: Db) -> Head:
    """The last link."""
    row = db.one("SELECT id, digest, at FROM chain ORDER BY id DESC LIMIT 1")
    return Head(0, _START, 0) if row is None else Head(*row)


def verify(db: Db) -> BadLink | None:
    """The first link that does not follow from the one before it, or None. Reads the whole chain."""
    before, expected = _START, 1
    for number, kind, subject, at, digest in db.each("SELECT id, kind, subject, at, digest FROM chain ORDER BY id"):
        if number != expected:
            return BadLink(expected, "", 0)
        if digest != _link(before, number, kind, subject, at):
            return BadLink(number, kind, at)
        before, expected = digest, expected + 1
    return None


def standing(db: Db, outside: Head) -> Standing:
    """How the chain in the drawer stands to a head that was kept elsewhere."""
    if outside.count == 0:
        return Standing.AGREES
    digest = db.value("SELECT digest FROM chain WHERE id = ?", (outside.count,))
    if digest is None:
        return Standing.BEHIND
    return Standing.AGREES if digest == outside.digest else Standing.DIFFERS


def known(db: Db, kind: Kind, subject: bytes) -> bool:
    """Whether the chain has a link of this kind for the subject."""
    return db.one("SELECT 1 FROM chain WHERE kind = ? AND subject = ?", (kind.value, subject)) is not None


def pack(value: Head) -> bytes:
    """A head as bytes, for `slots.seal_record`."""
    return _RECORD.pack(value.count, value.digest, value.at)


def unpack(data: bytes | None) -> Head | None:
    """The head that `pack` made, or None."""
    return Head(*_RECORD.unpack(data)) if data is not None and len(data) == _RECORD.size else None


def _link(before: bytes, number: int, kind: str, subject: bytes, at: int) -> bytes:
    word = kind.encode()
    return hashlib.sha256(before + struct.pack(">QqH", number, at, len(word)) + word + subject).digest()
