"""Putting letters of an archive into the drawer, a stack at a time: everything that belongs to them in one transaction.

What `filing` does for one letter, done for a hundred: what has to be looked up is looked up once for all of them, and
each table is written in one go, in the order of the letters' dates. The originals are arrivals in the state "imported";
the letterbox never shows them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dearly.drawer import chain, filing, importing_places, objects, search
from dearly.drawer.connection import Args, Db
from dearly.drawer.importing_values import Content, Counts, Imported, PackedEnclosure
from dearly.drawer.rows import moment, offset, sound, stamp
from dearly.letter.address import Correspondent
from dearly.letter.clock import Chance
from dearly.letter.content import LetterId
from dearly.letter.envelope import Way
from dearly.letter.sealing import Signed

__all__ = [
    "Content",
    "Counts",
    "Imported",
    "Left",
    "Meet",
    "PackedEnclosure",
    "file_late",
    "file_many",
    "here",
    "here_by_id",
    "kept_sealed",
    "left",
    "note_again",
    "note_signature",
    "signed_original",
]

Meet = Callable[[Db, Correspondent], int]
"""Puts somebody whom nobody knows into the address book; the person's id."""

Index = Callable[[Db, int], None]
"""Puts a letter that came without its entry into the index of words, by its number."""


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


def file_many(
    db: Db, stack: Iterable[Imported], *, meet: Meet, now: datetime, chance: Chance, index: Index | None = None
) -> Counts:
    """File these originals, and the letters in them.

    The same bytes are taken once. An original whose letter is here already (the same id and the same signed bytes) is
    kept as another copy of it. The same id with other bytes is another letter; both are marked as twins (F38). A letter
    without an id gets one from what it says (F39). A copy that Dearly wrote out is not kept beside its letter. What was
    erased here does not come back, in other bytes neither.
    `meet`: for whoever wrote a letter to us, or got one from us, and is not in the book."""
    return _Filing(db, meet, now, chance, index).file(stack)


def kept_sealed(db: Db, after: int, limit: int = 50) -> list[int]:
    """Numbers of imported originals that were sealed and could not be opened, beyond this one."""
    return [
        number
        for (number,) in db.each(
            "SELECT number FROM arrivals INDEXED BY arrivals_left"
            " WHERE state = 'imported' AND letter IS NULL AND seal IS NOT NULL AND number > ? ORDER BY number LIMIT ?",
            (after, limit),
        )
    ]


@dataclass(frozen=True, slots=True)
class Left:
    """An original that no letter was made of: kept byte for byte. `sender`: as its outside claims, "" for nobody.
    `place`: of the archive. `sealed`: it may be opened when its key is given."""

    number: int
    sender: str
    place: str
    taken: datetime
    reason: str
    sealed: bool
    size: int


def left(db: Db, place: str | None = None, limit: int = 1000, before: int | None = None) -> list[Left]:
    """What was kept without a letter, the last first; of one archive by its `place`, or of all. `before`: only what has
    a lower number."""
    return [
        Left(number, name or address, at, moment(arrived), reason, seal is not None, size)
        for number, name, address, at, arrived, reason, seal, size in db.each(
            "SELECT a.number, a.from_name, a.from_address, a.place, a.arrived, a.reason, a.seal, o.size"
            " FROM arrivals a INDEXED BY arrivals_left JOIN objects o ON o.id = a.object_id"
            " WHERE a.state = 'imported' AND a.letter IS NULL AND a.place = coalesce(?, a.place) AND a.number < ?"
            " ORDER BY a.number DESC LIMIT ?",
            (None if place is None else sound(place), (1 << 62) if before is None else before, limit),
        )
    ]


def file_late(
    db: Db, number: int, one: Imported, *, meet: Meet, now: datetime, chance: Chance, index: Index | None = None
) -> bool:
    """The letter in an original that was kept unopened until now; False where it could not be opened now either."""
    if one.content is None:
        return False
    letter = _Filing(db, meet, now, chance, index).late(number, one, one.content)
    db.run(
        "UPDATE arrivals SET letter = ?, opened = ?, seal = ?, reason = '' WHERE number = ? AND letter IS NULL",
        (letter, stamp(now), None if one.seal is None else one.seal.value, number),
    )
    return True


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


@dataclass(slots=True)
class _Filing:
    """One stack on its way: what is known, and the rows that are to be written."""

    db: Db
    meet: Meet
    now: datetime
    chance: Chance
    index: Index | None
    rows: dict[str, list[Args]] = field(default_factory=lambda: defaultdict(list))
    links: list[tuple[chain.Kind, bytes]] = field(default_factory=list)
    twins: set[LetterId] = field(default_factory=set)
    number: int = 0
    unindexed: list[int] = field(default_factory=list)
    people: importing_places.People = field(init=False)
    places: importing_places.Places = field(init=False)
    ids: dict[bytes, int] = field(init=False)

    def file(self, stack: Iterable[Imported]) -> Counts:
        db = self.db
        items = sorted(stack, key=lambda one: one.content.date if one.content else one.arrived)
        there, erased = here(db, [one.raw.sha256 for one in items])
        fresh: list[Imported] = []
        seen: set[bytes] = set()
        again: list[Imported] = []
        count = {"taken": 0, "already_here": 0, "erased": 0, "failed": 0}
        for one in items:
            digest = one.raw.sha256
            if digest in erased:
                count["erased"] += 1
            elif digest in there or digest in seen:
                count["already_here"] += 1
                again.append(one)
            else:
                seen.add(digest)
                fresh.append(one)
        known = importing_places.known_letters(db, fresh)
        kept = [one for one in fresh if not known.erased(one)]
        count["erased"] += len(fresh) - len(kept)
        fresh = kept
        letters = [one.content for one in fresh if one.content is not None]
        self.people = importing_places.People(db, letters, self.meet, self.now)
        self.places = importing_places.Places(db, [stamp(one.date) for one in letters])
        self.number = int(db.value("SELECT max(seq) FROM sqlite_sequence WHERE name = 'numbers'") or 0)
        numbered: list[tuple[int, Imported, LetterId | None, int | None]] = []
        for one in fresh:
            letter_id: LetterId | None = None
            letter: int | None = None
            if one.content is None:
                count["failed"] += 1
            else:
                letter_id = importing_places.id_of(one, one.content)
                letter = known.same(one, one.content)
                count["taken" if letter is None else "already_here"] += 1
                if letter is not None and one.copy:
                    continue  # nothing is in it that is not here
            number = self._next()
            if one.content is not None and letter_id is not None and letter is None:
                letter = number
                if known.add(one, one.content, number):
                    self.twins.add(letter_id)
                self.people.meet(one.content)
            numbered.append((number, one, letter_id, letter))
        self.ids = objects.put_many(db, _all_bytes(one for _number, one, _id, _letter in numbered))
        # Only now, when everybody is in the book whom any of these letters brings there.
        for number, one, letter_id, letter in numbered:
            if one.content is not None and letter_id is not None and letter == number:
                self._letter(number, letter_id, one.content)
            self._arrival(number, one, letter)
        self._write()
        for one in again:
            note_again(db, [one.raw.sha256], one.way, one.place, self.now)
        return Counts(**count)

    def late(self, number: int, one: Imported, content: Content) -> int:
        """File the letter of an original that is here under this number; the number of the letter."""
        known = importing_places.known_letters(self.db, [one])
        letter_id = importing_places.id_of(one, content)
        there = known.same(one, content)
        if there is not None:
            return there
        if known.add(one, content, number):
            self.twins.add(letter_id)
        self.people = importing_places.People(self.db, [content], self.meet, self.now)
        self.people.meet(content)
        self.places = importing_places.Places(self.db, [stamp(content.date)])
        self.ids = objects.put_many(self.db, _all_bytes([one]))
        self._letter(number, letter_id, content)
        self._write()
        return number

    def _next(self) -> int:
        self.number += 1
        self.rows["numbers"].append((self.number, self.chance.token(16), stamp(self.now)))
        return self.number

    def _arrival(self, number: int, one: Imported, letter: int | None) -> None:
        who = one.sender
        self.rows["arrivals"].append(
            (
                number,
                one.raw.sha256,
                self.ids[one.raw.sha256],
                stamp(self.now),
                stamp(self.now),
                None if letter is None else stamp(self.now),
                one.way.value,
                sound(one.place),
                sound(who.name) if who else "",
                str(who.address) if who else "",
                who.address.key if who else "",
                self.people.of(who) if who else None,
                None if one.letter_id is None else sound(one.letter_id),
                one.seal_sha256,
                None if one.seal is None else one.seal.value,
                sound(one.reason),
                letter,
            )
        )
        self.rows["postmarks"].append((number, one.way.value, sound(one.place), stamp(self.now)))
        self.links.append((chain.Kind.ARRIVED, one.raw.sha256))

    def _letter(self, number: int, letter_id: LetterId, letter: Content) -> None:
        out = letter.direction == "out"
        place = self.places(stamp(letter.date))
        parties = [
            (role, position, sound(who.name), str(who.address), who.address.key, self.people.of(who))
            for role, group in (("cc", letter.cc), ("from", letter.senders), ("to", letter.to))
            for position, who in enumerate(group)
        ]
        references = [
            (position, sound(one)) for position, one in enumerate(letter.references[: filing.MOST_REFERENCES])
        ]
        letter_no = letter.letter_no if letter.letter_no is not None and 0 < letter.letter_no < 1 << 31 else None
        columns = (
            letter.direction,
            letter_id,
            letter.inner_sha256,
            letter_no,
            stamp(letter.date),
            offset(letter.date),
            sound(letter.subject),
        )
        digest = filing.digest_of(
            [*columns, letter.text, letter.in_reply_to, int(letter.postcard)],
            [(role, name, address) for role, _position, name, address, _key, _person in parties],
            [(one,) for _position, one in references],
            [(one.name, one.media_type, one.cid, one.data.sha256) for one in letter.enclosures],
        )
        self.rows["letters"].append(
            (
                number,
                *columns,
                digest,
                place,
                stamp(self.now),
                letter.packed_text,
                letter.commonmark,
                None if letter.html is None else self.ids[letter.html.sha256],
                letter.in_reply_to,
                letter.postcard,
                None if letter.signature is Signed.NONE else letter.signature.value,
                None if letter.seal is None else letter.seal.value,
                letter.quantum_safe,
                letter.signer,
                None if letter.signed_at is None else stamp(letter.signed_at),
                0 if letter.entry is None else letter.entry.version,
                letter.reply,
                letter.reply_on,
            )
        )
        self.rows["parties"] += [(number, *party) for party in parties]
        self.rows["references"] += [(number, *one) for one in references]
        self.rows["enclosures"] += [
            (number, position, self.ids[one.data.sha256], one.name, one.media_type, one.cid)
            for position, one in enumerate(letter.enclosures)
        ]
        theirs = {person for role, *_, person in parties if person is not None and out == (role != "from")}
        self.rows["correspondences"] += [(person, place, number) for person in sorted(theirs)]
        if letter.entry is not None:
            self.rows["search"].append(search.row(place, letter.entry))
        else:
            self.unindexed.append(number)
        self.links.append((chain.Kind.FILED, digest))

    def _write(self) -> None:
        for table, sql in _TABLES.items():
            if self.rows[table]:
                self.db.many(sql, self.rows[table])
        chain.append_many(self.db, self.links, self.now)
        self.db.many("UPDATE letters SET twin = 1 WHERE letter_id = ? AND twin = 0", [(one,) for one in self.twins])
        if self.index is not None:
            for number in self.unindexed:
                self.index(self.db, number)


_TABLES = {
    "numbers": "INSERT INTO numbers (number, uid, origin, made) VALUES (?, ?, 'import', ?)",
    "letters": (
        "INSERT INTO letters (number, direction, letter_id, inner_sha256, letter_no, date, date_offset, subject,"
        " content_sha256, sort_key, filed, body, commonmark, html, in_reply_to, postcard, signature, seal,"
        " quantum_safe, signer, signed_at, indexer_version, reply, reply_on)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
    "parties": (
        "INSERT INTO parties (letter, role, position, name, address, address_key, person_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
    ),
    "references": "INSERT INTO letter_references (letter, position, letter_id) VALUES (?, ?, ?)",
    "enclosures": (
        "INSERT INTO enclosures (letter, position, object_id, name, media_type, cid) VALUES (?, ?, ?, ?, ?, ?)"
    ),
    "correspondences": "INSERT OR IGNORE INTO correspondences (person_id, sort_key, letter) VALUES (?, ?, ?)",
    "arrivals": (
        "INSERT INTO arrivals (number, raw_sha256, object_id, state, arrived, sorted, opened, way, place, from_name,"
        " from_address, from_key, person_id, letter_id, seal_sha256, seal, reason, letter)"
        " VALUES (?, ?, ?, 'imported', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
    "postmarks": (
        "INSERT INTO postmarks (arrival, way, place, validity, uid, at, acknowledged) VALUES (?, ?, ?, '', '', ?, 1)"
    ),
    "search": search.PUT,
}
"""In an order in which nothing refers to what is not there yet."""


def _all_bytes(items: Iterable[Imported]) -> list[tuple[objects.Packed, bytes | None]]:
    """Everything that is kept whole; with an enclosure that lies within its original, the digest of that."""
    found: list[tuple[objects.Packed, bytes | None]] = []
    for one in items:
        found.append((one.raw, None))
        if one.content is not None:
            found += [(each.data, one.raw.sha256) for each in one.content.enclosures]
            if one.content.html is not None:
                found.append((one.content.html, None))
    return found
