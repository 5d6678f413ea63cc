"""What mail servers report of a letter of ours: RFC 3464 delivery reports inside RFC 6522 multipart/report, RFC 8098
disposition notifications, and the bounces of programs that know neither: QSBMF, as qmail writes it, and a text of
whatever form with our letter beside it.

A report is written by whoever sent it. It is a claim, and believed only where it names a letter of ours and somebody
it went to (`desk.reports`): what it says is shown as the words of the server that it names, never as ours (A23).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dearly.letter.address import Address, clean
from dearly.letter.content import LetterId
from dearly.letter.errors import Usage
from dearly.mime import charset, transfer
from dearly.mime.limits import Unreadable
from dearly.mime.outline import Outline, Part
from dearly.mime.read import one_id
from dearly.mime.reported import Action, Kind, Report, Told
from dearly.mime.tree import Section, section

MOST_RECIPIENTS = 100
"""Recipients of one report that are looked at. A letter of ours never has more at one server."""

LONGEST_STATUS = 256 * 1024
LONGEST_SAID = 300
LONGEST_TEXT = 64 * 1024


def reports(raw: bytes, outline: Outline) -> tuple[Report, ...]:
    """The report that this message is, if it is one; at most one. Never raises.

    Only what stands at the root counts (RFC 6522 3): a report that lies in a letter is an enclosure of that letter."""
    try:
        found = _report(raw, outline)
    except Unreadable:
        return ()
    return (found,) if found is not None else ()


def _report(raw: bytes, outline: Outline) -> Report | None:
    children = [part for part in outline.parts if part.parent == 0]
    if not children:
        return _qsbmf(raw, outline)
    formal = outline.root.content_type == "multipart/report"
    returned = _returned(raw, children)
    for part in children if formal else ():
        if part.content_type in ("message/delivery-status", "message/global-delivery-status"):
            groups = list(_groups(_content(raw, part)))
            about, *each = groups or [Section([], 0)]
            by = _server(about.first("reporting-mta"))
            told = tuple(found for one in each[:MOST_RECIPIENTS] if (found := _told(one, by)) is not None)
            return Report(Kind.DELIVERY, _envelope_id(about.first("original-envelope-id")), returned, told)
        if part.content_type in ("message/disposition-notification", "message/global-disposition-notification"):
            about = next(_groups(_content(raw, part)), Section([], 0))
            return Report(Kind.READ, "", one_id(about.first("original-message-id")) or returned, ())
    return _loose(raw, outline, children, returned)


def _groups(data: bytes) -> Iterator[Section]:
    """The groups of fields of a delivery status (RFC 3464 2.1), the one about the message first; empty ones, which
    some servers write between them, are passed over."""
    data = data[:LONGEST_STATUS]
    at = 0
    while at < len(data):
        found = section(data, at, len(data))
        if found.fields:
            yield found
        elif found.body <= at:
            # Not a field at all: the rest is no delivery status.
            return
        at = found.body


def _told(group: Section, reporting: str) -> Told | None:
    """One group about a recipient; None where it names nobody, or says two things at once."""
    try:
        action = Action((group.first("action").split() or [""])[0].lower())
    except ValueError:
        return None
    named = (_recipients(group.first(name)) for name in ("original-recipient", "final-recipient"))
    recipients = tuple(dict.fromkeys(one for names in named for one in names))
    code = re.match(r"[245]\.\d{1,3}\.\d{1,3}", group.first("status").strip())
    status = code[0] if code else ""
    if not recipients or (status and (action is Action.DELIVERED) != (status[0] == "2") and action in _FINAL):
        return None
    diagnostic = group.first("diagnostic-code")
    why = said(diagnostic.partition(";")[2] or diagnostic) or status
    return Told(recipients, action, status, why, _server(group.first("remote-mta")) or reporting)


_FINAL = frozenset({Action.FAILED, Action.DELIVERED})


def _recipients(value: str) -> list[Address]:
    """`rfc822; bert@letters.test` (RFC 3464 2.3.1); the type is often wrong or missing, and brackets are common. As
    written, and without the encoding of RFC 3461 4 that should have been taken off and sometimes was not."""
    kind, semicolon, rest = value.partition(";")
    text = (rest if semicolon else kind).strip().removeprefix("<").removesuffix(">")
    return [one for one in map(_address, (text, _decoded(text))) if one is not None]


def _address(text: str) -> Address | None:
    if len(text) > 400:
        return None
    try:
        return Address.parse(text)
    except Usage:
        return None


def _server(value: str) -> str:
    """`dns; mail.letters.test` (RFC 3464 2.2.2): the name, as claimed."""
    kind, semicolon, rest = value.partition(";")
    return said((rest if semicolon else kind).partition("(")[0])[:100]


def _envelope_id(value: str) -> str:
    text = _decoded(value.strip())
    return text if re.fullmatch(r"[!-~]{1,100}", text) else ""


def _decoded(text: str) -> str:
    """Without xtext (RFC 3461 4), which servers should take off and some leave on."""
    return re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text)


_RETURNED = frozenset(
    {"message/rfc822", "message/global", "message/rfc822-headers", "message/global-headers", "text/rfc822-headers"}
)


def _returned(raw: bytes, children: list[Part]) -> LetterId | None:
    """Message-ID in the header of the letter that the report brings back (RFC 6522 3, third part)."""
    for part in children:
        if part.content_type in _RETURNED:
            data = _content(raw, part)
            return one_id(section(data, 0, len(data)).first("message-id"))
    return None


def _content(raw: bytes, part: Part) -> bytes:
    return transfer.decode(raw[part.body : part.end], part.cte)


def said(words: str) -> str:
    """A server's words, fit to be shown as such in one line: cleaned, bounded (A23)."""
    text = " ".join(clean(words[: 4 * LONGEST_SAID]).split())
    return text if len(text) <= LONGEST_SAID else text[: LONGEST_SAID - 1] + "…"


# Who sends bounces: nobody's vacation notice, and nobody who forwards a letter of ours to us, has such an address.
_SERVERS = re.compile(
    r"(?:mailer|mail)-?daemon|postmaster|microsoftexchange[0-9a-f]*|mdaemon|bounce[s]?\Z", re.IGNORECASE
)
_LATE = re.compile(
    r"\bdelay|\bstill\b|\bwarning\b|not yet|will (?:be )?(?:keep |re)?tr(?:y|ied)|\bretry", re.IGNORECASE
)
_ANY_ADDRESS = re.compile(r"[^\s<>()\[\]:;,\"'@]{1,64}@[A-Za-z0-9.-]{1,255}")


def _loose(raw: bytes, outline: Outline, children: list[Part], returned: LetterId | None) -> Report | None:
    """A bounce without RFC 3464 (old Exchange and Exim): from a server's own address, with our letter in it."""
    sender = _server_writing(outline)
    if returned is None or sender is None:
        return None
    text = _words(raw, children)
    action = _action(outline)
    told: dict[Address, Told] = {}
    for found in _ANY_ADDRESS.finditer(outline.first("x-failed-recipients") or text):
        address = _address(found[0].rstrip("."))
        if address is not None and address not in told and len(told) < MOST_RECIPIENTS:
            told[address] = Told((address,), action, "", _said_of(found[0], text), sender.domain)
    return Report(Kind.LOOSE, "", returned, tuple(told.values()))


def _server_writing(outline: Outline) -> Address | None:
    sender = outline.froms[0].address if outline.froms else None
    return sender if sender is not None and _SERVERS.match(sender.local) else None


def _action(outline: Outline) -> Action:
    """What a bounce says that has no word for it: that it failed, unless its subject says that it is late."""
    return Action.DELAYED if _LATE.search(outline.subject) else Action.FAILED


# QSBMF: what its first paragraph begins with; each recipient's; and the one after which the letter comes back.
_QSBMF = b"Hi. This is the "
_CONCERNED = re.compile(rb"<([^<>\n]{1,400})>:[ \t]*\n?")
_BREAK = re.compile(rb"\n\n-[^\n]*(?:\n[^\n]+)*\n\n")


def _qsbmf(raw: bytes, outline: Outline) -> Report | None:
    """A bounce that is one text, in paragraphs, with our letter as the last of it (QSBMF)."""
    root, sender = outline.root, _server_writing(outline)
    if root.content_type != "text/plain" or root.container or sender is None:
        return None
    data = transfer.decode(raw[root.body : root.end][:LONGEST_STATUS], root.cte).replace(b"\r\n", b"\n").lstrip()
    broken = _BREAK.search(data, 0, LONGEST_TEXT) if data.startswith(_QSBMF) else None
    if broken is None:
        return None
    back = data[broken.end() :]
    returned = one_id(section(back, 0, len(back)).first("message-id"))
    if returned is None:
        return None
    told: dict[Address, Told] = {}
    for paragraph in data[: broken.start()].split(b"\n\n")[1:]:
        found = _CONCERNED.match(paragraph)
        address = _address(charset.decode(found[1], root.charset)) if found else None
        if found is not None and address is not None and len(told) < MOST_RECIPIENTS:
            why = said(charset.decode(paragraph[found.end() :], root.charset))
            told.setdefault(address, Told((address,), _action(outline), "", why, sender.domain))
    return Report(Kind.LOOSE, "", returned, tuple(told.values()))


def _said_of(name: str, text: str) -> str:
    """What stands behind an address in the text, up to the next one."""
    rest = text.partition(name)[2].lstrip(">: \t\n")[:LONGEST_SAID]
    following = _ANY_ADDRESS.search(rest)
    return said((rest[: following.start()] if following else rest).rstrip("< \t\n"))


def _words(raw: bytes, children: list[Part]) -> str:
    for part in children:
        if part.content_type == "text/plain":
            data = transfer.decode(raw[part.body : part.end][:LONGEST_TEXT], part.cte)
            return charset.decode(data, part.charset).replace("\r\n", "\n")
    return ""
