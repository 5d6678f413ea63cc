"""Looking for letters that are not as they were filed: bits that rotted (F19), pages put back to an older state (F21).

Damage is confined: each letter and each object is read by itself, and what cannot be read is named, never raised.
"""

from __future__ import annotations

import contextlib

import apsw

from dearly.drawer import chain, objects
from dearly.drawer.connection import Args, Db, Row
from dearly.drawer.filing import content_digest
from dearly.letter.errors import Damaged

_UNREADABLE = (Damaged, apsw.CorruptError, apsw.IOError, apsw.NotADBError)

_HELD_BY = """
SELECT letter FROM enclosures WHERE object_id = ?1
UNION SELECT draft FROM draft_enclosures WHERE object_id = ?1
UNION SELECT letter FROM sealed_forms WHERE object_id = ?1
UNION SELECT number FROM arrivals WHERE object_id = ?1
UNION SELECT number FROM letters WHERE html = ?1
"""


def damaged(db: Db) -> list[int]:
    """Numbers of drafts, letters and arrivals of which something is not what was stored, ascending. Reads everything.

    A letter must give the digest that was noted when it was filed, and the chain must know that digest."""
    letters = _readable(db, "SELECT number FROM letters")
    bad = {number for (number,) in letters if not _letter_is_whole(db, number)}
    for (object_id,) in _readable(db, "SELECT id FROM objects"):
        try:
            objects.get(db, object_id)
        except _UNREADABLE:
            bad.update(number for (number,) in _readable(db, _HELD_BY, (object_id,)))
    return sorted(bad)


def _readable(db: Db, sql: str, args: Args = ()) -> list[Row]:
    """The rows up to the first that lies on a damaged page."""
    rows: list[Row] = []
    with contextlib.suppress(*_UNREADABLE):
        rows.extend(db.each(sql, args))
    return rows


def _letter_is_whole(db: Db, number: int) -> bool:
    try:
        digest = content_digest(db, number)
        return digest == db.value("SELECT content_sha256 FROM letters WHERE number = ?", (number,)) and any(
            chain.known(db, kind, digest) for kind in (chain.Kind.FILED, chain.Kind.POSTED)
        )
    except _UNREADABLE:
        return False
