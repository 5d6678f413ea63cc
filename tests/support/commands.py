"""Real commands on real drawers: a folder that stands for a machine, and people who work on it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.forks import DEARLY, Forked

PASSPHRASE = "fake pass phrase of the tests"


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its answer."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """Its trouble."""
        return json.loads(self.err.strip().splitlines()[-1])["error"]


@dataclass
class Machine:
    """One machine: a home of its own, and a runtime folder for sockets.

    `afresh`: every command is a program started from nothing, as a person's shell starts it; otherwise a fork."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    afresh: bool = False

    def __post_init__(self) -> None:
        home = self.folder / "home"
        home.mkdir(mode=0o700)
        run = self.folder / "run"
        run.mkdir(mode=0o700)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(run),
            "TZ": "Europe/Berlin",
            "LANG": "C.UTF-8",
        }
        self.write("passphrase.txt", PASSPHRASE + "\n", mode=0o600)

    def write(self, name: str, content: str | bytes, *, mode: int = 0o644) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def start(self, *argv: str, drawer: str | None = None, **env: str) -> subprocess.Popen[str]:
        """Begin a command in the folder."""
        named = {"DEARLY_DRAWER": drawer, "DEARLY_PASSPHRASE_FILE": "passphrase.txt"} if drawer else {}
        start, program = (subprocess.Popen, (sys.executable, "-m", "dearly")) if self.afresh else (Forked, (DEARLY,))
        return start(
            [*program, *argv],
            cwd=self.folder,
            env={**self.env, **named, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, *argv: str, drawer: str | None = None, given: str = "", **env: str) -> Done:
        """Run a command in the folder to its end."""
        process = self.start(*argv, drawer=drawer, **env)
        out, err = process.communicate(given, timeout=120)
        return Done(process.returncode, out, err)

    def person(self, name: str) -> Person:
        """Someone with a drawer of this name."""
        return Person(self, name)


@dataclass
class Person:
    """Someone at the machine."""

    machine: Machine
    name: str

    def __call__(self, line: str, *more: str, given: str = "", **env: str) -> Done:
        """Type a command, such as `outbox --json`."""
        return self.machine.run(*shlex.split(line), *more, drawer=self.name, given=given, **env)

    def json(self, line: str, *more: str, given: str = "") -> Any:
        """The answer of a command in JSON."""
        return self(line, *more, "--json", given=given).json
