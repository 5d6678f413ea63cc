"""Letters in folders of many programs, and what else lies there."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dearly.exchange import kinds
from dearly.exchange.archive import Item, PassedOver, Role
from dearly.letter.errors import NotFound, Usage
from tests.support.foreign_archives import archive, bytes_of, codes, everything, items, letter, mbox_of

A, B, C, D = (letter(name) for name in "abcd")


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def state(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that could be changed by reading."""
    return {
        str(path): (about.st_mode, about.st_size, about.st_mtime_ns, about.st_atime_ns)
        for path in sorted(folder.rglob("*"))
        if not path.is_dir()
        for about in [path.lstat()]
    }


def test_maildir_with_subfolders_of_both_kinds(tmp_path: Path) -> None:
    put(tmp_path / "cur/1.a:2,ST", A)
    put(tmp_path / "new/2.b", B)
    put(tmp_path / ".Sent.2019/cur/3.c:2,DS", C)
    put(tmp_path / "Gel&APY-scht/cur/4.d!2,S", D)
    put(tmp_path / "tmp/5.e", b"half")
    put(tmp_path / "dovecot.index.log", b"\0")
    put(tmp_path / "maildirfolder", b"")
    put(tmp_path / "cur/.nfs0001", b"x")
    source = archive(tmp_path)
    assert source.format == "maildir"
    found = {one.data: one.hints for one in items(source)}
    assert set(found) == {A, B, C, D}
    assert (found[A].deleted, found[A].draft, found[A].folder) == (True, False, "")
    assert (found[C].draft, found[C].folder, found[C].sent) == (True, "Sent/2019", True)
    assert (found[D].folder, found[D].role) == ("Gelöscht", Role.TRASH)
    assert [one.data for one in items(source)] == [B, C, D, A]  # `new` before `cur`


def test_a_maildir_letter_that_is_marked_or_moved_meanwhile_is_still_read(tmp_path: Path) -> None:
    put(tmp_path / "new/1.a", A)
    put(tmp_path / "new/2.b", B)
    put(tmp_path / "cur/3.c:2,", C)
    reading = archive(tmp_path).items()
    first = next(reading)
    (tmp_path / "new/2.b").rename(tmp_path / "cur/2.b:2,S")
    (tmp_path / "cur/3.c:2,").rename(tmp_path / "cur/3.c:2,RS")
    got = [one.data for one in (first, *reading) if isinstance(one, Item)]
    assert set(got) == {A, B, C}


def test_what_vanishes_and_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    for name in ("a.eml", "b.eml", "c.eml"):
        put(tmp_path / name, A)
    reading = archive(tmp_path).items()
    next(reading)
    (tmp_path / "b.eml").unlink()
    (tmp_path / "c.eml").unlink()
    os.mkfifo(tmp_path / "c.eml")
    vanished, unreadable = reading
    assert [vanished.cursor, unreadable.cursor] == ["b.eml", "c.eml"]
    assert codes([vanished, unreadable]) == ["vanished", "unreadable"]


def test_a_folder_that_cannot_be_looked_into_is_named_although_it_is_the_archive_itself(tmp_path: Path) -> None:
    put(tmp_path / "box/a.eml", A)
    reading = archive(tmp_path / "box")
    (tmp_path / "box/a.eml").unlink()
    (tmp_path / "box").rmdir()
    (tmp_path / "box").write_bytes(b"no folder any more")
    assert codes(list(reading.items())) == ["unreadable"]


def test_links_devices_and_other_files_are_named_and_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside / "x.eml", B)
    inside = tmp_path / "inside"
    put(inside / "a.eml", A)
    (inside / "b.eml").symlink_to(outside / "x.eml")
    (inside / "folder").symlink_to(outside)
    os.mkfifo(inside / "pipe.eml")
    put(inside / "game.exe", b"MZ\0")
    put(inside / "old.pst", b"!BDN\0\0")
    put(inside / "note.msg", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    put(inside / "Thumbs.db", b"\0")
    found = everything(archive(inside))
    over = {one.shown: one.code for one in found if isinstance(one, PassedOver)}
    assert over == {
        "b.eml": "link",
        "folder": "link",
        "pipe.eml": "not_a_letter",
        "game.exe": "not_a_letter",
        "old.pst": "unsupported",
        "note.msg": "unsupported",
    }
    assert [one.data for one in found if isinstance(one, Item)] == [A]
    assert all(one.why for one in found if isinstance(one, PassedOver))


def test_the_original_stays_as_it_was(tmp_path: Path) -> None:
    put(tmp_path / "cur/1.a:2,", A)
    put(tmp_path / "old.mbox", mbox_of([B, C]))
    put(tmp_path / "new/2.b", B)
    os.utime(tmp_path / "cur/1.a:2,", ns=(1, 2))
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.chmod(0o400)
    before = state(tmp_path)
    assert len(everything(archive(tmp_path))) == 4
    assert state(tmp_path) == before


def test_a_single_file_and_folders_of_files(tmp_path: Path) -> None:
    put(tmp_path / "a.eml", A)
    put(tmp_path / "one/two/b.EML", B)
    put(tmp_path / "one/c.txt", b"Received: from x\n" + C)  # a letter that was saved as text
    put(tmp_path / "mh/17", D)
    put(tmp_path / "mh/.mh_sequences", b"unseen: 17")
    assert bytes_of(archive(tmp_path / "a.eml")) == [A]
    assert archive(tmp_path).format == "eml"
    assert set(bytes_of(archive(tmp_path))) == {A, B, b"Received: from x\n" + C, D}
    assert [one.hints.folder for one in items(archive(tmp_path))] == ["", "mh", "one", "one/two"]


def test_apple_mail(tmp_path: Path) -> None:
    put(tmp_path / "INBOX.mbox/Messages/1.emlx", b"%d  \n" % len(A) + A + b"<?xml version='1.0'?><plist/>")
    put(tmp_path / "INBOX.mbox/Messages/2.partial.emlx", b"%d\n" % len(B) + B)
    put(tmp_path / "INBOX.mbox/Messages/3.emlx", b"99999\n" + C)
    put(tmp_path / "INBOX.mbox/Messages/4.emlx", D)
    found = everything(archive(tmp_path))
    letters = [one for one in found if isinstance(one, Item)]
    assert [one.data for one in letters] == [A, B, C]
    assert [one.hints.exact for one in letters] == [True, False, False]
    assert [(one.hints.folder, one.hints.sent) for one in letters] == [("INBOX", False)] * 3
    assert codes(found) == ["damaged"]


def test_a_thunderbird_profile(tmp_path: Path) -> None:
    profile = tmp_path / "ab12.default"
    put(tmp_path / "profiles.ini", b"[Profile0]\nPath=ab12.default\n")
    put(profile / "prefs.js", b"")
    put(profile / "places.sqlite", b"SQLite format 3\0")
    put(profile / "storage/default/x.eml", D)
    mail = profile / "Mail/Local Folders"
    line = b"From - Tue Oct 05 10:23:12 2010\r\n"
    wire = [one.replace(b"\n", b"\r\n") for one in (A, B, C)]
    put(mail / "Sent", b"".join(line + one + b"\r\n" for one in wire[:2]))
    put(mail / "Sent.msf", b"// <!-- <mdb:mork")
    put(mail / "Sent.sbd/2019", line + wire[2])
    put(mail / "Trash", b"")
    put(mail / "msgFilterRules.dat", b'version="9"')
    put(profile / "ImapMail/imap.letters.test/INBOX/cur/1700.eml", D)
    put(profile / "ImapMail/imap.letters.test/INBOX.mozmsgs/1.wdseml", D)
    source = archive(tmp_path)
    assert source.format == "thunderbird"
    found = items(source)
    assert [one.data for one in found] == [D, *wire]
    assert [one.hints.folder for one in found] == [
        "imap.letters.test/INBOX",
        "Local Folders/Sent",
        "Local Folders/Sent",
        "Local Folders/Sent/2019",
    ]
    assert [one.hints.sent for one in found] == [False, True, True, True]
    assert archive(profile).format == "thunderbird"
    assert [one.data for one in items(archive(profile))] == [D, *wire]


def test_an_unpacked_takeout_is_its_mail_alone(tmp_path: Path) -> None:
    put(tmp_path / "Takeout/Mail/All mail Including Spam and Trash.mbox", mbox_of([b"X-Gmail-Labels: Sent\n" + A]))
    put(tmp_path / "Takeout/Photos/1.jpg", b"\xff\xd8\xff")
    put(tmp_path / "Takeout/archive_browser.html", b"<html>")
    source = archive(tmp_path)
    assert source.format == "takeout"
    assert [one.hints.sent for one in items(source)] == [True]


def test_names_of_any_octets(tmp_path: Path) -> None:
    for name in (
        b"\xff\xfe.eml",
        "Gr\u00fc\u00dfe?.eml".encode(),
        b"a\nb.eml",
        b"100%25.eml",
        "\u202eevil.eml".encode(),
    ):
        (tmp_path / os.fsdecode(name)).write_bytes(A)
    found = items(archive(tmp_path))
    assert len(found) == 5
    for one in found:
        one.cursor.encode("ascii")
        assert one.hints.shown.isprintable()


def test_only_what_was_asked_for(tmp_path: Path) -> None:
    put(tmp_path / "a.eml", A)
    put(tmp_path / "b.mbox", mbox_of([B]))
    put(tmp_path / "c.md", b"Dear Ada\n")
    asked = everything(archive(tmp_path, "mbox"))
    assert [one.data for one in asked if isinstance(one, Item)] == [B]
    assert codes(asked) == ["not_a_letter", "not_a_letter"]


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    put(tmp_path / "x/a.eml", A)
    source = archive(tmp_path / "x")
    (tmp_path / "x/a.eml").unlink()
    (tmp_path / "x").rmdir()
    with pytest.raises(NotFound, match="not there"):
        list(source.items())


def test_an_archive_that_goes_away_while_it_is_read_is_said_to_be_gone(tmp_path: Path) -> None:
    """A stick that is pulled out: nothing of it may count as read, or as missing."""
    for folder in ("1", "2", "3"):
        put(tmp_path / "stick" / folder / "a.eml", A)
        put(tmp_path / "stick" / folder / "b.eml", B)
    reading = archive(tmp_path / "stick").items()
    assert isinstance(next(reading), Item)
    (tmp_path / "stick").rename(tmp_path / "pocket")
    with pytest.raises(NotFound) as gone:
        list(reading)
    assert gone.value.code == "no_archive"


def test_an_archive_that_goes_away_between_two_folders_does_not_end(tmp_path: Path) -> None:
    put(tmp_path / "stick/1/a.eml", A)
    put(tmp_path / "stick/2/b.eml", B)
    reading = archive(tmp_path / "stick").items()
    assert isinstance(next(reading), Item)
    (tmp_path / "stick/2").rename(tmp_path / "2")
    (tmp_path / "stick").rename(tmp_path / "pocket")
    with pytest.raises(NotFound):
        list(reading)


def test_a_cursor_of_another_archive_leaves_nothing_out(tmp_path: Path) -> None:
    put(tmp_path / "a.eml", A)
    put(tmp_path / "b.mbox", mbox_of([B, C]))
    source = archive(tmp_path)
    for cursor in ("?", "b.mbox?x", "b.mbox?99999999999999999999999", "b.mbox?-1", "a.eml/b?7"):
        got = [one.data for one in source.items(cursor) if isinstance(one, Item)]
        assert got[-2:] == [B, C]


NAMES = st.sampled_from(
    ["a.eml", "a.emlx", "a.mbox", "a.mboxrd", "Sent", "17", "a.md", "a.txt", "a 1.jpg", "a 2.jpg", "a.pdf", "cur/x:2,T"]
)
ODD_LINES = (
    b"From ada Thu Jan  1 00:00:00 1970\n",
    b"From: x\n",
    b">From x\n",
    b"\n",
    b'X-Gmail-Labels: =?x?B?=?=, "\n',
    b"X-Mozilla-Status: zzzz\n",
    b"X-IMAP: 1\n",
    b"Content-Length: 3\n",
    b"Received: x\n",
    b"---\n",
    b"enclosures: [../x, a]\n",
    b"date: 9999-99\n",
    b"12\n",
    b"%PDF-",
    b"\xff\xd8\xff",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\0",
)
CONTENTS = st.lists(st.sampled_from(ODD_LINES), max_size=8).map(b"".join)


@settings(max_examples=40)
@given(st.dictionaries(NAMES, CONTENTS | st.binary(max_size=40), min_size=1, max_size=4))
def test_nothing_in_a_folder_makes_reading_fail(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            put(Path(folder) / name, b"" if kinds.packing(name, data) else data)  # a child for each would take long
        with suppress(Usage):  # where none of them is a letter
            for one in everything(archive(Path(folder))):
                one.cursor.encode("ascii")
