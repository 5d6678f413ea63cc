"""Blobs and Emails as SQL. `SqliteShelf` is made of this, of the people, and of the submissions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from dearly.office.db import Db, Row
from dearly.office.limits import Limits
from dearly.office.rows import (
    BLOBS,
    EMAIL,
    PIECE,
    WHOLES,
    changes_of,
    email_of,
    piece,
    portions,
    sec,
)
from dearly.office.standings import Standing, Standings
from dearly.office.store import INBOX, SEEN, Account, Blob, Changes, Email, Find, Shelf

_STANDING = (
    "SELECT number, uid, address, joined, email_seq, known_from, submission_seq, submissions_from, held, quota"
    " FROM accounts WHERE number = ?"
)


class Parcels(Standings, Shelf):
    """The parcels' part of `store.Shelf`, over one connection within one transaction."""

    def __init__(self, db: Db, limits: Limits, domain: str) -> None:
        super().__init__(limits)
        self._db, self._domain = db, domain

    def _read_standing(self, number: int) -> Standing | None:
        return Standing.of(self._db.one(_STANDING, (number,)))

    def _write_standing(self, standing: Standing) -> None:
        s = standing
        self._db.execute(
            "UPDATE accounts SET email_seq = ?, known_from = ?, submission_seq = ?, submissions_from = ?,"
            " held = ?, quota = ? WHERE number = ?",
            (
                *(s.email_seq, s.known_from, s.submission_seq, s.submissions_from),
                *(s.held, s.quota, s.account.number),
            ),
        )

    # -- blobs

    def keep(self, account: Account, uid: str, data: bytes, sender: str, now: datetime) -> Blob | None:
        number = self._lay_down(uid, data, sender)
        upload = (sec(now), account.number, number)
        fresh = self._db.run("INSERT INTO uploads (at, account, blob) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", upload)
        if not fresh:
            self._db.execute("UPDATE uploads SET at = ? WHERE account = ? AND blob = ?", upload)
        elif self._count(account.number, len(data)) is None:
            self._db.execute("DELETE FROM uploads WHERE account = ? AND blob = ?", upload[1:])
            self._drop_blob(number)
            return None
        return Blob(number, uid, len(data), sender)

    def _lay_down(self, uid: str, data: bytes, sender: str) -> int:
        """The rows of a blob, if it is not there yet; its number."""
        row = self._db.one(
            "INSERT INTO blobs (uid, size, sender) VALUES (?, ?, ?) ON CONFLICT (uid) DO NOTHING RETURNING number",
            (uid, len(data), sender),
        )
        if row is None:
            row = self._db.one("SELECT number FROM blobs WHERE uid = ?", (uid,))
            return int(row[0])
        number = int(row[0])
        view = memoryview(data)
        for place in range(0, max(len(data), 1), PIECE):
            self._db.execute(
                "INSERT INTO pieces (number, data) VALUES (?, ?)",
                ((number << 10) + place // PIECE, view[place : place + PIECE]),
            )
        return number

    def blob(self, account: Account, uid: str) -> Blob | None:
        row = self._db.one(BLOBS + "= ?2", (account.number, uid))
        return Blob(*row) if row else None

    def blobs(self, account: Account, uids: Sequence[str]) -> Mapping[str, Blob]:
        return {row[1]: Blob(*row) for row in self._of_several(BLOBS, account, uids)}

    def read(self, account: Account, uid: str, offset: int = 0, length: int | None = None) -> bytes | None:
        return piece(self._db, account.number, uid, offset, length)

    def wholes(self, account: Account, uids: Sequence[str]) -> Mapping[str, bytes]:
        found: dict[str, list[tuple[int, bytes]]] = {}
        for uid, place, data in self._of_several(WHOLES, account, uids):
            found.setdefault(uid, []).append((place, data))
        # In order here: SQLite would carry all the bytes through its sorter.
        return {uid: p[0][1] if len(p) == 1 else b"".join(data for _at, data in sorted(p)) for uid, p in found.items()}

    def _of_several(self, select: str, account: Account, uids: Sequence[str]) -> Iterator[Row]:
        for some in portions(uids):
            yield from self._db.all(f"{select}IN ({','.join('?' * len(some))})", (account.number, *some))

    def _drop_blob(self, number: int) -> None:
        gone = self._db.run(
            "DELETE FROM blobs WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM emails WHERE blob = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM uploads WHERE blob = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM outgoing WHERE blob = ?1)",
            (number,),
        )
        if gone:
            base = number << 10
            self._db.execute("DELETE FROM pieces WHERE number BETWEEN ? AND ?", (base, base + 1023))

    # -- Emails

    def email_seq(self, account: Account) -> int:
        return self._stands(account).email_seq

    def add_email(
        self, account: Account, uid: str, mailbox: str, blob: Blob, keywords: Sequence[str], now: datetime
    ) -> Email | None:
        size = blob.size
        if mailbox != INBOX:
            where = (account.number, blob.number)
            size -= size * self._db.run("DELETE FROM uploads WHERE account = ? AND blob = ?", where)
        seq = self._count(account.number, size, changes=1)
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
                sec(now),
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
        return before if before is not None else sec(now + self._limits.kept)

    def emails(self, account: Account, uids: Sequence[str]) -> Mapping[str, Email]:
        found: dict[str, Email] = {}
        for some in portions(uids):
            marks = ",".join("?" * len(some))
            rows = self._db.all(
                f"{EMAIL} WHERE e.account = ? AND e.uid IN ({marks})",
                (account.number, *some),
            )
            found |= {e.uid: e for e in map(email_of, rows)}
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
            also("received < ?", sec(find.before))
        if find.after is not None:
            also("received >= ?", sec(find.after))
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
        return [r[0] for r in self._db.all(sql, tuple(values))]

    def count_emails(self, account: Account, mailbox: str) -> tuple[int, int]:
        total, seen = self._db.one(
            "SELECT count(*), coalesce(sum(instr(' ' || keywords || ' ', ?) > 0), 0) FROM emails"
            " WHERE account = ? AND mailbox = ?",
            (f" {SEEN} ", account.number, mailbox),
        )
        return total, total - seen

    def change_email(
        self, account: Account, email: Email, mailbox: str, keywords: Sequence[str], now: datetime
    ) -> None:
        number, before = self._db.one(
            "SELECT number, leaves FROM emails WHERE account = ? AND uid = ?", (account.number, email.uid)
        )
        words = sorted(keywords)
        self._db.execute(
            "UPDATE emails SET mailbox = ?, keywords = ?, leaves = ?, changed = ? WHERE number = ?",
            (
                mailbox,
                " ".join(words),
                self._leaves(mailbox, words, before, now),
                self._count(account.number, 0, changes=1),
                number,
            ),
        )

    def remove_email(self, account: Account, email: Email, now: datetime) -> None:
        (number,) = self._db.one("SELECT number FROM emails WHERE account = ? AND uid = ?", (account.number, email.uid))
        self._remove(account.number, number, email.uid, email.blob.number, email.blob.size, email.seq, now)

    def _remove(self, account: int, number: int, uid: str, blob: int, size: int, created: int, now: datetime) -> None:
        self._db.execute("DELETE FROM emails WHERE number = ?", (number,))
        self._db.execute(
            "INSERT INTO gone (account, destroyed, uid, created, at) VALUES (?, ?, ?, ?, ?)",
            (account, self._count(account, -size, changes=1), uid, created, sec(now)),
        )
        self._drop_blob(blob)

    def email_changes(self, account: Account, since: int, most: int) -> Changes | None:
        standing = self._stands(account)
        now = standing.email_seq
        if since > now or since < standing.known_from:
            return None
        # Every event by its own seq, so that someone who goes in small steps is told of a creation before a change.
        rows = self._db.all(
            "SELECT created, uid, 'created', 0 FROM emails WHERE account = ?1 AND created > ?2"
            " UNION ALL SELECT changed, uid, 'updated', 0 FROM emails"
            " WHERE account = ?1 AND changed > ?2 AND changed > created"
            " UNION ALL SELECT destroyed, uid, 'destroyed', created FROM gone WHERE account = ?1 AND destroyed > ?2"
            " ORDER BY 1 LIMIT ?3",
            (account.number, since, most + 1),
        )
        return changes_of(rows, since, now, most)
