"""The real process of a drawer, from `dearly` in a terminal: launch, every state, and what a kill leaves behind."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dearly.drawer.folder import LOCK
from tests.support.commands import PASSPHRASE, Machine
from tests.support.forks import AFRESH
from tests.support.machines import cheap_drawer
from tests.support.sitting import Visit, a_machine, altered, left_alone, processes, runtime, sit_down, text_of, until

pytestmark = pytest.mark.long  # minutes of processes; the exchange and the locks begin, kill and end them in every run

WORDS = "plum ladder engine marmalade"


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine without any drawer."""
    with a_machine() as machine:
        machine.env[AFRESH] = "1"
        yield machine


@pytest.fixture(scope="module")
def home() -> Iterator[Machine]:
    with a_machine() as machine:
        machine.env[AFRESH] = "1"
        cheap_drawer(machine, "ada")
        assert machine.run("setup", "--name", "Ada", drawer="ada").code == 0
        yield machine


@pytest.fixture
def ada(home: Machine) -> Iterator[Machine]:
    """A machine with Ada's drawer, closed."""
    with left_alone(home):
        yield home


def is_free(machine: Machine, name: str = "ada") -> bool:
    """Whether no process holds the drawer."""
    handle = os.open(machine.folder / name / LOCK, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


# -- the launch


def test_the_way_in_is_printed_and_tells_nobody_else(ada: Machine) -> None:
    done = ada.run(drawer="ada", DEARLY_BROWSER="none")
    assert done.code == 0, done.err
    address = re.search(r"http://([0-9a-f]{16})\.localhost:(\d+)/", done.out)
    assert address
    code = re.search(r"[b-df-hj-km-np-tv-z]{4}-[b-df-hj-km-np-tv-z]{4}", done.out)
    assert code
    (file,) = (ada.folder / "run" / "dearly").glob("*.html")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_text()
    secret = re.search(r"/launch#([\w-]{43})", content)
    assert secret
    assert f'location.replace("http://{address[1]}.localhost:{address[2]}/launch#{secret[1]}")' in content
    (process,) = processes(ada)
    private = [secret[1].encode(), code[0].encode(), code[0].replace("-", "").encode(), address[1].encode()]
    for kind in ("cmdline", "environ", "comm"):
        said = Path("/proc", str(process), kind).read_bytes()
        assert not [one for one in private if one in said], kind


def test_the_secret_lets_in_once(ada: Machine) -> None:
    ada.run("unlock", drawer="ada")
    visit = sit_down(ada, "ada")
    secret = secret_of(visit)
    visit.token = visit.ask("GET", "/launch", headers={"accept": "application/json"}).json()["token"]
    wrong = visit.send("/launch", {"secret": secret[:-1] + ("A" if secret[-1] != "A" else "B")})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "launch_over")
    answer = visit.send("/launch", {"secret": secret})
    assert answer.json() == {"go": "/"}
    assert not Path(visit.way["file"]).exists()
    assert visit.get("/").status_code == 200
    other = Visit(visit.way)
    other.token = other.ask("GET", "/launch", headers={"accept": "application/json"}).json()["token"]
    assert other.send("/launch", {"secret": secret}).status_code == 401
    # The code of the same launch is void as well: it was one way in.
    assert other.post("/launch", code=visit.way["code"]).status_code == 401
    other.get("/")
    assert other.at == "/locked"


def test_a_way_in_is_over_after_a_while(ada: Machine) -> None:
    change = (
        "from dearly.desk import threshold; threshold.SECRET_SECONDS = 2; threshold.CODE_SECONDS = 3\n"
        "from dearly.assemble import front; front.SECRET_SECONDS = 2"
    )
    with altered(ada, "ada", change):
        visit = sit_down(ada, "ada")
        secret = secret_of(visit)
        visit.token = visit.ask("GET", "/launch", headers={"accept": "application/json"}).json()["token"]
        until(lambda: not Path(visit.way["file"]).exists())
        assert visit.send("/launch", {"secret": secret}).status_code == 401
        time.sleep(1.5)
        visit.get("/launch")
        assert visit.post("/launch", code=visit.way["code"]).status_code == 401


def secret_of(visit: Visit) -> str:
    found = re.search(r"#([\w-]{43})", Path(visit.way["file"]).read_text())
    assert found
    return found[1]


def test_the_code_as_a_person_types_it(ada: Machine) -> None:
    visit = sit_down(ada, "ada")
    visit.get("/launch")
    assert visit.post("/launch", code="bbbb-bbbb").status_code == 401
    typed = visit.way["code"].upper().replace("-", " ")
    visit.post("/launch", code=f" {typed} ")
    assert visit.at == "/locked"


def test_ten_wrong_codes_end_them_all(ada: Machine) -> None:
    with altered(ada, "ada", "from dearly.desk.threshold import Patience; Patience.FIRST = 0.001"):
        visit = sit_down(ada, "ada")
        visit.get("/launch")
        for _n in range(10):
            assert visit.post("/launch", code="bbbb-bbbb").status_code == 401
        assert visit.post("/launch", code=visit.way["code"]).status_code == 401
        visit.way = sit_down(ada, "ada").way
        visit.come_in()
        assert visit.at == "/locked"


def test_a_second_launch_leaves_the_open_pages_alone(ada: Machine) -> None:
    """A browser that is led from a file brings no cookie: it must not lose the session that it has."""
    assert ada.run("unlock", drawer="ada").code == 0
    visit = sit_down(ada, "ada")
    visit.come_in()
    cookie, token = visit.cookie, visit.token
    visit.cookie = ""
    led = visit.ask(
        "GET",
        "/launch",
        headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    )
    assert led.status_code == 200
    assert "set-cookie" not in led.headers
    visit.cookie = cookie
    again = sit_down(ada, "ada")
    secret = secret_of(again)
    assert visit.send("/launch", {"secret": secret}).json() == {"go": "/"}
    assert (visit.cookie, visit.token) == (cookie, token)
    assert visit.get("/").status_code == 200


# -- the port


def test_nobody_else_can_take_the_port(ada: Machine) -> None:
    visit = sit_down(ada, "ada")
    for option in (None, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        for address in ("127.0.0.1", "0.0.0.0"):
            with socket.socket() as other:
                if option is not None:
                    other.setsockopt(socket.SOL_SOCKET, option, 1)
                with pytest.raises(OSError) as caught:  # noqa: PT012 (which of the two refuses is the kernel's business)
                    other.bind((address, visit.port))
                    other.listen()
                assert caught.value.errno == errno.EADDRINUSE


def test_it_listens_on_loopback_alone(ada: Machine) -> None:
    visit = sit_down(ada, "ada")
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {row[1] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == visit.port}
    assert listening == {f"0100007F:{visit.port:04X}"}


def test_127_0_0_1_where_the_browser_does_not_find_the_name(ada: Machine) -> None:
    visit = sit_down(ada, "ada", DEARLY_WEB_HOST="127.0.0.1")
    assert visit.origin == f"http://127.0.0.1:{visit.port}"
    visit.come_in()
    assert visit.at == "/locked"


# -- the states


def test_the_first_day_without_scripts(machine: Machine) -> None:
    visit = sit_down(machine, "new")
    visit.get("/welcome")
    assert visit.at == "/launch"  # nobody makes a drawer here who was not let in
    begun = time.monotonic()
    page = visit.come_in()
    assert visit.at == "/welcome"
    given = {"name": "Leonie Marbach", "place": "Bergen"}
    page = visit.post("/welcome", **given, passphrase="too short", again="too short")
    assert "twelve letters" in text_of(page)
    page = visit.post("/welcome", **given, passphrase=WORDS, again=WORDS + "s")
    assert "not the same" in text_of(page)
    page = visit.post("/welcome", **given, passphrase="passwordpassword", again="passwordpassword")
    assert "guess" in text_of(page)
    assert "Leonie Marbach" in page.text
    assert not (machine.folder / "new").exists()
    for said in ("too short", "passwordpassword", WORDS):
        assert said not in page.text
    page = visit.post("/welcome", **given, passphrase=WORDS, again=WORDS)
    assert visit.at == "/welcome/kit"
    assert len(re.findall(r'class="check">', page.text)) == 7
    sheet = visit.submit("/welcome/kit/file")
    assert sheet.headers["content-disposition"].startswith("attachment")
    assert all(word in sheet.text for word in re.findall(r'class="check">([^<]+)<', page.text))
    # Left here, and come back to.
    again = sit_down(machine, "new")
    again.come_in()
    again.get("/welcome/kit")
    again.post("/welcome/kit", have="yes")
    assert again.at == "/welcome/post"
    assert again.get("/welcome/kit").status_code == 200
    assert again.at == "/welcome/post"  # the sheet is not shown again
    again.post("/welcome/post", post="local")
    assert again.at == "/"
    assert time.monotonic() - begun < 60
    assert "office.invalid" in machine.run("address", drawer="new").out
    words = machine.write("words.txt", WORDS, mode=0o600)
    assert machine.run("lock", drawer="new").code == 0
    assert machine.run("drafts", drawer="new", DEARLY_PASSPHRASE_FILE=str(words)).code == 0


def test_from_no_drawer_to_one_of_the_command_line(machine: Machine) -> None:
    visit = sit_down(machine, "ada")
    visit.come_in()
    assert visit.at == "/welcome"
    cheap_drawer(machine, "ada")
    visit.get("/welcome")
    assert visit.at == "/locked"
    visit.post("/unlock", passphrase=PASSPHRASE)
    assert visit.at == "/"


def test_unlock_at_the_command_line_opens_the_process_that_is_there(ada: Machine) -> None:
    visit = sit_down(ada, "ada")
    (process,) = processes(ada)
    assert ada.run("unlock", drawer="ada").code == 0
    assert processes(ada) == [process]
    ada.write("wrong.txt", "wrong", mode=0o600)
    assert ada.run("--drawer", "ada", "drafts").code == 0
    visit.get("/locked")
    assert "not at the desk" in text_of(visit.get("/locked"))
    assert visit.post("/unlock", passphrase="wrong").status_code == 401
    visit.post("/unlock", passphrase=PASSPHRASE)
    assert visit.at == "/"


def test_a_wrong_passphrase_at_the_command_line_of_a_closed_process(ada: Machine) -> None:
    sit_down(ada, "ada")
    ada.write("wrong.txt", "wrong", mode=0o600)
    done = ada.run("unlock", "--json", drawer="ada", DEARLY_PASSPHRASE_FILE="wrong.txt")
    assert (done.code, done.error["code"]) == (3, "wrong_passphrase")
    assert is_free(ada)


def test_a_closed_desk_serves_the_command_line_as_ever(ada: Machine) -> None:
    visit = sit_down(ada, "ada")
    assert ada.run("drafts", drawer="ada").code == 0
    visit.get("/locked")
    # A command has the drawer: the page waits for it, as commands wait for each other.
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(ada.folder / "ada" / LOCK)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline()
    busy = visit.submit("/unlock", passphrase=PASSPHRASE)
    assert busy.status_code == 409
    assert "already open" in text_of(busy)
    holder.communicate(b"")
    visit.post("/unlock", passphrase=PASSPHRASE)
    assert visit.at == "/"


_HOLD = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.flock(f, 2); print('held', flush=True); sys.stdin.read()"


def test_two_at_once_start_one_process(ada: Machine) -> None:
    begun = [ada.start("--json", drawer="ada", DEARLY_BROWSER="none") for _n in range(4)]
    ways = [json.loads(one.communicate(timeout=60)[0]) for one in begun]
    assert len({way["url"] for way in ways}) == 1
    assert len({way["code"] for way in ways}) == 4
    assert len(processes(ada)) == 1


def test_two_desks_on_one_machine(machine: Machine) -> None:
    for name in ("ada", "bert"):
        cheap_drawer(machine, name)
    first, second = sit_down(machine, "ada"), sit_down(machine, "bert")
    assert first.host != second.host
    assert len(processes(machine)) == 2
    assert first.ask("GET", "/locked", headers={"host": second.host}).status_code == 421


# -- kills


@pytest.mark.parametrize("state", ["none", "closed", "soft", "open"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda how: how.name)
def test_whatever_ends_it_the_next_desk_comes(ada: Machine, state: str, how: signal.Signals) -> None:
    machine, name = ada, "nobody" if state == "none" else "ada"
    visit = sit_down(machine, name)
    visit.come_in()
    if state in ("open", "soft"):
        visit.post("/unlock", passphrase=PASSPHRASE)
        assert visit.at == "/"
    if state == "soft":
        visit.post("/lock")
        assert visit.at == "/locked"
    (process,) = processes(machine)
    os.kill(process, how)
    until(lambda: not processes(machine))
    if how is signal.SIGTERM:
        assert runtime(machine) == []
        if state in ("soft", "open"):
            assert json.loads((machine.folder / "ada" / LOCK).read_text())["left"] == "closed"
    again = sit_down(machine, name)
    assert again.host != visit.host
    again.come_in()
    assert again.at == ("/welcome" if state == "none" else "/locked")
    if state != "none":
        again.post("/unlock", passphrase=PASSPHRASE)
        assert again.at == "/"
    assert [name for name in runtime(machine) if name.endswith("html")] == []


def test_nobody_comes_and_it_goes(ada: Machine) -> None:
    change = "from dearly.assemble import process; process.IDLE_SECONDS = 5; process.LOOK_SECONDS = 0.1"
    with altered(ada, "ada", change) as process:
        visit = sit_down(ada, "ada")
        visit.get("/locked")
        assert visit.send("/presence", {"page": "0123456789ab", "what": "here"}).status_code == 200
        time.sleep(6)
        assert process.poll() is None  # its page is open
        visit.send("/presence", {"page": "0123456789ab", "what": "gone"})
        assert process.wait(30) == 0
        assert runtime(ada) == []
