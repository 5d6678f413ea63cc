"""The process that holds a drawer: a machine that sleeps, rounds that fail, a start that hangs or dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dearly import assemble
from dearly.assemble import behind, owner
from dearly.cli.main import run as run_command
from dearly.desk import rounds
from dearly.desk.desk import Desk
from dearly.door.client import call
from dearly.letter.errors import DearlyError, Locked, NoSpace
from tests.support.commands import Machine
from tests.support.desks import MemoryWays, desk_of
from tests.support.door import FakeTerminal, short_folder
from tests.support.drawers import PASSPHRASE, make_drawer, run
from tests.support.memory_carrier import MemoryPost
from tests.support.times import CountedChance, FixedClock


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with short_folder() as folder:
        (folder / "run").mkdir(mode=0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))
        yield folder


@dataclass
class Held:
    """A desk that an owner serves."""

    folder: Path
    desk: Desk
    clock: FixedClock
    serving: asyncio.Task[None]

    async def type(self, *argv: str, secret: str | None = None) -> tuple[int | None, str]:
        """A command at the door; its exit code, and what it complained of. `secret`: what the person would type."""
        terminal = FakeTerminal(secrets=[secret] if secret else [])
        code = await asyncio.to_thread(call, str(self.folder), list(argv), terminal)
        return code, terminal.complained

    def sockets(self) -> list[Path]:
        return list((self.folder.parent / "run" / "dearly").glob("*.sock"))


@contextlib.asynccontextmanager
async def held(place: Path) -> AsyncIterator[Held]:
    clock, chance, state = FixedClock(), CountedChance(), place / "state"
    drawer = await make_drawer(place / "ada", clock=clock, chance=chance, state=state)
    desk = desk_of(drawer, MemoryWays(MemoryPost()), clock, chance, state)
    app = assemble.app()
    ready = asyncio.Event()
    one = owner.Owner(desk, place / "ada", app, lambda app, argv, at: run_command(argv, at, lambda: app, in_owner=True))
    serving = asyncio.create_task(one.run(ready.set))
    try:
        await asyncio.wait({asyncio.create_task(ready.wait()), serving}, return_when=asyncio.FIRST_COMPLETED)
        yield Held(place / "ada", desk, clock, serving)
    finally:
        desk.ended.set()
        await asyncio.wait_for(serving, 20)
        await desk.close()


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


# -- the locks, on a machine that sleeps


def test_the_soft_lock_falls_while_the_machine_sleeps(place: Path) -> None:
    async def play() -> None:
        async with held(place) as ada:
            ada.clock.pass_(minutes=9)
            assert await ada.type("outbox") == (0, "")
            ada.clock.pass_(minutes=9)
            assert await ada.type("outbox") == (0, "")
            ada.clock.pass_(minutes=11)
            code, complained = await ada.type("outbox", "--json")
            assert (code, json.loads(complained)["error"]["code"]) == (3, "passphrase_wanted")
            assert (await ada.type("outbox", secret="wrong"))[0] == 3
            assert (await ada.type("outbox"))[0] == 3
            assert (await ada.type("outbox", secret=PASSPHRASE))[0] == 0
            assert await ada.type("outbox") == (0, "")

    run(play())


def test_the_end_of_a_long_command_opens_nothing(place: Path) -> None:
    """As `round --watch`, begun in the morning and ended by whoever found the machine in the evening."""

    async def play() -> None:
        async with held(place) as ada:
            app = assemble.app()
            one = owner.Owner(ada.desk, ada.folder, app, lambda *_: 0)
            async with one.open_desk(ada.folder, lambda: pytest.fail("not locked yet")):
                ada.clock.pass_(minutes=30)
            with pytest.raises(Locked):
                async with one.open_desk(ada.folder, lambda: "wrong"):
                    pytest.fail("opened")
            async with one.open_desk(ada.folder, lambda: PASSPHRASE):
                ada.clock.pass_(minutes=9)
            ada.clock.pass_(minutes=9)
            async with one.open_desk(ada.folder, lambda: pytest.fail("in use")):
                """The end of a command that was not locked out counts as a use."""

    run(play())


def test_the_hard_lock_falls_while_the_machine_sleeps(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "LOOK_SECONDS", 0.02)

    async def play() -> None:
        async with held(place) as ada:
            ada.clock.pass_(hours=11)
            await asyncio.sleep(0.1)
            assert not ada.serving.done()
            assert len(ada.sockets()) == 1
            ada.clock.pass_(hours=1, seconds=1)
            await asyncio.wait_for(ada.serving, 10)
            assert ada.sockets() == []

    run(play())


def test_after_twelve_hours_nothing_is_given_without_the_passphrase(place: Path) -> None:
    """Not even in the moments in which the owner has not looked yet, nor with a soft lock that is set to days."""

    async def play() -> None:
        async with held(place) as ada:
            one = owner.Owner(ada.desk, ada.folder, assemble.app(), lambda *_: 0)
            one._soft_after = 7 * 24 * 3600
            ada.clock.pass_(hours=13)
            with pytest.raises(Locked):
                async with one.open_desk(ada.folder, lambda: "wrong"):
                    pytest.fail("opened")

    run(play())


# -- rounds that fail


@pytest.mark.parametrize("fault", [RuntimeError("markerquince"), asyncio.CancelledError("markerquince")])
def test_a_fault_in_a_round_is_not_the_end_of_rounds(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: BaseException
) -> None:
    monkeypatch.setattr(owner, "PAUSE_SECONDS", 0.02)
    begun = []

    async def watch(desk: Desk, each: Callable[[object], None]) -> None:
        begun.append(desk)
        if len(begun) < 3:
            raise fault
        await asyncio.sleep(3600)

    monkeypatch.setattr(rounds, "watch", watch)

    async def play() -> None:
        async with held(place) as ada:
            await until(lambda: len(begun) == 3)
            assert await ada.type("outbox") == (0, "")
            assert not ada.serving.done()

    with caplog.at_level(logging.DEBUG):
        run(play())
    said = [record.getMessage() for record in caplog.records if record.name == owner.__name__]
    assert said == [f"the rounds stopped: {type(fault).__name__}"] * 2
    assert "markerquince" not in caplog.text


def test_a_fault_at_the_end_of_the_rounds_still_closes_the_door(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    async def watch(desk: Desk, each: Callable[[object], None]) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(desk)
            raise ValueError("markerquince")

    monkeypatch.setattr(rounds, "watch", watch)

    async def play() -> None:
        async with held(place) as ada:
            assert await ada.type("outbox") == (0, "")
            assert len(ada.sockets()) == 1
            ada.desk.ended.set()
            await asyncio.wait_for(ada.serving, 10)
            assert ended == [ada.desk]
            assert ada.sockets() == []

    run(play())


# -- an owner that fails before or after it answers


_FAULTY = """
import sys
from contextlib import asynccontextmanager
from dearly.assemble import desks, owner

@asynccontextmanager
async def faulty(folder, secret):
    raise RuntimeError("markerquince " + secret())
    yield

async def late(self, ready):
    ready()
    raise RuntimeError("markerquince")

if sys.argv[1] == "early":
    desks.open_desk = faulty
else:
    owner.Owner.run = late
from dearly.__main__ import main
sys.argv = ["dearly", "--hold-open", sys.argv[2]]
sys.exit(main())
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with short_folder() as folder:
        yield Machine(folder)


@pytest.fixture(scope="module")
def drawer(machine: Machine) -> Path:
    async def make() -> None:
        await (await make_drawer(machine.folder / "ada")).close()

    run(make())
    return machine.folder / "ada"


def _hold(machine: Machine, *argv: str | Path, given: str = PASSPHRASE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv], env=machine.env, input=given, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize(("when", "said"), [("early", {"code": "our_fault", "exit": 1}), ("late", {"open": True})])
def test_what_nobody_foresaw_is_one_line_and_no_trace(machine: Machine, drawer: Path, when: str, said: dict) -> None:
    done = _hold(machine, "-c", _FAULTY, when, drawer)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert said.items() <= answer.items()
    if when == "early":
        assert "RuntimeError" in answer["message"]
        assert answer["hint"]
    assert done.stderr == "the owner ended: RuntimeError\n"
    assert "markerquince" not in done.stdout


@pytest.mark.parametrize("given", ["wrong", "", "x" * 5000, "\udcff"])
def test_what_is_no_passphrase_is_one_line(machine: Machine, drawer: Path, given: str) -> None:
    order = [sys.executable, "-m", "dearly", "--hold-open", str(drawer)]
    data = given.encode("utf-8", "surrogatepass")
    done = subprocess.run(order, env=machine.env, input=data, capture_output=True, timeout=30, check=False)
    answer = json.loads(done.stdout)
    assert answer["code"] == ("wrong_passphrase" if given == "wrong" else "bad_passphrase")
    assert done.returncode == answer["exit"]
    assert b"Traceback" not in done.stderr


def test_whoever_waited_has_gone(machine: Machine, drawer: Path) -> None:
    """Killed, say. The owner serves all the same, and ends in order."""
    near, far = os.pipe()
    os.close(near)
    process = subprocess.Popen(
        [sys.executable, "-m", "dearly", "--hold-open", drawer],
        env=machine.env,
        stdin=subprocess.PIPE,
        stdout=far,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(far)
    assert process.stdin is not None
    process.stdin.write(PASSPHRASE)
    process.stdin.close()
    process.stdin = None
    try:
        end = time.monotonic() + 60
        while (done := machine.run("--drawer", str(drawer), "outbox")).code and time.monotonic() < end:
            time.sleep(0.1)
        assert done.code == 0, done.err
        process.send_signal(signal.SIGTERM)
        _out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
    finally:
        process.kill()
        process.communicate()


# -- the start, as the one who waits for it sees it


@pytest.fixture
def play_owner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Put a program in the owner's place; the file in which it notes its process."""

    def put(program: str) -> Path:
        note = tmp_path / "pid"
        program = f"import os, sys, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\n{program}"
        monkeypatch.setattr(behind, "_order", lambda _folder: [sys.executable, "-I", "-S", "-c", program])
        return note

    return put


def _lives(note: Path) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(note.read_text()), 0)
        return True
    return False


def _unlock() -> None:
    asyncio.run(behind.keep_open(Path("/nowhere"), lambda: PASSPHRASE))


@pytest.mark.parametrize(
    "program",
    [
        "os.kill(os.getpid(), 9)",
        "sys.exit(1)",
        "print('Traceback (most recent call last):')",
        "print('[]')",
        "print('x' * 200_000)",
        "print('{}'); sys.stdout.close(); os.close(1); time.sleep(60)",
        "os.close(0); os.kill(os.getpid(), 9)",
    ],
)
def test_an_owner_that_dies_without_a_word(play_owner: Callable[[str], Path], program: str) -> None:
    note = play_owner(program)
    with pytest.raises(DearlyError) as caught:
        _unlock()
    assert (caught.value.code, caught.value.exit, caught.value.retry) == ("owner_ended", 1, True)
    assert "Try again" in caught.value.hint
    assert not _lives(note)


@pytest.mark.parametrize(
    "program",
    [
        "time.sleep(60)",
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); sys.stdin.read(); time.sleep(60)",
    ],
)
def test_an_owner_that_hangs(play_owner: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(behind, "SECONDS_TO_ANSWER", 0.5)
    note = play_owner(program)
    with pytest.raises(DearlyError) as caught:
        _unlock()
    assert (caught.value.code, caught.value.retry) == ("owner_silent", True)
    assert not _lives(note)


def test_ctrl_c_while_it_is_opened_leaves_nobody_behind(play_owner: Callable[[str], Path]) -> None:
    note = play_owner("time.sleep(60)")

    async def play() -> None:
        waiting = asyncio.create_task(behind.keep_open(Path("/nowhere"), lambda: PASSPHRASE))
        await until(lambda: note.exists() and note.read_text() != "")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not _lives(note)

    run(play())


def test_no_process_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "_order", lambda _folder: ["/nowhere/python"])
    with pytest.raises(NoSpace) as caught:
        _unlock()
    assert caught.value.code == "owner_not_started"


def test_what_the_owner_refused_is_raised_as_it_was(play_owner: Callable[[str], Path]) -> None:
    said = {"code": "wrong_passphrase", "message": "No.", "hint": "Yes.", "exit": 3, "retry": False}
    note = play_owner(f"sys.stdin.read(); print({json.dumps(said)!r})")
    with pytest.raises(Locked) as caught:
        _unlock()
    assert (caught.value.code, caught.value.message, caught.value.hint) == ("wrong_passphrase", "No.", "Yes.")
    assert not _lives(note)


def test_an_owner_that_answers_is_left_alone(play_owner: Callable[[str], Path]) -> None:
    note = play_owner(
        f"assert sys.stdin.read() == {PASSPHRASE!r}; print('{{\"open\": true}}'); sys.stdout.close(); time.sleep(60)"
    )
    _unlock()
    pid = int(note.read_text())
    assert _lives(note)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
