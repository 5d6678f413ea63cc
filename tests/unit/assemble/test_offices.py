"""Running an office and looking after it, as its operator does: names, invitations, addresses to listen at, its end."""

import json
import signal
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dearly.assemble import offices
from dearly.desk.offices import Serving
from dearly.letter.errors import InUse, NotFound, Refused, Usage
from tests.support.commands import Machine
from tests.support.drawers import run


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("bert", "bert"),
        ("Abigail Adams", "abigail.adams"),
        ("Ångström, Jonas", "angstrom.jonas"),
        ("jürgen", "jürgen"),
        (" bert ", "bert"),
        ("a" * 80, "a" * 40),
    ],
)
def test_a_name_becomes_what_stands_before_the_at(tmp_path: Path, name: str, local: str) -> None:
    made = offices.invite(tmp_path / "post", name)
    assert (made.name, made.url) == (local, "")
    assert len(made.token) >= 43


@pytest.mark.parametrize("name", ["", "  ", "( )", "日本 太郎"])
def test_a_name_of_which_nothing_can_stand_there(tmp_path: Path, name: str) -> None:
    """Not even as a guess: it would be removed by the same guess."""
    offices.invite(tmp_path, "desk")
    for act in (offices.invite, offices.remove, offices.renew_token):
        with pytest.raises(Usage) as caught:
            act(tmp_path, name)
        assert caught.value.code == "bad_name"


def test_nobody_by_that_name(tmp_path: Path) -> None:
    for act in (offices.remove, offices.renew_token):
        with pytest.raises(NotFound) as caught:
            act(tmp_path, "bert")
        assert caught.value.code == "no_office"
    offices.invite(tmp_path, "bert")
    for name in ("bert", "Bert Brown", "bert@elsewhere.test"):
        with pytest.raises(NotFound) as caught:
            offices.remove(tmp_path, name)
        assert caught.value.code == "no_account"
    assert offices.accounts(tmp_path) == []


@pytest.mark.parametrize(
    "listen",
    ["", "8410", ":8410", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:" + "1" * 9999],
)
def test_what_is_no_address_to_listen_at(tmp_path: Path, listen: str) -> None:
    with pytest.raises(Usage) as caught:
        run(offices.serve(tmp_path, Serving(listen), pytest.fail))
    assert caught.value.code == "bad_listen"
    assert list(tmp_path.iterdir()) == []


def test_addresses_that_cannot_be_listened_at(tmp_path: Path) -> None:
    with pytest.raises(Refused) as beyond:
        run(offices.serve(tmp_path, Serving("0.0.0.0:0"), pytest.fail))
    assert beyond.value.code == "plain_http"
    missing = tmp_path / "none.pem"
    with pytest.raises(Usage) as unreadable:
        run(offices.serve(tmp_path, Serving("0.0.0.0:0", missing, missing), pytest.fail))
    assert unreadable.value.code == "bad_certificate"
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(InUse) as taken:
        run(offices.serve(tmp_path, Serving(f"127.0.0.1:{other.getsockname()[1]}"), pytest.fail))
    assert taken.value.code == "port_taken"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture
def served(machine: Machine) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """An office run by the command, and its url."""
    process = machine.start("office", "serve", "--store", "post", "--listen", "127.0.0.1:0", "--json")
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.communicate()


def test_a_served_office_ends_cleanly_and_tells_nobody_of_anyone(
    machine: Machine, served: tuple[subprocess.Popen[str], str]
) -> None:
    process, url = served
    made = machine.run("office", "invite", "Abigail Adams", "--store", "post", "--json").json
    assert (made["name"], made["url"]) == ("abigail.adams", f"{url}/#invite={made['token']}")
    assert stat.S_IMODE((machine.folder / "post" / "office.db").stat().st_mode) == 0o600
    member = httpx.post(f"{url}/join", json={"invite": made["token"]}).json()
    assert member["address"].startswith("abigail.adams@")
    assert httpx.post(f"{url}/join", json={"invite": made["token"]}).status_code >= 400
    assert httpx.get(f"{url}/jmap/session", headers={"authorization": "Bearer wrong"}).status_code == 401
    (account,) = machine.run("office", "accounts", "--store", "post", "--json").json["accounts"]
    assert account["address"] == member["address"]
    renewed = machine.run("office", "renew-token", "Abigail Adams", "--store", "post", "--json").json
    again = renewed["token"]
    assert renewed == {"name": "Abigail Adams", "token": again, "url": f"{url}/#invite={again}"}
    for token, status in ((member["token"], 401), (again, 200)):
        answer = httpx.get(f"{url}/jmap/session", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == status
    taken = machine.run("office", "invite", "abigail.adams", "--store", "post", "--json")
    assert (taken.code, taken.error["code"]) == (11, "name_taken")
    assert machine.run("office", "remove", "Abigail Adams", "--store", "post").code == 0

    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert (events[0], events[-1]) == ("serving", "stopped")
    for private in ("abigail", "127.0.0.1", member["address"].partition("@")[2], made["token"], again, "@"):
        assert private not in err
    assert sorted(path.name for path in (machine.folder / "post").iterdir()) == ["office.db"]


def test_an_invitation_leaves_nothing_open(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    offices.invite(tmp_path / "early", "bert")
    assert set(threading.enumerate()) <= before
    assert [path.name for path in (tmp_path / "early").iterdir()] == ["office.db"]
