"""Signatures of imported letters: only noted when they are taken in, and looked at later."""

from __future__ import annotations

from dearly.drawer import objects
from dearly.drawer.connection import Db
from dearly.letter.sealing import Signed


def signed_original(db: Db, number: int) -> bytes | None:
    """The original of an imported letter whose signature was only noted; None where there is nothing to look at.
    Raises `Damaged` (object_damaged)."""
    found = db.value(
        "SELECT a.object_id FROM letters l JOIN arrivals a ON a.letter = l.number WHERE l.number = ?"
        " AND l.signature = 'unknown' AND l.seal = 'never_sealed' AND a.state = 'imported' ORDER BY a.number LIMIT 1",
        (number,),
    )
    return None if found is None else objects.get(db, found)


def note_signature(db: Db, number: int, signed: Signed) -> None:
    """What the signature of an imported letter came to."""
    db.run("UPDATE letters SET signature = ? WHERE number = ? AND signature = 'unknown'", (signed.value, number))
