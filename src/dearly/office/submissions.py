"""EmailSubmission/get, changes and query (RFC 8621 7.1-7.3): what was handed over, and what became of it."""

from __future__ import annotations

from typing import Any

from dearly.office.abroad import pending
from dearly.office.context import Answer, Context, changes, get, got, moment, queried, wanted, window
from dearly.office.mailboxes import IDENTITY, thread_of
from dearly.office.readers import Arguments, ident, list_of, mapping, or_null, text, utc
from dearly.office.refusals import MethodError
from dearly.office.store import Abroad, Submission

ONCE = "https://dearly.invalid/jmap/once"

_NAMES = (
    "id",
    "identityId",
    "emailId",
    "threadId",
    "envelope",
    "sendAt",
    "undoStatus",
    "deliveryStatus",
    "dsnBlobIds",
    "mdnBlobIds",
)


# RFC 8621 7. What another's mail server took may still come back there, which nobody here would hear of.
_DELIVERED = {
    Abroad.QUEUED: "queued",
    Abroad.TAKEN: "unknown",
    Abroad.UNCERTAIN: "unknown",
    Abroad.RETURNED: "no",
    Abroad.CANCELED: "no",
}


def undo_status(s: Submission) -> str:
    """RFC 8621 7: whether it can still be canceled, or was."""
    if any(d.abroad is Abroad.CANCELED for d in s.deliveries):
        return "canceled"
    return "pending" if pending(s) else "final"


def shown(s: Submission) -> Answer:
    return {
        "id": s.uid,
        "identityId": IDENTITY,
        "emailId": s.email,
        "threadId": thread_of(s.email),
        "envelope": {
            "mailFrom": {"email": s.sender, "parameters": None},
            "rcptTo": [{"email": d.recipient, "parameters": None} for d in s.deliveries],
        },
        "sendAt": moment(s.at),
        "undoStatus": undo_status(s),
        "deliveryStatus": {
            d.recipient: {
                "smtpReply": d.reply,
                "delivered": _DELIVERED[d.abroad] if d.abroad else "yes" if d.accepted else "no",
                "displayed": "unknown",  # and stays so: there are no read receipts here
            }
            for d in s.deliveries
        },
        "dsnBlobIds": [],
        "mdnBlobIds": [],
        "onceKey": None if s.key.startswith("=") else s.key,
    }


def submission_get(c: Context, given: dict[str, Any]) -> Answer:
    """EmailSubmission/get (RFC 8621 7.1)."""
    a = Arguments(given)
    c.own(a)
    ids = get(c, a)
    names = wanted(a, [*_NAMES, "onceKey"] if ONCE in c.using else _NAMES)
    a.done()
    if ids is None:
        ids = [s.uid for s in c.shelf.all_submissions(c.account)]
        if len(ids) > c.limits.get:
            raise MethodError("requestTooLarge")
    there = c.shelf.submissions(c.account, ids)
    whole = [shown(there[i]) for i in ids if i in there]
    return got(c, str(c.shelf.submission_seq(c.account)), [{n: s[n] for n in names} for s in whole], ids)


def submission_changes(c: Context, given: dict[str, Any]) -> Answer:
    """EmailSubmission/changes (RFC 8621 7.2)."""
    return changes(c, given, lambda since, most: c.shelf.submission_changes(c.account, since, most))


def submission_query(c: Context, given: dict[str, Any]) -> Answer:
    """EmailSubmission/query (RFC 8621 7.3), with the filter `onceKeys` of `ONCE`."""
    a = Arguments(given)
    c.own(a)
    condition = a.take("filter", or_null(mapping), None) or {}
    order = a.take("sort", or_null(list_of(mapping)), None) or []
    w = window(a)
    a.done()
    found = _matching(c, condition)
    for by in reversed(order):
        name = by.get("property")
        if name not in ("emailId", "threadId", "sentAt", "sendAt") or not isinstance(by.get("isAscending", True), bool):
            raise MethodError("unsupportedSort")
        if name in ("emailId", "threadId"):
            found.sort(key=lambda s: s.email, reverse=not by.get("isAscending", True))
        else:
            found.sort(key=lambda s: s.at, reverse=not by.get("isAscending", True))
    return queried(c, str(c.shelf.submission_seq(c.account)), [s.uid for s in found], w)


_FILTER: dict[str, Any] = {
    "identityIds": list_of(ident),
    "emailIds": list_of(ident),
    "threadIds": list_of(ident),
    "undoStatus": text,
    "before": utc,
    "after": utc,
}


def _matching(c: Context, condition: dict[str, Any]) -> list[Submission]:
    known = _FILTER | ({"onceKeys": list_of(text)} if ONCE in c.using else {})
    if not condition.keys() <= known.keys():
        raise MethodError("unsupportedFilter")
    f = Arguments(condition)
    v = {n: f.take(n, known[n]) for n in condition}
    if "onceKeys" in v and len(v["onceKeys"]) > c.limits.get:
        raise MethodError("requestTooLarge")
    if "onceKeys" in v:
        keys = [k for k in dict.fromkeys(v["onceKeys"]) if not k.startswith("=")]
        found = list(c.shelf.submissions_keyed(c.account, keys))
    else:
        found = list(c.shelf.all_submissions(c.account))
    tests: dict[str, Any] = {
        "identityIds": lambda _s, x: IDENTITY in x,
        "emailIds": lambda s, x: s.email in x,
        "threadIds": lambda s, x: thread_of(s.email) in x,
        "undoStatus": lambda s, x: x == undo_status(s),
        "before": lambda s, x: s.at < x,
        "after": lambda s, x: s.at >= x,
    }
    return [s for s in found if all(tests[n](s, x) for n, x in v.items() if n in tests)]
