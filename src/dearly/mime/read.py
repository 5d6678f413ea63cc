"""Foreign bytes to an outline and a readable text: our own readers, in linear time, under known limits.

Raises nothing but `Unreadable` (A27); whatever else is wrong with a letter gives an emptier value, never a guess
that could be taken for a sender. There is one reader only, so that no two can disagree about the same letter.
"""

from __future__ import annotations

import re

from dearly.letter.address import clean
from dearly.letter.content import LetterId
from dearly.mime.addresses import correspondents, one_sender
from dearly.mime.body import readable
from dearly.mime.dates import read_date
from dearly.mime.encoded import decoded
from dearly.mime.limits import Unreadable
from dearly.mime.outline import Body, Outline, Part, Slice
from dearly.mime.protected import compare_headers
from dearly.mime.tree import take_apart

__all__ = ["Body", "Outline", "Part", "Slice", "Unreadable", "compare_headers", "outline", "readable"]

MOST_REFERENCES = 200

_ID = re.compile(r"<([^<>\s]{1,900})>")
_HP_OUTER = re.compile(r"([!-9;-~]{1,100})[ \t]*:(.*)", re.DOTALL)


def outline(raw: bytes) -> Outline:
    """The outline of these bytes. Raises `Unreadable` when they go beyond a limit of A27."""
    head, parts = take_apart(raw)
    number = head.first("letter-number").strip()
    hp = parts[0].parameters.get("hp", "").lower()
    return Outline(
        headers=tuple([(name, clean(decoded(text))) for name, text in head.texts()]),
        froms=one_sender(head.all("from")),
        from_fields=len(head.all("from")),
        to=correspondents(head.all("to")),
        cc=correspondents(head.all("cc")),
        date=read_date(head.first("date")),
        subject=clean(decoded(head.first("subject"))),
        message_id=one_id(head.first("message-id")),
        in_reply_to=next(iter(_ids(head.first("in-reply-to"))), None),
        references=tuple(_ids(head.first("references"))[:MOST_REFERENCES]),
        letter_no=int(number) if number.isascii() and number.isdigit() and len(number) <= 9 else None,
        letter_format=head.first("letter-format").strip() or None,
        autocrypt=tuple(head.all("autocrypt")),
        hp=hp if hp in ("cipher", "clear") else None,
        hp_outer=tuple(
            (found[1].lower(), found[2].strip()) for one in head.all("hp-outer") if (found := _HP_OUTER.match(one))
        ),
        parts=parts,
    )


def _ids(text: str) -> list[LetterId]:
    return [LetterId(one) for one in _ID.findall(text) if clean(one) == one]


def one_id(text: str) -> LetterId | None:
    """The id of Message-ID; programs that forget the brackets are understood."""
    found = _ids(text) or [LetterId(one) for one in text.split()[:1] if clean(one) == one and len(one) <= 900]
    return found[0] if found else None
