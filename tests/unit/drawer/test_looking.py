"""Looking into a closed drawer: it reads what an opening reads, writes nothing, gives way where more is to be done."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dearly.drawer import chain, lock, looking, outbox, settings
from dearly.drawer.connection import Db
from dearly.drawer.folder import DATABASE, LOG
from dearly.drawer.looking import TakesMore
from dearly.letter.errors import InUse, Locked
from tests.support.contents import BERT, posted
from tests.support.drawers import PASSPHRASE, make_drawer, open_drawer
from tests.support.times import NOON


def _name(db: Db) -> str:
    return settings.get(db, "name", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    async def make() -> None:
        drawer = await make_drawer(tmp_path / "ada", state=tmp_path / "state")
        await drawer.write(lambda db: settings.put(db, "name", "Ada"))
        await drawer.close()

    asyncio.run(make())
    return tmp_path / "ada"


def _look(folder: Path, word: str = PASSPHRASE, work: Callable[[Db], str] = _name) -> str:
    return looking.look(folder, lambda: word, work, state=folder.parent / "state")


def _all(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(file): (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.parent.rglob("*") if file.is_file()
    }


def test_it_reads_and_leaves_no_trace(folder: Path) -> None:
    before = _all(folder)
    assert _look(folder) == "Ada"
    assert _all(folder) == before


def test_nothing_can_be_written(folder: Path) -> None:
    before = _all(folder)
    with pytest.raises(Exception, match="may only be read"):
        _look(folder, work=lambda db: str(db.run("UPDATE settings SET value = '1'")))
    assert _all(folder) == before


def test_a_wrong_passphrase_opens_nothing(folder: Path) -> None:
    with pytest.raises(Locked) as wrong:
        _look(folder, "another one entirely")
    assert wrong.value.code == "wrong_passphrase"


def test_one_that_is_in_use_is_left_alone(folder: Path) -> None:
    held = lock.Lock.take(folder)
    try:
        with pytest.raises(InUse):
            _look(folder)
    finally:
        held.release()
    assert _look(folder) == "Ada"


def _no_drawer(folder: Path) -> None:
    (folder / DATABASE).unlink()


def _a_log(folder: Path) -> None:
    (folder / LOG).write_bytes(b"")


def _not_closed(folder: Path) -> None:
    held = lock.Lock.take(folder)
    held.mark(lock.Left.OPEN)
    held.release()


def _a_copy_by_a_tool(folder: Path) -> None:
    (folder / "drawer.sync-conflict-1.db").write_bytes(b"")


def _another_copy_of_the_keys(folder: Path) -> None:
    (folder / "keys.2").write_bytes(b"")


def _another_copy_of_the_tables(folder: Path) -> None:
    shutil.copy(folder / DATABASE, folder / "copied")
    (folder / "copied").replace(folder / DATABASE)  # F49: what waits here may have left the original since


def _tables_of_another_version(folder: Path) -> None:
    looking._STEPS = folder  # as if there were fewer steps than the drawer has


@pytest.mark.parametrize(
    "how",
    [
        *(_no_drawer, _a_log, _not_closed, _a_copy_by_a_tool, _another_copy_of_the_keys, _another_copy_of_the_tables),
        _tables_of_another_version,
    ],
)
def test_where_more_is_to_be_done_it_gives_way(
    folder: Path, how: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_STEPS", looking._STEPS)
    how(folder)
    with pytest.raises(TakesMore):
        _look(folder)


def test_one_that_was_put_back_gives_way(folder: Path) -> None:
    """F20: an older file in the place of the drawer is said, so it takes an opening."""
    older = (folder / DATABASE).read_bytes()

    async def more() -> None:
        drawer = await open_drawer(folder, state=folder.parent / "state")
        await drawer.write(lambda db: chain.append(db, chain.Kind.FILED, bytes(32), drawer.clock.now()))
        await drawer.close()

    asyncio.run(more())
    (folder / DATABASE).write_bytes(older)
    with pytest.raises(TakesMore):
        _look(folder)


def test_an_attempt_that_never_ended_gives_way(folder: Path) -> None:
    """F06: whether that letter left is unknown, and an opening records so. Until then it would be shown as leaving."""

    def begin(db: Db) -> None:
        posted(db, BERT)
        (ready,) = outbox.due(db, NOON)
        outbox.begin_attempt(db, ready, NOON)

    async def more() -> None:
        drawer = await open_drawer(folder, state=folder.parent / "state")
        await drawer.write(begin)
        await drawer.close()

    asyncio.run(more())
    with pytest.raises(TakesMore):
        _look(folder)
