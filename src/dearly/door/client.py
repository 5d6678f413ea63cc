"""The thin client: asks the process that holds the drawer to run a command, and is its hands and eyes meanwhile.

Quick to import: nothing of the desk, and not the library that parses arguments.
"""

from __future__ import annotations

import os
from _socket import AF_UNIX, SOCK_STREAM, socket  # what `socket` is made of; it imports ten more modules

from dearly.door.frames import (
    DATA,
    ERR,
    JSON,
    MOST_BYTES,
    MOST_JSON,
    MOST_REQUEST,
    OUT,
    VERSION,
    Breach,
    pack,
    pack_json,
    receive_from,
    unpack_json,
)
from dearly.door.peer import peer_uid
from dearly.door.place import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from dearly.door.terminal import LocalTerminal
    from dearly.letter.errors import DearlyError

SECONDS_FOR_HELLO = 10.0


def call(drawer: str, argv: list[str], terminal: LocalTerminal) -> int | None:
    """The exit code of `argv` as run by the owner of `drawer`; None where no process answers for it.

    Raises `DearlyError` where one answers but cannot serve, or ends before the command does."""
    for path in places(drawer):
        sock = socket(AF_UNIX, SOCK_STREAM)
        try:
            sock.settimeout(SECONDS_FOR_HELLO)
            try:
                sock.connect(path)
            except OSError:
                continue
            if peer_uid(sock) != os.geteuid():
                continue
            if _greet(sock, drawer, argv, terminal):
                return _follow(sock, terminal)
        finally:
            sock.close()
    return None


def _greet(sock: socket, drawer: str, argv: list[str], terminal: LocalTerminal) -> bool:
    """Send the request. True: the command runs. False: this owner is not the drawer's."""
    request = pack_json(
        {
            "v": VERSION,
            "drawer": os.path.realpath(drawer),
            "argv": argv,
            "cwd": terminal.cwd,
            "env": terminal.env,
            "columns": terminal.columns,
            "tty": [terminal.in_tty, terminal.out_tty, terminal.err_tty],
        }
    )
    if len(request) > MOST_REQUEST:
        raise _too_long()
    try:
        try:  # noqa: SIM105 (contextlib would be imported for this alone)
            sock.sendall(request)
        except BrokenPipeError:
            pass  # an owner that refuses may have hung up before all was said; its answer is still there to be read
        kind, body = receive_from(sock)
        answer = unpack_json(body) if kind == JSON else {}
    except (TimeoutError, Breach):
        raise _silent() from None
    except (EOFError, OSError):
        # It ended between the knock and the answer: nothing was begun.
        return False
    if "hello" in answer:
        return True
    if answer.get("refused") == "drawer":
        return False
    raise _refused(answer.get("refused"))


def _follow(sock: socket, terminal: LocalTerminal) -> int:
    """Do as the owner says until it gives the exit code."""
    sock.settimeout(None)
    terminal.when_gone(lambda: _deaf(sock))
    code = None
    try:
        while code is None:
            code = _obey(sock, terminal, *receive_from(sock))
    except (EOFError, ConnectionError, Breach):
        raise _ended() from None
    return code


def _deaf(sock: socket) -> None:
    try:
        sock.sendall(pack_json({"deaf": True}))
    except OSError:
        # An owner that has said all may have hung up by now. Whether it did is for reading to tell: its last words may
        # still be there, and what became of the output here is told even so.
        return


def _obey(sock: socket, terminal: LocalTerminal, kind: bytes, body: bytes) -> int | None:
    """Do what one frame says. The exit code, when it is that. Raises `Breach` for what an owner does not say."""
    if kind == OUT:
        terminal.out(body.decode("utf-8", "replace"))
    elif kind == ERR:
        terminal.err(body.decode("utf-8", "replace"))
    elif kind == JSON:
        value = unpack_json(body)
        if isinstance(code := value.get("exit"), int):
            return code
        _answer(sock, terminal, value)
    else:
        raise Breach
    return None


def _answer(sock: socket, terminal: LocalTerminal, asked: dict[str, Any]) -> None:
    match asked:
        case {"ask": "secret" | "line" as kind, "prompt": str(prompt)}:
            typed = terminal.ask_secret(prompt) if kind == "secret" else terminal.ask(prompt)
            frame = pack_json({kind: typed})
            sock.sendall(frame if len(frame) <= MOST_JSON else pack_json({kind: None}))
        case {"ask": "read", "source": str(source), "limit": int(limit)}:
            try:
                data, mode = terminal.read(source, limit)
            except OSError as trouble:
                sock.sendall(pack_json({"errno": trouble.errno or 0}))
                return
            for start in range(0, len(data), MOST_BYTES):
                sock.sendall(pack(DATA, data[start : start + MOST_BYTES]))
            sock.sendall(pack_json({"mode": mode, "stopped": source == "-" and terminal.stopped}))
        case _:
            raise Breach


def _too_long() -> DearlyError:
    from dearly.letter.errors import Usage
    from dearly.letter.words import _

    return Usage("too_many_arguments", _("These are more arguments than one command can take."), _("Do it in several."))


def _silent() -> DearlyError:
    from dearly.letter.errors import InUse
    from dearly.letter.words import _

    return InUse(
        "owner_silent",
        _("Another process holds this drawer open, and does not answer."),
        _("Wait a moment and try again. If it stays so, end that process."),
        retry=True,
    )


def _refused(why: object) -> DearlyError:
    from dearly.letter.errors import InUse
    from dearly.letter.words import _

    if why == "busy":
        return InUse(
            "owner_busy",
            _("This desk is busy with other commands."),
            _("Wait until one of them is done, and try again."),
            retry=True,
        )
    return InUse(
        "owner_other_version",
        _("The process that holds this drawer open was started by another version of Dearly."),
        _("End that process (log out, or restart the machine), and try again."),
    )


def _ended() -> DearlyError:
    from dearly.letter.errors import DearlyError
    from dearly.letter.words import _

    return DearlyError(
        "owner_ended",
        _("The process that holds this drawer ended before it had finished, and its answer did not come."),
        _("Nothing that was done is lost. Look with “dearly outbox” or “dearly drafts”, and do again what is missing."),
        retry=True,
    )
