"""An errand: one command on its way, with all it may use. Every command gets one, and nothing else.

It knows where the command was typed, which drawer is meant and how its passphrase comes; it brings the desk, and says
what came of it as text or as JSON.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from dearly.letter.errors import InUse, Locked, Usage
from dearly.letter.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from dearly.cli.terminal import Terminal
    from dearly.desk.app import App, Db
    from dearly.desk.desk import Desk

T = TypeVar("T")
Secret = Callable[[], str]

PATIENCE = 5.0
"""Seconds for which a command waits until another one has let go of the drawer."""

_PAUSE = 0.1

STOPPED = 130
"""Exit code of a command that was ended with Ctrl-C: 128 + SIGINT, as shells count."""

TRIES = 3
"""How often a person may mistype the passphrase at the prompt."""


class _Wanted(BaseException):
    """The passphrase is needed. Never asked for on an event loop: a person may take minutes to type it."""


class Left(Exception):
    """Nobody reads the answer any more, and the command is one that may be cut off."""


class Stopped(Exception):
    """The person ended the command with Ctrl-C before there was anything to keep."""


class Elsewhere(Exception):
    """The command was run by the process that holds the drawer; `code` is its exit code there."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Errand:
    """One command on its way.

    `in_owner`: it runs in the process that holds the drawer. `json`, `drawer`, `passphrase_file`: as given on the
    command line; the last two fall back to DEARLY_DRAWER and DEARLY_PASSPHRASE_FILE."""

    def __init__(
        self,
        terminal: Terminal,
        make_app: Callable[[], App],
        *,
        in_owner: bool = False,
        elsewhere: Callable[[], int | None] | None = None,
    ) -> None:
        self.terminal, self.in_owner, self._elsewhere = terminal, in_owner, elsewhere
        self.json = False
        self.drawer: str | None = terminal.env.get("DEARLY_DRAWER") or None
        self.passphrase_file: str | None = terminal.env.get("DEARLY_PASSPHRASE_FILE") or None
        self._make_app = make_app
        self._app: App | None = None
        self._open = False
        self._known: str | None = None
        self.input_taken_by: str | None = None

    @property
    def app(self) -> App:
        """The factories, made when first needed."""
        if self._app is None:
            self._app = self._make_app()
        return self._app

    @property
    def folder(self) -> Path:
        """The drawer that is meant."""
        return self.path(self.drawer) if self.drawer else self.app.folder

    def path(self, named: str) -> Path:
        """A file that the person named, as seen from where they are."""
        from pathlib import Path

        return Path(self.terminal.cwd, named)

    def tell(self, value: Any, text: str | Callable[[], str]) -> None:
        """The answer: `value` as JSON where that was asked for, else `text`: sentences, or what makes a page."""
        if self.json:
            from dearly.cli.as_json import dump

            self.terminal.out(dump(value) + "\n")
        else:
            if isinstance(text, str):
                from dearly.cli.layout import wrap

                said = wrap(text, self.terminal.columns)
            else:
                said = text()
            self.terminal.out(said.rstrip("\n") + "\n")

    def aside(self, text: str) -> None:
        """Something for a person to know meanwhile: on standard error, and never among JSON."""
        if not self.json:
            from dearly.cli.layout import wrap

            self.terminal.err(wrap(text, self.terminal.columns) + "\n")

    def run(self, work: Awaitable[T], *, stoppable: bool = False) -> T:
        """Run `work` to its end. `stoppable`: cut it off when nobody reads the answer any more (raises `Left`).

        All else is finished even if the client has gone: an act once begun is not cut in half."""
        result: T = self.app.run(_until_gone(work, self.terminal) if stoppable else _whole(work))
        return result

    def ahead(self, source: str | None, look: Callable[[Desk], Awaitable[object]]) -> None:
        """Before somebody types a letter at the terminal: ask for the passphrase and `look` whether the command can be
        done. Nobody should learn only after the last line that a name was mistyped. `source`: where the text is."""
        if source in (None, "-") and self.terminal.in_tty:
            self.with_desk(look)

    def with_desk(self, act: Callable[[Desk], Awaitable[T]], *, stoppable: bool = False) -> T:
        """What `act` gives, on the open desk. The passphrase is asked for only if the desk wants it."""

        self._open = False

        async def go(secret: Secret) -> T:
            async with self.app.open_desk(self.folder, secret) as desk:
                self._open = True
                while desk.notices and not self.json:
                    self.aside(desk.notices.pop(0))
                return await act(desk)

        return self.unlocking(go, stoppable=stoppable)

    def look(self, work: Callable[[Db], T], otherwise: Callable[[Desk], Awaitable[T]] | None = None) -> T:
        """What `work` reads. A closed drawer is only looked into, which is far quicker than opening it; where that is
        not enough, or this process has it open, `otherwise` is asked of the desk (by itself: the same `work`)."""
        if not self.in_owner and (found := self._looking(work)) is not None:
            return found[0]

        async def read(desk: Desk) -> T:
            return await desk.drawer.read(work)

        return self.with_desk(otherwise or read)

    def _looking(self, work: Callable[[Db], T]) -> tuple[T] | None:
        def attempt(secret: Secret) -> tuple[T] | None:
            return self._patiently(lambda: self.app.look(self.folder, secret, work))

        try:
            return attempt(_want)
        except _Wanted:
            known = self._known
            return self.asking(lambda typed: attempt(lambda: typed)) if known is None else attempt(lambda: known)

    def unlocking(self, go: Callable[[Secret], Awaitable[T]], *, new: bool = False, stoppable: bool = False) -> T:
        """What `go` gives. It is begun without a passphrase, and again with one if it asks.

        A mistyped passphrase may be typed again; one from a file may not. `new`: it is one that is to be set."""
        try:
            return self.run(go(_want), stoppable=stoppable)
        except _Wanted:
            if self._known is not None:
                return self.with_secret(go, self._known, stoppable=stoppable)
        if new:
            from dearly.cli.given import new_passphrase

            return self.with_secret(go, new_passphrase(self, self.passphrase_file), stoppable=stoppable)
        # An open drawer asks only when nothing was asked of it for a while.
        why = _("The desk has been idle for a while.") + " " if self.in_owner else ""
        return self.asking(lambda secret: self.with_secret(go, secret, stoppable=stoppable), why)

    def asking(self, attempt: Callable[[str], T], why: str = "") -> T:
        """What `attempt` gives with the passphrase, asked for until it is right or was wrong too often.

        One from a file is tried once. `why` it is asked for stands before the first prompt."""
        from dearly.cli.given import passphrase

        for left in range(TRIES - 1, -1, -1):
            try:
                secret = passphrase(self, why)
                done = attempt(secret)
            except (Locked, Usage) as wrong:
                if wrong.code not in ("wrong_passphrase", "empty_passphrase") or self.passphrase_file is not None:
                    raise
                if not left:
                    raise Locked("wrong_passphrase", wrong.message, _help_without()) from None
                self.aside(wrong.message)
                why = ""
            else:
                self._known = secret
                return done
        raise AssertionError("unreachable")

    def with_secret(self, go: Callable[[Secret], Awaitable[T]], secret: str, *, stoppable: bool = False) -> T:
        """What `go` gives with this passphrase."""
        return self._patiently(lambda: self.run(go(lambda: secret), stoppable=stoppable))

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """What `attempt` gives.

        Where another process holds the drawer: as run there, if it serves (raises `Elsewhere`); else, since most
        commands are short, once it has let go, within a few seconds."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return attempt()
            except InUse:
                if self._open or self._elsewhere is None:
                    raise
                if (code := self._elsewhere()) is not None:
                    raise Elsewhere(code) from None
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE)

    def take_input(self, what: str) -> None:
        """Note that standard input is read for `what`: it can be read for one thing only."""
        if self.input_taken_by not in (None, what):
            raise Usage(
                "input_twice",
                _("Standard input cannot be both {one} and {other}.").format(one=self.input_taken_by, other=what),
                _("Give one of them as a file."),
            )
        self.input_taken_by = what


def _help_without() -> str:
    return _(
        "With the recovery kit, “dearly restore-with-kit --kit-file FILE” opens the drawer without the passphrase."
    )


def _want() -> NoReturn:
    raise _Wanted


async def _whole(work: Awaitable[T]) -> T:
    return await work


async def _until_gone(work: Awaitable[T], terminal: Terminal) -> T:
    import asyncio
    from contextlib import suppress

    loop = asyncio.get_running_loop()
    task = loop.create_task(_whole(work))
    gone = False

    def leave() -> None:
        nonlocal gone
        gone = True
        # The work may long be done, and its loop closed, when the reader goes.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(task.cancel)

    terminal.when_gone(leave)
    try:
        return await task
    except asyncio.CancelledError:
        if gone:
            raise Left from None
        raise
