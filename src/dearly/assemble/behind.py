"""Leaving the process of a drawer behind, and hearing of it whether it serves.

For `dearly unlock` the drawer is open then; for `dearly` it is as it was.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dearly.assemble import anew
from dearly.door.bell import ring, thawed
from dearly.letter.errors import DearlyError, NoSpace
from dearly.letter.words import _

SECONDS_TO_ANSWER = 60.0
"""Deriving the key takes about one, bringing the tables of an older version to date a few."""

_SECONDS_TO_END = 5.0
_MOST_SAID = 64 << 10


async def keep_open(folder: Path, secret: Callable[[], str]) -> None:
    """Leave an owner behind; return when it answers. Raises what opening raised there, `DearlyError` (owner_ended,
    owner_silent) where it ended or hung without a word, `NoSpace` (owner_not_started).

    The passphrase goes over a pipe: it is in no argument, no file and no environment."""
    word = secret()
    # The process may be there already, closed, behind a lock page in somebody's browser.
    if await asyncio.to_thread(ring, str(folder), "unlock", passphrase=word) is None:
        # What cannot be a passphrase is refused there.
        await _leave(_order(folder), word.encode("utf-8", "surrogatepass"), "open")


async def stand_by(folder: Path) -> None:
    """Leave a process behind that opens nothing by itself. Raises as `keep_open`, and `InUse` (desk_held) where another
    command is starting it just now, or it is just ending."""
    await _leave(anew.order(folder), b"", "ready")


def silent() -> DearlyError:
    """It was there time and again, and never answered."""
    return _wordless("owner_silent", _("The process of this desk did not answer within {seconds} seconds."))


async def _leave(order: list[str], word: bytes, sign: str) -> None:
    """Start a process and leave it, once it has said that it is what it should be."""
    try:
        process = _start(order)
    except OSError:
        raise NoSpace(
            "owner_not_started",
            _("The process that is to hold the drawer open could not be started."),
            _("Look whether this machine has memory and processes to spare, then try again."),
            retry=True,
        ) from None
    said: dict[str, Any] = {}
    try:
        said = await asyncio.wait_for(_ask(process, word), SECONDS_TO_ANSWER)
    except TimeoutError:
        raise _wordless(
            "owner_silent",
            _("The process that is to hold the drawer open did not answer within {seconds} seconds, and was ended."),
        ) from None
    finally:
        # Whoever gives up waiting (Ctrl-C too) leaves nobody behind.
        if said.get(sign) is True:
            process.returncode = 0  # it is meant to outlive us: nobody waits for it
        else:
            await asyncio.to_thread(_end, process, _SECONDS_TO_END if said else 0)
    if not said.get(sign):
        raise _error(said)


def _order(folder: Path) -> list[str]:
    return [sys.executable, "-m", "dearly", "--hold-open", str(folder)]


def _start(order: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        order,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


async def _ask(process: subprocess.Popen[bytes], word: bytes) -> dict[str, Any]:
    """The one line that it says; empty where it says none."""
    assert process.stdin is not None
    assert process.stdout is not None
    reader = asyncio.StreamReader(limit=_MOST_SAID)
    transport, _protocol = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), process.stdout
    )
    try:
        await asyncio.to_thread(_tell, process.stdin, word)
        line = await reader.readline()
    except ValueError:  # more than anyone who holds a drawer has to say
        line = b""
    finally:
        transport.close()
    try:
        said = json.loads(line or b"{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _tell(pipe: Any, word: bytes) -> None:
    with suppress(BrokenPipeError), pipe:
        pipe.write(word)


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    """Let it end by itself for a while, then end it with all that it started: a drawer survives that (F01)."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience)
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _error(said: dict[str, Any]) -> DearlyError:
    if not said:
        return _wordless(
            "owner_ended", _("The process that is to hold the drawer open ended before it could say that it does.")
        )
    return thawed(said)


def _wordless(code: str, message: str) -> DearlyError:
    return DearlyError(
        code,
        message.format(seconds=round(SECONDS_TO_ANSWER)),
        _("Nothing is lost. Try again; if it stays so, “dearly check” opens the drawer without it, and says more."),
        retry=True,
    )
