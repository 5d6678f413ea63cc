"""The formats one by one: names, front matter, cards, lists, the mbox rule, and the index of the archive."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dearly.exchange
from dearly.exchange import export_cmif, export_markdown, export_names, export_vcard, mboxrd
from dearly.exchange.export_html_index import bucket, findable, words
from dearly.exchange.export_opened import opened_copy
from dearly.letter.content import Enclosure
from dearly.letter.leaving import (
    Leaving,
    LeavingAddress,
    LeavingBinding,
    LeavingOwnAddress,
    LeavingPerson,
    Member,
    Named,
    Owner,
)

WHEN = datetime(1998, 5, 3, 23, 30, tzinfo=timezone(timedelta(hours=2)))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
LETTER = Leaving(
    number=12,
    uid="ab" * 16,
    direction="in",
    letter_id="x@letters.test",
    letter_no=None,
    date=WHEN,
    filed=NOW,
    subject="A: “b”\x07\u2028c",
    text="Text",
    commonmark=False,
    named=(Named("from", "Bert", "bert@letters.test", "12" * 16, "Bert / Ö"), Named("to", "", "ada@letters.test")),
    ways=("mail",),
    seal="signed_pinned",
)
OWNER = Owner("cd" * 16, "Ada", (LeavingOwnAddress("01" * 16, "ada@letters.test", NOW),))


@given(st.binary(max_size=200) | st.lists(st.sampled_from([b"From ", b">", b"\n", b"x", b"\r\n"])).map(b"".join))
def test_the_mbox_rule_can_be_undone(data: bytes) -> None:
    quoted = mboxrd.quote(data)
    assert mboxrd.unquote(quoted) == data
    assert not re.search(rb"(?m)^From ", quoted)


def test_the_line_before_a_letter() -> None:
    assert mboxrd.from_line("bert@letters.test", WHEN) == b"From bert@letters.test Sun May  3 21:30:00 1998\n"
    assert mboxrd.from_line("", WHEN).startswith(b"From MAILER-DAEMON ")
    assert mboxrd.from_line("a b\nFrom c", WHEN).startswith(b"From abFromc Sun")
    assert mboxrd.entry(b"x\n", "a@b", WHEN).endswith(b"\nx\n\n")


def test_names_tell_and_never_meet() -> None:
    assert export_names.letter_stem(LETTER) == "1998-05-03-from-bert-ö-12"
    odd = [Enclosure(name, "x/y", b"") for name in ("a.TXT", "A.txt", "../a.txt", "", "con", "\u202ex.exe")]
    names = export_names.enclosure_names(odd)
    assert len({name.casefold() for name in names}) == len(names)
    assert names[:3] == ["a.TXT", "A 2.txt", "a 3.txt"]
    assert not any(set(name) & set('/\\:*?"<>|\x00\u202e') for name in names)


def test_an_enclosed_page_is_no_page_of_the_archive() -> None:
    """Beside the index of words, which is scripts, an HTML or SVG file could read every letter and carry it away."""
    harmless = ["a.jpg", "b.pdf", "c.txt", "d", "e.docx", "html", "f.html.zip", "g.xlsx"]
    run_by_browsers = ["a.html", "b.HTM", "c.xhtml", "d.svg", "e.svgz", "f.xml", "g.mht", "h.shtml", "i.rss", "j.html."]
    odd = [Enclosure(one, "image/png", b"") for one in (*harmless, *run_by_browsers, "a.html.txt", "x" * 200 + ".svg")]
    names = export_names.enclosure_names(odd, beside_pages=True)
    assert names[: len(harmless)] == harmless
    assert all(one.endswith(".txt") and len(one) <= 120 for one in names[len(harmless) :])
    assert len(set(names)) == len(names)


def test_no_text_becomes_another_key() -> None:
    hostile = replace(LETTER, subject='x"\n---\nseal: signed_verified', letter_id="a\nb: c")
    head = export_markdown.letter_file(hostile, "Ada", "s", []).split("---\n", 2)[1]
    lines = head.splitlines()
    assert [line for line in lines if line.startswith("seal:")] == ['seal: "signed_pinned"']
    assert all(json.loads(line.split(": ", 1)[1]) is not None for line in lines)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=http://far.test>", "\\<img src=http://far.test>"),
        ("<!-- x --> </p> <?x?>", "\\<!-- x --> \\</p> \\<?x?>"),
        ("<https://example.org/a> 1 < 2", "<https://example.org/a> 1 < 2"),
        ("![a](http://far.test)", "\\![a](http://far.test)"),
        ("![a][far] ![b](cid:mine)", "\\![a][far] ![b](cid:mine)"),
    ],
)
def test_text_of_others_is_tamed(text: str, shown: str) -> None:
    assert export_markdown.tamed(text) == shown


def test_taming_is_quick_on_what_was_made_to_be_slow() -> None:
    for hostile in ("![" * 50_000, "<" * 100_000, "<a" * 50_000, "![x](cid:" * 20_000):
        assert export_markdown.tamed(hostile)


def test_another_programs_lines_end_where_they_ended() -> None:
    letter = replace(LETTER, text="one\ntwo\n\nthree\n")
    assert export_markdown.letter_file(letter, "Ada", "s", []).endswith("---\n\none  \ntwo\n\nthree\n")


def test_a_card_keeps_times_and_keys() -> None:
    person = LeavingPerson(
        "12" * 16,
        "household",
        "Bert; & Co",
        "--02-29",
        "two\nlines",
        False,
        None,
        NOW,
        (
            LeavingAddress("1" * 32, "email", "bert@letters.test"),
            LeavingAddress("2" * 32, "email", "old@letters.test", until=datetime(2020, 1, 1, tzinfo=UTC)),
            LeavingAddress("3" * 32, "postal", 'Main "St" 1\nLisbon', care_of="Dora", country="PT"),
        ),
        (Member("34" * 16, NOW), Member("35" * 16, NOW, until=NOW)),
        (LeavingBinding("aa", "k", "verified", "card", NOW, NOW), LeavingBinding("bb", "k", "left", "card", NOW, NOW)),
    )
    lines = export_vcard.card(person, {"aa": b"key", "bb": b"old"}, NOW).replace("\r\n ", "").split("\r\n")
    assert lines[:5] == [
        "BEGIN:VCARD",
        "VERSION:4.0",
        "UID:urn:uuid:12121212-1212-1212-1212-121212121212",
        "KIND:group",
        "FN:Bert\\; & Co",
    ]
    assert "EMAIL:bert@letters.test" in lines
    assert "X-DEARLY-ADDRESS:email\\; old@letters.test\\; until=2020-01-01" in lines
    assert 'ADR;LABEL="c/o Dora^nMain ^\'St^\' 1^nLisbon":;;c/o Dora\\, Main "St" 1\\, Lisbon;;;;PT' in lines
    assert "BDAY:--0229" in lines
    assert "NOTE:two\\nlines" in lines
    assert [line for line in lines if line.startswith("KEY")] == ["KEY:data:application/pgp-keys;base64,a2V5"]


def test_the_list_is_xml_whatever_the_names_are() -> None:
    odd = replace(LETTER, named=(Named("from", "<b>&\x00\ufffe", "b@letters.test"),))
    whole = export_cmif.head(OWNER, NOW) + export_cmif.letters([LETTER, odd], OWNER) + export_cmif.tail()
    tei = "{http://www.tei-c.org/ns/1.0}"
    found = [one.text for one in ET.fromstring(whole).iter(f"{tei}persName")]
    assert found == ["Bert / Ö", "Ada", "<b>&", "Unknown"]


def test_an_opened_copy_of_theirs_parses_nothing_and_takes_anything() -> None:
    odd = replace(
        LETTER,
        letter_id="not an id\n",
        named=(Named("from", "B\nBcc: x@y", "bert@letters.test"),),
        html="<p>Text</p>",
        enclosures=(Enclosure("a\nb", "multipart/x", b"1", "<odd id>"),),
        in_reply_to="also not",
    )
    head, _gap, body = opened_copy(odd).partition(b"\r\n\r\n")
    assert head.startswith(b"Letter-Opened-Copy: seal=signed_pinned; number=12; made-by=Dearly\r\n")
    assert b"\r\nBcc" not in head
    assert b"Message-ID" not in head
    assert body.count(b"Content-Type: text/html") == 1


SAMPLES = [
    "Grüße, STRAẞE und Maße",
    "日本語の手紙 and ภาษาไทย",
    "Ὀδυσσεύς naïve ½ ²x",
    "a_b-c don't 1998",
    "ﬁn İstanbul",
]


def test_words_are_folded() -> None:
    assert words("Grüße, GRÜSSE") == {"grusse"}
    assert words("日本語") == {"日本", "本語"}
    assert findable("日本語 and 夏") == {"日本", "本語", "日", "本", "語", "夏", "and"}
    assert 0 <= bucket("a") < 256


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_page_folds_words_as_we_do() -> None:
    """The script's own function, taken out of the file, in a real engine."""
    script = (Path(dearly.exchange.__file__).parent / "page" / "search.js").read_text()
    parts = [
        re.search(rf"  {name}.*?\n(?:  }}\n|(?=\n))", script, re.S) for name in ("function terms", "function bucket")
    ]
    regex = re.search(r"const NO_BLANKS = .*", script)
    assert regex is not None
    code = regex[0] + "const BUCKETS = 256;" + "".join(part[0] for part in parts if part is not None)
    code += f"console.log(JSON.stringify({json.dumps(SAMPLES)}.map(s => terms(s).map(w => [w, bucket(w)]))))"
    told = json.loads(subprocess.run(["node", "-e", code], check=True, capture_output=True).stdout)
    assert [{tuple(pair) for pair in of} for of in told] == [{(w, bucket(w)) for w in words(s)} for s in SAMPLES]
