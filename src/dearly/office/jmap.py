"""JMAP as the office speaks it (RFC 8620, 8621, 9404): the session, and the table of methods.

A method is a plain function over a `Context`; a whole request is one transaction of the store, so that everything it
made is durable by one commit before its answer is sent. RFC 8620 5.3 still holds: each object is done or refused by
itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dearly.letter.clock import Chance, Clock
from dearly.office import blobs, emails, handover, imports, mailboxes, outer, submissions
from dearly.office.context import Answer, Context
from dearly.office.limits import Limits
from dearly.office.refusals import MethodError
from dearly.office.smarthost import WORLD, World
from dearly.office.store import Account, Shelf
from dearly.office.submissions import ONCE
from dearly.office.wire import Call, Request, resolve

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
SUBMISSION = "urn:ietf:params:jmap:submission"
BLOB = "urn:ietf:params:jmap:blob"
KNOWN = frozenset({CORE, MAIL, SUBMISSION, BLOB, ONCE, WORLD})


@dataclass(frozen=True, slots=True)
class Method:
    """`needs`: the capability that a request must name to use it. `writes`: whether it may change the store."""

    act: Callable[[Context, dict[str, Any]], Answer]
    needs: str
    writes: bool = False


def echo(_c: Context, given: dict[str, Any]) -> Answer:
    """Core/echo (RFC 8620 4)."""
    return given


METHODS: dict[str, Method] = {
    "Core/echo": Method(echo, CORE),
    "Mailbox/get": Method(mailboxes.mailbox_get, MAIL),
    "Mailbox/changes": Method(mailboxes.mailbox_changes, MAIL),
    "Mailbox/query": Method(mailboxes.mailbox_query, MAIL),
    "Mailbox/queryChanges": Method(mailboxes.never_calculated, MAIL),
    "Thread/get": Method(mailboxes.thread_get, MAIL),
    "Thread/changes": Method(emails.thread_changes, MAIL),
    "Email/get": Method(emails.email_get, MAIL),
    "Email/changes": Method(emails.email_changes, MAIL),
    "Email/query": Method(emails.email_query, MAIL),
    "Email/queryChanges": Method(mailboxes.never_calculated, MAIL),
    "Email/import": Method(imports.email_import, MAIL, writes=True),
    "Email/set": Method(imports.email_set, MAIL, writes=True),
    "Identity/get": Method(mailboxes.identity_get, SUBMISSION),
    "Identity/changes": Method(mailboxes.identity_changes, SUBMISSION),
    "EmailSubmission/get": Method(submissions.submission_get, SUBMISSION),
    "EmailSubmission/changes": Method(submissions.submission_changes, SUBMISSION),
    "EmailSubmission/query": Method(submissions.submission_query, SUBMISSION),
    "EmailSubmission/queryChanges": Method(mailboxes.never_calculated, SUBMISSION),
    "EmailSubmission/set": Method(handover.submission_set, SUBMISSION, writes=True),
    "Blob/upload": Method(blobs.blob_upload, BLOB, writes=True),
    "Blob/get": Method(blobs.blob_get, BLOB),
}


def writes(request: Request) -> bool:
    """Whether anything in `request` may change the store."""
    return any(c.name in METHODS and METHODS[c.name].writes for c in request.calls)


def recipients(request: Request) -> set[str]:
    """The `Address.key` of everybody that `request` seems to be meant for: for the store's locks, not for what is
    done."""
    found: set[str] = set()
    for call in request.calls:
        creates = call.arguments.get("create") if call.name == "EmailSubmission/set" else None
        for one in creates.values() if isinstance(creates, dict) else ():
            match one:
                case {"envelope": {"rcptTo": [*people]}}:
                    found |= {outer.key_of(p["email"]) for p in people if isinstance(p, dict) and _is_text(p, "email")}
    return found - {""}


def _is_text(value: dict[str, Any], name: str) -> bool:
    return isinstance(value.get(name), str)


def respond(
    shelf: Shelf,
    account: Account,
    request: Request,
    limits: Limits,
    clock: Clock,
    chance: Chance,
    world: World | None = None,
) -> bytes:
    """The Response object (RFC 8620 3.4): the responses to every call, in order."""
    c = Context(shelf, account, limits, clock.now(), chance, request.using, dict(request.created or {}), world)
    answers: list[Call] = []
    for call in request.calls:
        try:
            name, answer = call.name, _one(c, call, answers)
        except MethodError as e:
            name, answer = "error", e.answer()
        answers.append(Call(name, answer, call.id))
        answers += [Call(also, more, call.id) for also, more in c.after]
        c.after.clear()
    return _body(answers, session_state(world, limits), None if request.created is None else c.created)


def _one(c: Context, call: Call, answers: Sequence[Call]) -> Answer:
    method = METHODS.get(call.name)
    if method is None or method.needs not in c.using:
        raise MethodError("unknownMethod")
    given, quoted = resolve(call, answers)
    c.spend(quoted)
    return method.act(c, given)


def _body(answers: Sequence[Call], state: str, created: dict[str, str] | None) -> bytes:
    responses = [(a.name, a.arguments, a.id) for a in answers]
    value: dict[str, Any] = {"methodResponses": responses, "sessionState": state}
    if created is not None:
        value["createdIds"] = created
    return json.dumps(value, separators=(",", ":")).encode()


def session_state(world: World | None, limits: Limits) -> str:
    """Nothing in a session of ours changes while the office runs; it may have another smarthost when it runs again."""
    if world is None:
        return "1"
    return "1" + hashlib.sha256(repr(world.announced(limits)).encode()).hexdigest()[:8]


def session(account: Account, limits: Limits, base: str, world: World | None = None) -> Answer:
    """The Session object (RFC 8620 2). `base`: scheme, host and port as the client sees them."""
    mail = {
        "maxMailboxesPerEmail": 1,
        "maxMailboxDepth": 1,
        "maxSizeMailboxName": 100,
        "maxSizeAttachmentsPerEmail": 0,
        "emailQuerySortOptions": ["receivedAt"],
        "mayCreateTopLevelMailbox": False,
    }
    blob = {
        "maxSizeBlobSet": limits.request * 7 // 10,  # what base64 makes of it still fits into one request
        "maxDataSources": limits.sources,
        "supportedTypeNames": [],
        "supportedDigestAlgorithms": list(blobs.DIGESTS),
    }
    once = {"rememberedDays": limits.remembered.days, "keptDays": limits.kept.days, "maxAnswerBytes": limits.answer}
    each: dict[str, Answer] = {
        MAIL: mail,
        SUBMISSION: {"maxDelayedSend": 0, "submissionExtensions": {}},
        BLOB: blob,
        ONCE: once,
    }
    if world is not None:
        each[WORLD] = world.announced(limits)
    core = {
        "maxSizeUpload": limits.upload,
        "maxConcurrentUpload": limits.uploads_at_once,
        "maxSizeRequest": limits.request,
        "maxConcurrentRequests": limits.requests_at_once,
        "maxCallsInRequest": limits.calls,
        "maxObjectsInGet": limits.get,
        "maxObjectsInSet": limits.set,
        "collationAlgorithms": [],
    }
    return {
        "capabilities": {CORE: core} | {name: {} for name in each},
        "accounts": {
            account.uid: {
                "name": str(account.address),
                "isPersonal": True,
                "isReadOnly": False,
                "accountCapabilities": each,
            }
        },
        "primaryAccounts": dict.fromkeys((CORE, *each), account.uid),
        "username": str(account.address),
        "apiUrl": f"{base}/jmap/api",
        "downloadUrl": f"{base}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?accept={{type}}",
        "uploadUrl": f"{base}/jmap/upload/{{accountId}}",
        "eventSourceUrl": f"{base}/jmap/events?types={{types}}&closeafter={{closeafter}}&ping={{ping}}",
        "state": session_state(world, limits),
    }
