"""Mailbox, Thread and Identity (RFC 8621 2, 3 and 6): two mailboxes, a thread for each Email, one identity."""

from __future__ import annotations

from typing import Any

from dearly.letter.words import _
from dearly.office.context import Answer, Context, changes, get, got, queried, wanted, window
from dearly.office.readers import Arguments, flag, ident, list_of, mapping, or_null, text
from dearly.office.refusals import MethodError
from dearly.office.store import INBOX, MAILBOXES, SENT, Changes

IDENTITY = "self"

_RIGHTS = {
    "mayReadItems": True,
    "mayAddItems": True,
    "mayRemoveItems": True,
    "maySetSeen": True,
    "maySetKeywords": True,
    "mayCreateChild": False,
    "mayRename": False,
    "mayDelete": False,
    "maySubmit": True,
}


def _mailbox(c: Context, uid: str) -> Answer:
    total, unseen = c.shelf.count_emails(c.account, uid)
    return {
        "id": uid,
        "name": {INBOX: _("Letterbox"), SENT: _("Handed over")}[uid],
        "parentId": None,
        "role": uid,
        "sortOrder": MAILBOXES.index(uid),
        "totalEmails": total,
        "unreadEmails": unseen,
        "totalThreads": total,
        "unreadThreads": unseen,
        # RFC 8621 2: only the owner's desk puts parcels into the letterbox of someone else, by submission.
        "myRights": _RIGHTS | ({"mayAddItems": False} if uid == INBOX else {}),
        "isSubscribed": True,
    }


def mailbox_get(c: Context, given: dict[str, Any]) -> Answer:
    """Mailbox/get (RFC 8621 2.1)."""
    a = Arguments(given)
    c.own(a)
    ids = get(c, a)
    names = wanted(a, list(_mailbox(c, INBOX)))
    a.done()
    boxes = [_mailbox(c, uid) for uid in MAILBOXES if ids is None or uid in ids]
    return got(c, str(c.shelf.email_seq(c.account)), [{n: b[n] for n in names} for b in boxes], ids)


def mailbox_changes(c: Context, given: dict[str, Any]) -> Answer:
    """Mailbox/changes (RFC 8621 2.2): the two are always there; only their counts change."""

    def look(since: int, _most: int) -> Changes | None:
        now = c.shelf.email_seq(c.account)
        if since > now:
            return None
        return Changes(now, more=False, updated=MAILBOXES if since < now else ())

    counts = ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]
    return changes(c, given, look) | {"updatedProperties": counts}


def mailbox_query(c: Context, given: dict[str, Any]) -> Answer:
    """Mailbox/query (RFC 8621 2.3)."""
    a = Arguments(given)
    c.own(a)
    condition = a.take("filter", or_null(mapping), None) or {}
    order = a.take("sort", or_null(list_of(mapping)), None) or []
    a.take("sortAsTree", flag, False)
    a.take("filterAsTree", flag, False)
    w = window(a)
    a.done()
    if "operator" in condition:
        raise MethodError("unsupportedFilter")
    boxes = [_mailbox(c, uid) for uid in MAILBOXES]
    f = Arguments(condition)
    for name, read in (("parentId", or_null(ident)), ("role", or_null(text))):
        if name in condition:
            value = f.take(name, read)
            boxes = [b for b in boxes if b[name] == value]
    if "name" in condition:
        part = f.take("name", text).casefold()
        boxes = [b for b in boxes if part in b["name"].casefold()]
    if "hasAnyRole" in condition and not f.take("hasAnyRole", flag):
        boxes = []
    if "isSubscribed" in condition and not f.take("isSubscribed", flag):
        boxes = []
    f.done()
    for by in reversed(order):
        name = by.get("property")
        if name not in ("sortOrder", "name"):
            raise MethodError("unsupportedSort")
        boxes.sort(key=lambda b: b[name], reverse=by.get("isAscending", True) is False)
    return queried(c, str(c.shelf.email_seq(c.account)), [b["id"] for b in boxes], w)


def thread_get(c: Context, given: dict[str, Any]) -> Answer:
    """Thread/get (RFC 8621 3.1): what belongs together stands inside the seal, so each Email is its own thread."""
    a = Arguments(given)
    c.own(a)
    ids = get(c, a)
    names = wanted(a, ["id", "emailIds"])
    a.done()
    if ids is None:
        raise MethodError("requestTooLarge", _("Say which threads."))
    there = c.shelf.emails(c.account, [email_of(t) for t in ids])
    threads = [{"id": t, "emailIds": [email_of(t)]} for t in ids if t[0] == "T" and email_of(t) in there]
    return got(c, str(c.shelf.email_seq(c.account)), [{n: t[n] for n in names} for t in threads], ids)


def thread_of(email: str) -> str:
    """The thread of an Email, by their ids."""
    return "T" + email[1:]


def email_of(thread: str) -> str:
    """The Email of a thread, by their ids."""
    return "M" + thread[1:]


def identity_get(c: Context, given: dict[str, Any]) -> Answer:
    """Identity/get (RFC 8621 6.1)."""
    a = Arguments(given)
    c.own(a)
    ids = get(c, a)
    identity: Answer = {
        "id": IDENTITY,
        "name": "",
        "email": str(c.account.address),
        "replyTo": None,
        "bcc": None,
        "textSignature": "",
        "htmlSignature": "",
        "mayDelete": False,
    }
    names = wanted(a, list(identity))
    a.done()
    mine = [{n: identity[n] for n in names}] if ids is None or IDENTITY in ids else []
    return got(c, "1", mine, ids)


def identity_changes(c: Context, given: dict[str, Any]) -> Answer:
    """Identity/changes (RFC 8621 6.2): there is one, and it stays as it is."""
    return changes(c, given, lambda since, _most: Changes(1, more=False) if since == 1 else None)


def never_calculated(_c: Context, _given: dict[str, Any]) -> Answer:
    """Every /queryChanges (RFC 8620 5.6): the query tells so by `canCalculateChanges`."""
    raise MethodError("cannotCalculateChanges")
