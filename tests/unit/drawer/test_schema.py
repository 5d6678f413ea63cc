"""The tables are as docs/schema.sql explains them, strict, and no hot question reads a whole table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from dearly.drawer import accounts, arrivals, drafts, keyring, knocks, ledger, letters, outbox, people, pieces
from dearly.drawer.bindings import BindingState
from dearly.drawer.connection import Args, Db, Row
from dearly.letter.content import Draft, LetterId
from dearly.letter.envelope import Heading, Source, Way
from dearly.letter.journey import Accepted, Act, Delivered, Unknown
from dearly.letter.journey import Why as HeldWhy
from tests.support.contents import (
    BERT,
    CLARA,
    PLACE,
    arrived,
    chance,
    known,
    memory,
    outside,
    page,
    parcel,
    posted,
    received,
    took_in,
)
from tests.support.times import NOON

KNOCKING = Heading(Source(Way.MAIL, PLACE, "1", "1"), 900, CLARA, "Hello", LetterId("any@letters.test"), NOON)
EXPLAINED = Path(__file__).parents[3] / "docs" / "schema.sql"


OF_SEARCH = " AND sql NOT LIKE 'CREATE VIRTUAL TABLE%' AND name NOT LIKE 'search\\_%' ESCAPE '\\'"
"""The index of words is no table of ours: FTS5 keeps it in tables of its own making."""


_OUR_TABLES = f"SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'{OF_SEARCH}"


def _plain(sql: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"--.*", "", sql)).replace("( ", "(").replace(" )", ")").strip()


def _tables(db: Db) -> dict[str, str]:
    return {
        name: _plain(sql)
        for name, sql in db.all("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'")
    }


def test_the_explained_schema_is_the_real_one(db: Db) -> None:
    paper = apsw.Connection(":memory:")
    for _row in paper.execute(EXPLAINED.read_text()):
        pass
    assert _tables(Db(paper)) == _tables(db)


def test_every_table_and_column_is_explained(db: Db) -> None:
    text = EXPLAINED.read_text()
    for (table,) in db.all(_OUR_TABLES):
        found = re.search(rf"\n-- .+\nCREATE TABLE {table} \(\n(.*?)\n\) STRICT", text, re.DOTALL)
        assert found, f"{table} has no sentence above it"
        for _cid, column, *_rest in db.all(f"PRAGMA table_info({table})"):
            assert re.search(rf"  -- \S.*\n  {column} ", "\n" + found[1]), f"{table}.{column} is not explained"


def test_every_table_is_strict(db: Db) -> None:
    kinds = db.all("PRAGMA table_list")
    assert {name for _schema, name, kind, _n, _wr, strict in kinds if kind == "table" and not strict} <= {
        "sqlite_schema",
        "sqlite_temp_schema",
        "sqlite_sequence",
    }


def test_every_reference_is_found_by_an_index(db: Db) -> None:
    """Deleting what others refer to (SQLite looks for them) never reads a whole table."""
    for (table,) in db.all(_OUR_TABLES):
        sql = db.value("SELECT sql FROM sqlite_schema WHERE name = ?", (table,))
        columns = re.findall(r"^\s*(\w+)\s[^\n]*REFERENCES (?!versions)", sql, re.MULTILINE)
        for column in columns:
            plan = db.all(f"EXPLAIN QUERY PLAN SELECT 1 FROM {table} WHERE {column} = ?", (1,))
            assert "SEARCH" in plan[0][3], f"{table}.{column}: {plan}"


class Watching(Db):
    """A Db that remembers every statement that it was given."""

    __slots__ = ("seen",)

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self.seen: dict[str, Args] = {}

    def each(self, sql: str, args: Args = ()) -> Iterator[Row]:
        self.seen.setdefault(sql, args)
        return super().each(sql, args)

    def run(self, sql: str, args: Args = ()) -> int:
        self.seen.setdefault(sql, args)
        return super().run(sql, args)

    def many(self, sql: str, rows: Any) -> None:
        rows = list(rows)
        for args in rows[:1]:
            self.seen.setdefault(sql, args)
        super().many(sql, rows)


@pytest.fixture
def full(db: Db) -> Watching:
    """A drawer with one of each."""
    _one_of_each(db)
    return Watching(db._connection)


def _one_of_each(db: Db) -> None:
    bert, _clara = known(db, BERT), known(db, CLARA)
    circle = people.add(db, "Friends", kind=people.PersonKind.CIRCLE, now=NOON, chance=chance)
    people.join(db, circle.id, bert.id, NOON)
    accounts.add(db, Way.OFFICE, PLACE, BERT.address, {}, "a fake token", now=NOON, chance=chance)
    keyring.put_certificate(
        db,
        keyring.StoredCertificate("bb" * 20, b"not a key", ("bb" * 8,), NOON, None, False, True, "card"),
        merged_onto=None,
        now=NOON,
    )
    keyring.saw(db, bert.id, BERT.address, "bb" * 20, "card", NOON)
    page(db)
    posted(db, BERT, CLARA)
    arrived(db, "first", person=bert.id)
    took_in(db, parcel("waiting"))


def _hot(db: Db, page: int = 100) -> dict[str, Callable[[], object]]:
    """Everything that a desk asks while a person waits, and what a round asks of every letter."""
    bert = people.find(db, "Bert").id
    ready = outbox.due(db, NOON)[0]
    draft = drafts.list_all(db)[0].number
    later = NOON + timedelta(minutes=2)
    digest = hashlib.sha256(b"any").digest()
    return {
        "letterbox": lambda: arrivals.letterbox(db, limit=page),
        "unopened": lambda: arrivals.letterbox(db, unopened_only=True),
        "door": lambda: arrivals.at_door(db),
        "knock": lambda: knocks.keep(db, KNOCKING, NOON, chance),
        "knocks": lambda: knocks.standing(db),
        "let in": lambda: knocks.let_in(db, BERT.address.key, NOON),
        "to fetch": lambda: knocks.to_fetch(db, Way.MAIL, PLACE, limit=page),
        "known": lambda: knocks.known(db, [BERT.address.key], [LetterId("any@letters.test")]),
        "namesakes": lambda: knocks.namesakes(db, [BERT.name]),
        "count": lambda: arrivals.waiting_count(db),
        "unsorted": lambda: arrivals.unsorted(db),
        "take in": lambda: took_in(db, parcel("another")),
        "sort": lambda: arrivals.put_in_letterbox(db, arrivals.unsorted(db)[-1], outside(seed="another"), NOON),
        "file": lambda: letters.file_received(db, arrivals.letterbox(db, limit=1)[0].number, received("another"), NOON),
        "waited for": lambda: pieces.waiting_arrivals(db),
        "arrival": lambda: arrivals.arrival(db, arrivals.letterbox(db, limit=1)[0].number),
        "of bytes": lambda: arrivals.of_bytes(db, parcel("another").data),
        "unacknowledged": lambda: arrivals.unacknowledged(db, Way.OFFICE, PLACE, page),
        "acknowledged": lambda: arrivals.acknowledged(db, arrivals.unacknowledged(db, Way.OFFICE, PLACE, page)),
        "cursor": lambda: arrivals.save_cursor(db, Way.OFFICE, PLACE, arrivals.cursor(db, Way.OFFICE, PLACE), NOON),
        "oldest": lambda: letters.correspondence(db, bert, limit=page),
        "newest": lambda: letters.correspondence(db, bert, newest_first=True, limit=page),
        "how many": lambda: letters.correspondence_count(db, bert),
        "letter": lambda: letters.letter(db, ready.number),
        "content": lambda: letters.content(db, ready.number),
        "with id": lambda: letters.with_id(db, LetterId("any@letters.test")),
        "same": lambda: letters.same(db, LetterId("any@letters.test"), digest),
        "threading": lambda: letters.threading(db, ready.number),
        "our numbers": lambda: letters.our_numbers(db, bert),
        "their numbers": lambda: letters.their_numbers(db, bert),
        "ledger of one": lambda: ledger.turns(db, bert),
        "ledger decides": lambda: ledger.decide(db, ready.number, "rest"),
        "outbox": lambda: outbox.listing(db, limit=page),
        "pending": lambda: outbox.listing(db, pending=True, limit=page),
        "travels": lambda: outbox.travels(db, ready.number),
        "by way": lambda: outbox.form_by_way(db, ready.number, Way.OFFICE),
        "by seal": lambda: outbox.forms_by_seal(db, digest),
        "own copy": lambda: outbox.own_copy_found(db, digest, NOON),
        "own copy by mail": lambda: outbox.own_copy_found(db, digest, NOON, Way.MAIL),
        "postcards": lambda: outbox.postcards(db, LetterId("any@letters.test")),
        "due": lambda: outbox.due(db, NOON),
        "next due": lambda: outbox.next_due(db),
        "ripen": lambda: outbox.ripen(db, NOON),
        "needs sealing": lambda: outbox.needs_sealing(db, NOON),
        "attempt": lambda: outbox.end_attempt(
            db,
            outbox.begin_attempt(db, ready, NOON),
            {BERT.address: Accepted(), CLARA.address: Unknown("cut")},
            NOON,
        ),
        "uncertain": lambda: outbox.uncertain(db),
        "travelling": lambda: outbox.travelling(db, place=PLACE, since=NOON),
        "hold": lambda: outbox.hold(db, ready.number, HeldWhy.KEY_CHANGED, NOON),
        "hold all": lambda: outbox.hold_all_restored(db, NOON),
        "settle": lambda: outbox.settle_unfinished(db, NOON),
        "give up": lambda: outbox.act(db, ready.number, Act.GIVE_UP, NOON),
        "take back": lambda: outbox.take_back(db, posted(db), NOON),
        "drafts": lambda: drafts.list_all(db),
        "load": lambda: drafts.load(db, draft),
        "save": lambda: drafts.save(db, draft, Draft(text="more"), based_on=drafts.load(db, draft).revision, now=later),
        "versions": lambda: drafts.versions(db, draft),
        "version": lambda: drafts.version_text(db, draft, 1),
        "whose": lambda: people.person_of_address(db, BERT.address),
        "binding": lambda: keyring.binding(db, bert, BERT.address),
        "standing": lambda: keyring.standing(db, bert, "bb" * 20),
        "used": lambda: keyring.mark_used(db, bert, BERT.address, NOON),
        "decide": lambda: keyring.decide(db, bert, "bb" * 20, BindingState.VERIFIED, NOON),
        "issuers": lambda: keyring.certificates_by_key_ids(db, ["bb" * 8]),
        "account": lambda: accounts.account(db, Way.OFFICE, PLACE),
        "leaving by": lambda: accounts.leaving_by(db, Way.OFFICE, PLACE),
        "last used": lambda: accounts.last_used(db, Way.OFFICE, bert),
        "came by": lambda: accounts.came_by(db, ready.number, Way.OFFICE),
    }


def test_no_hot_question_reads_a_whole_table(full: Watching) -> None:
    """EXPLAIN QUERY PLAN of every statement that they come to: each table is entered by a key or an index."""
    for what, ask in _hot(full).items():
        full.seen.clear()
        ask()
        assert full.seen, what
        for sql, args in list(full.seen.items()):
            steps = [row[3] for row in full._connection.execute(f"EXPLAIN QUERY PLAN {sql}", args)]
            scans = [step for step in steps if re.match(r"SCAN (?!CONSTANT|\(subquery|json_each)", step)]
            if sql.endswith("ORDER BY id DESC LIMIT 1"):
                scans = []  # the last row by its key: one step from the end
            assert not scans, f"{what}: {sql}\n{steps}"


def test_the_right_pages_need_no_sorting(full: Watching) -> None:
    """Pages of the archive come in the order of an index: nothing is sorted, however long the correspondence."""
    for ask in (_hot(full)["oldest"], _hot(full)["newest"], _hot(full)["letterbox"], _hot(full)["next due"]):
        full.seen.clear()
        ask()
        sql, args = next(iter(full.seen.items()))
        assert not [
            row for row in full._connection.execute(f"EXPLAIN QUERY PLAN {sql}", args) if "TEMP B-TREE" in row[3]
        ], sql


def _archive(db: Db, size: int) -> None:
    """Letters that left and letters that were opened, as an archive is full of them; then one of each that is not."""
    person = people.find(db, "Bert").id
    for n in range(size):
        number = posted(db, BERT, seed=f"ours {n}")
        ready = next(one for one in outbox.due(db, NOON) if one.number == number)
        outbox.end_attempt(db, outbox.begin_attempt(db, ready, NOON), {BERT.address: Accepted()}, NOON)
        arrived(db, f"theirs {n}", person=person, in_reply_to=letters.letter(db, number).letter_id)
        outbox.report(db, number, BERT.address, Delivered(), NOON)


def _steps(db: Db, ask: Callable[[], object]) -> int:
    """How many steps SQLite's machine takes for the answer: a count, whatever else the computer does."""
    taken: list[int] = []
    key = object()
    db._connection.trace_v2(
        apsw.SQLITE_TRACE_PROFILE,
        lambda event: taken.append(event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]),
        id=key,
    )
    try:
        ask()
    finally:
        db._connection.trace_v2(0, id=key)
    return sum(taken)


def test_a_large_archive_is_not_felt() -> None:
    """Every hot question takes as many steps with 300 letters as with 20 (their pages are cut to ten)."""
    took: dict[int, dict[str, int]] = {}
    for size in (10, 150):
        with memory() as db:
            _one_of_each(db)
            _archive(db, size)
            posted(db, BERT, CLARA)
            took_in(db, parcel("the last"))
            asked = _hot(db, page=10)
            took[size] = {what: _steps(db, asked[what]) for what in asked}
    grown = {
        what: (few, took[150][what])
        for what, few in took[10].items()
        # A tree one level deeper costs a few steps more; reading 15 times the rows costs 15 times the steps.
        if took[150][what] > 1.5 * few + 100 and what not in _OF_THE_WHOLE
    }
    assert not grown, grown


def test_a_full_letterbox_costs_nothing_where_no_letter_waits_for_a_piece() -> None:
    """It is asked at each opening; one person's letters, opened and unopened, must not be gone through for it."""
    took = []
    for size in (3, 40):
        with memory() as db:
            _archive_of_theirs(db, size)
            took.append(_steps(db, lambda db=db: pieces.waiting_arrivals(db)))  # type: ignore[misc]  # bound now
    assert took[0] == took[1]


def _archive_of_theirs(db: Db, size: int) -> None:
    person = known(db, BERT).id
    for n in range(size):
        arrived(db, f"opened {n}", person=person)
        number = took_in(db, parcel(f"unopened {n}"))
        assert number is not None
        arrivals.put_in_letterbox(db, number, outside(seed=f"unopened {n}", person=person), NOON)


_OF_THE_WHOLE = {"how many", "our numbers", "their numbers"}
"""Questions about one whole correspondence, by an index that holds nothing else."""
