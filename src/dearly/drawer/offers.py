"""Keys that a letter gives, and that are not in use by that alone: what a verified writer says of other readers' keys,
and what an unsealed letter says of its writer's. They stay with the letter, to be looked at and taken, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dearly.drawer.connection import Db
from dearly.drawer.rows import address
from dearly.letter.address import Address


class Source(StrEnum):
    """What brought an offered key. GOSSIP: a verified writer, for another reader. AUTOCRYPT: an unsealed letter, for
    the address that it says it is from."""

    GOSSIP = "gossip"
    AUTOCRYPT = "autocrypt"


@dataclass(frozen=True, slots=True)
class Offered:
    """A certificate (already stored) offered for an address by the letter `letter`. `fingerprint`: lower-case hex."""

    letter: int
    position: int
    address: Address
    fingerprint: str
    source: Source


def offer(db: Db, letter: int, where: Address, fingerprint: str, source: Source) -> None:
    """Keep an offer with its letter. The same one a second time is one."""
    there = of_letter(db, letter)
    if any(one.address.same(where) and one.fingerprint == fingerprint for one in there):
        return
    db.run(
        "INSERT INTO offered_keys (letter, position, address, address_key, fingerprint, source)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (letter, len(there), str(where), where.key, fingerprint, source.value),
    )


def of_letter(db: Db, letter: int) -> list[Offered]:
    """What a letter offers, in its order."""
    return _read(
        db,
        "SELECT letter, position, address, fingerprint, source FROM offered_keys WHERE letter = ? ORDER BY position",
        (letter,),
    )


def of_key(db: Db, fingerprint: str) -> list[Offered]:
    """The letters that offered this key, the oldest number first."""
    return _read(
        db,
        "SELECT letter, position, address, fingerprint, source FROM offered_keys WHERE fingerprint = ? ORDER BY letter",
        (fingerprint,),
    )


def _read(db: Db, sql: str, args: Sequence[int | str]) -> list[Offered]:
    return [
        Offered(letter, position, address(where), fingerprint, Source(source))
        for letter, position, where, fingerprint, source in db.each(sql, tuple(args))
    ]
