"""The index of words: one row for each letter, kept in the letter's own transaction.

Its row number is the letter's `sort_key`, so that the newest letters come first without any sorting. The index holds no
text and refers to nothing: whatever is missing in it is put in later (`letters.indexer_version`), and the whole of it
can be made anew.
"""

from __future__ import annotations

from dearly.drawer.connection import Db
from dearly.letter.search import Entry

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


def purge(db: Db) -> None:
    """Let the words of letters that were taken out go from the index's own pages, too: until its parts are joined anew,
    they lie in the older ones."""
    db.run("INSERT INTO search (search) VALUES ('optimize')")
