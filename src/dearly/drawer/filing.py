"""Putting letters into the drawer: ours when they are posted, theirs when they are opened. And taking one out again.

Everything here happens in the caller's one transaction: letter, parties, enclosures, correspondence and chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dearly.drawer import chain, objects, pieces, search
from dearly.drawer.adopting import enter
from dearly.drawer.connection import Args, Db
from dearly.drawer.enclosed import IN_LETTER
from dearly.drawer.persons import known
from dearly.drawer.pieces import Announced, Maker
from dearly.drawer.rows import PER_DAY, offset, sound, stamp
from dearly.letter.address import Correspondent
from dearly.letter.content import Enclosure, Letter, LetterId, bare
from dearly.letter.errors import NotFound
from dearly.letter.sealing import PROVEN, Seal, Signed
from dearly.letter.search import Entry
from dearly.letter.words import _

_DAY = int(timedelta(days=1).total_seconds())
PER_SECOND = PER_DAY // _DAY  # twelve letters
AFTER_DAY = PER_SECOND * _DAY
"""Places of a day that belong to its seconds; those after them to letters that found no room there."""

MOST_REFERENCES = 1000


@dataclass(frozen=True, slots=True)
class Received:
    """What opening an arrival brought, to be filed. `letter_id` None: it carried none. `inner_sha256`: of the signed
    bytes; of a letter that was never sealed, of its body, From, Date, Message-ID and To. `person`: whose
    correspondence it joins; None for someone not in the address book. `commonmark`: False for the text of another
    program. `signature`: what one that was never sealed carries. `announces`: an enclosure of it comes in a mail of its
    own; `behind`: it is such a mail (`pieces`). `entry`: what it is found by; without one it is indexed later."""

    letter_id: LetterId | None
    inner_sha256: bytes
    sender: Correspondent | None
    to: tuple[Correspondent, ...]
    cc: tuple[Correspondent, ...]
    date: datetime
    subject: str
    text: str
    seal: Seal
    html: str | None = field(default=None, repr=False)
    enclosures: tuple[Enclosure, ...] = ()
    in_reply_to: LetterId | None = None
    references: tuple[LetterId, ...] = ()
    letter_no: int | None = None
    quantum_safe: bool | None = None
    signer: str | None = None
    signed_at: datetime | None = None
    person: int | None = None
    commonmark: bool = True
    signature: Signed = Signed.NONE
    announces: Announced | None = None
    behind: bool = False
    entry: Entry | None = None

    @property
    def maker(self) -> Maker:
        """Who made it, for joining two mails."""
        readers = frozenset(who.address.key for who in (*self.to, *self.cc))
        return Maker(self.seal, self.signer, self.sender.address.key if self.sender else "", readers)


@dataclass(frozen=True, slots=True)
class Filed:
    """`number`: of the letter. `first`: False when it was here already (by another way), so that only a postmark was
    added, or when it is the other half of one that was. `twin`: another letter with the same id but other bytes is
    here."""

    number: int
    first: bool
    twin: bool


def file_received(db: Db, arrival: int, received: Received, now: datetime) -> Filed:
    """File what an arrival held; the arrival becomes "opened". The letter's number is the arrival's, unless the same
    letter is here already: then that one stays, and keeps the better of the two seals. Filing the same arrival again
    changes nothing else; filing another copy of one is filing that one. Raises `NotFound` (no_arrival)."""
    there = db.value("SELECT coalesce(same_as, number) FROM arrivals WHERE number = ?", (arrival,))
    if there is None:
        raise NotFound("no_arrival", _("There is no envelope with the number {n}.").format(n=arrival))
    arrival = int(there)
    letter_id = received.letter_id or own_id(received.inner_sha256, received.subject)
    number = same(db, letter_id, received.inner_sha256)
    first = number is None
    if number is None and (number := _other_half(db, letter_id, received)) is not None:
        first = False
        _join(db, number, letter_id, received, now)
    elif number is None:
        number = arrival
        chain.append(db, chain.Kind.FILED, _insert_received(db, number, letter_id, received, now), now)
        if received.behind:
            pieces.came(db, number, letter_id, received.inner_sha256)
        if received.announces is not None:
            pieces.announce(db, number, received.announces)
    elif received.seal in PROVEN and db.value("SELECT letter_id FROM letters WHERE number = ?", (number,)) == letter_id:
        _prove(db, number, received)
    db.run(
        "UPDATE arrivals SET state = 'opened', at_door = 0, letter = ?, seal = ?, reason = '',"
        " opened = coalesce(opened, ?), person_id = coalesce(person_id, ?) WHERE number = ?",
        (number, received.seal.value, stamp(now), received.person, arrival),
    )
    db.run("UPDATE arrivals SET letter = ? WHERE same_as = ?", (number, arrival))
    _one_envelope(db, number, arrival)
    return Filed(number, first, _mark_twins(db, letter_id))


def file_sent(
    db: Db,
    number: int,
    letter: Letter,
    *,
    persons: Sequence[int | None],
    postcard: bool,
    now: datetime,
    entry: Entry | None = None,
) -> bytes:
    """File a letter of ours under the number that its draft had (or that `numbers.new_number` gave); its content's
    digest. `persons`: for each of `letter.to`, its id in the address book. `letter.enclosures` hold their bytes.
    `entry`: what it is found by; without one it is indexed later."""
    db.run(
        "INSERT INTO letters (number, direction, letter_id, content_sha256, letter_no, date, date_offset, sort_key,"
        " filed, subject, body, in_reply_to, postcard) VALUES (?, 'out', ?, zeroblob(32), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            letter.letter_id,
            letter.letter_no,
            stamp(letter.date),
            offset(letter.date),
            _sort_key(db, letter.date),
            stamp(now),
            letter.subject,
            objects.pack_text(letter.text),
            letter.in_reply_to,
            postcard,
        ),
    )
    _put_parties(db, number, "from", [(letter.sender, None)])
    _put_parties(db, number, "to", zip(letter.to, persons, strict=True))
    _put_references(db, number, letter.references)
    IN_LETTER.add(db, number, letter.enclosures)
    enter(db, number)
    if entry is not None:
        search.put(db, number, entry)
    return _seal_content(db, number)


def same(db: Db, letter_id: LetterId, inner_sha256: bytes) -> int | None:
    """Number of the letter with this id and these signed bytes, ours too (our own copy coming back)."""
    found = db.value(
        "SELECT number FROM letters WHERE letter_id = ?1 AND (inner_sha256 = ?2 OR EXISTS"
        " (SELECT 1 FROM sealed_forms f WHERE f.letter = number AND f.inner_sha256 = ?2)) ORDER BY number",
        (letter_id, inner_sha256),
    )
    if found is None:  # one half of a letter that came in two
        found = db.value(
            "SELECT letter FROM pieces WHERE letter_id = ? AND inner_sha256 = ? ORDER BY letter",
            (letter_id, inner_sha256),
        )
    return None if found is None else int(found)


def identity(letter_id: LetterId, inner_sha256: bytes) -> bytes:
    """What `same` compares as one digest: by it an erased letter is known again in whatever bytes it comes."""
    return hashlib.sha256(b"dearly letter identity 1" + inner_sha256 + letter_id.encode()).digest()


def body_sha256(raw: bytes) -> bytes:
    """Of all after the header, with LF line ends and without empty lines at its end: so a postcard is known again after
    its travels."""
    return hashlib.sha256(raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2].rstrip(b"\n")).digest()


def claimed(letter_id: LetterId) -> bytes:
    """The id alone as a digest: an erased letter's tells that a letter which claims it is worth a closer look."""
    return hashlib.sha256(b"dearly letter id 1" + letter_id.encode()).digest()


def said(letter_id: LetterId, text: str) -> bytes:
    """The id and what the text says (`bare`) as one digest: by it an erased letter is known again where it was written
    out in other words of its own bytes, as a text file, or in the clear."""
    return hashlib.sha256(b"dearly letter said 1" + claimed(letter_id) + bare(text).encode()).digest()


def own_id(inner_sha256: bytes, subject: str) -> LetterId:
    """The id of a letter that came without one (F39): from what `same` compares, so that it is one letter in whatever
    line ends it is met, and its subject. Its domain is nobody's (RFC 2606)."""
    digest = hashlib.sha256(inner_sha256 + sound(subject).encode()).digest()
    return LetterId(f"sha256-{digest[:16].hex()}@no-id.invalid")


def content_digest(db: Db, number: int) -> bytes:
    """SHA-256 over what the letter says, who to whom, when, and what is enclosed, as it stands in the tables now.

    Each field is preceded by its length, so that no two contents give the same octets."""
    found = db.one(
        "SELECT direction, letter_id, inner_sha256, letter_no, date, date_offset, subject, body, in_reply_to, postcard"
        " FROM letters WHERE number = ?",
        (number,),
    )
    assert found is not None
    *fields, body, in_reply_to, postcard = found
    return digest_of(
        [*fields, objects.unpack_text(body), in_reply_to, postcard],
        db.all("SELECT role, name, address FROM parties WHERE letter = ? ORDER BY role, position", (number,)),
        db.all("SELECT letter_id FROM letter_references WHERE letter = ? ORDER BY position", (number,)),
        [(e.name, e.media_type, e.cid, e.sha256) for e in IN_LETTER.listed(db, number)],
    )


def digest_of(fields: Args, *lists: Iterable[Args]) -> bytes:
    """`content_digest` of columns as they stand, or will stand, in the tables: those of the letter itself, then its
    parties, references and enclosures, each in order."""
    digest = hashlib.sha256(b"dearly letter 1")
    for values in ([fields], *map(list, lists)):
        digest.update(len(values).to_bytes(4, "big"))
        for value in (value for row in values for value in row):
            octets = b"-" if value is None else b"=" + (value if isinstance(value, bytes) else str(value).encode())
            digest.update(len(octets).to_bytes(8, "big") + octets)
    return digest.digest()


def erase(db: Db, number: int, now: datetime) -> None:
    """Take a letter of ours that never left out of the drawer, with a tombstone in the chain (`outbox.take_back`)."""
    chain.append(db, chain.Kind.ERASED, content_digest(db, number), now)
    search.erase(db, number)
    db.run("UPDATE drafts SET answers = NULL WHERE answers = ?", (number,))
    db.run("UPDATE arrivals SET letter = NULL WHERE letter = ?", (number,))
    IN_LETTER.remove_all(db, number)
    db.run("DELETE FROM correspondences WHERE letter = ?", (number,))
    db.run("DELETE FROM parties WHERE letter = ?", (number,))
    db.run("DELETE FROM letter_references WHERE letter = ?", (number,))
    db.run("DELETE FROM letters WHERE number = ?", (number,))


def _insert_received(db: Db, number: int, letter_id: LetterId, received: Received, now: datetime) -> bytes:
    html = None if received.html is None else objects.put(db, sound(received.html).encode())
    db.run(
        "INSERT INTO letters (number, direction, letter_id, inner_sha256, content_sha256, letter_no, date, date_offset,"
        " sort_key, filed, subject, body, commonmark, html, in_reply_to, signature, seal, quantum_safe, signer,"
        " signed_at) VALUES (?, 'in', ?, ?, zeroblob(32), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            letter_id,
            received.inner_sha256,
            # Their own count is a claim as well: only a number that a person could have reached is one.
            received.letter_no if received.letter_no is not None and 0 < received.letter_no < 1 << 31 else None,
            stamp(received.date),
            offset(received.date),
            _sort_key(db, received.date),
            stamp(now),
            sound(received.subject),
            objects.pack_text(sound(received.text)),
            received.commonmark,
            html,
            received.in_reply_to,
            None if received.signature is Signed.NONE else received.signature.value,
            *_proof(received),
        ),
    )
    if received.sender is not None:
        _put_parties(db, number, "from", [(received.sender, received.person)])
    for role, people in (("to", received.to), ("cc", received.cc)):
        _put_parties(db, number, role, [(who, known(db, who)) for who in people])
    _put_references(db, number, received.references)
    IN_LETTER.add(db, number, received.enclosures)
    enter(db, number)
    if received.entry is not None:
        search.put(db, number, received.entry)
    return _seal_content(db, number)


def _other_half(db: Db, letter_id: LetterId, received: Received) -> int | None:
    """The letter here that this mail belongs to, as its text or as its enclosure."""
    if received.behind:
        return pieces.waiting_for(db, letter_id, received.maker)
    return pieces.alone(db, received.announces.letter_id, received.maker) if received.announces is not None else None


def _join(db: Db, number: int, letter_id: LetterId, received: Received, now: datetime) -> None:
    """Make one letter of the two mails: of the text it has everything but the number, of the other the enclosure."""
    search.take_out(db, number)
    if received.behind:
        pieces.came(db, number, letter_id, received.inner_sha256)
    else:
        _take_text(db, number, letter_id, received)
    IN_LETTER.add(db, number, received.enclosures)
    if not received.quantum_safe:
        db.run("UPDATE letters SET quantum_safe = 0 WHERE number = ?", (number,))
    chain.append(db, chain.Kind.FILED, _seal_content(db, number), now)


def _take_text(db: Db, number: int, letter_id: LetterId, received: Received) -> None:
    """The enclosure was here by itself, and now its text has come: parties are the same, or they were not joined."""
    key = _sort_key(db, received.date)
    db.run(
        "UPDATE letters SET letter_id = ?, inner_sha256 = ?, date = ?, date_offset = ?, sort_key = ?, subject = ?,"
        " body = ?, html = coalesce(?, html), commonmark = ?, in_reply_to = ?, seal = ?, signed_at = ?"
        " WHERE number = ?",
        (
            letter_id,
            received.inner_sha256,
            stamp(received.date),
            offset(received.date),
            key,
            sound(received.subject),
            objects.pack_text(sound(received.text)),
            None if received.html is None else objects.put(db, sound(received.html).encode()),
            received.commonmark,
            received.in_reply_to,
            received.seal.value,
            None if received.signed_at is None else stamp(received.signed_at),
            number,
        ),
    )
    db.run("UPDATE correspondences SET sort_key = ? WHERE letter = ?", (key, number))
    db.run("DELETE FROM letter_references WHERE letter = ?", (number,))
    _put_references(db, number, received.references)


def _one_envelope(db: Db, number: int, arrival: int) -> None:
    """The mails of one letter are one envelope in the letterbox, which bears the postmarks of both."""
    if pieces.of_letter(db, number) and arrival != number:
        db.run(
            "UPDATE arrivals SET state = 'same', same_as = ?1 WHERE number = ?2"
            " AND EXISTS (SELECT 1 FROM arrivals WHERE number = ?1 AND letter = ?1)",
            (number, arrival),
        )
        db.run("UPDATE arrivals SET same_as = ?1 WHERE same_as = ?2", (number, arrival))


def _prove(db: Db, number: int, received: Received) -> None:
    """The same signed bytes came again, and this time the seal proves them: that is news about this letter too."""
    was = db.value("SELECT seal FROM letters WHERE number = ? AND direction = 'in'", (number,))
    if was is not None and Seal(was) not in PROVEN:
        db.run(
            "UPDATE letters SET seal = ?, quantum_safe = ?, signer = ?, signed_at = ? WHERE number = ?",
            (*_proof(received), number),
        )
    if received.person is not None:
        db.run(
            "UPDATE parties SET person_id = ? WHERE letter = ? AND role = 'from' AND person_id IS NULL",
            (received.person, number),
        )
        enter(db, number)


def _proof(received: Received) -> tuple[str, bool | None, str | None, int | None]:
    signed_at = None if received.signed_at is None else stamp(received.signed_at)
    return received.seal.value, received.quantum_safe, received.signer, signed_at


def _mark_twins(db: Db, letter_id: LetterId) -> bool:
    numbers = db.all("SELECT number FROM letters WHERE letter_id = ?", (letter_id,))
    if len(numbers) > 1:
        db.run("UPDATE letters SET twin = 1 WHERE letter_id = ? AND twin = 0", (letter_id,))
    return len(numbers) > 1


def _put_parties(db: Db, letter: int, role: str, people: Iterable[tuple[Correspondent, int | None]]) -> None:
    db.many(
        "INSERT INTO parties (letter, role, position, name, address, address_key, person_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (letter, role, position, sound(who.name), str(who.address), who.address.key, person)
            for position, (who, person) in enumerate(people)
        ],
    )


def _put_references(db: Db, letter: int, references: Sequence[LetterId]) -> None:
    db.many(
        "INSERT INTO letter_references (letter, position, letter_id) VALUES (?, ?, ?)",
        [(letter, position, sound(one)) for position, one in enumerate(references[:MOST_REFERENCES])],
    )


def _sort_key(db: Db, date: datetime) -> int:
    """The place of `date` (UTC) in the archive: day << 20 | n. n grows with the time of the day, so that letters of one
    day lie in the order in which they were written, whichever came first; those of one second in the order of coming.

    Where a second has more letters than places (imports that know no time), the rest lie at the end of their day."""
    second = place_of(stamp(date))
    day = second - second % PER_DAY
    key = _after_last(db, second, second + PER_SECOND)
    if key == second + PER_SECOND:
        key = min(_after_last(db, day, day + PER_DAY), day + PER_DAY - 1)
    while db.value("SELECT 1 FROM letters WHERE sort_key = ?", (key,)) is not None:
        key -= 1  # a day with more than ten thousand letters of one second, and another one at its very end
    return key


def place_of(second: int) -> int:
    """The first place in the archive for letters of this second (unix seconds)."""
    return second // _DAY * PER_DAY + second % _DAY * PER_SECOND


def _after_last(db: Db, first: int, end: int) -> int:
    last = db.value("SELECT max(sort_key) FROM letters WHERE sort_key >= ? AND sort_key < ?", (first, end))
    return first if last is None else int(last) + 1


def _seal_content(db: Db, number: int) -> bytes:
    digest = content_digest(db, number)
    db.run("UPDATE letters SET content_sha256 = ? WHERE number = ?", (digest, number))
    return digest
