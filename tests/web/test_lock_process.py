"""Both locks, in the real process: what ends them, what they leave, and that nothing that was being written is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dearly.drawer.connection import DataKey
from dearly.drawer.folder import LOCK
from tests.support.commands import PASSPHRASE, Machine
from tests.support.forks import AFRESH
from tests.support.machines import cheap_drawer
from tests.support.sitting import (
    Visit,
    a_machine,
    altered,
    at_the_desk,
    left_alone,
    processes,
    runtime,
    sit_down,
    text_of,
    until,
)

pytestmark = pytest.mark.long  # minutes of waiting; test_process_browser locks and unlocks in every run

KEYS: dict[str, DataKey] = {}


@pytest.fixture(scope="module")
def home() -> Iterator[Machine]:
    with a_machine() as machine:
        machine.env[AFRESH] = "1"
        KEYS["ada"] = cheap_drawer(machine, "ada")
        assert machine.run("setup", "--name", "Ada", "--local-office", drawer="ada").code == 0
        yield machine


@pytest.fixture
def machine(home: Machine) -> Iterator[Machine]:
    """Ada's machine; her drawer is closed."""
    with left_alone(home):
        yield home


def open_desk(machine: Machine) -> Visit:
    """Ada's desk, in front of somebody who sits at it."""
    return at_the_desk(machine, "ada")


def left(machine: Machine, name: str = "ada") -> str:
    """How its drawer stands."""
    said: str = json.loads((machine.folder / name / LOCK).read_text())["left"]
    return said


def children(process: int) -> set[int]:
    """Its children; the drawer's helpers are started by it, not by its threads alone."""
    found = set()
    for task in Path(f"/proc/{process}/task").iterdir():
        found |= {int(n) for n in (task / "children").read_text().split()}
    return found


# -- the soft lock


def test_the_soft_lock_ends_every_session_and_gives_new_ones(machine: Machine) -> None:
    visit = open_desk(machine)
    other = sit_down(machine, "ada")
    other.come_in()
    assert other.at == "/"
    cookie, token = visit.cookie, visit.token
    visit.post("/lock")
    assert visit.at == "/locked"
    assert left(machine) == "open"
    for one in (visit, other):
        answer = one.ask("GET", "/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/locked")
        script = one.ask("GET", "/presence", headers={"accept": "application/json"}).json()
        assert (script["seated"], script["state"]) == (False, "soft")
    done = machine.run("--drawer", "ada", "drafts", "--json")
    assert (done.code, done.error["code"]) == (3, "passphrase_wanted")
    visit.get("/locked")
    visit.post("/unlock", passphrase=PASSPHRASE)
    assert visit.at == "/"
    assert visit.cookie != cookie
    assert visit.token != token
    dead = Visit(visit.way, cookie, token)
    assert dead.ask("GET", "/").headers["location"] == "/locked"


def test_the_soft_lock_falls_when_nobody_uses_the_desk(machine: Machine) -> None:
    with altered(machine, "ada", "from dearly.assemble import owner; owner.SOFT_LOCK_MINUTES = 3 / 60"):
        visit = open_desk(machine)
        for _n in range(5):  # whoever does something stays in
            time.sleep(0.8)
            visit.get("/")
            assert visit.at == "/"
        here = {"page": "0123456789ab", "what": "here"}
        for _n in range(5):  # whoever reads a long letter does, too
            time.sleep(0.8)
            visit.send("/presence", here | {"active": True})
        visit.get("/")
        assert visit.at == "/"
        for _n in range(5):  # a page that is merely open does not keep the desk open
            time.sleep(0.8)
            said = visit.send("/presence", here | {"active": False})
        assert said.status_code == 400
        visit.get("/")
        assert visit.at == "/locked"
        assert left(machine) == "open"


def test_the_last_page_is_closed(machine: Machine) -> None:
    with altered(machine, "ada", "from dearly.desk import threshold; threshold.GRACE_SECONDS = 1.0"):
        visit = open_desk(machine)
        tell = {"page": "0123456789ab", "what": "here"}
        visit.send("/presence", tell)
        visit.send("/presence", tell | {"page": "ba9876543210"})
        visit.send("/presence", tell | {"what": "gone"})
        time.sleep(1.5)
        assert visit.ask("GET", "/").status_code == 200  # one is still open
        visit.send("/presence", tell | {"page": "ba9876543210", "what": "gone"})
        time.sleep(0.5)
        visit.send("/presence", tell | {"page": "cccccccccccc"})  # the next page, after a click
        time.sleep(1.0)
        assert visit.ask("GET", "/").status_code == 200
        visit.send("/presence", tell | {"page": "cccccccccccc", "what": "gone"})
        time.sleep(1.5)
        assert visit.ask("GET", "/").headers["location"] == "/locked"


def test_the_lock_page_says_what_leaves_when_and_no_more(machine: Machine) -> None:
    cheap_drawer(machine, "bert")
    assert machine.run("setup", "--name", "Bert", "--local-office", drawer="bert").code == 0
    card = machine.run("address", "--vcard", "-", drawer="bert").out
    machine.write("bert.vcf", card)
    assert machine.run("people", "add", "Bert", "--vcard", "bert.vcf", drawer="ada").code == 0
    number = machine.run("write", "Bert", "--json", drawer="ada", given="Dear Bert\n").json["number"]
    assert machine.run("post", str(number), drawer="ada").code == 0
    visit = open_desk(machine)
    page = visit.post("/lock")
    assert "one letter leaves by itself" in text_of(page)
    assert re.search(r"(today|tomorrow), from \d+\.\d\d on", text_of(page))
    assert "Bert" not in page.text
    closed = visit.post("/locked/close")
    assert "One letter is waiting to leave" in text_of(closed)
    assert "Bert" not in closed.text


def test_a_wrong_passphrase_is_one_sentence_and_then_takes_longer(machine: Machine) -> None:
    with altered(machine, "ada", "from dearly.desk.threshold import Patience; Patience.FIRST = 0.5"):
        visit = open_desk(machine)
        visit.post("/lock")
        took = []
        for word in ("wrong words", "", "other words", "\u0007"):
            begun = time.monotonic()
            page = visit.submit("/unlock", passphrase=word)
            took.append(time.monotonic() - begun)
            assert page.status_code == 401
            assert "That did not open the desk." in text_of(page)
            assert not word or word not in page.text
        # The wait begins with the answer before it.
        assert took[2] > 0.2
        assert took[3] > 0.7
        visit.post("/unlock", passphrase=PASSPHRASE)
        assert visit.at == "/"


def test_it_comes_back_to_the_page_that_one_was_at_and_to_no_other_place(machine: Machine) -> None:
    visit = open_desk(machine)
    for to, there in [
        ("/people", "/people"),
        ("/page/7", "/page/7"),
        ("//evil.test", "/"),
        ("https://evil.test/", "/"),
        ("/\\evil.test", "/"),
        ("/people?x=1", "/"),
        ("", "/"),
    ]:
        visit.post("/lock")
        page = visit.get(f"/locked?to={to}")
        assert re.search(r'name="to" value="([^"]*)"', page.text)[1] == there
        answer = visit.submit("/unlock", passphrase=PASSPHRASE, to=to)
        assert (answer.status_code, answer.headers["location"]) == (303, there)
        visit.get("/keys")


# -- last words


def write_a_page(visit: Visit) -> str:
    visit.post("/page/new")
    assert re.fullmatch(r"/page/\d+", visit.at)
    return visit.at


def keep(visit: Visit, page: str, text: str) -> int:
    answer = visit.send(f"{page}/save", {"revision": keep.revision, "text": text, "subject": "", "place": "", "to": []})
    if answer.status_code == 200 and "revision" in answer.json():
        keep.revision = answer.json()["revision"]
    return answer.status_code


keep.revision = 0  # type: ignore[attr-defined]


def revision_of(visit: Visit, page: str) -> int:
    found = re.search(r'data-revision="(\d+)"|name="revision" value="(\d+)"', visit.get(page).text)
    assert found
    return int(found[1] or found[2])


@pytest.mark.parametrize("how", ["page", "command"])
def test_what_is_being_typed_when_a_lock_falls_is_kept(machine: Machine, how: str) -> None:
    visit = open_desk(machine)
    page = write_a_page(visit)
    keep.revision = revision_of(visit, page)
    assert keep(visit, page, "Dear Bert, markerquince") == 200
    if how == "page":
        other = sit_down(machine, "ada")
        other.come_in()
        other.post("/lock")
    else:
        locking = machine.start("lock", drawer="ada")
        until(lambda: visit.ask("GET", "/").status_code == 303)
    # The lock page may have been seen in this browser by now, with its cookie.
    visit.get("/presence")
    assert keep(visit, page, "Dear Bert, markerquince and markermedlar") == 200
    if how == "command":
        assert locking.communicate(timeout=20)[1] is not None
        assert left(machine) == "closed"
    else:
        # Words alone: nothing can be read with that session, and after some seconds nothing is taken.
        assert visit.ask("GET", page).status_code == 303
        time.sleep(5.5)
        assert keep(visit, page, "too late") in (400, 401)
    visit.get("/locked")
    visit.post("/unlock", passphrase=PASSPHRASE)
    assert "markermedlar" in visit.get(page).text


# -- the hard lock


def test_a_hard_lock_drops_the_keys_and_keeps_the_address(machine: Machine) -> None:
    visit = open_desk(machine)
    (process,) = processes(machine)
    machine.write("card.vcf", machine.run("--drawer", "ada", "address", "--vcard", "-").out)
    machine.run("--drawer", "ada", "people", "add", "Bert", "--vcard", "card.vcf")  # foreign bytes: a child reads them
    secret = KEYS["ada"]
    assert holds(process, secret) or holds(process, PASSPHRASE.encode())
    helpers = children(process)
    assert helpers
    page = visit.post("/lock", how="close")
    assert "The drawer is closed" in text_of(page)
    until(lambda: left(machine) == "closed")
    answer = visit.get("/")
    assert visit.at == "/locked"
    assert "The drawer is closed" in text_of(answer)
    assert processes(machine) == [process]
    assert not [child for child in helpers if Path(f"/proc/{child}").exists()]
    # The answer may still come from before: the process begins anew when it has been given.
    until(lambda: not holds(process, secret) and not holds(process, PASSPHRASE.encode()))
    arguments = Path(f"/proc/{process}/cmdline").read_bytes()
    assert visit.host.partition(".")[0].encode() not in arguments
    # No session of before is good, and the desk opens again at the same address.
    visit.post("/unlock", passphrase=PASSPHRASE)
    assert visit.at == "/"
    assert machine.run("--drawer", "ada", "drafts").code == 0


def holds(process: int, octets: bytes) -> bool:
    """Whether the memory of a process holds these octets anywhere (needs root, or a process of ours that lets us)."""
    try:
        memory = Path(f"/proc/{process}/mem").open("rb", 0)  # noqa: SIM115 (closed below)
    except PermissionError:
        pytest.skip("the memory of another process may not be read here: which is as it should be")
    with memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            where, rights = line.split()[:2]
            if "r" not in rights or "w" not in rights:
                continue
            start, end = (int(part, 16) for part in where.split("-"))
            try:
                memory.seek(start)
                if octets in memory.read(end - start):
                    return True
            except (OSError, OverflowError, ValueError):
                continue
    return False


def test_dearly_lock_while_a_page_is_open(machine: Machine) -> None:
    visit = open_desk(machine)
    done = machine.run("lock", drawer="ada")
    assert (done.code, done.out.strip()) == (0, "The drawer is locked.")
    # When the command has returned, the drawer is closed: it may be copied, or moved.
    assert left(machine) == "closed"
    shutil.copytree(machine.folder / "ada", machine.folder / "copy")
    visit.get("/")
    assert visit.at == "/locked"
    assert "bell" in runtime(machine)
    assert "sock" not in runtime(machine)
    assert machine.run("drafts", drawer="ada").code == 0
    visit.post("/unlock", passphrase=PASSPHRASE)
    assert visit.at == "/"
    assert "sock" in runtime(machine)


def test_a_process_that_nobody_visited_ends_with_its_lock(machine: Machine) -> None:
    assert machine.run("unlock", drawer="ada").code == 0
    assert machine.run("lock", drawer="ada").code == 0
    until(lambda: not processes(machine))
    assert runtime(machine) == []


def test_it_locks_and_opens_again_and_again(machine: Machine) -> None:
    visit = open_desk(machine)
    (process,) = processes(machine)
    for _n in range(3):
        visit.post("/lock", how="close")
        until(lambda: left(machine) == "closed")
        visit.get("/locked")
        visit.post("/unlock", passphrase=PASSPHRASE)
        assert visit.at == "/"
    assert processes(machine) == [process]
    assert len(list(Path(f"/proc/{process}/fd").iterdir())) < 60
    os.kill(process, signal.SIGTERM)
    until(lambda: not processes(machine))
    assert left(machine) == "closed"
    assert runtime(machine) == []


def test_twelve_hours(machine: Machine) -> None:
    change = "from dearly.assemble import owner; owner.HARD_LOCK_SECONDS = 3; owner.LOOK_SECONDS = 0.1"
    with altered(machine, "ada", change):
        visit = open_desk(machine)
        until(lambda: left(machine) == "closed")
        visit.get("/")
        assert visit.at == "/locked"


def test_the_recovery_kit_opens_the_lock(machine: Machine) -> None:
    cheap_drawer(machine, "clara")
    assert machine.run("kit", "--out", "kit.txt", drawer="clara").code == 0
    lines = re.findall(r"^ +[1-7] +(\S.*)$", (machine.folder / "kit.txt").read_text(), re.MULTILINE)
    visit = sit_down(machine, "clara")
    visit.get("/locked/kit")
    new = "other words than before"
    wrong = visit.submit("/locked/kit", lines="\n".join(lines[:-1]), passphrase=new, again=new)
    assert wrong.status_code == 400
    assert lines[0][:9] not in wrong.text
    visit.post("/locked/kit", lines="\n".join(lines), passphrase=new, again=new)
    assert visit.at == "/"
    visit.post("/lock", how="close")
    until(lambda: left(machine, "clara") == "closed")
    visit.get("/locked")
    assert visit.post("/unlock", passphrase=PASSPHRASE).status_code == 401
    visit.post("/unlock", passphrase=new)
    assert visit.at == "/"


def test_a_kit_that_does_not_fit_closes_nothing(machine: Machine) -> None:
    cheap_drawer(machine, "dora")
    assert machine.run("kit", "--out", "dora.txt", drawer="dora").code == 0
    assert machine.run("kit", "--out", "ada.txt", drawer="ada").code == 0
    other, own = ((machine.folder / f"{name}.txt").read_text() for name in ("dora", "ada"))
    seated = open_desk(machine)
    visit = Visit(seated.way)
    visit.get("/locked/kit")
    for lines, word in (("no kit", "other words than before"), (other, "other words than before"), (own, "\x00" * 20)):
        answer = visit.submit("/locked/kit", lines=lines, passphrase=word, again=word)
        assert answer.status_code == 400
        assert left(machine) == "open"
        assert seated.ask("GET", "/").status_code == 200


def test_a_backup_comes_back_on_the_first_day(machine: Machine) -> None:
    assert machine.run("backup", "ada.backup", drawer="ada").code == 0
    visit = sit_down(machine, "second")
    visit.come_in()
    assert visit.at == "/welcome"
    visit.get("/welcome/back")
    assert visit.submit("/welcome/back", file="ada.backup", passphrase=PASSPHRASE).status_code == 400
    assert visit.submit("/welcome/back", file="/nowhere/ada", passphrase=PASSPHRASE).status_code == 400
    wrong = visit.submit("/welcome/back", file=str(machine.folder / "ada.backup"), passphrase="wrong words")
    assert wrong.status_code == 400
    visit.post("/welcome/back", file=str(machine.folder / "ada.backup"), passphrase=PASSPHRASE)
    assert visit.at == "/"
