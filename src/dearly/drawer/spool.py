"""Octets that wait beside the drawer for a while, sealed with a key that is nowhere but in this process.

What a browser hands over to be taken in is read twice, for the plan and for the run, and may weigh gigabytes: too much
for memory. As pieces in the drawer it would be written three times (log, page, and pages set free again), keep the one
writer from whoever saves a draft, leave the file as large as it became, and lie there for good after a kill. So it lies
in a file of its own that has no name from the beginning (open(2), O_TMPFILE; where that is not to be had, it loses its
name at once): when the process ends, however it ends, the system gives the room back; and what could be found on the
disk after a power cut is sealed, 64 KiB at a time (ChaCha20-Poly1305), with a key that is gone.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import tempfile
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from dearly.letter.errors import Damaged, NoSpace
from dearly.letter.words import _

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE = 64 << 10
"""Octets that are sealed together."""

_SEALED = PIECE + 16


class Spool:
    """Written once, from the beginning to the end (`write`, `end`), then read anywhere (`opened`). The room is given
    back by `close`, or as soon as nobody knows it any more. `size`: octets in it.

    A thread may still be writing or reading when another one closes it, as where an upload is broken off. The system
    gives the number of a closed file to the next one that is opened, which may be the drawer: so nothing is written or
    read by that number after closing."""

    def __init__(self, folder: Path) -> None:
        """`folder`: of the drawer. Raises `NoSpace`."""
        try:
            self._file = _nameless(folder)
        except OSError as error:
            raise _no_space(error) from None
        self._close = weakref.finalize(self, os.close, self._file)
        self._turn = threading.Lock()
        self._key = ChaCha20Poly1305(secrets.token_bytes(32))
        self._rest = bytearray()
        self._written = 0
        self.size = 0

    def write(self, data: bytes) -> None:
        """More of it. Raises `NoSpace`."""
        self.size += len(data)
        self._rest += data
        whole = len(self._rest) - len(self._rest) % PIECE
        for at in range(0, whole, PIECE):
            self._put(self._rest[at : at + PIECE])
        del self._rest[:whole]

    def end(self) -> None:
        """That was all. Raises `NoSpace`."""
        if self._rest:
            self._put(self._rest)
            self._rest.clear()

    def close(self) -> None:
        """Give the room back; what was in it is gone. Closing twice is fine."""
        with self._turn:
            self._close()
        self.size = 0

    def _put(self, piece: bytearray) -> None:
        view = memoryview(self._key.encrypt(_nonce(self._written), bytes(piece), None))
        try:
            at = self._written * _SEALED
            while view:
                with self._turn:
                    done = os.pwrite(self._known(), view, at)
                view, at = view[done:], at + done
        except OSError as error:
            raise _no_space(error) from None
        self._written += 1

    def piece(self, number: int) -> bytes:
        """One piece, in clear; b"" behind the last. Raises `Damaged`, `OSError` where it was closed."""
        with self._turn:
            file = self._known()
            sealed = os.pread(file, _SEALED, number * _SEALED) if number < self._written else b""
        try:
            return self._key.decrypt(_nonce(number), sealed, None) if sealed else b""
        except InvalidTag:
            raise Damaged(
                "spool_damaged",
                _("What was handed over cannot be read back: the disk gave something else than was written."),
                _("Hand it over once more."),
            ) from None

    def _known(self) -> int:
        if not self._close.alive:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._file

    def opened(self) -> io.BufferedReader:
        """A reader of its own, at the beginning."""
        return io.BufferedReader(_Reader(self), PIECE)


class _Reader(io.RawIOBase):
    """Reads a spool, piece by piece; it holds the one piece that it read last."""

    def __init__(self, spool: Spool) -> None:
        super().__init__()
        self._spool, self._at = spool, 0
        self._held: tuple[int, bytes] = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._spool.size}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        number, inside = divmod(self._at, PIECE)
        if self._held[0] != number:
            self._held = number, self._spool.piece(number)
        view = memoryview(buffer).cast("B")
        data = self._held[1][inside : inside + len(view)]
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def _nonce(number: int) -> bytes:
    """Each piece is written once, so its number is never used twice under the key."""
    return number.to_bytes(12, "big")


def _nameless(folder: Path) -> int:
    try:
        return os.open(folder, os.O_RDWR | os.O_CLOEXEC | os.O_TMPFILE, 0o600)
    except (AttributeError, IsADirectoryError, OSError):  # another system, or one whose disk cannot
        file, name = tempfile.mkstemp(prefix=".spool-", dir=folder)
        Path(name).unlink()
        return file


def _no_space(error: OSError) -> NoSpace:
    return NoSpace(
        "no_space",
        _("What is handed over cannot be kept for the time: {why}.").format(why=os.strerror(error.errno or 0)),
        _("Make room on the disk where the drawer is, or give the path of what lies on this machine already."),
        retry=True,
    )
