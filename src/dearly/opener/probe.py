"""The self-test of the limits: a child tries each thing that it must not be able to do, and says what came of it.

The desk's side; the child's is `trying`. What is aimed at belongs to the desk: its home folder, an empty file of its
own, and a port on which it listens.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from dearly.opener.limits import Limits
from dearly.opener.process import Child, Lost
from dearly.opener.protocol import How, In, Operation, Out
from dearly.opener.protocol_trying import EXEC, SPIN, TRY, Empty, Tried, Try

SPIN_SECONDS = 0.2
"""Processor time that a child gets to compute without end."""


async def prove(start: Callable[[], Awaitable[Child]]) -> Limits:
    """What the children that `start` gives cannot do. They do not survive this. Raises as `start` does."""

    async def answered(operation: Operation[In, Out], value: In, seconds: float = 20.0) -> Out | How:
        try:
            return await child.call(operation, value, seconds=seconds)
        except Lost as lost:
            return lost.how

    child = await start()
    listener = socket.create_server(("127.0.0.1", 0))
    folder = tempfile.TemporaryDirectory()
    try:
        port: int = listener.getsockname()[1]
        file = Path(folder.name) / "file"
        file.touch()
        private = await asyncio.to_thread(_private, child.pid)
        tried = await answered(TRY, Try(str(Path.home()), str(file), port))
        if not isinstance(tried, Tried):
            tried = Tried(False, False, False, False, False, False)
        kept = (await answered(EXEC, Empty())) is True
        locks = child.locks
        if not kept:  # another program stands in its place: the last attempt needs a new child
            await child.close()
            child = await start()
        return Limits(
            memory=tried.memory,
            cpu=await answered(SPIN, Empty(), SPIN_SECONDS) is How.TIME,
            descriptors=tried.descriptors,
            output=tried.output,
            no_net=tried.no_net,
            no_files=tried.no_files,
            processes=tried.processes and kept,
            private=private,
            locks=locks,
        )
    finally:
        listener.close()
        folder.cleanup()
        await child.close()


def _private(pid: int) -> bool:
    """Whether we, who started it, can make it dump core or read its memory. The administrator always can."""
    try:
        if resource.prlimit(pid, resource.RLIMIT_CORE) != (0, 0):
            return False
        Path(f"/proc/{pid}/mem").open("rb").close()
    except PermissionError:
        return True
    except (OSError, AttributeError):
        pass  # not Linux: nothing proven
    return False
