"""What waits to be handed on to the world, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dearly.office.rows import account_of, outgoing_of, sec
from dearly.office.shelf_people import People
from dearly.office.store import Account, Outgoing, Step

_OUTGOING = (
    "SELECT o.uid, o.submission, o.recipient, coalesce(b.uid, ''), o.size, o.since, o.due, o.step, o.holder, o.tries"
    " FROM outgoing o LEFT JOIN blobs b ON b.number = o.blob"
)


class Outgoings(People):
    """The queue's part of `store.Shelf`."""

    def add_outgoing(self, account: Account, outgoing: Outgoing) -> bool:
        o, n = outgoing, account.number
        if self._count(n, o.size) is None:
            return False
        self._db.run(
            "INSERT INTO outgoing (account, uid, submission, recipient, blob, size, since, due, step, holder, tries)"
            " SELECT ?1, ?2, ?3, ?4, number, ?6, ?7, ?8, ?9, ?10, ?11 FROM blobs WHERE uid = ?5",
            (
                *(n, o.uid, o.submission, o.recipient, o.blob, o.size, sec(o.since), sec(o.due)),
                *(o.step.value, o.holder, o.tries),
            ),
        )
        return True

    def outgoing(self, account: Account, uid: str) -> Outgoing | None:
        row = self._db.one(f"{_OUTGOING} WHERE o.account = ? AND o.uid = ?", (account.number, uid))
        return outgoing_of(row) if row else None

    def outgoing_of(self, account: Account, submission: str) -> Sequence[Outgoing]:
        where = (account.number, submission)
        return [outgoing_of(r) for r in self._db.all(f"{_OUTGOING} WHERE o.account = ? AND o.submission = ?", where)]

    def change_outgoing(self, account: Account, outgoing: Outgoing) -> None:
        o, this = outgoing, (account.number, outgoing.uid)
        # That anything changed shows in the account's row: by it a move to another store sees what differs.
        self._submission_counted(account)
        self._db.run(
            "UPDATE outgoing SET due = ?3, step = ?4, holder = ?5, tries = ?6 WHERE account = ?1 AND uid = ?2",
            (*this, sec(o.due), o.step.value, o.holder, o.tries),
        )
        if o.step is Step.DONE:
            blob, size = self._db.one("SELECT blob, size FROM outgoing WHERE account = ? AND uid = ?", this)
            self._db.run("UPDATE outgoing SET blob = NULL, size = 0 WHERE account = ? AND uid = ?", this)
            self._count(account.number, -size)
            if blob is not None:
                self._drop_blob(blob)

    def due_outgoing(self, now: datetime, most: int) -> Sequence[tuple[Account, Outgoing]]:
        rows: list[Any] = self._db.all(
            "SELECT a.number, a.uid, a.address, a.joined," + _OUTGOING.removeprefix("SELECT") + " JOIN accounts a"
            " ON a.number = o.account WHERE o.due <= ? AND o.step <> 'done' ORDER BY o.due, o.uid LIMIT ?",
            (sec(now), most),
        )
        return [(account_of(row[:4]), outgoing_of(row[4:])) for row in rows]

    def outgoing_since(self, account: Account, since: datetime) -> int:
        sql = "SELECT count(*) FROM outgoing WHERE account = ? AND since > ?"
        count: int = self._db.one(sql, (account.number, sec(since)))[0]
        return count

    def _sweep_outgoing(self, now: datetime) -> int:
        return int(self._db.run("DELETE FROM outgoing WHERE step = 'done' AND due <= ?", (sec(now),)))
