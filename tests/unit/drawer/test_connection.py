"""An open drawer: units of work, what SQL may not do, who may read the files, what reaches the caller as an error."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from dearly.drawer import chain, incarnation
from dearly.drawer.connection import Db, connect, translate
from dearly.drawer.drawer import Drawer
from dearly.drawer.folder import DATABASE
from dearly.drawer.slots import SlotCost
from dearly.letter.errors import Damaged, DearlyError, InUse, Locked, NoSpace, NotFound, Refused, Usage
from tests.support.drawers import KEY, PASSPHRASE, cheap_cost, make_drawer, new_drawer, open_drawer, open_keyed
from tests.support.times import NOON, CountedChance, FixedClock


def put(name: str, value: str = "x") -> Callable[[Db], int]:
    return lambda db: db.run("INSERT INTO settings (name, value) VALUES (?, ?)", (name, value))


def names(db: Db) -> list[str]:
    return [name for (name,) in db.all("SELECT name FROM settings WHERE name LIKE 'fake%' ORDER BY name")]


def test_work_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:

            def half(db: Db) -> None:
                put("fake 1")(db)
                raise Usage("changed_my_mind", "fake")

            with pytest.raises(Usage):
                await drawer.write(half)
            assert await drawer.read(names) == []
            assert await drawer.write(put("fake 2")) == 1
            assert await drawer.read(names) == ["fake 2"]

    asyncio.run(play())


def test_a_mistake_of_ours_keeps_its_name_and_is_rolled_back(tmp_path: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:

            def wrong(db: Db) -> None:
                put("fake 1")(db)
                raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await drawer.write(wrong)
            assert await drawer.read(names) == []

    asyncio.run(play())


def test_no_error_of_sqlite_leaves_the_room(tmp_path: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            await drawer.write(put("fake 1"))
            for work in (put("fake 1"), lambda db: db.run("not SQL"), lambda db: db.run("ATTACH 'x' AS x")):
                with pytest.raises(DearlyError) as raised:
                    await drawer.write(work)
                assert isinstance(raised.value.__cause__, apsw.Error)
            with pytest.raises(DearlyError):
                await drawer.read(put("fake 2"))
            assert await drawer.read(names) == ["fake 1"]

    asyncio.run(play())


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            first, go_on = asyncio.Event(), asyncio.Event()
            loop = asyncio.get_running_loop()

            def slow(db: Db) -> tuple[list[str], list[str]]:
                before = names(db)
                loop.call_soon_threadsafe(first.set)
                asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)
                return before, names(db)

            reading = asyncio.ensure_future(drawer.read(slow))
            await first.wait()
            await drawer.write(put("fake 1"))
            assert await drawer.read(names) == ["fake 1"]
            go_on.set()
            assert await reading == ([], [])

    asyncio.run(play())


def test_many_at_once(tmp_path: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            await asyncio.gather(
                *(
                    drawer.write(lambda db, n=n: chain.append(db, chain.Kind.FILED, bytes([n]) * 32, NOON))
                    for n in range(60)
                ),
                *(drawer.read(names) for _n in range(60)),
            )
            assert (await drawer.read(chain.head)).count == 60
            assert await drawer.read(chain.verify) is None

    asyncio.run(play())


def test_the_log_is_folded_in_as_it_grows(tmp_path: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            for n in range(40):
                await drawer.write(put(f"fake {n}", "x" * 200_000))
            assert (tmp_path / "d" / "drawer.db-wal").stat().st_size < 8_000_000
            assert (tmp_path / "d" / DATABASE).stat().st_size > 4_000_000
            assert len(await drawer.read(names)) == 40
        assert not (tmp_path / "d" / "drawer.db-wal").exists()

    asyncio.run(play())


@pytest.mark.parametrize("mask", [0, 0o022, 0o077, 0o277])
def test_only_the_owner_may_read_it(tmp_path: Path, mask: int) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            await drawer.write(put("fake 1"))
            seen = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "d").iterdir()}
        assert set(seen) >= {"drawer.db", "drawer.db-wal", "drawer.db-shm", "keys", "keys.2", "lock"}
        if mask != 0o277:
            assert set(seen.values()) == {0o600}
        assert all(mode & 0o077 == 0 for mode in seen.values())
        assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o700

    before = os.umask(mask)
    try:
        asyncio.run(play())
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH 'plain.db' AS plain KEY ''",
        "ATTACH ':memory:' AS plain",
        "DETACH main",
        "VACUUM INTO 'plain.db'",
        "PRAGMA key = 'x'",
        "PRAGMA rekey = ''",
        "PRAGMA hexrekey = ''",
        "PRAGMA cipher = 'aes256cbc'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA synchronous = OFF",
        "PRAGMA user_version = 7",
        "PRAGMA writable_schema = ON",
        "PRAGMA temp_store_directory = '/'",
        "CREATE TEMP TABLE t (a)",
        "SELECT load_extension('x')",
        "UPDATE sqlite_schema SET sql = ''",
    ],
)
def test_what_sql_may_never_do(tmp_path: Path, sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            with pytest.raises(DearlyError):
                await drawer.write(lambda db: db.run(sql))
            assert await drawer.read(names) == []

    asyncio.run(play())
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_the_file_needs_its_key(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await make_drawer(tmp_path / "d")
        key = drawer.store.key
        await drawer.close()
        with pytest.raises(Locked) as wrong:
            await open_keyed(tmp_path / "d", KEY)
        assert wrong.value.code == "wrong_key"
        plain = apsw.Connection(str(tmp_path / "d" / DATABASE))
        with pytest.raises(apsw.NotADBError):
            plain.execute("SELECT * FROM sqlite_schema").fetchall()
        plain.close()
        again = await open_keyed(tmp_path / "d", key)
        await again.close()

    asyncio.run(play())


def test_opening_says_what_is_wrong(tmp_path: Path) -> None:
    async def play() -> None:
        with pytest.raises(NotFound):
            await open_drawer(tmp_path / "none")
        drawer = await make_drawer(tmp_path / "d")
        await drawer.close()
        with pytest.raises(Locked) as wrong:
            await Drawer.open(tmp_path / "d", "another fake", clock=FixedClock(), chance=CountedChance())
        assert wrong.value.code == "wrong_passphrase"
        other = await make_drawer(tmp_path / "e", chance=CountedChance("other"))
        await other.close()
        for name in ("keys", "keys.2"):
            (tmp_path / "e" / name).replace(tmp_path / "d" / name)
        with pytest.raises(Damaged):
            await open_drawer(tmp_path / "d")

    asyncio.run(play())


def test_a_closed_drawer_is_locked(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await make_drawer(tmp_path / "d")
        await drawer.close()
        await drawer.close()
        for act in (drawer.read(names), drawer.write(put("fake 1"))):
            with pytest.raises(Locked) as wrong:
                await act
            assert wrong.value.code == "drawer_locked"

    asyncio.run(play())


def test_an_opening_that_nobody_waits_for_lets_the_drawer_go(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await make_drawer(tmp_path / "d")
        key = drawer.store.key
        await drawer.close()
        assert drawer.store.key == b""
        opening = asyncio.ensure_future(open_drawer(tmp_path / "d"))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        for _again in range(500):
            try:
                await (await open_keyed(tmp_path / "d", key)).close()
                break
            except InUse:
                await asyncio.sleep(0.02)
        else:
            pytest.fail("still held")

    asyncio.run(play())


def test_creating_refuses_what_is_there_already(tmp_path: Path) -> None:
    async def play() -> None:
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "mine.txt").write_text("mine")
        with pytest.raises(Refused) as wrong:
            await make_drawer(tmp_path / "d")
        assert wrong.value.code == "drawer_exists"
        assert (tmp_path / "d" / "mine.txt").read_text() == "mine"
        (tmp_path / "d" / "mine.txt").unlink()
        drawer = await make_drawer(tmp_path / "d")
        await drawer.close()
        with pytest.raises(Refused):
            await make_drawer(tmp_path / "d")
        with pytest.raises(Usage):
            await Drawer.create(tmp_path / "e", "", clock=FixedClock(), chance=CountedChance(), cost=cheap_cost())
        with pytest.raises(Refused):
            await Drawer.create(
                tmp_path / "e", PASSPHRASE, clock=FixedClock(), chance=CountedChance(), cost=SlotCost(64, 1, 1)
            )
        assert [path.name for path in tmp_path.iterdir()] == ["d"]

    asyncio.run(play())


def test_one_key_opens_no_other_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).touch()
        connection = connect(tmp_path / name, KEY, write=True)
        connection.execute("CREATE TABLE t (a)")
        connection.close()
    # The same key and the same pages, and yet no page alike: each has its own nonce.
    first, second = (tmp_path / "one").read_bytes(), (tmp_path / "two").read_bytes()
    assert first[24:] != second[24:]


@pytest.mark.parametrize(
    ("raised", "family", "code"),
    [
        (apsw.FullError(), NoSpace, "disk_full"),
        (OSError(28, "full"), NoSpace, "disk_full"),
        (apsw.ReadOnlyError(), NoSpace, "read_only"),
        (PermissionError(13, "no"), NoSpace, "read_only"),
        (apsw.CorruptError(), Damaged, "drawer_damaged"),
        (apsw.NotADBError(), Damaged, "drawer_damaged"),
        (apsw.BusyError(), InUse, "drawer_in_use"),
        (apsw.IOError(), Damaged, "disk_trouble"),
        (OSError(5, "input/output"), Damaged, "disk_trouble"),
        (apsw.SQLError(), DearlyError, "drawer_trouble"),
    ],
)
def test_what_sqlite_says_in_our_words(raised: Exception, family: type[DearlyError], code: str) -> None:
    error = translate(raised)
    assert (type(error), error.code) == (family, code)
    assert error.message
    assert error.hint


def test_db_gives_rows_and_counts(tmp_path: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:

            def work(db: Db) -> None:
                assert db.insert("INSERT INTO chain (kind, subject, at, digest) VALUES ('filed', ?, 1, ?)",
                                 (b"s" * 32, b"d" * 32)) == 1  # fmt: skip
                assert db.one("SELECT id, kind FROM chain") == (1, "filed")
                assert db.one("SELECT id FROM chain WHERE id = :id", {"id": 9}) is None
                assert db.value("SELECT count(*) FROM chain") == 1
                assert db.value("SELECT id FROM chain WHERE id = 9") is None
                db.many("INSERT INTO settings (name, value) VALUES (?, ?)", [("fake 1", "a"), ("fake 2", "b")])
                assert db.run("UPDATE settings SET value = 'c' WHERE name LIKE 'fake%'") == 2
                assert list(db.each("SELECT value FROM settings WHERE name LIKE 'fake%'")) == [("c",), ("c",)]

            await drawer.write(work)

    asyncio.run(play())


# Where it was and where it is (F49) ---------------------------------------------------------------------------------


def test_a_drawer_knows_that_it_was_copied(tmp_path: Path) -> None:
    import shutil

    async def play() -> None:
        drawer = await make_drawer(tmp_path / "d")
        assert not await incarnation.moved(drawer)
        key = drawer.store.key
        await drawer.close()
        again = await open_keyed(tmp_path / "d", key)
        assert not await incarnation.moved(again)
        await again.close()
        shutil.copytree(tmp_path / "d", tmp_path / "copy")
        copy = await open_keyed(tmp_path / "copy", key)
        assert await incarnation.moved(copy)
        before = await copy.read(lambda db: db.value("SELECT value FROM settings WHERE name = 'incarnation'"))
        assert await incarnation.settle(copy, lambda db: put("fake held")(db) + 6, CountedChance("copy")) == 7
        after = await copy.read(lambda db: db.value("SELECT value FROM settings WHERE name = 'incarnation'"))
        assert before != after
        assert not await incarnation.moved(copy)
        assert await copy.read(names) == ["fake held"]
        await copy.close()
        (tmp_path / "d").rename(tmp_path / "elsewhere")
        renamed = await open_keyed(tmp_path / "elsewhere", key)
        assert await incarnation.moved(renamed)
        await renamed.close()

    asyncio.run(play())


def test_another_machine_is_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            assert not await incarnation.moved(drawer)
            monkeypatch.setattr(incarnation, "machine", lambda: "another machine")
            assert await incarnation.moved(drawer)

    asyncio.run(play())


def test_holding_and_settling_are_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            monkeypatch.setattr(incarnation, "machine", lambda: "another machine")

            def hold(db: Db) -> int:
                put("fake held")(db)
                raise Usage("fake", "fake")

            with pytest.raises(Usage):
                await incarnation.settle(drawer, hold, CountedChance("again"))
            assert await drawer.read(names) == []
            assert await incarnation.moved(drawer)

    asyncio.run(play())


def test_the_head_is_kept_where_no_folder_was(tmp_path: Path) -> None:
    """A new account has no folder for state yet; without the head kept there, a rollback would not show (F20)."""
    state = tmp_path / "home" / ".local" / "state" / "dearly"

    async def play() -> None:
        async with new_drawer(tmp_path / "drawer", state=state):
            pass

    asyncio.run(play())
    assert [file.suffix for file in state.iterdir()] == [".head"]
