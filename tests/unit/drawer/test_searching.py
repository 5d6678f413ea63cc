"""The index in the drawer: letters in order, by people, by days; plans without scans; words that are really gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pytest

from dearly.drawer import erasing, people, search, searching
from dearly.drawer.connection import Args, Db, Row
from dearly.drawer.searching import Places
from dearly.letter.search import Entry
from tests.support.contents import BERT, CLARA, arrived, chance, known
from tests.support.times import NOON

DAY = timedelta(days=1)
EVER = Places()


def a_letter(db: Db, seed: str, words: str, *, days: int = 0, facets: str = "§a", version: int = 1) -> int:
    number = arrived(db, seed, person=None, text=f"text of {seed}: {words}", date=NOON - days * DAY).number
    search.put(db, number, Entry(version, "home", "bert", words, "", "", facets))
    return number


@pytest.fixture
def three(db: Db) -> Sequence[int]:
    """The oldest first; they came in another order."""
    middle = a_letter(db, "1", "tea and cake", days=400)
    newest = a_letter(db, "2", "tea", days=1)
    oldest = a_letter(db, "3", "tea tea tea", days=800)
    return oldest, middle, newest


def test_the_newest_come_first(db: Db, three: Sequence[int]) -> None:
    oldest, middle, newest = three
    assert [hit.number for hit in searching.newest(db, '"tea"', EVER, 9)] == [newest, middle, oldest]
    assert [hit.number for hit in searching.newest(db, '"tea"', EVER, 2)] == [newest, middle]
    hit = searching.newest(db, '"cake"', EVER, 9)[0]
    assert (hit.number, hit.ours, hit.writer, hit.text) == (middle, False, BERT.name, "text of 1: tea and cake")


def test_what_matches_best_comes_first(db: Db, three: Sequence[int]) -> None:
    oldest, _middle, _newest = three
    assert searching.best(db, '"tea"', EVER, 9)[0].number == oldest
    assert len(searching.best(db, '"tea"', EVER, 9, 1)) == 2


def test_only_the_newest_are_ranked(db: Db, three: Sequence[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "RANKED", 2)
    assert {hit.number for hit in searching.best(db, '"tea"', EVER, 9)} == set(three[1:])


def test_days_are_a_range_of_places(db: Db, three: Sequence[int]) -> None:
    day = (NOON - 400 * DAY).date()
    within = searching.between(day, day + DAY)
    assert searching.matching(db, '"tea"', within, 9) == [
        db.value("SELECT sort_key FROM letters WHERE number = ?", (three[1],))
    ]
    assert searching.count(db, '"tea"', searching.between(None, day)) == 1
    assert searching.count(db, '"tea"', searching.between(day, None)) == 2
    assert searching.count(db, '"tea"', EVER, 1) == 2  # more than one
    assert searching.between(date(1, 1, 2), None).first < 0


def test_everybody_who_is_called_so_with_all_their_addresses(db: Db) -> None:
    bert = known(db, BERT)
    known(db, CLARA)
    people.add(db, "Bert Ander", [people.NewAddress("other@letters.test")], now=NOON, chance=chance)
    people.end_address(db, bert.id, BERT.address, NOON)
    assert searching.addresses_of(db, "bert") == ["bert@letters.test", "other@letters.test"]
    assert searching.addresses_of(db, "Beispiel  BERT") == ["bert@letters.test"]
    assert searching.addresses_of(db, "ber") == []
    assert searching.addresses_of(db, "") == []


def test_an_entry_of_what_a_letter_said_before_is_not_put_in(db: Db, three: Sequence[int]) -> None:
    made = search.material(db, three[0])
    assert made is not None
    db.run("UPDATE letters SET content_sha256 = zeroblob(32) WHERE number = ?", (three[0],))
    search.put_if_same(db, made, Entry(9, "", "", "late", "", "", ""))
    assert searching.count(db, '"late"', EVER) == 0


def test_what_is_missing_or_old_is_named_the_newest_first(db: Db, three: Sequence[int]) -> None:
    oldest, middle, newest = three
    assert search.outdated(db, 1, 9) == []
    assert not searching.unindexed(db, 1)
    assert search.outdated(db, 2, 9) == [newest, middle, oldest]
    search.take_out(db, newest)
    assert search.outdated(db, 2, 9) == [middle, oldest, newest]
    assert searching.unindexed(db, 1)


def test_the_words_of_an_erased_letter_are_gone_from_every_page(db: Db) -> None:
    gone = a_letter(db, "1", "alpha verysecret omega", days=1)
    for n in range(2, 40):
        a_letter(db, str(n), f"alpha word{n}", days=n)
    assert searching.known(db, "verysecret")
    erasing.erase(db, gone, NOON)
    while search.purge_some(db):
        pass
    blocks = b"".join(bytes(block) for (block,) in db.all("SELECT block FROM search_data"))
    assert b"secret" not in blocks
    assert searching.vocabulary(db, "very", "verz", 9) == []
    assert searching.count(db, '"alpha"', EVER) == 38


def test_the_dictionary(db: Db, three: Sequence[int]) -> None:
    assert searching.vocabulary(db, "c", "u", 9) == [("cake", 1), ("home", 3), ("tea", 3)]
    assert searching.vocabulary(db, "a", "z", 1) == [("and", 1)]


class Explained(Db):
    """Asks SQLite how it would answer, besides answering."""

    plans: list[str]

    def each(self, sql: str, args: Args = ()) -> Iterator[Row]:
        self.plans += [str(row[3]) for row in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", args)]
        return super().each(sql, args)


def test_nothing_is_scanned(db: Db, three: Sequence[int]) -> None:
    watching = Explained(db._connection)
    watching.plans = []
    searching.newest(watching, '"tea"', EVER, 9)
    searching.best(watching, '"tea"', EVER, 9)
    searching.count(watching, '"tea"', EVER)
    searching.unindexed(watching, 1)
    search.outdated(watching, 1, 9)
    search.material(watching, three[0])
    assert watching.plans
    for plan in watching.plans:
        if plan.startswith("SCAN"):
            # The index itself, by its words and places; and the few rows that it gave.
            assert plan in ("SCAN s", "SCAN (subquery-1)") or ("VIRTUAL TABLE INDEX" in plan and "M" in plan), plan
        assert "TEMP B-TREE" not in plan or plan == "USE TEMP B-TREE FOR ORDER BY", plan
    assert any("M6" in plan and plan.endswith("><") for plan in watching.plans)
