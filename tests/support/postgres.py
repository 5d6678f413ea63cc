"""A real PostgreSQL on a free port of this machine, started when a test first asks for one and stopped at the end.

    url = a_database()      # empty, and nobody else's

It runs as somebody who is not root, for it refuses to be: as the user `postgres` where the tests are root.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.ports import free_port

_NUMBERS = itertools.count()


def programs() -> Path | None:
    """Where PostgreSQL's programs lie: on PATH, or where Debian keeps them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return next((p.parent for p in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


class Postgres:
    """A cluster in a temporary folder. `restart` stands for what an operator does, `kill` for an accident."""

    def __init__(self, where: Path, folder: Path) -> None:
        self._bin, self.folder = where, folder
        self._as: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._as = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        self._run(
            "initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N"
        )
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def _words(self, program: str, *arguments: str) -> list[str]:
        # It ends together with us, whatever ends us.
        return ["setpriv", "--pdeathsig", "INT", *self._as, "--", str(self._bin / program), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(self._words(program, *arguments), capture_output=True, text=True, cwd="/", check=False)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_buffers": "32MB",
            "max_connections": "120",
            "log_min_messages": "fatal",
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._words("postgres", "-D", str(self.folder / "data"), *words), stdout=log, stderr=log, cwd="/"
            )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: everyone is sent away, and it ends in order. SIGKILL, to all of it: as when the machine fails."""
        assert self._process is not None
        if number == signal.SIGKILL:
            (pid, *_rest) = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            for one in (pid, *children):
                with suppress(ProcessLookupError):  # a child that has just ended, or ends with the first
                    os.kill(int(one), signal.SIGKILL)
        else:
            self._process.send_signal(number)
        self._process.wait(30)

    def restart(self, number: signal.Signals = signal.SIGINT) -> None:
        self.stop(number)
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        self.start()

    def url(self, schema: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?options={quote(f'-csearch_path={schema}')}"

    def ask(self, sql: str) -> str:
        """What psql answers."""
        words = [str(self._bin / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-qAtc", sql]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


@functools.cache
def the_server() -> Postgres:
    """The one of this process. Skips the test where PostgreSQL is not installed, and fails it where CI=true."""
    where = programs()
    if where is None:
        reason = "PostgreSQL is not installed (sh tests/debian.sh)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return a_server(where)


def a_server(where: Path) -> Postgres:
    """Another one, for tests that end it."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = Postgres(where, folder)

    def end() -> None:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return server


def a_database(server: Postgres | None = None) -> str:
    """The address of an empty place for an office."""
    server = server or the_server()
    schema = f"office{next(_NUMBERS)}"
    server.ask(f"CREATE SCHEMA {schema}")
    return server.url(schema)
