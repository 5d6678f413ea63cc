"""Whole drawers beside each other: every row of every table by what names it outside its drawer (docs/bundle.md).

And a drawer with something in every table and every state, also in those that no play of a few minutes reaches.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import apsw

from dearly.desk.desk import Desk
from dearly.drawer import arrivals, joining, objects, offers, people, versions
from dearly.drawer.connection import Db
from dearly.drawer.exporting_book import CHOICES
from dearly.drawer.numbers import new_number
from dearly.drawer.rows import stamp
from dearly.letter.address import Address
from dearly.letter.journey import State

PAPER = Path(__file__).parents[2] / "docs" / "bundle.md"


@dataclass(frozen=True)
class Said:
    """What docs/bundle.md says of one table, as names of columns."""

    carried: frozenset[str]
    anew: frozenset[str]
    behind: frozenset[str]
    all_of_one_kind: bool


@cache
def said() -> dict[str, Said]:
    """Table by table."""
    found = {}
    for line in PAPER.read_text().partition("## Table by table")[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            table, *three = cells
            carried, anew, behind = (frozenset(re.findall(r"`([a-z0-9_]+)`", cell)) for cell in three)
            found[table.strip("`")] = Said(carried, anew, behind, any(one.startswith("all of it") for one in three))
    return found


@cache
def _paper() -> apsw.Connection:
    """The tables as docs/schema.sql explains them, which a test compares with the real ones."""
    paper = apsw.Connection(":memory:")
    for _row in paper.execute((PAPER.parent / "schema.sql").read_text()):
        pass
    return paper


@cache
def columns() -> dict[str, tuple[str, ...]]:
    """The columns of each table, in order."""
    tables = [t for (t,) in _paper().execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    ours = [t for t in tables if not t.startswith(("sqlite", "search_"))] + ["search_words"]
    return {t: tuple(one[1] for one in _paper().execute(f"PRAGMA table_info({t})")) for t in ours}


def _references(table: str) -> dict[str, str]:
    return {one[3]: one[2] for one in _paper().execute(f"PRAGMA foreign_key_list({table})")}


_ONLY = {
    "settings": f"name IN {CHOICES}",
    "chain": "kind = 'erased'",
    "numbers": (
        "number IN (SELECT number FROM letters UNION SELECT number FROM arrivals UNION SELECT number FROM drafts)"
    ),
}
_NAMES = {
    "persons": "SELECT id, hex(uid) FROM persons",
    "addresses": "SELECT id, hex(uid) FROM addresses",
    "own_addresses": "SELECT id, hex(uid) FROM own_addresses",
    "objects": "SELECT id, hex(sha256) FROM objects",
    "numbers": "SELECT number, hex(uid) FROM numbers",
    "sealed_forms": (
        "SELECT f.id, f.way || hex(n.uid) || hex(o.sha256) FROM sealed_forms f JOIN numbers n ON n.number = f.letter"
        " JOIN objects o ON o.id = f.object_id"
    ),
    "journeys": "SELECT j.id, j.way || j.address || hex(n.uid) FROM journeys j JOIN numbers n ON n.number = j.letter",
    "attempts": "SELECT id, 'attempt of ' || begun FROM attempts",
    "certificates": "SELECT fingerprint, fingerprint FROM certificates",
}


def rows(db: Db) -> dict[str, set[tuple[tuple[str, Any], ...]]]:
    """The rows of each table, with the columns that a bundle carries, or that are made anew, and each id as what it
    names."""
    names: dict[str, dict[Any, str]] = {table: dict(db.all(sql)) for table, sql in _NAMES.items()}
    for table in ("letters", "arrivals", "drafts"):
        names[table] = names["numbers"]
    found = {}
    for table, about in said().items():
        wanted = [one for one in columns()[table] if one in about.carried | about.anew]
        leads = {column: names[to] for column, to in _references(table).items() if to in names}
        if "number" in wanted:
            leads["number"] = names["numbers"]
        if wanted:
            some = db.all(f"SELECT {', '.join(wanted)} FROM {table} WHERE {_ONLY.get(table, '1')}")
            found[table] = {
                tuple((c, leads[c].get(v, v) if c in leads else v) for c, v in zip(wanted, row, strict=True))
                for row in some
            }
    return found


def in_every_state(db: Db, desk: Desk, letter: int, copies_of: int) -> None:
    """What no play of a few minutes reaches. `letter`: one of ours, posted to Bert; `copies_of`: one of theirs."""
    now = desk.clock.now()
    bert = people.find(db, "Bert")
    form = db.value("SELECT id FROM sealed_forms WHERE letter = ?", (letter,))
    for n, state in enumerate(State):
        if state is State.TAKEN_BACK:
            continue
        where = f"r{n}@letters.test"
        journey = db.insert(
            "INSERT INTO journeys (letter, address, address_key, person_id, way, place, form, state, since, not_before,"
            " reason, attempts) VALUES (?, ?, ?, ?, 'mail', 'ada@letters.test', ?, ?, ?, ?, ?, 1)",
            (letter, where, where, bert.id, form, state.value, stamp(now) - n, stamp(now) + n, f"in words {n}"),
        )
        attempt = db.insert(
            "INSERT INTO attempts (form, begun, ended) VALUES (?, ?, ?)",
            (form, stamp(now) - 1000 - n, None if state is State.TRYING else stamp(now) - n),
        )
        outcome = None if state is State.TRYING else "accepted"
        db.run("INSERT INTO attempt_journeys VALUES (?, ?, ?, 'said so')", (attempt, journey, outcome))
    for n in range(5):
        copy = new_number(db, "arrival", now, desk.chance)
        _arrival(db, copy, b"copy %d" % n, "opened", letter=copies_of, opened=stamp(now) - n)
    unopened = db.value("SELECT number FROM arrivals WHERE state = 'unopened'")
    for word, same_as in (("new", None), ("same", unopened), ("report", None)):
        number = new_number(db, "arrival", now, desk.chance)
        _arrival(db, number, word.encode(), word, same_as=same_as)
    fingerprint = db.value("SELECT fingerprint FROM certificates")
    offers.offer(db, copies_of, Address.parse("dora@letters.test"), fingerprint, offers.Source.GOSSIP)
    db.run("INSERT INTO pieces VALUES (?, 'half@letters.test', NULL, 'large.jpg', 5000)", (copies_of,))
    for subject, text in (("Later", "A draft that grew"), ("Later", "another"), ("Later", "A draft that grew")):
        draft = db.value("SELECT number FROM drafts WHERE state <> 'posted'")
        versions.cut(db, draft, subject, text, versions.Why.PAUSE, now)
    last = db.value("SELECT max(version) FROM versions WHERE draft = ?", (draft,))
    db.run(  # as a text beside the page that grew until it said what the version before it says
        "INSERT INTO versions SELECT draft, version + 1, at, 'beside', words, subject, NULL, ? FROM versions"
        " WHERE draft = ? AND version = ?",
        (objects.pack_text("A draft that grew"), draft, last),
    )
    db.run("UPDATE drafts SET caret = 3 WHERE number = ?", (draft,))
    clara, circle = people.find(db, "Clara Moor"), people.find(db, "The walkers")
    people.leave(db, circle.id, clara.id, now + timedelta(days=1))
    joining.keep_apart(db, clara.id, bert.id, now)
    db.run(  # she lived there twice
        "INSERT INTO person_addresses (person_id, address_id, position, care_of, since, until, hold_until)"
        " SELECT person_id, address_id, 9, 'Moor', since - 900000, since - 800000, since FROM person_addresses"
        " WHERE person_id = ? AND label = 'new'",
        (clara.id,),
    )
    for address, answer, known in (("spam@letters.test", "refused", 0), ("old@letters.test", None, 1)):
        db.run("INSERT INTO strangers VALUES (?, ?, ?, ?)", (address, answer, known, stamp(now) - 5))
    db.run("INSERT INTO settings VALUES ('theme', '\"dark\"'), ('rounds', '[\"07:00\"]')")
    db.run("UPDATE persons SET changed = changed - 77")
    db.run("UPDATE certificates SET first_seen = first_seen - 55")
    assert arrivals.arrival(db, copies_of).number == copies_of


def _arrival(db: Db, number: int, data: bytes, state: str, **more: int | None) -> None:
    at = db.value("SELECT made FROM numbers WHERE number = ?", (number,))
    packed = objects.pack(data)
    columns = {
        "number": number,
        "raw_sha256": packed.sha256,
        "object_id": objects.put(db, packed),
        "state": state,
        "arrived": at,
        "sorted": None if state == "new" else at - 3,
        "way": "mail",
        "place": "ada@letters.test",
        **more,
    }
    db.run(
        f"INSERT INTO arrivals ({', '.join(columns)}) VALUES ({', '.join('?' for _one in columns)})",
        list(columns.values()),
    )
