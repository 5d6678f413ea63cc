"""Asking the index of words: the newest letters first, or the ones that match best; how many; which words it knows.

An expression (`MATCH`) comes from the room `terms`; it is only handed on here. Row numbers of the index are places in
the archive (`letters.sort_key`), so the newest come first without any sorting, and days are a range of places.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from dearly.drawer import objects
from dearly.drawer.connection import Db, Row
from dearly.drawer.rows import LAST, day_begins, name_key, written_at
from dearly.letter.sealing import Seal

RANKED = 2000
"""The newest so many matches are ranked; older ones are found by narrowing the search, or by date."""

COUNTED = 10_000
"""Matches that are counted; beyond, it is only known that there are more."""

_FOUND = """
SELECT s.rowid, l.number, l.direction, l.letter_no, l.date, l.date_offset, l.filed, l.subject, l.body, l.seal,
       coalesce(p.name, nullif(f.name, ''), f.address, ''), f.address,
       (SELECT group_concat(coalesce(q.name, nullif(t.name, ''), t.address), ', ')
          FROM parties t LEFT JOIN persons q ON q.id = t.person_id
         WHERE t.letter = l.number AND t.role = 'to'),
       EXISTS (SELECT 1 FROM enclosures e WHERE e.letter = l.number)
FROM (((found))) s CROSS JOIN letters l ON l.sort_key = s.rowid
LEFT JOIN parties f ON f.letter = l.number AND f.role = 'from' AND f.position = 0
LEFT JOIN persons p ON p.id = f.person_id
"""
_NEWEST = "SELECT rowid FROM search WHERE search MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?"
_BEST = """
SELECT rowid FROM search WHERE search MATCH ? AND rowid BETWEEN ? AND ?
ORDER BY bm25(search, 4.0, 2.0, 1.0, 2.0, 0.5, 0.0), rowid DESC LIMIT ? OFFSET ?
"""
_NTH = "SELECT rowid FROM search WHERE search MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT 1 OFFSET ?"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ? AND rowid BETWEEN ? AND ? LIMIT ?)"


@dataclass(frozen=True, slots=True)
class Places:
    """A stretch of the archive, both ends with it."""

    first: int = -LAST
    last: int = LAST


@dataclass(frozen=True, slots=True)
class Hit:
    """A letter that was found. `key`: its place. `writer`, `readers`: names as the address book has them, else as the
    letter has them. `address`: the writer's. `seal` None: one of ours. `enclosed`: something is enclosed."""

    key: int
    number: int
    ours: bool
    letter_no: int | None
    date: datetime
    subject: str
    text: str = field(repr=False)
    seal: Seal | None
    writer: str
    address: str
    readers: str
    enclosed: bool


def between(first: date | None, end: date | None) -> Places:
    """The places of the days (UTC) from `first` on, and before `end`."""
    return Places(
        -LAST if first is None else day_begins(first),
        LAST if end is None else day_begins(end) - 1,
    )


def newest(db: Db, match: str, within: Places, limit: int) -> list[Hit]:
    """The newest letters that match, the newest first."""
    return _hits(db, _NEWEST, (match, within.first, within.last, limit), newest_first=True)


def newest_and_count(db: Db, match: str, within: Places, limit: int) -> tuple[list[Hit], int]:
    """`newest` and `count` by one question, for an expression that costs more than 10,000 places: a beginning of many
    words, whose letters SQLite merges before it gives the first of them."""
    keys = matching(db, match, within, COUNTED + 1)
    return at(db, keys[:limit]), len(keys)


def best(db: Db, match: str, within: Places, limit: int, offset: int = 0) -> list[Hit]:
    """Of the newest `RANKED` letters that match, those that match best (bm25), the best first."""
    oldest = db.value(_NTH, (match, within.first, within.last, RANKED - 1))
    first = within.first if oldest is None else oldest
    return _hits(db, _BEST, (match, first, within.last, limit, offset), newest_first=False)


def count(db: Db, match: str, within: Places, most: int = COUNTED) -> int:
    """How many letters match; `most` + 1 where there are more than that."""
    return int(db.value(_COUNT, (match, within.first, within.last, most + 1)))


def at(db: Db, keys: Iterable[int]) -> list[Hit]:
    """The letters at these places, in this order."""
    return [hit for key in keys for hit in _hits(db, "SELECT ? AS rowid", (key,), newest_first=True)]


def matching(db: Db, match: str, within: Places, limit: int) -> list[int]:
    """The places of the newest letters that match, the newest first."""
    return [key for (key,) in db.each(_NEWEST, (match, within.first, within.last, limit))]


def known(db: Db, word: str) -> bool:
    """Whether a word of the index (of `terms`: it is a word and nothing else) is in it."""
    return db.one("SELECT 1 FROM search WHERE search MATCH ? LIMIT 1", (f'"{word}"',)) is not None


def vocabulary(db: Db, first: str, end: str, most: int) -> list[tuple[str, int]]:
    """Words of the index from `first` on and before `end`, at most so many, and in how many letters each is."""
    return [
        (word, letters)
        for word, letters in db.each(
            "SELECT term, doc FROM search_words WHERE term >= ? AND term < ? LIMIT ?", (first, end, most)
        )
    ]


def addresses_of(db: Db, name: str) -> list[str]:
    """What the addresses have in common (`address_key`) of everyone in the address book who is called so: by the whole
    name, or by whole words of it. All that they ever had: their old letters are theirs."""
    words = set(name_key(name).split())
    persons = [
        person
        for person, key in db.each("SELECT coalesce(merged_into, id), name_key FROM persons")
        if words and words <= set(key.split())
    ]
    return list(dict.fromkeys(key for person in dict.fromkeys(persons) for key in addresses_at(db, person)))


def addresses_at(db: Db, person: int) -> list[str]:
    """What the addresses of one person have in common, all that they ever had."""
    return [
        key
        for (key,) in db.each(
            "SELECT a.address_key FROM person_addresses e JOIN addresses a ON a.id = e.address_id"
            " WHERE e.person_id = ? AND a.kind <> 'postal' ORDER BY e.id",
            (person,),
        )
    ]


def any_drafts(db: Db) -> bool:
    """Whether there are drafts, which are in no index."""
    return db.one("SELECT 1 FROM drafts LIMIT 1") is not None


def unindexed(db: Db, version: int) -> bool:
    """Whether there are letters without an entry, or with one of an older version."""
    return db.one("SELECT 1 FROM letters WHERE indexer_version < ? LIMIT 1", (version,)) is not None


def _hits(db: Db, found: str, args: Sequence[str | int], *, newest_first: bool) -> list[Hit]:
    rows = db.all(_FOUND.replace("((found))", found), args)
    if newest_first:
        rows.sort(key=lambda row: -row[0])
    return [_hit(row) for row in rows]


def _hit(row: Row) -> Hit:
    key, number, direction, letter_no, date, minutes, filed, subject, body, seal, writer, address, readers, enclosed = (
        row
    )
    ours = direction == "out"
    return Hit(
        key=key,
        number=number,
        ours=ours,
        letter_no=letter_no,
        date=written_at(date if ours else min(date, filed), minutes),
        subject=subject,
        text=objects.unpack_text(body),
        seal=None if seal is None else Seal(seal),
        writer=writer,
        address=address or "",
        readers=readers or "",
        enclosed=bool(enclosed),
    )
