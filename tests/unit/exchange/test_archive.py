"""Which archive something is, and what is said where it is none."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from dearly.exchange import bundle
from dearly.exchange.archive import FORMATS, recognise
from dearly.letter.errors import NotFound, Usage
from tests.support.foreign_archives import archive, letter, mbox_of

A = letter("a")


def never(*_args: object, **_more: object) -> object:
    raise AssertionError("nothing is packed here")


def test_by_name_and_beginning(tmp_path: Path) -> None:
    for name, data, expected in (
        ("a.eml", A, "eml"),
        ("17", A, "eml"),
        ("a.emlx", b"3\nabc", "eml"),
        ("Inbox", mbox_of([A]), "mbox"),
        ("a.mbox", b"\xef\xbb\xbf" + mbox_of([A]), "mbox"),
        ("a.mboxrd", b"", "mbox"),
        ("a.md", b"Dear Ada\n", "text"),
        ("a.txt", b"From: a friend\n", "text"),
        ("a.bin", b"%PDF-1.4", "scan"),
        ("a.jpg", b"\xff\xd8\xff", "scan"),
    ):
        (tmp_path / name).write_bytes(data)
        assert recognise(tmp_path / name, unpack=never).format == expected, name  # type: ignore[arg-type] # never called


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.exe", b"MZ\0\0", "no letter"),
        ("a.pst", b"!BDN", "Outlook"),
        ("a.mbox.xz", b"\xfd7zXZ\0", "Unpack it first"),
        ("empty", b"", "no letter"),
        ("a.bin", b"\0" * 600, "no letter"),
    ],
)
def test_what_is_none_says_why_and_what_could_be(tmp_path: Path, name: str, data: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Usage, match=why) as told:
        recognise(tmp_path / name, unpack=never)  # type: ignore[arg-type] # never called
    assert told.value.code == "not_an_archive"
    assert "Maildir" in told.value.hint


def test_folders_without_letters(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="nothing in it"):
        archive(tmp_path)
    (tmp_path / "a.exe").write_bytes(b"MZ")
    with pytest.raises(Usage, match="No file in it"):
        archive(tmp_path)


def test_what_is_not_there_and_formats_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not there"):
        archive(tmp_path / "x")
    with pytest.raises(NotFound):
        archive(Path("\0"))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(NotFound):
        archive(tmp_path / "loop")
    with pytest.raises(Usage, match="outlook"):
        archive(tmp_path, "outlook")
    (tmp_path / "a.eml").write_bytes(A)
    with pytest.raises(Usage, match="folder"):
        archive(tmp_path / "a.eml", "maildir")


def test_a_source_is_named_by_format_and_place(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(A)
    (tmp_path / "b.eml").write_bytes(A)
    (tmp_path / "link").symlink_to(tmp_path / "a.eml")
    (tmp_path / "c").write_bytes(mbox_of([A]))
    one = archive(tmp_path / "a.eml")
    assert len(one.source) == 32
    assert one.source == archive(tmp_path / "link").source
    assert len({one.source, archive(tmp_path / "b.eml").source, archive(tmp_path / "a.eml", "eml").source}) == 3
    assert one.place == str(tmp_path / "a.eml")
    assert {archive(tmp_path, wanted).format for wanted in FORMATS if wanted != "auto"} == {*FORMATS} - {"auto"}


def test_drawers_backups_and_bundles_are_known(tmp_path: Path) -> None:
    drawer = tmp_path / "drawer"
    drawer.mkdir()
    (drawer / "drawer.db").write_bytes(b"\x01" * 100)
    (drawer / "keys").write_bytes(b"{}")
    with tarfile.open(tmp_path / "backup", "w", format=tarfile.PAX_FORMAT) as tar:
        data = b'{"format": "dearly-backup", "version": 1}'
        about = tarfile.TarInfo("manifest.json")
        about.size = len(data)
        tar.addfile(about, io.BytesIO(data))
    exported = tmp_path / "export"
    exported.mkdir()
    with tarfile.open(exported / bundle.NAME, "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo(bundle.HEAD), io.BytesIO())
    for path in (drawer, drawer / "drawer.db", tmp_path / "backup"):
        source = archive(path)
        assert source.format == "drawer"
        with pytest.raises(Usage, match="locked") as told:
            list(source.items())
        assert (told.value.code, "bundle" in told.value.hint) == ("is_a_drawer", True)
    for path in (exported, exported / bundle.NAME):
        source = archive(path)
        assert source.format == "bundle"
        with pytest.raises(Usage, match="as a whole"):
            list(source.items())


def test_a_packed_mbox_is_recognised_by_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "Inbox.gz").write_bytes(gzip.compress(mbox_of([A])))
    assert archive(tmp_path / "Inbox.gz").format == "mbox"
