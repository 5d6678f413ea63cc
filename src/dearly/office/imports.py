"""Email/import and Email/set (RFC 8621 4.6 and 4.8): how parcels come in from outside, are marked, and go."""

from __future__ import annotations

import re
from typing import Any

from dearly.letter.words import _
from dearly.office.context import Answer, Context, set_
from dearly.office.mailboxes import thread_of
from dearly.office.readers import (
    Arguments,
    Properties,
    ident_or_new,
    map_of,
    mapping,
    or_null,
    text,
    utc,
)
from dearly.office.refusals import MethodError, SetError
from dearly.office.store import INBOX, MAILBOXES, SENT, Email

_KEYWORD = re.compile(r"[!#$&'+,./0-9:;<=>?@A-Z^_`a-z|}~-]{1,255}\Z")
_MOST_KEYWORDS = 16


def _keywords(value: object) -> tuple[str, ...]:
    """RFC 8621 4.1.1."""
    words = mapping(value)
    if len(words) > _MOST_KEYWORDS or not all(v is True and _KEYWORD.match(k) for k, v in words.items()):
        raise ValueError("not keywords")
    return tuple(sorted({k.lower() for k in words}))


def _mailbox(value: object) -> str:
    boxes = mapping(value)
    if len(boxes) != 1 or not all(v is True and k in MAILBOXES for k, v in boxes.items()):
        raise ValueError("not one mailbox")
    return next(iter(boxes))


def email_import(c: Context, given: dict[str, Any]) -> Answer:
    """Email/import (RFC 8621 4.8): from an uploaded blob into «sent», as the step before a submission.

    The letterbox is filled by submissions only: what lies there came from the account that its From names."""
    a = Arguments(given)
    account = c.own(a)
    if_in = a.take("ifInState", or_null(text), None)
    creates = a.take("emails", map_of(mapping))
    a.done()
    old = str(c.shelf.email_seq(c.account))
    if if_in is not None and if_in != old:
        raise MethodError("stateMismatch")
    if len(creates) > c.limits.set:
        raise MethodError("requestTooLarge")
    created: dict[str, Answer] = {}
    refused: dict[str, Answer] = {}
    for cid, properties in creates.items():
        try:
            created[cid] = made = _import(c, properties)
            c.created[cid] = made["id"]
        except SetError as e:
            refused[cid] = e.answer()
    return {
        "accountId": account,
        "oldState": old,
        "newState": str(c.shelf.email_seq(c.account)),
        "created": created or None,
        "notCreated": refused or None,
    }


def _import(c: Context, properties: dict[str, Any]) -> Answer:
    p = Properties(properties)
    wanted_blob = p.take("blobId", ident_or_new)
    mailbox = p.take("mailboxIds", _mailbox)
    keywords = p.take("keywords", _keywords, ())
    p.take("receivedAt", or_null(utc), None)  # the office writes its own hour, as a postmark
    p.done()
    if mailbox != SENT:
        raise SetError("forbidden", _("Only a submission puts letters into a letterbox."), properties=["mailboxIds"])
    real = c.real(wanted_blob)
    blob = c.blob(real) if real else None
    if blob is None:
        raise SetError("blobNotFound", blobId=wanted_blob)
    e = c.shelf.add_email(c.account, c.new("M"), mailbox, blob, keywords, c.now)
    if e is None:
        raise over_quota()
    c.emails[e.uid] = e
    return {"id": e.uid, "blobId": e.blob.uid, "threadId": thread_of(e.uid), "size": e.blob.size}


def over_quota() -> SetError:
    """One's own place is full."""
    return SetError("overQuota", _("There is no more room for this account in the office."))


def email_set(c: Context, given: dict[str, Any]) -> Answer:
    """Email/set (RFC 8621 4.6): destroy, and update of keywords; nothing is made here (`Email/import` does that)."""
    return _set(c, given, c.limits.set)


def email_follow(c: Context, update: dict[str, dict[str, Any]], destroy: list[str]) -> Answer:
    """The implicit Email/set after a submission (RFC 8621 7.5); as many as submissions were made."""
    return _set(c, {"accountId": c.account.uid, "update": update, "destroy": destroy}, len(update) + len(destroy))


def _set(c: Context, given: dict[str, Any], most: int) -> Answer:

    def create(_cid: str, _properties: dict[str, Any]) -> Answer:
        raise SetError("forbidden", _("The office takes only finished, sealed letters: Blob/upload and Email/import."))

    def update(uid: str, patch: dict[str, Any]) -> None:
        e = _one(c, uid)
        mailbox, keywords = _patched(e, patch)
        if mailbox != e.mailbox and INBOX in (mailbox, e.mailbox):
            raise SetError(
                "forbidden", _("Letters are not moved into or out of a letterbox."), properties=["mailboxIds"]
            )
        c.emails.pop(uid, None)
        if (mailbox, keywords) != (e.mailbox, e.keywords):
            c.shelf.change_email(c.account, e, mailbox, keywords, c.now)

    def destroy(uid: str) -> None:
        e = _one(c, uid)
        c.emails.pop(uid, None)
        c.blobs.pop(e.blob.uid, None)
        c.shelf.remove_email(c.account, e, c.now)

    def state() -> str:
        return str(c.shelf.email_seq(c.account))

    return set_(c, given, state, create, update, destroy, lambda _a: None, most)[0]


def _one(c: Context, uid: str) -> Email:
    found = c.email(uid)
    if found is None:
        raise SetError("notFound")
    return found


def _patched(e: Email, patch: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """RFC 8620 5.3 PatchObject, on the two properties that may change."""
    now: dict[str, dict[str, Any]] = {
        "mailboxIds": {e.mailbox: True},
        "keywords": dict.fromkeys(e.keywords, True),
    }
    for path, value in patch.items():
        name, slash, key = path.partition("/")
        if name not in now or (slash and name in patch):
            wrong = "invalidPatch" if name in now else "invalidProperties"
            raise SetError(wrong, _("This cannot be changed: {name}.").format(name=path[:80]), properties=[name[:60]])
        if not slash:
            now[name] = value
        elif value is None:
            now[name].pop(key.replace("~1", "/").replace("~0", "~"), None)
        else:
            now[name][key.replace("~1", "/").replace("~0", "~")] = value
    p = Properties(now)
    return p.take("mailboxIds", _mailbox), p.take("keywords", _keywords)
