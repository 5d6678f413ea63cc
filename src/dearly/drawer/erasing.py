"""Erasing a letter for good. What stays is a tombstone in the chain: that something was here, and when it was erased.

Of the letter itself nothing stays: not its text, its original bytes, its enclosures, its sealed forms, its draft with
all versions, nor its words in the index. SQLite overwrites the freed pages (secure_delete). Copies elsewhere are out of
reach: backups, the server, the one who wrote it or was written to.
"""

from __future__ import annotations

from datetime import datetime

from dearly.drawer import chain, filing, objects, outbox
from dearly.drawer.connection import Db
from dearly.letter.errors import NotFound, Refused
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
    for (raw,) in db.all("SELECT raw_sha256 FROM arrivals WHERE letter = ?", (number,)):
        chain.append(db, chain.Kind.ERASED, raw, now)
    _forget_travels(db, number)
    _forget_arrivals(db, number)
    for table in ("offered_keys", "pieces"):
        db.run(f"DELETE FROM {table} WHERE letter = ?", (number,))  # noqa: S608  a constant
    filing.erase(db, number, now)
    _forget_draft(db, number)
    for one in loose:
        objects.release(db, one)


def erased(db: Db, raw_sha256: bytes) -> bool:
    """Whether these very bytes were here once, and were erased."""
    return chain.known(db, chain.Kind.ERASED, raw_sha256)


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
