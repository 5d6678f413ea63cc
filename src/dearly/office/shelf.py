"""The operations of the store as SQL, within one transaction of one connection. All SQL on parcels is here."""

from __future__ import annotations

import hmac
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dearly.letter.address import Address
from dearly.office.limits import Limits
from dearly.office.store import (
    INBOX,
    SEEN,
    Account,
    Blob,
    Changes,
    Delivery,
    Email,
    Find,
    Holding,
    Invitation,
    Shelf,
    Submission,
)

PIECE = 1 << 20
_AT_ONCE = 400  # parameters of one statement, well below SQLite's limit

_ACCOUNT = "SELECT number, uid, address, joined FROM accounts"
_EMAIL = (
    "SELECT b.number, b.uid, b.size, b.sender, e.uid, e.mailbox, e.received, e.keywords, e.created"
    " FROM emails e JOIN blobs b ON b.number = e.blob"
)
_SUBMISSION = "SELECT uid, key, email, blob, sender, at, deliveries FROM submissions"

# The blob with this uid, if the account has an Email or an upload of it: uid, and twice the account's number.
_MINE = (
    " FROM blobs b WHERE uid = ? AND (EXISTS (SELECT 1 FROM emails WHERE blob = b.number AND account = ?)"
    " OR EXISTS (SELECT 1 FROM uploads WHERE account = ? AND blob = b.number))"
)
_BLOB = "SELECT number, uid, size, sender" + _MINE
_SIZE = "SELECT number, size" + _MINE


def _when(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _sec(when: datetime) -> int:
    return int(when.timestamp())


def _account(row: tuple[Any, ...]) -> Account:
    number, uid, address, joined = row
    local, _at, domain = address.rpartition("@")
    return Account(number, uid, Address(local, domain), _when(joined))


def _email(row: tuple[Any, ...]) -> Email:
    *blob, uid, mailbox, received, keywords, created = row
    return Email(uid, Blob(*blob), mailbox, _when(received), tuple(keywords.split()), created)


def _submission(row: tuple[Any, ...]) -> Submission:
    uid, key, email, blob, sender, at, deliveries = row
    return Submission(
        uid, key, email, blob, sender, _when(at), tuple(Delivery(r, bool(a), w) for r, a, w in json.loads(deliveries))
    )


def holder(db: sqlite3.Connection, token_sha256: bytes) -> Account | None:
    """The account with this token digest, compared in constant time."""
    found = None
    rows = db.execute(
        "SELECT number, uid, address, joined, token FROM accounts WHERE substr(token, 1, 4) = ?", (token_sha256[:4],)
    )
    for *row, token in rows:
        if hmac.compare_digest(token, token_sha256):
            found = _account(tuple(row))
    return found


def piece(db: sqlite3.Connection, account: int, uid: str, offset: int, length: int | None) -> bytes | None:
    """Part of a blob that the account may see."""
    row = db.execute(_SIZE, (uid, account, account)).fetchone()
    if row is None:
        return None
    number, size = row
    end = size if length is None else min(size, offset + length)
    if offset >= end:
        return b""
    first, last = offset // PIECE, (end - 1) // PIECE
    base = number << 10
    rows = db.execute(
        "SELECT data FROM pieces WHERE number BETWEEN ? AND ? ORDER BY number", (base + first, base + last)
    ).fetchall()
    data: bytes = rows[0][0] if len(rows) == 1 else b"".join(r[0] for r in rows)
    start = offset - first * PIECE
    return data if start == 0 and len(data) == end - offset else data[start : start + end - offset]


class SqliteShelf(Shelf):
    """See `store.Shelf`."""

    def __init__(self, db: sqlite3.Connection, limits: Limits, domain: str) -> None:
        self._db, self._limits, self._domain = db, limits, domain

    # -- people

    def domain(self) -> str:
        return self._domain

    def accounts(self) -> Sequence[tuple[Account, Holding]]:
        rows = self._db.execute(
            "SELECT number, uid, address, joined, held,"
            " (SELECT count(*) FROM emails WHERE account = a.number AND mailbox = ?),"
            " (SELECT count(*) FROM emails WHERE account = a.number AND mailbox = ? AND leaves IS NULL)"
            " FROM accounts a ORDER BY key",
            (INBOX, INBOX),
        )
        return [(_account(r[:4]), Holding(r[5], r[6], r[4])) for r in rows.fetchall()]

    def account(self, key: str) -> Account | None:
        row = self._db.execute(f"{_ACCOUNT} WHERE key = ?", (key,)).fetchone()
        return _account(row) if row else None

    def account_numbered(self, number: int) -> Account | None:
        row = self._db.execute(f"{_ACCOUNT} WHERE number = ?", (number,)).fetchone()
        return _account(row) if row else None

    def account_of(self, token_sha256: bytes) -> Account | None:
        return holder(self._db, token_sha256)

    def add_account(self, uid: str, address: Address, token_sha256: bytes, now: datetime) -> Account:
        number = self._db.execute(
            "INSERT INTO accounts (uid, address, key, token, joined) VALUES (?, ?, ?, ?, ?)",
            (uid, str(address), address.key, token_sha256, _sec(now)),
        ).lastrowid
        assert number is not None
        return Account(number, uid, address, now)

    def set_token(self, account: Account, token_sha256: bytes) -> None:
        self._db.execute("UPDATE accounts SET token = ? WHERE number = ?", (token_sha256, account.number))

    def remove_account(self, account: Account) -> None:
        n = (account.number,)
        blobs = self._db.execute(
            "SELECT blob FROM emails WHERE account = ? UNION SELECT blob FROM uploads WHERE account = ?", n + n
        ).fetchall()
        for table in ("emails", "uploads", "gone", "submissions"):
            self._db.execute(f"DELETE FROM {table} WHERE account = ?", n)  # noqa: S608  the four names above
        self._db.execute("DELETE FROM accounts WHERE number = ?", n)
        for (blob,) in blobs:
            self._drop_blob(blob)

    def invite(self, token_sha256: bytes, invitation: Invitation) -> None:
        self._db.execute(
            "INSERT INTO invitations (token, name, until, account) VALUES (?, ?, ?, ?)",
            (token_sha256, invitation.name, _sec(invitation.until), invitation.account),
        )

    def invitation(self, token_sha256: bytes) -> Invitation | None:
        row = self._db.execute(
            "SELECT name, until, account FROM invitations WHERE token = ?", (token_sha256,)
        ).fetchone()
        return Invitation(row[0], _when(row[1]), row[2]) if row else None

    def spend(self, token_sha256: bytes, account: Account) -> None:
        self._db.execute("UPDATE invitations SET account = ? WHERE token = ?", (account.number, token_sha256))

    # -- blobs

    def keep(self, account: Account, uid: str, data: bytes, sender: str, now: datetime) -> Blob | None:
        new = self._db.execute(
            "INSERT INTO blobs (uid, size, sender) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING number",
            (uid, len(data), sender),
        ).fetchone()
        if new is not None:
            (number,) = new
            if len(data) <= PIECE:
                self._db.execute("INSERT INTO pieces (number, data) VALUES (?, ?)", (number << 10, data))
            else:
                view = memoryview(data)
                for place in range(0, len(data), PIECE):
                    self._db.execute(
                        "INSERT INTO pieces (number, data) VALUES (?, ?)",
                        ((number << 10) + place // PIECE, view[place : place + PIECE]),
                    )
        else:
            (number,) = self._db.execute("SELECT number FROM blobs WHERE uid = ?", (uid,)).fetchone()
        upload = (_sec(now), account.number, number)
        fresh = self._db.execute(
            "INSERT INTO uploads (at, account, blob) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", upload
        ).rowcount
        if not fresh:
            self._db.execute("UPDATE uploads SET at = ? WHERE account = ? AND blob = ?", upload)
        elif self._room(account.number, len(data)) is None:
            self._db.execute("DELETE FROM uploads WHERE account = ? AND blob = ?", upload[1:])
            self._drop_blob(number)
            return None
        return Blob(number, uid, len(data), sender)

    def blob(self, account: Account, uid: str) -> Blob | None:
        row = self._db.execute(_BLOB, (uid, account.number, account.number)).fetchone()
        return Blob(*row) if row else None

    def read(self, account: Account, uid: str, offset: int = 0, length: int | None = None) -> bytes | None:
        return piece(self._db, account.number, uid, offset, length)

    def _room(self, account: int, size: int, changes: int = 0) -> int | None:
        """Hold `size` more bytes for the account, and count `changes` of its emails: the email_seq now. None: full."""
        row = self._db.execute(
            "UPDATE accounts SET held = held + ?1, email_seq = email_seq + ?2"
            " WHERE number = ?3 AND (?1 <= 0 OR held + ?1 <= ?4) RETURNING email_seq",
            (size, changes, account, self._limits.quota),
        ).fetchone()
        return row[0] if row else None

    def _drop_blob(self, number: int) -> None:
        gone = self._db.execute(
            "DELETE FROM blobs WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM emails WHERE blob = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM uploads WHERE blob = ?1)",
            (number,),
        ).rowcount
        if gone:
            base = number << 10
            self._db.execute("DELETE FROM pieces WHERE number BETWEEN ? AND ?", (base, base + 1023))

    # -- Emails

    def email_seq(self, account: Account) -> int:
        seq: int = self._db.execute("SELECT email_seq FROM accounts WHERE number = ?", (account.number,)).fetchone()[0]
        return seq

    def add_email(
        self, account: Account, uid: str, mailbox: str, blob: Blob, keywords: Sequence[str], now: datetime
    ) -> Email | None:
        size = blob.size
        if mailbox != INBOX:
            where = (account.number, blob.number)
            size -= size * self._db.execute("DELETE FROM uploads WHERE account = ? AND blob = ?", where).rowcount
        seq = self._room(account.number, size, changes=1)
        if seq is None:
            return None
        words = tuple(sorted(keywords))
        self._db.execute(
            "INSERT INTO emails (account, uid, mailbox, blob, size, received, leaves, keywords, created, changed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                account.number,
                uid,
                mailbox,
                blob.number,
                blob.size,
                _sec(now),
                self._leaves(mailbox, words, None, now),
                " ".join(words),
                seq,
                seq,
            ),
        )
        return Email(uid, blob, mailbox, now.replace(microsecond=0), words, seq)

    def _leaves(self, mailbox: str, keywords: Sequence[str], before: int | None, now: datetime) -> int | None:
        """From when on an Email may go. Taking the mark of being fetched away makes it wait again."""
        if mailbox == INBOX and SEEN not in keywords:
            return None
        return before if before is not None else _sec(now + self._limits.kept)

    def emails(self, account: Account, uids: Sequence[str]) -> Mapping[str, Email]:
        found: dict[str, Email] = {}
        for some in _portions(uids):
            marks = ",".join("?" * len(some))
            rows = self._db.execute(
                f"{_EMAIL} WHERE e.account = ? AND e.uid IN ({marks})",
                (account.number, *some),
            )
            found |= {e.uid: e for e in map(_email, rows)}
        return found

    def find_emails(self, account: Account, find: Find) -> Sequence[str]:
        where = ["account = ?"]
        values: list[Any] = [account.number]

        def also(condition: str, *value: Any) -> None:
            where.append(condition)
            values.extend(value)

        if find.mailbox is not None:
            also("mailbox = ?", find.mailbox)
        for other in find.not_mailboxes[:8]:
            also("mailbox <> ?", other)
        if find.before is not None:
            also("received < ?", _sec(find.before))
        if find.after is not None:
            also("received >= ?", _sec(find.after))
        if find.larger is not None:
            also("size >= ?", find.larger)
        if find.smaller is not None:
            also("size < ?", find.smaller)
        if find.keyword is not None:
            also("instr(' ' || keywords || ' ', ?)", f" {find.keyword} ")
        if find.not_keyword is not None:
            also("NOT instr(' ' || keywords || ' ', ?)", f" {find.not_keyword} ")
        order = "received DESC, created DESC" if find.newest_first else "received, created"
        # Only the fixed texts above are put together.
        sql = f"SELECT uid FROM emails WHERE {' AND '.join(where)} ORDER BY {order}"  # noqa: S608
        return [r[0] for r in self._db.execute(sql, values)]

    def count_emails(self, account: Account, mailbox: str) -> tuple[int, int]:
        total, seen = self._db.execute(
            "SELECT count(*), coalesce(sum(instr(' ' || keywords || ' ', ?) > 0), 0) FROM emails"
            " WHERE account = ? AND mailbox = ?",
            (f" {SEEN} ", account.number, mailbox),
        ).fetchone()
        return total, total - seen

    def change_email(
        self, account: Account, email: Email, mailbox: str, keywords: Sequence[str], now: datetime
    ) -> None:
        number, before = self._db.execute(
            "SELECT number, leaves FROM emails WHERE account = ? AND uid = ?", (account.number, email.uid)
        ).fetchone()
        words = sorted(keywords)
        self._db.execute(
            "UPDATE emails SET mailbox = ?, keywords = ?, leaves = ?, changed = ? WHERE number = ?",
            (
                mailbox,
                " ".join(words),
                self._leaves(mailbox, words, before, now),
                self._room(account.number, 0, changes=1),
                number,
            ),
        )

    def remove_email(self, account: Account, email: Email, now: datetime) -> None:
        (number,) = self._db.execute(
            "SELECT number FROM emails WHERE account = ? AND uid = ?", (account.number, email.uid)
        ).fetchone()
        self._remove(account.number, number, email.uid, email.blob.number, email.blob.size, email.seq, now)

    def _remove(self, account: int, number: int, uid: str, blob: int, size: int, created: int, now: datetime) -> None:
        self._db.execute("DELETE FROM emails WHERE number = ?", (number,))
        self._db.execute(
            "INSERT INTO gone (account, destroyed, uid, created, at) VALUES (?, ?, ?, ?, ?)",
            (account, self._room(account, -size, changes=1), uid, created, _sec(now)),
        )
        self._drop_blob(blob)

    def email_changes(self, account: Account, since: int, most: int) -> Changes | None:
        n = account.number
        now, floor = self._db.execute("SELECT email_seq, known_from FROM accounts WHERE number = ?", (n,)).fetchone()
        if since > now or since < floor:
            return None
        # Every event by its own seq, so that someone who goes in small steps is told of a creation before a change.
        rows = self._db.execute(
            "SELECT created, uid, 'created', 0 FROM emails WHERE account = ?1 AND created > ?2"
            " UNION ALL SELECT changed, uid, 'updated', 0 FROM emails"
            " WHERE account = ?1 AND changed > ?2 AND changed > created"
            " UNION ALL SELECT destroyed, uid, 'destroyed', created FROM gone WHERE account = ?1 AND destroyed > ?2"
            " ORDER BY 1 LIMIT ?3",
            (n, since, most + 1),
        ).fetchall()
        more = len(rows) > most
        rows = rows[:most]
        came = [uid for _seq, uid, what, _created in rows if what == "created"]
        known = set(came)
        updated = [uid for _seq, uid, what, _created in rows if what == "updated" and uid not in known]
        # What came and went again since then was never known to the client (RFC 8620 5.2).
        went = [uid for _seq, uid, what, created in rows if what == "destroyed" and created <= since]
        return Changes(rows[-1][0] if more else now, more, tuple(came), tuple(updated), tuple(went))

    # -- submissions

    def submission_seq(self, account: Account) -> int:
        seq: int = self._db.execute(
            "SELECT submission_seq FROM accounts WHERE number = ?", (account.number,)
        ).fetchone()[0]
        return seq

    def put_submission(self, account: Account, submission: Submission) -> None:
        s = submission
        deliveries = json.dumps([(d.recipient, d.accepted, d.reply) for d in s.deliveries])
        (seq,) = self._db.execute(
            "UPDATE accounts SET submission_seq = submission_seq + 1 WHERE number = ? RETURNING submission_seq",
            (account.number,),
        ).fetchone()
        self._db.execute(
            "INSERT INTO submissions (account, uid, key, email, blob, sender, at, deliveries, created, changed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (account, uid) DO UPDATE SET deliveries = excluded.deliveries, changed = excluded.changed",
            (account.number, s.uid, s.key, s.email, s.blob, s.sender, _sec(s.at), deliveries, seq, seq),
        )

    def submission_changes(self, account: Account, since: int, most: int) -> Changes | None:
        n = account.number
        now, floor = self._db.execute(
            "SELECT submission_seq, submissions_from FROM accounts WHERE number = ?", (n,)
        ).fetchone()
        if since > now or since < floor:
            return None
        rows = self._db.execute(
            "SELECT created, uid, 'created' FROM submissions WHERE account = ?1 AND created > ?2"
            " UNION ALL SELECT changed, uid, 'updated' FROM submissions"
            " WHERE account = ?1 AND changed > ?2 AND changed > created ORDER BY 1 LIMIT ?3",
            (n, since, most + 1),
        ).fetchall()
        more = len(rows) > most
        rows = rows[:most]
        came = tuple(uid for _seq, uid, what in rows if what == "created")
        updated = tuple(uid for _seq, uid, what in rows if what == "updated" and uid not in came)
        return Changes(rows[-1][0] if more else now, more, came, updated)

    def submissions(self, account: Account, uids: Sequence[str]) -> Mapping[str, Submission]:
        return {s.uid: s for s in self._submissions("uid", account, uids)}

    def submissions_keyed(self, account: Account, keys: Sequence[str]) -> Sequence[Submission]:
        return self._submissions("key", account, keys)

    def _submissions(self, column: str, account: Account, values: Sequence[str]) -> list[Submission]:
        found: list[Submission] = []
        for some in _portions(values):
            marks = ",".join("?" * len(some))
            rows = self._db.execute(
                f"{_SUBMISSION} WHERE account = ? AND {column} IN ({marks})", (account.number, *some)
            )
            found += map(_submission, rows)
        return found

    def all_submissions(self, account: Account) -> Iterator[Submission]:
        rows = self._db.execute(f"{_SUBMISSION} WHERE account = ? ORDER BY number", (account.number,))
        return map(_submission, rows.fetchall())

    # -- time

    def sweep(self, now: datetime, most: int) -> int:
        rows = self._db.execute(
            "SELECT account, number, uid, blob, size, created FROM emails WHERE leaves < ? LIMIT ?", (_sec(now), most)
        ).fetchall()
        for account, number, uid, blob, size, created in rows:
            self._remove(account, number, uid, blob, size, created, now)
        uploads = self._db.execute(
            "SELECT account, blob, (SELECT size FROM blobs WHERE number = blob) FROM uploads WHERE at < ? LIMIT ?",
            (_sec(now - self._limits.unclaimed), most),
        ).fetchall()
        for account, blob, size in uploads:
            self._db.execute("DELETE FROM uploads WHERE account = ? AND blob = ?", (account, blob))
            self._room(account, -size)
            self._drop_blob(blob)
        old = self._db.execute(
            "SELECT account, destroyed FROM gone WHERE at < ? ORDER BY account, destroyed LIMIT ?",
            (_sec(now - self._limits.changes), most),
        ).fetchall()
        for account, destroyed in old:
            self._db.execute("DELETE FROM gone WHERE account = ? AND destroyed = ?", (account, destroyed))
            self._db.execute(
                "UPDATE accounts SET known_from = max(known_from, ?) WHERE number = ?", (destroyed, account)
            )
        proofs = self._db.execute(
            "DELETE FROM submissions WHERE at < ?"
            " AND number IN (SELECT number FROM submissions ORDER BY number LIMIT ?) RETURNING account",
            (_sec(now - self._limits.remembered), most),
        ).fetchall()
        for account in set(proofs):
            self._db.execute(
                "UPDATE accounts SET submission_seq = submission_seq + 1, submissions_from = submission_seq + 1"
                " WHERE number = ?",
                account,
            )
        spent = self._db.execute(
            "DELETE FROM invitations WHERE until < ?", (_sec(now - self._limits.invitation),)
        ).rowcount
        # What was freed goes back to the disk, a few megabytes at a time; the sqlite3 module steps this statement once,
        # and one step gives one page back.
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        for _page in range(min(free, 2_000)):
            self._db.execute("PRAGMA incremental_vacuum")
        return len(rows) + len(uploads) + len(old) + len(proofs) + spent


def _portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
