"""The process that holds a drawer open: it forgets that it was unlocked, and goes on with its rounds; told to lock, or
to end, it leaves the drawer as it should be left.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from dearly.__main__ import main
from dearly.assemble import owner as owner_module
from dearly.desk import rounds
from dearly.drawer import settings
from dearly.drawer.connection import DataKey, Db, connect
from dearly.drawer.folder import DATABASE, LOCK, LOG
from dearly.office import accounts
from tests.support.commands import PASSPHRASE, Machine, Person
from tests.support.door import short_folder
from tests.support.forks import Forked
from tests.support.machines import cheap_drawer
from tests.support.offices import Office, an_office

SOFT_SECONDS = 3.0


def hold() -> int:
    """In a child: `dearly --hold-open`, looking more often than in life whether a letter is due."""
    owner_module.SOFT_LOCK_MINUTES = 10.0  # so that the setting may be a part of a minute
    rounds.LOOK_SECONDS = 0.2
    return main()


class Town:
    """Ada and Bert, each with a drawer of their own on one machine; `keys`: of the drawers."""

    def __init__(self, machine: Machine, office: Office) -> None:
        self.machine, self.office = machine, office
        self.keys: dict[str, DataKey] = {}
        self.ada, self.bert = self._settle("ada"), self._settle("bert")
        for one, other in ((self.ada, "bert"), (self.bert, "ada")):
            assert one(f"people add {other.title()} --vcard {other}.vcf").code == 0

    def _settle(self, name: str) -> Person:
        self.keys[name] = cheap_drawer(self.machine, name)
        person = self.machine.person(name)
        done = person(f"setup --name {name.title()} --office {self.office.url} --invite {self.office.invite(name)}")
        assert done.code == 0, done.err
        assert person(f"address --vcard {name}.vcf").code == 0
        return person

    def change(self, name: str, act: Callable[[Db], object]) -> None:
        """Something in a drawer, whoever holds it meanwhile."""
        connection = connect(self.machine.folder / name / DATABASE, self.keys[name], write=True)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            with connection:
                act(Db(connection))
        finally:
            connection.close()

    def held(self, name: str) -> int:
        """How many letters lie in somebody's box at the office."""
        found = self.office.do(accounts.accounts(self.office.store))
        return sum(holding.parcels for account, holding in found if account.address.local == name)

    def without_passphrase(self, line: str, **more: str) -> int:
        return self.machine.run("--drawer", "ada", *line.split(), **more).code


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with short_folder() as folder, an_office() as office:
        yield Town(Machine(folder), office)


@contextmanager
def owner(town: Town, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process that `dearly unlock` leaves behind."""
    process = Forked(
        [f"{__name__}:hold", "--hold-open", str(town.machine.folder / name)],
        env=town.machine.env,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(PASSPHRASE.encode())
        process.stdin.close()
        assert json.loads(process.stdout.readline()) == {"open": True}
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            stream.close()  # type: ignore[union-attr]  # both are pipes


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def left_clean(folder: Path) -> bool:
    """Whether the drawer was closed as it should be: the note says so, and the log is folded in."""
    note = json.loads((folder / LOCK).read_text())
    return note["left"] == "closed" and not (folder / LOG).exists()


def test_a_soft_lock_wants_the_passphrase_and_stops_no_letter(town: Town) -> None:
    town.change("ada", lambda db: settings.put(db, "soft_lock_minutes", SOFT_SECONDS / 60))
    before = town.held("bert")
    with owner(town, "ada"):
        assert town.without_passphrase("drafts") == 0
        number = town.ada.json("write Bert", given="Dear Bert\n")["number"]
        assert town.without_passphrase(f"post {number}") == 0
        time.sleep(SOFT_SECONDS + 0.2)
        # Locked softly: nobody gets in without the passphrase, and asking does not unlock.
        for _try in range(2):
            assert town.without_passphrase("drafts") == 3
            assert town.ada("drafts --json", DEARLY_PASSPHRASE_FILE="missing.txt").code == 4
        town.machine.write("wrong.txt", "not it", mode=0o600)
        assert town.ada("outbox --json", DEARLY_PASSPHRASE_FILE="wrong.txt").error["code"] == "wrong_passphrase"
        # Meanwhile the letter leaves when its time has come, which we do not wait for.
        assert town.held("bert") == before
        town.change("ada", lambda db: db.run("UPDATE journeys SET not_before = 0 WHERE letter = ?", (number,)))
        until(lambda: town.held("bert") == before + 1)
        assert town.without_passphrase("drafts") == 3
        # With the passphrase everything is as it was, and the next command need not bring it.
        rows = town.ada.json("outbox")["letters"]
        assert {row["number"]: row["state"] for row in rows}[number] in {"on_its_way", "held_for_them"}
        assert town.without_passphrase("drafts") == 0
        # To lock it for good no passphrase is wanted, softly locked or not.
        time.sleep(SOFT_SECONDS + 0.2)
        assert town.without_passphrase("drafts") == 3
        assert town.without_passphrase("lock") == 0
    town.change("ada", lambda db: settings.forget(db, "soft_lock_minutes"))


def test_a_hard_lock_says_what_leaves_when(town: Town) -> None:
    with owner(town, "ada") as process:
        number = town.ada.json("write Bert", given="Dear Bert, later\n")["number"]
        (row,) = town.ada.json(f"post {number}")["letters"]
        done = town.ada("lock")
        assert done.code == 0
        assert "One letter is waiting to leave" in " ".join(done.err.split())
        assert row["leaves"][:4] in done.err
        # When the command has returned, the drawer is closed.
        assert left_clean(town.machine.folder / "ada")
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert list((town.machine.folder / "run" / "dearly").iterdir()) == []
    assert town.without_passphrase("drafts") == 3
    town.ada(f"take-back {number}")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda how: how.name)
def test_a_signal_closes_the_drawer(town: Town, how: signal.Signals) -> None:
    with owner(town, "ada") as process:
        written = [town.machine.start("write", "Bert", "--json", drawer="ada") for _n in range(3)]
        numbers = {json.loads(one.communicate(f"{n}\n", timeout=60)[0])["number"] for n, one in enumerate(written)}
        assert len(numbers) == 3
        process.send_signal(how)
        assert process.wait(60) == 0
        assert left_clean(town.machine.folder / "ada")
    assert numbers <= {draft["number"] for draft in town.ada.json("drafts")["letters"]}


def test_killed_it_leaves_a_drawer_that_opens(town: Town) -> None:
    with owner(town, "ada") as process:
        number = town.ada.json("write Bert", given="Dear Bert, in time\n")["number"]
        assert town.ada(f"post {number} --at-once").code == 0
        process.kill()
        process.wait()
    assert not left_clean(town.machine.folder / "ada")
    done = town.ada("round --json")
    assert done.code == 0, done.err
    rows = {row["number"]: row["state"] for row in town.ada.json("outbox")["letters"]}
    assert rows[number] in {"on_its_way", "held_for_them"}
    assert left_clean(town.machine.folder / "ada")
    town.bert("round")
    came = [town.bert.json(f"open {one['number']}")["text"] for one in town.bert.json("letterbox")["letters"]]
    assert came.count("Dear Bert, in time\n") == 1
