"""Belongings out of and into the store in PostgreSQL (`belongings.MovableShelf`)."""

# ruff: noqa: S608  statements are put together of our own names of tables and columns alone
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
from dearly.office.postgres.schema import number_of
from dearly.office.postgres.shelf import PostgresShelf
from dearly.office.store import Blob


def _columns(names: Sequence[str]) -> str:
    return ", ".join(names)


def _marks(count: int) -> str:
    return ", ".join(["%s"] * count)


class MovablePostgresShelf(PostgresShelf, MovableShelf):
    """See `belongings.MovableShelf`."""

    def fact(self, name: str) -> str | None:
        row = self._one("SELECT value FROM facts WHERE name = %s", name)
        return row[0] if row else None

    def set_fact(self, name: str, value: str | None) -> None:
        if value is None:
            self._do("DELETE FROM facts WHERE name = %s", name)
        else:
            self._do(
                "INSERT INTO facts (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = %s",
                *(name, value, value),
            )

    def seconds(self) -> float:
        (now,) = self._one("SELECT extract(epoch FROM clock_timestamp())::float8") or (0.0,)
        return float(now)

    def await_writers(self) -> None:
        # Whoever writes holds a weaker lock of one of these until its transaction ends, and looks at `closed` last.
        self._do("LOCK TABLE accounts, invitations IN EXCLUSIVE MODE")

    def marks(self) -> Mapping[str, int]:
        uploads = {
            account: (count, hours)
            for account, count, hours in self._all(
                "SELECT account, count(*), sum(at)::bigint FROM blobs WHERE at IS NOT NULL GROUP BY account"
            )
        }
        rows = self._all(f"SELECT account, key, {_columns(PERSON)} FROM accounts")
        return {row[1]: mark(row[2:], uploads.get(row[0], (0, 0))) for row in rows}

    def belongings(self, key: str) -> Belongings | None:
        number = number_of(key)
        if self.account(key) is None:
            return None

        def rows(names: Sequence[str], table: str, order: str = "") -> list[tuple[Any, ...]]:
            sql = f"SELECT {_columns(names)} FROM {table} WHERE account = %s{order}"
            return self._all(sql, number)

        (person,) = rows(PERSON, "accounts")
        return Belongings(
            person,
            rows(("blob", "size", "sender", "at"), "blobs"),
            rows(EMAIL, "emails"),
            rows(GONE, "gone"),
            rows(SUBMISSION, "submissions", " ORDER BY created"),
            rows(OUTGOING, "outgoing"),
        )

    def bytes_of(self, key: str, blob: str) -> bytes:
        account = self.account(key)
        data = self.read(account, blob) if account else None
        if data is None:
            raise LookupError
        return data

    def take_over(self, given: Belongings, bytes_of: Callable[[str], bytes]) -> int:
        key = key_of(given.person)
        number = number_of(key)
        before = self.account(key)
        if before is None:
            self._do(
                f"INSERT INTO accounts ({_columns(PERSON)}, account, key) VALUES ({_marks(len(PERSON) + 2)})",
                *(*given.person, number, key),
            )
        else:
            self._take_token(before)
            sets = ", ".join(f"{name} = %s" for name in PERSON)
            self._do(f"UPDATE accounts SET {sets} WHERE account = %s", *given.person, number)
        self._standings.pop(number, None)
        now = self.account(key)
        assert now is not None
        self._give_token(now, given.person[2])
        came = self._blobs(number, given.blobs, bytes_of)
        sizes = {blob: (size, sender) for blob, size, sender, _at in given.blobs}
        self._fill("emails", ("size", "sender", *EMAIL), number, [(*sizes[e[2]], *e) for e in given.emails])
        self._fill("gone", GONE, number, given.gone)
        self._fill("submissions", SUBMISSION, number, given.submissions)
        self._fill("outgoing", OUTGOING, number, given.outgoing)
        return came

    def _blobs(self, number: int, blobs: Sequence[tuple[Any, ...]], bytes_of: Callable[[str], bytes]) -> int:
        here = {row[0] for row in self._all("SELECT blob FROM blobs WHERE account = %s", number)}
        came = 0
        for uid, size, sender, at in blobs:
            if uid in here:
                self._do("UPDATE blobs SET at = %s WHERE account = %s AND blob = %s", at, number, uid)
            else:
                data = bytes_of(uid)
                self.lay_down(number, Blob(number, uid, size, sender), data, at)
                came += len(data)
        for table in ("blobs", "pieces"):
            gone = list(here - {row[0] for row in blobs})
            self._do(f"DELETE FROM {table} WHERE account = %s AND blob = ANY(%s)", number, gone)
        return came

    def _fill(self, table: str, names: Sequence[str], number: int, rows: Sequence[tuple[Any, ...]]) -> None:
        self._do(f"DELETE FROM {table} WHERE account = %s", number)
        self._db.cursor().executemany(
            f"INSERT INTO {table} (account, {_columns(names)}) VALUES ({_marks(len(names) + 1)})",
            [(number, *row) for row in rows],
        )

    def let_go(self, key: str) -> None:
        account = self.account(key)
        if account is not None:
            self.remove_account(account)

    def invitations(self) -> Sequence[tuple[bytes, str, int, str | None]]:
        rows = self._all("SELECT token, name, until, account FROM invitations ORDER BY token")
        return [(token, name, until, None if a is None else self._key(a)) for token, name, until, a in rows]

    def _key(self, account: int) -> str:
        found = self.account_numbered(account)
        return found.address.key if found else ""

    def replace_invitations(self, given: Sequence[tuple[bytes, str, int, str | None]]) -> None:
        self._do("DELETE FROM invitations")
        for token, name, until, key in given:
            # 0 is nobody's number: spent by somebody who is no longer there.
            account = None if key is None else number_of(key) if key else 0
            self._do(
                "INSERT INTO invitations (token, name, until, account) VALUES (%s, %s, %s, %s)",
                *(token, name, until, account),
            )
