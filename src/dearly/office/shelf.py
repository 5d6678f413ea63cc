"""The whole shelf over SQLite: people, parcels (`shelf_people`, `shelf_parcels`), submissions, and what time takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from dearly.office.rows import (
    SUBMISSION,
    changes_of,
    deliveries_of,
    portions,
    sec,
    submission_of,
)
from dearly.office.shelf_outgoing import Outgoings
from dearly.office.store import Account, Changes, Counts, Submission


class SqliteShelf(Outgoings):
    """See `store.Shelf`."""

    # -- submissions

    def submission_seq(self, account: Account) -> int:
        return self._stands(account).submission_seq

    def put_submission(self, account: Account, submission: Submission) -> None:
        s, seq = submission, self._submission_counted(account)
        self._db.execute(
            "INSERT INTO submissions (account, uid, key, email, blob, sender, at, deliveries, created, changed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (account, uid) DO UPDATE SET deliveries = excluded.deliveries, changed = excluded.changed",
            (account.number, s.uid, s.key, s.email, s.blob, s.sender, sec(s.at), deliveries_of(s), seq, seq),
        )

    def submission_changes(self, account: Account, since: int, most: int) -> Changes | None:
        standing = self._stands(account)
        now = standing.submission_seq
        if since > now or since < standing.submissions_from:
            return None
        rows = self._db.all(
            "SELECT created, uid, 'created', 0 FROM submissions WHERE account = ?1 AND created > ?2"
            " UNION ALL SELECT changed, uid, 'updated', 0 FROM submissions"
            " WHERE account = ?1 AND changed > ?2 AND changed > created ORDER BY 1 LIMIT ?3",
            (account.number, since, most + 1),
        )
        return changes_of(rows, since, now, most)

    def submissions(self, account: Account, uids: Sequence[str]) -> Mapping[str, Submission]:
        return {s.uid: s for s in self._submissions("uid", account, uids)}

    def submissions_keyed(self, account: Account, keys: Sequence[str]) -> Sequence[Submission]:
        return self._submissions("key", account, keys)

    def _submissions(self, column: str, account: Account, values: Sequence[str]) -> list[Submission]:
        found: list[Submission] = []
        for some in portions(values):
            marks = ",".join("?" * len(some))
            rows = self._db.all(f"{SUBMISSION} WHERE account = ? AND {column} IN ({marks})", (account.number, *some))
            found += map(submission_of, rows)
        return found

    def all_submissions(self, account: Account) -> Iterator[Submission]:
        return map(submission_of, self._db.all(f"{SUBMISSION} WHERE account = ? ORDER BY number", (account.number,)))

    # -- time, and counting

    def counts(self) -> Counts:
        self.flush()
        row = self._db.one(
            "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM emails),"
            " (SELECT coalesce(sum(held), 0) FROM accounts),"
            " (SELECT count(*) FROM invitations WHERE account IS NULL),"
            " (SELECT count(*) FROM outgoing WHERE step <> 'done')"
        )
        return Counts(*row)

    def sweep(self, now: datetime, most: int) -> int:
        rows = self._db.all(
            "SELECT account, number, uid, blob, size, created FROM emails WHERE leaves < ? LIMIT ?", (sec(now), most)
        )
        for account, number, uid, blob, size, created in rows:
            self._remove(account, number, uid, blob, size, created, now)
        uploads = self._db.all(
            "SELECT account, blob, (SELECT size FROM blobs WHERE number = blob) FROM uploads WHERE at < ? LIMIT ?",
            (sec(now - self._limits.unclaimed), most),
        )
        for account, blob, size in uploads:
            self._db.execute("DELETE FROM uploads WHERE account = ? AND blob = ?", (account, blob))
            self._count(account, -size)
            self._drop_blob(blob)
        old = self._db.all(
            "SELECT account, destroyed FROM gone WHERE at < ? ORDER BY account, destroyed LIMIT ?",
            (sec(now - self._limits.changes), most),
        )
        for account, destroyed in old:
            self._db.execute("DELETE FROM gone WHERE account = ? AND destroyed = ?", (account, destroyed))
            if s := self._standing(account):
                self._put(replace(s, known_from=max(s.known_from, destroyed)))
        proofs = self._db.all(
            "DELETE FROM submissions WHERE at < ?"
            " AND number IN (SELECT number FROM submissions ORDER BY number LIMIT ?) RETURNING account",
            (sec(now - self._limits.remembered), most),
        )
        for (account,) in set(proofs):
            if s := self._standing(account):
                seq = s.submission_seq + 1
                self._put(replace(s, submission_seq=seq, submissions_from=seq))
        spent = self._db.run("DELETE FROM invitations WHERE until < ?", (sec(now - self._limits.invitation),))
        self._db.all("PRAGMA incremental_vacuum(2000)")  # what was freed goes back to the disk, 8 MB at a time
        return len(rows) + len(uploads) + len(old) + len(proofs) + spent + self._sweep_outgoing(now)
