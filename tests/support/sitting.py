"""A person at the real process of a drawer, as a browser without scripts would be: forms, cookies, redirects.

visit = sit_down(machine, "ada")          # `dearly` in a terminal; the way in that it gives
page = visit.come_in()                    # the code, typed; where it leads
page = visit.post("/lock")
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx

from tests.support.commands import PASSPHRASE, Machine
from tests.support.door import short_folder

COOKIE = "__Host-desk"

_CLIENT = httpx.Client(trust_env=False, timeout=60)


@dataclass
class Visit:
    """One browser at one desk. `way` is what `dearly --json` gave."""

    way: dict[str, str]
    cookie: str = ""
    token: str = ""
    at: str = ""

    @property
    def origin(self) -> str:
        return self.way["url"].rstrip("/")

    @property
    def host(self) -> str:
        return self.origin.removeprefix("http://")

    @property
    def port(self) -> int:
        return int(self.host.rpartition(":")[2])

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """One request, with the cookie; the answer as it is."""
        # One connection for each: the process may have begun anew meanwhile.
        headers = {"host": self.host, "connection": "close"} | (
            {"cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {}
        )
        headers |= given.pop("headers", {})
        answer = _CLIENT.request(method, f"http://127.0.0.1:{self.port}{path}", headers=headers, **given)
        if found := re.search(rf"{COOKIE}=([^;]+)", answer.headers.get("set-cookie", "")):
            self.cookie = found[1]
        return answer

    def get(self, path: str) -> httpx.Response:
        """A page, and where it leads."""
        return self._follow(path, self.ask("GET", path))

    def post(self, path: str, **form: str) -> httpx.Response:
        """A form of the page that is open, and where it leads."""
        return self._follow(path, self.submit(path, **form))

    def submit(self, path: str, **form: str) -> httpx.Response:
        """A form of the page that is open; the answer as it is."""
        return self.ask("POST", path, data={"token": self.token, **form}, headers={"origin": self.origin})

    def send(self, path: str, value: Any) -> httpx.Response:
        """JSON, as a script of the page that is open sends it."""
        headers = {"origin": self.origin, "dearly-token": self.token, "accept": "application/json"}
        return self.ask("POST", path, json=value, headers=headers)

    def _follow(self, path: str, answer: httpx.Response) -> httpx.Response:
        while answer.status_code in (303, 307):
            path = answer.headers["location"]
            answer = self.ask("GET", path) if answer.status_code == 303 else self._once_more(path, answer.request)
        self.at = path
        if found := re.search(r'data-token="([^"]+)"', answer.text):
            self.token = found[1]
        return answer

    def _once_more(self, path: str, sent: httpx.Request) -> httpx.Response:
        headers = {name: sent.headers[name] for name in ("origin", "content-type")}
        return self.ask("POST", path, content=sent.content, headers=headers)

    def come_in(self) -> httpx.Response:
        """Open the address, and type the code of the terminal."""
        self.get("/launch")
        return self.post("/launch", code=self.way["code"])


def text_of(page: httpx.Response) -> str:
    """What a page says, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text.partition("<main")[2])).split())


def sit_down(machine: Machine, drawer: str, **env: str) -> Visit:
    """`dearly` in a terminal of this machine."""
    done = machine.run("--json", drawer=drawer, DEARLY_BROWSER="none", **env)
    assert done.code == 0, done.err
    return Visit(json.loads(done.out))


def at_the_desk(machine: Machine, drawer: str) -> Visit:
    """Somebody who sits at this desk, its drawer open."""
    visit = sit_down(machine, drawer)
    visit.come_in()
    if visit.at == "/locked":
        visit.post("/unlock", passphrase=PASSPHRASE)
    assert visit.at == "/", visit.at
    return visit


@contextmanager
def altered(machine: Machine, drawer: str, change: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a drawer, started after `change` was run in it: for times that are too long for a test."""
    program = f"{change}\nimport sys; from dearly.__main__ import main; del sys.argv[0]; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "dearly", "--desk", str(machine.folder / drawer)],
        env=machine.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline()) == {"ready": True}
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def processes(machine: Machine) -> list[int]:
    """The processes of drawers on this machine, by their number."""
    parents = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            ours = any(argument.startswith(os.fsencode(machine.folder)) for argument in arguments)
            if ours and (b"--desk" in arguments or b"--hold-open" in arguments):
                _state, parent = (entry / "stat").read_bytes().rpartition(b") ")[2].split()[:2]
                parents[int(entry.name)] = int(parent)
    # A child that has been forked and not yet executed still bears its parent's command line.
    return [process for process, parent in parents.items() if parent not in parents]


def end_all(machine: Machine, how: signal.Signals = signal.SIGKILL) -> None:
    """End what a test has left behind."""
    for process in processes(machine):
        with suppress(ProcessLookupError):
            os.kill(process, how)
    until(lambda: not processes(machine))


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)


def runtime(machine: Machine) -> list[str]:
    """The names in the runtime folder, without the digest of the drawer."""
    folder = machine.folder / "run" / "dearly"
    return sorted(file.name.partition(".")[2] for file in folder.iterdir()) if folder.is_dir() else []


@contextmanager
def a_machine() -> Iterator[Machine]:
    """A machine of its own, on which nothing is left running."""
    with short_folder() as folder:
        machine = Machine(folder)
        with left_alone(machine):
            yield machine


@contextmanager
def left_alone(machine: Machine) -> Iterator[Machine]:
    """The machine for one test: afterwards nothing runs on it, and nothing lies in its runtime folder."""
    try:
        yield machine
    finally:
        end_all(machine)
        for file in (machine.folder / "run").rglob("*"):
            if not file.is_dir():
                file.unlink()
