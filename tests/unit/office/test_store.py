"""The store in a SQLite file: group commit, its bytes and its file; what every store promises is in tests/contracts."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dearly.letter import failpoint
from dearly.letter.address import Address
from dearly.letter.errors import Damaged, DearlyError, MadeByNewer, NoSpace, NotFound
from dearly.office.blobs import uid_of
from dearly.office.db import Db
from dearly.office.limits import Limits
from dearly.office.schema import SCHEMA, STEPS, VERSION
from dearly.office.sqlite import FILE, SqliteStore
from dearly.office.store import INBOX, SENT, Account, Email, Shelf
from tests.support.offices import MachineChance

T = TypeVar("T")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIMITS = Limits(quota=10_000)


@pytest.fixture
def listen() -> Iterator[Callable[[Callable[[str], None]], None]]:
    yield failpoint.listen
    failpoint.listen(None)


def with_store(folder: Path, act: Callable[[SqliteStore], Any], limits: Limits = LIMITS) -> Any:
    async def go() -> Any:
        store = SqliteStore.create(folder, MachineChance(), limits=limits)
        try:
            return await act(store)
        finally:
            await store.close()

    return asyncio.run(go())


def add(shelf: Shelf, name: str) -> Account:
    return shelf.add_account(f"A{name}", Address(name, shelf.domain()), name.encode().ljust(32, b"."), NOW)


def keep(shelf: Shelf, account: Account, data: bytes, now: datetime = NOW) -> str:
    uid = uid_of(data)
    assert shelf.keep(account, uid, data, "", now)
    return uid


def put(shelf: Shelf, account: Account, data: bytes, mailbox: str = INBOX, now: datetime = NOW) -> Email:
    blob = shelf.blob(account, keep(shelf, account, data, now))
    assert blob
    email = shelf.add_email(account, "M" + os.urandom(8).hex(), mailbox, blob, (), now)
    assert email
    return email


def held(shelf: Shelf) -> dict[str, int]:
    return {a.address.local: h.bytes for a, h in shelf.accounts()}


def left(shelf: Shelf) -> tuple[int, int]:
    """Blobs and their pieces on the disk."""
    db: Db = shelf._db  # type: ignore[attr-defined]  # of SQLite's shelf alone
    return db.one("SELECT (SELECT count(*) FROM blobs), (SELECT count(*) FROM pieces)")


def test_waiting_writes_share_a_commit(tmp_path: Path, listen: Callable[[Callable[[str], None]], None]) -> None:
    commits: list[str] = []
    listen(commits.append)

    async def act(store: SqliteStore) -> None:
        await store.write(lambda shelf: add(shelf, "ada"))
        before = commits.count("office.after-commit")
        fine = [store.write(lambda shelf, n=n: add(shelf, f"p{n}").uid) for n in range(50)]
        bad = [store.write(lambda shelf: add(shelf, "ada")) for _n in range(3)]
        results = await asyncio.gather(*fine[:25], *bad, *fine[25:], return_exceptions=True)
        assert sum(isinstance(r, str) for r in results) == 50
        assert sum(isinstance(r, DearlyError) for r in results) == 3
        assert commits.count("office.after-commit") - before < 20
        assert len(await store.read(lambda shelf: shelf.accounts())) == 51

    with_store(tmp_path, act)


def test_quota_counts_uploads_and_letters(tmp_path: Path) -> None:
    async def act(store: SqliteStore) -> None:
        def fill(shelf: Shelf) -> None:
            ada, bert = add(shelf, "ada"), add(shelf, "bert")
            first = put(shelf, ada, b"a" * 6_000, SENT)
            assert held(shelf) == {"ada": 6_000, "bert": 0}  # its upload has found its place
            assert shelf.keep(ada, uid_of(b"b" * 4_001), b"b" * 4_001, "", NOW) is None
            assert left(shelf) == (1, 1)
            keep(shelf, ada, b"b" * 4_000)
            keep(shelf, ada, b"b" * 4_000)
            assert held(shelf)["ada"] == 10_000
            assert shelf.add_email(bert, "M1", INBOX, first.blob, (), NOW)
            assert shelf.add_email(bert, "M2", INBOX, first.blob, (), NOW) is None
            assert held(shelf)["bert"] == 6_000
            shelf.remove_email(ada, first, NOW)
            assert held(shelf) == {"ada": 4_000, "bert": 6_000}
            assert left(shelf) == (2, 2)
            shelf.remove_account(bert)
            assert left(shelf) == (1, 1)

        await store.write(fill)

    with_store(tmp_path, act)


def test_freed_room_goes_back_to_the_disk(tmp_path: Path) -> None:
    async def act(store: SqliteStore) -> None:
        def fill(shelf: Shelf) -> None:
            ada = add(shelf, "ada")
            for n in range(8):
                put(shelf, ada, bytes((n,)) * 1_000_000, SENT)

        await store.write(fill)
        pages = await store.read(page_count)
        await store.write(lambda shelf: shelf.sweep(NOW + timedelta(days=31), 100))
        assert await store.read(page_count) < pages / 10

    with_store(tmp_path, act, Limits())


def page_count(shelf: Shelf) -> int:
    return shelf._db.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]


def test_the_file_is_its_owners_and_stays(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"

    async def act(store: SqliteStore) -> str:
        assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        await store.write(lambda shelf: add(shelf, "ada"))
        return store.domain

    first, again = with_store(folder, act), None
    assert sorted(p.name for p in folder.iterdir()) == [FILE]

    async def look(store: SqliteStore) -> str:
        assert len(await store.read(lambda shelf: shelf.accounts())) == 1
        return store.domain

    again = with_store(folder, look)
    assert again == first


def test_files_that_are_not_ours(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        SqliteStore.open(tmp_path)
    (tmp_path / FILE).write_bytes(b"not a database at all, just some words" * 50)
    with pytest.raises(Damaged):
        SqliteStore.open(tmp_path)
    (tmp_path / FILE).unlink()
    sqlite3.connect(tmp_path / FILE).execute("CREATE TABLE t (a)").connection.close()
    with pytest.raises(Damaged):
        SqliteStore.open(tmp_path)
    (tmp_path / FILE).unlink()
    SqliteStore.create(tmp_path, MachineChance(), domain="letters.test")
    newer = sqlite3.connect(tmp_path / FILE)
    newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(MadeByNewer):
        SqliteStore.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NoSpace):
        SqliteStore.create(tmp_path / "file" / "below", MachineChance())


def test_a_store_of_an_older_version_is_brought_up(tmp_path: Path) -> None:
    async def fill(store: SqliteStore) -> None:
        await store.write(lambda shelf: put(shelf, add(shelf, "ada"), b"x"))

    with_store(tmp_path, fill)
    older = sqlite3.connect(tmp_path / FILE)
    older.execute("DROP TABLE outgoing")
    older.execute("ALTER TABLE accounts DROP COLUMN quota")
    older.execute("PRAGMA user_version = 1")
    older.close()

    async def look(store: SqliteStore) -> None:
        await store.write(lambda shelf: shelf.set_quota(shelf.accounts()[0][0], 5))
        ((_account, holding),) = await store.read(lambda shelf: shelf.accounts())
        assert (holding.parcels, holding.quota) == (1, 5)

    with_store(tmp_path, look)
    now, new = sqlite3.connect(tmp_path / FILE), sqlite3.connect(":memory:")
    new.executescript(SCHEMA)
    columns = "SELECT m.name, c.name, c.type FROM sqlite_schema m, pragma_table_info(m.name) c ORDER BY 1, 2"
    assert now.execute(columns).fetchall() == new.execute(columns).fetchall()
    assert now.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert set(STEPS) == set(range(1, VERSION))
    now.close()
    new.close()
