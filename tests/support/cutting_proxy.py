"""A TCP proxy on loopback that cuts the connection after an exact number of bytes, in either direction.

What passes is recorded, so that a test first learns how long each direction of an exchange is, and then cuts it at
the places that `places` chooses. The bytes before the cut always arrive: a cut is clean, and each run is repeatable.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from enum import Enum


class Side(Enum):
    """Whose bytes are counted: what the client says, or what the server says."""

    CLIENT = "client"
    SERVER = "server"


class CuttingProxy:
    """`port` is where to connect. `said` holds what has passed in each direction since `fresh()`."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.said: dict[Side, bytearray] = {side: bytearray() for side in Side}
        self.connections = 0
        self._cut: tuple[Side, int, bool] | None = None
        self._mark: tuple[bytes, Side] | None = None
        self.stalled: asyncio.Event | None = None
        """Set once a line planned by `stall` has fallen silent."""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def fresh(self) -> None:
        """Forget what passed; no cut is planned."""
        self._cut = self._mark = self.stalled = None
        self.connections = 0
        for said in self.said.values():
            said.clear()

    def cut(self, side: Side, after: int, *, reset: bool = False) -> None:
        """Forget what passed; once `after` more bytes of `side` have passed, cut every connection, once.

        `reset`: with a TCP reset in place of an orderly end."""
        self.fresh()
        self._cut = (side, after, reset)

    def stall(self, side: Side, after: int) -> None:
        """Forget what passed; once `after` more bytes of `side` have passed, let that side fall silent, uncut."""
        self.fresh()
        self._cut = (side, after, False)
        self.stalled = asyncio.Event()

    def cut_request_with(self, mark: bytes) -> None:
        """Cut once, just before `mark` would pass from the client."""
        self.fresh()
        self._mark = (mark, Side.CLIENT)

    def cut_answer_to(self, mark: bytes) -> None:
        """Cut once, when the server begins to answer the request in which `mark` passed. Nothing of it arrives."""
        self.fresh()
        self._mark = (mark, Side.SERVER)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut everything and refuse connections until `start` is called again; the port stays the same."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop(self, *, reset: bool = False) -> None:
        """Cut every connection now."""
        for writer in tuple(self._open):
            if reset:
                with suppress(OSError, AttributeError):
                    raw = writer.get_extra_info("socket")
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._open.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target)
            self._open.add(far)
            await asyncio.gather(self._pass(Side.CLIENT, reader, far), self._pass(Side.SERVER, far_reader, writer))
        except OSError:
            pass
        finally:
            for end in (writer, far):
                if end is not None:
                    self._open.discard(end)
                    end.close()
                    with suppress(OSError):
                        await end.wait_closed()
            self._tasks.discard(task)

    async def _pass(self, side: Side, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if side is Side.CLIENT and self._mark is not None:
                    self._look_for_mark(data)
                reset = False
                if self._cut is not None and self._cut[0] is side:
                    data = data[: max(0, self._cut[1] - len(self.said[side]))]
                    reset = self._cut[2]
                self.said[side] += data
                writer.write(data)
                await writer.drain()
                if self._cut is not None and self._cut[0] is side and len(self.said[side]) >= self._cut[1]:
                    if self.stalled is not None:
                        self.stalled.set()
                        self._cut = None
                        await reader.read(-1)
                        return
                    # Let what was passed on arrive before the ends go: a reset throws away what is still buffered.
                    if reset:
                        await asyncio.sleep(0.005)
                    self._cut = None
                    self.drop(reset=reset)
                    return
        except OSError:
            pass
        finally:
            writer.close()

    def _look_for_mark(self, data: bytes) -> None:
        assert self._mark is not None
        mark, side = self._mark
        place = (bytes(self.said[Side.CLIENT]) + data).find(mark)
        if place >= 0:
            self._mark = None
            self._cut = (side, place if side is Side.CLIENT else len(self.said[Side.SERVER]), False)


@asynccontextmanager
async def cutting_proxy(target: int) -> AsyncIterator[CuttingProxy]:
    """A proxy before 127.0.0.1:`target`, up until the end of the block."""
    proxy = CuttingProxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


def places(said: bytes, *, every: bool = False, head: int | None = None, body: int | None = 40) -> list[int]:
    """Where to cut what was said in one direction of HTTP exchanges: some of 0..len(said) - 1, ascending.

    Every byte when `every`. Else `head` places in each head and `body` places in each body, evenly (None: every byte
    of it), and each boundary between them +-2."""
    if every:
        return list(range(len(said)))
    chosen: set[int] = set()
    for start, middle, stop in exchanges(said):
        chosen |= _evenly(start, middle, head) | _evenly(middle, stop, body)
        for edge in (start, middle, stop):
            chosen.update(range(edge - 2, edge + 3))
    return sorted(place for place in chosen if 0 <= place < len(said))


def ends(said: bytes) -> set[int]:
    """Where one exchange ends and the next begins."""
    return {stop for _start, _middle, stop in exchanges(said)}


def exchanges(said: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, end of head, and end of each request or answer."""
    at = 0
    while at < len(said):
        end = said.find(b"\r\n\r\n", at)
        middle = len(said) if end < 0 else end + 4
        stop = min(middle + _content_length(said[at:middle]), len(said))
        yield at, middle, stop
        at = stop


def _evenly(start: int, stop: int, count: int | None) -> set[int]:
    step = 1 if count is None else max(1, (stop - start) // count)
    return set(range(start, stop, step))


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
