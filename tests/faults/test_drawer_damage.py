"""Bytes that are not as they were written: rot (F19), rollback (F20), a replayed page (F21), a lost log (F22),

a file replaced while it is open (F24). In every case: named, nothing else lost, and what can be mended is mended.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from dearly.drawer import chain, incarnation
from dearly.drawer.check import Finding, Report, check
from dearly.drawer.connection import DataKey, Db, Row, connect
from dearly.drawer.drawer import Drawer
from dearly.drawer.folder import DATABASE, LOG, RESCUED
from dearly.drawer.salvage import salvage
from dearly.drawer.survey import Gap, walk
from dearly.letter.errors import Damaged, DearlyError, Locked
from tests.support.drawer_plays import link
from tests.support.drawers import PASSPHRASE, copy_drawer, make_drawer, open_drawer, open_keyed
from tests.support.killer import kill_at
from tests.support.times import NOON, CountedChance

PAGE = 4096


def arrival(number: int, size: int) -> bytes:
    """The parcel that arrival `number` holds in these tests."""
    return hashlib.shake_256(b"fake parcel %d" % number).digest(size)


def take_in(db: Db, number: int, size: int) -> None:
    """An arrival, its bytes as an object, and its link in the chain."""
    data = arrival(number, size)
    digest = hashlib.sha256(data).digest()
    db.run("INSERT INTO numbers (number, uid, origin, made) VALUES (?, ?, 'arrival', 0)", (number, os.urandom(16)))
    at = db.insert("INSERT INTO objects (sha256, size, packing, body) VALUES (?, ?, 'plain', ?)", (digest, size, data))
    db.run(
        "INSERT INTO arrivals (number, raw_sha256, object_id, state, arrived, way, place) "
        "VALUES (?, ?, ?, 'new', 0, 'hand', 'fake')",
        (number, digest, at),
    )
    chain.append(db, chain.Kind.ARRIVED, digest, NOON)


def objects_of(db: Db) -> Iterable[Finding]:
    """What a caller brings: every arrival's bytes still have their digest."""
    stored = {row[0]: row for row in walk(db, "objects", numbered=True) if not isinstance(row, Gap)}
    for number, at, digest in db.all("SELECT number, object_id, raw_sha256 FROM arrivals"):
        if at not in stored or hashlib.sha256(stored[at][5]).digest() != digest:
            yield Finding("object_damaged", "fake", (number,))


async def filled(folder: Path, count: int, state: Path | None = None) -> DataKey:
    drawer = await make_drawer(folder, state=state)
    # Small ones share a page, large ones have pages of their own.
    await drawer.write(lambda db: [take_in(db, n, 12_000 if n % 5 == 0 else 700) for n in range(1, count + 1)])
    key = drawer.store.key
    await drawer.close()
    return key


async def every_object(drawer: Drawer) -> list[Row | Gap]:
    """Each object's row, and the gaps; outside a transaction, as a walk has to be."""
    return await drawer.on_reader(lambda: drawer.store.whole(lambda c: list(walk(Db(c), "objects", numbered=True))))


def pages(folder: Path, key: DataKey) -> dict[int, tuple[str, str]]:
    """Which tree each page belongs to, and what kind of page it is."""
    connection = connect(folder / DATABASE, key, write=False)
    found = {number: (name, kind) for name, number, kind in
             Db(connection).all("SELECT name, pageno, pagetype FROM dbstat")}  # fmt: skip
    connection.close()
    return found


def flip(folder: Path, page: int) -> None:
    with (folder / DATABASE).open("r+b") as file:
        file.seek((page - 1) * PAGE + 2000)
        octet = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([octet[0] ^ 4]))


async def look(folder: Path, key: DataKey, state: Path | None = None) -> Report:
    drawer = await open_keyed(folder, key, state=state)
    try:
        return await check(drawer, objects_of)
    finally:
        await drawer.close()


# Rot (F19) -----------------------------------------------------------------------------------------------------------

COUNT = 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DataKey]:
    place = tmp_path_factory.mktemp("whole")
    return place / "d", asyncio.run(filled(place / "d", COUNT))


def test_a_whole_drawer_has_nothing_to_find(whole: tuple[Path, DataKey]) -> None:
    report = asyncio.run(look(*whole))
    assert report.whole
    assert report.links == COUNT


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.long)])
def test_one_flipped_bit_in_any_page_is_named_and_all_else_is_readable(
    whole: tuple[Path, DataKey], tmp_path: Path, every: int
) -> None:
    source, key = whole
    tree = pages(source, key)
    assert len(tree) > 60
    beyond, named = [], 0
    for page, (name, kind) in itertools.islice(tree.items(), 0, None, every):
        folder = tmp_path / "d"
        copy_drawer(source, folder)
        flip(folder, page)

        async def play(folder: Path = folder) -> tuple[Report, list[int]]:
            drawer = await open_keyed(folder, key)
            try:
                report = await check(drawer, objects_of)
                rows = await every_object(drawer)
                intact = [row for row in rows if not isinstance(row, Gap)]
                assert all(hashlib.sha256(row[5]).digest() == row[2] for row in intact)
                return report, [row[0] for row in intact]
            finally:
                await drawer.close()

        try:
            report, readable = asyncio.run(play())
        except (Damaged, Locked):
            beyond.append(name)
            continue
        assert not report.whole, f"page {page} ({name}, {kind})"
        touched = {number for finding in report.findings for number in finding.letters}
        if name == "objects" and kind in ("leaf", "overflow"):
            named += 1
            # In this drawer arrival n has object n: exactly those are named that can no longer be read.
            assert touched == set(range(1, COUNT + 1)) - set(readable)
            assert 1 <= len(touched) <= 6
        elif name not in ("objects", "arrivals", "numbers"):
            assert readable == list(range(1, COUNT + 1)), f"page {page} ({name}, {kind})"
    assert named > 25 // every
    # Only what every opening needs makes a drawer unreadable: the list of tables, and the settings.
    assert set(beyond) <= {"sqlite_schema", "settings", "sqlite_autoindex_settings_1", "chain"}


@pytest.mark.parametrize("name", ["sqlite_autoindex_objects_1", "objects"])
def test_what_can_still_be_read_is_written_anew(whole: tuple[Path, DataKey], tmp_path: Path, name: str) -> None:
    source, key = whole
    folder = tmp_path / "d"
    shutil.copytree(source, folder)
    flip(folder, next(page for page, tree in pages(source, key).items() if tree == (name, "leaf")))
    salvaged = asyncio.run(salvage(folder, PASSPHRASE))
    lost = {number for finding in salvaged.lost for number in finding.letters}
    assert bool(lost) == (name == "objects")
    assert salvaged.kept.exists()

    async def play() -> None:
        drawer = await open_drawer(folder)
        assert await drawer.read(lambda db: db.all("PRAGMA integrity_check")) == [("ok",)]
        assert (await drawer.read(chain.head)).count == COUNT
        assert await drawer.read(chain.verify) is None
        assert drawer.notices == ()
        findings = (await check(drawer, objects_of)).findings
        assert {number for finding in findings for number in finding.letters} == lost
        # Numbers are never used again, although the tree that counts them was made anew.
        await drawer.write(lambda db: db.run("DELETE FROM numbers WHERE number = -1"))
        latest = "SELECT seq FROM sqlite_sequence WHERE name = 'numbers'"
        assert await drawer.read(lambda db: db.value(latest)) == COUNT
        await drawer.close()

    asyncio.run(play())


def test_a_table_with_several_gaps_is_walked_to_its_end(tmp_path: Path) -> None:
    key = asyncio.run(filled(tmp_path / "d", 200))
    leaves = [page for page, tree in pages(tmp_path / "d", key).items() if tree == ("objects", "leaf")]
    for page in [*leaves[3:6], *leaves[10:11]]:
        flip(tmp_path / "d", page)

    async def play() -> None:
        drawer = await open_keyed(tmp_path / "d", key)
        found = await every_object(drawer)
        gaps = [item for item in found if isinstance(item, Gap)]
        rows = [item[0] for item in found if not isinstance(item, Gap)]
        lost = {number for gap in gaps for number in range(gap.first, gap.last + 1)}
        assert set(rows) | lost == set(range(1, 201))
        assert not set(rows) & lost
        assert rows[-1] == 200
        assert len(lost) <= 4 * 6
        await drawer.close()

    asyncio.run(play())


def test_a_truncated_file_is_damaged_not_empty(whole: tuple[Path, DataKey], tmp_path: Path) -> None:
    source, key = whole
    for size in (0, 1, 4095, 5000, (source / DATABASE).stat().st_size // 2):
        shutil.rmtree(tmp_path / "d", ignore_errors=True)
        shutil.copytree(source, tmp_path / "d")
        os.truncate(tmp_path / "d" / DATABASE, size)
        try:
            report = asyncio.run(look(tmp_path / "d", key))
        except DearlyError:
            continue
        assert not report.whole


# Put back to an older state (F20, F21) -------------------------------------------------------------------------------


async def add(folder: Path, state: Path | None, first: int, count: int) -> None:
    drawer = await open_drawer(folder, state=state)
    await drawer.write(lambda db: [take_in(db, n, 800 + count) for n in range(first, first + count)])
    await drawer.close()


async def notices(folder: Path, state: Path | None) -> tuple[list[str], bool]:
    drawer = await open_drawer(folder, state=state)
    try:
        return [notice.code for notice in drawer.notices], await incarnation.moved(drawer)
    finally:
        await drawer.close()


def test_last_weeks_file_put_back_is_noticed_until_it_is_accepted(tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path / "d", 5))
    shutil.copy(tmp_path / "d" / DATABASE, tmp_path / "last week")
    asyncio.run(add(tmp_path / "d", None, 6, 3))
    assert asyncio.run(notices(tmp_path / "d", None)) == ([], False)
    shutil.copy(tmp_path / "last week", tmp_path / "d" / DATABASE)
    for _again in range(2):
        assert asyncio.run(notices(tmp_path / "d", None)) == (["rolled_back"], True)

    async def play() -> None:
        drawer = await open_drawer(tmp_path / "d")
        report = await check(drawer)
        assert [finding.code for finding in report.findings] == ["rolled_back"]
        await incarnation.settle(drawer, lambda _db: 0, CountedChance("settled"))
        await drawer.close()

    asyncio.run(play())
    assert asyncio.run(notices(tmp_path / "d", None)) == ([], False)


def test_the_whole_folder_put_back_is_noticed_by_the_head_elsewhere(tmp_path: Path) -> None:
    state = tmp_path / "state"
    asyncio.run(filled(tmp_path / "d", 5, state))
    shutil.copytree(tmp_path / "d", tmp_path / "last week")
    asyncio.run(add(tmp_path / "d", state, 6, 3))
    for path in (tmp_path / "last week").iterdir():
        shutil.copy(path, tmp_path / "d" / path.name)
    assert asyncio.run(notices(tmp_path / "d", state))[0] == ["rolled_back"]
    # Written on since: longer than before, and still another one.
    asyncio.run(add(tmp_path / "d", state, 6, 9))
    assert asyncio.run(notices(tmp_path / "d", state))[0] == ["rolled_back"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [state, *state.iterdir()])


def test_a_replayed_page_is_found_by_chain_or_digest(tmp_path: Path) -> None:
    """Each page that changed in the second week, put back alone to what it was in the first: every MAC is right."""
    state = tmp_path / "state"
    key = asyncio.run(filled(tmp_path / "d", 12, state))
    first = (tmp_path / "d" / DATABASE).read_bytes()
    asyncio.run(add(tmp_path / "d", state, 13, 4))
    second = (tmp_path / "d" / DATABASE).read_bytes()
    kinds = pages(tmp_path / "d", key)
    shutil.copytree(tmp_path / "d", tmp_path / "kept")
    replayed = silent = 0
    for page in range(1, len(first) // PAGE + 1):
        part = slice((page - 1) * PAGE, page * PAGE)
        if first[part] == second[part] or kinds.get(page, ("", ""))[0] not in ("chain", "objects", "arrivals"):
            continue
        replayed += 1
        (tmp_path / "d" / DATABASE).write_bytes(second[: part.start] + first[part] + second[part.stop :])
        try:
            report = asyncio.run(look(tmp_path / "d", key, state))
        except DearlyError:
            continue
        silent += report.whole
    assert replayed >= 3
    assert silent == 0


# A lost log (F22) ----------------------------------------------------------------------------------------------------


def killed_with_a_log(tmp_path: Path) -> tuple[DataKey, int]:
    key = asyncio.run(filled(tmp_path / "d", 5))
    ended = kill_at(
        "post.after-commit", "tests.support.drawer_plays", "write_for_ever", tmp_path / "d", key.hex(), "after", nth=6
    )
    assert ended.killed
    assert (tmp_path / "d" / LOG).stat().st_size > 0
    return key, int(ended.said[-1])


def test_a_log_that_was_deleted_after_a_crash_is_named(tmp_path: Path) -> None:
    key, _last = killed_with_a_log(tmp_path)
    (tmp_path / "d" / LOG).unlink()
    before = (tmp_path / "d" / DATABASE).read_bytes()
    for _again in range(2):
        with pytest.raises(Damaged) as lost:
            asyncio.run(open_drawer(tmp_path / "d"))
        assert lost.value.code == "log_missing"
        assert LOG in lost.value.message
    assert (tmp_path / "d" / DATABASE).read_bytes() == before

    async def play() -> None:
        drawer = await open_keyed(tmp_path / "d", key, without_log=True)
        assert [notice.code for notice in drawer.notices] == ["opened_without_log"]
        assert (await drawer.read(chain.head)).count == 5
        assert await drawer.read(chain.verify) is None
        await drawer.close()
        drawer = await open_keyed(tmp_path / "d", key)
        assert drawer.notices == ()
        await drawer.close()

    asyncio.run(play())


def test_a_log_that_was_not_copied_is_named_too(tmp_path: Path) -> None:
    killed_with_a_log(tmp_path)
    shutil.copytree(tmp_path / "d", tmp_path / "copy", ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    with pytest.raises(Damaged) as lost:
        asyncio.run(open_drawer(tmp_path / "copy"))
    assert lost.value.code == "log_missing"


def test_a_crashed_drawer_copied_whole_is_whole(tmp_path: Path) -> None:
    key, last = killed_with_a_log(tmp_path)
    shutil.copytree(tmp_path / "d", tmp_path / "copy")

    async def play(folder: Path) -> None:
        drawer = await open_keyed(folder, key)
        assert (await drawer.read(chain.head)).count == last
        await drawer.close()

    asyncio.run(play(tmp_path / "copy"))
    asyncio.run(play(tmp_path / "d"))


# Replaced while open (F24) -------------------------------------------------------------------------------------------


async def open_and_written(tmp_path: Path) -> tuple[Drawer, DataKey]:
    """A drawer with five links in the file, an older copy of the file beside it, and three more links in the log."""
    key = await filled(tmp_path / "d", 5)
    shutil.copy(tmp_path / "d" / DATABASE, tmp_path / "older")
    drawer = await open_keyed(tmp_path / "d", key)
    for _n in range(3):
        await drawer.write(link)
    return drawer, key


async def count(folder: Path, key: DataKey, **more: object) -> int:
    drawer = await open_keyed(folder, key, **more)
    try:
        assert await drawer.read(lambda db: db.all("PRAGMA integrity_check")) == [("ok",)]
        assert await drawer.read(chain.verify) is None
        return (await drawer.read(chain.head)).count
    finally:
        await drawer.close()


@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_a_replaced_file_is_not_written_to_and_nothing_is_lost(tmp_path: Path, how: str) -> None:
    async def play() -> None:
        drawer, key = await open_and_written(tmp_path)
        if how == "replaced":
            (tmp_path / "older").replace(tmp_path / "d" / DATABASE)
        else:
            (tmp_path / "d" / DATABASE).unlink()
        for _again in range(2):
            with pytest.raises(Damaged) as refused:
                await drawer.write(link)
            assert refused.value.code == "drawer_replaced"
        assert (await drawer.read(chain.head)).count == 8
        await drawer.close()
        assert (tmp_path / "d" / RESCUED).stat().st_mode & 0o077 == 0
        if how == "replaced":
            # The other file is opened as it is; our log was not poured into it.
            again = await open_keyed(tmp_path / "d", key)
            assert "rescued" in [notice.code for notice in again.notices]
            await again.close()
            assert await count(tmp_path / "d", key) == 5
        (tmp_path / "d" / RESCUED).replace(tmp_path / "d" / DATABASE)
        assert await count(tmp_path / "d", key) == 8

    asyncio.run(play())


def test_a_file_overwritten_in_place_is_not_written_to(tmp_path: Path) -> None:
    async def play() -> None:
        drawer, _key = await open_and_written(tmp_path)
        shutil.copy(tmp_path / "older", tmp_path / "d" / DATABASE)
        with pytest.raises(Damaged) as refused:
            await drawer.write(link)
        assert refused.value.code == "drawer_replaced"
        await drawer.close()
        assert (tmp_path / "d" / DATABASE).read_bytes() == (tmp_path / "older").read_bytes()

    asyncio.run(play())


def test_a_log_that_was_deleted_while_open_is_folded_in_at_closing(tmp_path: Path) -> None:
    async def play() -> None:
        drawer, key = await open_and_written(tmp_path)
        (tmp_path / "d" / LOG).unlink()
        with pytest.raises(Damaged) as refused:
            await drawer.write(link)
        assert refused.value.code == "drawer_replaced"
        await drawer.close()
        assert not (tmp_path / "d" / RESCUED).exists()
        assert await count(tmp_path / "d", key) == 8

    asyncio.run(play())


def test_replaced_and_then_killed(tmp_path: Path) -> None:
    key, _last = killed_with_a_log(tmp_path)
    shutil.copy(tmp_path / "d" / DATABASE, tmp_path / "other")
    (tmp_path / "other").replace(tmp_path / "d" / DATABASE)
    with pytest.raises(Damaged) as refused:
        asyncio.run(open_drawer(tmp_path / "d"))
    assert refused.value.code == "log_of_another_file"
    assert asyncio.run(count(tmp_path / "d", key, without_log=True)) == 5
    assert (tmp_path / "d" / f"{LOG}.aside").exists()
