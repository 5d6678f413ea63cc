"""A letter's content: the changeable Draft, the finished Letter, its enclosures and its LetterId.

A LetterId is what RFC 5322 calls Message-ID, without the angle brackets. It is made once, when a draft is finished,
and it is a *claim*: anyone can write any id, so nothing is ever found, replaced or suppressed by it alone.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from dearly.letter.address import Correspondent, header_safe
from dearly.letter.clock import Chance, Clock
from dearly.letter.errors import Refused, Usage
from dearly.letter.words import _

LetterId = NewType("LetterId", str)

_PLACE = re.compile(r"(!\[[^\]\n]{0,200}\]\()[^)\s]{1,300}")

MOST_ENCLOSED = 50_000_000
"""Bytes of all enclosures of one letter together. A sealed letter of this size still passes the office's limit."""


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file in a letter (RFC 2183 attachment), or a picture in its text when `cid` is set (RFC 2392)."""

    name: str
    media_type: str
    data: bytes = field(repr=False)
    cid: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """Unfinished, changeable writing. `text` is CommonMark; `to` may still be empty. `place`: where it is written; with
    the day of posting it becomes the first line of the letter (`desk.dateline`). Empty: the letter has no such line."""

    to: tuple[Correspondent, ...] = ()
    subject: str = ""
    text: str = ""
    enclosures: tuple[Enclosure, ...] = ()
    in_reply_to: LetterId | None = None
    references: tuple[LetterId, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """Finished content. `date` carries the writer's true offset; `letter_no` counts this correspondence."""

    letter_id: LetterId
    sender: Correspondent
    to: tuple[Correspondent, ...]
    date: datetime
    subject: str
    text: str
    enclosures: tuple[Enclosure, ...] = ()
    in_reply_to: LetterId | None = None
    references: tuple[LetterId, ...] = ()
    letter_no: int | None = None


def bare(text: str) -> str:
    """What a text says, without what is lost or added where it is written out as Markdown and read in again: blanks,
    backslashes, characters that nobody sees, and the places of its pictures."""
    return "".join(one for one in _PLACE.sub(r"\1", text) if one.isprintable() and one not in " \\")


def check(draft: Draft) -> None:
    """Raise `Usage` or `Refused` for a draft that cannot become a letter: empty, too much enclosed, bad header text."""
    if not draft.text.strip() and not draft.enclosures:
        raise Usage("empty_letter", _("There is nothing in this letter yet."), _("Write something, or enclose a file."))
    header_safe(draft.subject, _("subject"))
    for enclosure in draft.enclosures:
        header_safe(enclosure.name, _("name of an enclosure"))
    size = sum(len(e.data) for e in draft.enclosures)
    if size > MOST_ENCLOSED:
        raise Refused(
            "too_large",
            _("The enclosures weigh {size} MB together; a letter carries at most {most} MB.").format(
                size=round(size / 1e6), most=MOST_ENCLOSED // 1_000_000
            ),
            _("Enclose fewer or smaller files, or send them in several letters."),
        )


def finish(draft: Draft, sender: Correspondent, clock: Clock, chance: Chance, letter_no: int | None = None) -> Letter:
    """The draft as a letter of this moment, with a LetterId of its own. Raises as `check` does."""
    check(draft)
    if not draft.to:
        raise Usage("no_recipient", _("This letter names nobody it should go to."), _("Say who it is for."))
    # 128 bits of chance; the domain is the sender's own, which the envelope shows anyway (RFC 5322 3.6.4).
    token = base64.b32encode(chance.token(16)).decode().rstrip("=").lower()
    return Letter(
        letter_id=LetterId(f"{token}@{sender.address.domain}"),
        sender=sender,
        to=draft.to,
        date=clock.local().replace(microsecond=0),
        subject=draft.subject.strip(),
        text=draft.text,
        enclosures=draft.enclosures,
        in_reply_to=draft.in_reply_to,
        references=draft.references,
        letter_no=letter_no,
    )
