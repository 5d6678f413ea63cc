"""One transaction over PostgreSQL: its connection, and how each account stands in it.

Who writes for an account first takes the lock of its row; from then on the counters of that row are known here
(`standings`). So two nodes never give one seq twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dearly.office.limits import Limits
from dearly.office.standings import Standing, Standings

if TYPE_CHECKING:
    from psycopg import Connection, Cursor

_COLUMNS = (
    "SELECT account, uid, address, joined, email_seq, known_from, submission_seq, submissions_from, held, quota"
    " FROM accounts WHERE account = %s"
)


Saved = tuple[dict[int, Standing | None], frozenset[int], frozenset[tuple[int, str]]]


class Ledger(Standings):
    """`writes`: whether rows are locked when they are first asked for."""

    def __init__(self, db: Connection[Any], limits: Limits, domain: str, *, writes: bool) -> None:
        super().__init__(limits)
        self._db, self._domain, self._writes = db, domain, writes
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
            self._standings[number] = Standing.of(cursor.fetchone())

    def _ask(self, number: int) -> Cursor[Any]:
        return self._do(_COLUMNS + (" FOR UPDATE" if self._writes else ""), number)

    def _read_standing(self, number: int) -> Standing | None:
        return Standing.of(self._ask(number).fetchone())

    def _write_standing(self, standing: Standing) -> None:
        s = standing
        self._do(
            "UPDATE accounts SET email_seq = %s, known_from = %s, submission_seq = %s, submissions_from = %s,"
            " held = %s, quota = %s WHERE account = %s",
            *(s.email_seq, s.known_from, s.submission_seq, s.submissions_from),
            *(s.held, s.quota, s.account.number),
        )

    def saved(self) -> Saved:
        """What `restore` takes: everything as it stands now."""
        return dict(self._standings), self._changed, self._uploads

    def restore(self, saved: Saved) -> None:
        """After a rollback to where `saved` was taken."""
        self._standings, self._changed, self._uploads = saved


def _plain(value: Any) -> Any:
    """A value as PostgreSQL takes it: its texts know no NUL. Nothing that is stored has one, so what is asked for with
    one is not found."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return [_plain(v) for v in value] if isinstance(value, list) else value
