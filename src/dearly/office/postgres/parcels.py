"""Blobs and Emails in PostgreSQL: the same promises as `shelf_parcels`, every row with the account that holds it.

A `Blob.number` is here the number of the account that the blob lies with; giving a parcel to another account copies
it, within the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dearly.office.postgres.ledger import Ledger
from dearly.office.rows import PIECE, changes_of, sec, when
from dearly.office.store import INBOX, SEEN, Account, Blob, Changes, Email, Find, Shelf

_EMAIL = "SELECT blob, size, sender, uid, mailbox, received, keywords, created FROM emails"


class Parcels(Ledger, Shelf):
    """The parcels' part of `store.Shelf`."""

    # -- blobs

    def keep(self, account: Account, uid: str, data: bytes, sender: str, now: datetime) -> Blob | None:
        n = account.number
        there = self._one("SELECT at FROM blobs WHERE account = %s AND blob = %s", n, uid)
        if (there is None or there[0] is None) and self._count(n, len(data)) is None:
            return None
        if there is None:
            self.lay_down(n, Blob(n, uid, len(data), sender), data, sec(now))
        else:
            self._do("UPDATE blobs SET at = %s WHERE account = %s AND blob = %s", sec(now), n, uid)
        self._uploads |= {(n, uid)}
        return Blob(n, uid, len(data), sender)

    def lay_down(self, account: int, blob: Blob, data: bytes, at: int | None) -> None:
        """The rows of a blob that is not there yet."""
        self._do(
            "INSERT INTO blobs (account, blob, size, sender, at, data) VALUES (%s, %s, %s, %s, %s, %s)",
            account,
            blob.uid,
            blob.size,
            blob.sender,
            at,
            data[:PIECE],
        )
        for start in range(PIECE, blob.size, PIECE):
            self._do(
                "INSERT INTO pieces (account, blob, place, data) VALUES (%s, %s, %s, %s)",
                account,
                blob.uid,
                start // PIECE,
                data[start : start + PIECE],
            )

    def blob(self, account: Account, uid: str) -> Blob | None:
        row = self._one("SELECT size, sender FROM blobs WHERE account = %s AND blob = %s", account.number, uid)
        return Blob(account.number, uid, *row) if row else None

    def blobs(self, account: Account, uids: Sequence[str]) -> Mapping[str, Blob]:
        if not uids:
            return {}
        sql = "SELECT blob, size, sender FROM blobs WHERE account = %s AND blob = ANY(%s)"
        return {row[0]: Blob(account.number, *row) for row in self._all(sql, account.number, list(uids))}

    def read(self, account: Account, uid: str, offset: int = 0, length: int | None = None) -> bytes | None:
        n = account.number
        most = PIECE if length is None else max(length, 0)
        row = self._one(
            "SELECT size, substring(data FROM %s FOR %s) FROM blobs WHERE account = %s AND blob = %s",
            min(offset, PIECE) + 1,
            min(most, PIECE),
            n,
            uid,
        )
        if row is None:
            return None
        size, first = row
        end = size if length is None else min(size, offset + length)
        if offset >= end:
            return b""
        if end <= PIECE:
            return bytes(first[: end - offset])
        begin, last = max(1, offset // PIECE), (end - 1) // PIECE
        rows = self._all(
            "SELECT data FROM pieces WHERE account = %s AND blob = %s AND place BETWEEN %s AND %s ORDER BY place",
            n,
            uid,
            begin,
            last,
        )
        rest = b"".join(r[0] for r in rows)
        whole = bytes(first) + rest if offset < PIECE else rest[offset - begin * PIECE :]
        return whole[: end - offset]

    def wholes(self, account: Account, uids: Sequence[str]) -> Mapping[str, bytes]:
        sql = "SELECT blob, size, data FROM blobs WHERE account = %s AND blob = ANY(%s)"
        rows = self._all(sql, account.number, list(uids)) if uids else []
        return {uid: bytes(data) if size <= PIECE else self.read(account, uid) or b"" for uid, size, data in rows}

    def _copy_blob(self, blob: Blob, account: int) -> None:
        values = (account, blob.number, blob.uid)
        self._do(
            "INSERT INTO blobs (account, blob, size, sender, at, data)"
            " SELECT %s, blob, size, sender, NULL, data FROM blobs WHERE account = %s AND blob = %s"
            " ON CONFLICT (account, blob) DO NOTHING",
            *values,
        )
        if blob.size > PIECE:
            self._do(
                "INSERT INTO pieces (account, blob, place, data)"
                " SELECT %s, blob, place, data FROM pieces WHERE account = %s AND blob = %s"
                " ON CONFLICT (account, blob, place) DO NOTHING",
                *values,
            )

    def _drop_blob(self, account: int, uid: str, size: int) -> None:
        """Let a blob go that nothing of the account holds any more."""
        this = (account, uid)
        self._do(
            "DELETE FROM blobs WHERE account = %s AND blob = %s AND at IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM emails WHERE account = %s AND blob = %s)"
            " AND NOT EXISTS (SELECT 1 FROM outgoing WHERE account = %s AND blob = %s)",
            *this * 3,
        )
        if size > PIECE:
            self._do(
                "DELETE FROM pieces WHERE account = %s AND blob = %s"
                " AND NOT EXISTS (SELECT 1 FROM blobs WHERE account = %s AND blob = %s)",
                *this,
                *this,
            )

    # -- Emails

    def email_seq(self, account: Account) -> int:
        return self._stands(account).email_seq

    def add_email(
        self, account: Account, uid: str, mailbox: str, blob: Blob, keywords: Sequence[str], now: datetime
    ) -> Email | None:
        n, size = account.number, blob.size
        if mailbox != INBOX and self._take_upload(n, blob.uid):
            size = 0
        seq = self._count(n, size, changes=1)
        if seq is None:
            return None
        if blob.number != n:
            self._copy_blob(blob, n)
        words = tuple(sorted(keywords))
        waits = mailbox == INBOX and SEEN not in words
        self._do(
            "INSERT INTO emails"
            " (account, uid, mailbox, blob, size, sender, received, leaves, keywords, created, changed)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            n,
            uid,
            mailbox,
            blob.uid,
            blob.size,
            blob.sender,
            sec(now),
            None if waits else sec(now + self._limits.kept),
            " ".join(words),
            seq,
            seq,
        )
        mine = Blob(n, blob.uid, blob.size, blob.sender)
        return Email(uid, mine, mailbox, now.replace(microsecond=0), words, seq)

    def _take_upload(self, account: int, uid: str) -> bool:
        """Whether the blob waited as an upload. What this transaction has uploaded it knows without asking."""
        sql, this = "UPDATE blobs SET at = NULL WHERE account = %s AND blob = %s AND at IS NOT NULL", (account, uid)
        if this in self._uploads:
            self._uploads -= {this}
            self._do(sql, *this)
            return True
        return self._one(f"{sql} RETURNING 1", *this) is not None

    def emails(self, account: Account, uids: Sequence[str]) -> Mapping[str, Email]:
        if not uids:
            return {}
        rows = self._all(f"{_EMAIL} WHERE account = %s AND uid = ANY(%s)", account.number, list(uids))
        found = [
            Email(uid, Blob(account.number, blob, size, sender), mailbox, when(received), tuple(words.split()), created)
            for blob, size, sender, uid, mailbox, received, words, created in rows
        ]
        return {e.uid: e for e in found}

    def find_emails(self, account: Account, find: Find) -> Sequence[str]:
        where = ["account = %s"]
        values: list[Any] = [account.number]

        def also(condition: str, *value: Any) -> None:
            where.append(condition)
            values.extend(value)

        if find.mailbox is not None:
            also("mailbox = %s", find.mailbox)
        for other in find.not_mailboxes[:8]:
            also("mailbox <> %s", other)
        if find.before is not None:
            also("received < %s", sec(find.before))
        if find.after is not None:
            also("received >= %s", sec(find.after))
        if find.larger is not None:
            also("size >= %s", find.larger)
        if find.smaller is not None:
            also("size < %s", find.smaller)
        if find.keyword is not None:
            also("position(%s IN ' ' || keywords || ' ') > 0", f" {find.keyword} ")
        if find.not_keyword is not None:
            also("position(%s IN ' ' || keywords || ' ') = 0", f" {find.not_keyword} ")
        order = "received DESC, created DESC" if find.newest_first else "received, created"
        # Only the fixed texts above are put together.
        sql = f"SELECT uid FROM emails WHERE {' AND '.join(where)} ORDER BY {order}"  # noqa: S608
        return [row[0] for row in self._all(sql, *values)]

    def count_emails(self, account: Account, mailbox: str) -> tuple[int, int]:
        row = self._one(
            "SELECT count(*), count(*) FILTER (WHERE position(%s IN ' ' || keywords || ' ') = 0) FROM emails"
            " WHERE account = %s AND mailbox = %s",
            f" {SEEN} ",
            account.number,
            mailbox,
        )
        return (row[0], row[1]) if row else (0, 0)

    def change_email(
        self, account: Account, email: Email, mailbox: str, keywords: Sequence[str], now: datetime
    ) -> None:
        words = sorted(keywords)
        waits = mailbox == INBOX and SEEN not in words
        self._do(
            "UPDATE emails SET mailbox = %s, keywords = %s, changed = %s,"
            " leaves = CASE WHEN %s THEN NULL ELSE coalesce(leaves, %s) END WHERE account = %s AND uid = %s",
            mailbox,
            " ".join(words),
            self._count(account.number, 0, changes=1),
            waits,
            sec(now + self._limits.kept),
            account.number,
            email.uid,
        )

    def remove_email(self, account: Account, email: Email, now: datetime) -> None:
        self._do("DELETE FROM emails WHERE account = %s AND uid = %s", account.number, email.uid)
        self._gone(account.number, email.uid, email.blob, email.seq, now)

    def _gone(self, account: int, uid: str, blob: Blob, created: int, now: datetime) -> None:
        """What follows when an email's row has been deleted."""
        self._do(
            "INSERT INTO gone (account, destroyed, uid, created, at) VALUES (%s, %s, %s, %s, %s)",
            account,
            self._count(account, -blob.size, changes=1),
            uid,
            created,
            sec(now),
        )
        self._drop_blob(account, blob.uid, blob.size)

    def email_changes(self, account: Account, since: int, most: int) -> Changes | None:
        standing = self._stands(account)
        now = standing.email_seq
        if since > now or since < standing.known_from:
            return None
        n = account.number
        # Every event by its own seq, so that someone who goes in small steps is told of a creation before a change.
        rows = self._all(
            "SELECT created AS seq, uid, 'created', 0 FROM emails WHERE account = %s AND created > %s"
            " UNION ALL SELECT changed, uid, 'updated', 0 FROM emails"
            " WHERE account = %s AND changed > %s AND changed > created"
            " UNION ALL SELECT destroyed, uid, 'destroyed', created FROM gone WHERE account = %s AND destroyed > %s"
            " ORDER BY seq LIMIT %s",
            *(n, since) * 3,
            most + 1,
        )
        return changes_of(rows, since, now, most)
