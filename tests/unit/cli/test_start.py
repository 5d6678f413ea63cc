"""What a command costs before it does anything, counted: the modules it imports, the children it starts.

Times are for `benchmarks.startup`; these numbers do not depend on the machine's mood.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.door import owner, short_folder
from tests.support.drawers import PASSPHRASE, make_drawer

_PROGRAM = """
import sys
started = []
sys.addaudithook(lambda event, args: started.append(args[1][1:]) if event == "subprocess.Popen" else None)
sys.argv = ["dearly", *sys.argv[1:]]
from dearly.__main__ import main
code = main()
imported = list(sys.modules)
import json
print(json.dumps([code, imported, [list(map(str, one)) for one in started]]), file=sys.stderr)
"""

_DERIVE = ["-I", "-m", "dearly.drawer.derive"]


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run of a command. `children`: the arguments of each process that it started."""

    code: int
    modules: frozenset[str]
    children: list[list[str]]

    @property
    def ours(self) -> frozenset[str]:
        """The modules that are Dearly's."""
        return frozenset(name for name in self.modules if name.split(".")[0] == "dearly")

    def has(self, *names: str) -> set[str]:
        """Which of these were imported, or something below them."""
        return {name for name in names if any(f"{one}.".startswith(f"{name}.") for one in self.modules)}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A machine with a drawer that nothing lies in yet."""
    with short_folder() as folder:
        (folder / "run").mkdir(mode=0o700)
        asyncio.run(_a_drawer(folder / "ada"))
        (folder / "passphrase").write_text(PASSPHRASE + "\n")
        (folder / "passphrase").chmod(0o600)
        yield folder


async def _a_drawer(folder: Path) -> None:
    drawer = await make_drawer(folder)
    await drawer.close()


def _run(place: Path, *argv: str) -> Run:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "XDG_RUNTIME_DIR": str(place / "run"),
        "LANG": "C.UTF-8",
        "DEARLY_DRAWER": str(place / "ada"),
        "DEARLY_PASSPHRASE_FILE": str(place / "passphrase"),
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *argv],
        env=env,
        cwd=place,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    code, modules, children = json.loads(done.stderr.strip().splitlines()[-1])
    return Run(code, frozenset(modules), children)


def test_a_search_at_a_closed_drawer_imports_what_it_searches_with(place: Path) -> None:
    run = _run(place, "search", "garden")
    assert (run.code, run.children) == (0, [])
    assert not run.has("asyncio", "socket", "subprocess", "platformdirs", "logging", "tempfile", "secrets")
    foreign = ("dearly.opener", "dearly.seal", "dearly.exchange", "dearly.carriers.mail", "dearly.carriers.jmap")
    assert not run.has(*foreign, "dearly.web", "dearly.office", "dearly.assemble.process", "dearly.assemble.behind")
    assert not run.has("dearly.desk.rounds", "dearly.desk.views", "dearly.desk.values", "dearly.desk.post")
    assert not run.has("pysequoia", "httpx", "rich", "segno", "PIL", "email", "urllib.request", "xml", "tarfile")
    assert len(run.ours) <= 63, run.ours


def test_a_list_at_a_closed_drawer_imports_nothing_that_acts(place: Path) -> None:
    run = _run(place, "outbox")
    assert (run.code, run.children) == (0, [])
    assert not run.has("asyncio", "subprocess", "logging", "pysequoia", "email", "ssl", "babel")
    assert not run.has("dearly.opener", "dearly.seal", "dearly.exchange", "dearly.carriers", "dearly.terms")
    assert len(run.ours) <= 79, run.ours


def test_a_client_of_a_running_desk_imports_next_to_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place / "run"))
    with owner(place / "ada", lambda _argv, _terminal: 0):
        run = _run(place, "search", "garden")
    assert (run.code, run.children) == (0, [])
    assert not run.has("asyncio", "click", "dataclasses", "pathlib", "logging", "inspect", "subprocess", "apsw")
    assert not run.has("re", "enum", "typing", "socket", "json", "contextlib", "functools", "collections", "hashlib")
    assert not run.has("dearly.desk", "dearly.drawer", "dearly.assemble", "dearly.cli.main")
    assert len(run.ours) <= 12, run.ours


def test_taking_in_letters_that_are_not_sealed_needs_no_key(place: Path) -> None:
    (place / "one.eml").write_bytes(
        b"From: Bert <bert@letters.test>\r\nTo: ada@letters.test\r\nSubject: Rain\r\n"
        b"Date: Tue, 3 Mar 2020 10:00:00 +0000\r\nMessage-ID: <one@letters.test>\r\n\r\nIt rains.\r\n"
    )
    run = _run(place, "import", "one.eml")
    assert run.code == 0
    assert run.children == [_DERIVE, ["-I", "-m", "dearly.opener.child", "letters"]]
    assert not run.has("vobject", "httpx", "rich", "dearly.desk.rounds", "dearly.desk.fetch")
    assert not run.has("pysequoia", "dearly.seal.trust", "dearly.desk.routes", "dearly.desk.importing_own")
    assert not run.has("dearly.letter.leaving", "dearly.exchange.bundle_reading", "dearly.opener.protocol_keys")
    assert len(run.ours) <= 167, run.ours
