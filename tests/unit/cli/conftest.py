"""Terminals and desks that remember what was done with them, for tests of the face alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.door import FakeTerminal

from dearly.cli.main import run
from dearly.desk.app import App, WayIn
from dearly.letter.errors import Locked, NotFound

PASSPHRASE = "fake pass phrase"


class FakeApp:
    """Factories over nothing: a "desk" is this object, and what the verbs do is up to the test."""

    def __init__(self) -> None:
        self.opened: list[Path] = []
        self.created: list[tuple[Path, str]] = []
        self.asked = 0
        self.exists = True
        self.trouble: list[Exception] = []
        self.notices: list[str] = []
        self.leaving: list[str] = []
        self.visited: list[Path] = []

    def app(self) -> App:
        async def keep_open(folder: Path, secret: Callable[[], str]) -> None:
            async with self._open(folder, secret):
                pass

        async def restore(*given: Any) -> None:
            given[-2]()

        return App(
            folder=Path("/the/default/drawer"),
            look=self._look,
            open_desk=self._open,
            create_desk=self._create,
            restore=restore,
            verify=restore,
            restore_with_kit=lambda _folder, _text, secret: self._ask(secret),
            renew=lambda _folder, secret: self._ask(secret),
            mend=lambda _folder, secret: self._ask(secret),
            lock=self._lock,
            offices=SimpleNamespace,
            now=lambda: datetime(2026, 3, 1, tzinfo=UTC),
            run=asyncio.run,
            keep_open=keep_open,
            visit=self._visit,
        )

    def _look(self, _folder: Path, _secret: Callable[[], str], _work: Callable[[Any], Any]) -> None:
        """Whatever is asked here is asked of the desk."""

    async def _lock(self) -> list[str]:
        return self.leaving

    def _visit(self, folder: Path) -> WayIn:
        self.visited.append(folder)
        return WayIn("http://0123456789abcdef.localhost:8765/", "bcdf-ghjk", Path("/run/way.html"), 10)

    async def _ask(self, secret: Callable[[], str]) -> None:
        secret()

    @asynccontextmanager
    async def _open(self, folder: Path, secret: Callable[[], str]) -> AsyncIterator[Any]:
        if not self.exists:
            raise NotFound("no_drawer", "There is no drawer there.")
        if self.trouble:
            raise self.trouble.pop(0)
        self.asked += 1
        if secret() != PASSPHRASE:
            raise Locked("wrong_passphrase", "That passphrase does not open this drawer.")
        self.opened.append(folder)
        yield self

    @asynccontextmanager
    async def _create(self, folder: Path, secret: Callable[[], str]) -> AsyncIterator[Any]:
        self.created.append((folder, secret()))
        self.exists = True
        yield self


@pytest.fixture
def fake() -> FakeApp:
    return FakeApp()


@pytest.fixture
def dearly(fake: FakeApp) -> Callable[..., tuple[int, FakeTerminal]]:
    """Run a command line on a terminal where the passphrase is typed; the exit code and the terminal."""

    def command(argv: Sequence[str], terminal: FakeTerminal | None = None, **more: Any) -> tuple[int, FakeTerminal]:
        terminal = terminal or FakeTerminal(secrets=[PASSPHRASE])
        return run(argv, terminal, fake.app, **more), terminal

    return command


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[tuple[Any, ...], dict[str, Any]]]]:
    """Put `answer` in the place of a verb of the desk; the list of calls."""

    def replace(module: str, name: str, answer: Any) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        calls = []

        async def act(_desk: object, *args: Any, **named: Any) -> Any:
            calls.append((args, named))
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(f"dearly.desk.{module}.{name}", act)
        return calls

    return replace
