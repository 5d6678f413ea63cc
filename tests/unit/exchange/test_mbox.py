"""Letters in one file, in the dialects and with the quirks of the programs that write them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dearly.exchange import fromline, mbox, mboxrd
from dearly.exchange.archive import Item, PassedOver
from dearly.exchange.mbox import Quoting
from tests.support.foreign_archives import FROM, archive, bytes_of, codes, everything, items, letter, mbox_of

A, B, C = letter("a"), letter("b"), letter("c")
WHEN = datetime(1970, 1, 1, tzinfo=UTC)


def read(tmp_path: Path, data: bytes, wanted: str = "auto", name: str = "box.mbox") -> list[bytes]:
    (tmp_path / name).write_bytes(data)
    return bytes_of(archive(tmp_path / name, wanted))


@pytest.mark.parametrize(
    "line",
    [
        b"From ada@letters.test Thu Jan  1 00:00:00 1970\n",
        b"From - Tue Oct 05 10:23:12 2010\n",
        b"From - Tue Oct 05 10:23:12 2010\r\n",
        b"From 1467110399@xxx Tue Aug 14 12:34:56 +0000 2012\n",
        b"From ada Wed Jan 01 00:00:00 EST 2003 remote from letters\n",
        b"From ada@letters.test Wed Jan  1 00:00 2003\n",
        b"From ada@letters.test  Wed, 01 Jan 2003 00:00:00 +0100\n",
        b"From ada@letters.test 2003-01-01T00:00:00Z\n",
        b'From "Ada L"@letters.test Wed Jan  1 00:00:00 2003\n',
        b"From ada at letters.test  Wed Jan  1 00:00:00 2003\n",
        b"From MAILER-DAEMON Wed Jan  1 00:00:00 2003 (CET)\n",
        b"From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n",
        b"From ???@??? Mon Sep 17 00:00:00 2001\n",
        b"From  Mon Sep 17 00:00:00 2001\n",
        b"From \r\n",
        b"From -\n",
        b"From ada@letters.test\n",
    ],
)
def test_the_line_before_a_letter_as_programs_write_it(tmp_path: Path, line: bytes) -> None:
    assert read(tmp_path, mbox_of([A, B, C], line)) == [A, B, C]


@pytest.mark.parametrize(
    ("line", "after", "blank"),
    [
        (b"From what I hear, all is well.", b"To: the point\n", True),
        (b"From Paris we went on", b"Subject: to Rome\n", True),
        (b"From ada@letters.test Thu Jan  1 00:00:00 1970", b"wrote to me", True),
        (b"From ada@letters.test Thu Jan  1 00:00:00 1970", b"\n", False),
        (b"From today", b"Nothing: new\n", True),
        (b"From today", b"Subject: new\n", False),
        (b"From " + b"x" * 900, b"Subject: x\n", True),
        (b"From ada@letters.test Thu Jan  1 00:00:00 1970 and so on", b"Subject: x\n", True),
    ],
)
def test_a_line_of_a_letter_that_separates_nothing(line: bytes, after: bytes, blank: bool) -> None:
    assert not fromline.separates(line, after, blank_before=blank)


def test_such_a_line_stays_in_its_letter(tmp_path: Path) -> None:
    one = letter("a", "Dear Bert,\n\nFrom what I hear,\n\nFrom ada@letters.test Thu Jan  1 00:00:00 1970\nis quoted.\n")
    assert read(tmp_path, mbox_of([one, B])) == [one, B]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n\r\n\n"])
def test_what_programs_put_before_the_first_letter(tmp_path: Path, start: bytes) -> None:
    assert read(tmp_path, start + mbox_of([A, B])) == [A, B]


def test_garbage_before_the_first_letter_is_named(tmp_path: Path) -> None:
    (tmp_path / "box.mbox").write_bytes(b"half a letter\nFrom nowhere\n" + mbox_of([A, B]))
    garbage, *rest = everything(archive(tmp_path / "box.mbox"))
    assert isinstance(garbage, PassedOver)
    assert (garbage.code, garbage.offset, garbage.size) == ("not_a_letter", 0, 27)
    assert [one.data for one in rest if isinstance(one, Item)] == [A, B]


def test_a_file_without_any_letter(tmp_path: Path) -> None:
    (tmp_path / "box.mbox").write_bytes(b"nothing at all\n" * 200_000)
    assert codes(everything(archive(tmp_path / "box.mbox"))) == ["not_a_letter"]


def test_no_empty_line_between_letters(tmp_path: Path) -> None:
    assert read(tmp_path, FROM + A + FROM + B + FROM + C) == [A, B, C]


def test_no_line_end_at_the_end(tmp_path: Path) -> None:
    assert read(tmp_path, FROM + A + b"\n" + FROM + B[:-1]) == [A, B[:-1]]


def test_files_with_crlf_keep_it(tmp_path: Path) -> None:
    wire = [one.replace(b"\n", b"\r\n") for one in (A, B)]
    data = mbox_of([A, B]).replace(b"\n", b"\r\n")
    assert read(tmp_path, data) == wire


def test_letters_with_crlf_in_a_file_without(tmp_path: Path) -> None:
    wire = [one.replace(b"\n", b"\r\n") for one in (A, B)]
    assert read(tmp_path, mbox_of(wire)) == wire


def test_empty_letters_are_named(tmp_path: Path) -> None:
    (tmp_path / "box.mbox").write_bytes(FROM + b"\n" + FROM + FROM + A + b"\n" + FROM[:-1])
    found = everything(archive(tmp_path / "box.mbox"))
    assert codes(found) == ["empty", "empty", "empty"]
    assert [one.data for one in found if isinstance(one, Item)] == [A]


def test_a_note_of_the_program_to_itself_is_no_letter(tmp_path: Path) -> None:
    note = (
        b"From: Mail System Internal Data <MAILER-DAEMON@letters.test>\n"
        b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nThis text is part of a folder.\n"
    )
    (tmp_path / "box.mbox").write_bytes(mbox_of([note, A]))
    assert codes(everything(archive(tmp_path / "box.mbox"))) == ["not_a_letter"]


QUOTED = letter("q", "\n>From the sea\n>>From the hills\n> From afar\n")


def test_one_mark_is_taken_from_quoted_lines_and_the_guess_is_told(tmp_path: Path) -> None:
    (tmp_path / "box.mbox").write_bytes(mbox_of([QUOTED, A]))
    quoted, plain = items(archive(tmp_path / "box.mbox"))
    assert quoted.data == letter("q", "\nFrom the sea\n>From the hills\n> From afar\n")
    assert (quoted.hints.exact, plain.hints.exact) == (False, True)


def test_mboxrd_is_sure(tmp_path: Path) -> None:
    (tmp_path / "box.mboxrd").write_bytes(mbox_of([QUOTED]))
    (one,) = items(archive(tmp_path / "box.mboxrd"))
    assert one.hints.exact
    (tmp_path / "box").write_bytes(mbox_of([QUOTED]))
    assert items(archive(tmp_path / "box", "mboxrd"))[0].hints.exact


def test_mboxo_by_word_marks_only_one_kind(tmp_path: Path) -> None:
    restored = letter("q", "\nFrom the sea\n>>From the hills\n> From afar\n")
    assert read(tmp_path, mbox_of([QUOTED]), "mboxo") == [restored]


def test_where_lines_were_not_quoted_none_is_changed(tmp_path: Path) -> None:
    bare = letter("a", "\nFrom me to you\n")
    (tmp_path / "box.mbox").write_bytes(mbox_of([bare, QUOTED]))
    first, second = items(archive(tmp_path / "box.mbox"))
    assert (first.data, second.data) == (bare, QUOTED)
    assert (first.hints.exact, second.hints.exact) == (True, False)


def with_length(body: bytes, says: int | None = None) -> bytes:
    length = len(body) if says is None else says
    return b"From: ada@letters.test\nContent-Length: %d\nSubject: x\n\n" % length + body


def test_content_length_is_believed_where_it_is_right(tmp_path: Path) -> None:
    inner = with_length(b"As an example:\n\n" + FROM + b"Subject: inner\n\nnot a letter of its own\n")
    assert read(tmp_path, mbox_of([inner, with_length(b"x\n"), with_length(b"no line end")])) == [
        inner,
        with_length(b"x\n"),
        with_length(b"no line end"),
    ]


def test_content_length_that_lies_takes_no_letter_along(tmp_path: Path) -> None:
    swallowing = with_length(b"short\n", len(b"short\n\n" + FROM + A))
    right = [with_length(b"%d\n" % n) for n in range(4)]
    wrong = [with_length(b"x\n", 10**9), with_length(b"x\n", 7), with_length(b"x\n", 1)]
    assert read(tmp_path, mbox_of([*right, *wrong, *right])) == [*right, *wrong, *right]
    # One stranger's letter among letters without lengths swallows nothing, even where its length fits.
    assert read(tmp_path, mbox_of([swallowing, A, B])) == [swallowing, A, B]


def test_marks_of_programs(tmp_path: Path) -> None:
    marked = [
        b"X-Mozilla-Status: 0009\n" + A,
        b"X-Mozilla-Status: 0001\n" + B,
        b"X-Status: D\n" + C,
        b"X-Gmail-Labels: =?UTF-8?Q?Gesendet,Wichtig,Ge=C3=B6ffnet?=\n" + A,
        b'X-Gmail-Labels: Inbox,"a, b",\n Spam\n' + B,
        b"X-Gmail-Labels: Chat\n" + B,
    ]
    (tmp_path / "All mail.mbox").write_bytes(mbox_of(marked))
    hints = [one.hints for one in items(archive(tmp_path / "All mail.mbox"))]
    assert [one.deleted for one in hints] == [True, False, True, False, False, False]
    assert [one.labels for one in hints[3:]] == [
        ("Gesendet", "Wichtig", "Geöffnet"),
        ("Inbox", "a, b", "Spam"),
        ("Chat",),
    ]
    assert [one.role for one in hints] == ["archive"] * 3 + ["sent", "spam", "chats"]
    assert [one.sent for one in hints] == [None, None, None, True, False, None]


def test_a_letter_that_is_too_large_is_named_and_the_next_one_read() -> None:
    large = letter("large", "x" * 70 + "\n") + (b"y" * 71 + b"\n") * 60_000
    data = mbox_of([A, large, B])
    pieces = list(mbox.pieces(io.BytesIO(data), largest=1 << 20))
    assert [piece.data for piece in pieces] == [A, None, B]
    assert (pieces[1].offset, pieces[1].end) == (len(mbox_of([A])), len(mbox_of([A, large])))


def test_it_goes_on_in_a_file_that_grew_and_begins_again_in_one_that_was_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "box.mbox"
    path.write_bytes(mbox_of([A, B]))
    source = archive(path)
    last = list(source.items())[-1].cursor
    path.write_bytes(mbox_of([A, B, C]))
    assert [one.data for one in source.items(last) if isinstance(one, Item)] == [C]
    for rewritten in ([B], [letter("much longer than it was") + A, B, C]):
        path.write_bytes(mbox_of(rewritten))
        assert [one.data for one in source.items(last) if isinstance(one, Item)] == rewritten


def test_pieces_cover_the_file_without_gaps() -> None:
    data = b"\n" + mbox_of([A, QUOTED, b"", B])
    pieces = list(mbox.pieces(io.BytesIO(data)))
    assert pieces[0].offset == 1
    assert all(one.end == two.offset for one, two in pairwise(pieces))
    assert pieces[-1].end == len(data)


class Trickle(io.RawIOBase):
    """A stream that cannot seek and gives a few octets at a time, as a pipe may."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(min(size, 997))


def test_streams_that_cannot_seek_go_on_all_the_same() -> None:
    data = mbox_of([A, B, C])
    ends = [piece.end for piece in mbox.pieces(Trickle(data))]
    assert [piece.data for piece in mbox.pieces(Trickle(data), ends[1])] == [C]
    with pytest.raises(mbox.Changed):
        list(mbox.pieces(Trickle(data), ends[1] + 1))
    with pytest.raises(mbox.Changed):
        list(mbox.pieces(Trickle(data), len(data) + 1))


def test_the_dialect_is_decided_by_the_file() -> None:
    assert mbox.survey(mbox_of([A, B])) == mbox.Dialect(Quoting.ANY)
    assert mbox.survey(mbox_of([with_length(b"x\n")] * 3)) == mbox.Dialect(Quoting.ANY, lengths=True)
    assert mbox.survey(mbox_of([letter("a", "From me\n")])) == mbox.Dialect(Quoting.NONE)


PIECES = st.sampled_from(
    [b"From ", b">", b"\n", b"\r\n", b"\n\n", b"From ada Thu Jan  1 00:00:00 1970\n", b"a: b\n", b"x", b"\xff"]
)
LETTERS = st.lists(st.lists(PIECES, min_size=1, max_size=12).map(b"".join), min_size=1, max_size=6)


@settings(max_examples=60)
@given(LETTERS)
def test_what_is_written_as_mboxrd_is_read_as_it_was(letters: list[bytes]) -> None:
    data = b"".join(mboxrd.entry(one, "ada@letters.test", WHEN) for one in letters)
    read_again = list(mbox.pieces(io.BytesIO(data), 0, mbox.MBOXRD))
    assert [piece.data for piece in read_again] == letters
    for number, piece in enumerate(read_again):
        rest = mbox.pieces(io.BytesIO(data), piece.end, mbox.MBOXRD)
        assert [one.data for one in rest] == letters[number + 1 :]


@settings(max_examples=60)
@given(st.lists(PIECES | st.binary(max_size=8) | st.just(b"Content-Length: 5\n"), max_size=40).map(b"".join))
def test_nothing_in_a_file_makes_reading_fail_or_leaves_anything_out(data: bytes) -> None:
    pieces = list(mbox.pieces(io.BytesIO(data)))
    assert all(one.end == two.offset for one, two in pairwise(pieces))
    if pieces:
        assert pieces[-1].end == len(data)
        assert not data[: pieces[0].offset].removeprefix(b"\xef\xbb\xbf").strip(b"\r\n")
