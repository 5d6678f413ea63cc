"""Erasing for good: nothing of the letter stays but a tombstone, and it does not come back by itself."""

from __future__ import annotations

import pytest

from dearly.drawer import arrivals, chain, erasing, filing, letters, search
from dearly.drawer.connection import Db
from dearly.letter.content import Enclosure, LetterId
from dearly.letter.errors import NotFound, Refused
from dearly.letter.search import Entry
from tests.support.contents import BERT, arrived, known, parcel, posted, received, took_in
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


def test_no_copy_of_it_is_kept_however_it_was_known(db: Db) -> None:
    """Of one of ours, the form in which it went and what is in it; of theirs, the sealed slice and the signed bytes."""
    ours = posted(db)
    db.run("UPDATE journeys SET state = 'on_its_way' WHERE letter = ?", (ours,))
    db.run("UPDATE sealed_forms SET inner_sha256 = ? WHERE letter = ?", (bytes(32), ours))
    (form, slice_, letter_id), *_ = db.all(
        "SELECT o.sha256, f.seal_sha256, l.letter_id FROM sealed_forms f JOIN objects o ON o.id = f.object_id"
        " JOIN letters l ON l.number = f.letter"
    )
    theirs = arrived(db, "1", person=known(db, BERT).id).number
    raw, seal = db.all("SELECT raw_sha256, seal_sha256 FROM arrivals WHERE letter = ?", (theirs,))[0]
    inner = received("1").inner_sha256
    digests = [form, slice_, filing.identity(letter_id, bytes(32)), raw, seal]
    digests.append(filing.identity(LetterId("theirs-1@letters.test"), inner))
    assert not any(erasing.erased(db, one) for one in digests)
    for number in (ours, theirs):
        erasing.erase(db, number, NOON)
    assert all(erasing.erased(db, one) for one in digests)
    assert chain.verify(db) is None


def test_an_arrival_can_fall_away_before_anything_is_made_of_it(db: Db) -> None:
    number = took_in(db, parcel("1"))
    assert number is not None
    erasing.fall_away(db, number, NOON)
    assert took_in(db, parcel("1")) is None
    for table in ("arrivals", "postmarks", "objects"):
        assert db.value(f"SELECT count(*) FROM {table}") == 0, table
