"""Rendering: exact, the same every time, safe to carry, and with no way for a text to become a header field (A24)."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure, LetterId
from dearly.letter.errors import Usage
from dearly.letter.sealing import Headers
from dearly.mime import autocrypt, pgpmime
from dearly.mime.read import compare_headers, outline, readable
from dearly.mime.write import outer_headers, render
from tests.support import parcels
from tests.support.letters import ADA, BERT, BINARY, CERTIFICATE, CLARA, DORA, PICTURE, RECIPE, a_letter

INJECTIONS = ["a\r\nBcc: eve@evil.test", "a\nb", "a\rb", "a\0b", "a\x7fb", "a\u2028b", "a\u2029b", "a\x85b", "\ud800"]


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_text_becomes_a_field(text: str) -> None:
    address = BERT.address
    for letter in (
        a_letter(subject=text),
        a_letter(sender=replace(ADA, name=text)),
        a_letter(to=(Correspondent(text, address),)),
        a_letter(enclosures=(Enclosure(text, "text/plain", b""),)),
        a_letter(letter_id=LetterId(f"{text}@letters.test")),
        a_letter(enclosures=(Enclosure("x", "image/png", b"", cid=text),)),
    ):
        with pytest.raises(Usage) as caught:
            render(letter)
        assert caught.value.code == "bad_text"


@pytest.mark.parametrize("odd", ["a\r\nX: y", "a b", "<a>", "é@x", "", "x" * 1000])
def test_foreign_ids_that_cannot_stand_in_a_header_are_left_out(odd: str) -> None:
    good = LetterId("good@letters.test")
    rendered = render(a_letter(in_reply_to=LetterId(odd), references=(LetterId(odd), good)))
    assert b"\r\nIn-Reply-To:" not in rendered
    assert outline(rendered).references == (good,)


def test_long_chains_keep_their_first_and_last() -> None:
    ids = tuple(LetterId(f"{n}@letters.test") for n in range(500))
    assert outline(render(a_letter(references=ids))).references == (ids[0], *ids[-50:])


@pytest.mark.parametrize(
    "media_type", ["text/plain\r\nX: y", "nonsense", "", "a/b/c", "message/rfc822", "multipart/mixed"]
)
def test_types_that_cannot_be_enclosed_become_octets(media_type: str) -> None:
    rendered = render(a_letter(enclosures=(Enclosure("x.bin", media_type, b"data"),)))
    (found,) = readable(rendered, outline(rendered)).enclosures
    assert (found.media_type, found.data) == ("application/octet-stream", b"data")


def test_half_a_character_is_refused() -> None:
    with pytest.raises(Usage):
        render(a_letter("a\ud83db"))


def test_the_same_letter_has_the_same_bytes_and_another_has_other_boundaries() -> None:
    letter = a_letter(enclosures=(RECIPE,))
    assert render(letter) == render(letter)
    found = {outline(render(one)).root.parameters["boundary"] for one in (letter, a_letter("x", enclosures=(RECIPE,)))}
    assert len(found) == 2


def test_text_lines_are_safe_everywhere() -> None:
    nasty = "From x\n.\n..\n--\n" + "é" * 300 + "\n" + " " * 200 + "\n" + "=" * 100 + "\r\r\n\t\n.From \0" + "y" * 5000
    rendered = render(a_letter(nasty, enclosures=(BINARY,)))
    assert readable(rendered, outline(rendered)).text == nasty
    for line in rendered.split(b"\r\n"):
        assert len(line) <= 78
        assert re.match(rb"[\t -~]*\Z", line)
        assert not line.endswith((b" ", b"\t"))
        assert not line.startswith((b"From ", b"."))


def test_binary_enclosures_stand_as_they_are() -> None:
    rendered = render(a_letter(enclosures=(BINARY,)), binary=True)
    assert BINARY.data in rendered
    assert readable(rendered, outline(rendered)).enclosures == (BINARY,)


def test_pictures_stand_with_their_text_only_if_it_shows_them() -> None:
    shown = outline(render(a_letter("![x](cid:harbour@letters.test)", enclosures=(PICTURE, RECIPE))))
    assert [one.content_type for one in shown.parts] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "text/plain",
    ]
    unused = outline(render(a_letter("no picture", enclosures=(PICTURE,))))
    assert [one.content_type for one in unused.parts] == ["multipart/mixed", "text/plain", "image/png"]


def test_our_letters_never_fetch_anything() -> None:
    linked = "[![b](https://evil.test/y.png)](https://evil.test/)"
    rendered = render(a_letter(f"![a](http://evil.test/x.png) {linked} ![c](cid:nobody) ![d](//evil.test)"))
    html = readable(rendered, outline(rendered)).html
    assert html is not None
    assert "<img" not in html
    assert '<a href="http://evil.test/x.png">a</a>' in html


def test_markup_of_the_writer_is_escaped() -> None:
    rendered = render(a_letter("*x* <script>alert(1)</script> [y](javascript:alert(1))"))
    html = readable(rendered, outline(rendered)).html
    assert html is not None
    assert "<script" not in html
    assert "href" not in html


@pytest.mark.parametrize(
    ("text", "rich"),
    [
        ("Dear Bert,\n\nhello\nthere\n", False),
        ("https://letters.test and 2 * 3 * 4, a_b_c", False),
        ("an *emphasis*", True),
        ("# heading", True),
        ("- list", True),
        ("> quote", True),
        ("    code", True),
        (r"a backslash \* is read", True),
        ("an entity &amp; too", True),
        ("<https://letters.test>", True),
        ("", False),
    ],
)
def test_html_is_there_only_where_it_says_more(text: str, rich: bool) -> None:
    rendered = render(a_letter(text, enclosures=(RECIPE,)))
    assert (readable(rendered, outline(rendered)).html is not None) is rich


def test_dates_keep_the_true_offset_inside_and_none_outside() -> None:
    for offset, inside, outside in (
        (
            timedelta(hours=5, minutes=30),
            b"Date: Sun, 22 Nov 2026 23:30:00 +0530",
            b"Date: Sun, 22 Nov 2026 18:00:00 +0000",
        ),
        (timedelta(hours=-8), b"Date: Sun, 22 Nov 2026 23:30:00 -0800", b"Date: Mon, 23 Nov 2026 07:30:00 +0000"),
        (timedelta(0), b"Date: Sun, 22 Nov 2026 23:30:00 +0000", b"Date: Sun, 22 Nov 2026 23:30:00 +0000"),
        (
            timedelta(minutes=18, seconds=40),
            b"Date: Sun, 22 Nov 2026 23:30:20 +0019",
            b"Date: Sun, 22 Nov 2026 23:11:20 +0000",
        ),
    ):
        letter = a_letter(date=datetime(2026, 11, 22, 23, 30, tzinfo=timezone(offset)))
        rendered = render(letter)
        assert b"\r\n" + inside + b"\r\n" in rendered
        assert b"\r\n" + outside + b"\r\n" in outer_headers(letter, ADA.address)
        assert outline(rendered).date == letter.date
    assert b"Date: Sat, 22 Nov 2025 10:00:00 +0000" in outer_headers(
        a_letter(date=datetime(2025, 11, 22, 10, tzinfo=UTC)), ADA.address
    )


def test_nothing_but_the_needful_stands_outside() -> None:
    outside = outer_headers(a_letter(enclosures=(RECIPE,)), ADA.address)
    assert [line.split(b":")[0] for line in outside.splitlines()] == [
        b"From",
        b"To",
        b"Date",
        b"Message-ID",
        b"Subject",
        b"MIME-Version",
    ]
    for hidden in (b"harvest", b"Ada", b"Bert", b"recipe", b"+0100"):
        assert hidden not in outside


@pytest.mark.parametrize("name", ["plain", "all-together", "non-ascii", "answer", "hard-text"])
def test_the_standard_library_reads_the_same(name: str) -> None:
    """A second reader, only here: what we write means the same to a program that is not ours."""
    from tests.golden.test_letters import LETTERS

    raw = LETTERS[name]
    ours, theirs = outline(raw), email.message_from_bytes(raw, policy=email.policy.default)
    assert ours.subject == theirs["subject"]
    assert theirs["from"].addresses[0].display_name == ours.froms[0].name
    assert theirs["date"].datetime == ours.date
    body = theirs.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == readable(raw, ours).text.replace(
        "\r\n", "\n"
    ).rstrip("\n")
    assert {part.get_filename() for part in theirs.walk()} - {None} >= {
        one.filename for one in ours.parts if one.filename is not None
    }


def test_autocrypt_out_and_in() -> None:
    rendered = render(a_letter(), autocrypt=(ADA.address, CERTIFICATE))
    (value,) = outline(rendered).autocrypt
    found = autocrypt.parse(value)
    assert found == autocrypt.AutocryptHeader(ADA.address, CERTIFICATE, True)
    assert autocrypt.for_sender([value], ADA.address) == found
    assert autocrypt.for_sender([value], BERT.address) is None
    assert autocrypt.for_sender([value, value], ADA.address) is None
    assert autocrypt.for_sender([value, "nonsense", "addr=clara@letters.test; keydata=AAAA"], ADA.address) == found


AUTOCRYPT = {
    "least": ("addr=ada@letters.test; keydata=AAAA", True),
    "no preference": ("addr=ada@letters.test; prefer-encrypt=nopreference; keydata=AAAA", True),
    "an uncritical attribute": ("addr=ada@letters.test; _colour=green; keydata=AAAA", True),
    "folded": ("addr=ada@letters.test;\r\n keydata=AA\r\n AA", True),
    "a semicolon at the end": ("addr=ada@letters.test; keydata=AAAA;", True),
    "another case": ("Addr=Ada@Letters.test; KeyData=AAAA", True),
    "a critical attribute": ("addr=ada@letters.test; colour=green; keydata=AAAA", False),
    "twice": ("addr=ada@letters.test; addr=ada@letters.test; keydata=AAAA", False),
    "no address": ("keydata=AAAA", False),
    "no key": ("addr=ada@letters.test", False),
    "an empty key": ("addr=ada@letters.test; keydata=", False),
    "no base64": ("addr=ada@letters.test; keydata=AA!A", False),
    "cut base64": ("addr=ada@letters.test; keydata=AAA", False),
    "no address at all": ("addr=ada; keydata=AAAA", False),
    "two addresses": ("addr=ada@letters.test,eve@evil.test; keydata=AAAA", False),
    "a name": ("addr=Ada <ada@letters.test>; keydata=AAAA", False),
    "an attribute without value": ("addr=ada@letters.test; keydata=AAAA; x", False),
    "nothing": ("", False),
}


@pytest.mark.parametrize("case", AUTOCRYPT)
def test_autocrypt_is_strict(case: str) -> None:
    value, good = AUTOCRYPT[case]
    found = autocrypt.parse(value)
    assert (found is not None) is good
    if found is not None:
        assert (found.addr.key, found.keydata, found.mutual) == ("ada@letters.test", b"\0\0\0", False)


def test_many_recipients() -> None:
    people = tuple(Correspondent(f"Nr {n}, of many", Address.parse(f"p{n}@letters.test")) for n in range(300))
    assert outline(render(a_letter(to=(*people, CLARA)))).to == (*people, CLARA)


def test_our_key_outside_is_told_inside_and_carried() -> None:
    """HP-Outer repeats all of the outside, and what looks at sealed letters' shape takes it."""
    ours = (ADA.address, CERTIFICATE)
    inside = outline(render(a_letter(), autocrypt=ours, outside=True))
    whole = pgpmime.wrap(a_letter(), parcels.armored(parcels.sealed_bytes()), ADA.address, ours)
    outside = outline(whole)
    assert outside.autocrypt == inside.autocrypt
    assert [name for name, _value in inside.hp_outer][-1] == "autocrypt"
    assert compare_headers(inside, outside) is Headers.MATCH
    assert pgpmime.sealed_shape(whole)


def test_keys_of_the_other_readers() -> None:
    found = outline(render(a_letter(to=(BERT, DORA)), gossip=[(DORA.address, CERTIFICATE)]))
    (value,) = [value for name, value in found.headers if name == "autocrypt-gossip"]
    given = autocrypt.parse(value)
    assert given is not None
    assert (given.addr, given.keydata, given.mutual) == (DORA.address, CERTIFICATE, False)


def test_dashes_for_a_chat() -> None:
    """Only lines that would be taken for the beginning of a footer are touched, and only for a chat."""
    text = "a\n\n-- \nb\n--\n--- \n-- c\nd --\n"
    raw = render(a_letter(text))
    assert readable(raw, outline(raw)).text == text
    raw = render(a_letter(text), chat=True)
    changed = "a\n\n-\u200b- \nb\n-\u200b-\n--- \n-- c\nd --\n"
    assert readable(raw, outline(raw)).text == changed
