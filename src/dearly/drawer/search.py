"""The index of words: one row for each letter, kept in the letter's own transaction.

Its row number is the letter's `sort_key`, so that the newest letters come first without any sorting. The index holds no
text and refers to nothing: whatever is missing in it is put in later (`letters.indexer_version`), and the whole of it
can be made anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dearly.drawer import objects, settings
from dearly.drawer.connection import Db
from dearly.drawer.enclosed import IN_LETTER, Enclosed
from dearly.drawer.rows import address, written_at
from dearly.letter.address import Correspondent
from dearly.letter.errors import Damaged
from dearly.letter.sealing import Seal
from dearly.letter.search import Entry

_PURGE = "index_purge"
_PAGES = 100
"""Pages of the index that one step writes."""

_SOMETHING = 2
"""Changes that a merge makes at least when there was something to do (FTS5, the command merge)."""

PUT = "INSERT INTO search (rowid, subject, people, body, files, stems, facets) VALUES (?, ?, ?, ?, ?, ?, ?)"


def put(db: Db, number: int, entry: Entry) -> None:
    """Index the letter with this number by `entry`, in place of what it was indexed by before."""
    key, version = db.all("SELECT sort_key, indexer_version FROM letters WHERE number = ?", (number,))[0]
    if version:
        db.run("DELETE FROM search WHERE rowid = ?", (key,))
    db.run(PUT, row(key, entry))
    db.run("UPDATE letters SET indexer_version = ? WHERE number = ?", (entry.version, number))


def row(key: int, entry: Entry) -> tuple[int | str, ...]:
    """What `PUT` puts in for a letter with this `sort_key`; whoever does so marks the letter as indexed."""
    return key, entry.subject, entry.people, entry.body, entry.files, entry.stems, entry.facets


def take_out(db: Db, number: int) -> None:
    """Take the letter out of the index: because it is erased, or changes its place or its text, and is then put in
    again (`put`, or sooner or later by the desk)."""
    row = db.one("SELECT sort_key, indexer_version FROM letters WHERE number = ?", (number,))
    if row is not None and row[1]:
        db.run("DELETE FROM search WHERE rowid = ?", (row[0],))
        db.run("UPDATE letters SET indexer_version = 0 WHERE number = ?", (number,))


def unlike(db: Db) -> int:
    """How many letters are not in the index although they are marked as indexed, or in it without a letter. Only
    their places are compared. Raises what SQLite raises of a damaged page."""
    return int(
        db.value(
            "SELECT (SELECT count(*) FROM letters WHERE indexer_version > 0"
            " AND sort_key NOT IN (SELECT id FROM search_docsize))"
            " + (SELECT count(*) FROM search_docsize WHERE id NOT IN"
            " (SELECT sort_key FROM letters WHERE indexer_version > 0))"
        )
    )


def begin_anew(db: Db) -> None:
    """Empty the index; every letter is put in again sooner or later (`letters.indexer_version`)."""
    db.run("INSERT INTO search (search) VALUES ('delete-all')")
    db.run("UPDATE letters SET indexer_version = 0")


def erase(db: Db, number: int) -> None:
    """Take an erased letter out. Its words lie in the index's pages until those were written anew (`purge_some`)."""
    if indexed(db, number):
        take_out(db, number)
        settings.put(db, _PURGE, "wanted")


def to_purge(db: Db) -> bool:
    """Whether words of erased letters may still lie in the index's pages."""
    return settings.get(db, _PURGE, "") != ""


def purge_some(db: Db) -> bool:
    """Write some of the index's pages anew, without the words of letters that were taken out; whether there are more.

    All of them must be: where a word stood cannot be told from the index itself. Each step takes less time than
    somebody who is typing would feel; when the last one is done, the erased words are nowhere in the file."""
    wanted = settings.get(db, _PURGE, "")
    if wanted == "wanted":
        # Below zero: all parts of the index become inputs of one merge, which is gone on with step by step.
        db.run("INSERT INTO search (search, rank) VALUES ('merge', ?)", (-_PAGES,))
        settings.put(db, _PURGE, "begun")
    elif wanted and db.run("INSERT INTO search (search, rank) VALUES ('merge', ?)", (_PAGES,)) < _SOMETHING:
        settings.forget(db, _PURGE)
        return False
    return bool(wanted)


@dataclass(frozen=True, slots=True)
class Material:
    """What a letter's entry is made from. `content`: digest of what it says, so that an entry that was made meanwhile
    from another content is not put in. `travelled`: ways that it came or goes by."""

    number: int
    content: bytes
    direction: str
    date: datetime
    subject: str
    text: str = field(repr=False)
    people: tuple[tuple[str, Correspondent], ...]
    enclosed: tuple[Enclosed, ...]
    seal: Seal | None
    postcard: bool
    html: bool
    imported: bool
    travelled: frozenset[str]


def material(db: Db, number: int) -> Material | None:
    """What the entry of this letter is made from; None where it is gone. A text that is damaged is not in it: the
    letter is found by the rest."""
    row = db.one(
        "SELECT l.content_sha256, l.direction, l.date, l.date_offset, l.subject, l.body, l.seal, l.postcard,"
        " l.html IS NOT NULL, n.origin = 'import'"
        " FROM letters l JOIN numbers n ON n.number = l.number WHERE l.number = ?",
        (number,),
    )
    if row is None:
        return None
    content, direction, date, minutes, subject, body, seal, postcard, html, imported = row
    ways = db.each(
        "SELECT m.way FROM arrivals a JOIN postmarks m ON m.arrival = a.number WHERE a.letter = ?1"
        " UNION SELECT way FROM arrivals WHERE letter = ?1 UNION SELECT way FROM journeys WHERE letter = ?1",
        (number,),
    )
    return Material(
        number,
        content,
        direction,
        written_at(date, minutes),
        subject,
        _text(body),
        tuple(
            (role, Correspondent(name, address(where)))
            for role, name, where in db.each(
                "SELECT role, name, address FROM parties WHERE letter = ? ORDER BY role, position", (number,)
            )
        ),
        IN_LETTER.listed(db, number),
        None if seal is None else Seal(seal),
        bool(postcard),
        bool(html),
        bool(imported),
        frozenset(way for (way,) in ways),
    )


def outdated(db: Db, version: int, most: int) -> list[int]:
    """Letters without an entry, or with one that is older than `version`; at most so many, the newest first of those
    with the same version."""
    return [
        number
        for (number,) in db.each(
            "SELECT number FROM letters WHERE indexer_version < ? ORDER BY indexer_version DESC, sort_key DESC LIMIT ?",
            (version, most),
        )
    ]


def indexed(db: Db, number: int) -> bool:
    """Whether the letter is in the index."""
    return bool(db.value("SELECT indexer_version FROM letters WHERE number = ?", (number,)))


def put_if_same(db: Db, made: Material, entry: Entry) -> None:
    """`put`, unless the letter says something else by now, or is gone."""
    if db.value("SELECT content_sha256 FROM letters WHERE number = ?", (made.number,)) == made.content:
        put(db, made.number, entry)


def _text(body: bytes) -> str:
    try:
        return objects.unpack_text(body)
    except Damaged:
        return ""
