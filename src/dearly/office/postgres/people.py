"""Accounts, tokens and invitations in PostgreSQL."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dearly.letter.address import Address
from dearly.office.postgres.parcels import Parcels
from dearly.office.postgres.schema import number_of
from dearly.office.rows import account_of, is_closed, sec, when
from dearly.office.standings import Standing
from dearly.office.store import INBOX, Account, Holding, Invitation

HOLDER = "SELECT account, uid, address, joined, token FROM tokens WHERE head = %s"
"""Who may be meant by a token, by the first four bytes of its digest."""


def holder(rows: Iterable[Sequence[Any]], token_sha256: bytes) -> Account | None:
    """Whose token it is, compared in constant time."""
    found = None
    for *row, token in rows:
        if hmac.compare_digest(token, token_sha256):
            found = account_of(row)
    return found


class People(Parcels):
    """The people's part of `store.Shelf`."""

    def domain(self) -> str:
        return self._domain

    def url(self) -> str:
        row = self._one("SELECT value FROM facts WHERE name = 'url'")
        return row[0] if row else ""

    def serving(self, url: str) -> None:
        self._do("DELETE FROM facts WHERE name = 'receiving'")
        self._do(
            "INSERT INTO facts (name, value) VALUES ('url', %s) ON CONFLICT (name) DO UPDATE SET value = %s", url, url
        )

    def closed(self) -> bool:
        """Whether the office is being moved, or was: then nothing may be written (`moving.py`)."""
        row = self._one("SELECT value, extract(epoch FROM clock_timestamp())::float8 FROM facts WHERE name = 'closed'")
        return row is not None and is_closed(row[0], row[1])

    def accounts(self) -> Sequence[tuple[Account, Holding]]:
        self.flush()
        rows = self._all(
            "SELECT a.account, a.uid, a.address, a.joined, a.held, a.quota,"
            " count(e.uid), count(e.uid) FILTER (WHERE e.leaves IS NULL)"
            " FROM accounts a LEFT JOIN emails e ON e.account = a.account AND e.mailbox = %s"
            " GROUP BY a.account, a.uid, a.address, a.joined, a.held, a.quota, a.key ORDER BY a.key",
            INBOX,
        )
        return [(account_of(r[:4]), Holding(r[6], r[7], r[4], r[5])) for r in rows]

    def account(self, key: str) -> Account | None:
        found = self._standing(number_of(key))
        return found.account if found and found.account.address.key == key else None

    def account_numbered(self, number: int) -> Account | None:
        found = self._standing(number)
        return found.account if found else None

    def account_of(self, token_sha256: bytes) -> Account | None:
        return holder(self._all(HOLDER, token_sha256[:4]), token_sha256)

    def add_account(self, uid: str, address: Address, token_sha256: bytes, now: datetime) -> Account:
        account = Account(number_of(address.key), uid, address, now)
        self._do(
            "INSERT INTO accounts (account, uid, address, key, token, joined,"
            " email_seq, known_from, submission_seq, submissions_from, held, quota)"
            " VALUES (%s, %s, %s, %s, %s, %s, 0, 0, 0, 0, 0, NULL)",
            account.number,
            uid,
            str(address),
            address.key,
            token_sha256,
            sec(now),
        )
        self._give_token(account, token_sha256)
        self._standings[account.number] = Standing(account, 0, 0, 0, 0, 0, None)
        return account

    def _give_token(self, account: Account, token_sha256: bytes) -> None:
        self._do(
            "INSERT INTO tokens (head, account, token, uid, address, joined) VALUES (%s, %s, %s, %s, %s, %s)",
            token_sha256[:4],
            account.number,
            token_sha256,
            account.uid,
            str(account.address),
            sec(account.joined),
        )

    def _take_token(self, account: Account) -> None:
        n = account.number
        row = self._one("SELECT token FROM accounts WHERE account = %s", n)
        if row:
            self._do("DELETE FROM tokens WHERE head = %s AND account = %s", row[0][:4], n)

    def set_token(self, account: Account, token_sha256: bytes) -> None:
        self._stands(account)
        self._take_token(account)
        self._do("UPDATE accounts SET token = %s WHERE account = %s", token_sha256, account.number)
        self._give_token(account, token_sha256)

    def set_quota(self, account: Account, most: int | None) -> None:
        self._put(replace(self._stands(account), quota=most))

    def remove_account(self, account: Account) -> None:
        self._stands(account)
        self._take_token(account)
        for table in ("emails", "blobs", "pieces", "gone", "submissions", "outgoing", "accounts"):
            self._do(f"DELETE FROM {table} WHERE account = %s", account.number)  # noqa: S608  the seven names above
        self._standings[account.number] = None
        self._changed -= {account.number}
        self._uploads = frozenset()

    def invite(self, token_sha256: bytes, invitation: Invitation) -> None:
        self._do(
            "INSERT INTO invitations (token, name, until, account) VALUES (%s, %s, %s, %s)",
            token_sha256,
            invitation.name,
            sec(invitation.until),
            invitation.account,
        )

    def invitation(self, token_sha256: bytes) -> Invitation | None:
        sql = "SELECT name, until, account FROM invitations WHERE token = %s"
        row = self._one(sql + " FOR UPDATE" if self._writes else sql, token_sha256)  # two nodes never spend one
        return Invitation(row[0], when(row[1]), row[2]) if row else None

    def spend(self, token_sha256: bytes, account: Account) -> None:
        self._do("UPDATE invitations SET account = %s WHERE token = %s", account.number, token_sha256)
