"""Packed files from the desk's side: what is inside comes out of a child of its own (`unpackchild`), piece by piece.

The child gets the open file as its standard input, reads it by itself, and waits whenever nobody takes what it says: so
a file of any size needs a few hundred kilobytes here. What lies sealed, and is no plain file, it asks for piece by
piece (`unpack_held`). Synchronous, like the readers of archives that it serves.
"""

from __future__ import annotations

import io
import os
import selectors
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dearly.exchange.folder import gone, opened
from dearly.exchange.found import Member
from dearly.letter.errors import Damaged, Refused
from dearly.letter.words import _
from dearly.opener.process import SILENCE_SECONDS, command
from dearly.opener.unpackwire import (
    BEGINS,
    CHUNK,
    DAMAGED,
    DATA,
    END_OF_ALL,
    ENDS,
    HEAD,
    LONGEST_NAME,
    SIZE,
    UNSUPPORTED,
    WANTED,
)

_MOST_TIMES = 200
"""How many times larger than the packed file all that is inside may be (A28). Letters shrink to a third or a tenth."""

_SPARED = 256 << 20
"""Octets that are spared this."""

_MODULE = "dearly.opener.unpackchild"
_CAPS = {BEGINS: LONGEST_NAME, DATA: CHUNK, ENDS: 64, END_OF_ALL: 64}
_TROUBLES = {b"": "", UNSUPPORTED: "unsupported"}


@contextmanager
def unpack(path: Path, packing: str, wanted: Sequence[str] = (), start: int = 0) -> Iterator[Iterator[Member]]:
    """The files inside, as `exchange.found.Unpack` says. Where the packed file itself is damaged or cannot be read to
    its end, a last member without a name has that as its `trouble`. The child ends with the context."""
    try:
        file = opened(path)
    except OSError:
        raise gone(path) from None
    with file:

        def passed() -> int:
            # The child reads at the same place of the same open file.
            with suppress(OSError):
                return os.lseek(file.fileno(), 0, os.SEEK_CUR)
            return 0

        size = os.fstat(file.fileno()).st_size
        with _child(file.fileno(), size, passed, (packing, str(start), *wanted)) as members:
            yield members


@contextmanager
def unpack_held(
    file: BinaryIO, size: int, packing: str, wanted: Sequence[str] = (), start: int = 0
) -> Iterator[Iterator[Member]]:
    """As `unpack`, of a file of `size` octets that only this process can read: it is read here, as the child asks."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        giver = _Giver(ours, file, size)
        giver.start()
        try:
            with _child(theirs.fileno(), size, lambda: giver.passed, (packing, str(start), *wanted)) as members:
                yield members
        finally:
            theirs.close()  # the child's own end has gone with it
            giver.join()


class _Giver(threading.Thread):
    """Reads for the child. `passed`: up to where."""

    def __init__(self, line: socket.socket, file: BinaryIO, size: int) -> None:
        super().__init__(name="giver", daemon=True)
        self._line, self._file, self._size = line, file, size
        self.passed = 0

    def run(self) -> None:
        with suppress(OSError, Damaged):  # the child has gone; or the disk gives something else than was written
            self._line.sendall(SIZE.pack(self._size))
            while len(asked := self._line.recv(WANTED.size, socket.MSG_WAITALL)) == WANTED.size:
                at, size = WANTED.unpack(asked)
                if size > CHUNK or at + size > self._size:
                    break  # no child of ours asks so
                self._file.seek(at)
                data = self._file.read(size)
                if len(data) < size:
                    break
                self.passed = at + size
                self._line.sendall(data)
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)


@contextmanager
def _child(stdin: int, size: int, passed: Callable[[], int], arguments: Sequence[str]) -> Iterator[Iterator[Member]]:
    child = subprocess.Popen(
        command(_MODULE, *arguments),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        close_fds=True,
        start_new_session=True,
        cwd="/",
        env={},
    )
    try:
        assert isinstance(child.stdout, io.FileIO)
        yield _members(_Records(child.stdout, size * _MOST_TIMES + _SPARED), passed)
    finally:
        child.kill()
        child.communicate()


class _Records:
    """What the child says, record by record. Where it falls silent, breaks off or breaks the rules, the packed file
    counts as damaged, and that is its last record."""

    def __init__(self, out: io.FileIO, most: int) -> None:
        self._out = out
        self._left = most
        self._selector = selectors.DefaultSelector()
        self._selector.register(out, selectors.EVENT_READ)

    def next(self) -> tuple[bytes, bytes]:
        """Kind and octets of the next record. Raises `Refused` (unpacks_too_large)."""
        kind, length = HEAD.unpack(self._exactly(HEAD.size) or HEAD.pack(END_OF_ALL, len(DAMAGED)))
        payload = self._exactly(length) if length <= _CAPS.get(kind, -1) else None
        if payload is None:
            return END_OF_ALL, DAMAGED
        self._left -= HEAD.size + length
        if self._left < 0:
            raise Refused(
                "unpacks_too_large",
                _("The packed file holds more than {n} times what it weighs; letters never do.").format(n=_MOST_TIMES),
                _("Unpack it yourself, if you trust it, and import the folder."),
            )
        return kind, payload

    def _exactly(self, size: int) -> bytes | None:
        got = bytearray()
        while len(got) < size:
            data = self._out.read(size - len(got)) if self._selector.select(SILENCE_SECONDS) else b""
            if not data:
                return None
            got += data
        return bytes(got)

    def close(self) -> None:
        self._selector.close()


def _members(records: _Records, passed: Callable[[], int]) -> Iterator[Member]:
    try:
        while True:
            kind, payload = records.next()
            if kind != BEGINS:
                trouble = _TROUBLES.get(payload, "damaged") if kind == END_OF_ALL else "damaged"
                if trouble:
                    yield _Member("", records, passed, trouble)
                return
            member = _Member(payload.decode("utf-8", "replace"), records, passed)
            yield member
            while member.read(CHUNK):
                pass
            if member.broken_off:
                return
    finally:
        records.close()


class _Member:
    """One file inside, while it is read."""

    def __init__(self, name: str, records: _Records, passed: Callable[[], int], trouble: str | None = None) -> None:
        self.name = name
        self.trouble = trouble or ""
        self.broken_off = False
        self._records = records
        self._passed = passed
        self._held = b""
        self._ended = trouble is not None

    @property
    def packed(self) -> int:
        """Octets of the packed file that were read."""
        return self._passed()

    def read(self, size: int, /) -> bytes:
        """At most `size` octets; b"" at its end."""
        while not self._held and not self._ended:
            kind, payload = self._records.next()
            if kind == DATA:
                self._held = payload
            else:
                self._ended = True
                self.broken_off = kind != ENDS
                self.trouble = "damaged" if self.broken_off else _TROUBLES.get(payload, "damaged")
        data, self._held = self._held[:size], self._held[size:]
        return data
