"""The office that the desks of one machine share: who serves it ends, is killed, begins at the same time as others.

And joining it, killed anywhere: one account, whatever happened (F05 for joining).
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from dearly.assemble import desks
from dearly.assemble import local_office as module
from dearly.assemble.local_office import LocalOffice
from dearly.assemble.ways import MachineWays
from dearly.desk import open as opening
from dearly.desk import people, post, rounds, setup, write
from dearly.drawer.drawer import Drawer
from dearly.letter.errors import CarrierTrouble, DearlyError, NoSpace
from dearly.office import accounts, sqlite
from dearly.office.db import connect
from dearly.office.sqlite import FILE, SqliteStore
from tests.support.days import desk_in
from tests.support.drawers import PASSPHRASE, cheap_cost, run
from tests.support.killer import begin, kill_at, say

HERE = "tests.faults.test_local_office"


# -- what the other processes do


async def serve_and_use(place: str) -> None:
    """Ada's process: she joins, which makes it the one that serves, and stays until the file «end» is there."""
    async with desk_in(Path(place), "ada") as ada:
        await setup.begin(ada, "Ada")
        card = await setup.join_local_office(ada)
        say(json.dumps(card.vcard))
        await _until(lambda: (Path(place) / "end").exists())
    say("ended")


async def use(place: str) -> None:
    """Go to the office again and again, as rounds do, and say where it is."""
    office, last = LocalOffice(Path(place)), ""
    while True:
        try:
            if (url := await office.url()) != last:
                say(last := url)
        except CarrierTrouble:
            say("trouble")
        await asyncio.sleep(0.02)


async def invite_many(place: str, name: str, count: int) -> None:
    office = LocalOffice(Path(place))
    await office.url()
    say("begun")
    for number in range(count):
        say(await office.invite(f"{name}{number}"))


async def _until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


@contextmanager
def other(function: str, *args: Any) -> Iterator[subprocess.Popen[str]]:
    process = begin(HERE, function, *args)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def heard(process: subprocess.Popen[str]) -> str:
    """The next thing that it says."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("say "):
            return line[4:].rstrip("\n")
    raise AssertionError("it ended without a word")


# -- from one process to the next


@pytest.mark.parametrize("by", ["lock", "kill"])
def test_the_next_process_takes_over_and_finds_everything(tmp_path: Path, by: str) -> None:
    async def play(ada_process: subprocess.Popen[str]) -> None:
        card = json.loads(await asyncio.to_thread(heard, ada_process))
        where = (tmp_path / "local" / "serving.url").read_text()
        async with desk_in(tmp_path, "bert") as bert:
            await setup.begin(bert, "Bert")
            await setup.join_local_office(bert)
            await people.add(bert, "Ada", vcard=card.encode())

            async def send(text: str) -> None:
                number = (await write.write(bert, ["Ada"], text)).number
                await post.post(bert, number, at_once=True)
                report = await rounds.make_round(bert)
                assert (report.handed_over, report.troubles) == ((number,), ())

            await send("While Ada's process serves.\n")
            assert (tmp_path / "local" / "serving.url").read_text() == where
            if by == "kill":
                ada_process.send_signal(signal.SIGKILL)
                assert await asyncio.to_thread(ada_process.wait, 20) == -signal.SIGKILL
                assert (tmp_path / "local" / "serving.url").exists()
            else:
                (tmp_path / "end").touch()
                assert await asyncio.to_thread(heard, ada_process) == "ended"
                assert await asyncio.to_thread(ada_process.wait, 20) == 0
                assert not (tmp_path / "local" / "serving.url").exists()
            await send("While Bert's own does.\n")
            assert (tmp_path / "local" / "serving.url").read_text() != where
            async with desk_in(tmp_path, "ada") as ada:
                report = await rounds.make_round(ada)
                assert (len(report.arrived), report.troubles) == (2, ())
                await people.add(ada, "Bert", vcard=(await setup.my_card(bert)).vcard.encode())
                texts = [
                    (await opening.open_letter(ada, envelope.number)).letter.text
                    for envelope in reversed(await opening.letterbox(ada))
                ]
                assert texts == ["While Ada's process serves.\n", "While Bert's own does.\n"]

    with other("serve_and_use", tmp_path) as ada_process:
        run(play(ada_process))


def test_several_processes_begin_at_once_and_one_is_killed(tmp_path: Path) -> None:
    with other("use", tmp_path) as one, other("use", tmp_path) as two, other("use", tmp_path) as three:
        waiting = [one, two, three]
        (url,) = {heard(process) for process in waiting}
        for _turn in range(2):
            serving = _serving(tmp_path, waiting)
            waiting.remove(serving)
            serving.kill()
            (new,) = {heard(process) for process in waiting}
            assert new not in ("trouble", url)
            assert httpx.get(f"{new}/health").status_code == 200
            url = new
    assert _healthy(tmp_path)


def _serving(place: Path, processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """Who of them holds the lock."""
    inode = (place / "serving.lock").stat().st_ino
    holders = {
        int(pid)
        for line in Path("/proc/locks").read_text().splitlines()
        for _n, _kind, _how, _what, pid, file, *_range in [line.replace("-> ", "").split()]
        if file.rpartition(":")[2] == str(inode)
    }
    (found,) = [process for process in processes if process.pid in holders]
    return found


def _healthy(place: Path) -> bool:
    db = connect(place / FILE, writes=False)
    try:
        return db.all("PRAGMA integrity_check") == [("ok",)]
    finally:
        db.close()


# -- invitations are written past whoever serves


def test_invitations_from_several_processes_while_another_serves(tmp_path: Path) -> None:
    """The store takes writes from several processes: none is lost, none is given twice, none disturbs who joins."""

    async def join(url: str, token: str) -> str:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{url}/join", json={"invite": token})
            assert answer.status_code == 201, answer.text
            return str(answer.json()["address"])

    async def play(serving: subprocess.Popen[str], inviting: subprocess.Popen[str]) -> None:
        url = await asyncio.to_thread(heard, serving)
        assert await asyncio.to_thread(heard, inviting) == "begun"
        office = LocalOffice(tmp_path)

        async def theirs() -> list[str]:
            return [await join(url, await asyncio.to_thread(heard, inviting)) for _each in range(20)]

        async def ours() -> list[str]:
            return [await join(url, await office.invite(f"dora{number}")) for number in range(20)]

        async def same() -> list[str]:
            return [await join(url, await office.invite("ada")) for _each in range(5)]

        clara, dora, ada = await asyncio.gather(theirs(), ours(), same())
        names = [address.partition("@")[0] for address in clara + dora + ada]
        assert names == (
            [f"clara{number}" for number in range(20)]
            + [f"dora{number}" for number in range(20)]
            + ["ada", *(f"ada.{number}" for number in range(2, 6))]
        )
        await office.close()
        assert await office_accounts(tmp_path) == sorted(clara + dora + ada)

    with other("use", tmp_path) as serving:
        _until_file(tmp_path / "serving.url")
        with other("invite_many", tmp_path, "clara", 20) as inviting:
            run(play(serving, inviting))
    assert _healthy(tmp_path)


def _until_file(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.02)


async def office_accounts(folder: Path) -> list[str]:
    store = SqliteStore.open(folder)
    try:
        return sorted(str(account.address) for account, _holding in await accounts.accounts(store))
    finally:
        await store.close()


# -- what goes wrong here


def _descriptors(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.append(os.readlink(entry))
    return [name for name in found if name.startswith(str(folder))]


@pytest.mark.parametrize("where", ["flock", "create", "note"])
def test_a_trouble_of_the_disk_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """It is told in one sentence; and when the disk is well again, so is the office."""

    def fails(*_args: object, **_more: object) -> None:
        raise OSError(37, "No locks available")

    async def play() -> None:
        office = LocalOffice(tmp_path / "local")
        with monkeypatch.context() as patch:
            target, name = {
                "flock": (fcntl, "flock"),
                "create": (SqliteStore, "create"),
                "note": (module, "note"),
            }[where]
            patch.setattr(target, name, fails)
            with pytest.raises(NoSpace) as caught:
                await office.url()
        assert caught.value.code == "no_local_office"
        assert "No locks available" in caught.value.message
        assert _descriptors(tmp_path) == []
        url = await office.url()
        assert (await asyncio.to_thread(httpx.get, f"{url}/health")).status_code == 200
        await office.close()
        assert _descriptors(tmp_path) == []

    run(play())


def test_the_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "local").write_text("a file")
    with pytest.raises(NoSpace) as caught:
        run(LocalOffice(tmp_path / "local").url())
    assert caught.value.code == "no_local_office"


def test_whoever_took_the_port_of_a_dead_process_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an office is only beginning, the url of the one before it is gone already."""
    seen = []
    create = SqliteStore.create

    def look(folder: Path, *args: Any, **more: Any) -> SqliteStore:
        seen.append((folder / "serving.url").exists())
        return create(folder, *args, **more)

    monkeypatch.setattr(sqlite.SqliteStore, "create", look)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        url = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        (tmp_path / "serving.url").write_text(url)

        async def play() -> None:
            office = LocalOffice(tmp_path)
            assert await office.url() != url
            await office.close()

        run(play())
    assert seen == [False]


@pytest.mark.parametrize("left", [None, b"http://127.0.0.1:1", b"", b"\xff\xfe", b"http://127.0.0.1:x"])
def test_it_is_held_by_one_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: bytes | None
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    if left is not None:
        (tmp_path / "serving.url").write_bytes(left)
    with (tmp_path / "serving.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CarrierTrouble) as caught:
            run(LocalOffice(tmp_path).url())
    assert (caught.value.code, caught.value.retry) == ("no_local_office", True)


# -- joining, killed at every step


async def set_up(place: str, step: int) -> None:
    """`dearly setup --name Ada --local-office`, killed after step number `step`: each of what changes the drawer or
    the office, and the office's answer before it is kept. Says what the steps are."""
    left = step

    def counted(work: Callable[..., Any], what: str) -> Callable[..., Any]:
        async def run_it(*args: Any, **more: Any) -> Any:
            nonlocal left
            done = await work(*args, **more)
            left -= 1
            say(what)
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return run_it

    Drawer.write = counted(Drawer.write, "written")  # type: ignore[method-assign]
    MachineWays.join = counted(MachineWays.join, "join answered")  # type: ignore[method-assign]
    MachineWays.invite_local = counted(MachineWays.invite_local, "invited")  # type: ignore[method-assign]
    accounts.join = counted(accounts.join, "joined, and not answered")
    await _set_up(Path(place))


async def _set_up(place: Path) -> None:
    real = desks.Drawer.create

    async def cheap(folder: Path, word: str, **more: Any) -> Drawer:
        return await real(folder, word, **{**more, "cost": cheap_cost()})

    desks.Drawer.create = cheap  # type: ignore[method-assign,assignment]
    desks.office_folder = lambda: place / "local"
    desks.state_folder = lambda: place / "state"
    try:
        async with desks.create_desk(place / "ada", lambda: PASSPHRASE) as desk:
            await setup.begin(desk, "Ada")
            card = await setup.join_local_office(desk)
            (address,) = card.addresses
            assert address.startswith("ada@")
            assert (await rounds.make_round(desk)).troubles == ()
    finally:
        desks.Drawer.create = real  # type: ignore[method-assign]


def test_a_set_up_that_was_killed_anywhere_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "office_folder", desks.office_folder)
    monkeypatch.setattr(desks, "state_folder", desks.state_folder)

    def kill(step: int) -> list[str]:
        (tmp_path / str(step)).mkdir()
        ended = kill_at(None, HERE, "set_up", tmp_path / str(step), step)
        assert ended.killed == (step != 0)
        return ended.said

    steps = kill(0)
    joining = [steps.index(what) for what in ("invited", "joined, and not answered", "join answered")]
    assert joining == sorted(joining)
    numbers = range(joining[0], joining[-1] + 4)  # from before the invitation until the account and the key stand
    with ThreadPoolExecutor(2) as pool:
        assert [said[-1] for said in pool.map(kill, numbers)] == [steps[number - 1] for number in numbers]
    broken = []
    for number in numbers:
        place = tmp_path / str(number)
        try:
            run(_set_up(place))
        except DearlyError as trouble:
            broken.append((steps[number - 1], trouble.code))
        assert len(run(office_accounts(place / "local"))) == 1, steps[number - 1]
    assert broken == []


@pytest.mark.parametrize("step", ["create.slots-written", "create.database-written"])
def test_a_set_up_that_was_killed_while_the_drawer_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(desks, "office_folder", desks.office_folder)
    monkeypatch.setattr(desks, "state_folder", desks.state_folder)
    assert kill_at(step, HERE, "set_up", tmp_path, 0).killed
    run(_set_up(tmp_path))
    assert len(run(office_accounts(tmp_path / "local"))) == 1
