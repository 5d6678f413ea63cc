"""The whole shelf over PostgreSQL: people and parcels, submissions, and what time takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from dearly.office.postgres.outgoing import Outgoings
from dearly.office.rows import SUBMISSION, changes_of, deliveries_of, sec, submission_of
from dearly.office.store import Account, Blob, Changes, Counts, Submission


class PostgresShelf(Outgoings):
    """See `store.Shelf`."""

    # -- submissions

    def submission_seq(self, account: Account) -> int:
        return self._stands(account).submission_seq

    def put_submission(self, account: Account, submission: Submission) -> None:
        s, seq = submission, self._submission_counted(account)
        self._do(
            "INSERT INTO submissions (account, uid, key, email, blob, sender, at, deliveries, created, changed)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (account, uid) DO UPDATE SET deliveries = excluded.deliveries, changed = excluded.changed",
            *(account.number, s.uid, s.key, s.email, s.blob, s.sender, sec(s.at), deliveries_of(s), seq, seq),
        )

    def submission_changes(self, account: Account, since: int, most: int) -> Changes | None:
        standing = self._stands(account)
        now = standing.submission_seq
        if since > now or since < standing.submissions_from:
            return None
        rows = self._all(
            "SELECT created AS seq, uid, 'created', 0 FROM submissions WHERE account = %s AND created > %s"
            " UNION ALL SELECT changed, uid, 'updated', 0 FROM submissions"
            " WHERE account = %s AND changed > %s AND changed > created ORDER BY seq LIMIT %s",
            *(account.number, since) * 2,
            most + 1,
        )
        return changes_of(rows, since, now, most)

    def submissions(self, account: Account, uids: Sequence[str]) -> Mapping[str, Submission]:
        return {s.uid: s for s in self._submissions("uid", account, uids)}

    def submissions_keyed(self, account: Account, keys: Sequence[str]) -> Sequence[Submission]:
        return self._submissions("key", account, keys)

    def _submissions(self, column: str, account: Account, values: Sequence[str]) -> list[Submission]:
        if not values:
            return []
        rows = self._all(f"{SUBMISSION} WHERE account = %s AND {column} = ANY(%s)", account.number, list(values))
        return list(map(submission_of, rows))

    def all_submissions(self, account: Account) -> Iterator[Submission]:
        rows = self._all(f"{SUBMISSION} WHERE account = %s ORDER BY created", account.number)
        return map(submission_of, rows)

    # -- time, and counting

    def counts(self) -> Counts:
        self.flush()
        accounts, size = self._one("SELECT count(*), coalesce(sum(held), 0)::bigint FROM accounts") or (0, 0)
        (emails,) = self._one("SELECT count(*) FROM emails") or (0,)
        (waiting,) = self._one("SELECT count(*) FROM invitations WHERE account IS NULL") or (0,)
        (outgoing,) = self._one("SELECT count(*) FROM outgoing WHERE step <> 'done'") or (0,)
        return Counts(accounts, emails, size, waiting, outgoing)

    def sweep(self, now: datetime, most: int) -> int:
        due = {
            "emails": ("leaves", sec(now)),
            "blobs": ("at", sec(now - self._limits.unclaimed)),
            "gone": ("at", sec(now - self._limits.changes)),
            "submissions": ("at", sec(now - self._limits.remembered)),
        }
        # Whose is due is only a hint: nothing is taken before the account is locked, and looked at again.
        whose: set[int] = set()
        for table, (column, before) in due.items():
            sql = f"SELECT account FROM {table} WHERE {column} < %s LIMIT %s"  # noqa: S608  the names above
            whose |= {row[0] for row in self._all(sql, before, most)}
        self.take(whose)
        went = sum(self._sweep_one(account, now, most) for account in sorted(whose) if self._standing(account))
        spent = self._all("DELETE FROM invitations WHERE until < %s RETURNING 1", sec(now - self._limits.invitation))
        return went + len(spent) + self._sweep_outgoing(now)

    def _sweep_one(self, account: int, now: datetime, most: int) -> int:
        emails = self._all(
            "DELETE FROM emails WHERE account = %s AND uid IN"
            " (SELECT uid FROM emails WHERE account = %s AND leaves < %s LIMIT %s)"
            " RETURNING uid, blob, size, sender, created",
            *(account, account, sec(now), most),
        )
        for uid, blob, size, sender, created in emails:
            self._gone(account, uid, Blob(account, blob, size, sender), created, now)
        uploads = self._all(
            "UPDATE blobs SET at = NULL WHERE account = %s AND blob IN"
            " (SELECT blob FROM blobs WHERE account = %s AND at < %s LIMIT %s) RETURNING blob, size",
            *(account, account, sec(now - self._limits.unclaimed), most),
        )
        self._uploads = frozenset()
        for blob, size in uploads:
            self._count(account, -size)
            self._drop_blob(account, blob, size)
        old = self._all(
            "DELETE FROM gone WHERE account = %s AND destroyed IN (SELECT destroyed FROM gone WHERE account = %s"
            " AND at < %s ORDER BY destroyed LIMIT %s) RETURNING destroyed",
            *(account, account, sec(now - self._limits.changes), most),
        )
        proofs = self._all(
            "DELETE FROM submissions WHERE account = %s AND uid IN"
            " (SELECT uid FROM submissions WHERE account = %s AND at < %s ORDER BY created LIMIT %s) RETURNING uid",
            *(account, account, sec(now - self._limits.remembered), most),
        )
        s = self._standing(account)
        if s is not None and (old or proofs):
            seq = s.submission_seq + bool(proofs)
            self._put(
                replace(
                    s,
                    known_from=max([s.known_from, *(destroyed for (destroyed,) in old)]),
                    submission_seq=seq,
                    submissions_from=seq if proofs else s.submissions_from,
                )
            )
        return len(emails) + len(uploads) + len(old) + len(proofs)
