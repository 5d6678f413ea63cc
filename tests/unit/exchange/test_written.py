"""Letters in text files and scans: what their heads and names say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dearly.exchange import export_markdown, frontmatter, scans, written
from dearly.exchange.archive import Archive, Precision, Written
from dearly.exchange.found import Said
from dearly.letter.content import Enclosure
from dearly.letter.leaving import Leaving, Named
from tests.support.foreign_archives import archive, codes, everything, letter

JPEG, PDF, PNG = b"\xff\xd8\xff\xe0page", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n"


def texts(source: Archive) -> list[Written]:
    found = everything(source)
    assert all(isinstance(one, Written) for one in found), found
    return [one for one in found if isinstance(one, Written)]


def read(text: str, name: str = "x.md") -> written.Text:
    return written.read(name, text.encode(), lambda _path: None)


def test_a_head_as_people_write_it() -> None:
    got = read(
        "---\n"
        "# my aunt\n"
        "From: Clara Müller <clara@letters.test>\n"
        "to:\n  - Ada   # me\n  - 'Bert''s'\n"
        'cc: [Dora, "Ein, Stein" ]\n'
        'date: 1987-05\nsubject: "A \\u201cnew\\u201d: house"\nplace: Lindau\nlang: de\ndirection: received\n'
        "mood: so: so\nnothing:\n"
        "---\n\nDear Ada,\n---\nall is well.\n"
    )
    assert got.text == "Dear Ada,\n---\nall is well.\n"
    assert got.said == Said(
        sender="Clara Müller <clara@letters.test>",
        to=("Ada", "Bert's"),
        cc=("Dora", "Ein, Stein"),
        date=written.read_when("1987-05"),
        subject="A “new”: house",
        place="Lindau",
        language="de",
        direction="in",
        also=(("mood", "so: so"), ("nothing", "")),
    )


@pytest.mark.parametrize(
    "head",
    [
        "a: &x 1",
        "a: *x",
        "a: !!python/object x",
        "a: |\n  more",
        "a:\n  b: c",
        "a: {b: c}",
        "a: [b, [c]]",
        "a: [b",
        "a: [b] c",
        'a: "b',
        'a: "b" c',
        'a: "\\ud800"',
        "a: 1\na: 2",
        "- a",
        "a: b\n- c",
        "a\nb: c",
        "? a",
    ],
)
def test_what_is_more_than_a_head_stays_text(head: str) -> None:
    text = f"---\n{head}\n---\nDear Ada\n"
    assert frontmatter.split(text) == ({}, text)


def test_a_head_without_end_or_end_of_file_right_after() -> None:
    assert frontmatter.split("---\na: b\nDear Ada\n") == ({}, "---\na: b\nDear Ada\n")
    assert frontmatter.split("---\na: b\n---") == ({"a": "b"}, "")
    assert frontmatter.split("Dear Ada\n---\n") == ({}, "Dear Ada\n---\n")


@pytest.mark.parametrize(
    ("text", "moment", "precision"),
    [
        ("1987", datetime(1987, 1, 1, 12, tzinfo=UTC), Precision.YEAR),
        ("1987-05", datetime(1987, 5, 1, 12, tzinfo=UTC), Precision.MONTH),
        ("1987-05-12", datetime(1987, 5, 12, 12, tzinfo=UTC), Precision.DAY),
        ("1987-05-12T10:00:00+02:00", datetime(1987, 5, 12, 8, tzinfo=UTC), Precision.TIME),
        ("Tue, 12 May 1987 10:00:00 +0200", datetime(1987, 5, 12, 8, tzinfo=UTC), Precision.TIME),
    ],
)
def test_dates(text: str, moment: datetime, precision: Precision) -> None:
    when = written.read_when(text)
    assert when is not None
    assert (when.moment, when.precision) == (moment, precision)
    assert when.moment.tzinfo is not None


@pytest.mark.parametrize(
    "text", ["", "soon", "1987-13", "1987-02-30", "0000", "1987-5", "1" * 5000, "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_date(text: str) -> None:
    assert written.read_when(text) is None


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("1987-05-12 Clara.md", Precision.DAY),
        ("Clara 1987-05.txt", Precision.MONTH),
        ("clara_1987.md", Precision.YEAR),
        ("19870512.md", None),
        ("1987-05-12-3.md", None),
        ("0123-05-12.md", None),
        ("1987-02-31.md", None),
        ("IMG_2034567.jpg", None),
    ],
)
def test_dates_in_names(name: str, precision: Precision | None) -> None:
    when = written.date_in_name(name)
    assert (when.precision if when else None) == precision


def test_text_files_of_any_charset_are_kept_as_they_are(tmp_path: Path) -> None:
    text = "Grüße aus Lindau\r\n"
    for name, charset in (("1.txt", "utf-8"), ("2.txt", "utf-8-sig"), ("3.txt", "utf-16"), ("4.txt", "cp1252")):
        (tmp_path / name).write_bytes(text.encode(charset))
    got = texts(archive(tmp_path))
    assert [one.text for one in got] == ["Grüße aus Lindau\n"] * 4
    assert [one.original for one in got] == [(tmp_path / f"{n}.txt").read_bytes() for n in range(1, 5)]
    assert not any(one.markdown for one in got)


def test_a_readme_and_an_empty_file_are_no_letters(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("What is what")
    (tmp_path / "a.txt").write_text(" \n")
    (tmp_path / "b.txt").write_text("Dear Ada\n")
    found = everything(archive(tmp_path))
    assert codes(found) == ["empty"]
    assert len(found) == 2


def test_what_dearly_writes_as_markdown_is_read_back(tmp_path: Path) -> None:
    names = ["Bild 1.jpg", "notes.pdf"]
    given_letter = _leaving(tuple(Enclosure(name, "x/y", data) for name, data in zip(names, (JPEG, PDF), strict=True)))
    stem = "1998-05-03-from-clara-12"
    (tmp_path / f"1998/{stem}").mkdir(parents=True)
    text = export_markdown.letter_file(given_letter, "Ada", stem, names)
    (tmp_path / f"1998/{stem}.md").write_text(text)
    (tmp_path / f"1998/{stem}/{names[0]}").write_bytes(JPEG)
    (tmp_path / f"1998/{stem}/{names[1]}").write_bytes(PDF)
    (one,) = texts(archive(tmp_path))
    said = one.said
    assert (said.letter_id, said.number, said.letter_no, said.direction) == ("abc@letters.test", 12, 3, "in")
    assert (said.sender, said.to) == ("Clara <clara@letters.test>", ("Ada <ada@letters.test>",))
    assert said.date is not None
    assert said.date.moment == given_letter.date
    assert (said.subject, said.way, said.in_reply_to) == ('Of "quotes": and\\more', "mail", "xyz@letters.test")
    assert one.text == "Dear Ada,\n\nall is well.\n"
    assert [(page.name, page.media_type, page.data) for page in one.pages] == [
        ("Bild 1.jpg", "image/jpeg", JPEG),
        ("notes.pdf", "application/pdf", PDF),
    ]


def test_an_unfinished_page_is_marked(tmp_path: Path) -> None:
    (tmp_path / "draft-7.md").write_text('---\nnumber: 7\ndraft: "page"\nto: ["Bert"]\n---\n\nDear Bert\n')
    assert [one.hints.draft for one in texts(archive(tmp_path))] == [True]


def _leaving(enclosures: tuple[Enclosure, ...]) -> Leaving:
    when = datetime(1998, 5, 3, 10, tzinfo=UTC)
    return Leaving(
        number=12,
        uid="u",
        direction="in",
        letter_id="abc@letters.test",
        letter_no=3,
        date=when,
        filed=when,
        subject='Of "quotes": and\\more',
        text="Dear Ada,\n\nall is well.\n",
        commonmark=True,
        named=(Named("from", "Clara", "clara@letters.test"), Named("to", "Ada", "ada@letters.test")),
        ways=("mail",),
        in_reply_to="xyz@letters.test",
        enclosures=enclosures,
    )


def test_enclosures_never_come_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    inside = tmp_path / "in"
    (inside / "a").mkdir(parents=True)
    (inside / "a/ok.bin").write_bytes(b"ok")
    (inside / "a/link.bin").symlink_to(tmp_path / "secret.txt")
    (inside / "out").symlink_to(tmp_path)
    paths = [
        "a/ok.bin",
        "a/link.bin",
        "out/secret.txt",
        "../secret.txt",
        str(tmp_path / "secret.txt"),
        "a/\\u0000",
        "a",
    ]
    listed = ", ".join(f'"{path}"' for path in paths)
    (inside / "a.md").write_text(f"---\nenclosures: [{listed}]\n---\nDear Ada\n")
    one = next(found for found in archive(inside).items() if isinstance(found, Written))
    assert [page.data for page in one.pages] == [b"ok"]
    assert len(one.lacking) == len(paths) - 1


def test_enclosures_together_are_no_heavier_than_a_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """One large file that is named two hundred times would be in memory as often."""
    monkeypatch.setattr(written, "HEAVIEST", 25)
    head = "---\nenclosures: [big, big, big, small]\n---\nText"
    got = written.read("x.md", head.encode(), lambda path: b"x" * (4 if path == "small" else 10))
    assert ([page.name for page in got.pages], got.lacking) == (["big", "big", "small"], ("big",))


def test_a_folder_called_like_a_text_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "Clara").mkdir()
    (tmp_path / "Clara.md").write_text("Notes about Clara\n")
    (tmp_path / "Clara/1987-05-12.md").write_text("Dear Ada\n")
    (tmp_path / "Clara/1988 page.jpg").write_bytes(JPEG)
    assert len(texts(archive(tmp_path))) == 3


def test_scans_whose_names_count_up_are_pages_of_one_letter(tmp_path: Path) -> None:
    for number in range(1, 12):
        (tmp_path / f"1987-05-12 Clara {number}.jpg").write_bytes(JPEG + bytes([number]))
    for name, data in (("IMG_0001.jpg", JPEG), ("IMG_0002.jpg", JPEG), ("Bert.pdf", PDF), ("1990-01.png", PNG)):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "1991 Dora 1.jpg").write_bytes(b"no picture")
    (tmp_path / "1991 Dora 2.jpg").write_bytes(JPEG)
    (tmp_path / "old.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "old.tif").write_bytes(b"II*\0")
    found = everything(archive(tmp_path))
    letters = [one for one in found if isinstance(one, Written)]
    assert {one.hints.shown: len(one.pages) for one in letters} == {
        "1987-05-12 Clara 1.jpg": 11,
        "1990-01.png": 1,
        "1991 Dora 2.jpg": 1,
        "Bert.pdf": 1,
        "IMG_0001.jpg": 1,
        "IMG_0002.jpg": 1,
        "old.heic": 1,
        "old.tif": 1,
    }
    assert codes(found) == ["not_a_letter"]
    assert [page.data[-1] for page in letters[0].pages] == list(range(1, 12))
    assert letters[0].said.date == written.read_when("1987-05-12")
    assert [one.pages[0].media_type for one in letters[-2:]] == ["image/heic", "image/tiff"]


def test_a_folder_of_scans_is_one_letter_by_word(tmp_path: Path) -> None:
    folder = tmp_path / "1987-05-12 Clara"
    folder.mkdir()
    for number in (10, 2, 1):
        (folder / f"IMG_{number}.jpg").write_bytes(JPEG + bytes([number]))
    (one,) = texts(archive(folder, "scan"))
    assert [page.name for page in one.pages] == ["IMG_1.jpg", "IMG_2.jpg", "IMG_10.jpg"]
    assert one.said.date == written.read_when("1987-05-12")
    (single,) = texts(archive(folder / "IMG_10.jpg"))
    assert [page.name for page in single.pages] == ["IMG_10.jpg"]


@pytest.mark.parametrize(
    ("name", "stem", "number"),
    [
        ("Clara 1.jpg", "clara", 1),
        ("Clara-page-02.jpg", "clara", 2),
        ("Clara (3).jpg", "clara", 3),
        ("1987-05-12 4.jpg", "1987-05-12", 4),
        ("Clara Seite 5.jpg", "clara", 5),
    ],
)
def test_names_that_count(name: str, stem: str, number: int) -> None:
    count = scans.numbered(name)
    assert count is not None
    assert (count.stem, count.number) == (stem, number)


@pytest.mark.parametrize("name", ["Clara.jpg", "1987-05-12.jpg", "IMG_001.jpg", "scan 12.jpg", "12.jpg", "1987-05.pdf"])
def test_names_that_do_not(name: str) -> None:
    assert scans.numbered(name) is None


def test_gaps_and_later_beginnings_keep_scans_apart() -> None:
    assert scans.letters(["Clara 1.jpg", "Clara 3.jpg"]) == [["Clara 1.jpg"], ["Clara 3.jpg"]]
    assert scans.letters(["Clara 4.jpg", "Clara 5.jpg"]) == [["Clara 4.jpg"], ["Clara 5.jpg"]]
    assert scans.letters(["Clara 1.jpg", "Clara 2.pdf"]) == [["Clara 1.jpg"], ["Clara 2.pdf"]]


@settings(max_examples=80)
@given(st.text(st.sampled_from("-[]:,\"'#\n \\uabd8&|>…\0"), max_size=60))
def test_no_head_makes_reading_fail_or_loses_text(inner: str) -> None:
    data = f"---\n{inner}\n---\nDear Ada\n"
    got = written.read("x.md", data.encode(), lambda _path: None)
    assert got.text.endswith("Dear Ada\n")


def test_mail_saved_as_text_is_mail(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(letter("a").replace(b"From: Ada", b"Received: by x\nFrom: Ada", 1))
    assert archive(tmp_path / "a.txt").format == "eml"


def test_a_head_without_marks() -> None:
    """As old letters are printed, and as mail programs save them."""
    head = "From: Clara\nTo: Ada\nPlace: Lindau\nDate: 1861-07-14\n"
    got = read(head + "\nDear Ada,\n\nall is well.\n", "x.txt")
    assert (got.said.sender, got.said.to, got.said.place) == ("Clara", ("Ada",), "Lindau")
    assert got.said.date == written.read_when("1861-07-14")
    assert got.text == "Dear Ada,\n\nall is well.\n"
    for letter_text in (
        "From: here on I write by hand.\n\nDear Ada\n",  # one line may be how a letter begins
        head + "Mood: good\n\nDear Ada\n",  # of a key that nobody knows
        head + "Dear Ada\n",  # and no empty line
        "Date: 1861\nPlace: Lindau\n\nDear Ada\n",  # of nobody
        "To: Ada\nDate: [1861\n\nDear Ada\n",
    ):
        assert read(letter_text, "x.txt").text == letter_text
