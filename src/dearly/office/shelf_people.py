"""Accounts, tokens and invitations as SQL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dearly.letter.address import Address
from dearly.office.rows import (
    ACCOUNT,
    account_of,
    holder,
    is_closed,
    sec,
    when,
)
from dearly.office.shelf_parcels import Parcels
from dearly.office.store import INBOX, Account, Holding, Invitation


class People(Parcels):
    """The people's part of `store.Shelf`; removing one removes their parcels."""

    def domain(self) -> str:
        return self._domain

    def url(self) -> str:
        row = self._db.one("SELECT value FROM facts WHERE name = 'url'")
        return row[0] if row else ""

    def serving(self, url: str) -> None:
        self._db.execute("DELETE FROM facts WHERE name = 'receiving'")
        self._db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('url', ?)", (url,))

    def closed(self) -> bool:
        """Whether the office is being moved, or was: then nothing may be written (`moving.py`)."""
        row = self._db.one("SELECT value FROM facts WHERE name = 'closed'")
        return row is not None and is_closed(row[0], time.time())

    def accounts(self) -> Sequence[tuple[Account, Holding]]:
        self.flush()
        rows = self._db.all(
            "SELECT number, uid, address, joined, held, quota,"
            " (SELECT count(*) FROM emails WHERE account = a.number AND mailbox = ?),"
            " (SELECT count(*) FROM emails WHERE account = a.number AND mailbox = ? AND leaves IS NULL)"
            " FROM accounts a ORDER BY key",
            (INBOX, INBOX),
        )
        return [(account_of(r[:4]), Holding(r[6], r[7], r[4], r[5])) for r in rows]

    def account(self, key: str) -> Account | None:
        row = self._db.one(f"{ACCOUNT} WHERE key = ?", (key,))
        return account_of(row) if row else None

    def account_numbered(self, number: int) -> Account | None:
        found = self._standing(number)
        return found.account if found else None

    def account_of(self, token_sha256: bytes) -> Account | None:
        return holder(self._db, token_sha256)

    def add_account(self, uid: str, address: Address, token_sha256: bytes, now: datetime) -> Account:
        (number,) = self._db.one(
            "INSERT INTO accounts (uid, address, key, token, joined) VALUES (?, ?, ?, ?, ?) RETURNING number",
            (uid, str(address), address.key, token_sha256, sec(now)),
        )
        return Account(number, uid, address, now)

    def set_token(self, account: Account, token_sha256: bytes) -> None:
        self._db.execute("UPDATE accounts SET token = ? WHERE number = ?", (token_sha256, account.number))

    def set_quota(self, account: Account, most: int | None) -> None:
        self._put(replace(self._stands(account), quota=most))

    def remove_account(self, account: Account) -> None:
        n = (account.number,)
        blobs = self._db.all(
            "SELECT blob FROM emails WHERE account = ?1 UNION SELECT blob FROM uploads WHERE account = ?1"
            " UNION SELECT blob FROM outgoing WHERE account = ?1 AND blob IS NOT NULL",
            n,
        )
        for table in ("emails", "uploads", "gone", "submissions", "outgoing"):
            self._db.execute(f"DELETE FROM {table} WHERE account = ?", n)  # noqa: S608  the five names above
        self._db.execute("DELETE FROM accounts WHERE number = ?", n)
        self._standings[account.number] = None
        for (blob,) in blobs:
            self._drop_blob(blob)

    def invite(self, token_sha256: bytes, invitation: Invitation) -> None:
        self._db.execute(
            "INSERT INTO invitations (token, name, until, account) VALUES (?, ?, ?, ?)",
            (token_sha256, invitation.name, sec(invitation.until), invitation.account),
        )

    def invitation(self, token_sha256: bytes) -> Invitation | None:
        row = self._db.one("SELECT name, until, account FROM invitations WHERE token = ?", (token_sha256,))
        return Invitation(row[0], when(row[1]), row[2]) if row else None

    def spend(self, token_sha256: bytes, account: Account) -> None:
        self._db.execute("UPDATE invitations SET account = ? WHERE token = ?", (account.number, token_sha256))
