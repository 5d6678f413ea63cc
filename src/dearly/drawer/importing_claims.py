"""Which letter here something of another drawer is of: what it says of itself, as far as that counts.

Whoever made a bundle wrote into it whatever they liked. Uids are in every bundle that was ever given away, and an id is
a claim that anybody can make (decision 9): by them alone something is known again where the drawer was our own.
"""

from __future__ import annotations

import hashlib

from dearly.drawer import filing, importing_copies, importing_known
from dearly.drawer.connection import Db
from dearly.drawer.importing_values import Content
from dearly.drawer.importing_words import octets
from dearly.letter.content import LetterId
from dearly.letter.leaving import Leaving, Original


def letter_of(db: Db, one: Original, *, ours: bool) -> int | None:
    """Number of the letter that a parcel is a further copy of. It is known by its uid, which it has here, or which its
    first copy has where the letter was here before. An id alone is a claim (decision 9): it counts in a drawer of ours,
    where no other letter has it. Of anybody else's drawer nothing comes to what was written or received here."""
    uid = octets(one.letter, 16)
    found = db.value(
        "SELECT l.number FROM letters l JOIN numbers n ON n.number = l.number"
        " WHERE n.uid = ?1 AND (?2 OR n.origin = 'import')"
        " UNION ALL SELECT a.letter FROM arrivals a JOIN numbers n ON n.number = a.number"
        " JOIN numbers of ON of.number = a.letter"
        " WHERE n.uid = ?1 AND (?2 OR of.origin = 'import') LIMIT 1",
        (uid, ours),
    )
    if found is None and ours and uid is not None:
        named = db.all("SELECT number FROM letters WHERE letter_id = ? LIMIT 2", (one.letter_id,))
        found = named[0][0] if len(named) == 1 else None
    return None if found is None else int(found)


def here(db: Db, letter: Leaving, content: Content, *, ours: bool) -> int | None:
    """Number of this letter: by its uid and id in a drawer of ours, by what it says, or by its signed bytes."""
    found = db.value(
        "SELECT l.number FROM letters l JOIN numbers n ON n.number = l.number"
        " WHERE n.uid = ?1 AND l.letter_id = ?3 AND ?4"
        " UNION ALL SELECT number FROM letters WHERE letter_id = ?3 AND content_sha256 = ?2 LIMIT 1",
        (octets(letter.uid, 16), octets(letter.content_sha256, 32), letter.letter_id, ours),
    )
    inner = content.inner_sha256
    inner = inner or next((octets(one.inner_sha256, 32) for one in letter.originals if one.inner_sha256), None)
    if found is None and inner is not None:
        found = filing.same(db, LetterId(letter.letter_id), inner)
    if found is None:
        copy = any(hashlib.sha256(one.data).digest() == inner for one in letter.originals)
        dated = not any(one.reason for one in letter.originals)
        found = importing_copies.here(db, LetterId(letter.letter_id), content, copy=copy, dated=dated)
    return None if found is None else int(found)


def erased(db: Db, letter: Leaving, content: Content) -> bool:
    """Whether this letter was erased here, by whatever it would be known again (`erasing`)."""
    letter_id = LetterId(letter.letter_id)
    inner = [letter.inner_sha256, *(one.inner_sha256 for one in letter.originals)]
    digests = [
        filing.said(letter_id, content.text),
        octets(letter.content_sha256, 32),
        *(filing.identity(letter_id, one) for text in inner if (one := octets(text, 32)) is not None),
        *(hashlib.sha256(one.data).digest() for one in letter.originals),
        *(octets(one.seal_sha256, 32) for one in letter.originals),
    ]
    return bool(importing_known.here(db, [one for one in digests if one is not None])[1])
