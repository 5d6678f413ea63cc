"""Looking for a letter after it was handed over to a JMAP server, and asking what became of it (RFC 8621 7).

Where the server honours keys (`ONCE`), it is the authority on what it took. Elsewhere only finding the submission of
exactly these bytes proves something, and not finding it proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from dearly.carriers.base import Report, for_each, said
from dearly.carriers.jmap.blobs import fetch
from dearly.carriers.jmap.line import Cut, NotDone
from dearly.carriers.jmap.session import Account, MethodFailed, mapping, objects, text
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter
from dearly.letter.errors import CarrierTrouble, Usage
from dearly.letter.journey import Bounced, Delivered, Evidence, Found, NothingProven, NotThere
from dearly.letter.words import _


def once_key(letter: SealedLetter, recipient: Address) -> str:
    """The key of one handing over to one recipient."""
    return hashlib.sha256(f"{letter.key} {recipient.key}".encode()).hexdigest()[:32]


async def look_for(account: Account, letter: SealedLetter) -> Mapping[Address, Evidence]:
    """Evidence for each recipient; raises nothing."""
    try:
        found, authoritative = await _find(account, letter)
    except (NotDone, Cut, MethodFailed, CarrierTrouble):
        return for_each(letter, NothingProven())
    not_found: Evidence = NotThere() if authoritative else NothingProven()
    return {r: Found() if r in found else not_found for r in letter.envelope.recipients}


async def ask_after(account: Account, letter: SealedLetter) -> Mapping[Address, Report]:
    """What the server reports for each recipient; raises nothing."""
    try:
        found, _authoritative = await _find(account, letter)
    except (NotDone, Cut, MethodFailed, CarrierTrouble):
        return for_each(letter, None)
    return {r: _report(delivery(found.get(r, {}))) for r in letter.envelope.recipients}


def _report(delivery: Mapping[str, Any]) -> Report:
    match delivery.get("delivered"):
        case "yes":
            return Delivered()
        case "no":
            return Bounced(said(delivery.get("smtpReply")) or _("It was given up, and no reason was given."))
    return None


async def _find(account: Account, letter: SealedLetter) -> tuple[dict[Address, Mapping[str, Any]], bool]:
    """The submissions of this letter by recipient, and whether one that is not among them was never made."""
    session = await account.session()
    if session.once:
        keys = {once_key(letter, r): r for r in letter.envelope.recipients}
        made = await _query(account, {"onceKeys": list(keys)}, ["id", "onceKey", "undoStatus", "deliveryStatus"])
        return {keys[k]: s for s in made if (k := text(s.get("onceKey"))) in keys}, True
    emails = await _same_bytes(account, letter)
    if not emails:
        return {}, False
    made = await _query(account, {"emailIds": emails}, ["id", "envelope", "undoStatus", "deliveryStatus"])
    by_key = {r.key: r for r in letter.envelope.recipients}
    found: dict[Address, Mapping[str, Any]] = {}
    for submission in made:
        for one in objects(mapping(submission.get("envelope")).get("rcptTo")):
            recipient = by_key.get(_key(text(one.get("email"))))
            if recipient is not None:
                found[recipient] = submission
    return found, False


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


async def _same_bytes(account: Account, letter: SealedLetter) -> list[str]:
    """Emails in the account with exactly these bytes. The Message-ID only narrows the search: anyone can write one."""
    session = await account.session()
    named = {"accountId": session.account}
    reference = {"resultOf": "q", "name": "Email/query", "path": "/ids"}
    answers = await account.ask(
        [
            ("Email/query", {**named, "filter": {"header": ["Message-ID", letter.letter_id]}, "limit": 16}, "q"),
            ("Email/get", {**named, "#ids": reference, "properties": ["id", "blobId", "size"]}, "g"),
        ]
    )
    answers.of("q", "Email/query")
    listed = objects(answers.of("g", "Email/get").get("list"))
    alike = {text(e.get("blobId")): text(e.get("id")) for e in listed if e.get("size") == len(letter.data)}
    got = await fetch(account, dict.fromkeys(alike, len(letter.data)))
    return [alike[blob] for blob, data in got.items() if data == letter.data]


def _key(address: str) -> str:
    try:
        return Address.parse(address).key
    except Usage:
        return ""


def delivery(submission: Mapping[str, Any]) -> Mapping[str, Any]:
    """The DeliveryStatus (RFC 8621 7) of a submission to one recipient."""
    statuses = mapping(submission.get("deliveryStatus"))
    return mapping(next(iter(statuses.values()), None)) if len(statuses) == 1 else {}
