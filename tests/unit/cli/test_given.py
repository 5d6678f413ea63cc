"""What people give: secrets, texts, files, days."""

from pathlib import Path

import pytest
from tests.support.door import FakeTerminal

from dearly.cli import given
from dearly.cli.errand import Errand
from dearly.letter.errors import DearlyError, NotFound, Refused, Usage


def _errand(**files: bytes) -> Errand:
    return Errand(FakeTerminal(files={"-" if n == "stdin" else n: data for n, data in files.items()}), lambda: None)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b"two words", "two words"),
        (b"two words\n", "two words"),
        (b"two words\r\n", "two words"),
        (b"two words\n\n", "two words\n"),
        (b" two words ", " two words "),
        ("größe\n".encode(), "größe"),
    ],
)
def test_one_line_end_is_not_part_of_a_secret(written: bytes, meant: str) -> None:
    assert given.secret_from(_errand(p=written), "p", "the passphrase") == meant


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o777])
def test_a_secret_that_others_can_read_is_refused(mode: int) -> None:
    errand = _errand(p=b"secret")
    errand.terminal.modes["p"] = mode
    with pytest.raises(Refused) as caught:
        given.secret_from(errand, "p", "the passphrase")
    assert caught.value.code == "file_readable_by_others"
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_secret_of_ones_own(mode: int) -> None:
    errand = _errand(p=b"secret")
    errand.terminal.modes["p"] = mode
    assert given.secret_from(errand, "p", "the passphrase") == "secret"


@pytest.mark.parametrize("written", [b"", b"\n", b"\r\n"])
def test_an_empty_secret(written: bytes) -> None:
    with pytest.raises(Usage, match="empty"):
        given.secret_from(_errand(p=written), "p", "the passphrase")


def test_a_secret_that_is_no_text() -> None:
    with pytest.raises(Usage, match="The passphrase is not written in UTF-8"):
        given.secret_from(_errand(p=b"\xff\xfe"), "p", "the passphrase")


def test_a_picture_named_by_mistake() -> None:
    with pytest.raises(Refused, match="larger"):
        given.secret_from(_errand(p=b"x" * 1_000_000), "p", "the passphrase")


def test_standard_input_is_one_thing_only() -> None:
    errand = _errand(stdin=b"text")
    given.letter_text(errand, "-")
    with pytest.raises(Usage, match="both the text of the letter and the passphrase"):
        given.secret_from(errand, "-", "the passphrase")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b"Dear Bert,\n", "Dear Bert,\n"),
        (b"\xef\xbb\xbfDear Bert,\r\nall is well.\r\n", "Dear Bert,\nall is well.\n"),
        ("Ünïcödé 💌".encode(), "Ünïcödé 💌"),
        (b"", ""),
    ],
)
def test_the_text_of_a_letter(written: bytes, meant: str) -> None:
    assert given.letter_text(_errand(f=written), "f") == meant
    assert given.letter_text(_errand(stdin=written), None) == meant


@pytest.mark.parametrize(("written", "byte"), [(b"Dear \xff", 6), (b"\xc3", 1), (b"ok\xed\xa0\x80", 3), (b"a\0b", 2)])
def test_a_text_that_is_none_says_where(written: bytes, byte: int) -> None:
    with pytest.raises(Usage, match=f"byte {byte} "):
        given.letter_text(_errand(f=written), "f")


def test_a_text_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given, "MOST_TEXT", 1000)
    with pytest.raises(Refused) as caught:
        given.letter_text(_errand(f=b"x" * 1001), "f")
    assert caught.value.code == "too_large"


def test_writing_at_a_terminal_says_how_to_end() -> None:
    errand = _errand(stdin=b"text")
    errand.terminal.in_tty = True
    given.letter_text(errand, None)
    assert "Ctrl-D" in errand.terminal.complained


def test_enclosures() -> None:
    errand = _errand(**{"here/garden.JPG": b"1", "notes.txt": b"22", "what": b"", "x.tar.gz": b"4", "stdin": b"5"})
    found = given.enclosures(errand, ["here/garden.JPG", "notes.txt", "what", "x.tar.gz", "-"])
    assert [(e.name, e.media_type, e.data) for e in found] == [
        ("garden.JPG", "image/jpeg", b"1"),
        ("notes.txt", "text/plain", b"22"),
        ("what", "application/octet-stream", b""),
        ("x.tar.gz", "application/octet-stream", b"4"),
        ("standard input", "application/octet-stream", b"5"),
    ]


def test_no_more_is_read_than_a_letter_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given, "MOST_ENCLOSED", 10)
    assert len(given.enclosures(_errand(a=b"x" * 4, b=b"x" * 6), ["a", "b"])) == 2
    with pytest.raises(Refused):
        given.enclosures(_errand(a=b"x" * 4, b=b"x" * 7), ["a", "b"])


def test_the_name_of_an_enclosure_is_one_line_of_text() -> None:
    errand = _errand()
    name = b"a\nb\xff\x1b[31m.txt".decode("utf-8", "surrogateescape")
    errand.terminal.files[name] = b"x"
    assert given.enclosures(errand, [name])[0].name == "a b\ufffd[31m.txt"


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (FileNotFoundError(2, "?"), NotFound, "no file"),
        (NotADirectoryError(20, "?"), NotFound, "no file"),
        (IsADirectoryError(21, "?"), Usage, "is a folder"),
        (PermissionError(13, "?"), Usage, "not allowed"),
        (OSError(28, "?"), DearlyError, "full"),
        (OSError(5, "I/O error"), Usage, "I/O error"),
        (OSError("strange"), Usage, "cannot be used"),
    ],
)
def test_files_that_cannot_be_used_have_one_sentence(error: OSError, kind: type[DearlyError], says: str) -> None:
    trouble = given.file_trouble(error, "a\x1b[2Jb\u202e.txt")
    assert isinstance(trouble, kind)
    assert says in trouble.message
    assert "a[2Jb.txt" in trouble.message


@pytest.mark.parametrize("text", ["2031-05-01", "2028-02-29"])
def test_a_day(text: str) -> None:
    assert given.day(text).isoformat() == text


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2031-5-1", "01.05.2031", "2031-02-30", "2031-05-01T10:00", "２０３１-05-01"]
)
def test_no_day(text: str) -> None:
    with pytest.raises(Usage) as caught:
        given.day(text)
    assert caught.value.code == "bad_date"


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    errand = Errand(FakeTerminal(cwd=str(tmp_path)), lambda: None)
    assert given.make_folder(errand, "letters") == tmp_path / "letters"
    assert (tmp_path / "letters").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    for wrong in ("file", "not/there"):
        with pytest.raises(DearlyError):
            given.make_folder(errand, wrong)
