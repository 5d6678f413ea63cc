"""One process at a time (F25), how a drawer was left (F22), and places where none may lie (F23, F26)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from dearly.drawer import lock, surroundings
from dearly.drawer.folder import DATABASE, LOCK
from dearly.drawer.lock import Left, Lock
from dearly.letter.errors import InUse, Refused
from tests.support.drawers import make_drawer, new_drawer, open_drawer, open_keyed


def test_two_desks_in_one_process(tmp_path: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            with pytest.raises(InUse) as wrong:
                await open_keyed(tmp_path / "d", drawer.store.key)
            assert wrong.value.code == "drawer_in_use"
            with pytest.raises(InUse):
                await open_drawer(tmp_path / "d")
        await (await open_drawer(tmp_path / "d")).close()

    asyncio.run(play())


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / DATABASE).touch()
    held = Lock.take(tmp_path / "d")
    held.mark(Left.OPEN)
    script = (
        "import sys, pathlib\nfrom dearly.drawer.lock import Lock\nfrom dearly.letter.errors import InUse\n"
        "try: Lock.take(pathlib.Path(sys.argv[1]))\nexcept InUse as e: print(e.message)\n"
    )
    import os

    order = [sys.executable, "-c", script, str(tmp_path / "d")]
    said = subprocess.run(order, capture_output=True, text=True, check=True).stdout
    assert f"(process {os.getpid()})" in said
    held.release()
    held.release()
    assert subprocess.run(order, capture_output=True, text=True, check=True).stdout == ""


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"left": "asleep"}', b"\xff" * 300])
def test_a_note_that_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LOCK).write_bytes(content)
    taken = Lock.take(tmp_path)
    assert taken.before.left is Left.UNKNOWN
    taken.release()


def test_the_note_is_always_one_line_of_the_same_length(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    taken = Lock.take(tmp_path)
    for left in (Left.OPEN, Left.RENEWING, Left.CLOSED):
        taken.mark(left)
        text = (tmp_path / LOCK).read_bytes()
        assert len(text) == 256
        assert json.loads(text)["left"] == left.value
    taken.release()


def test_what_a_missing_log_means(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    here = tmp_path.stat().st_ino, (tmp_path / DATABASE).stat().st_ino
    assert lock.missing_log(tmp_path, lock.Note(Left.CLOSED, 1, *here)) is None
    assert lock.missing_log(tmp_path, lock.Note(Left.UNKNOWN)) is None
    missing = lock.missing_log(tmp_path, lock.Note(Left.OPEN, 1, *here))
    assert missing is not None
    assert missing.code == "log_missing"
    (tmp_path / "drawer.db-wal").touch()
    assert lock.missing_log(tmp_path, lock.Note(Left.OPEN, 1, *here)) is None
    replaced = lock.missing_log(tmp_path, lock.Note(Left.OPEN, 1, here[0], here[1] + 1))
    assert replaced is not None
    assert replaced.code == "log_of_another_file"
    # The whole folder was copied after a crash, log and all: nothing is wrong with that.
    assert lock.missing_log(tmp_path, lock.Note(Left.OPEN, 1, here[0] + 1, here[1] + 1)) is None


# Places ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sign", "tool"),
    [
        (".stfolder/", "Syncthing"),
        (".dropbox.cache/", "Dropbox"),
        (".sync_0123.db", "Nextcloud"),
        (".sync/ID", "Resilio Sync"),
    ],
)
def test_a_synchronised_folder_is_recognised_and_refused(tmp_path: Path, sign: str, tool: str) -> None:
    (tmp_path / sign).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / sign).mkdir() if sign.endswith("/") else (tmp_path / sign).touch()

    async def play() -> None:
        with pytest.raises(Refused) as wrong:
            await make_drawer(tmp_path / "deep" / "d")
        assert wrong.value.code == "synced_folder"
        assert tool in wrong.value.message
        assert not (tmp_path / "deep" / "d").exists()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("path", "tool"),
    [
        ("/home/ada/Dropbox/d", "Dropbox"),
        ("/home/ada/Dropbox (Personal)/d", "Dropbox"),
        ("/Users/ada/Library/Mobile Documents/d", "iCloud"),
        ("/Users/ada/Library/CloudStorage/x/d", "a cloud provider"),
        ("/home/ada/OneDrive - Letters/d", "OneDrive"),
        ("/home/ada/letters/d", None),
        ("/home/ada/dropboxes/d", None),
    ],
)
def test_names_that_such_tools_make(path: str, tool: str | None) -> None:
    assert surroundings.synced_by(Path(path)) == tool


def test_a_drawer_that_came_into_such_a_folder_says_so(tmp_path: Path) -> None:
    async def play() -> None:
        await (await make_drawer(tmp_path / "d")).close()
        (tmp_path / ".stfolder").mkdir()
        (tmp_path / "d" / "drawer.sync-conflict-20260301-120000-ABCDEFG.db").write_bytes(b"other")
        drawer = await open_drawer(tmp_path / "d")
        codes = [notice.code for notice in drawer.notices]
        assert codes == ["synced_folder", "conflict_copy"]
        assert "sync-conflict" in drawer.notices[1].message
        await drawer.close()

    asyncio.run(play())


MOUNTS = r"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 0:40 / /mnt/my\040share rw,relatime shared:9 - cifs //host/share rw
41 27 0:41 / /home/ada/nfs rw - nfs4 host:/x rw
42 27 0:42 / /home/ada/box rw - fuse.sshfs ada@host: rw
"""
MAC_MOUNTS = """/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
//ada@host/share on /Volumes/share (smbfs, nodev, nosuid, mounted by ada)
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/mnt/my share/d", "cifs"),
        ("/home/ada/nfs/d", "nfs4"),
        ("/home/ada/box/d", "fuse.sshfs"),
        ("/home/ada/nfsx/d", "ext4"),
    ],
)
def test_a_network_disk_is_refused(path: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "_mounts", lambda: surroundings.read_mountinfo(MOUNTS))
    assert surroundings.file_system(Path(path)) == kind
    if kind == "ext4":
        surroundings.refuse_network(Path(path))
    else:
        with pytest.raises(Refused) as wrong:
            surroundings.refuse_network(Path(path))
        assert wrong.value.code == "network_folder"
        assert kind in wrong.value.message


def test_opening_on_a_network_disk_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        drawer = await make_drawer(tmp_path / "d")
        await drawer.close()
        monkeypatch.setattr(surroundings, "_mounts", lambda: [(tmp_path, "nfs4")])
        with pytest.raises(Refused):
            await open_drawer(tmp_path / "d")
        with pytest.raises(Refused):
            await make_drawer(tmp_path / "e")

    asyncio.run(play())


def test_the_mounts_of_macos() -> None:
    assert surroundings.read_mount(MAC_MOUNTS) == [
        (Path("/"), "apfs"),
        (Path("/System/Volumes/Data"), "apfs"),
        (Path("/Volumes/share"), "smbfs"),
    ]


def test_this_very_disk_is_local(tmp_path: Path) -> None:
    assert surroundings.file_system(tmp_path) not in ("", "proc")
    surroundings.refuse_network(tmp_path)
