"""Letters in packed files, unpacked by the real child. One file for each packing, read once: a child costs a start."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from dearly.exchange.archive import Item, Written
from dearly.letter.errors import Refused, Usage
from tests.support.foreign_archives import archive, codes, letter, mbox_of

A, B, C = (letter(name) for name in "abc")


def tar_of(members: Sequence[tuple[str, bytes]], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload] # the mode is one of two
        for name, data in members:
            about = tarfile.TarInfo(name)
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))
    return out.getvalue()


def test_a_takeout_as_zip(tmp_path: Path) -> None:
    box = mbox_of([b"X-Gmail-Labels: Posteingang\n" + A, b"X-Gmail-Labels: Gesendet\n" + B])
    with zipfile.ZipFile(tmp_path / "takeout-1.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("Takeout/Fotos/1.jpg", b"\xff\xd8\xff" * 100)
        packed.writestr("Takeout/Mail/All mail Including Spam and Trash.mbox", box)
        packed.writestr("Takeout/Mail/User Settings/Filters.json", "{}")
    source = archive(tmp_path / "takeout-1.zip")
    assert source.format == "takeout"
    found = list(source.items())
    assert [(one.data, one.hints.sent) for one in found if isinstance(one, Item)] == [
        (b"X-Gmail-Labels: Posteingang\n" + A, False),
        (b"X-Gmail-Labels: Gesendet\n" + B, True),
    ]
    assert [one.cursor for one in source.items(found[0].cursor)] == [found[1].cursor]
    assert found[-1].passed <= (source.size() or 0)


def test_a_tar_of_a_maildir_and_more(tmp_path: Path) -> None:
    nested = gzip.compress(b"x")
    (tmp_path / "mail.tar.gz").write_bytes(
        tar_of(
            [
                ("mail/.Sent/cur/1.a:2,S", A),
                ("../../etc/b.eml", B),
                ("mail/old.mbox", mbox_of([B, C])),
                ("mail/notes/1987-05-12 Clara.md", b"---\nfrom: Clara\n---\nDear Ada\n"),
                ("mail/nested.gz", nested),
                ("mail/game.exe", b"MZ\0"),
                ("mail/.DS_Store", b"\0"),
            ]
        )
    )
    source = archive(tmp_path / "mail.tar.gz")
    assert source.format == "packed"
    found = list(source.items())
    assert [one.data for one in found if isinstance(one, Item)] == [A, B, B, C]
    assert found[0].hints.sent is True  # type: ignore[union-attr] # it is an item, as was just seen
    (written,) = (one for one in found if isinstance(one, Written))
    assert written.said.sender == "Clara"
    assert codes(found) == ["unsupported", "not_a_letter"]
    for number in (1, 2, len(found) - 1):
        assert [one.cursor for one in source.items(found[number].cursor)] == [one.cursor for one in found[number + 1 :]]
    assert list((tmp_path).iterdir()) == [tmp_path / "mail.tar.gz"]


def test_a_folder_with_packed_mbox_files_of_which_one_is_damaged(tmp_path: Path) -> None:
    many = [letter(str(n), "".join(f"{n * k:x}" for k in range(3_000)) + "\n") for n in range(1, 40)]
    packed = gzip.compress(mbox_of(many))
    (tmp_path / "1.mbox.gz").write_bytes(gzip.compress(mbox_of([A, B])))
    (tmp_path / "2.mbox.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "3.mbox").write_bytes(mbox_of([C]))
    source = archive(tmp_path)
    found = list(source.items())
    got = [one.data for one in found if isinstance(one, Item)]
    assert got[:2] == [A, B]
    assert got[-1] == C
    assert 10 < len(got) < len(many)
    assert set(got[2:-2]) <= set(many)  # the last one before the damage may be half a letter
    assert codes(found) == ["damaged"]
    assert [one.cursor for one in source.items(found[0].cursor)] == [one.cursor for one in found[1:]]


def test_a_bomb_among_others_is_named_and_the_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dearly.opener.unpacking._SPARED", 1 << 20)
    (tmp_path / "1.mbox.gz").write_bytes(gzip.compress(mbox_of([A]) + bytes(32 << 20)))
    (tmp_path / "2.mbox").write_bytes(mbox_of([B]))
    found = list(archive(tmp_path).items())
    assert codes(found) == ["too_large"]
    assert [one.data for one in found if isinstance(one, Item)][-1:] == [B]
    with pytest.raises(Refused):
        list(archive(tmp_path / "1.mbox.gz").items())


def test_a_gz_that_is_a_tar_after_all(tmp_path: Path) -> None:
    (tmp_path / "backup.gz").write_bytes(tar_of([("a.eml", A)]))
    source = archive(tmp_path / "backup.gz")
    assert [one.data for one in source.items() if isinstance(one, Item)] == [A]


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.gz", gzip.compress(b"\0\1\2", mtime=0), "no letter"),
        ("a.zip", b"PK\x03\x04" + b"\0" * 100, "damaged"),
    ],
)
def test_packed_files_without_letters(tmp_path: Path, name: str, data: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Usage, match=why):
        archive(tmp_path / name)
