"""Signatures on letters that were never sealed, of an archive: while thousands are taken in they are only noted, and
looked at when somebody reads the letter.
"""

from __future__ import annotations

from contextlib import suppress

from dearly.desk.desk import Desk
from dearly.desk.parcels import Reading, read_parcel
from dearly.drawer import importing_signatures, letters
from dearly.drawer.connection import Db
from dearly.letter.content import bare
from dearly.letter.errors import DearlyError
from dearly.letter.sealing import Signed


async def look_at(desk: Desk, number: int) -> bool:
    """Judge the signature of an imported letter that nobody looked at yet, and keep what it is worth; whether that is
    news. What cannot be told (the signer's key is not here) is asked anew at the next reading; the key may have come by
    then. Only for a letter whose signature is noted as unknown."""
    if desk.drawer.read_only:
        return False
    raw = await desk.drawer.read(lambda db: importing_signatures.signed_original(db, number))
    if raw is None:
        return False
    with suppress(DearlyError):  # it stays as it is noted
        reading = await read_parcel(desk, raw)
        if reading.signed not in (Signed.NONE, Signed.UNKNOWN):
            return await desk.drawer.write(lambda db: _note(db, number, reading))
    return False


def _note(db: Db, number: int, reading: Reading) -> bool:
    """What a bundle gives as the original of a letter may be another one: its signature speaks for nothing but its own
    text, and for the sender whom it names itself."""
    here, signed = letters.letter(db, number), reading.opened.letter
    if signed is None or signed.heading.sender is None or here.sender is None:
        return False
    if bare(signed.text) != bare(here.text) or not signed.heading.sender.address.same(here.sender.address):
        return False
    importing_signatures.note_signature(db, number, reading.signed)
    return True
