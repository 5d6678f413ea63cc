"""What a child does with a stack of originals (`bulk`): each read once, plainly, without keys and without questions.

The same reader as for one letter (`mime.read`); what is left out is what an archive does not need: certificates that
letters bring, and whose signature holds. A sealed letter is only recognised here.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from datetime import datetime

from dearly.letter.errors import DearlyError
from dearly.letter.sealing import Shape, Signed
from dearly.letter.search import Entry
from dearly.letter.words import _
from dearly.mime import charset, pgpmime
from dearly.mime.body import content
from dearly.mime.dates import read_date
from dearly.mime.outline import Body, Outline, Part
from dearly.mime.read import outline, readable
from dearly.mime.signed import foreign_signature, signed_in_part, signed_whole
from dearly.opener import sifting
from dearly.opener.bulk import NO_LETTERS, Kind, Piece, Read, Stack, kind_by_header, unread
from dearly.opener.reading import cleartext_sha256, heading
from dearly.opener.values import Heading, Trouble
from dearly.terms.entry import Has, enclosed, entry

_WORTH_POINTING_AT = 1024
"""Octets of base64 from which on an enclosure is kept as a place in the original, instead of twice."""


def read(stack: Stack) -> tuple[Read, ...]:
    """Each of the stack, in order. Raises nothing but MemoryError."""
    ours = frozenset(address.key for address in stack.ours)
    return tuple(_read(raw, sent, ours, stack.leave) for raw, sent in zip(stack.letters, stack.sent, strict=True))


def _read(raw: bytes, lay_in_sent: bool | None, ours: frozenset[str], leave: Sequence[Kind]) -> Read:
    try:
        return _one(raw, bool(lay_in_sent), ours, leave)
    except (MemoryError, SystemExit):
        raise
    except DearlyError as error:
        return unread(Trouble(error.code, error.message, error.hint), sent=bool(lay_in_sent))
    except BaseException as error:  # noqa: BLE001 - a fault of ours must not cost the letter; Rust panics are no Exception
        why = _("This letter could not be read ({kind}).").format(kind=type(error).__name__)
        return unread(Trouble("unreadable", why, _("It is kept exactly as it came.")), sent=bool(lay_in_sent))


def _one(raw: bytes, lay_in_sent: bool, ours: frozenset[str], leave: Sequence[Kind]) -> Read:
    seen = outline(raw)
    head = heading(seen)
    sender = head.sender
    sent = lay_in_sent or (sender is not None and sender.address.key in ours)
    is_ours = sent or any(who.address.key in ours for who in (*seen.to, *seen.cc))
    kind = kind_by_header(sifting.facts_in(seen))
    if kind not in NO_LETTERS:
        kind = _kind(raw, seen)
    if kind is Kind.SEALED or kind in leave:
        return Read(kind, sent, is_ours, head)
    whole = signed_whole(raw, seen)
    pieces: list[Piece | None] = []

    def take(raw: bytes, part: Part) -> bytes:
        if part.cte == "base64" and part.end - part.body >= _WORTH_POINTING_AT and _is_run(raw[part.body : part.end]):
            pieces.append(Piece("", "", None, b"", part.body, part.end))
            return b""
        pieces.append(None)
        return content(raw, part)

    body = readable(raw, seen, inside=False, enclosed=take)
    text = body.text if whole is None or whole.text is None else charset.decode(whole.text, seen.root.charset)
    if not body.enclosures and not text.strip() and not body.html:
        kind = Kind.EMPTY
    if kind in leave:
        return Read(kind, sent, is_ours, head)
    received = None if head.date else read_date(seen.first("received").rpartition(";")[2])
    return Read(
        kind=Kind.LETTER,
        sent=sent,
        ours=is_ours,
        heading=head,
        inner_sha256=cleartext_sha256(raw, seen),
        text=text,
        html=body.html,
        pieces=_pieces(body, pieces),
        signed=_signed(raw, seen, whole is not None),
        entry=_entry(head, text, body, received, sent=sent),
        received=received,
    )


def _kind(raw: bytes, seen: Outline) -> Kind:
    if pgpmime.shape(raw, seen)[0] is not Shape.PLAIN:
        return Kind.SEALED
    root = seen.root.content_type
    beside = root == "multipart/alternative" and any(
        p.parent == 0 and p.content_type == "text/calendar" for p in seen.parts
    )
    return Kind.CALENDAR if beside or root == "text/calendar" else Kind.LETTER


def _is_run(data: bytes) -> bool:
    """Whether this is base64 that anybody decodes to the same octets."""
    try:
        binascii.a2b_base64(data)
    except binascii.Error:
        return False
    return True


def _pieces(body: Body, places: Sequence[Piece | None]) -> tuple[Piece, ...]:
    return tuple(
        Piece(one.name, one.media_type, one.cid, one.data, place.start if place else 0, place.end if place else 0)
        for one, place in zip(body.enclosures, places, strict=True)
    )


def _entry(head: Heading, text: str, body: Body, received: datetime | None, *, sent: bool) -> Entry | None:
    """What the letter is found by; None where its day is for the desk to say."""
    date = head.date or received
    if date is None:
        return None
    has = {Has.IMPORTED, *enclosed(one.media_type for one in body.enclosures)}
    if body.html:
        has.add(Has.HTML)
    if sent:
        has.add(Has.POSTCARD)
    people = [("from", who) for who in head.senders[:1]]
    people += [("to", who) for who in head.to] + [("cc", who) for who in head.cc]
    return entry(
        head.subject,
        text,
        people=people,
        files=[one.name for one in body.enclosures],
        direction="out" if sent else "in",
        date=date,
        has=has,
    )


def _signed(raw: bytes, seen: Outline, whole: bool) -> Signed:
    if whole or foreign_signature(seen):
        return Signed.UNKNOWN
    return Signed.IN_PART if signed_in_part(raw, seen) else Signed.NONE
