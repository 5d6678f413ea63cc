"""Migrations: numbered, one transaction each, a copy aside, and a plain refusal of what is newer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dearly.drawer import migrate
from dearly.drawer.connection import APPLICATION_ID, DataKey, Db, connect, unguarded
from dearly.drawer.folder import DATABASE
from dearly.drawer.migrate import Step
from dearly.letter.errors import Damaged, DearlyError, MadeByNewer
from tests.support.drawers import KEY, make_drawer, open_keyed

LATEST = len(migrate.steps())
MORE = (
    *migrate.steps(),
    Step(
        LATEST + 1, "add", lambda db: db.script("CREATE TABLE added (a INTEGER) STRICT; INSERT INTO added VALUES (1)")
    ),
    Step(LATEST + 2, "fill", lambda db: db.script("INSERT INTO added SELECT a + 1 FROM added")),
)


def with_steps(monkeypatch: pytest.MonkeyPatch, steps: tuple[Step, ...]) -> None:
    monkeypatch.setattr(migrate, "steps", lambda: steps)


async def made(folder: Path) -> DataKey:
    drawer = await make_drawer(folder)
    key = drawer.store.key
    await drawer.close()
    return key


def header(folder: Path, key: DataKey, name: str = DATABASE) -> tuple[int, int]:
    connection = connect(folder / name, key, write=False)
    found = Db(connection).value("PRAGMA application_id"), Db(connection).value("PRAGMA user_version")
    connection.close()
    return found


def test_a_new_drawer_has_the_latest_tables_and_our_mark(tmp_path: Path) -> None:
    key = asyncio.run(made(tmp_path / "d"))
    assert header(tmp_path / "d", key) == (APPLICATION_ID, LATEST)
    assert [step.number for step in migrate.steps()] == list(range(1, LATEST + 1))


def test_an_older_one_is_brought_up_with_a_copy_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = asyncio.run(made(tmp_path / "d"))
    with_steps(monkeypatch, MORE)

    async def play() -> None:
        drawer = await open_keyed(tmp_path / "d", key)
        assert await drawer.read(lambda db: db.all("SELECT a FROM added ORDER BY a")) == [(1,), (2,)]
        # References are watched again after the steps, which ran without.
        nowhere = "INSERT INTO letter_references (letter, position, letter_id) VALUES (999, 0, 'fake@letters.test')"
        with pytest.raises(DearlyError):
            await drawer.write(lambda db: db.run(nowhere))
        await drawer.close()

    asyncio.run(play())
    assert header(tmp_path / "d", key) == (APPLICATION_ID, LATEST + 2)
    aside = tmp_path / "d" / f"before-{LATEST}.db"
    assert aside.stat().st_mode & 0o077 == 0
    assert header(tmp_path / "d", key, aside.name) == (APPLICATION_ID, LATEST)


def test_a_step_that_fails_leaves_the_version_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = asyncio.run(made(tmp_path / "d"))
    broken = Step(LATEST + 2, "broken", lambda db: db.script("INSERT INTO added VALUES (5); SELECT * FROM nowhere"))
    with_steps(monkeypatch, (*MORE[:-1], broken))
    with pytest.raises(DearlyError):
        asyncio.run(open_keyed(tmp_path / "d", key))
    assert header(tmp_path / "d", key) == (APPLICATION_ID, LATEST + 1)
    with_steps(monkeypatch, MORE)

    async def play() -> None:
        drawer = await open_keyed(tmp_path / "d", key)
        assert await drawer.read(lambda db: db.all("SELECT a FROM added ORDER BY a")) == [(1,), (2,)]
        await drawer.close()

    asyncio.run(play())


def test_a_step_may_not_leave_references_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = asyncio.run(made(tmp_path / "d"))
    sql = "CREATE TABLE p (a INTEGER PRIMARY KEY) STRICT; CREATE TABLE c (a INTEGER REFERENCES p (a)) STRICT; " \
          "INSERT INTO c VALUES (7)"  # fmt: skip
    with_steps(monkeypatch, (*migrate.steps(), Step(LATEST + 1, "dangling", lambda db: db.script(sql))))
    with pytest.raises(AssertionError, match="references"):
        asyncio.run(open_keyed(tmp_path / "d", key))
    assert header(tmp_path / "d", key) == (APPLICATION_ID, LATEST)


def test_a_newer_drawer_is_refused_before_any_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = asyncio.run(made(tmp_path / "d"))
    connection = connect(tmp_path / "d" / DATABASE, key, write=True)
    unguarded(connection, f"PRAGMA user_version={LATEST + 5}", "PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = {path.name: path.read_bytes() for path in (tmp_path / "d").iterdir()}
    with pytest.raises(MadeByNewer) as wrong:
        asyncio.run(open_keyed(tmp_path / "d", key))
    assert wrong.value.code == "drawer_newer"
    after = {path.name: path.read_bytes() for path in (tmp_path / "d").iterdir()}
    assert {name: after[name] for name in before} == before
    assert not any(after[name] for name in set(after) - set(before) if name.endswith("-wal"))


def test_another_database_is_not_a_drawer(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / DATABASE).touch()
    connection = connect(tmp_path / "d" / DATABASE, KEY, write=True)
    connection.execute("CREATE TABLE other (a)")
    connection.close()
    with pytest.raises(Damaged) as wrong:
        asyncio.run(open_keyed(tmp_path / "d", KEY))
    assert wrong.value.code == "not_a_drawer"
