"""How each account stands within one transaction, for both stores.

The counters of an account's row (`Standing`) are read once, are counted here, and go back to the row once, before the
commit: so a batch of a hundred parcels changes the row once. Nobody else may change them meanwhile: SQLite has one
writer, and in PostgreSQL whoever writes for an account has locked its row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dearly.office.limits import Limits
from dearly.office.rows import account_of
from dearly.office.store import Account


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stands: the columns of `accounts` of the same names."""

    account: Account
    email_seq: int
    known_from: int
    submission_seq: int
    submissions_from: int
    held: int
    quota: int | None

    @classmethod
    def of(cls, row: Sequence[Any] | None) -> Standing | None:
        """Of the columns number, uid, address, joined and those above, in this order."""
        return None if row is None else cls(account_of(row[:4]), *row[4:])


class Standings(ABC):
    """Those that a transaction has asked for, and what it has counted. None: there is no such account."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._standings: dict[int, Standing | None] = {}
        self._changed: frozenset[int] = frozenset()

    @abstractmethod
    def _read_standing(self, number: int) -> Standing | None:
        """The account's row."""

    @abstractmethod
    def _write_standing(self, standing: Standing) -> None:
        """Put it into the account's row."""

    def _standing(self, number: int) -> Standing | None:
        if number not in self._standings:
            self._standings[number] = self._read_standing(number)
        return self._standings[number]

    def _stands(self, account: Account) -> Standing:
        """As `_standing`, of an account that is there."""
        found = self._standing(account.number)
        if found is None:
            raise LookupError
        return found

    def _count(self, account: int, size: int, changes: int = 0) -> int | None:
        """Hold `size` more bytes for the account, and count `changes` of its emails: the email_seq now. None: full,
        or not there."""
        s = self._standing(account)
        if s is None:
            return None
        held = s.held + size
        if size > 0 and held > (self._limits.quota if s.quota is None else s.quota):
            return None
        self._put(replace(s, held=held, email_seq=s.email_seq + changes))
        return s.email_seq + changes

    def _submission_counted(self, account: Account) -> int:
        """Count a change of its submissions: the submission_seq now."""
        s = self._stands(account)
        self._put(replace(s, submission_seq=s.submission_seq + 1))
        return s.submission_seq + 1

    def _put(self, standing: Standing) -> None:
        number = standing.account.number
        self._standings[number] = standing
        self._changed |= {number}

    def flush(self) -> None:
        """Write the standings back: before the commit, and before a statement that reads them of many accounts."""
        for number in sorted(self._changed):
            standing = self._standings[number]
            if standing is not None:
                self._write_standing(standing)
        self._changed = frozenset()
