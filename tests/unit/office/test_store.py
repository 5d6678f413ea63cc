"""What the store promises: group commit, quota, time, and its own file."""

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
from dearly.office.limits import Limits
from dearly.office.sqlite import FILE, SqliteStore
from dearly.office.store import INBOX, SENT, Account, Email, Find, Shelf, Submission
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
    db: sqlite3.Connection = shelf._db  # type: ignore[attr-defined]
    return db.execute("SELECT (SELECT count(*) FROM blobs), (SELECT count(*) FROM pieces)").fetchone()


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


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def half(shelf: Shelf) -> None:
        add(shelf, "bert")
        raise LookupError

    async def act(store: SqliteStore) -> None:
        with pytest.raises(LookupError):
            await store.write(half)
        assert await store.read(lambda shelf: shelf.accounts()) == []
        assert store.healthy()

    with_store(tmp_path, act)


def test_readers_cannot_write(tmp_path: Path) -> None:
    async def act(store: SqliteStore) -> None:
        with pytest.raises(Damaged):
            await store.read(lambda shelf: add(shelf, "ada"))
        assert store.healthy()

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


def test_what_leaves_when(tmp_path: Path) -> None:
    """Fetched parcels and sent copies after 30 days, uploads after one, waiting parcels never."""

    async def act(store: SqliteStore) -> None:
        def fill(shelf: Shelf) -> None:
            ada = add(shelf, "ada")
            put(shelf, ada, b"waiting")
            shelf.change_email(ada, put(shelf, ada, b"fetched"), INBOX, ["$seen"], NOW)
            shelf.change_email(ada, put(shelf, ada, b"flagged"), INBOX, ["$flagged"], NOW)
            regretted = put(shelf, ada, b"fetched, and then not")
            shelf.change_email(ada, regretted, INBOX, ["$seen"], NOW)
            shelf.change_email(ada, regretted, INBOX, [], NOW)
            put(shelf, ada, b"sent", SENT)
            keep(shelf, ada, b"uploaded")
            shelf.put_submission(ada, Submission("S1", "k", "M", "B", "ada", NOW, ()))

        def swept(days: float) -> Callable[[Shelf], tuple[int, int]]:
            def go(shelf: Shelf) -> tuple[int, int]:
                while shelf.sweep(NOW + timedelta(days=days, seconds=5), 1):
                    pass
                ada = shelf.account(f"ada@{shelf.domain()}")
                assert ada
                assert held(shelf)["ada"] == sum(e.blob.size for e in everything(shelf, ada)) + uploads(shelf)
                return len(shelf.find_emails(ada, Find())), len(list(shelf.all_submissions(ada)))

            return go

        await store.write(fill)
        assert await store.write(swept(0)) == (5, 1)
        assert (await store.read(left))[0] == 6
        assert await store.write(swept(1)) == (5, 1)
        assert (await store.read(left))[0] == 5
        assert await store.write(swept(30)) == (3, 1)
        assert await store.write(swept(399)) == (3, 1)
        assert await store.write(swept(400)) == (3, 0)

        def forgotten(shelf: Shelf) -> None:
            ada = shelf.account(f"ada@{shelf.domain()}")
            assert ada
            assert shelf.submission_changes(ada, 1, 9) is None
            assert shelf.submission_changes(ada, shelf.submission_seq(ada), 9)

        await store.read(forgotten)
        assert (await store.read(left)) == (3, 3)

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


def everything(shelf: Shelf, account: Account) -> list[Email]:
    return list(shelf.emails(account, list(shelf.find_emails(account, Find()))).values())


def uploads(shelf: Shelf) -> int:
    db: sqlite3.Connection = shelf._db  # type: ignore[attr-defined]
    return db.execute("SELECT coalesce(sum(size), 0) FROM uploads u JOIN blobs b ON b.number = u.blob").fetchone()[0]


def test_what_was_destroyed_is_known_for_ninety_days(tmp_path: Path) -> None:
    async def act(store: SqliteStore) -> None:
        def fill(shelf: Shelf) -> None:
            ada = add(shelf, "ada")
            emails = [put(shelf, ada, b"x%d" % n) for n in range(3)]
            shelf.remove_email(ada, emails[0], NOW)
            before = shelf.email_changes(ada, 3, 10)
            assert before
            assert before.destroyed == (emails[0].uid,)
            while shelf.sweep(NOW + timedelta(days=91), 1):
                pass
            assert shelf.email_changes(ada, 3, 10) is None
            now = shelf.email_seq(ada)
            assert shelf.email_changes(ada, now, 10)
            assert shelf.email_changes(ada, now + 1, 10) is None

        await store.write(fill)

    with_store(tmp_path, act)


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
    newer.execute("PRAGMA user_version = 2")
    newer.close()
    with pytest.raises(MadeByNewer):
        SqliteStore.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NoSpace):
        SqliteStore.create(tmp_path / "file" / "below", MachineChance())


def test_from_the_first_failed_commit_on_it_says_so(tmp_path: Path) -> None:
    """F15: an fsync that failed once proves nothing when it is repeated."""

    async def act(store: SqliteStore) -> None:
        await store.write(lambda shelf: add(shelf, "ada"))

        class Broken:
            def __init__(self, db: sqlite3.Connection) -> None:
                self._db = db

            def execute(self, sql: str, *args: Any) -> Any:
                if sql == "COMMIT":
                    error = sqlite3.OperationalError("disk I/O error")
                    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                    raise error
                return self._db.execute(sql, *args)

            def __getattr__(self, name: str) -> Any:
                return getattr(self._db, name)

        whole = store._db
        store._db = Broken(whole)  # type: ignore[assignment]
        with pytest.raises(Damaged):
            await store.write(lambda shelf: add(shelf, "bert"))
        store._db = whole
        with pytest.raises(Damaged):
            await store.write(lambda shelf: add(shelf, "clara"))
        assert not store.healthy()
        assert len(await store.read(lambda shelf: shelf.accounts())) == 1

    with_store(tmp_path, act)


def test_closing(tmp_path: Path) -> None:
    async def act(store: SqliteStore) -> None:
        waiting = [asyncio.ensure_future(store.write(lambda shelf, n=n: add(shelf, f"p{n}"))) for n in range(20)]
        await asyncio.sleep(0)
        await store.close()
        await store.close()
        assert len([await w for w in waiting]) == 20
        with pytest.raises(Damaged):
            await store.write(lambda shelf: add(shelf, "late"))
        assert not store.healthy()

    with_store(tmp_path, act)
