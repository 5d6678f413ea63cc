"""Belongings out of and into the SQLite store (`belongings.MovableShelf`)."""

# ruff: noqa: S608  statements are put together of our own names of tables and columns alone
from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from dearly.office.belongings import (
    EMAIL,
    GONE,
    OUTGOING,
    PERSON,
    SUBMISSION,
    Belongings,
    MovableShelf,
    key_of,
    mark,
)
from dearly.office.rows import portions
from dearly.office.shelf import SqliteShelf

_O = ", ".join("coalesce(b.uid, '')" if name == "blob" else f"o.{name}" for name in OUTGOING)
_E = ", ".join(f"e.{name}" for name in EMAIL if name != "blob").replace("e.mailbox,", "e.mailbox, b.uid,")


def _columns(names: Sequence[str]) -> str:
    return ", ".join(names)


def _marks(count: int) -> str:
    return ",".join("?" * count)


class MovableSqliteShelf(SqliteShelf, MovableShelf):
    """See `belongings.MovableShelf`."""

    def fact(self, name: str) -> str | None:
        row = self._db.one("SELECT value FROM facts WHERE name = ?", (name,))
        return row[0] if row else None

    def set_fact(self, name: str, value: str | None) -> None:
        if value is None:
            self._db.execute("DELETE FROM facts WHERE name = ?", (name,))
        else:
            self._db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def seconds(self) -> float:
        return time.time()

    def await_writers(self) -> None:
        """There is one writer at a time, and in a transaction that writes that is us."""

    def marks(self) -> Mapping[str, int]:
        rows = self._db.all(
            f"SELECT a.key, count(u.at), coalesce(sum(u.at), 0), {', '.join(f'a.{c}' for c in PERSON)}"
            " FROM accounts a LEFT JOIN uploads u ON u.account = a.number GROUP BY a.number"
        )
        return {row[0]: mark(row[3:], row[1:3]) for row in rows}

    def _number(self, key: str) -> int | None:
        row = self._db.one("SELECT number FROM accounts WHERE key = ?", (key,))
        return row[0] if row else None

    def belongings(self, key: str) -> Belongings | None:
        number = self._number(key)
        if number is None:
            return None

        def rows(sql: str) -> list[tuple[object, ...]]:
            return self._db.all(sql, (number,))

        (person,) = rows(f"SELECT {_columns(PERSON)} FROM accounts WHERE number = ?")
        blobs = rows(
            "SELECT b.uid, b.size, b.sender, u.at FROM blobs b LEFT JOIN uploads u ON u.blob = b.number AND"
            " u.account = ?1 WHERE b.number IN (SELECT blob FROM emails WHERE account = ?1"
            " UNION SELECT blob FROM uploads WHERE account = ?1"
            " UNION SELECT blob FROM outgoing WHERE account = ?1)"
        )
        emails = rows(f"SELECT {_E} FROM emails e JOIN blobs b ON b.number = e.blob WHERE e.account = ?")
        gone = rows(f"SELECT {_columns(GONE)} FROM gone WHERE account = ?")
        submissions = rows(f"SELECT {_columns(SUBMISSION)} FROM submissions WHERE account = ? ORDER BY number")
        outgoing = rows(f"SELECT {_O} FROM outgoing o LEFT JOIN blobs b ON b.number = o.blob WHERE o.account = ?")
        return Belongings(person, blobs, emails, gone, submissions, outgoing)

    def bytes_of(self, key: str, blob: str) -> bytes:
        account = self.account(key)
        data = self.read(account, blob) if account else None
        if data is None:
            raise LookupError
        return data

    def take_over(self, given: Belongings, bytes_of: Callable[[str], bytes]) -> int:
        key = key_of(given.person)
        number = self._number(key)
        if number is None:
            (number,) = self._db.one(
                f"INSERT INTO accounts ({_columns(PERSON)}, key) VALUES ({_marks(len(PERSON) + 1)}) RETURNING number",
                (*given.person, key),
            )
        else:
            sets = ", ".join(f"{name} = ?" for name in PERSON)
            self._db.execute(f"UPDATE accounts SET {sets} WHERE number = ?", (*given.person, number))
        self._standings.pop(number, None)
        before = self._held_blobs(number)
        for table in ("emails", "uploads", "gone", "submissions", "outgoing"):
            self._db.execute(f"DELETE FROM {table} WHERE account = ?", (number,))
        numbers, came = self._blobs_here(given, bytes_of)
        for blob, _size, _sender, at in given.blobs:
            if at is not None:
                self._db.execute(
                    "INSERT INTO uploads (blob, account, at) VALUES (?, ?, ?)", (numbers[blob], number, at)
                )
        sizes = {blob: size for blob, size, _sender, _at in given.blobs}
        self._db.executemany(
            f"INSERT INTO emails (account, size, {_columns(EMAIL)}) VALUES ({_marks(len(EMAIL) + 2)})",
            [(number, sizes[e[2]], *e[:2], numbers[e[2]], *e[3:]) for e in given.emails],
        )
        for table, names, rows in (("gone", GONE, given.gone), ("submissions", SUBMISSION, given.submissions)):
            self._db.executemany(
                f"INSERT INTO {table} (account, {_columns(names)}) VALUES ({_marks(len(names) + 1)})",
                [(number, *row) for row in rows],
            )
        self._db.executemany(
            f"INSERT INTO outgoing (account, {_columns(OUTGOING)}) VALUES ({_marks(len(OUTGOING) + 1)})",
            [(number, *o[:3], numbers.get(o[3]), *o[4:]) for o in given.outgoing],
        )
        for blob in before - set(numbers.values()):
            self._drop_blob(blob)
        return came

    def _held_blobs(self, number: int) -> set[int]:
        rows = self._db.all(
            "SELECT blob FROM emails WHERE account = ?1 UNION SELECT blob FROM uploads WHERE account = ?1"
            " UNION SELECT blob FROM outgoing WHERE account = ?1 AND blob IS NOT NULL",
            (number,),
        )
        return {row[0] for row in rows}

    def _blobs_here(self, given: Belongings, bytes_of: Callable[[str], bytes]) -> tuple[dict[str, int], int]:
        """The number of every blob, after those that were not here have been laid down; and how many bytes came."""
        numbers: dict[str, int] = {}
        for some in portions([row[0] for row in given.blobs]):
            marks = _marks(len(some))
            numbers |= dict(self._db.all(f"SELECT uid, number FROM blobs WHERE uid IN ({marks})", tuple(some)))
        came = 0
        for blob, _size, sender, _at in given.blobs:
            if blob not in numbers:
                data = bytes_of(blob)
                numbers[blob] = self._lay_down(blob, data, sender)
                came += len(data)
        return numbers, came

    def let_go(self, key: str) -> None:
        account = self.account(key)
        if account is not None:
            self.remove_account(account)

    def invitations(self) -> Sequence[tuple[bytes, str, int, str | None]]:
        return self._db.all(
            "SELECT i.token, i.name, i.until, coalesce(a.key, CASE WHEN i.account IS NULL THEN NULL ELSE '' END)"
            " FROM invitations i LEFT JOIN accounts a ON a.number = i.account ORDER BY i.token"
        )

    def replace_invitations(self, given: Sequence[tuple[bytes, str, int, str | None]]) -> None:
        self._db.execute("DELETE FROM invitations")
        for token, name, until, key in given:
            # 0 is nobody's number: spent by somebody who is no longer there.
            account = None if key is None else self._number(key) or 0
            self._db.execute(
                "INSERT INTO invitations (token, name, until, account) VALUES (?, ?, ?, ?)",
                (token, name, until, account),
            )
