"""One letter in two mails. Delta Chat sends a large enclosure in a mail of its own, which the text's mail announces by
its Message-ID; here both are one letter, whichever comes first, and also when the second never comes.

They are joined only where both are proven, by the same certificate, from the same address to the same addresses: the
id in the announcement is signed, but ids by themselves are claims (A36). The letter keeps the number it had first.
"""

from __future__ import annotations

from dataclasses import dataclass

from dearly.drawer.connection import Db
from dearly.drawer.rows import sound
from dearly.letter.content import LetterId
from dearly.letter.sealing import PROVEN, Seal

JOINED = PROVEN | {Seal.SIGNED_CHANGED_KEY}
"""Seals with which a letter's signer is certain."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a text says of the enclosure that comes behind it. `size` in octets, None where nothing is said."""

    letter_id: LetterId
    name: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A mail with an enclosure of `letter`. `here`: it has come."""

    letter: int
    letter_id: LetterId
    name: str
    size: int | None
    here: bool


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made a mail, to whom, as far as it has to be the same in both. `signer`: fingerprint."""

    seal: Seal
    signer: str | None
    sender: str
    readers: frozenset[str]

    @property
    def certain(self) -> bool:
        """Whether anything may be joined by it."""
        return self.signer is not None and self.seal in JOINED


def of_letter(db: Db, letter: int) -> list[Piece]:
    """The pieces that a letter has, or waits for."""
    return [
        Piece(letter, LetterId(one), name, size, bool(here))
        for one, name, size, here in db.each(
            "SELECT letter_id, name, size, inner_sha256 IS NOT NULL FROM pieces WHERE letter = ? ORDER BY letter_id",
            (letter,),
        )
    ]


def announce(db: Db, letter: int, what: Announced) -> None:
    """The letter waits for a mail with an enclosure."""
    db.run(
        "INSERT OR IGNORE INTO pieces (letter, letter_id, name, size) VALUES (?, ?, ?, ?)",
        (letter, sound(what.letter_id), sound(what.name), what.size),
    )


def came(db: Db, letter: int, letter_id: LetterId, inner_sha256: bytes) -> None:
    """A mail with an enclosure of this letter is here."""
    db.run(
        "INSERT INTO pieces (letter, letter_id, inner_sha256) VALUES (?, ?, ?)"
        " ON CONFLICT (letter, letter_id) DO UPDATE SET inner_sha256 = excluded.inner_sha256",
        (letter, letter_id, inner_sha256),
    )


def waiting_for(db: Db, letter_id: LetterId, maker: Maker) -> int | None:
    """Number of the letter that announced this mail and was made by the same."""
    return _first(db, "SELECT letter FROM pieces WHERE letter_id = ? AND inner_sha256 IS NULL", letter_id, maker)


def alone(db: Db, announced: LetterId, maker: Maker) -> int | None:
    """Number of the letter that is that enclosure by itself, made by the same: its text was not here before."""
    return _first(
        db,
        "SELECT p.letter FROM pieces p JOIN letters l ON l.number = p.letter"
        " WHERE p.letter_id = ? AND p.inner_sha256 IS NOT NULL AND l.letter_id = p.letter_id",
        announced,
        maker,
    )


def expected(db: Db, *, from_key: str, letter_id: LetterId) -> bool:
    """Whether a letter that was opened from this address waits for a mail with this id, as its outside claims."""
    found = db.one(
        "SELECT 1 FROM pieces p JOIN parties f ON f.letter = p.letter AND f.role = 'from' AND f.address_key = ?"
        " WHERE p.letter_id = ? AND p.inner_sha256 IS NULL LIMIT 1",
        (from_key, sound(letter_id)),
    )
    return found is not None


def waiting_arrivals(db: Db) -> list[int]:
    """Numbers of unopened arrivals that some opened letter waits for, as their outsides claim, oldest first."""
    return [
        number
        for (number,) in db.each(
            # In this order: few letters wait for anything, while one sender may have thousands of letters here.
            "SELECT a.number FROM pieces p INDEXED BY pieces_waiting"
            " CROSS JOIN parties f ON f.letter = p.letter AND f.role = 'from'"
            " CROSS JOIN arrivals a ON a.from_key = f.address_key AND a.letter_id = p.letter_id"
            " WHERE p.letter > 0 AND p.inner_sha256 IS NULL AND a.state = 'unopened' AND a.at_door = 0"
            " ORDER BY a.number",
        )
    ]


def maker_of(db: Db, letter: int) -> Maker | None:
    """Who made a filed letter of somebody else."""
    row = db.one("SELECT seal, signer FROM letters WHERE number = ? AND direction = 'in'", (letter,))
    if row is None or row[0] is None:
        return None
    parties = db.all("SELECT role, address_key FROM parties WHERE letter = ?", (letter,))
    senders = [key for role, key in parties if role == "from"]
    readers = frozenset(key for role, key in parties if role != "from")
    return Maker(Seal(row[0]), row[1], senders[0] if senders else "", readers)


def _first(db: Db, sql: str, letter_id: LetterId, maker: Maker) -> int | None:
    if not maker.certain:
        return None
    for (number,) in db.all(sql, (sound(letter_id),)):
        other = maker_of(db, number)
        if other is not None and other.certain and _same(other, maker):
            return int(number)
    return None


def _same(one: Maker, other: Maker) -> bool:
    return (one.signer, one.sender, one.readers) == (other.signer, other.sender, other.readers)
