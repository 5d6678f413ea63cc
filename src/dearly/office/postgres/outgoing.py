"""What waits to be handed on to the world, in PostgreSQL: the same promises as `shelf_outgoing`.

What is due is looked for across accounts, as a hint only: nothing is taken before its account is locked, and looked at
again. So nodes need no lock of their own kind for it, and the table may be spread by account like the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dearly.office.postgres.people import People
from dearly.office.rows import outgoing_of, sec
from dearly.office.store import Account, Outgoing, Step

_OUTGOING = "SELECT uid, submission, recipient, blob, size, since, due, step, holder, tries FROM outgoing"


class Outgoings(People):
    """The queue's part of `store.Shelf`."""

    def add_outgoing(self, account: Account, outgoing: Outgoing) -> bool:
        o, n = outgoing, account.number
        if self._count(n, o.size) is None:
            return False
        self._do(
            "INSERT INTO outgoing (account, uid, submission, recipient, blob, size, since, due, step, holder, tries)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            *(n, o.uid, o.submission, o.recipient, o.blob, o.size, sec(o.since), sec(o.due)),
            *(o.step.value, o.holder, o.tries),
        )
        return True

    def outgoing(self, account: Account, uid: str) -> Outgoing | None:
        row = self._one(f"{_OUTGOING} WHERE account = %s AND uid = %s", account.number, uid)
        return outgoing_of(row) if row else None

    def outgoing_of(self, account: Account, submission: str) -> Sequence[Outgoing]:
        rows = self._all(f"{_OUTGOING} WHERE account = %s AND submission = %s", account.number, submission)
        return list(map(outgoing_of, rows))

    def change_outgoing(self, account: Account, outgoing: Outgoing) -> None:
        o, n = outgoing, account.number
        self._submission_counted(account)
        before = self.outgoing(account, o.uid)
        done = o.step is Step.DONE
        self._do(
            "UPDATE outgoing SET due = %s, step = %s, holder = %s, tries = %s, blob = %s, size = %s"
            " WHERE account = %s AND uid = %s",
            *(sec(o.due), o.step.value, o.holder, o.tries, "" if done else o.blob, 0 if done else o.size, n, o.uid),
        )
        if done and before is not None and before.blob:
            self._count(n, -before.size)
            self._drop_blob(n, before.blob, before.size)

    def due_outgoing(self, now: datetime, most: int) -> Sequence[tuple[Account, Outgoing]]:
        due = "step <> 'done' AND due <= %s ORDER BY due, uid LIMIT %s"
        look = f"SELECT account FROM outgoing WHERE {due}"  # noqa: S608  the words above
        whose = {row[0] for row in self._all(look, sec(now), most)}
        self.take(whose)
        found = []
        for number in sorted(whose):
            standing = self._standing(number)
            if standing is not None:
                rows = self._all(f"{_OUTGOING} WHERE account = %s AND {due}", number, sec(now), most)
                found += [(standing.account, outgoing_of(row)) for row in rows]
        return sorted(found, key=lambda one: (one[1].due, one[1].uid))[:most]

    def outgoing_since(self, account: Account, since: datetime) -> int:
        sql = "SELECT count(*) FROM outgoing WHERE account = %s AND since > %s"
        (count,) = self._one(sql, account.number, sec(since)) or (0,)
        return int(count)

    def _sweep_outgoing(self, now: datetime) -> int:
        gone = self._all("DELETE FROM outgoing WHERE step = 'done' AND due <= %s RETURNING 1", sec(now))
        return len(gone)
