"""Who may come in how often: bounds on connections, heads, bodies, concurrent requests and wrong tokens.

Nothing here is about fairness between members; it keeps one slow, greedy or hostile client from stopping the others.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from dearly.letter.words import _
from dearly.office.limits import Limits
from dearly.office.refusals import RequestError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MOST_HEAD = 16_384
"""Bytes of a request's head, together."""


def is_loopback(host: str) -> bool:
    """Whether `host` can be reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def protocol(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's HTTP/1.1 protocol, with bounds on connections and on the time that a head may take.

    uvicorn has no limit for the first head, and forgets its idle limit at the first byte of the next one."""
    from_where: Counter[str] = Counter()

    class Bounded(H11Protocol):
        _head_timer: asyncio.TimerHandle | None = None
        _from = ""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
            super().connection_made(transport)
            host = self.client[0] if self.client else ""
            if host and not is_loopback(host):
                self._from = host
                from_where[host] += 1
            if len(self.connections) > limits.connections or from_where[self._from] > limits.connections_each:
                transport.abort()
                return
            self._arm()

        def connection_lost(self, exc: Exception | None) -> None:
            self._disarm()
            if self._from:
                from_where[self._from] -= 1
                if from_where[self._from] <= 0:
                    del from_where[self._from]
            super().connection_lost(exc)

        def handle_events(self) -> None:
            super().handle_events()
            if self.cycle is not None and not self.cycle.response_complete:
                self._disarm()
            elif self.timeout_keep_alive_task is None:
                self._arm()  # a head has begun

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self.timeout_keep_alive_task is not None:
                self._disarm()

        def timeout_keep_alive_handler(self) -> None:
            if self.transport.get_write_buffer_size():
                self.transport.abort()  # it does not read what it asked for
            else:
                super().timeout_keep_alive_handler()

        def _arm(self) -> None:
            if self._head_timer is None and not self.transport.is_closing():
                self._head_timer = self.loop.call_later(limits.head_seconds, self.transport.abort)

        def _disarm(self) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

    return Bounded


async def body(headers: Any, pieces: AsyncIterator[bytes], most: int, limits: Limits, limit_name: str) -> bytes:
    """A whole body of at most `most` bytes, refused before it is read where its length is stated.

    Raises `RequestError`: limit (413), or too slow (408)."""
    stated = headers.get("content-length", "")
    # A transfer coding stands instead of a length; h11 refuses both together.
    if stated.isdecimal() and int(stated[:20]) > most:
        raise _too_large(limit_name)
    data = bytearray()
    loop = asyncio.get_running_loop()
    begun = moved = loop.time()
    try:
        async with asyncio.timeout(limits.body_seconds) as patience:
            async for piece in pieces:
                data += piece
                if len(data) > most:
                    raise _too_large(limit_name)
                now = loop.time()
                if now - begun > limits.body_seconds and len(data) < (now - begun) * limits.body_rate:
                    raise _too_slow()
                if now - moved > limits.body_seconds / 20:  # a timer for each piece would cost more than the piece
                    patience.reschedule(now + limits.body_seconds)
                    moved = now
    except TimeoutError:
        raise _too_slow() from None
    return bytes(data)


def _too_large(limit_name: str) -> RequestError:
    return RequestError("limit", _("This is larger than the office takes."), status=413, limit=limit_name)


def _too_slow() -> RequestError:
    return RequestError("about:blank", _("This came too slowly."), status=408)


class AtOnce:
    """How many requests an account may have under way, and how many bytes all uploads together may hold."""

    def __init__(self, most: int, name: str, memory: int = 0) -> None:
        self._most, self._name, self._memory = most, name, memory
        self._under_way: Counter[str] = Counter()
        self._bytes = 0

    @contextmanager
    def one(self, account: str, size: int = 0) -> Iterator[None]:
        """One more, while the block runs. Raises `RequestError` (limit, 429; 503 when all memory is given out)."""
        if self._under_way[account] >= self._most:
            raise RequestError("limit", _("Too much at once; wait for the others."), status=429, limit=self._name)
        if self._memory and self._bytes + size > self._memory:
            raise RequestError("about:blank", _("The office is busy; try again in a moment."), status=503)
        self._under_way[account] += 1
        self._bytes += size
        try:
            yield
        finally:
            self._bytes -= size
            self._under_way[account] -= 1
            if not self._under_way[account]:
                del self._under_way[account]


class Rate:
    """How many requests an account may make in a minute, at one node. 0: as many as it likes."""

    def __init__(self, most: int, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._name, self._clock = most, name, clock
        self._minute, self._made = 0, Counter[str]()

    def check(self, account: str) -> None:
        """Count one more. Raises `RequestError` (limit, 429)."""
        if not self._most:
            return
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._made = minute, Counter()
        self._made[account] += 1
        if self._made[account] > self._most:
            raise RequestError("limit", _("Too many requests; wait a minute."), status=429, limit=self._name)


class Throttle:
    """Counts failures of an address over the last minute. It is asked only after a failure: right tokens pass."""

    _MINUTE = 60.0
    _MOST_KNOWN = 10_000

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._failures: dict[str, deque[float]] = {}

    def failed(self, host: str) -> bool:
        """Note a failure; whether there were too many now."""
        now = self._clock()
        if host not in self._failures and len(self._failures) >= self._MOST_KNOWN:
            self._failures.pop(next(iter(self._failures)))
        times = self._failures.setdefault(host, deque(maxlen=self._most + 1))
        times.append(now)
        while times[0] < now - self._MINUTE:
            times.popleft()
        return len(times) > self._most
