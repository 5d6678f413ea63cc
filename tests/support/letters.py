"""Finished letters between fictional people, always the same ones."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure, Letter, LetterId

ADA = Correspondent("Ada", Address.parse("ada@letters.test"))
BERT = Correspondent("Bert", Address.parse("bert@letters.test"))
CLARA = Correspondent("", Address.parse("clara@letters.test"))
DORA = Correspondent("Dora, née Grün “D.”", Address.parse("dora.grün@grün.test"))

EVENING = datetime(2026, 11, 22, 19, 4, 5, tzinfo=timezone(timedelta(hours=1)))
CERTIFICATE = bytes(range(256)) * 2
"""Stands for a certificate where nobody reads it."""

PICTURE = Enclosure("harbour.png", "image/png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, cid="harbour@letters.test")
RECIPE = Enclosure("recipe.txt", "text/plain", b"Plums.\nSugar.\n")
BINARY = Enclosure("every octet.bin", "application/octet-stream", bytes(range(256)))


THE_ID = LetterId("aaaaaaaaaaaaaaaaaaaaaaaaaa@letters.test")


def a_letter(
    text: str = "Dear Bert,\n\nthe harvest is in.\n\nYours\nAda\n",
    *,
    sender: Correspondent = ADA,
    to: tuple[Correspondent, ...] = (BERT,),
    subject: str = "Of the harvest",
    enclosures: tuple[Enclosure, ...] = (),
    in_reply_to: LetterId | None = None,
    references: tuple[LetterId, ...] = (),
    letter_no: int | None = 1,
    date: datetime = EVENING,
    letter_id: LetterId = THE_ID,
) -> Letter:
    """A letter from Ada to Bert, unless said otherwise."""
    return Letter(letter_id, sender, to, date, subject, text, enclosures, in_reply_to, references, letter_no)
