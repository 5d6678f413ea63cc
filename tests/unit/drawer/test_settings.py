"""Settings keep their type; accounts keep their secrets inside, and lose them when they end."""

from __future__ import annotations

import pytest

from dearly.drawer import accounts, settings
from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.envelope import Way
from dearly.letter.errors import NotFound, Refused
from tests.support.contents import ADA, PLACE, chance
from tests.support.times import NOON

SECOND = Address.parse("ada@elsewhere.test")


@pytest.mark.parametrize(
    ("value", "default"),
    [("Ada", ""), (90, 60), (True, False), (0.5, 1.0), (["08:00", "18:00"], [""]), ({"a": "b"}, {"": ""})],
)
def test_a_setting_comes_back_as_it_was(db: Db, value: object, default: object) -> None:
    assert settings.get(db, "some", default) == default  # type: ignore[type-var]  # any of the permitted types
    settings.put(db, "some", value)  # type: ignore[arg-type]  # any of the permitted types
    assert settings.get(db, "some", default) == value  # type: ignore[type-var]  # any of the permitted types
    settings.forget(db, "some")
    assert settings.get(db, "some", default) == default  # type: ignore[type-var]  # any of the permitted types


def test_a_setting_of_another_type_does_not_count(db: Db) -> None:
    settings.put(db, "rounds", True)
    assert settings.get(db, "rounds", 2) == 2
    db.run("UPDATE settings SET value = 'not JSON' WHERE name = 'rounds'")
    assert settings.get(db, "rounds", "default") == "default"


def test_own_addresses_come_and_go(db: Db) -> None:
    for address in (ADA.address, SECOND, Address.parse("ADA@letters.test")):
        accounts.add_own_address(db, address, now=NOON, chance=chance)
    assert accounts.own_addresses(db) == [ADA.address, SECOND]
    accounts.end_own_address(db, ADA.address, NOON)
    assert accounts.own_addresses(db) == [SECOND]
    assert accounts.own_addresses(db, left=True) == [SECOND, ADA.address]
    accounts.add_own_address(db, ADA.address, now=NOON, chance=chance)
    assert accounts.own_addresses(db) == [ADA.address, SECOND]
    with pytest.raises(NotFound):
        accounts.end_own_address(db, Address.parse("nobody@letters.test"), NOON)


def test_an_account_is_replaced_and_ends(db: Db) -> None:
    assert accounts.account(db, Way.OFFICE, PLACE) is None
    first = accounts.add(db, Way.OFFICE, PLACE, ADA.address, {"url": "https://a"}, "fake one", now=NOON, chance=chance)
    again = accounts.add(db, Way.OFFICE, PLACE, SECOND, {"url": "https://b"}, "fake two", now=NOON, chance=chance)
    assert (again.id, again.uid) == (first.id, first.uid)
    assert (again.address, again.details, again.secret) == (SECOND, {"url": "https://b"}, "fake two")
    assert accounts.own_addresses(db) == [ADA.address, SECOND]
    with pytest.raises(Refused) as caught:
        accounts.end_own_address(db, SECOND, NOON)
    assert caught.value.code == "address_in_use"
    assert "fake two" not in repr(again)

    accounts.end(db, Way.OFFICE, PLACE, NOON)
    assert accounts.list_all(db) == []
    assert db.all("SELECT secret FROM accounts") == [("",)]
    with pytest.raises(NotFound):
        accounts.end(db, Way.OFFICE, PLACE, NOON)
    fresh = accounts.add(db, Way.OFFICE, PLACE, ADA.address, {}, "fake three", now=NOON, chance=chance)
    assert fresh.id != first.id
    assert [account.place for account in accounts.list_all(db)] == [PLACE]
