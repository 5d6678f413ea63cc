"""`dearly`: hands a command to the process that holds its drawer, or runs it here.

The first way imports neither click nor the desk. This is the only place that knows every room: it gives the faces the
factories that `assemble` makes, and the door the command line to serve.
"""

from __future__ import annotations

import os
import sys

from dearly.cli.names import OWNED
from dearly.door.place import default_drawer
from dearly.door.terminal import LocalTerminal

TYPE_CHECKING = False  # as typing's: the first way imports as little as can be
if TYPE_CHECKING:
    from dearly.assemble.front import Web
    from dearly.desk.app import App
    from dearly.door.remote import RemoteTerminal
    from dearly.letter.errors import DearlyError

_INTERRUPTED = 130
"""128 + SIGINT, as shells count."""

_MANY = 20_000
"""New things after which Python looks for cycles. Importing makes thousands that last."""

_SECONDS_TO_CLOSE = 15.0
"""As long as the owner of a drawer may take to finish what runs, and to close it."""


def main() -> int:
    """Run the command in `sys.argv`; its exit code."""
    try:
        return _main(sys.argv[1:])
    except KeyboardInterrupt:
        return _INTERRUPTED


def _main(argv: list[str]) -> int:
    os.umask(0o077)  # whatever is written by any room is for this user alone
    if "_DEARLY_COMPLETE" in os.environ:
        from dearly.cli.commands.completion import complete

        return complete(os.environ["_DEARLY_COMPLETE"])
    if argv[:1] == ["--hold-open"] and len(argv) == 2:
        return _be_process(argv[1])
    if argv[:1] == ["--desk"] and len(argv) in (2, 3):
        return _be_process(argv[1], opened=False, note=int(argv[2]) if len(argv) == 3 else None)
    terminal = LocalTerminal()
    drawer, command = _meant(argv)
    drawer = os.path.join(terminal.cwd, drawer or os.environ.get("DEARLY_DRAWER") or default_drawer(os.environ))  # noqa: PTH118 (quick start: no pathlib)
    owned = command in OWNED and not _asks_for_help(argv)
    if owned:
        code = _at_owner(drawer, argv, terminal)
        if code is not None:
            if command == "lock" and code == 0:
                _until_closed(drawer)
            return code
    import gc

    gc.set_threshold(_MANY)
    from dearly.cli.main import run

    return run(argv, terminal, _app, elsewhere=(lambda: _at_owner(drawer, argv, terminal)) if owned else None)


def _meant(argv: list[str]) -> tuple[str | None, str | None]:
    """The drawer that the arguments name, and the command; as click will read them, whose business the rest is."""
    drawer = None
    words = iter(argv)
    for word in words:
        if word == "--drawer":
            drawer = next(words, None)
        elif word.startswith("--drawer="):
            drawer = word.removeprefix("--drawer=")
        elif word == "--passphrase-file":
            next(words, None)
        elif not word.startswith("-"):
            return drawer, word
    return drawer, None


def _until_closed(drawer: str) -> None:
    """Wait, but not for ever, until the process that was told to lock the drawer has let go of it.

    Whoever locks may be about to copy the folder, or to pull out the disk that it lies on."""
    import fcntl
    import time

    from dearly.drawer.folder import LOCK

    until = time.monotonic() + _SECONDS_TO_CLOSE
    while time.monotonic() < until:
        try:
            handle = os.open(os.path.join(drawer, LOCK), os.O_RDONLY | os.O_CLOEXEC)  # noqa: PTH118 (no pathlib)
        except OSError:
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.02)
        finally:
            os.close(handle)


def _asks_for_help(argv: list[str]) -> bool:
    return "--help" in argv or "--version" in argv


def _at_owner(drawer: str, argv: list[str], terminal: LocalTerminal) -> int | None:
    """The exit code of the command as run by the process that holds the drawer; None where there is none."""
    from dearly.door.client import call

    try:
        return call(drawer, argv, terminal)
    except Exception as error:
        from dearly.letter.errors import DearlyError

        if not isinstance(error, DearlyError):
            raise
        return _told(error, argv, terminal)


def _told(error: DearlyError, argv: list[str], terminal: LocalTerminal) -> int:
    from dearly.cli.shown import trouble

    return trouble(terminal, error, as_json="--json" in argv)


def _app() -> App:
    from dearly import assemble

    return assemble.app()


def _be_process(folder: str, *, opened: bool = True, note: int | None = None) -> int:
    """Be the process that `dearly unlock` leaves behind, or `dearly`, which opens nothing by itself."""
    from pathlib import Path

    from dearly.assemble import hold_open, stand_by
    from dearly.assemble.process import Faces
    from dearly.cli.main import languages
    from dearly.letter import words

    words.speak(languages(dict(os.environ)), Path(__file__).parent / "locale")
    faces = Faces(_serve, _web)
    return hold_open(Path(folder), faces) if opened else stand_by(Path(folder), faces, note)


def _web() -> Web:
    from dearly.web import service

    return service


def _serve(app: App, argv: list[str], terminal: RemoteTerminal) -> int:
    """Run a client's command in the process that holds the drawer."""
    from dearly.cli.main import run

    return run(argv, terminal, lambda: app, in_owner=True)


if __name__ == "__main__":
    sys.exit(main())
