"""Opened copies: a letter as RFC 5322 message with its text in the clear, made of what was filed when it was opened.

Such a copy is not what travelled. So that nobody takes it for that, and no program for the letter itself, the first
line of its header says so, and what the seal of the letter was worth:

    Letter-Opened-Copy: seal=signed_verified; number=12; made-by=Dearly
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from dearly.exchange.kinds import OPENED_COPY
from dearly.letter.address import Address, Correspondent, clean
from dearly.letter.content import Enclosure, Letter, LetterId
from dearly.letter.errors import Usage
from dearly.letter.leaving import Leaving, Named
from dearly.mime import fields
from dearly.mime.entity import Entity, multipart
from dearly.mime.plain import clean_filename
from dearly.mime.transfer import CRLF
from dearly.mime.write import LETTER_FORMAT, body_of, enclosed_part, text_part

_CID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200}\Z")


def opened_copy(letter: Leaving) -> bytes:
    """The whole message, CRLF. `letter` has its enclosures; its HTML goes along where it is there."""
    seal = letter.seal or ("never_sealed" if letter.postcard else "ours")
    head = [
        fields.field(OPENED_COPY, f"seal={seal}; number={letter.number}; made-by=Dearly"),
        *_people(letter),
        fields.field("Date", fields.date(letter.date)),
        fields.field("Subject", fields.unstructured(clean(letter.subject), "subject")),
    ]
    with suppress(Usage):  # what another program called it may be no id at all
        head.append(fields.field("Message-ID", fields.letter_id(LetterId(letter.letter_id))))
    for name, ids in (("In-Reply-To", (letter.in_reply_to,)), ("References", letter.references)):
        if value := fields.letter_ids(LetterId(one) for one in ids if one):
            head.append(fields.field(name, value))
    if letter.commonmark:
        head.append(fields.field("Letter-Format", LETTER_FORMAT))
    if letter.letter_no is not None:
        head.append(fields.field("Letter-Number", str(letter.letter_no)))
    body = _ours(letter) if letter.direction == "out" and letter.commonmark else _theirs(letter)
    return b"".join((*head, b"MIME-Version: 1.0\r\n", body.header(), CRLF, body.body))


def _people(letter: Leaving) -> list[bytes]:
    found = []
    for field, role in (("From", "from"), ("To", "to"), ("Cc", "cc")):
        named = ", ".join(fields.mailbox(_correspondent(one)) for one in letter.who(role))
        if named:
            found.append(fields.field(field, named))
    return found


def _correspondent(one: Named) -> Correspondent:
    local, _at, domain = one.address.rpartition("@")
    return Correspondent(clean(one.name), Address(local, domain))


def _ours(letter: Leaving) -> Entity:
    """As it was rendered for its readers."""
    sender = _correspondent(letter.who("from")[0])
    to = tuple(_correspondent(one) for one in letter.who("to"))
    enclosures = tuple(_clean(one) for one in letter.enclosures)
    id_ = LetterId(letter.letter_id)
    return body_of(Letter(id_, sender, to, letter.date, letter.subject, letter.text, enclosures), False, letter.text)


def _theirs(letter: Leaving) -> Entity:
    """Their text as it was filed, their own layout beside it, and what was enclosed. Nothing of it is parsed here."""
    whole = sha256(letter.letter_id.encode() + letter.text.encode() + (letter.html or "").encode())
    for one in letter.enclosures:
        whole.update(sha256(one.data).digest())

    def boundary(level: str) -> str:
        return sha256(whole.digest() + level.encode()).hexdigest()[:32]

    body = text_part("plain", letter.text)
    enclosed = [enclosed_part(_clean(one), False) for one in letter.enclosures]
    if letter.html is not None:
        body = multipart("alternative", [body, text_part("html", letter.html)], boundary("alternative"))
    return multipart("mixed", [body, *enclosed], boundary("mixed")) if enclosed else body


def _clean(enclosure: Enclosure) -> Enclosure:
    """A foreign enclosure with a name and an id that a header may hold."""
    cid = enclosure.cid if enclosure.cid is not None and _CID.match(enclosure.cid) else None
    return replace(enclosure, name=clean_filename(enclosure.name), cid=cid)
