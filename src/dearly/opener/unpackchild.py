"""The process that unpacks: zlib, the tables of tar and zip, and nothing else.

Run as `python -I -m dearly.opener.unpackchild PACKING START ENDING...`, once for each packed file, which is its
standard input, open for reading alone; or a socket, at whose other end somebody is asked for its octets (`Asked`). What
is inside goes out as records (`unpackwire`).
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol

from dearly.opener import limits
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

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MEMORY = 256 << 20
_SECONDS = 4 * 60 * 60
"""Processor time for the whole of it: a few hundred gigabytes."""

_SECONDS_A_RECORD = 60.0
_SILENT = 64 << 20
"""Octets that are passed by without a word."""

_ENCRYPTED = 1
"""APPNOTE 4.4.4, bit 0 of a member's flags."""


class _Contents(Protocol):
    def read1(self, size: int, /) -> bytes:
        """What comes of one step: where a file is damaged, all before that comes out."""

    def close(self) -> None: ...


class Asked(io.RawIOBase):
    """A file that somebody else reads for us: we say where and how much, and get so many octets, or all that are left
    (`unpackwire`)."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self._line, self._at = line, 0
        self._size: int = SIZE.unpack(self._exactly(SIZE.size))[0]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = begin + offset
        if self._at < 0:
            raise ValueError("before the beginning")
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), CHUNK, max(0, self._size - self._at))
        if wanted:
            os.write(self._line, WANTED.pack(self._at, wanted))
            view[:wanted] = self._exactly(wanted)
            self._at += wanted
        return wanted

    def _exactly(self, size: int) -> bytes:
        got = bytearray()
        while len(got) < size:
            data = os.read(self._line, size - len(got))
            if not data:
                raise EOFError
            got += data
        return bytes(got)


Inside = Iterator[tuple[str, Callable[[], _Contents] | None]]
"""Name, and how its contents are opened; None: it is in a way that is not read."""


def _gz(file: BinaryIO) -> Inside:
    yield "", lambda: gzip.GzipFile(fileobj=file, mode="rb")


def _tar(file: IO[bytes] | gzip.GzipFile) -> Inside:
    with tarfile.open(fileobj=file, mode="r|") as tar:
        for member in tar:
            if not member.isfile():
                continue

            def opened(member: tarfile.TarInfo = member) -> _Contents:
                found = tar.extractfile(member)
                assert isinstance(found, io.BufferedReader)
                return found

            yield member.name, None if member.issparse() else opened
            tar.members = []  # type: ignore[attr-defined] # the library would keep all of them; its types do not say so


def _tgz(file: BinaryIO) -> Inside:
    yield from _tar(gzip.GzipFile(fileobj=file, mode="rb"))


def _zip(file: BinaryIO) -> Inside:
    with zipfile.ZipFile(file) as packed:
        for member in sorted(packed.infolist(), key=lambda one: one.header_offset):
            if member.is_dir():
                continue

            def opened(member: zipfile.ZipInfo = member) -> _Contents:
                found = packed.open(member)
                assert isinstance(found, zipfile.ZipExtFile)
                return found

            plain = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            yield member.filename, opened if plain and not member.flag_bits & _ENCRYPTED else None


_PACKINGS: dict[str, Callable[[BinaryIO], Inside]] = {"gz": _gz, "tar": _tar, "tgz": _tgz, "zip": _zip}
_BROKEN = (OSError, EOFError, ValueError, KeyError, zlib.error, struct.error, tarfile.TarError, zipfile.BadZipFile)
_NOT_READ = (NotImplementedError, RuntimeError)


def _say(out: int, kind: bytes, payload: bytes = b"") -> None:
    limits.start_timing(_SECONDS_A_RECORD)
    view = memoryview(HEAD.pack(kind, len(payload)) + payload)
    while view:
        view = view[os.write(out, view) :]


def _unpack(out: int, file: BinaryIO, packing: str, start: int, endings: tuple[str, ...]) -> None:
    why = b""
    try:
        for number, (name, opened) in enumerate(_PACKINGS[packing](file)):
            _say(out, BEGINS, name.encode("utf-8", "replace")[:LONGEST_NAME])
            trouble = b""
            if number >= start and name.lower().endswith(endings):
                trouble = UNSUPPORTED if opened is None else _contents(out, opened)
            elif opened is not None and packing in ("tar", "tgz"):
                _pass_by(out, opened)
            _say(out, ENDS, trouble)
    except _BROKEN:
        why = DAMAGED
    except _NOT_READ:
        why = UNSUPPORTED
    _say(out, END_OF_ALL, why)


def _contents(out: int, opened: Callable[[], _Contents]) -> bytes:
    try:
        with closing(opened()) as contents:
            while data := contents.read1(CHUNK):
                _say(out, DATA, data)
    except _BROKEN:
        return DAMAGED
    except _NOT_READ:
        return UNSUPPORTED
    return b""


def _pass_by(out: int, opened: Callable[[], _Contents]) -> None:
    """Go past contents that nobody wants, which in a tar means reading them: it may take long, so it is said now and
    then that it goes on. Raises `_BROKEN`."""
    with closing(opened()) as contents:
        passed = 0
        while data := contents.read1(CHUNK):
            passed += len(data)
            if passed >= _SILENT:
                passed = 0
                _say(out, DATA)


def _warm() -> None:
    """Once through everything, so that nothing is left to be loaded when no file can be opened any more."""
    tarred, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("warm"), io.BytesIO())
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("warm", b"warm")
    for packing, file in (("tgz", tarred), ("zip", zipped)):
        file.seek(0)
        for _name, opened in _PACKINGS[packing](file):
            if opened is not None:
                opened().read1(1)
    b"warm".decode("cp437")  # names in old zips (APPNOTE D.1)


if __name__ == "__main__":
    limits.keep_private()
    _warm()
    _packing, _start, *_endings = sys.argv[1:]
    _file: BinaryIO
    if stat.S_ISSOCK(os.fstat(0).st_mode):
        _file = io.BufferedReader(Asked(0), CHUNK)
    else:
        _file = open(0, "rb", closefd=False)  # noqa: SIM115 - it ends with the process
    limits.lock_down(_MEMORY, _SECONDS)
    _unpack(1, _file, _packing, int(_start), tuple(_endings) or ("",))
