"""Faults at the door: strangers, garbage, silence, floods, and death at either end in the middle of a command."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dearly.door import client, server
from dearly.door.client import call
from dearly.door.frames import JSON, pack, pack_json, receive_from, unpack_json
from dearly.door.remote import RemoteTerminal
from dearly.letter.errors import DearlyError, InUse, NoSpace
from tests.support.door import FakeTerminal, Owner, owner, short_folder


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with short_folder() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder


@pytest.fixture
def drawer(runtime: Path) -> Path:
    folder = runtime / "drawer"
    folder.mkdir()
    return folder


def _knock(one: Owner) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(60)
    sock.connect(one.door.path)
    return sock


def _request(drawer: Path, **other: object) -> bytes:
    value = {
        "v": 1,
        "drawer": str(drawer),
        "argv": ["outbox"],
        "cwd": "/",
        "env": {},
        "columns": 80,
        "tty": [False] * 3,
        **other,
    }
    return pack_json(value)


def _still_serves(drawer: Path) -> bool:
    return call(str(drawer), ["outbox"], FakeTerminal()) == 0


def _ends(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


# Strangers


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_not_let_in(drawer: Path, runtime: Path) -> None:
    """The folder keeps others out; the kernel's word keeps them out even where the folder would not."""
    served = []
    with owner(drawer, lambda *_: served.append(1) or 0) as one:
        as_nobody = [sys.executable, "-c", _ASK, one.door.path, _request(drawer).hex()]
        refused = subprocess.run(as_nobody, capture_output=True, check=False)
        assert b"PermissionError" in refused.stderr
        for folder in (runtime, runtime / "dearly"):
            folder.chmod(0o777)
        Path(one.door.path).chmod(0o777)
        let = subprocess.run(as_nobody, capture_output=True, check=False)
        assert (let.returncode, let.stdout.strip()) == (0, b"b''"), let.stderr
        assert not served


_ASK = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sock = socket.socket(socket.AF_UNIX)
sock.settimeout(60)
sock.connect(sys.argv[1])
try:
    sock.sendall(bytes.fromhex(sys.argv[2]))
    print(sock.recv(100))
except (BrokenPipeError, ConnectionResetError):
    print(b"")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_stranger_in_our_place_gets_nothing(drawer: Path, runtime: Path) -> None:
    """A socket of another user that found its way into our folder is passed over by the client."""
    (runtime / "dearly").mkdir(mode=0o700)
    path = client.places(str(drawer))[0]
    spy = socket.socket(socket.AF_UNIX)
    spy.bind(path)
    os.seteuid(65534)
    try:
        # What the kernel tells is who called listen().
        spy.listen()
    finally:
        os.seteuid(0)
    with spy:
        assert call(str(drawer), ["outbox"], FakeTerminal()) is None
        spy.settimeout(0)
        knocked, _ = spy.accept()
        with knocked:
            assert knocked.recv(100) == b""


# Garbage, silence, floods


@pytest.mark.parametrize(
    "said",
    [
        b"\0" * 100,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"j\xff\xff\xff\xff",
        pack(JSON, b"{"),
        pack(JSON, b"[" * 60_000),
        pack(b"o", b"hello"),
        pack_json({"v": 1}),
    ],
)
def test_garbage_gets_a_refusal(drawer: Path, said: bytes) -> None:
    with owner(drawer, lambda *_: 0) as one:
        with _knock(one) as sock:
            sock.sendall(said)
            kind, body = receive_from(sock)
            assert (kind, unpack_json(body)) == (JSON, {"refused": "frame"})
            assert _ends(sock)
        assert _still_serves(drawer)


@pytest.mark.parametrize("said", [b"", b"j", b"j\0\0\0\x10", b"j\0\0\0\x10{"])
def test_silence_is_hung_up_on(drawer: Path, said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SECONDS_FOR_REQUEST", 0.2)
    with owner(drawer, lambda *_: 0) as one:
        with _knock(one) as sock:
            sock.sendall(said)
            assert _ends(sock)
        assert _still_serves(drawer)


def test_a_crowd_that_says_nothing_locks_nobody_out_for_long(drawer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SECONDS_FOR_REQUEST", 0.3)
    with owner(drawer, lambda *_: 0) as one:
        crowd = [_knock(one) for _ in range(server.MOST_KNOCKING + 10)]
        until = time.monotonic() + 60
        while call(str(drawer), ["outbox"], FakeTerminal()) is None:
            assert time.monotonic() < until
        for sock in crowd:
            sock.close()


@pytest.mark.parametrize("said", [pack(b"d", b"x" * 1000), pack(b"o", b"x"), pack_json({"secret": "x"}), b"\xff" * 100])
def test_what_was_not_asked_for_ends_the_talk(drawer: Path, said: bytes) -> None:
    gone = threading.Event()

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        terminal.when_gone(gone.set)
        gone.wait(60)
        return 0

    with owner(drawer, serve) as one:
        with _knock(one) as sock:
            sock.sendall(_request(drawer))
            assert unpack_json(receive_from(sock)[1]) == {"hello": 1}
            sock.sendall(said)
            assert gone.wait(60)
            assert _ends(sock)
        gone.set()
        assert _still_serves(drawer)


@pytest.mark.parametrize(
    "answer",
    [pack(b"d", b"x" * 60_000) * 3, pack(b"d", b"xx") + pack_json({"mode": "x" * 60_000}), pack_json({"errno": 5})],
)
def test_wrong_answers_to_a_question(drawer: Path, answer: bytes) -> None:
    met = []

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        try:
            met.append(terminal.read("letter.txt", 100_000))
        except OSError as trouble:
            met.append(type(trouble))
        return 0

    with owner(drawer, serve) as one:
        with _knock(one) as sock:
            sock.sendall(_request(drawer))
            receive_from(sock)
            assert unpack_json(receive_from(sock)[1])["ask"] == "read"
            sock.sendall(answer)
            while not met:
                time.sleep(0.01)
        assert met[0] in (ConnectionAbortedError, OSError, (b"xx", None))


def test_a_client_that_does_not_read_harms_itself_alone(drawer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said from the loop is bounded; the loop goes on."""
    monkeypatch.setattr("dearly.door.remote.MOST_WAITING", 1 << 20)
    gone = threading.Event()

    async def flood(terminal: RemoteTerminal) -> None:
        for _ in range(400):
            terminal.out("x" * 10_000)

    def serve(argv: list[str], terminal: RemoteTerminal) -> int:
        if argv != ["flood"]:
            return 0
        terminal.when_gone(gone.set)
        one.do(flood(terminal))
        return 0

    with owner(drawer, serve) as one, _knock(one) as sock:
        sock.sendall(_request(drawer, argv=["flood"]))
        assert gone.wait(60)
        assert _still_serves(drawer)


def test_a_paused_reader_gets_everything_in_the_end(drawer: Path) -> None:
    """As `dearly show 3 | less`: the command waits, the owner does not."""

    def serve(argv: list[str], terminal: RemoteTerminal) -> int:
        if argv == ["show"]:
            for _ in range(100):
                terminal.out("x" * 20_000)
        return 0

    with owner(drawer, serve) as one, _knock(one) as sock:
        sock.sendall(_request(drawer, argv=["show"]))
        assert _still_serves(drawer)
        got, kind, body = 0, b"", b""
        while kind != JSON or b"exit" not in body:
            kind, body = receive_from(sock)
            got += len(body) if kind == b"o" else 0
        assert got == 2_000_000


def test_an_owner_that_does_not_answer(drawer: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was stopped (SIGSTOP): the command says so, and does not wait for ever."""
    monkeypatch.setattr(client, "SECONDS_FOR_HELLO", 0.2)
    (runtime / "dearly").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(client.places(str(drawer))[0])
        mute.listen()
        with pytest.raises(InUse) as caught:
            call(str(drawer), ["outbox"], FakeTerminal())
    assert caught.value.code == "owner_silent"


@pytest.mark.parametrize(
    "said",
    [b"\xff" * 50, pack(b"d", b"x"), pack_json({"ask": "everything"}), pack_json({"ask": "secret", "prompt": 3}), b""],
)
def test_an_owner_that_breaks_the_rules(drawer: Path, runtime: Path, said: bytes) -> None:
    (runtime / "dearly").mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as odd:
        odd.bind(client.places(str(drawer))[0])
        odd.listen()

        def answer() -> None:
            talk, _ = odd.accept()
            with talk:
                receive_from(talk)
                talk.sendall(pack_json({"hello": 1}) + said)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(DearlyError) as caught:
            call(str(drawer), ["outbox"], FakeTerminal())
        thread.join(10)
    assert caught.value.code == "owner_ended"


# Death in the middle of a command

_OWNER = """
import asyncio, sys, time
from pathlib import Path
from dearly.door.server import Door

def serve(argv, terminal):
    terminal.out("begun\\n")
    time.sleep(60)
    return 0

async def main():
    door = Door(Path(sys.argv[1]), serve)
    await door.open()
    print("open", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""

_CLIENT = """
import sys
from dearly.__main__ import main
sys.argv[0] = "dearly"
sys.exit(main())
"""


def _dearly(drawer: Path, *argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _CLIENT, "--drawer", drawer, *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("as_json", [False, True])
def test_the_owner_is_killed_in_the_middle(drawer: Path, as_json: bool) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _OWNER, drawer], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        asked = _dearly(drawer, "outbox", *(["--json"] if as_json else []))
        assert asked.stdout is not None
        assert asked.stdout.readline() == b"begun\n"
        holder.kill()
        _, complained = asked.communicate(timeout=60)
    finally:
        holder.kill()
        holder.communicate()
    assert asked.returncode == 1
    if as_json:
        error = json.loads(complained)["error"]
        assert (error["code"], error["exit"]) == ("owner_ended", 1)
    else:
        assert b"Nothing that was done is lost" in complained
        assert b"Traceback" not in complained


def test_the_client_is_killed_in_the_middle(drawer: Path) -> None:
    """What was begun is finished; who waits for the reader learns that it went; the owner serves the next."""
    gone, done = threading.Event(), threading.Event()

    def serve(argv: list[str], terminal: RemoteTerminal) -> int:
        if argv[-1] == "round":
            terminal.when_gone(gone.set)
            terminal.out("begun\n")
            assert gone.wait(60)
            terminal.out("nobody hears this\n" * 10_000)
            with pytest.raises(ConnectionAbortedError):
                terminal.ask_secret("Passphrase: ")
            with pytest.raises(ConnectionAbortedError):
                terminal.read("-", 10)
            done.set()
        return 0

    with owner(drawer, serve):
        asked = _dearly(drawer, "round")
        assert asked.stdout is not None
        assert asked.stdout.readline() == b"begun\n"
        asked.kill()
        asked.communicate()
        assert done.wait(60)
        assert _still_serves(drawer)


def test_ctrl_c_at_the_client(drawer: Path) -> None:
    gone = threading.Event()

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        terminal.when_gone(gone.set)
        terminal.out("begun\n")
        gone.wait(60)
        return 0

    with owner(drawer, serve):
        asked = _dearly(drawer, "round", "--watch")
        assert asked.stdout is not None
        assert asked.stdout.readline() == b"begun\n"
        asked.send_signal(signal.SIGINT)
        _, complained = asked.communicate(timeout=60)
        assert (asked.returncode, complained) == (130, b"")
        assert gone.wait(60)


def test_a_full_disk_behind_the_output(drawer: Path) -> None:
    with owner(drawer, lambda _argv, terminal: terminal.out("x" * 100_000) or 0), Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", _CLIENT, "--drawer", drawer, "show", "3"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 9
    assert b"could not be written" in done.stderr


@pytest.mark.parametrize("full", [True, False])
def test_an_output_that_ends_when_the_owner_has_hung_up(drawer: Path, full: bool) -> None:
    """All was said before the client wrote any of it: what is told is still the full disk, or else the exit code."""

    class Slow(FakeTerminal):
        def out(self, text: str) -> None:
            while one.door._talks:
                time.sleep(0.01)
            one.do(asyncio.sleep(0.01))
            for tell in self.gone:
                tell()
            if full:
                raise NoSpace("cannot_write_output", "There is no room.")

    with owner(drawer, lambda _argv, terminal: terminal.out("x") or 4) as one:
        if full:
            with pytest.raises(NoSpace):
                call(str(drawer), ["outbox"], Slow())
        else:
            assert call(str(drawer), ["outbox"], Slow()) == 4


def test_nobody_reads_the_output(drawer: Path) -> None:
    """As `dearly outbox | true`: the command is done, quietly, and its exit code is its own."""
    near, far = os.pipe()
    os.close(near)
    with owner(drawer, lambda _argv, terminal: terminal.out("x" * 100_000) or 4):
        done = subprocess.run(
            [sys.executable, "-c", _CLIENT, "--drawer", drawer, "show", "3"],
            stdout=far,
            stderr=subprocess.PIPE,
            check=False,
        )
    os.close(far)
    assert (done.returncode, done.stderr) == (4, b"")


def test_no_secret_in_arguments_or_names(drawer: Path, runtime: Path) -> None:
    """Neither the process list nor the socket's name shows the passphrase or the drawer."""
    secret = runtime / "passphrase.txt"
    secret.write_text("fake secret phrase\n")
    secret.chmod(0o600)
    inside, go = threading.Event(), threading.Event()

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        assert terminal.read(str(secret), 100)[0] == b"fake secret phrase\n"
        inside.set()
        go.wait(60)
        return 0

    with owner(drawer, serve) as one:
        asked = _dearly(drawer, "--passphrase-file", str(secret), "unlock")
        assert inside.wait(60)
        line = Path(f"/proc/{asked.pid}/cmdline").read_bytes() + Path(f"/proc/{asked.pid}/environ").read_bytes()
        assert b"fake secret phrase" not in line
        assert "drawer" not in Path(one.door.path).name
        go.set()
        asked.communicate(timeout=60)
    assert asked.returncode == 0
