"""An owner's door for tests: a loop in a thread of its own, and terminals that remember."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dearly.door.remote import RemoteTerminal
from dearly.door.server import Door, Serve


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name, which pytest's own do not."""
    folder = Path(tempfile.mkdtemp(prefix="dearly-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Owner:
    """A door that is open, served by `serve`."""

    def __init__(self, drawer: Path, serve: Serve) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.door = Door(drawer, serve)
        self.do(self.door.open())

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def close(self, grace: float = 1.0) -> None:
        if self.loop.is_closed():
            return
        self.do(self.door.close(grace))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()


@contextmanager
def owner(drawer: Path, serve: Serve) -> Iterator[Owner]:
    """An open door for as long as the block lasts."""
    made = Owner(drawer, serve)
    try:
        yield made
    finally:
        made.close()


class FakeTerminal:
    """What `LocalTerminal` is, with nobody behind it: `files` can be read, `secrets` are typed one after the other, and
    so are `lines` where what is typed is seen."""

    def __init__(
        self,
        *,
        files: dict[str, bytes] | None = None,
        modes: dict[str, int] | None = None,
        secrets: list[str] | None = None,
        lines: list[str] | None = None,
        env: dict[str, str] | None = None,
        columns: int = 80,
        tty: bool = False,
        cwd: str = "/",
    ) -> None:
        self.cwd, self.env, self.columns = cwd, dict(env or {}), columns
        self.in_tty = self.out_tty = self.err_tty = tty
        self.files, self.modes, self.secrets = dict(files or {}), dict(modes or {}), list(secrets or [])
        self.lines = list(lines or [])
        self.stopped = False
        self.said, self.complained = "", ""
        self.prompts: list[str] = []
        self.gone: list[Callable[[], None]] = []
        self.spoken = threading.Event()

    def out(self, text: str) -> None:
        self.said += text
        self.spoken.set()

    def err(self, text: str) -> None:
        self.complained += text

    def read(self, source: str, limit: int) -> tuple[bytes, int | None]:
        if source not in self.files:
            raise FileNotFoundError(2, "No such file", source)
        return self.files[source][: limit + 1], None if source == "-" else self.modes.get(source, 0o600)

    def ask_secret(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return self.secrets.pop(0) if self.secrets else None

    def ask(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return self.lines.pop(0) if self.lines else None

    def when_gone(self, call: Callable[[], None]) -> None:
        self.gone.append(call)


__all__ = ["FakeTerminal", "Owner", "RemoteTerminal", "owner", "short_folder"]
