"""Letters that are no mail: text files, and scans of paper. Who wrote, to whom and when is what the file says of
itself, or what the person says (`About`), which counts first.

Whoever has an e-mail address in the book is named by it. Somebody without one is named by an address that leads nowhere
(RFC 2606), so that a letter on paper has its two sides like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

from dearly.desk.desk import Desk
from dearly.drawer import accounts, objects, people, settings
from dearly.drawer.connection import Db
from dearly.drawer.importing_values import Content, Imported, PackedEnclosure
from dearly.exchange.archive import When, Written
from dearly.exchange.written import read_when
from dearly.letter.address import Address, Correspondent, clean
from dearly.letter.content import LetterId
from dearly.letter.envelope import Way
from dearly.letter.errors import NotFound, Usage
from dearly.letter.sealing import Seal
from dearly.letter.words import _

_NOWHERE = "paper.invalid"


@dataclass(frozen=True, slots=True)
class About:
    """What the person says of letters that do not say it themselves: whom they are from or to (a name in the book, a
    new one, or an address), when and where they were written."""

    sender: str = ""
    to: str = ""
    date: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class _Side:
    """The other side of a letter."""

    who: Correspondent
    person: int | None


async def packed(desk: Desk, one: Written, about: About, *, place: str, now: datetime) -> Imported:
    """What the drawer keeps of it. A file that names the id of a letter is a copy of that, if it says the same.

    Raises `Usage` (whose_letter, when_written) where nobody says it, `NotFound` (ambiguous_person)."""
    sender, to = about.sender or one.said.sender or "", (about.to,) if about.to else one.said.to

    def look(db: Db) -> tuple[list[Address], frozenset[str], str]:
        ours = frozenset(one.key for one in accounts.own_addresses(db, left=True))
        return accounts.own_addresses(db), ours, settings.get(db, "name", "")

    own, ours, name = await desk.drawer.read(look)
    out = _is_ours(one, about, sender, ours, name)
    named = to if out else (sender,) if sender else ()
    if not named and not one.said.letter_id:
        raise Usage(
            "whose_letter",
            _("“{what}” does not say who wrote it, or to whom.").format(what=one.hints.shown),
            _("Say so with --from NAME or --to NAME."),
        )
    when = _when(one, about)
    # Nobody comes into the book for a letter that cannot be filed.
    others = await desk.drawer.write(lambda db: tuple(_side(db, desk, text, now) for text in named))
    us: tuple[Correspondent, ...] = (Correspondent("", own[0]),) if own else ()
    original = one.original or _manifest(one)
    text = one.text or ""
    where = clean(about.place or one.said.place or "")
    if where and not one.said.letter_id and where not in text.lstrip().partition("\n")[0]:
        text = f"{where}\n\n{text}" if text else where + "\n"  # as at the head of any letter; and so it is found
    whos = tuple(side.who for side in others)
    if one.said.letter_id:  # it knows by which of our addresses it went, and who else read it
        wrote, read, too = (_addressed(texts) for texts in ((sender,), to, one.said.cc))
        us = tuple(who for who in wrote if who.address.key in ours) or us if out else read or us
    else:
        too = ()
    way = Way.PAPER if one.text is None else Way.HAND
    content = Content(
        direction="out" if out else "in",
        letter_id=LetterId(one.said.letter_id) if one.said.letter_id else None,
        inner_sha256=hashlib.sha256(original).digest(),
        senders=us if out else whos[:1],
        to=whos if out else us,
        cc=too,
        date=when.moment,
        subject=clean(one.said.subject or ""),
        text=text,
        packed_text=objects.pack_text(text),
        enclosures=tuple(
            PackedEnclosure(PurePath(page.name).name, page.media_type, objects.pack(page.data)) for page in one.pages
        ),
        in_reply_to=LetterId(one.said.in_reply_to) if one.said.in_reply_to else None,
        letter_no=one.said.letter_no,
        commonmark=one.markdown,
        postcard=out,
        seal=None if out else Seal.NEVER_SEALED,
        known=tuple((side.who.address.key, side.person) for side in others if side.person is not None),
    )
    who = content.senders[0] if content.senders else None
    return Imported(objects.pack(original), way, place, now, content, who, copy=bool(one.said.letter_id))


def says_enough(one: Written, about: About) -> bool:
    """Whether it, or the person, says whose it is and when it was written; without that it cannot be filed."""
    who = about.sender or about.to or one.said.sender or one.said.to or one.said.letter_id
    return bool(who) and bool(about.date or one.said.date)


def _addressed(texts: Iterable[str]) -> tuple[Correspondent, ...]:
    """Those of them who are named with an address."""
    return tuple(who for text in texts if (who := _correspondent(text)) is not None)


def _is_ours(one: Written, about: About, sender: str, ours: frozenset[str], name: str) -> bool:
    if about.sender or about.to:
        return bool(about.to) and not about.sender
    if one.said.direction in ("in", "out"):
        return one.said.direction == "out"
    named = _correspondent(sender)
    if named is None:
        return sender.casefold() == name.casefold() if sender else bool(one.said.to)
    return named.address.key in ours


def _when(one: Written, about: About) -> When:
    when = read_when(about.date) if about.date else one.said.date
    if when is None and about.date:
        raise Usage(
            "bad_date",
            _("“{date}” is not a day that can be read.").format(date=clean(about.date)[:80]),
            _("Write it as 1962-05-03; a month (1962-05) or a year is enough."),
        )
    if when is None:
        raise Usage(
            "when_written",
            _("“{what}” does not say when it was written.").format(what=one.hints.shown),
            _("Say so with --date; a year is enough."),
        )
    return when


def _side(db: Db, desk: Desk, text: str, now: datetime) -> _Side:
    named = _correspondent(text)
    if named is not None:
        return _Side(named, None)  # comes into the book like everybody who writes
    try:
        person = people.find(db, text)
    except NotFound as error:
        if error.code != "unknown_person":
            raise
        person = people.add(db, clean(text), now=now, chance=desk.chance)
    where = next((one.address for one in person.addresses if one.address is not None), None)
    return _Side(Correspondent(person.name, where or Address(person.uid, _NOWHERE)), person.id)


def _correspondent(text: str) -> Correspondent | None:
    """Somebody written with an address: Clara <clara@letters.test>, or the address alone."""
    name, bracket, rest = text.partition("<")
    try:
        return Correspondent(clean(name).strip('"'), Address.parse(rest.rstrip(" >") if bracket else text))
    except Usage:
        return None


def _manifest(one: Written) -> bytes:
    """Of scans the pages are the original; of one alone it is the page itself, of several the list of them."""
    if len(one.pages) == 1:
        return one.pages[0].data
    lines = [f"{hashlib.sha256(page.data).hexdigest()}  {page.name}\n" for page in one.pages]
    return "".join(lines).encode()
