"""kill -9 at every named step of the drawer (F01, F02, F03, F45, F46), and what the next opening finds.

Each child is a real process that sends itself SIGKILL; what it said before is what a person had been told.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from pathlib import Path

import pytest

from dearly.drawer import chain, migrate, restore
from dearly.drawer.connection import DataKey
from dearly.drawer.drawer import Drawer
from dearly.letter.errors import Locked, NotFound
from tests.support.drawer_plays import LATEST, MORE, NEW, link
from tests.support.drawers import PASSPHRASE, make_drawer, open_drawer, open_keyed
from tests.support.killer import begin, kill_at
from tests.support.times import CountedChance, FixedClock

HERE = "tests.support.drawer_plays"


async def links_in(folder: Path, passphrase: str = PASSPHRASE) -> int:
    """How many links the drawer has when it is opened again; it must be whole, and take new ones."""
    drawer = await Drawer.open(folder, passphrase, clock=FixedClock(), chance=CountedChance())
    try:
        assert await drawer.read(chain.verify) is None
        assert await drawer.read(lambda db: db.all("PRAGMA integrity_check")) == [("ok",)]
        count = (await drawer.read(chain.head)).count
        assert await drawer.write(link) == count + 1
        return count
    finally:
        await drawer.close()


async def filled(folder: Path, links: int = 5) -> DataKey:
    drawer = await make_drawer(folder)
    for _n in range(links):
        await drawer.write(link)
    key = drawer.store.key
    await drawer.close()
    return key


# A commit (F01, F02, F03) --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["before", "after"])
def test_what_was_committed_is_there_and_what_was_not_is_not(tmp_path: Path, where: str) -> None:
    key = asyncio.run(filled(tmp_path / "d"))
    ended = kill_at(f"post.{where}-commit", HERE, "write_for_ever", tmp_path / "d", key.hex(), where, nth=4)
    assert ended.killed
    assert ended.said == [str(n) for n in range(6, 9 if where == "before" else 10)]
    assert asyncio.run(links_in(tmp_path / "d")) == int(ended.said[-1])


@pytest.mark.parametrize("run", range(3))
def test_kills_at_any_moment_lose_nothing_that_was_acknowledged(tmp_path: Path, run: int) -> None:
    _kill_at_random_moments(tmp_path, run)


@pytest.mark.long
@pytest.mark.parametrize("run", range(3, 60))
def test_kills_at_any_moment_many_times(tmp_path: Path, run: int) -> None:
    _kill_at_random_moments(tmp_path, run)


def _kill_at_random_moments(tmp_path: Path, run: int) -> None:
    key = asyncio.run(filled(tmp_path / "d"))
    moment = random.Random(run)
    for _again in range(2):
        child = begin(HERE, "write_for_ever", tmp_path / "d", key.hex(), "never")
        assert child.stdout is not None
        said = [child.stdout.readline()]
        time.sleep(moment.uniform(0.0, 0.15))
        child.send_signal(signal.SIGKILL)
        said += child.stdout.readlines()
        child.stdout.close()
        child.wait()
        acknowledged = int([line for line in said if line.endswith("\n")][-1].split()[1])
        # One more may have been committed without the word having got out.
        assert asyncio.run(links_in(tmp_path / "d")) in (acknowledged, acknowledged + 1)


# Creating ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["create.slots-written", "create.database-written"])
def test_a_half_made_drawer_is_no_drawer_and_can_be_made_again(tmp_path: Path, step: str) -> None:
    assert kill_at(step, HERE, "create", tmp_path / "d").killed
    assert not (tmp_path / "d").exists()
    with pytest.raises(NotFound):
        asyncio.run(open_drawer(tmp_path / "d"))
    assert not kill_at(None, HERE, "create", tmp_path / "d").killed
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
    assert asyncio.run(links_in(tmp_path / "d")) == 0


# The passphrase (F46) ------------------------------------------------------------------------------------------------


def which_opens(folder: Path) -> list[str]:
    found = []
    for words in (PASSPHRASE, NEW):
        try:
            asyncio.run(links_in(folder, words))
        except Locked:
            continue
        found.append(words)
    return found


@pytest.mark.parametrize("first", [PASSPHRASE, NEW])
def test_between_the_copies_both_passphrases_open_and_the_one_used_stays(tmp_path: Path, first: str) -> None:
    asyncio.run(filled(tmp_path / "d"))
    assert kill_at("passphrase.first-copy", HERE, "change_words", tmp_path / "d").killed
    assert asyncio.run(links_in(tmp_path / "d", first)) == 5
    assert which_opens(tmp_path / "d") == [first]


def test_after_both_copies_only_the_new_one_opens(tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path / "d"))
    assert kill_at("passphrase.second-copy", HERE, "change_words", tmp_path / "d").killed
    assert which_opens(tmp_path / "d") == [NEW]


def test_a_wrong_passphrase_does_not_settle_anything(tmp_path: Path) -> None:
    asyncio.run(filled(tmp_path / "d"))
    assert kill_at("passphrase.first-copy", HERE, "change_words", tmp_path / "d").killed
    with pytest.raises(Locked):
        asyncio.run(links_in(tmp_path / "d", "fake wrong"))
    assert asyncio.run(links_in(tmp_path / "d", NEW)) == 5


# Renewing the data key -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["renew.slots-pending", "renew.rekeyed", "renew.slots-final", None])
def test_a_renewal_cut_short_opens_with_the_passphrase(tmp_path: Path, step: str | None) -> None:
    old = asyncio.run(filled(tmp_path / "d", 40))
    assert kill_at(step, HERE, "renew", tmp_path / "d").killed == (step is not None)
    assert asyncio.run(links_in(tmp_path / "d")) == 40

    async def play() -> None:
        drawer = await open_drawer(tmp_path / "d", state=tmp_path / "state")
        assert (drawer.store.key == old) == (step == "renew.slots-pending")
        assert drawer.slots is not None
        assert len(drawer.slots.slots) == 1
        assert drawer.notices == ()
        await drawer.close()

    asyncio.run(play())


def _kill_renewal_at_random(tmp_path: Path, run: int) -> None:
    asyncio.run(filled(tmp_path / "d", 30))

    async def grow() -> None:
        drawer = await open_drawer(tmp_path / "d")
        for n in range(8):
            big = "x" * 500_000
            await drawer.write(
                lambda db, n=n, big=big: db.run("INSERT INTO settings VALUES (?, ?)", (f"fake {n}", big))
            )
        await drawer.close()

    asyncio.run(grow())
    before = (tmp_path / "d" / "keys").stat().st_mtime_ns
    child = begin(HERE, "renew", tmp_path / "d")
    # The slots with both keys are the first thing that a renewal writes; from there on to its end takes about 0.2 s.
    while child.poll() is None and (tmp_path / "d" / "keys").stat().st_mtime_ns == before:
        time.sleep(0.002)
    assert (tmp_path / "d" / "keys").stat().st_mtime_ns != before
    time.sleep(random.Random(run).uniform(0.0, 0.25))
    child.kill()
    child.communicate()
    assert asyncio.run(links_in(tmp_path / "d")) == 30


@pytest.mark.parametrize("run", range(3))
def test_a_renewal_killed_at_any_moment(tmp_path: Path, run: int) -> None:
    _kill_renewal_at_random(tmp_path, run)


@pytest.mark.long
@pytest.mark.parametrize("run", range(3, 60))
def test_a_renewal_killed_many_times(tmp_path: Path, run: int) -> None:
    _kill_renewal_at_random(tmp_path, run)


# Backup and restore (F17) --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["backup.half-written", "backup.before-rename"])
def test_a_backup_cut_short_never_has_the_name(tmp_path: Path, step: str) -> None:
    asyncio.run(filled(tmp_path / "d"))
    assert kill_at(step, HERE, "back_up", tmp_path / "d", tmp_path / "b.tar").killed
    assert not (tmp_path / "b.tar").exists()
    assert asyncio.run(links_in(tmp_path / "d")) == 5
    assert not kill_at(None, HERE, "back_up", tmp_path / "d", tmp_path / "b.tar").killed
    assert asyncio.run(restore.verify(tmp_path / "b.tar", PASSPHRASE)).links == 6


@pytest.mark.parametrize("step", ["restore.half-written", "restore.before-rename"])
def test_restoring_cut_short_leaves_no_drawer_and_can_be_done_again(tmp_path: Path, step: str) -> None:
    asyncio.run(filled(tmp_path / "d"))
    assert not kill_at(None, HERE, "back_up", tmp_path / "d", tmp_path / "b.tar").killed
    assert kill_at(step, HERE, "put_back", tmp_path / "b.tar", tmp_path / "new").killed
    assert not (tmp_path / "new").exists()
    assert not kill_at(None, HERE, "put_back", tmp_path / "b.tar", tmp_path / "new").killed
    assert {path.name for path in tmp_path.iterdir()} == {"d", "b.tar", "new"}
    assert asyncio.run(links_in(tmp_path / "new")) == 5


# Migrating (F45) -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "nth", "done"),
    [
        ("migrate.copied", 1, 0),
        ("migrate.before-commit", 1, 0),
        ("migrate.after-commit", 1, 1),
        ("migrate.before-commit", 2, 1),
        ("migrate.after-commit", 2, 2),
    ],
)
def test_a_migration_killed_at_each_step_is_at_a_whole_version(
    tmp_path: Path, step: str, nth: int, done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncio.run(filled(tmp_path / "d"))
    assert kill_at(step, HERE, "bring_up", tmp_path / "d", key.hex(), nth=nth).killed
    if done == 0:
        # The program of before still opens it.
        assert asyncio.run(links_in(tmp_path / "d")) == 5
    monkeypatch.setattr(migrate, "steps", lambda: MORE)

    async def play() -> None:
        drawer = await open_keyed(tmp_path / "d", key)
        assert await drawer.read(lambda db: db.value("PRAGMA user_version")) == LATEST + 2
        assert await drawer.read(lambda db: db.all("SELECT a FROM added")) == [(1,)]
        assert (await drawer.read(chain.head)).count >= 5
        await drawer.close()

    asyncio.run(play())
