"""Which store is meant, and what is said where it cannot be had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dearly.letter.errors import CarrierTrouble, DearlyError, MadeByNewer, NotFound, Refused, Usage
from dearly.office import stores
from tests.support.offices import MachineChance
from tests.support.postgres import a_database, the_server


def refused(where: stores.Where) -> DearlyError:
    with pytest.raises(DearlyError) as caught:
        stores.create(where, MachineChance())
    assert "letters.test" not in caught.value.told
    return caught.value


@pytest.mark.parametrize("where", ["mysql://office@letters.test/office", "http://letters.test", "postgresql:///?=x"])
def test_what_is_no_store(where: str) -> None:
    assert (type(refused(where)), refused(where).code) == (Usage, "bad_store")


@pytest.mark.parametrize(
    "where", ["postgresql://ada:secret@letters.test/x", "postgresql://letters.test/x?password=secret"]
)
def test_a_password_in_the_address(where: str) -> None:
    said = refused(where)
    assert said.code == "password_in_address"
    assert "secret" not in said.told


def test_without_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg_pool", None)
    said = refused("postgresql://letters.test/office")
    assert said.code == "no_psycopg"
    assert "dearly[postgres]" in said.hint


def test_nobody_answers() -> None:
    said = refused("postgresql://office@127.0.0.1:1/office")
    assert (type(said), said.code, said.retry) == (CarrierTrouble, "store_away", True)


def test_a_database_that_holds_something_else(tmp_path: Path) -> None:
    server = the_server()
    url = a_database(server)
    with pytest.raises(NotFound):
        stores.open_store(url)
    schema = url.rpartition("%3D")[2]
    server.ask(f"CREATE TABLE {schema}.facts (name text, value text)")
    assert (type(refused(url)), refused(url).code) == (Refused, "no_office")
    server.ask(f"INSERT INTO {schema}.facts VALUES ('domain', 'letters.test'), ('version', '999')")
    assert type(refused(url)) is MadeByNewer


def test_a_server_that_does_not_wait_for_its_disk() -> None:
    server = the_server()
    url = a_database(server)
    server.ask("ALTER SYSTEM SET fsync = off")
    server.ask("SELECT pg_reload_conf()")
    try:
        for _n in range(100):
            if server.ask("SHOW fsync") == "off":
                break
        assert refused(url).code == "not_durable"
    finally:
        server.ask("ALTER SYSTEM RESET fsync")
        server.ask("SELECT pg_reload_conf()")
