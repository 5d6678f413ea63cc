"""From an original and what was read in it to what the drawer keeps: digests and packing, by the desk itself.

It runs beside the loop: what takes long here (zstd, SHA-256) lets other threads work meanwhile.
"""

from __future__ import annotations

import binascii
from datetime import datetime

from dearly.drawer import objects
from dearly.drawer.importing_values import Content, Imported, PackedEnclosure
from dearly.exchange import kinds
from dearly.letter.envelope import Way
from dearly.letter.sealing import Seal
from dearly.letter.words import _
from dearly.opener.bulk import Kind, Piece, Read

_OPENED_COPY = f"{kinds.OPENED_COPY}:".encode()


def packed(
    raw: bytes, raw_sha256: bytes, read: Read, *, place: str, now: datetime, laid_down: datetime | None = None
) -> Imported:
    """A mail that was never sealed, or that could not be read. One without a date has that of its last server, else
    when it was put where it lay (`laid_down`), else `now`; and a word about it."""
    original = objects.pack(raw, raw_sha256, quick=True)
    head = read.heading
    if read.kind is not Kind.LETTER or head is None:
        why = f"{read.trouble.message} {read.trouble.hint}".strip() if read.trouble else ""
        return Imported(original, Way.MAIL, place, now, reason=why)
    copy = raw.startswith(_OPENED_COPY)
    content = Content(
        direction="out" if read.sent else "in",
        letter_id=head.letter_id,
        inner_sha256=raw_sha256 if copy else read.inner_sha256,
        senders=head.senders[:1],
        to=head.to,
        cc=head.cc,
        date=head.date or read.received or laid_down or now,
        subject=head.subject,
        text=read.text,
        packed_text=objects.pack_text(read.text),
        # Of a letter of Dearly's own the text is the letter, and the HTML only a rendering of it for others.
        html=None if read.html is None or head.letter_format else objects.pack(read.html.encode(), quick=True),
        enclosures=tuple(PackedEnclosure(one.name, one.media_type, _data(raw, one), one.cid) for one in read.pieces),
        in_reply_to=head.in_reply_to,
        references=head.references,
        letter_no=head.letter_no,
        commonmark=bool(head.letter_format),
        postcard=read.sent,
        signature=read.signed,
        seal=None if read.sent else Seal.NEVER_SEALED,
        entry=read.entry,
    )
    why = "" if head.date else _whose_date(read.received, laid_down)
    return Imported(
        original, Way.MAIL, place, now, content, head.sender, head.letter_id, None, content.seal, why, copy=copy
    )


def _whose_date(received: datetime | None, laid_down: datetime | None) -> str:
    if received is not None:
        return _("It does not say when it was written; its date is that of the last server on its way.")
    if laid_down is not None:
        return _("It does not say when it was written; its date is that on which its mail program filed it.")
    return _("It does not say when it was written; its date is that on which it was taken in.")


def _data(raw: bytes, piece: Piece) -> objects.Packed:
    if piece.end:
        try:
            return objects.within(raw, piece.start, piece.end)
        except binascii.Error:
            return objects.pack(b"")  # never of an honest reader: it has tried
    return objects.pack(piece.data)
