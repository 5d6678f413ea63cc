"""Email (RFC 8621 4): parcels in a mailbox. The office knows their outside only; of the inside it says nothing."""

from __future__ import annotations

import re
from typing import Any

from dearly.letter.words import _
from dearly.office import outer
from dearly.office.context import Answer, Context, changes, get, got, moment, queried, wanted, window
from dearly.office.mailboxes import thread_of
from dearly.office.readers import (
    Arguments,
    count,
    flag,
    ident,
    list_of,
    mapping,
    or_null,
    text,
    utc,
)
from dearly.office.refusals import MethodError
from dearly.office.store import Changes, Email, Find

_KEPT = ("id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt")
_ADDRESSES = ("sender", "from", "to", "cc", "bcc", "replyTo")
_IDS = ("messageId", "inReplyTo", "references")
_HEAD = (*_IDS, *_ADDRESSES, "subject", "sentAt", "headers")
# RFC 8621 4.1.4: what is inside is sealed, so there is no text, and no part that the office could tell apart.
_SEALED: Answer = {
    "hasAttachment": False,
    "preview": "",
    "bodyValues": {},
    "textBody": [],
    "htmlBody": [],
    "attachments": [],
}
_DEFAULT = (*_KEPT, *(n for n in _HEAD if n != "headers"), *_SEALED)
_FIELD = re.compile(r"header:([!-9;-~]{1,100}?)(:asRaw|:asText)?(:all)?\Z")


def email_get(c: Context, given: dict[str, Any]) -> Answer:
    """Email/get (RFC 8621 4.2)."""
    a = Arguments(given)
    c.own(a)
    ids = get(c, a)
    asked = a.take("properties", or_null(list_of(text)), None)
    fields = [n for n in asked or () if n.startswith("header:")]
    if asked is not None:
        given_names = {"properties": [n for n in asked if n not in fields]}
        names = wanted(Arguments(given_names), [*_KEPT, *_HEAD, *_SEALED])
    else:
        names = list(_DEFAULT)
    a.take("bodyProperties", or_null(list_of(text)), None)
    for name in ("fetchTextBodyValues", "fetchHTMLBodyValues", "fetchAllBodyValues"):
        a.take(name, flag, False)
    a.take("maxBodyValueBytes", count, 0)
    a.done()
    parsed = [(n, _FIELD.match(n)) for n in fields]
    if not all(match for _n, match in parsed):
        raise MethodError("invalidArguments", _("There is no such property: properties."))
    if ids is None:
        ids = list(c.shelf.find_emails(c.account, Find(newest_first=False)))
        if len(ids) > c.limits.get:
            raise MethodError("requestTooLarge")
    there = c.shelf.emails(c.account, ids)
    objects = [_shown(c, there[i], names, parsed) for i in ids if i in there]
    return got(c, str(c.shelf.email_seq(c.account)), objects, ids)


def _shown(c: Context, e: Email, names: list[str], fields: list[tuple[str, re.Match[str] | None]]) -> Answer:
    shown: Answer = {
        "id": e.uid,
        "blobId": e.blob.uid,
        "threadId": thread_of(e.uid),
        "mailboxIds": {e.mailbox: True},
        "keywords": dict.fromkeys(e.keywords, True),
        "size": e.blob.size,
        "receivedAt": moment(e.received),
        **_SEALED,
    }
    if fields or not set(names) <= shown.keys():
        head = c.shelf.read(c.account, e.blob.uid, 0, c.limits.header_block) or b""
        found = outer.headers(head, c.limits)
        c.spend(sum(len(n) + len(v) for n, v in found) * (1 + len(fields)))
        shown |= _head(found)
        for name, match in fields:
            if match:
                shown[name] = _field(found, match)
                names = [*names, name]
    return {n: shown[n] for n in names}


def _head(found: outer.Headers) -> Answer:
    last = {n.lower(): v for n, v in found}

    def people(name: str) -> list[Answer] | None:
        return None if name not in last else [{"name": n or None, "email": a} for n, a in outer.addresses(last[name])]

    def ids(name: str) -> list[str] | None:
        return outer.message_ids(last[name]) or None if name in last else None

    return {
        **{n: people({"replyTo": "reply-to"}.get(n, n)) for n in _ADDRESSES},
        "messageId": ids("message-id"),
        "inReplyTo": ids("in-reply-to"),
        "references": ids("references"),
        "subject": outer.unfolded(last["subject"]) if "subject" in last else None,
        "sentAt": outer.date(last["date"]) if "date" in last else None,
        "headers": [{"name": n, "value": v} for n, v in found],
    }


def _field(found: outer.Headers, match: re.Match[str]) -> Any:
    """RFC 8621 4.1.3, in the forms Raw and Text."""
    name, form, every = match.groups()
    values = [v if form != ":asText" else outer.unfolded(v) for n, v in found if n.lower() == name.lower()]
    return values if every else (values[-1] if values else None)


def email_changes(c: Context, given: dict[str, Any]) -> Answer:
    """Email/changes (RFC 8621 4.3)."""
    return changes(c, given, lambda since, most: c.shelf.email_changes(c.account, since, most))


def thread_changes(c: Context, given: dict[str, Any]) -> Answer:
    """Thread/changes (RFC 8621 3.2): threads come and go with their Emails and never change."""

    def look(since: int, most: int) -> Changes | None:
        found = c.shelf.email_changes(c.account, since, most)
        if found is None:
            return None
        came, went = (tuple(map(thread_of, uids)) for uids in (found.created, found.destroyed))
        return Changes(found.until, found.more, created=came, destroyed=went)

    return changes(c, given, look)


def email_query(c: Context, given: dict[str, Any]) -> Answer:
    """Email/query (RFC 8621 4.4): by what the office knows itself; sorted by receivedAt."""
    a = Arguments(given)
    c.own(a)
    condition = a.take("filter", or_null(mapping), None) or {}
    order = a.take("sort", or_null(list_of(mapping)), None) or []
    a.take("collapseThreads", flag, False)
    w = window(a)
    a.done()
    newest_first = True
    for by in order[:1]:
        if by.get("property") != "receivedAt" or not isinstance(by.get("isAscending", True), bool):
            raise MethodError("unsupportedSort")
        newest_first = not by.get("isAscending", True)
    if len(order) > 1:
        raise MethodError("unsupportedSort")
    ids = c.shelf.find_emails(c.account, _find(condition, newest_first))
    return queried(c, str(c.shelf.email_seq(c.account)), ids, w)


_READ: dict[str, Any] = {
    "inMailbox": ident,
    "inMailboxOtherThan": list_of(ident),
    "before": utc,
    "after": utc,
    "minSize": count,
    "maxSize": count,
    "hasKeyword": text,
    "notKeyword": text,
}


def _find(condition: dict[str, Any], newest_first: bool) -> Find:
    if not condition.keys() <= _READ.keys():
        raise MethodError("unsupportedFilter")
    f = Arguments(condition)
    v = {n: f.take(n, _READ[n]) for n in condition}
    return Find(
        mailbox=v.get("inMailbox"),
        not_mailboxes=tuple(v.get("inMailboxOtherThan", ())),
        before=v.get("before"),
        after=v.get("after"),
        larger=v.get("minSize"),
        smaller=v.get("maxSize"),
        keyword=v["hasKeyword"].lower() if "hasKeyword" in v else None,
        not_keyword=v["notKeyword"].lower() if "notKeyword" in v else None,
        newest_first=newest_first,
    )
