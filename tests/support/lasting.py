"""Children that outlive a test: a desk's opener and keyholder, whose processes are lent from desk to desk.

An opener's child keeps nothing of what it read, whosever it was, and a keyholder's child takes a key in place of the
one before. To start them anew for each test took a third of all the tests' time. What is a desk's own about them, their
beginning and their end above all, is proven of opener and keyholder themselves and of whole processes.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from dearly.drawer import keyring
from dearly.drawer.drawer import Drawer
from dearly.letter.errors import DearlyError
from dearly.opener.keyholder import Keyholder
from dearly.opener.pool import Opener
from dearly.opener.process import Answer, Answers
from dearly.opener.protocol import In, Operation, Out
from dearly.opener.protocol_keys import OWN

T = TypeVar("T")


@dataclass
class _Lent:
    """The children, on a loop of their own that goes on from test to test."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    opener: Opener = field(default_factory=lambda: Opener(size=1))
    secret: bytes = b""
    """The key that the keyholder's child has, or is to have."""

    def __post_init__(self) -> None:
        self.keyholder = Keyholder(self._own)
        self._turn = asyncio.Lock()
        self._thread = threading.Thread(target=self.loop.run_forever, name="children", daemon=True)
        self._thread.start()

    async def _own(self) -> bytes:
        return self.secret

    async def there(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something on the loop of the children."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    async def hold(self, secret: bytes, operation: Operation[In, Out] | None, value: Any) -> Any:
        """Ask the keyholder as one with this key; without an operation, the fingerprint."""
        async with self._turn:
            self.secret = secret
            return await self.keyholder._call(OWN, secret) if operation is None else await self._as(operation, value)

    async def _as(self, operation: Operation[In, Out], value: In) -> Out:
        await self.keyholder._call(OWN, self.secret)
        return await self.keyholder._call(operation, value)

    def end(self) -> None:
        for one in (self.opener, self.keyholder):
            asyncio.run_coroutine_threadsafe(one.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@cache
def _lent() -> _Lent:
    lent = _Lent()
    atexit.register(lent.end)
    return lent


class LentOpener(Opener):
    """An opener whose children for letters and for showing them are lent."""

    async def _call(self, operation: Operation[In, Out], value: In, answers: Answers | None = None) -> Out:
        ours = asyncio.get_running_loop()

        def asked_here(answer: Answer) -> Answer:
            async def answered(what: Any) -> Any:
                return await answer(what)

            async def ask(what: Any) -> Any:
                return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answered(what), ours))

            return ask

        there = {question: asked_here(answer) for question, answer in (answers or {}).items()}
        return await _lent().there(_lent().opener._call(operation, value, there))


class LentKeyholder(Keyholder):
    """A keyholder whose process is lent: it is given our key with each request."""

    async def _call(self, operation: Operation[In, Out], value: In) -> Out:
        async with self._turn:
            secret = await self._key()
            out: Out = await _lent().there(_lent().hold(secret, operation, value))
            return out

    async def _start(self) -> str:
        fingerprint: str = await _lent().there(_lent().hold(await self._key(), None, None))
        return fingerprint

    async def _key(self) -> bytes:
        if self._closed:
            raise DearlyError("keyholder_closed", "The desk is closing.")
        return await self._own()


def lent_keyholder_of(drawer: Drawer) -> LentKeyholder:
    """`desk.keyholder_of`, lent."""

    async def own() -> bytes:
        return await drawer.read(keyring.ring)

    return LentKeyholder(own)
