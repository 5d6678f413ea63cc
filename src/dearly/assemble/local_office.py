"""The office that the desks of one machine share (docs/office.md).

Its store lies in the user's data folder. Whichever process needs it first serves it on loopback, holds a lock
meanwhile, and writes the port into a file that only this user reads; the others go there. When that process ends, the
next one that needs the office takes over: nothing of a letter is lost by that, the store is on the disk.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from dearly.assemble.machine import CHANCE, CLOCK
from dearly.letter.errors import CarrierTrouble, NoSpace
from dearly.letter.words import _

_LOCK, _URL = "serving.lock", "serving.url"
PATIENCE, _PAUSE = 10.0, 0.05
"""For how long, and how often, in seconds, a process that found the office held looks whether it answers: the one that
holds it may have only just begun, on a machine that has much to do."""


class LocalOffice:
    """The way of one process to the shared office, serving it where nobody else does. Use from one event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._serving: AsyncExitStack | None = None
        self._url = ""
        self._turn = asyncio.Lock()

    async def url(self) -> str:
        """Where it answers now. Raises `CarrierTrouble` (no_local_office), `NoSpace`."""
        async with self._turn:
            if self._serving is not None:
                return self._url
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                if await self._serve():
                    return self._url
                with suppress(OSError, ValueError):
                    if await _answers(url := (self._folder / _URL).read_text(encoding="ascii")):
                        return url
                await asyncio.sleep(_PAUSE)
        raise CarrierTrouble(
            "no_local_office",
            _("The office of this machine is held by a process that does not answer."),
            _("Close the drawer that holds it, or end that process; then try again."),
            retry=True,
        )

    async def invite(self, name: str) -> str:
        """An invitation for `name`, or for `name` with a number where it is taken. Raises as `url`."""
        from dearly.letter.errors import Refused
        from dearly.office import accounts
        from dearly.office.sqlite import SqliteStore

        await self.url()
        store = SqliteStore.open(self._folder)
        try:
            for number in range(1, 1000):
                with suppress(Refused):
                    return await accounts.invite(store, name if number == 1 else f"{name}.{number}", CLOCK)
        finally:
            await store.close()
        raise CarrierTrouble("no_local_office", _("The office of this machine has no name left for you."))

    async def close(self) -> None:
        """Stop serving, if this process does."""
        if self._serving is not None:
            serving, self._serving = self._serving, None
            await serving.aclose()

    async def _serve(self) -> bool:
        """Serve it here; False when another process does."""
        from dearly.office.service import serve
        from dearly.office.sqlite import SqliteStore

        async with AsyncExitStack() as stack:
            try:
                lock = self._lock()
                if lock is None:
                    return False
                stack.callback(os.close, lock)
                # What a process that was killed has left: its port may be anybody's by now.
                (self._folder / _URL).unlink(missing_ok=True)
                stack.callback(self._forget_url)
                store = SqliteStore.create(self._folder, CHANCE)
                stack.push_async_callback(store.close)
                server = await stack.enter_async_context(serve(store, clock=CLOCK, chance=CHANCE))
                note(self._folder / _URL, server.url)
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise NoSpace(
                    "no_local_office",
                    _("The office of this machine cannot be kept in {folder}: {why}.").format(
                        folder=self._folder, why=why
                    ),
                    _("Look at that folder and its disk."),
                    retry=True,
                ) from None
            self._url, self._serving = server.url, stack.pop_all()
        return True

    def _forget_url(self) -> None:
        with suppress(OSError):
            (self._folder / _URL).unlink()

    def _lock(self) -> int | None:
        """The lock of whoever serves, as an open file that holds it; None while another process has it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        except BaseException:
            os.close(lock)
            raise
        return lock


def note(path: Path, url: str) -> None:
    """Write where an office answers, for this user alone, whole or not at all."""
    half = path.with_suffix(".new")
    half.touch(mode=0o600)
    half.write_text(url, encoding="ascii")
    half.replace(path)


async def _answers(url: str) -> bool:
    """Whether somebody listens there. Who it is shows later: our token is known to the real office alone."""
    host, _colon, port = url.rpartition("//")[2].rpartition(":")
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 1)
    except (OSError, TimeoutError, ValueError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
