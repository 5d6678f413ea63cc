"""The chain: it grows by links, and no link can be changed, taken away or put in."""

from __future__ import annotations

from datetime import timedelta

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.drawer import chain
from dearly.drawer.chain import Kind, Standing
from dearly.drawer.connection import Db
from dearly.drawer.migrate import steps
from tests.support.times import NOON


def filled(count: int) -> Db:
    db = Db(apsw.Connection(":memory:"))
    for step in steps():
        step.run(db)
    kinds = list(Kind)
    for n in range(count):
        chain.append(db, kinds[n % len(kinds)], bytes([n]) * 32, NOON + timedelta(minutes=n))
    return db


def test_an_empty_chain_is_whole() -> None:
    db = filled(0)
    assert chain.verify(db) is None
    assert chain.head(db).count == 0


def test_it_grows_and_stays_whole() -> None:
    db = filled(50)
    head = chain.head(db)
    assert (head.count, head.when) == (50, NOON + timedelta(minutes=49))
    assert chain.verify(db) is None
    assert chain.known(db, Kind.POSTED, bytes(32))
    assert not chain.known(db, Kind.ERASED, bytes(32))


@given(st.integers(1, 20), st.sampled_from(["kind", "subject", "at", "digest", "row"]))
def test_any_change_is_found_at_its_link(number: int, what: str) -> None:
    db = filled(20)
    if what == "row":
        db.run("DELETE FROM chain WHERE id = ?", (number,))
    elif what == "kind":
        db.run("UPDATE chain SET kind = CASE kind WHEN 'erased' THEN 'filed' ELSE 'erased' END WHERE id = ?", (number,))
    elif what == "at":
        db.run("UPDATE chain SET at = at + 1 WHERE id = ?", (number,))
    elif what == "subject":
        db.run("UPDATE chain SET subject = ? WHERE id = ?", (b"x" * 32, number))
    else:
        db.run("UPDATE chain SET digest = ? WHERE id = ?", (b"x" * 32, number))
    bad = chain.verify(db)
    if what == "row" and number == 20:
        # The end cut off leaves a chain that is whole in itself: only a head kept outside tells.
        assert bad is None
    else:
        assert bad is not None
        assert bad.number == number


def test_two_links_changed_places() -> None:
    db = filled(6)
    for old, new in ((2, 90), (3, 2), (90, 3)):
        db.run("UPDATE chain SET id = ? WHERE id = ?", (new, old))
    assert chain.verify(db) is not None


def test_how_it_stands_to_a_head_outside() -> None:
    early, late = filled(5), filled(9)
    assert chain.standing(late, chain.head(early)) is Standing.AGREES
    assert chain.standing(late, chain.head(late)) is Standing.AGREES
    assert chain.standing(early, chain.head(late)) is Standing.BEHIND
    assert chain.standing(filled(0), chain.head(late)) is Standing.BEHIND
    assert chain.standing(late, chain.head(filled(0))) is Standing.AGREES
    other = filled(5)
    for n in range(10):
        chain.append(other, Kind.FILED, bytes([100 + n]) * 32, NOON)
    assert chain.standing(other, chain.head(late)) is Standing.DIFFERS


def test_a_head_as_bytes() -> None:
    head = chain.head(filled(3))
    assert chain.unpack(chain.pack(head)) == head
    assert chain.unpack(None) is None
    assert chain.unpack(b"short") is None


def test_a_subject_is_a_digest() -> None:
    with pytest.raises(apsw.ConstraintError):
        chain.append(filled(0), Kind.POSTED, b"not a digest", NOON)
