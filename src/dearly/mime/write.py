"""A finished letter as exact bytes: rendered once, CRLF, the same for the same letter on every machine.

The signed part carries its own header (RFC 9788): the true subject, names, date and its offset are inside; outside
stands only what carriers need. To change a field: this file, the golden letters, docs/standards.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

from dearly.letter.address import Address, header_safe
from dearly.letter.content import Enclosure, Letter
from dearly.letter.envelope import MimeBytes
from dearly.letter.errors import Usage
from dearly.letter.words import _
from dearly.mime import autocrypt as autocrypt_field
from dearly.mime import fields, markup
from dearly.mime.entity import Entity, multipart
from dearly.mime.transfer import CRLF, base64_lines, quoted_printable

LETTER_FORMAT = "commonmark; v=1"
"""Value of our Letter-Format field: the text/plain part is the CommonMark that was written, to the last character."""

NEUTRAL_SUBJECT = "[...]"
"""What stands outside in place of the subject (RFC 9788 3.2.1, hcp_baseline)."""

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\Z")
_FOOTER = re.compile(r"(?m)^--(?=[ \t]*$)")
_CID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,200}\Z")


Introduction = tuple[Address, bytes]
"""An address, and the certificate that speaks for it."""


def render(
    letter: Letter,
    *,
    autocrypt: Introduction | None = None,
    gossip: Sequence[Introduction] = (),
    outside: bool = False,
    chat: bool = False,
    group: str = "",
    hp: bool = True,
    binary: bool = False,
) -> MimeBytes:
    """The letter as the bytes that are signed and sealed: protected header, then the body.

    `autocrypt`: our address and certificate for an Autocrypt field; `outside`: the same field will stand outside too
    (`outer_headers` is then given it). `gossip`: the certificates of all readers, each for the others. `chat`: mark it
    as a message of a chat, as Delta Chat reads it (docs/peers.md); `group`: of a chat of all its people, with this
    id. `hp`: protect the header (RFC 9788); False for a
    letter that travels unsealed. `binary`: enclosures without transfer encoding (RFC 2045 6.2 binary, only ever inside
    a seal), else base64. Raises `Usage` (bad_text) when a header text holds a line break or control character."""
    text = letter.text
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Usage("bad_text", _("The letter holds half a character, which cannot be written."))
    letter_id = fields.letter_id(letter.letter_id)
    body = body_of(letter, binary, _without_footers(text) if chat else text)
    head = [
        fields.field("From", fields.mailbox(letter.sender)),
        fields.field("To", ", ".join(map(fields.mailbox, letter.to))),
        fields.field("Date", fields.date(letter.date)),
        fields.field("Subject", fields.unstructured(letter.subject, _("subject"))),
        fields.field("Message-ID", letter_id),
    ]
    for name, ids in (("In-Reply-To", (letter.in_reply_to,)), ("References", letter.references)):
        if value := fields.letter_ids(one for one in ids if one):
            head.append(fields.field(name, value))
    head.append(fields.field("Letter-Format", LETTER_FORMAT))
    if letter.letter_no is not None:
        head.append(fields.field("Letter-Number", str(letter.letter_no)))
    if autocrypt:
        head.append(fields.field("Autocrypt", autocrypt_field.header(*autocrypt)))
    head += [fields.field("Autocrypt-Gossip", autocrypt_field.gossip(*one)) for one in gossip]
    if chat or group:
        head.append(b"Chat-Version: 1.0\r\n")
    if group:
        head += _group(letter, group)
    if hp:
        shown = _outer(letter, autocrypt if outside else None)
        head += [fields.field("HP-Outer", f"{name}: {value}") for name, value in shown]
    head.append(b"MIME-Version: 1.0\r\n")
    # protected-headers="v1" is what programs from before RFC 9788 look for.
    head.append(body.header(("protected-headers", "v1"), ("hp", "cipher")) if hp else body.header())
    return MimeBytes(b"".join((*head, CRLF, body.body)))


def outer_headers(letter: Letter, envelope_sender: Address, autocrypt: Introduction | None = None) -> bytes:
    """The header outside the seal, CRLF, without the Content fields and without the empty line after it.

    From and To with bare addresses, Date as the same instant in +0000, Message-ID, the Subject "[...]",
    MIME-Version; and our key, for a reader who cannot have it yet and whose program looks for it outside alone.
    HP-Outer inside repeats exactly these. Raises `Usage` (sender_differs) when `envelope_sender` is
    not the letter's own address: the outside would contradict the seal."""
    if not envelope_sender.same(letter.sender.address):
        raise Usage(
            "sender_differs",
            _("This letter is from {letter} and cannot leave as {envelope}.").format(
                letter=letter.sender.address, envelope=envelope_sender
            ),
        )
    return b"".join(fields.field(name, value) for name, value in _outer(letter, autocrypt)) + b"MIME-Version: 1.0\r\n"


def _outer(letter: Letter, autocrypt: Introduction | None) -> list[tuple[str, str]]:
    return [
        ("From", str(letter.sender.address)),
        ("To", ", ".join(str(who.address) for who in letter.to)),
        ("Date", fields.utc_date(letter.date)),
        ("Message-ID", fields.letter_id(letter.letter_id)),
        ("Subject", NEUTRAL_SUBJECT),
        *([("Autocrypt", autocrypt_field.header(*autocrypt))] if autocrypt else []),
    ]


def _group(letter: Letter, group: str) -> list[bytes]:
    """Without an id Delta Chat puts a letter to several people where nobody can answer it."""
    names = ", ".join(who.name or str(who.address) for who in (letter.sender, *letter.to))
    return [
        fields.field("Chat-Group-ID", group),
        fields.field("Chat-Group-Name", fields.unstructured(names, _("name"))),
    ]


def _without_footers(text: str) -> str:
    """The text for a program that takes what follows a line of two dashes for a footer and does not show it: in such
    lines, a blank of no width between the dashes. Nothing else is ever done to a text."""
    return _FOOTER.sub("-\N{ZERO WIDTH SPACE}-", text)


def body_of(letter: Letter, binary: bool, text: str) -> Entity:
    """The body of a letter of ours: multipart/mixed { multipart/alternative { text, multipart/related { html, pictures
    } }, enclosures }, each level only where it is needed. `text`: as it stands in the text part."""
    digest = _digest(letter)

    def boundary(level: str) -> str:
        return sha256(digest + level.encode()).hexdigest()[:32]

    for enclosure in letter.enclosures:
        if enclosure.cid is not None and not _CID.match(enclosure.cid):
            raise Usage("bad_text", _("The mark of a picture in the text has a character that may not stand there."))
    rendered = markup.to_html(letter.text, {e.cid for e in letter.enclosures if e.cid is not None})
    pictures = [e for e in letter.enclosures if e.cid in rendered.pictures]
    others = [e for e in letter.enclosures if e.cid not in rendered.pictures]

    body = text_part("plain", text)
    if rendered.html is not None:
        rich = text_part("html", rendered.html)
        if pictures:
            parts = [rich, *(enclosed_part(e, binary) for e in pictures)]
            rich = multipart("related", parts, boundary("related"), (("type", "text/html"),))
        body = multipart("alternative", [body, rich], boundary("alternative"))
    if others:
        body = multipart("mixed", [body, *(enclosed_part(e, binary) for e in others)], boundary("mixed"))
    return body


def text_part(kind: str, text: str) -> Entity:
    """A text, in lines that every server takes. `kind`: plain or html."""
    more = (b"Content-Transfer-Encoding: quoted-printable\r\n",)
    return Entity(f"text/{kind}", quoted_printable(text), (("charset", "utf-8"),), more)


def enclosed_part(enclosure: Enclosure, binary: bool) -> Entity:
    """An enclosure, or a picture in the text. Raises `Usage` (bad_text) for a name that no header may hold."""
    name = header_safe(enclosure.name, _("name of an enclosure"))
    media_type = enclosure.media_type.lower()
    # A message or multipart would have to be written as it is (RFC 2046 5.2.1) and be taken apart by its reader.
    if not _MEDIA_TYPE.match(media_type) or media_type.startswith(("message/", "multipart/")):
        media_type = "application/octet-stream"
    disposition = "attachment" if enclosure.cid is None else "inline"
    more = [fields.field("Content-Disposition", disposition + (fields.parameter("filename", name) if name else ""))]
    if enclosure.cid is not None:
        more.append(fields.field("Content-ID", f"<{enclosure.cid}>"))
    more.append(fields.field("Content-Transfer-Encoding", "binary" if binary else "base64"))
    return Entity(media_type, enclosure.data if binary else base64_lines(enclosure.data), (), tuple(more))


def _digest(letter: Letter) -> bytes:
    """A digest over all that will be inside, so that no content can hold a boundary made from it."""
    whole = sha256()
    for piece in (letter.letter_id.encode(), letter.text.encode(), *(e.data for e in letter.enclosures)):
        whole.update(sha256(piece).digest())
    return whole.digest()
