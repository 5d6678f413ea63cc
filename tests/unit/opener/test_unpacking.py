"""Unpacking in a child of its own (A28): what it may do, how much may come out, and what damage comes to."""

from __future__ import annotations

import gzip
import io
import os
import resource
import signal
import socket
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from dearly.letter.errors import NotFound, Refused
from dearly.opener import unpackchild
from dearly.opener.unpacking import _Giver, unpack
from dearly.opener.unpackwire import CHUNK, SIZE, WANTED


def contents(path: Path, packing: str, **more: object) -> list[tuple[str, int, str]]:
    """Name, octets and trouble of each file inside."""
    found = []
    with unpack(path, packing, **more) as members:  # type: ignore[arg-type] # as given
        for member in members:
            size = 0
            while data := member.read(100_000):
                size += len(data)
            found.append((member.name, size, member.trouble))
    return found


def test_a_zip_with_files_that_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.mbox", b"a" * 300_000, zipfile.ZIP_DEFLATED)
        packed.writestr("folder/", b"")
        packed.writestr("b.mbox", b"b" * 10, zipfile.ZIP_STORED)
        packed.writestr("c.mbox", b"c" * 10, zipfile.ZIP_LZMA)
        packed.writestr("d.mbox", b"d" * 10, zipfile.ZIP_STORED)
        packed.writestr("e.jpg", b"e" * 10, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"d" * 10)
    data[at] ^= 1
    path.write_bytes(data)
    assert contents(path, "zip", wanted=(".mbox",), start=1) == [
        ("a.mbox", 0, ""),
        ("b.mbox", 10, ""),
        ("c.mbox", 0, "unsupported"),
        ("d.mbox", 0, "damaged"),
        ("e.jpg", 0, ""),
    ]


def test_what_only_looks_packed_is_damaged(tmp_path: Path) -> None:
    for number, (packing, data) in enumerate([("zip", b"PK\x03\x04" + b"\0" * 50), ("tgz", gzip.compress(b"x" * 600))]):
        path = tmp_path / str(number)
        path.write_bytes(data)
        assert contents(path, packing)[-1] == ("", 0, "damaged")


def test_a_bomb_is_refused_before_it_fills_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dearly.opener.unpacking._SPARED", 1 << 20)  # else it would take a while
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(96 << 20), 1))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Refused, match="200 times"):
        contents(path, "gz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 16 << 10  # KiB


def test_a_tar_with_names_of_any_kind_and_things_that_are_no_files(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, target in (
            ("../up.eml", tarfile.REGTYPE, ""),
            ("link.eml", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard.eml", tarfile.LNKTYPE, "../up.eml"),
            ("device", tarfile.CHRTYPE, ""),
            ("n" * 5_000, tarfile.REGTYPE, ""),
        ):
            about = tarfile.TarInfo(name)
            about.type, about.linkname = kind, target
            about.size = 3 if kind == tarfile.REGTYPE else 0
            tar.addfile(about, io.BytesIO(b"abc"))
    assert contents(path, "tar") == [("../up.eml", 3, ""), ("n" * 4_096, 3, "")]


def test_a_child_that_dies_leaves_a_damaged_file_and_nothing_running(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(os.urandom(4 << 20)))
    with unpack(path, "gz") as members:
        member = next(members)
        assert member.read(10)
        (child,) = _children()
        os.kill(child, signal.SIGKILL)
        while member.read(1 << 20):
            pass
        assert member.trouble == "damaged"
        assert next(members, None) is None
    assert not _children()


def _children() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(pid) for pid in listed.split() if b"unpackchild" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_what_is_passed_by_for_long_is_no_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gigabytes of pictures before the mailbox, or what was read before a run was stopped: the child says that it goes
    on, so that neither its own clock nor the desk takes it for dead."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in (("film.mp4", bytes(9 * 1024 * 1024)), ("letters.mbox", b"From ")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    path = tmp_path / "takeout.tgz"
    path.write_bytes(packed.getvalue())
    monkeypatch.setattr(unpackchild, "_SILENT", 1 << 20)
    said: list[bytes] = []
    monkeypatch.setattr(unpackchild, "_say", lambda _out, kind, payload=b"": said.append(kind + payload[:9]))
    with path.open("rb") as file:
        unpackchild._unpack(1, file, "tgz", 0, (".mbox",))
    assert said == [b"Bfilm.mp4", *[b"D"] * 9, b"E", b"Bletters.m", b"DFrom ", b"E", b"X"]
    seen = []
    with unpack(path, "tgz", (".mbox",)) as members:
        for one in members:
            seen.append((one.name, one.read(100), one.trouble))
    assert seen == [("film.mp4", b"", ""), ("letters.mbox", b"From ", "")]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound), unpack(tmp_path / "x.gz", "gz"):
        pass


def test_the_child_can_do_nothing_but_read_its_input(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    tried = (
        "import os, socket\n"
        "from dearly.opener import limits, unpackchild\n"
        "limits.keep_private(); unpackchild._warm(); limits.lock_down(unpackchild._MEMORY, unpackchild._SECONDS)\n"
        "def refused(act):\n"
        "    try: act()\n"
        "    except (OSError, MemoryError): return '1'\n"
        "    return '0'\n"
        f"acts = [lambda: open({str(secret)!r}), lambda: open({str(secret)!r}, 'w'), lambda: socket.socket(),\n"
        "    os.fork, lambda: os.kill(os.getppid(), 0), lambda: bytearray(unpackchild._MEMORY + (1 << 20))]\n"
        "os.write(1, ''.join(map(refused, acts)).encode())\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", tried], capture_output=True, check=True)
    assert done.stdout == b"111111"


@pytest.mark.parametrize(("at", "size"), [(4, 1), (0, 5), ((1 << 64) - 1, 1), (2, CHUNK + 1)])
def test_a_child_that_asks_for_what_is_not_there_gets_nothing_more(at: int, size: int) -> None:
    """It reads foreign files, so it may be anybody's by now."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        giver = _Giver(ours, io.BytesIO(b"abcd"), 4)
        giver.start()
        theirs.settimeout(60)
        assert SIZE.unpack(theirs.recv(SIZE.size)) == (4,)
        theirs.sendall(WANTED.pack(1, 3))
        assert theirs.recv(3, socket.MSG_WAITALL) == b"bcd"
        theirs.sendall(WANTED.pack(at, size))
        assert theirs.recv(1) == b""
        giver.join()
