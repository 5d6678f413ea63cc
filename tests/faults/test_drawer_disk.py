"""A disk that fails: fsync reports an error (F15), it is full (F16, F17), it may only be read (F18)."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from dearly.drawer import backup, chain
from dearly.drawer.connection import Db
from dearly.drawer.folder import BALLAST, DATABASE
from dearly.letter.errors import Damaged, NoSpace
from tests.support.drawer_plays import link
from tests.support.drawers import make_drawer, open_keyed
from tests.support.fault_vfs import FaultLayer, io_error, no_space
from tests.support.killer import ROOT


async def links(folder: Path, key: object) -> int:
    drawer = await open_keyed(folder, key)  # type: ignore[arg-type]  # the key of the drawer just closed
    try:
        assert await drawer.read(chain.verify) is None
        return (await drawer.read(chain.head)).count
    finally:
        await drawer.close()


# Errors of the medium (F15) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 1000])
@pytest.mark.parametrize(("what", "code"), [("sync", apsw.SQLITE_IOERR_FSYNC), ("write", apsw.SQLITE_IOERR_WRITE)])
def test_after_an_error_nothing_more_is_written(tmp_path: Path, what: str, code: int, times: int) -> None:
    async def play() -> None:
        layer = FaultLayer(f"{what}-{times}")
        drawer = await make_drawer(tmp_path / "d")
        key = drawer.store.key
        await drawer.close()
        drawer = await open_keyed(tmp_path / "d", key, vfs=layer.name)
        for _n in range(3):
            await drawer.write(link)
        layer.fail(what, "-wal", io_error(code), times=times)
        with pytest.raises(Damaged) as first:
            await drawer.write(link)
        assert first.value.code == "disk_trouble"
        assert "not proven" in first.value.message
        layer.heal()
        steps = len(layer.done)
        for _n in range(3):
            # The disk would take it now; but what fsync dropped once is not known, so nobody is told that all is well.
            with pytest.raises(Damaged) as later:
                await drawer.write(link)
            assert later.value.code == "disk_trouble"
        assert (await drawer.read(chain.head)).count == 3
        await drawer.close()
        assert len(layer.done) == steps
        assert await links(tmp_path / "d", key) in (3, 4)

    asyncio.run(play())


def test_an_error_while_folding_in_loses_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        layer = FaultLayer("fold")
        drawer = await make_drawer(tmp_path / "d")
        key = drawer.store.key
        await drawer.close()
        drawer = await open_keyed(tmp_path / "d", key, vfs=layer.name)
        await drawer.write(link)
        layer.fail("sync", DATABASE, io_error(apsw.SQLITE_IOERR_FSYNC), times=9)
        await drawer.close()
        assert (tmp_path / "d" / "drawer.db-wal").stat().st_size > 0
        assert await links(tmp_path / "d", key) == 1

    asyncio.run(play())


# A full disk (F16, F17) ----------------------------------------------------------------------------------------------


def test_no_room_refuses_the_act_and_gives_the_ballast_back(tmp_path: Path) -> None:
    async def play() -> None:
        layer = FaultLayer("full")
        drawer = await make_drawer(tmp_path / "d")
        key = drawer.store.key
        await drawer.close()
        drawer = await open_keyed(tmp_path / "d", key, vfs=layer.name)
        assert (tmp_path / "d" / BALLAST).stat().st_size == 1 << 20
        await drawer.write(link)
        layer.fail("write", "-wal", no_space)
        with pytest.raises(NoSpace) as full:
            await drawer.write(link)
        assert full.value.code == "disk_full"
        assert full.value.retry
        assert not (tmp_path / "d" / BALLAST).exists()
        # There is room now: the same act again succeeds, without opening anew.
        assert await drawer.write(link) == 2
        await drawer.close()
        assert await links(tmp_path / "d", key) == 2
        assert (tmp_path / "d" / BALLAST).exists()

    asyncio.run(play())


def small_disk(mount: Path, size: str, script: str) -> list[str]:
    """Run a script with a tiny tmpfs at `mount`, in a mount namespace of its own; the lines that it prints."""
    steps = f'mount -t tmpfs -o size={size} none "$1" && exec "$2" -c "$3" "$1"'
    order = ["unshare", "--map-root-user", "--mount", "sh", "-c", steps, "sh", str(mount), sys.executable, script]
    return _namespace(order)


def read_only(folder: Path, script: str, **env: str) -> list[str]:
    """Run a script that sees `folder` on a file system that may only be read, with `env` beside the environment."""
    steps = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1"'
    order = ["unshare", "--map-root-user", "--mount", "sh", "-c", steps, "sh", str(folder), sys.executable, script]
    return _namespace(order, **env)


def _namespace(order: list[str], **env: str) -> list[str]:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not here to give the test a disk of its own")
    if subprocess.run([*order[:3], "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody but root make a mount namespace")
    ended = subprocess.run(order, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, timeout=110)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


FILL = f"""
import asyncio, os, sys
from pathlib import Path
from dearly.drawer import backup, chain
from dearly.letter.errors import NoSpace
from tests.support.drawers import make_drawer, open_keyed
from tests.support.drawer_plays import link

BIG = "x" * 60_000

async def main():
    place = Path(sys.argv[1])
    drawer = await make_drawer(place / "d")
    key, stored = drawer.store.key, 0
    try:
        while True:
            await drawer.write(lambda db: db.run("INSERT INTO settings VALUES (?, ?)", (f"fake {{stored}}", BIG)))
            await drawer.write(link)
            stored += 1
    except NoSpace as full:
        print(full.code, (place / "d" / "{BALLAST}").exists())
    # Reading goes on, and what the ballast gave back is enough to erase something and to write a little.
    print((await drawer.read(chain.head)).count in (stored, stored + 1))
    await drawer.write(lambda db: db.run("DELETE FROM settings WHERE name = 'fake 0'"))
    await drawer.write(link)
    try:
        await backup.back_up(drawer, place / "b.tar")
    except NoSpace as full:
        print("backup", full.code)
    await drawer.close()
    again = await open_keyed(place / "d", key)
    print((await again.read(chain.head)).count in (stored + 1, stored + 2), await again.read(chain.verify))
    await again.close()
    print(sorted(path.name for path in place.iterdir()))

asyncio.run(main())
"""


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    said = small_disk(tmp_path, "8m", FILL)
    assert said == ["disk_full False", "True", "backup disk_full", "True None", "['d']"]


def test_a_drawer_that_does_not_fit_is_not_half_made(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from dearly.letter.errors import NoSpace
from tests.support.drawers import make_drawer
try:
    asyncio.run(make_drawer(Path(sys.argv[1]) / "d"))
except NoSpace as full:
    print(full.code, list(Path(sys.argv[1]).iterdir()))
"""
    assert small_disk(tmp_path, "64k", script) == ["disk_full []"]


def test_a_backup_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        drawer = await make_drawer(tmp_path / "d")
        await drawer.write(link)

        def full(*_given: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(backup, "_pack", full)
        with pytest.raises(NoSpace):
            await backup.back_up(drawer, tmp_path / "b.tar")
        await drawer.close()
        assert {path.name for path in tmp_path.iterdir()} == {"d"}

    asyncio.run(play())


# Only to be read (F18) -----------------------------------------------------------------------------------------------

LOOK = """
import asyncio, sys
from pathlib import Path
from dearly.drawer import chain
from dearly.letter.errors import NoSpace
from tests.support.drawers import open_drawer
from tests.support.drawer_plays import link

async def main():
    drawer = await open_drawer(Path(sys.argv[1]))
    print(drawer.read_only, [notice.code for notice in drawer.notices], (await drawer.read(chain.head)).count)
    try:
        await drawer.write(link)
    except NoSpace as refused:
        print(refused.code)
    await drawer.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("left", ["closed", "crashed", "crashed without -shm"])
def test_a_place_that_may_only_be_read_opens_for_reading(tmp_path: Path, left: str) -> None:
    async def play() -> None:
        drawer = await make_drawer(tmp_path / "live")
        for _n in range(3):
            await drawer.write(link)
        if left != "closed":
            shutil.copytree(tmp_path / "live", tmp_path / "d")
        await drawer.close()
        if left == "closed":
            shutil.copytree(tmp_path / "live", tmp_path / "d")
        if left == "crashed without -shm":
            (tmp_path / "d" / "drawer.db-shm").unlink()

    asyncio.run(play())
    before = {path.name: path.read_bytes() for path in (tmp_path / "d").iterdir() if path.name != "drawer.db-shm"}
    scratch = tmp_path / "scratch"  # of its own: other tests make folders in the machine's at the same time
    scratch.mkdir()
    assert read_only(tmp_path / "d", LOOK, TMPDIR=str(scratch)) == ["True ['read_only'] 3", "read_only"]
    assert {
        path.name: path.read_bytes() for path in (tmp_path / "d").iterdir() if path.name != "drawer.db-shm"
    } == before
    assert list(scratch.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_opens_for_reading(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await make_drawer(tmp_path / "d")
        key = drawer.store.key
        await drawer.close()
        (tmp_path / "d").chmod(0o500)
        try:
            again = await open_keyed(tmp_path / "d", key)
            assert again.read_only
            with pytest.raises(NoSpace):
                await again.write(lambda db: Db.run(db, "SELECT 1"))
            await again.close()
        finally:
            (tmp_path / "d").chmod(0o700)

    asyncio.run(play())
