"""One transaction over PostgreSQL: its connection, and how each account stands in it.

Who writes for an account first takes the lock of its row; from then on the counters of that row (`Standing`) are
known here, are counted here, and go back to the row once, before the commit. So two nodes never give one seq twice,
and a batch of a hundred parcels changes the row once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dearly.letter.address import Address
from dearly.office.limits import Limits
from dearly.office.store import Account

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

_COLUMNS = (
    "SELECT account, uid, address, joined, email_seq, known_from, submission_seq, submissions_from, held, quota"
    " FROM accounts WHERE account = %s"
)


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


Saved = tuple[dict[int, Standing | None], frozenset[int], frozenset[tuple[int, str]]]


class Ledger:
    """`writes`: whether rows are locked when they are first asked for."""

    def __init__(self, db: Connection[Any], limits: Limits, domain: str, *, writes: bool) -> None:
        self._db, self._limits, self._domain, self._writes = db, limits, domain, writes
        self._standings: dict[int, Standing | None] = {}
        self._changed: frozenset[int] = frozenset()
        self._uploads: frozenset[tuple[int, str]] = frozenset()
        """Account and blob of what has been uploaded, and waits, in this transaction."""

    # -- statements

    def _do(self, sql: str, *values: Any) -> Cursor[Any]:
        """One statement. In a pipeline it is only sent; fetching from its cursor waits for it."""
        return self._db.cursor(binary=True).execute(sql, [_plain(v) for v in values])

    def _one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._do(sql, *values).fetchone()
        return row

    def _all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._do(sql, *values).fetchall()

    # -- standings

    def take(self, numbers: Iterable[int]) -> None:
        """Lock these accounts, in one order for everybody, so that no two transactions wait for each other."""
        asked = [(n, self._ask(n)) for n in sorted(set(numbers)) if n not in self._standings]
        for number, cursor in asked:
            self._standings[number] = _standing(cursor.fetchone())

    def _ask(self, number: int) -> Cursor[Any]:
        return self._do(_COLUMNS + (" FOR UPDATE" if self._writes else ""), number)

    def _standing(self, number: int) -> Standing | None:
        if number not in self._standings:
            self._standings[number] = _standing(self._ask(number).fetchone())
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

    def _put(self, standing: Standing) -> None:
        number = standing.account.number
        self._standings[number] = standing
        self._changed |= {number}

    def saved(self) -> Saved:
        """What `restore` takes: everything as it stands now."""
        return dict(self._standings), self._changed, self._uploads

    def restore(self, saved: Saved) -> None:
        """After a rollback to where `saved` was taken."""
        self._standings, self._changed, self._uploads = saved

    def flush(self) -> None:
        """Write the standings back."""
        for number in sorted(self._changed):
            s = self._standings[number]
            if s is not None:
                self._do(
                    "UPDATE accounts SET email_seq = %s, known_from = %s, submission_seq = %s, submissions_from = %s,"
                    " held = %s, quota = %s WHERE account = %s",
                    s.email_seq,
                    s.known_from,
                    s.submission_seq,
                    s.submissions_from,
                    s.held,
                    s.quota,
                    number,
                )
        self._changed = frozenset()


def _plain(value: Any) -> Any:
    """A value as PostgreSQL takes it: its texts know no NUL. Nothing that is stored has one, so what is asked for with
    one is not found."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _standing(row: Sequence[Any] | None) -> Standing | None:
    return None if row is None else Standing(account_of(row[:4]), *row[4:])


def account_of(row: Sequence[Any]) -> Account:
    """Of the columns number, uid, address, joined."""
    number, uid, address, joined = row
    local, _at, domain = address.rpartition("@")
    return Account(number, uid, Address(local, domain), datetime.fromtimestamp(joined, UTC))
