"""Backups: whole, of one moment, as locked as the drawer; and what is said of one that is not."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dearly.drawer import backup, chain, change, incarnation, restore
from dearly.drawer.drawer import Drawer
from dearly.drawer.folder import DATABASE, KEYS
from dearly.letter.errors import Damaged, DearlyError, Locked, MadeByNewer, NotFound, Refused
from tests.support.drawers import KEY, PASSPHRASE, cheap_cost, make_drawer, new_drawer, open_drawer
from tests.support.times import NOON, CountedChance, FixedClock


def link(number: int) -> Callable[[object], object]:
    return lambda db: chain.append(db, chain.Kind.FILED, number.to_bytes(32, "big"), NOON)  # type: ignore[arg-type]


async def filled(folder: Path, links: int = 5) -> Drawer:
    drawer = await make_drawer(folder)
    for number in range(links):
        await drawer.write(link(number))
    return drawer


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a drawer with five links."""
    place = tmp_path_factory.mktemp("made")

    async def play() -> None:
        drawer = await filled(place / "d")
        await backup.back_up(drawer, place / "backup.tar")
        await drawer.close()

    asyncio.run(play())
    return place / "backup.tar"


def test_it_is_made_checked_and_restored(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await filled(tmp_path / "d")
        told: list[tuple[int, int]] = []
        manifest = await backup.back_up(drawer, tmp_path / "b.tar", lambda done, all_: told.append((done, all_)))
        assert told[-1][0] == told[-1][1] > 0
        assert manifest.made == NOON
        assert stat.S_IMODE((tmp_path / "b.tar").stat().st_mode) == 0o600
        await drawer.write(link(99))
        await drawer.close()
        assert (await restore.verify(tmp_path / "b.tar", PASSPHRASE)).links == 5
        proven = await restore.restore(tmp_path / "b.tar", tmp_path / "home" / "new", PASSPHRASE)
        assert proven.links == 5
        again = await open_drawer(tmp_path / "home" / "new")
        assert again.uid == drawer.uid
        assert (await again.read(chain.head)).count == 5
        assert await again.read(chain.verify) is None
        # F49: nothing of it may leave before the person has been asked.
        assert await incarnation.moved(again)
        await again.close()
        assert stat.S_IMODE((tmp_path / "home" / "new").stat().st_mode) == 0o700
        assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "home" / "new").iterdir())

    asyncio.run(play())


def test_writing_goes_on_and_the_backup_is_of_one_moment(tmp_path: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            big = "x" * 3_000_000
            await drawer.write(lambda db: db.run("INSERT INTO settings (name, value) VALUES ('fake', ?)", (big,)))
            for number in range(3):
                await drawer.write(link(number))
            loop = asyncio.get_running_loop()
            extra: list[asyncio.Future[object]] = []

            def told(_done: int, _all: int) -> None:
                extra.append(asyncio.run_coroutine_threadsafe(drawer.write(link(50 + len(extra))), loop))  # type: ignore[arg-type]
                extra[-1].result(30)  # type: ignore[call-arg]  # a concurrent future, waited for in the backup's thread

            await backup.back_up(drawer, tmp_path / "b.tar", told)
            assert len(extra) > 2
            assert (await drawer.read(chain.head)).count == 3 + len(extra)
        assert (await restore.verify(tmp_path / "b.tar", PASSPHRASE)).links == 3

    asyncio.run(play())


def test_an_old_backup_keeps_the_old_passphrase(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await filled(tmp_path / "d")
        await backup.back_up(drawer, tmp_path / "old.tar")
        await change.change_passphrase(drawer, PASSPHRASE, "fake new words", cost=cheap_cost())
        await backup.back_up(drawer, tmp_path / "new.tar")
        await drawer.close()
        await restore.verify(tmp_path / "old.tar", PASSPHRASE)
        await restore.verify(tmp_path / "new.tar", "fake new words")
        for name, words in (("old.tar", "fake new words"), ("new.tar", PASSPHRASE)):
            with pytest.raises(Locked) as wrong:
                await restore.verify(tmp_path / name, words)
            assert wrong.value.code == "wrong_passphrase"

    asyncio.run(play())


def test_the_kit_opens_a_backup_too(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await filled(tmp_path / "d")
        key = drawer.store.key
        await backup.back_up(drawer, tmp_path / "b.tar")
        await drawer.close()
        assert (await restore.restore(tmp_path / "b.tar", tmp_path / "new", key)).links == 5
        with pytest.raises(Locked):
            await restore.restore(tmp_path / "b.tar", tmp_path / "other", KEY)

    asyncio.run(play())


def test_it_never_overwrites(tmp_path: Path, made: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "d") as drawer:
            (tmp_path / "mine").write_text("mine")
            for target, code in ((tmp_path / "mine", "file_exists"), (tmp_path / "d" / "b.tar", "backup_in_drawer")):
                with pytest.raises(Refused) as wrong:
                    await backup.back_up(drawer, target)
                assert wrong.value.code == code
            with pytest.raises(Refused) as taken:
                await restore.restore(made, tmp_path / "d", PASSPHRASE)
            assert taken.value.code == "drawer_exists"
        assert (tmp_path / "mine").read_text() == "mine"

    asyncio.run(play())


def test_every_changed_byte_is_found(tmp_path: Path, made: Path) -> None:
    """Sampled; each is either found, or lies in the tar's own padding and changes nothing."""
    data = made.read_bytes()
    with tarfile.open(made) as tar:
        inside = [range(entry.offset_data, entry.offset_data + entry.size) for entry in tar.getmembers()]

    async def play() -> None:
        for place in [*range(0, 6000, 97), *range(6000, len(data), 40_009)]:
            (tmp_path / "b.tar").write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
            try:
                proven = await restore.verify(tmp_path / "b.tar", PASSPHRASE)
            except (Damaged, Locked, MadeByNewer):
                continue
            assert not any(place in part for part in inside), place
            assert proven.links == 5

    asyncio.run(play())


def test_every_cut_is_found(tmp_path: Path, made: Path) -> None:
    data = made.read_bytes()
    with tarfile.open(made) as tar:
        end = max(entry.offset_data + entry.size for entry in tar.getmembers())

    async def play() -> None:
        for size in [0, 1, 511, 512, 1024, 2000, 3000, 5000, *range(6000, end, 60_013), end - 1]:
            (tmp_path / "b.tar").write_bytes(data[:size])
            with pytest.raises(Damaged) as wrong:
                await restore.restore(tmp_path / "b.tar", tmp_path / "new", PASSPHRASE)
            assert wrong.value.code == "backup_damaged"
        assert {path.name for path in tmp_path.iterdir()} == {"b.tar"}

    asyncio.run(play())


def remade(source: Path, target: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
    """The same backup with other content, as a hostile hand would pack it."""
    with tarfile.open(source) as tar:
        content = {entry.name: tar.extractfile(entry).read() for entry in tar.getmembers()}  # type: ignore[union-attr]
    with tarfile.open(target, "w") as tar:
        for name, data in change(content).items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))


def listed(content: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    return {**content, "manifest.json": json.dumps({**json.loads(content["manifest.json"]), **changes}).encode()}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda c: {**c, "../evil": b"x"}, Damaged),
        (lambda c: {**c, "/tmp/evil": b"x"}, Damaged),
        (lambda c: {name: c[name] for name in reversed(c)}, Damaged),
        (lambda c: {name: c[name] for name in c if name != "keys.2"}, Damaged),
        (lambda c: {name: c[name] for name in c if name != DATABASE}, Damaged),
        (lambda c: listed(c, drawer="1f" * 16), Damaged),
        (lambda c: listed(c, made=1), Damaged),
        (lambda c: listed(c, mac="0" * 64), Damaged),
        (lambda c: listed(c, files={}), Damaged),
        (lambda c: listed(c, version=2), MadeByNewer),
        (lambda c: listed(c, format="other"), Damaged),
        (lambda c: {**c, "manifest.json": b"[" * 1000}, Damaged),
        (lambda _c: {"hello.txt": b"hello"}, Damaged),
    ],
)
def test_a_forged_backup_is_refused(
    tmp_path: Path, made: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]], error: type[DearlyError]
) -> None:
    remade(made, tmp_path / "b.tar", change)
    with pytest.raises(error):
        asyncio.run(restore.restore(tmp_path / "b.tar", tmp_path / "new", PASSPHRASE))
    assert {path.name for path in tmp_path.iterdir()} == {"b.tar"}


def test_links_in_a_tar_are_not_followed(tmp_path: Path, made: Path) -> None:
    with tarfile.open(made) as tar:
        content = {entry.name: tar.extractfile(entry).read() for entry in tar.getmembers()}  # type: ignore[union-attr]
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        for name in ("manifest.json", *KEYS, DATABASE):
            about = tarfile.TarInfo(name)
            if name == "keys":
                about.type, about.linkname = tarfile.SYMTYPE, "/etc/hostname"
                tar.addfile(about)
            else:
                about.size = len(content[name])
                tar.addfile(about, io.BytesIO(content[name]))
    with pytest.raises(Damaged):
        asyncio.run(restore.restore(tmp_path / "b.tar", tmp_path / "new", PASSPHRASE))


def test_parts_of_two_backups_do_not_make_one(tmp_path: Path, made: Path) -> None:
    async def play() -> None:
        other = await make_drawer(tmp_path / "d", chance=CountedChance("other"))
        await backup.back_up(other, tmp_path / "other.tar")
        await other.close()
        with tarfile.open(tmp_path / "other.tar") as tar:
            theirs = {entry.name: tar.extractfile(entry).read() for entry in tar.getmembers()}  # type: ignore[union-attr]
        remade(made, tmp_path / "b.tar", lambda c: {**theirs, DATABASE: c[DATABASE]})
        with pytest.raises(Damaged):
            await restore.verify(tmp_path / "b.tar", PASSPHRASE)

    asyncio.run(play())


def test_no_such_backup(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        asyncio.run(restore.verify(tmp_path / "none", PASSPHRASE))


# The passphrase and the data key ------------------------------------------------------------------------------------


def test_a_changed_passphrase(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await filled(tmp_path / "d")
        with pytest.raises(Locked):
            await change.change_passphrase(drawer, "fake wrong", "fake new words", cost=cheap_cost())
        await change.change_passphrase(drawer, PASSPHRASE, "fake new words", cost=cheap_cost())
        await drawer.write(link(50))
        await drawer.close()
        with pytest.raises(Locked):
            await open_drawer(tmp_path / "d")
        again = await Drawer.open(tmp_path / "d", "fake new words", clock=FixedClock(), chance=CountedChance())
        assert (await again.read(chain.head)).count == 6
        assert again.notices == ()
        await again.close()

    asyncio.run(play())


def test_a_damaged_copy_of_the_keys_is_mended_at_opening(tmp_path: Path) -> None:
    async def play() -> None:
        await (await make_drawer(tmp_path / "d")).close()
        for name in KEYS:
            (tmp_path / "d" / name).write_bytes(b"gone")
            drawer = await open_drawer(tmp_path / "d")
            assert [notice.code for notice in drawer.notices] == ["keys_mended"]
            await drawer.close()
            assert len({(tmp_path / "d" / copy).read_bytes() for copy in KEYS}) == 1
        drawer = await open_drawer(tmp_path / "d")
        assert drawer.notices == ()
        await drawer.close()

    asyncio.run(play())


def test_renewing_is_not_accepting_an_older_state(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await filled(tmp_path / "d")
        await drawer.close()
        shutil.copy(tmp_path / "d" / DATABASE, tmp_path / "older")
        drawer = await open_drawer(tmp_path / "d")
        await drawer.write(link(70))
        await drawer.close()
        shutil.copy(tmp_path / "older", tmp_path / "d" / DATABASE)
        await change.renew(tmp_path / "d", PASSPHRASE, cost=cheap_cost())
        drawer = await open_drawer(tmp_path / "d")
        assert drawer.rolled_back
        await drawer.close()

    asyncio.run(play())


def test_a_renewed_key_makes_the_old_one_useless(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await filled(tmp_path / "d")
        old, stolen = drawer.store.key, tmp_path / "stolen"
        await drawer.close()
        stolen.mkdir()
        for name in KEYS:
            shutil.copy(tmp_path / "d" / name, stolen / name)
        (tmp_path / "d" / "before-1.db").write_bytes(b"an old copy under the old key")
        fresh = await change.renew(tmp_path / "d", PASSPHRASE, cost=cheap_cost(), state=tmp_path / "state")
        assert fresh != old
        assert not (tmp_path / "d" / "before-1.db").exists()
        again = await open_drawer(tmp_path / "d", state=tmp_path / "state")
        assert (again.store.key, again.notices) == (fresh, ())
        assert (await again.read(chain.head)).count == 5
        await again.close()
        shutil.copy(tmp_path / "d" / DATABASE, stolen / DATABASE)
        with pytest.raises(DearlyError):
            await open_drawer(stolen)

    asyncio.run(play())


def test_renewing_waits_for_a_rescued_copy(tmp_path: Path) -> None:
    async def play() -> None:
        await (await make_drawer(tmp_path / "d")).close()
        (tmp_path / "d" / "drawer.rescued.db").touch()
        with pytest.raises(Refused):
            await change.renew(tmp_path / "d", PASSPHRASE, cost=cheap_cost())
        await (await open_drawer(tmp_path / "d")).close()

    asyncio.run(play())
