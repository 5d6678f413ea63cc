"""Whatever is wrong, one sentence says so, a hint says what next, the exit code is the promised one, and nothing in
the drawer has changed. Through the real program, in text and in JSON.

One machine for all: Ada's drawer, in which a draft lies and people with good, bad and missing keys are known.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dearly.carriers.letterfile import framed
from dearly.drawer.connection import DataKey, connect, unguarded
from dearly.drawer.folder import DATABASE, KEYS
from dearly.exchange import vcard
from dearly.office import accounts
from tests.faults.test_drawer_disk import small_disk
from tests.support import openpgp as pgp
from tests.support import parcels
from tests.support.commands import PASSPHRASE, Done, Machine, Person
from tests.support.door import short_folder
from tests.support.machines import Contents, changed, cheap_drawer, contents
from tests.support.offices import Office, an_office
from tests.support.ports import free_port
from tests.unit.office.test_service import certificate

DRAFT, TO_CLARA, TO_DORA, TO_EMIL, EMPTY = range(1, 6)


@dataclass
class World:
    """Ada's machine."""

    machine: Machine
    ada: Person
    key: DataKey
    office: Office
    lies_open: bool = True

    @property
    def folder(self) -> Path:
        return self.machine.folder / "ada"

    def contents(self) -> Contents:
        return contents(self.folder, self.key)

    def turn_key(self, *, to_open: bool) -> World:
        """The drawer as a test wants it. It lies as the test before it left it: to open it takes two seconds."""
        if self.lies_open != to_open:
            assert self.ada("unlock" if to_open else "lock").code == 0
            self.lies_open = to_open
        return self


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with short_folder() as folder, an_office() as office:
        machine = Machine(folder)
        key = cheap_drawer(machine, "ada")
        ada = machine.person("ada")
        joined = ada(f"setup --name Ada --office {office.url} --invite {office.invite('ada')}")
        assert joined.code == 0, joined.err
        assert ada("unlock").code == 0
        for name, certificate in (
            ("Bert", pgp.person("bert").certificate),
            ("Clara Moor", None),
            ("Clara Heath", None),
            ("Dora", pgp.revoked(pgp.person("dora"))),
            ("Emil", pgp.expiring(pgp.person("emil"), pgp.YESTERDAY)),
        ):
            card = vcard.write_card(name, [f"{name.split()[0].lower()}@letters.test"], certificate, None)
            machine.write("card.vcf", card)
            done = ada("people add", name, "--vcard", "card.vcf")
            assert done.code == 0, done.err
        for who, text in (
            ("Bert", "Dear Bert"),
            ("Clara Moor", "Dear Clara"),
            ("Dora", "Dear Dora"),
            ("Emil", "Dear Emil"),
            ("Bert", ""),
        ):
            assert ada("write", who, given=text).code == 0
        put_files(machine)
        made = World(machine, ada, key, office)
        try:
            yield made
        finally:
            ada("lock")


@pytest.fixture
def opened(world: World) -> World:
    return world.turn_key(to_open=True)


def put_files(machine: Machine) -> None:
    """What is wrong in itself."""
    letter = parcels.sealed()
    machine.write("torn.dearly", framed(letter)[:-100])
    machine.write("altered.dearly", framed(letter)[:-1] + b"!")
    machine.write("newer.dearly", framed(letter).replace(b" v=1;", b" v=2;", 1))
    machine.write("garbage.dearly", bytes(range(256)) * 8)
    machine.write("nothing.dearly", b"")
    machine.write("latin.txt", "Liebe Grüße".encode("latin-1"))
    machine.write("zero.txt", b"Dear Bert\0\n")
    machine.write("half.vcf", b"BEGIN:VCARD\r\nVERSION:4.0\r\n")
    with (machine.folder / "big.bin").open("wb") as file:
        file.truncate(60_000_000)
    machine.write("wrong.txt", "not the passphrase\n", mode=0o600)
    machine.write("others.txt", PASSPHRASE + "\n", mode=0o644)
    machine.write("empty.txt", "", mode=0o600)
    machine.write("line.txt", "\n", mode=0o600)
    machine.write("binary.txt", bytes(range(128, 256)), mode=0o600)
    machine.write("secret.txt", PASSPHRASE + "\n", mode=0o000)


def well_told(text: Done, as_json: Done, exit_code: int, code: str) -> None:
    """The same trouble told twice, well."""
    assert (text.code, as_json.code) == (exit_code, exit_code), (text.err, as_json.err)
    assert (text.out, as_json.out) == ("", "")
    told = json.loads(as_json.err)
    assert set(told) == {"error"}
    error = told["error"]
    assert (error["code"], error["exit"]) == (code, exit_code)
    assert set(error) == {"code", "message", "hint", "exit"}
    message, hint = error["message"], error["hint"]
    assert " ".join(text.err.split()) == " ".join(f"{message} {hint}".split())
    assert re.fullmatch(r".*[^.?](\.|[^.]\?)", message), message
    assert code == "usage" or not re.search(r"[.!?]\s+[A-Z“]", message), message
    assert hint.strip(), f"what next? {message}"
    assert re.search(r"\.\)?$|[a-z]$", hint), hint
    for word in ("Traceback", "Errno", "Exception", "Error(", "None", "{", PASSPHRASE):
        assert word not in message + hint, (message, hint)


def both(who: Callable[..., Done], line: str, *more: str, given: str = "", **env: str) -> tuple[Done, Done]:
    """The command in text and then in JSON: at once, they would keep a closed drawer from each other."""
    return who(line, *more, given=given, **env), who(line, *more, "--json", given=given, **env)


# An open drawer: what is asked of it is wrong -----------------------------------------------------------------------


@dataclass
class Case:
    line: str
    exit: int
    code: str
    given: str = ""


CASES = {
    "unknown person": Case("write Nobody", 4, "unknown_person", "Dear Nobody"),
    "unknown address of nobody": Case("people show nobody@letters.test", 4, "unknown_person"),
    "ambiguous person": Case("write Clara", 4, "ambiguous_person", "Dear Clara"),
    "a name that is none": Case("write ''", 4, "unknown_person", "Dear"),
    "nobody to write to": Case("write", 2, "usage", "Dear"),
    "bad address": Case("people add Fritz --address 'fritz at home'", 2, "bad_address"),
    "nothing said to change": Case("people edit Bert", 2, "nothing_to_change"),
    "the same person twice": Case("people add Bert --address b2@letters.test", 11, "person_exists"),
    "half a card": Case("people add Fritz --vcard half.vcf", 2, "bad_card"),
    "no card": Case("people add Fritz --vcard missing.vcf", 4, "no_such_file"),
    "no such key": Case(f"keys pin Bert --fingerprint {'0' * 40}", 4, "unknown_key"),
    "half a fingerprint": Case("keys pin Bert --fingerprint 12", 2, "bad_fingerprint"),
    "person without key": Case(f"post {TO_CLARA} --by hand", 5, "no_key"),
    "revoked key": Case(f"post {TO_DORA} --by hand", 5, "key_revoked"),
    "expired key": Case(f"post {TO_EMIL} --by hand", 5, "key_expired"),
    "no way there": Case(f"post {DRAFT}", 5, "no_way"),
    "empty letter": Case(f"post {EMPTY} --by hand", 2, "empty_letter"),
    "unsealed by the office": Case(f"post {DRAFT} --unsealed --by office", 11, "office_takes_sealed_only"),
    "60 MB enclosed": Case("write Bert --enclose big.bin", 11, "too_large", "Dear Bert"),
    "60 MB enclosed later": Case(f"enclose {DRAFT} big.bin", 11, "too_large"),
    "nothing to enclose": Case(f"enclose {DRAFT} missing.bin", 4, "no_such_file"),
    "text that is not UTF-8": Case("write Bert --from-file latin.txt", 2, "not_utf8"),
    "text with a zero": Case("write Bert --from-file zero.txt", 2, "not_text"),
    "edited to what is not UTF-8": Case(f"edit {DRAFT} --from-file latin.txt", 2, "not_utf8"),
    "a folder as text": Case("write Bert --from-file .", 2, "is_a_folder"),
    "a folder as enclosure": Case("write Bert --enclose .", 2, "is_a_folder", "Dear Bert"),
    "a folder to take in": Case("hand in .", 2, "is_a_folder"),
    "a file below a file": Case("write Bert --from-file latin.txt/x", 4, "no_such_file"),
    "standard input twice": Case("write Bert --from-file - --enclose -", 2, "input_twice", "Dear Bert"),
    "bad date": Case(f"post {DRAFT} --on 31.12.2031", 2, "bad_date"),
    "no such day": Case(f"put-away {DRAFT} --until 2031-02-30", 2, "bad_date"),
    "a day that is over": Case(f"post {DRAFT} --by hand --on 2020-01-01", 2, "bad_date"),
    "at once and on a day": Case(f"post {DRAFT} --at-once --on 2031-01-01", 2, "two_times"),
    "post of something unknown": Case("post 99", 4, "no_draft"),
    "post of what is no number": Case("post first", 2, "bad_number"),
    "taking back what was not posted": Case(f"take-back {DRAFT}", 4, "no_letter"),
    "open of something unknown": Case("open 99", 4, "no_arrival"),
    "show of something unknown": Case("show 99", 4, "no_letter"),
    "answer to something unknown": Case("answer 99", 4, "no_letter", "Dear"),
    "drop of something unknown": Case("drop 99", 4, "no_draft"),
    "saving into a file": Case("open 99 --save latin.txt", 2, "not_a_folder"),
    "a torn file": Case("hand in torn.dearly", 7, "hand_incomplete"),
    "an altered file": Case("hand in altered.dearly", 7, "hand_damaged"),
    "a file of a newer version": Case("hand in newer.dearly", 10, "hand_newer"),
    "garbage": Case("hand in garbage.dearly", 2, "not_a_letter"),
    "an empty file": Case("hand in nothing.dearly", 7, "hand_incomplete"),
    "no file": Case("hand in missing.dearly", 4, "no_such_file"),
    "handing out into a folder that is not there": Case(f"hand out {DRAFT} nowhere/x.dearly", 4, "no_such_folder"),
    "handing out over a file": Case(f"hand out {DRAFT} latin.txt", 11, "file_exists"),
    "handing out what cannot be sealed": Case(f"hand out {TO_DORA} x.dearly", 5, "key_revoked"),
    "a kit into nowhere": Case("kit --out nowhere/kit.txt", 4, "no_such_folder"),
    "a card into nowhere": Case("address --vcard nowhere/card.vcf", 4, "no_such_file"),
    "a kit in the drawer": Case("kit --out ada/kit.txt", 11, "kit_in_drawer"),
    "a kit over a file": Case("kit --out latin.txt", 11, "file_exists"),
    "a backup in the drawer": Case("backup ada/copy.backup", 11, "backup_in_drawer"),
    "a backup over a file": Case("backup latin.txt", 11, "file_exists"),
    "a backup into nowhere": Case("backup nowhere/copy.backup", 4, "no_such_folder"),
    "a bad new passphrase": Case("lock-change --new-passphrase-file empty.txt", 2, "empty_passphrase"),
    "a new passphrase that others can read": Case(
        "lock-change --new-passphrase-file others.txt", 11, "file_readable_by_others"
    ),
    "mending what lies open": Case("check --repair", 11, "drawer_open"),
    "renewing what lies open": Case("lock-change --renew", 11, "drawer_open"),
    "a command that is none": Case("wirte Bert", 2, "usage"),
    "an option that is none": Case("write Bert --fromfile x", 2, "usage"),
}


@pytest.mark.parametrize("name", CASES)
def test_asked_in_a_wrong_way(opened: World, name: str) -> None:
    case = CASES[name]
    before = opened.contents()
    files = set(opened.machine.folder.iterdir())
    text, as_json = both(opened.ada, case.line, given=case.given)
    well_told(text, as_json, case.exit, case.code)
    assert changed(before, opened.contents()) == {}
    assert set(opened.machine.folder.iterdir()) == files


# A locked drawer: it cannot be opened -------------------------------------------------------------------------------


@pytest.fixture
def locked(world: World) -> World:
    return world.turn_key(to_open=False)


PASSPHRASES = {
    "wrong": ("wrong.txt", 3, "wrong_passphrase"),
    "in a file that others can read": ("others.txt", 11, "file_readable_by_others"),
    "in a file that is missing": ("missing.txt", 4, "no_such_file"),
    "in an empty file": ("empty.txt", 2, "empty_passphrase"),
    "in a file with an empty line": ("line.txt", 2, "empty_passphrase"),
    "in a binary file": ("binary.txt", 2, "not_utf8"),
    "in a folder": (".", 2, "is_a_folder"),
    "in a file that the system cannot read": ("/proc/self/mem", 2, "unreadable"),
    "larger than any": ("big.bin", 11, "too_large"),
}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("wrong", "in a file that others can read", "in a file that is missing"), id="some"),
        pytest.param(tuple(PASSPHRASES), id="all", marks=pytest.mark.long),
    ],
)
def test_the_passphrase_is_not_to_be_had(locked: World, names: tuple[str, ...]) -> None:
    before = locked.contents()
    for name in names:
        print(name)
        file, exit_code, code = PASSPHRASES[name]
        well_told(*both(locked.ada, "drafts", DEARLY_PASSPHRASE_FILE=file), exit_code, code)
    machine = locked.machine
    well_told(
        *both(lambda *argv, **more: machine.run("--drawer", "ada", *argv, **more), "drafts"), 3, "passphrase_wanted"
    )
    assert changed(before, locked.contents()) == {}
    assert locked.ada.json("drafts")["total"] == EMPTY


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_the_passphrase_may_not_be_read(locked: World) -> None:
    well_told(*both(locked.ada, "drafts", DEARLY_PASSPHRASE_FILE="secret.txt"), 2, "not_allowed")


@contextmanager
def put_aside(*files: Path) -> Iterator[None]:
    """Whatever is done to these files, they are as they were afterwards, in the same places on the disk."""
    kept = {file: file.read_bytes() for file in files}
    try:
        yield
    finally:
        for file, data in kept.items():
            file.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: bytes(4096) + data[4096:], id="its beginning"),
        pytest.param(lambda data: data[:2000], id="cut", marks=pytest.mark.long),
        pytest.param(lambda _data: b"not a database", id="another file", marks=pytest.mark.long),
    ],
)
def test_the_file_is_damaged(locked: World, spoil: Callable[[bytes], bytes]) -> None:
    before = locked.contents()
    database = locked.folder / DATABASE
    with put_aside(database):
        database.write_bytes(spoil(database.read_bytes()))
        spoilt = database.read_bytes()
        well_told(*both(locked.ada, "write Bert", given="Dear Bert"), 7, "drawer_damaged")
        assert database.read_bytes() == spoilt
    assert changed(before, locked.contents()) == {}


def test_the_slots_are_damaged(locked: World) -> None:
    before = locked.contents()
    both_copies = [locked.folder / name for name in KEYS]
    with put_aside(*both_copies):
        for file in both_copies:
            file.write_bytes(b"\0" + file.read_bytes()[1:])
        spoilt = [file.read_bytes() for file in both_copies]
        well_told(*both(locked.ada, "drafts"), 7, "slots_damaged")
        assert [file.read_bytes() for file in both_copies] == spoilt
    assert changed(before, locked.contents()) == {}
    with put_aside(both_copies[0]):
        both_copies[0].write_bytes(b"")
        assert locked.ada.json("drafts")["total"] == EMPTY
    assert locked.ada.json("drafts")["total"] == EMPTY


def test_the_drawer_is_of_a_newer_version(locked: World) -> None:
    before = locked.contents()
    now = _version(locked, None)
    _version(locked, 900)
    try:
        well_told(*both(locked.ada, "drafts"), 10, "drawer_newer")
        assert _version(locked, None) == 900
    finally:
        _version(locked, now)
    assert changed(before, locked.contents()) == {}


def _version(world: World, number: int | None) -> int:
    connection = connect(world.folder / DATABASE, world.key, write=True)
    try:
        if number is not None:
            unguarded(connection, f"PRAGMA user_version={number:d}")
        return int(connection.pragma("user_version"))
    finally:
        connection.close()


def test_another_process_holds_it_and_serves_nobody(locked: World) -> None:
    before = locked.contents()
    with (locked.folder / "lock").open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        well_told(*both(locked.ada, "drafts"), 8, "drawer_in_use")
    assert changed(before, locked.contents()) == {}


def test_two_at_once_on_a_locked_drawer_are_both_served(locked: World) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(locked.ada, f"edit {EMPTY} --subject", subject) for subject in ("One", "Two")]
        assert [one.result().code for one in done] == [0, 0]
    assert locked.ada("edit", str(EMPTY), "--subject", "").code == 0


def test_there_is_no_drawer(world: World) -> None:
    who = world.machine.person("nobody")
    for line in ("drafts", "unlock", "lock", "kit --out k.txt"):
        well_told(*both(who, line), 4, "no_drawer")
    assert not world.machine.folder.joinpath("nobody").exists()
    assert not world.machine.folder.joinpath("k.txt").exists()


# Backups ------------------------------------------------------------------------------------------------------------


def test_a_backup_that_cannot_be_used(locked: World) -> None:
    machine, ada = locked.machine, locked.ada
    before = locked.contents()
    assert ada("backup good.backup").code == 0
    whole = (machine.folder / "good.backup").read_bytes()
    machine.write("half.backup", whole[: len(whole) // 2])
    machine.write("bit.backup", whole[:-30000] + bytes([whole[-30000] ^ 1]) + whole[-29999:])
    for line, exit_code, code in (
        ("backup half.backup --verify", 7, "backup_damaged"),
        ("backup bit.backup --verify", 7, "backup_damaged"),
        ("backup garbage.dearly --verify", 7, "backup_damaged"),
        ("backup missing.backup --verify", 4, "no_backup"),
        ("restore half.backup --to restored", 7, "backup_damaged"),
        ("restore good.backup --to ada", 11, "drawer_exists"),
        ("restore missing.backup --to restored", 4, "no_backup"),
    ):
        well_told(*both(ada, line), exit_code, code)
    well_told(
        *both(ada, "restore good.backup --to restored", DEARLY_PASSPHRASE_FILE="wrong.txt"), 3, "wrong_passphrase"
    )
    assert not (machine.folder / "restored").exists()
    assert not [path.name for path in machine.folder.iterdir() if path.name.startswith(".")]
    assert changed(before, locked.contents()) == {}


def test_a_kit_that_cannot_be_used(locked: World) -> None:
    machine = locked.machine
    before = locked.contents()
    copy = machine.folder / "copied"
    shutil.copytree(locked.folder, copy)
    kept = {path.name: path.read_bytes() for path in copy.iterdir()}
    machine.write("garbage.txt", "this is no kit\n", mode=0o600)
    other = cheap_kit(machine)
    who = machine.person("copied")
    well_told(*both(who, "restore-with-kit --kit-file garbage.txt"), 2, "kit_wrong")
    well_told(*both(who, f"restore-with-kit --kit-file {other}"), 3, "wrong_key")
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == kept
    assert changed(before, locked.contents()) == {}


def cheap_kit(machine: Machine) -> str:
    """The kit of another drawer."""
    cheap_drawer(machine, "other")
    assert machine.person("other")("kit --out other.txt").code == 0
    return "other.txt"


# The office ---------------------------------------------------------------------------------------------------------


def test_an_office_that_cannot_be_joined(opened: World) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    before = opened.contents()
    for url, invite, exit_code, code in (
        (nowhere, "fake", 6, "office_unreachable"),
        (opened.office.url, "fake", 11, "no_invitation"),
        ("http://letters.test", "fake", 2, "insecure_office"),
        ("ftp://127.0.0.1", "fake", 2, "bad_office_url"),
    ):
        well_told(*both(opened.ada, f"setup --name Ada --office {url} --invite {invite}"), exit_code, code)
        # The token it asked with is kept, so that asking again comes to the same account (F05). When an office was last
        # spoken to is noted by the rounds, which go on meanwhile.
        moved = changed(before, opened.contents())
        kept = [name for name, _value in moved.pop("settings", []) if not name.startswith("spoken.")]
        assert (set(kept), moved) == ({"joining"} if exit_code == 6 else set(), {}), url


def test_a_certificate_that_nobody_vouches_for(opened: World, tmp_path: Path) -> None:
    with an_office(tls=certificate(tmp_path)) as office:
        before = opened.contents()
        token = office.invite("ada")
        well_told(*both(opened.ada, f"setup --name Ada --office {office.url} --invite {token}"), 6, "office_untrusted")
        well_told(
            *both(opened.ada, f"setup --name Ada --office {office.url} --invite {token} --ca-file missing.pem"),
            2,
            "bad_ca_file",
        )
        assert {row[0] for row in changed(before, opened.contents()).get("settings", [])} <= {"joining"}
        assert set(changed(before, opened.contents())) <= {"settings"}


def test_a_setup_that_failed_is_done_again(world: World) -> None:
    cheap_drawer(world.machine, "gerda")
    gerda = world.machine.person("gerda")
    line = f"setup --name Gerda --office {world.office.url} --invite"
    assert gerda(line, "fake").code == 11
    assert gerda.json(line, world.office.invite("gerda"))["addresses"][0].startswith("gerda@")


def test_a_round_that_nobody_answers(world: World, tmp_path: Path) -> None:
    """It is told in the report and by the exit code; a letter that waits goes on waiting."""
    cheap_drawer(world.machine, "hans")
    hans = world.machine.person("hans")
    with an_office(tmp_path / "office") as office:
        assert hans(f"setup --name Hans --office {office.url} --invite {office.invite('hans')}").code == 0
        assert hans("round").code == 0
        office.do(accounts.renew_token(office.store, f"hans@{office.store.domain}"))
        not_served(hans, "token")
    not_served(hans, "no connection")


def not_served(who: Person, why: str) -> None:
    text, as_json = both(who, "round")
    assert (text.code, as_json.code) == (6, 6)
    assert (text.err, as_json.err) == ("", "")
    (said,) = json.loads(as_json.out)["troubles"]
    assert why in said
    assert " ".join(said.split()) in " ".join(text.out.split())


# The disk -----------------------------------------------------------------------------------------------------------

FULL = """
import json, os, sys
from pathlib import Path
from tests.support.commands import Machine
from tests.support.machines import Contents, changed, cheap_drawer, contents

place = Path(sys.argv[1])
home = Path(os.environ["MACHINE"])
machine = Machine(home, afresh=True)
key = cheap_drawer(machine, str(place / "ada"))
ada = machine.person(str(place / "ada"))
assert ada("setup --name Ada").code == 0
assert ada("people add Bert --address bert@letters.test").code == 0
machine.write("big.bin", os.urandom(3_000_000))
before = contents(place / "ada", key)
with (place / "fill").open("wb") as fill:
    try:
        while True:
            fill.write(bytes(65536))
            fill.flush()
    except OSError:
        pass
for line in (f"backup {place}/copy", "write Bert --enclose big.bin"):
    for more in ((), ("--json",)):
        done = ada(line, *more, given="Dear Bert")
        print(json.dumps([done.code, done.out, done.err]))
print(json.dumps(sorted(path.name for path in place.iterdir())))
(place / "fill").unlink()
print(json.dumps(list(changed(before, contents(place / "ada", key)))))
print(json.dumps(ada("write Bert --enclose big.bin", given="Dear Bert").code))
"""


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "machine").mkdir()
    monkeypatch.setenv("MACHINE", str(tmp_path / "machine"))
    try:
        lines = [json.loads(line) for line in small_disk(tmp_path / "disk", "10m", FULL)]
    except pytest.skip.Exception as impossible:
        if os.environ.get("CI") == "true":
            pytest.fail(f"this must be tried here: {impossible}")
        raise
    *told, files, tables, afterwards = lines
    copy, copy_json, write, write_json = (Done(*one) for one in told)
    well_told(write, write_json, 9, "disk_full")
    well_told(copy, copy_json, 9, "disk_full")
    assert tables == []
    assert files == ["ada", "fill"]
    assert afterwards == 0
