"""Which originals of an archive are here already, and which were erased here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from dearly.drawer.connection import Db
from dearly.drawer.rows import sound, stamp
from dearly.letter.envelope import Way


def here(db: Db, digests: Sequence[bytes]) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Of these digests of originals: those that are here, and those whose letter was erased here."""
    wanted = json.dumps([one.hex() for one in digests])
    kept = db.all(
        "SELECT raw_sha256 FROM arrivals WHERE raw_sha256 IN (SELECT unhex(value) FROM json_each(?))", (wanted,)
    )
    gone = db.all(
        "SELECT subject FROM chain WHERE kind = 'erased' AND subject IN (SELECT unhex(value) FROM json_each(?))",
        (wanted,),
    )
    there = frozenset(one for (one,) in kept)
    return there, frozenset(one for (one,) in gone) - there


def here_by_id(db: Db, letter_ids: Sequence[bytes]) -> frozenset[bytes]:
    """Those of these ids that a letter here gives itself: a claim, where no more than a header is known."""
    wanted = json.dumps([sound(one.decode("utf-8", "replace")) for one in letter_ids])
    found = db.each("SELECT letter_id FROM letters WHERE letter_id IN (SELECT value FROM json_each(?))", (wanted,))
    return frozenset(one.encode() for (one,) in found)


def note_again(db: Db, digests: Sequence[bytes], way: Way, place: str, now: datetime) -> None:
    """Originals that are here were met in another place, or once more in the same."""
    db.many(
        "INSERT OR IGNORE INTO postmarks (arrival, way, place, validity, uid, at, acknowledged)"
        " SELECT number, ?, ?, '', '', ?, 1 FROM arrivals WHERE raw_sha256 = ?",
        [(way.value, sound(place), stamp(now), digest) for digest in digests],
    )
