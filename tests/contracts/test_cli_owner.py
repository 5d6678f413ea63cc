"""The command line and the process that holds a drawer: unlocking, asking again, dying, taking turns; all real."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import PASSPHRASE, Machine, Person
from tests.support.door import short_folder
from tests.support.machines import cheap_drawer


@pytest.fixture(scope="module")
def ada() -> Iterator[Person]:
    with short_folder() as folder:
        machine = Machine(folder)
        cheap_drawer(machine, "ada")
        somebody = machine.person("ada")
        assert somebody("setup --name Ada --own ada@letters.test").code == 0
        assert somebody("people add Bert --address bert@letters.test").code == 0
        yield somebody
        somebody("lock")


def _sockets(ada: Person) -> list[Path]:
    return list((ada.machine.folder / "run" / "dearly").glob("*.sock"))


def _owner(ada: Person) -> int:
    """The process id of the owner."""
    (path,) = _sockets(ada)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        pid, _uid, _gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)


def test_two_commands_at_once_on_a_locked_drawer_take_turns(ada: Person) -> None:
    both = [ada.machine.start("outbox", drawer="ada") for _ in range(2)]
    for process in both:
        process.communicate(timeout=60)
    assert [process.returncode for process in both] == [0, 0]


def test_an_open_drawer_asks_for_no_passphrase(ada: Person) -> None:
    assert ada("unlock").out == "The drawer is open.\n"
    assert ada("unlock").out == "The drawer is open.\n"
    assert len(_sockets(ada)) == 1
    assert ada.machine.run("--drawer", "ada", "outbox").code == 0


def test_two_commands_at_once_on_an_open_drawer(ada: Person) -> None:
    both = [ada.machine.start("write", "Bert", "--json", drawer="ada") for _ in range(2)]
    said = [process.communicate("Dear Bert,\n", timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] != said[1]


def test_files_are_meant_from_where_the_person_is(ada: Person) -> None:
    elsewhere = ada.machine.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "here.txt").write_text("Written elsewhere.\n")
    done = subprocess.run(
        [sys.executable, "-m", "dearly", "--drawer", "../ada", "write", "Bert", "--from-file", "here.txt", "--json"],
        cwd=elsewhere,
        env=ada.machine.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Written elsewhere." in done.stdout


def test_a_text_and_an_enclosure_from_pipes_of_the_client(ada: Person) -> None:
    script = f'{sys.executable} -m dearly --drawer ada write Bert --from-file <(echo "By a pipe.") --json'
    done = subprocess.run(
        ["bash", "-c", script], cwd=ada.machine.folder, env=ada.machine.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "By a pipe." in done.stdout


def test_ctrl_c_leaves_the_owner_alone(ada: Person) -> None:
    watching = ada.machine.start("round", "--watch", drawer="ada")
    assert watching.stdout is not None
    assert watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    _, complained = watching.communicate(timeout=60)
    assert (watching.returncode, complained) == (130, "")
    assert ada("outbox").code == 0


def test_a_killed_owner_is_nobody(ada: Person) -> None:
    pid = _owner(ada)
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until and not _is_zombie(pid):
        time.sleep(0.02)
    assert _sockets(ada)
    assert ada.json("drafts")["total"] == 4
    assert ada("unlock").code == 0
    assert ada("lock").code == 0
    assert _sockets(ada) == []


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_wrong_passphrase_leaves_nobody_behind(ada: Person) -> None:
    ada.machine.write("wrong.txt", "wrong", mode=0o600)
    done = ada("unlock --json", DEARLY_PASSPHRASE_FILE="wrong.txt")
    assert (done.code, done.error["code"]) == (3, "wrong_passphrase")
    assert _sockets(ada) == []


def test_ctrl_c_without_an_owner(ada: Person) -> None:
    watching = ada.machine.start("round", "--watch", drawer="ada")
    assert watching.stdout is not None
    assert watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    _, complained = watching.communicate(timeout=60)
    assert (watching.returncode, complained) == (130, "")
    assert ada("outbox").code == 0


_SOFT = """
import sys
from dearly.assemble import owner
owner.SOFT_LOCK_MINUTES = 0
from dearly.__main__ import main
sys.argv = ["dearly", "--hold-open", sys.argv[1]]
sys.exit(main())
"""


def test_a_soft_locked_desk_wants_the_passphrase_again(ada: Person) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _SOFT, ada.machine.folder / "ada"],
        env=ada.machine.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write(PASSPHRASE.encode())
    holder.stdin.close()
    assert b'"open": true' in holder.stdout.readline()
    try:
        done = ada.machine.run("--drawer", "ada", "outbox", "--json")
        assert (done.code, done.error["code"]) == (3, "passphrase_wanted")
        done = ada("outbox --json", DEARLY_PASSPHRASE_FILE="wrong.txt")
        assert (done.code, done.error["code"]) == (3, "wrong_passphrase")
        assert ada("outbox").code == 0
        by_input = ada.machine.run("--drawer", "ada", "--passphrase-file", "-", "outbox", given=PASSPHRASE + "\n")
        assert by_input.code == 0, by_input.err
        assert ada("lock").code == 0
        assert holder.wait(20) == 0
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_each_client_is_answered_in_its_language(ada: Person) -> None:
    assert ada("unlock").code == 0
    german = {"LANG": "de_DE.UTF-8"}
    assert ada("outbox", **german).out == "Der Postausgang ist leer.\n"
    assert ada("outbox").out == "The outbox is empty.\n"
    assert ada("letterbox", **german).out == "Heute nichts.\n"
    assert ada("outbox --json", **german).out == ada("outbox --json").out
    assert "ist kein Tag" in ada("post 1 --on bald", **german).err
    assert ada("post 1 --on bald --json", **german).error["code"] == "bad_date"
    assert ada("lock", **german).out == "Die Schublade ist verschlossen.\n"
