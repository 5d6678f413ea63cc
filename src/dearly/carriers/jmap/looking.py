"""Looking for a letter after it was handed over to a JMAP server, and asking what became of it (RFC 8621 7).

Where the server honours keys (`ONCE`), it is the authority on what it took. Elsewhere only finding the submission of
exactly these bytes proves something, or as many copies that came back to ourselves as there were recipients; and not
finding it proves nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dearly.carriers.base import Report, for_each, said
from dearly.carriers.jmap.blobs import fetch
from dearly.carriers.jmap.line import Cut, NotDone
from dearly.carriers.jmap.session import Account, MethodFailed, mapping, objects, text
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter, Way
from dearly.letter.errors import CarrierTrouble, Usage
from dearly.letter.journey import (
    Accepted,
    Bounced,
    Delivered,
    Evidence,
    Found,
    NothingProven,
    NotThere,
    Outcome,
    TryLater,
    Turned,
    Unknown,
)
from dearly.letter.words import _

_MOST = 64
"""Emails with one Message-ID that are looked at."""
_STAMPS = 64 * 1024
"""Octets that servers on the way may have put before a letter."""
_RECEIVED = re.compile(rb"^received:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Bearing:
    """An Email that bears a Message-ID."""

    uid: str
    blob: str
    size: int


def once_key(letter: SealedLetter, recipient: Address) -> str:
    """The key of one handing over to one recipient."""
    return hashlib.sha256(f"{letter.key} {recipient.key}".encode()).hexdigest()[:32]


async def look_for(account: Account, letter: SealedLetter) -> Mapping[Address, Evidence]:
    """Evidence for each recipient; raises nothing."""
    found: Mapping[Address, Mapping[str, Any]] = {}
    not_found: Evidence = NothingProven()
    try:
        found, authoritative = await _find(account, letter)
        not_found = NotThere() if authoritative else not_found
    except MethodFailed:
        pass  # a server may have no EmailSubmission/query; what came to us may still speak
    except (NotDone, Cut, CarrierTrouble):
        return for_each(letter, NothingProven())
    ours = await _is_ours(account)
    evidence = {
        r: (_got_on(delivery(found[r], r)) if ours else Found()) if r in found else not_found
        for r in letter.envelope.recipients
    }
    if account.way is Way.MAIL and NothingProven() in evidence.values():
        with suppress(NotDone, Cut, MethodFailed, CarrierTrouble):
            if await _came_back(account, letter, len(letter.envelope.recipients)):
                return for_each(letter, Found())
    return evidence


async def _is_ours(account: Account) -> bool:
    """Whether it is an office of ours, which may have letters for the world in its queue, even if it hands none on just
    now. The session is known by now."""
    return (await account.session()).once


def _got_on(status: Mapping[str, Any]) -> Evidence:
    """What the office knows of a letter that it may have handed on: it is on its way only once another has taken it."""
    match outcome_of(status):
        case Accepted():
            return Found()
        case Unknown():
            return NothingProven()
    return NotThere()


def outcome_of(status: Mapping[str, Any]) -> Outcome:
    """What a DeliveryStatus (RFC 8621 7) of an office's means for the letter's journey."""
    reply = said(status.get("smtpReply"))
    match status.get("delivered"):
        case "no":
            return Turned(reply or _("It was refused, and no reason was given."))
        case "queued":
            return TryLater(_FINE.sub("", reply) or _("It waits in the office."))
        case "unknown" if not reply.startswith("2"):
            return Unknown(reply or _("Nobody knows what became of it."))
    return Accepted()


_FINE = re.compile(r"^2\d\d (?:2\.\d{1,3}\.\d{1,3} )?")
"""The numbers before words of the office's own, which read better without them."""


async def ask_after(account: Account, letter: SealedLetter) -> Mapping[Address, Report]:
    """What the server reports for each recipient; raises nothing."""
    try:
        found, _authoritative = await _find(account, letter, _speaks)
    except (NotDone, Cut, MethodFailed, CarrierTrouble):
        return for_each(letter, None)
    return {r: _report(delivery(found.get(r, {}), r)) for r in letter.envelope.recipients}


def _speaks(submission: Mapping[str, Any], recipient: Address) -> bool:
    return delivery(submission, recipient).get("delivered") in ("yes", "no")


def _report(delivery: Mapping[str, Any]) -> Report:
    match delivery.get("delivered"):
        case "yes":
            return Delivered()
        case "no":
            return Bounced(said(delivery.get("smtpReply")) or _("It was given up, and no reason was given."))
    return None


async def _find(
    account: Account, letter: SealedLetter, wanted: Callable[[Mapping[str, Any], Address], bool] = lambda _s, _r: True
) -> tuple[dict[Address, Mapping[str, Any]], bool]:
    """The wanted submissions of this letter by recipient, and whether one that is not among them was never made."""
    session = await account.session()
    if session.once:
        return await by_keys(account, letter, letter.envelope.recipients), True
    alike = await _as_long(account, letter)
    if not alike:
        return {}, False
    properties = ["id", "emailId", "envelope", "undoStatus", "deliveryStatus"]
    made = await _query(account, {"emailIds": list(alike)}, properties)
    by_key = {r.key: r for r in letter.envelope.recipients}
    claimed: list[tuple[Address, Mapping[str, Any]]] = []
    for submission in made:
        for one in objects(mapping(submission.get("envelope")).get("rcptTo")):
            recipient = by_key.get(_key(text(one.get("email"))))
            if recipient is not None and text(submission.get("emailId")) in alike and wanted(submission, recipient):
                claimed.append((recipient, submission))
    # Only now is it worth fetching what was submitted: only these very bytes count, anybody can write a Message-ID.
    blobs = {alike[text(submission.get("emailId"))] for _recipient, submission in claimed}
    got = await fetch(account, dict.fromkeys(blobs, len(letter.data)))
    ours = {blob for blob, data in got.items() if data == letter.data}
    return {r: submission for r, submission in claimed if alike[text(submission.get("emailId"))] in ours}, False


async def by_keys(
    account: Account, letter: SealedLetter, recipients: Sequence[Address]
) -> dict[Address, Mapping[str, Any]]:
    """The submissions of this letter to these, where the server honours keys."""
    keys = {once_key(letter, r): r for r in recipients}
    made = await _query(account, {"onceKeys": list(keys)}, ["id", "onceKey", "undoStatus", "deliveryStatus"])
    return {keys[k]: s for s in made if (k := text(s.get("onceKey"))) in keys}


async def _came_back(account: Account, letter: SealedLetter, count: int) -> bool:
    """Whether so many copies of the letter have come to us by mail, each of which went with one to a recipient. What we
    laid into «sent» is none: a copy that has travelled bears the field of a server that received it (RFC 5321 4.4)."""
    travelled = {e.blob: e.size for e in await _bearing(account, letter) if 0 < e.size - len(letter.data) <= _STAMPS}
    _ours, _empty_line, body = letter.data.partition(b"\r\n\r\n")
    for blob, size in travelled.items():
        if count == 0 or not body:
            break
        for data in (await fetch(account, {blob: size})).values():
            header, _empty_line, came = data.partition(b"\r\n\r\n")
            count -= came == body and _RECEIVED.search(header) is not None
    return count == 0


async def _query(account: Account, condition: Mapping[str, Any], properties: list[str]) -> list[Mapping[str, Any]]:
    """The submissions that match and were not canceled."""
    named = {"accountId": (await account.session()).account}
    reference = {"resultOf": "q", "name": "EmailSubmission/query", "path": "/ids"}
    answers = await account.ask(
        [
            ("EmailSubmission/query", {**named, "filter": condition}, "q"),
            ("EmailSubmission/get", {**named, "#ids": reference, "properties": properties}, "g"),
        ]
    )
    answers.of("q", "EmailSubmission/query")
    made = answers.of("g", "EmailSubmission/get")
    if not isinstance(made.get("list"), list):
        raise Cut(_("The answer is not complete."))
    return [s for s in objects(made["list"]) if s.get("undoStatus") != "canceled"]


async def _as_long(account: Account, letter: SealedLetter) -> dict[str, str]:
    """Emails with the letter's Message-ID that are as long as it: their blobs by id."""
    return {e.uid: e.blob for e in await _bearing(account, letter) if e.size == len(letter.data)}


async def _bearing(account: Account, letter: SealedLetter) -> list[_Bearing]:
    """Emails in the account that bear the letter's Message-ID, which only narrows the search: anyone can write one."""
    session = await account.session()
    named = {"accountId": session.account}
    reference = {"resultOf": "q", "name": "Email/query", "path": "/ids"}
    answers = await account.ask(
        [
            ("Email/query", {**named, "filter": {"header": ["Message-ID", letter.letter_id]}, "limit": _MOST}, "q"),
            ("Email/get", {**named, "#ids": reference, "properties": ["id", "blobId", "size"]}, "g"),
        ]
    )
    answers.of("q", "Email/query")
    found = []
    for one in objects(answers.of("g", "Email/get").get("list"))[:_MOST]:
        match one:
            case {"id": str(uid), "blobId": str(blob), "size": int(size)}:
                found.append(_Bearing(uid, blob, size))
    return found


def _key(address: str) -> str:
    try:
        return Address.parse(address).key
    except Usage:
        return ""


def delivery(submission: Mapping[str, Any], recipient: Address) -> Mapping[str, Any]:
    """The DeliveryStatus (RFC 8621 7) of a submission to this recipient, and perhaps to ourselves."""
    statuses = mapping(submission.get("deliveryStatus"))
    return mapping(next((status for address, status in statuses.items() if _key(address) == recipient.key), None))
