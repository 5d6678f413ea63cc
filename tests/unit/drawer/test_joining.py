"""Who may be in the address book twice: proposed by name, never joined by itself."""

from __future__ import annotations

import pytest

from dearly.drawer import joining, people
from dearly.drawer.connection import Db
from dearly.letter.errors import Refused
from tests.support.books import Said, fill
from tests.support.contents import chance
from tests.support.times import NOON


def _add(db: Db, name: str, address: str) -> people.Person:
    return people.add(db, name, [people.NewAddress(address)], now=NOON, chance=chance)


def test_the_same_words_in_another_order_or_in_an_address(db: Db) -> None:
    clara = _add(db, "Clara Moor", "clara@letters.test")
    turned = _add(db, "Moor, Clara", "moor@home.test")
    bare = _add(db, "clara.moor@work.test", "clara.moor@work.test")
    _add(db, "Clara", "another@letters.test")
    pairs = {frozenset((one.keep.id, one.other.id)) for one in joining.alike(db)}
    assert pairs == {frozenset(pair) for pair in ((clara.id, turned.id), (clara.id, bare.id), (turned.id, bare.id))}


def test_an_address_behind_the_name_is_not_part_of_it(db: Db) -> None:
    """So somebody is called who wrote under a name that was taken (`desk.newcomers`)."""
    _add(db, "Clara Moor", "clara@letters.test")
    _add(db, "Clara Moor (moor@home.test)", "moor@home.test")
    _add(db, "Clara Moor (the younger)", "younger@home.test")
    assert [(one.keep.name, one.other.name) for one in joining.alike(db)] == [
        ("Clara Moor", "Clara Moor (moor@home.test)")
    ]


def test_the_one_with_more_letters_keeps_its_name(db: Db) -> None:
    _add(db, "Clara Moor", "clara@letters.test")
    turned = _add(db, "Moor Clara", "moor@home.test")
    fill(db, [turned], [Said(NOON, ours=True, text="hello")], NOON, chance)
    assert [one.keep.name for one in joining.alike(db)] == ["Moor Clara"]


def test_what_was_kept_apart_is_not_proposed_again(db: Db) -> None:
    one, other = _add(db, "Clara Moor", "clara@letters.test"), _add(db, "Clara  Moor.", "moor@home.test")
    assert joining.alike(db)
    joining.keep_apart(db, other.id, one.id, NOON)
    joining.keep_apart(db, one.id, other.id, NOON)
    assert joining.alike(db) == []
    with pytest.raises(Refused):
        joining.keep_apart(db, one.id, one.id, NOON)


def test_a_name_that_many_bear_is_nobody(db: Db) -> None:
    for n in range(8):
        _add(db, "Reply Desk" + "." * n, f"reply{n}@letters.test")
    assert len(joining.alike(db)) == 8 * 7 // 2
    _add(db, "Desk Reply", "desk@letters.test")
    assert joining.alike(db) == []
