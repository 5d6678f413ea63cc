"""The rows of a stack of imported letters: gathered for all of them, and each table written in one go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from dearly.drawer import chain, filing, objects, search
from dearly.drawer.connection import Args, Db
from dearly.drawer.importing_places import People, Places
from dearly.drawer.importing_values import Content, Imported
from dearly.drawer.rows import offset, sound, stamp
from dearly.letter.content import LetterId
from dearly.letter.sealing import Signed

Index = Callable[[Db, int], None]
"""Puts a letter that came without its entry into the index of words, by its number."""


@dataclass(slots=True)
class Rows:
    """What is to be written. `people`: who is meant by whom a letter names, everybody met already; `places`: where in
    the archive letters go."""

    db: Db
    now: datetime
    people: People
    places: Places
    _rows: dict[str, list[Args]] = field(default_factory=lambda: defaultdict(list))
    _links: list[tuple[chain.Kind, bytes]] = field(default_factory=list)
    _unindexed: list[int] = field(default_factory=list)
    _ids: dict[bytes, int] = field(default_factory=dict)

    def numbered(self, number: int, uid: bytes) -> None:
        """A number that something imported has from now on."""
        self._rows["numbers"].append((number, uid, stamp(self.now)))

    def keep(self, items: Iterable[Imported]) -> None:
        """The bytes of these: to be called before anything else names them."""
        self._ids = objects.put_many(self.db, _all_bytes(items))

    def arrival(self, number: int, one: Imported, letter: int | None) -> None:
        """An original. `letter`: number of the letter in it, where there is one."""
        who = one.sender
        self._rows["arrivals"].append(
            (
                number,
                one.raw.sha256,
                self._ids[one.raw.sha256],
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
        self._rows["postmarks"].append((number, one.way.value, sound(one.place), stamp(self.now)))
        self._links.append((chain.Kind.ARRIVED, one.raw.sha256))

    def letter(self, number: int, letter_id: LetterId, letter: Content) -> None:
        """A letter, with everything that belongs to it."""
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
        self._rows["letters"].append(
            (
                number,
                *columns,
                digest,
                place,
                stamp(self.now),
                letter.packed_text,
                letter.commonmark,
                None if letter.html is None else self._ids[letter.html.sha256],
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
        self._rows["parties"] += [(number, *party) for party in parties]
        self._rows["references"] += [(number, *one) for one in references]
        self._rows["enclosures"] += [
            (number, position, self._ids[one.data.sha256], one.name, one.media_type, one.cid)
            for position, one in enumerate(letter.enclosures)
        ]
        theirs = {person for role, *_, person in parties if person is not None and out == (role != "from")}
        self._rows["correspondences"] += [(person, place, number) for person in sorted(theirs)]
        if letter.entry is not None:
            self._rows["search"].append(search.row(place, letter.entry))
        else:
            self._unindexed.append(number)
        self._links.append((chain.Kind.FILED, digest))

    def write(self, twins: Iterable[LetterId], index: Index | None) -> None:
        """Put all of it into the drawer. `twins`: ids that several letters claim."""
        for table, sql in _TABLES.items():
            if self._rows[table]:
                self.db.many(sql, self._rows[table])
        chain.append_many(self.db, self._links, self.now)
        self.db.many("UPDATE letters SET twin = 1 WHERE letter_id = ? AND twin = 0", [(one,) for one in twins])
        if index is not None:
            for number in self._unindexed:
                index(self.db, number)


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
