"""Letters that were taken in as received, and turn out to be our own: their sender's address was ours after all.

Only what came out of an archive is filed anew, never what came by post; and nothing but what depends on whose letter it
is: its direction, whose correspondence it lies in, and what it is found by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime

from dearly.drawer import adopting, chain, filing, people, search
from dearly.drawer.connection import Db
from dearly.drawer.rows import address
from dearly.letter.address import Address, Correspondent

AT_ONCE = 50
"""Letters in one transaction."""

_OURS = """
FROM parties f JOIN letters l ON l.number = f.letter
WHERE f.role = 'from' AND f.address_key IN (SELECT value FROM json_each(?)) AND l.direction = 'in'
  AND EXISTS (SELECT 1 FROM arrivals a WHERE a.letter = l.number)
  AND NOT EXISTS (SELECT 1 FROM arrivals a WHERE a.letter = l.number AND a.state <> 'imported')
"""


def count(db: Db, ours: Iterable[Address]) -> int:
    """How many letters of archives lie here as received from these addresses."""
    return int(db.value("SELECT count(*)" + _OURS, (_keys(ours),)))


def refile(
    db: Db,
    ours: Iterable[Address],
    *,
    meet: Callable[[Db, Correspondent], int],
    index: Callable[[Db, int], None],
    now: datetime,
) -> int:
    """File some of them as sent; how many. Whoever got them comes into the book (`meet`, as `importing.Meet`)."""
    keys = _keys(ours)
    numbers = [n for (n,) in db.all(f"SELECT l.number {_OURS} ORDER BY l.number LIMIT ?", (keys, AT_ONCE))]
    own = {key for (key,) in db.all("SELECT address_key FROM own_addresses")}
    for number in numbers:
        search.take_out(db, number)
        db.run(
            "UPDATE letters SET direction = 'out', postcard = (seal IS 'never_sealed'), seal = NULL, reply = NULL,"
            " reply_on = NULL WHERE number = ?",
            (number,),
        )
        db.run("UPDATE parties SET person_id = NULL WHERE letter = ? AND role = 'from'", (number,))
        db.run("UPDATE arrivals SET person_id = NULL WHERE letter = ?", (number,))
        _meet_readers(db, number, own, meet)
        db.run("DELETE FROM correspondences WHERE letter = ?", (number,))
        adopting.enter(db, number)
        digest = filing.content_digest(db, number)
        db.run("UPDATE letters SET content_sha256 = ? WHERE number = ?", (digest, number))
        chain.append(db, chain.Kind.FILED, digest, now)
        index(db, number)
    if len(numbers) < AT_ONCE:
        _take_us_out_of_the_book(db, keys, now)
    return len(numbers)


def _meet_readers(db: Db, number: int, own: set[str], meet: Callable[[Db, Correspondent], int]) -> None:
    readers = db.all(
        "SELECT role, position, name, address, address_key FROM parties"
        " WHERE letter = ? AND role <> 'from' AND person_id IS NULL ORDER BY role DESC, position",
        (number,),
    )
    for role, position, name, where, key in readers:
        if key not in own:
            who = Correspondent(name, address(where))
            there = people.person_of_address(db, who.address, name)
            person = meet(db, who) if there is None else there.id
            db.run(
                "UPDATE parties SET person_id = ? WHERE letter = ? AND role = ? AND position = ?",
                (person, number, role, position),
            )


def _take_us_out_of_the_book(db: Db, keys: str, now: datetime) -> None:
    """Somebody whom an archive alone has brought into the book, by this one address, was ourselves."""
    for (person,) in db.all(
        "SELECT p.id FROM persons p JOIN person_addresses e ON e.person_id = p.id"
        " JOIN addresses a ON a.id = e.address_id JOIN strangers s ON s.address_key = a.address_key"
        " WHERE s.from_archive = 1 AND p.hidden = 0 AND a.address_key IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM person_addresses o WHERE o.person_id = p.id AND o.id <> e.id)"
        " AND NOT EXISTS (SELECT 1 FROM correspondences c WHERE c.person_id = p.id)",
        (keys,),
    ):
        people.remove(db, person, now)


def _keys(ours: Iterable[Address]) -> str:
    return json.dumps(sorted({one.key for one in ours}))
