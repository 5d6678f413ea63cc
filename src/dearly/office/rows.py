"""Rows as the values of `store`, for both stores; and the few look-ups of SQLite's that need no transaction."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from dearly.letter.address import Address
from dearly.office.db import Db
from dearly.office.store import Abroad, Account, Blob, Changes, Delivery, Email, Outgoing, Step, Submission

PIECE = 1 << 20
_AT_ONCE = 400  # parameters of one statement, well below SQLite's limit

ACCOUNT = "SELECT number, uid, address, joined FROM accounts"
EMAIL = (
    "SELECT b.number, b.uid, b.size, b.sender, e.uid, e.mailbox, e.received, e.keywords, e.created"
    " FROM emails e JOIN blobs b ON b.number = e.blob"
)
SUBMISSION = "SELECT uid, key, email, blob, sender, at, deliveries FROM submissions"

# The blobs that an account (its number: ?1) has an Email or an upload of, or that wait to go out for it; then the uid.
_MINE = (
    " FROM blobs b{} WHERE (EXISTS (SELECT 1 FROM emails WHERE blob = b.number AND account = ?1)"
    " OR EXISTS (SELECT 1 FROM uploads WHERE account = ?1 AND blob = b.number)"
    " OR EXISTS (SELECT 1 FROM outgoing WHERE blob = b.number AND account = ?1)) AND uid "
)
_PIECES = " JOIN pieces p ON p.number BETWEEN b.number << 10 AND (b.number << 10) + 1023"
BLOBS = "SELECT number, uid, size, sender" + _MINE.format("")
WHOLES = "SELECT uid, p.number, p.data" + _MINE.format(_PIECES)
_SIZE = "SELECT number, size" + _MINE.format("") + "= ?2"


def when(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def sec(when: datetime) -> int:
    return int(when.timestamp())


MOVED = "moved"


def is_closed(value: str, now: float) -> bool:
    """Whether the fact `closed` holds at `now`: for ever, or until a second that is renewed while a move goes on."""
    return value == MOVED or float(value) > now


def account_of(row: Sequence[Any]) -> Account:
    number, uid, address, joined = row
    local, _at, domain = address.rpartition("@")
    return Account(number, uid, Address(local, domain), when(joined))


def email_of(row: tuple[Any, ...]) -> Email:
    *blob, uid, mailbox, received, keywords, created = row
    return Email(uid, Blob(*blob), mailbox, when(received), tuple(keywords.split()), created)


def submission_of(row: tuple[Any, ...]) -> Submission:
    uid, key, email, blob, sender, at, deliveries = row
    return Submission(uid, key, email, blob, sender, when(at), tuple(_delivery(*d) for d in json.loads(deliveries)))


def _delivery(recipient: str, accepted: bool, reply: str, abroad: str | None = None) -> Delivery:
    return Delivery(recipient, bool(accepted), reply, Abroad(abroad) if abroad else None)


def deliveries_of(submission: Submission) -> str:
    """The deliveries of a submission as its row keeps them."""
    return json.dumps(
        [(d.recipient, d.accepted, d.reply, *([d.abroad.value] if d.abroad else [])) for d in submission.deliveries]
    )


def outgoing_of(row: tuple[Any, ...]) -> Outgoing:
    uid, submission, recipient, blob, size, since, due, step, holder, tries = row
    return Outgoing(uid, submission, recipient, blob, size, when(since), when(due), Step(step), holder, tries)


def changes_of(rows: Sequence[tuple[Any, ...]], since: int, now: int, most: int) -> Changes:
    """Events (seq, uid, what, created), in order and one more than `most` if there are more, as `Changes`."""
    more = len(rows) > most
    rows = rows[:most]
    came = [uid for _seq, uid, what, _created in rows if what == "created"]
    known = set(came)
    updated = [uid for _seq, uid, what, _created in rows if what == "updated" and uid not in known]
    # What came and went again since then was never known to the client (RFC 8620 5.2).
    went = [uid for _seq, uid, what, created in rows if what == "destroyed" and created <= since]
    return Changes(rows[-1][0] if more else now, more, tuple(came), tuple(updated), tuple(went))


def holder(db: Db, token_sha256: bytes) -> Account | None:
    """The account with this token digest, compared in constant time."""
    found = None
    rows = db.all(
        "SELECT number, uid, address, joined, token FROM accounts WHERE substr(token, 1, 4) = ?", (token_sha256[:4],)
    )
    for *row, token in rows:
        if hmac.compare_digest(token, token_sha256):
            found = account_of(row)
    return found


def piece(db: Db, account: int, uid: str, offset: int, length: int | None) -> bytes | None:
    """Part of a blob that the account may see."""
    row = db.one(_SIZE, (account, uid))
    if row is None:
        return None
    number, size = row
    end = size if length is None else min(size, offset + length)
    if offset >= end:
        return b""
    first, last = offset // PIECE, (end - 1) // PIECE
    base = number << 10
    rows = db.all("SELECT data FROM pieces WHERE number BETWEEN ? AND ? ORDER BY number", (base + first, base + last))
    data: bytes = rows[0][0] if len(rows) == 1 else b"".join(r[0] for r in rows)
    start = offset - first * PIECE
    return data if start == 0 and len(data) == end - offset else data[start : start + end - offset]


def portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
