"""Nothing private is anywhere but where it belongs, while the real program is at work and afterwards.

One play through the command line, with every step a person would take, and two kills in between. All the while every
process of the machine is looked at: its arguments and its environment tell no more than was typed there. Afterwards
every file of homes, drawers, office, runtime and temporary folders is swept for what was meant to be locked.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dearly.drawer import accounts, keyring
from dearly.drawer.connection import DataKey, Db, connect
from dearly.drawer.folder import DATABASE
from dearly.seal.keys import OwnKey
from tests.support import sweep
from tests.support.commands import PASSPHRASE, Machine, Person
from tests.support.door import short_folder
from tests.support.machines import cheap_drawer

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc to look at")

NEW_PASSPHRASE = "fake and newer markerquetsche phrase"
MARKERS = {
    "text from standard input": b"markerquince",
    "text from a file": b"markermirabelle",
    "text of an answer": b"markermedlar",
    "text that was being written at a kill": b"markerbarberry",
    "subject": b"markerdamson",
    "subject of the other": b"markerrowan",
    "enclosure": b"markerbullace",
    "name of the enclosure": b"markersloe",
    "name on no letter": b"markerhawthorn",
    "passphrase": PASSPHRASE.encode(),
    "new passphrase": NEW_PASSPHRASE.encode(),
}
TYPED = {
    "subject": b"--subject",
    "subject of the other": b"--subject",
    "name of the enclosure": b"enclose",
    "name on no letter": b"people",
}
"""What a person types as an argument, and in which command: it is the shell's to show, in that one process."""


@dataclass
class Watch:
    """Looks at every process there is, again and again: (what, where, arguments) of each that tells something."""

    markers: dict[str, bytes]
    told: set[tuple[str, str, bytes]] = field(default_factory=set)
    typed: set[tuple[str, str, bytes]] = field(default_factory=set)
    seen: set[bytes] = field(default_factory=set)
    looks: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        mine = str(os.getpid())
        for process in os.listdir("/proc"):
            if not process.isdigit() or process == mine:
                continue
            with suppress(OSError):
                arguments = Path("/proc", process, "cmdline").read_bytes()
                if b"dearly" not in arguments:
                    continue
                self.seen.add(arguments.replace(b"\0", b" "))
                for where, data in (
                    ("arguments", arguments),
                    ("environment", Path("/proc", process, "environ").read_bytes()),
                    ("name", Path("/proc", process, "comm").read_bytes()),
                ):
                    for name, marker in dict(self.markers).items():
                        if marker in data:
                            typed = where == "arguments" and TYPED.get(name, b"\0\0") in data
                            (self.typed if typed else self.told).add((name, where, arguments))
        self.looks += 1

    def run(self) -> None:
        while not self.ended.is_set():
            self.look()
            self.ended.wait(0.03)


@contextmanager
def watching(markers: dict[str, bytes]) -> Iterator[Watch]:
    watch = Watch(markers)
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.ended.set()
        thread.join(10)


class Watched(Machine):
    """A machine on which every command is looked at when it has just begun: many are over before the next look."""

    watch: Watch

    def start(self, *argv: str, drawer: str | None = None, **env: str) -> subprocess.Popen[str]:
        process = super().start(*argv, drawer=drawer, **env)
        process.send_signal(signal.SIGSTOP)
        # Only a program that has really stopped has begun, and so has its arguments.
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self.watch.look()
        process.send_signal(signal.SIGCONT)
        return process


@dataclass
class Held:
    """The process that `dearly unlock` leaves behind, with what it says on standard error kept."""

    machine: Machine
    name: str
    said: Path
    secret: str = PASSPHRASE
    process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        with self.said.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dearly", "--hold-open", str(self.machine.folder / self.name)],
                env=self.machine.env,
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(self.secret.encode())
        self.process.stdin.close()
        assert json.loads(self.process.stdout.readline()) == {"open": True}
        self.process.stdout.close()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def wait(self) -> None:
        assert self.process is not None
        assert self.process.wait(60) == 0


def secrets_of(folder: Path, key: DataKey) -> dict[str, bytes]:
    """What lies in a drawer and must not lie anywhere else in clear."""
    connection = connect(folder / DATABASE, key, write=False)
    try:
        db = Db(connection)
        own = OwnKey.from_bytes(keyring.own_key(db).secret)
        tokens = [account.secret for account in accounts.list_all(db)]
    finally:
        connection.close()
    parts = {f"secret part {n} of the key of {folder.name}": one.secret[2:34] for n, one in enumerate(own.keys)}
    token = {f"token {n} of {folder.name}": one.encode() for n, one in enumerate(tokens)}
    return {f"data key of {folder.name}": bytes(key), **parts, **token}


def done(who: Person, line: str, *more: str, given: str = "", **env: str) -> Any:
    """The command, which works; its answer."""
    ended = who(line, *more, "--json", given=given, **env)
    assert ended.code == 0, (line, ended.err)
    return json.loads(ended.out)


@pytest.mark.timeout(300)
def test_nothing_private_is_anywhere_else(tmp_path: Path) -> None:
    with short_folder() as place, watching(dict(MARKERS)) as watch:
        Play(place, tmp_path, watch).run()
        assert watch.looks > 100
    kinds = {name for arguments in watch.seen for name in _kinds(arguments)}
    assert kinds >= {"owner", "office", "client", "opener", "keyholder"}, "a kind of process was never looked at"
    assert watch.told == set()
    assert {name for name, _where, _arguments in watch.typed} == set(TYPED), "this look misses what is there"


def _kinds(arguments: bytes) -> Iterator[str]:
    for name, sign in (
        ("owner", b"--hold-open"),
        ("office", b"office serve"),
        ("client", b"dearly write"),
        ("opener", b"dearly.opener.child"),
        ("keyholder", b"dearly.opener.keychild"),
    ):
        if sign in arguments:
            yield name


class Play:
    """The whole play. `given`: a folder outside of what is swept, for what a person writes in clear on purpose."""

    def __init__(self, place: Path, given: Path, watch: Watch) -> None:
        self.watch, self.given = watch, given
        (place / "m").mkdir()
        self.machine = Watched(place / "m", afresh=True)
        self.machine.watch = watch
        (self.machine.folder / "passphrase.txt").rename(given / "passphrase.txt")
        for name in ("tmp", "logs"):
            (self.machine.folder / name).mkdir(mode=0o700)
        self.machine.env |= {"TMPDIR": str(self.machine.folder / "tmp")}
        self.ada, self.bert = (self._person(name) for name in ("ada", "bert"))
        self.keys = {name: cheap_drawer(self.machine, name) for name in ("ada", "bert")}
        logs = self.machine.folder / "logs"
        self.owners = {name: Held(self.machine, name, logs / f"{name}.log") for name in ("ada", "bert")}
        (given / "letter.txt").write_text("Dear Bert, markermirabelle\n")
        (given / "markersloe.txt").write_bytes(b"markerbullace\r\n" * 500)
        (given / "new.txt").write_text(NEW_PASSPHRASE)
        (given / "new.txt").chmod(0o600)
        (given / "saved").mkdir()

    def _person(self, name: str) -> Person:
        self.machine.env["DEARLY_PASSPHRASE_FILE"] = str(self.given / "passphrase.txt")
        machine, folder = self.machine, self.machine.folder / name

        class Somebody(Person):
            def __call__(self, line: str, *more: str, given: str = "", **env: str) -> Any:
                return machine.run(*line.split(), *more, given=given, DEARLY_DRAWER=str(folder), **env)

        return Somebody(machine, name)

    def run(self) -> None:
        with (self.machine.folder / "logs" / "office.log").open("wb") as log:
            office = subprocess.Popen(
                [sys.executable, "-m", "dearly", *shlex.split("office serve --store post --listen 127.0.0.1:0 --json")],
                env=self.machine.env,
                cwd=self.machine.folder,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        try:
            assert office.stdout is not None
            self.url = json.loads(office.stdout.readline())["url"]
            self.begin()
            self.letters()
            self.keeping()
        finally:
            office.send_signal(signal.SIGTERM)
            office.wait(20)
            office.stdout.close()  # type: ignore[union-attr]  # a pipe
            for held in self.owners.values():
                if held.process is not None and held.process.poll() is None:
                    held.kill()
        self.sweep()

    def begin(self) -> None:
        for person in (self.ada, self.bert):
            token = done(person, f"office invite {person.name} --store post")["token"]
            done(person, f"setup --name {person.name.title()} --office {self.url} --invite {token}")
            done(person, f"address --vcard {self.given}/{person.name}.vcf")
            self.watch.markers.update(secrets_of(self.machine.folder / person.name, self.keys[person.name]))
            self.owners[person.name].begin()
        done(self.ada, f"people add Bert --vcard {self.given}/bert.vcf")
        done(self.bert, f"people add Ada --vcard {self.given}/ada.vcf")
        done(self.ada, "people add markerhawthorn --address hawthorn@letters.test")

    def letters(self) -> None:
        ada, bert, given = self.ada, self.bert, self.given
        first = done(ada, "write Bert --subject markerdamson", given="Dear Bert, markerquince\n")["number"]
        second = done(ada, f"write Bert --subject markerrowan --from-file {given}/letter.txt")["number"]
        done(ada, f"enclose {first} {given}/markersloe.txt")
        done(ada, f"read-over {first}")
        done(ada, f"put-away {second}")
        # A kill while a letter is being written, and one between posting and leaving.
        cut = self.machine.start("write", "Bert", DEARLY_DRAWER=str(self.machine.folder / "ada"))
        assert cut.stdin is not None
        cut.stdin.write("Dear Bert, markerbarberry\n")
        cut.stdin.flush()
        time.sleep(0.3)
        cut.kill()
        cut.communicate()
        done(ada, f"post {first} --at-once")
        self.owners["ada"].kill()
        self._sweep_files()
        self.owners["ada"].begin()
        done(ada, "round")
        done(bert, "round")
        (envelope,) = done(bert, "letterbox")["letters"]
        opened = done(bert, f"open {envelope['number']} --save {given}/saved")
        assert "markerquince" in opened["text"]
        done(bert, f"show {envelope['number']}")
        reply = done(bert, f"answer {envelope['number']} --quote", given="Dear Ada, markermedlar\n")["number"]
        done(bert, f"post {reply} --at-once")
        done(bert, "round")
        done(ada, "round")
        (answer,) = done(ada, "letterbox")["letters"]
        assert "markermedlar" in done(ada, f"open {answer['number']}")["text"]
        # By hand: the file may lie anywhere, and tells nothing.
        done(ada, f"hand out {second} {self.machine.folder}/carried.dearly")
        came = done(bert, f"hand in {self.machine.folder}/carried.dearly")["number"]
        assert "markermirabelle" in done(bert, f"open {came}")["text"]
        done(ada, "correspondence Bert")

    def keeping(self) -> None:
        ada, given = self.ada, self.given
        done(ada, f"backup {self.machine.folder}/ada.backup")
        done(ada, f"kit --out {given}/kit.txt")
        done(ada, f"lock-change --new-passphrase-file {given}/new.txt")
        for person in (ada, self.bert):
            done(person, "lock")
            self.owners[person.name].wait()
        new = {"DEARLY_PASSPHRASE_FILE": str(given / "new.txt")}
        done(ada, f"backup {self.machine.folder}/ada.backup --verify")
        assert ada("drafts", DEARLY_PASSPHRASE_FILE=str(given / "passphrase.txt")).code == 3
        done(ada, "unlock", **new)
        done(ada, "check", **new)
        done(ada, "lock", **new)

    def sweep(self) -> None:
        self._sweep_files()
        told = b"".join(log.read_bytes() for log in (self.machine.folder / "logs").iterdir())
        for word in (b"@", b"Ada", b"Bert", b"marker", *self.watch.markers.values()):
            assert word.lower() not in told.lower(), (word, told)
        assert list((self.machine.folder / "tmp").iterdir()) == []
        assert list((self.machine.folder / "run").rglob("*.sock")) == []
        # What was written in clear on purpose was: the sweep would have found it.
        assert sweep.found([self.given / "saved"], {"enclosure": b"markerbullace"})
        assert sweep.found([self.given], {"text": b"markermirabelle"})

    def _sweep_files(self) -> None:
        assert sweep.found([self.machine.folder], self.watch.markers) == []
        telling = ["markersloe", "markerdamson", "markerrowan", "markerhawthorn", "@"]
        assert sweep.names_with([self.machine.folder], telling) == []
        for path in (self.machine.folder / "run").rglob("*"):
            assert re.fullmatch(r"dearly|[0-9a-f]{16}\.(sock|bell|held)", path.name), path
