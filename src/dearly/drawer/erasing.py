"""Erasing a letter for good. What stays is a tombstone in the chain: that something was here, and when it was erased.

Of the letter itself nothing stays: not its text, its original bytes, its enclosures, its sealed forms, its draft with
all versions, nor its words in the index. SQLite overwrites the freed pages (secure_delete). Copies elsewhere are out of
reach: backups, the server, the one who wrote it or was written to. When such a copy comes here again by itself, it is
known by digests that stand in the tombstones (of its originals, of the sealed slice, of its id with its signed bytes or
with its text), and is not kept.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from dearly.drawer import chain, filing, objects, outbox
from dearly.drawer.connection import Db
from dearly.letter.content import LetterId
from dearly.letter.errors import Damaged, NotFound, Refused
from dearly.letter.journey import State
from dearly.letter.words import _

_UNDER_WAY = frozenset({State.WAITING, State.DATED, State.HELD, State.TRYING, State.UNCERTAIN})


def erase(db: Db, number: int, now: datetime) -> None:
    """Erase a filed letter, ours or theirs, with everything that was kept of it. Its number is never given again.

    Raises `NotFound` (no_letter), `Refused` (still_travelling) for one of ours that has not reached everybody."""
    if db.one("SELECT 1 FROM letters WHERE number = ?", (number,)) is None:
        raise NotFound("no_letter", _("There is no letter with the number {n}.").format(n=number))
    if any(travel.journey.state in _UNDER_WAY for travel in outbox.of_letter(db, number)):
        raise Refused(
            "still_travelling",
            _("Letter {number} has not left for everybody yet.").format(number=number),
            _("Take it back with “dearly take-back {number}”, or wait until it has left.").format(number=number),
        )
    loose = _holdings(db, number)
    chain.append_many(db, [(chain.Kind.ERASED, subject) for subject in _known_by(db, number)], now)
    _forget_travels(db, number)
    _forget_arrivals(db, number)
    for table in ("offered_keys", "pieces"):
        db.run(f"DELETE FROM {table} WHERE letter = ?", (number,))  # noqa: S608  a constant
    filing.erase(db, number, now)
    _forget_draft(db, number)
    for one in loose:
        objects.release(db, one)


def erased(db: Db, digest: bytes) -> bool:
    """Whether an original, a sealed slice or a letter (`filing.identity`) with this digest was here once, and was
    erased."""
    return chain.known(db, chain.Kind.ERASED, digest)


def fall_away(db: Db, number: int, now: datetime) -> None:
    """Let go of an arrival that turns out to be another copy of an erased letter. Nothing was made of it yet."""
    object_id, raw_sha256 = db.all("SELECT object_id, raw_sha256 FROM arrivals WHERE number = ?", (number,))[0]
    chain.append(db, chain.Kind.ERASED, raw_sha256, now)
    db.run("DELETE FROM postmarks WHERE arrival = ?", (number,))
    db.run("DELETE FROM knocks WHERE number = ?", (number,))
    db.run("DELETE FROM arrivals WHERE number = ?", (number,))
    objects.release(db, object_id)


def _known_by(db: Db, number: int) -> list[bytes]:
    """The digests by which a copy of this letter is known when it comes again."""
    found = db.all(
        "SELECT raw_sha256 FROM arrivals WHERE letter = ?1"
        " UNION SELECT seal_sha256 FROM arrivals WHERE letter = ?1 AND seal_sha256 IS NOT NULL AND state <> 'report'"
        " UNION SELECT o.sha256 FROM sealed_forms f JOIN objects o ON o.id = f.object_id WHERE f.letter = ?1"
        " UNION SELECT seal_sha256 FROM sealed_forms WHERE letter = ?1",
        (number,),
    )
    named = db.all(
        "SELECT letter_id, inner_sha256 FROM letters WHERE number = ?1 AND inner_sha256 IS NOT NULL"
        " UNION SELECT l.letter_id, f.inner_sha256 FROM letters l JOIN sealed_forms f ON f.letter = l.number"
        " WHERE l.number = ?1 AND f.inner_sha256 IS NOT NULL"
        " UNION SELECT letter_id, inner_sha256 FROM pieces WHERE letter = ?1 AND inner_sha256 IS NOT NULL",
        (number,),
    )
    letter_id, body = db.all("SELECT letter_id, body FROM letters WHERE number = ?", (number,))[0]
    return [
        *(one for (one,) in found),
        *(filing.identity(LetterId(name), inner) for name, inner in named),
        filing.claimed(letter_id),
        *_said(letter_id, body),
        *_as_postcard(db, number, letter_id),
    ]


def _said(letter_id: LetterId, body: bytes) -> list[bytes]:
    try:
        return [filing.said(letter_id, objects.unpack_text(body))]
    except Damaged:
        return []  # it can be erased all the same


def _as_postcard(db: Db, number: int, letter_id: LetterId) -> list[bytes]:
    """By what a postcard of ours is known when its copy comes back to us, with the lines of servers at its head."""
    forms = db.all(
        "SELECT f.object_id FROM sealed_forms f JOIN letters l ON l.number = f.letter"
        " WHERE f.letter = ? AND l.postcard = 1",
        (number,),
    )
    found = []
    for (form,) in forms:
        with suppress(Damaged):
            found.append(filing.identity(letter_id, filing.body_sha256(objects.get(db, form))))
    return found


def _holdings(db: Db, number: int) -> list[int]:
    """Every object that is kept for this letter; some may be kept for others as well."""
    return [
        one
        for (one,) in db.all(
            "SELECT object_id FROM arrivals WHERE letter = ?1"
            " UNION SELECT object_id FROM sealed_forms WHERE letter = ?1"
            " UNION SELECT object_id FROM enclosures WHERE letter = ?1"
            " UNION SELECT object_id FROM draft_enclosures WHERE draft = ?1"
            " UNION SELECT html FROM letters WHERE number = ?1 AND html IS NOT NULL",
            (number,),
        )
    ]


def _forget_travels(db: Db, number: int) -> None:
    forms = "(SELECT id FROM sealed_forms WHERE letter = ?)"
    db.run(f"DELETE FROM attempt_journeys WHERE attempt IN (SELECT id FROM attempts WHERE form IN {forms})", (number,))  # noqa: S608  a constant
    db.run(f"DELETE FROM attempts WHERE form IN {forms}", (number,))  # noqa: S608  a constant
    db.run("DELETE FROM journeys WHERE letter = ?", (number,))
    for table in ("sealed_to", "form_recipients"):
        db.run(f"DELETE FROM {table} WHERE form IN {forms}", (number,))  # noqa: S608  a constant
    db.run("DELETE FROM sealed_forms WHERE letter = ?", (number,))


def _forget_arrivals(db: Db, number: int) -> None:
    """The originals, and where they lay. An envelope of which this one was another copy is one of this letter's own."""
    of_letter = "(SELECT number FROM arrivals WHERE letter = ?)"
    db.run(f"DELETE FROM postmarks WHERE arrival IN {of_letter}", (number,))  # noqa: S608  a constant
    db.run(f"DELETE FROM knocks WHERE number IN {of_letter}", (number,))  # noqa: S608  a constant
    db.run(f"UPDATE arrivals SET same_as = NULL WHERE same_as IN {of_letter}", (number,))  # noqa: S608  a constant
    db.run("DELETE FROM arrivals WHERE letter = ?", (number,))


def _forget_draft(db: Db, number: int) -> None:
    for table in ("versions", "draft_recipients", "draft_references", "draft_enclosures"):
        db.run(f"DELETE FROM {table} WHERE draft = ?", (number,))  # noqa: S608  a constant
    db.run("DELETE FROM drafts WHERE number = ?", (number,))
