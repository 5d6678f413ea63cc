"""Erasing for good: nothing of the letter stays but a tombstone, and it does not come back by itself."""

from __future__ import annotations

import pytest

from dearly.drawer import arrivals, chain, erasing, letters, search
from dearly.drawer.connection import Db
from dearly.letter.content import Enclosure
from dearly.letter.errors import NotFound, Refused
from dearly.letter.search import Entry
from tests.support.contents import BERT, arrived, known, parcel, posted, took_in
from tests.support.times import NOON


def test_of_a_letter_that_came_nothing_stays_but_the_tombstone(db: Db) -> None:
    bert = known(db, BERT).id
    number = arrived(
        db, "1", person=bert, text="the secret", enclosures=(Enclosure("a.txt", "text/plain", b"x" * 99),)
    ).number
    search.put(db, number, Entry(1, "home", "bert", "thesecret", "", "", ""))
    raw = db.value("SELECT raw_sha256 FROM arrivals WHERE letter = ?", (number,))
    erasing.erase(db, number, NOON)
    while search.purge_some(db):
        pass
    for table in ("letters", "arrivals", "postmarks", "enclosures", "parties", "correspondences", "objects"):
        assert db.value(f"SELECT count(*) FROM {table}") == 0, table
    assert db.all("SELECT kind FROM chain ORDER BY id DESC LIMIT 2") == [("erased",), ("erased",)]
    assert erasing.erased(db, raw)
    assert chain.verify(db) is None
    assert b"thesecret" not in b"".join(bytes(block) for (block,) in db.all("SELECT block FROM search_data"))
    assert db.all("PRAGMA foreign_key_check") == []
    with pytest.raises(NotFound):
        letters.letter(db, number)


def test_it_does_not_come_back_by_itself(db: Db) -> None:
    number = arrived(db, "1", person=known(db, BERT).id).number
    erasing.erase(db, number, NOON)
    assert took_in(db, parcel("1")) is None
    assert arrivals.unsorted(db) == []


def test_a_letter_that_has_not_left_is_not_erased(db: Db) -> None:
    number = posted(db)
    with pytest.raises(Refused):
        erasing.erase(db, number, NOON)
    assert letters.letter(db, number).number == number


def test_one_of_ours_goes_with_its_page_and_its_sealed_forms(db: Db) -> None:
    number = posted(db)
    db.run("UPDATE journeys SET state = 'on_its_way' WHERE letter = ?", (number,))
    erasing.erase(db, number, NOON)
    for table in ("letters", "drafts", "versions", "sealed_forms", "journeys", "sealed_to", "form_recipients"):
        assert db.value(f"SELECT count(*) FROM {table}") == 0, table
    assert db.all("PRAGMA foreign_key_check") == []
    assert db.value("SELECT count(*) FROM numbers WHERE number = ?", (number,)) == 1


def test_what_another_letter_needs_too_stays(db: Db) -> None:
    same = Enclosure("a.txt", "text/plain", b"x" * 99)
    one = arrived(db, "1", person=known(db, BERT).id, enclosures=(same,)).number
    other = arrived(db, "2", person=None, enclosures=(same,)).number
    erasing.erase(db, one, NOON)
    assert letters.enclosure(db, other, 0).data == same.data
