"""Everything that lies in a store for one account, as a value that another store can take over (`moving.py`).

Columns stand in plain tuples, in the order of the constants here, so that a store reads and writes them as they are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dearly.letter.address import Address
from dearly.office.store import Shelf

Row = tuple[Any, ...]

PERSON = (
    "uid", "address", "token", "joined",
    "email_seq", "known_from", "submission_seq", "submissions_from", "held", "quota",
)  # fmt: skip
EMAIL = ("uid", "mailbox", "blob", "received", "leaves", "keywords", "created", "changed")
GONE = ("destroyed", "uid", "created", "at")
SUBMISSION = ("uid", "key", "email", "blob", "sender", "at", "deliveries", "created", "changed")
OUTGOING = ("uid", "submission", "recipient", "blob", "size", "since", "due", "step", "holder", "tries")
BLOB = ("uid", "size", "sender", "at")
"""`at`: when it was uploaded, if it waits as an upload."""


@dataclass(frozen=True, slots=True)
class Belongings:
    """All of one account but the bytes of its blobs. Each row as the constants above name its columns."""

    person: Row
    blobs: Sequence[Row]
    emails: Sequence[Row]
    gone: Sequence[Row]
    submissions: Sequence[Row]
    outgoing: Sequence[Row]


class MovableShelf(Shelf):
    """A shelf whose accounts can be taken over, one by one, by another store's shelf. Only `moving.py` uses these."""

    @abstractmethod
    def fact(self, name: str) -> str | None:
        """A word about the whole store."""

    @abstractmethod
    def set_fact(self, name: str, value: str | None) -> None:
        """Keep it; None: forget it."""

    @abstractmethod
    def seconds(self) -> float:
        """What the store's own machine takes for now, in seconds since 1970: every node of it sees the same."""

    @abstractmethod
    def await_writers(self) -> None:
        """Wait for every write that is under way. Asked for in a transaction of its own, after `closed` was set."""

    @abstractmethod
    def marks(self) -> Mapping[str, int]:
        """For each account, by its `Address.key`, a number that changes whenever its belongings do. Equal in two stores
        where the belongings are; within one process only."""

    @abstractmethod
    def belongings(self, key: str) -> Belongings | None:
        """Those of the account with this `Address.key`."""

    @abstractmethod
    def bytes_of(self, key: str, blob: str) -> bytes:
        """A whole blob of that account's."""

    @abstractmethod
    def take_over(self, given: Belongings, bytes_of: Callable[[str], bytes]) -> int:
        """Put them in the place of what lies here for that account. `bytes_of` is asked for blobs that are not here
        yet; how many bytes those were."""

    @abstractmethod
    def let_go(self, key: str) -> None:
        """Remove this account: it is no longer there where it came from."""

    @abstractmethod
    def invitations(self) -> Sequence[tuple[bytes, str, int, str | None]]:
        """Token's digest, name, until, key of the account that used it; in order of the first."""

    @abstractmethod
    def replace_invitations(self, given: Sequence[tuple[bytes, str, int, str | None]]) -> None:
        """Have exactly these."""


def key_of(person: Row) -> str:
    """The `Address.key` of whose belongings they are."""
    local, _at, domain = person[1].rpartition("@")
    return Address(local, domain).key


def mark(person: Row, uploads: tuple[int, int]) -> int:
    """The mark of an account: its row, and how many uploads wait and the sum of their hours."""
    return hash((*person, *uploads))
