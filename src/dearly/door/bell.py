"""The bell: how a command finds the process of a drawer in every state, also while there is no drawer or it is locked.

A second socket beside the door's, with the same rules: a folder of ours, the kernel says who connects, and only what is
described here is read. One question, one answer, both JSON frames:

    client  {"v":1,"drawer":..,"want":"visit","name":..}      a way in for the browser
            {"v":1,"drawer":..,"want":"unlock","passphrase":..}
    owner   {"done":{..}}  or  {"error":{..}}  or  {"refused":"drawer"|"version"|"frame"}

This is the client's side, quick to import; `ringing` is the owner's.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from dearly.door.frames import JSON, VERSION, Breach, pack_json, receive_from, unpack_json
from dearly.door.peer import peer_uid
from dearly.door.place import BELL, places

if TYPE_CHECKING:
    from dearly.letter.errors import DearlyError

SECONDS_FOR_ANSWER = 60.0
"""Opening a drawer takes a second or two, and may wait for a command that has it a little longer."""


def ring(drawer: str, want: str, **more: str) -> dict[str, Any] | None:
    """What the process of `drawer` answers; None where there is none.

    Raises the `DearlyError` that it answers with, `InUse` (owner_silent, owner_other_version)."""
    for path in places(drawer, BELL):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(SECONDS_FOR_ANSWER)
            try:
                sock.connect(path)
                if peer_uid(sock) != os.geteuid():
                    continue
                answer = _ask(sock, {"v": VERSION, "drawer": os.path.realpath(drawer), "want": want, **more})
            except TimeoutError:
                raise _silent() from None
            except (OSError, EOFError):
                continue  # a dead process's, or one that is ending
            if answer.get("refused") == "drawer":
                continue
            return _heard(answer)
    return None


def _ask(sock: socket.socket, question: dict[str, Any]) -> dict[str, Any]:
    sock.sendall(pack_json(question))
    try:
        kind, body = receive_from(sock)
        return unpack_json(body) if kind == JSON else {}
    except Breach:
        return {}


def _heard(answer: dict[str, Any]) -> dict[str, Any]:
    if isinstance(done := answer.get("done"), dict):
        return done
    if isinstance(error := answer.get("error"), dict):
        raise thawed(error)
    from dearly.letter.errors import InUse
    from dearly.letter.words import _

    raise InUse(
        "owner_other_version",
        _("The process of this desk was started by another version of Dearly."),
        _("End that process (log out, or restart the machine), and try again."),
    )


def frozen(error: DearlyError) -> dict[str, Any]:
    """An error as it travels to another process."""
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "retry": error.retry,
        "exit": int(error.exit),
    }


def thawed(said: dict[str, Any]) -> DearlyError:
    """The error that another process met, as it was raised there."""
    from dearly.letter.errors import DearlyError

    kind = next((k for k in DearlyError.__subclasses__() if k.exit == said.get("exit")), DearlyError)
    code, message, hint = (str(said.get(key, "")) for key in ("code", "message", "hint"))
    return kind(code, message, hint, retry=said.get("retry") is True)


def _silent() -> DearlyError:
    from dearly.letter.errors import InUse
    from dearly.letter.words import _

    return InUse(
        "owner_silent",
        _("The process of this desk does not answer."),
        _("Wait a moment and try again. If it stays so, end that process."),
        retry=True,
    )
