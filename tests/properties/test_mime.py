"""Reading what was written gives what was written; reading anything at all gives a value."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from dearly.letter.address import Address, Correspondent, clean
from dearly.letter.content import Enclosure, Letter, LetterId
from dearly.letter.sealing import Headers, Shape
from dearly.mime.autocrypt import parse
from dearly.mime.pgpmime import sealed_shape, shape, wrap
from dearly.mime.plain import clean_filename, from_flowed, quote, shown
from dearly.mime.read import Unreadable, compare_headers, outline, readable
from dearly.mime.transfer import base64_lines, decode, quoted_printable
from dearly.mime.visible import from_html
from dearly.mime.write import render
from tests.support import parcels
from tests.support.letters import ADA
from tests.support.often import examples

FORBIDDEN = ("Cc", "Cs", "Zl", "Zp")
HEADER_TEXT = st.text(st.characters(exclude_categories=FORBIDDEN), max_size=120)
NAMES = HEADER_TEXT.map(clean).filter(lambda text: len(text) < 200)
FILE_NAMES = HEADER_TEXT.map(clean_filename)
LOCAL = st.text("abcxyz0189!#$%&'*+/=?^_`{|}~-éü日", min_size=1, max_size=12)
ADDRESSES = st.builds(
    lambda local, domain: Address.parse(f"{local}@{domain}"), LOCAL, st.sampled_from(["letters.test", "grün.test"])
)
PEOPLE = st.builds(Correspondent, NAMES, ADDRESSES)
TEXT = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [
                "From ",
                ".",
                "--",
                "=",
                " ",
                "\t",
                "\n",
                "\r",
                "\r\n",
                "\0",
                "é",
                "x" * 80,
                "# ",
                "*a*",
                "> ",
                "`",
                "![p](cid:p0)",
                "<b>",
            ]
        )
    ).map("".join),
)
MEDIA_TYPES = st.sampled_from(["text/plain", "text/html", "image/png", "application/pdf", "application/octet-stream"])
ENCLOSURES = st.lists(st.builds(Enclosure, FILE_NAMES, MEDIA_TYPES, st.binary(max_size=200)), max_size=3)
DATES = st.builds(
    lambda seconds, minutes: datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes))),
    st.integers(-2_000_000_000, 4_000_000_000),
    st.integers(-14 * 60, 14 * 60),
)
IDS = st.text("abc019.-", min_size=1, max_size=40).map(lambda text: LetterId(f"{text}@letters.test"))


@st.composite
def letters(draw: st.DrawFn) -> Letter:
    pictures = [
        Enclosure(f"p{n}.png", "image/png", draw(st.binary(max_size=50)), cid=f"p{n}")
        for n in range(draw(st.integers(0, 2)))
    ]
    return Letter(
        letter_id=draw(IDS),
        sender=draw(PEOPLE),
        to=tuple(draw(st.lists(PEOPLE, min_size=1, max_size=4))),
        date=draw(DATES),
        subject=draw(HEADER_TEXT),
        text=draw(TEXT),
        enclosures=(*pictures, *draw(ENCLOSURES)),
        in_reply_to=draw(st.none() | IDS),
        references=tuple(draw(st.lists(IDS, max_size=3))),
        letter_no=draw(st.none() | st.integers(1, 10**6)),
    )


@settings(deadline=None)
@given(letters(), st.booleans(), st.booleans())
def test_reading_gives_what_was_written(letter: Letter, hp: bool, binary: bool) -> None:
    raw = render(letter, autocrypt=(letter.sender.address, b"certificate"), hp=hp, binary=binary)
    found = outline(raw)
    body = readable(raw, found)
    assert body.text == letter.text
    assert sorted(body.enclosures, key=repr) == sorted(letter.enclosures, key=repr)
    assert found.froms == (letter.sender,)
    assert found.to == letter.to
    assert found.date == letter.date
    assert found.date is not None
    assert found.date.utcoffset() == letter.date.utcoffset()
    assert found.subject == clean(letter.subject)
    assert (found.message_id, found.in_reply_to, found.references) == (
        letter.letter_id,
        letter.in_reply_to,
        letter.references,
    )
    assert found.letter_no == letter.letter_no
    assert found.hp == ("cipher" if hp else None)
    assert raw.count(b"\n") == raw.count(b"\r\n") or binary
    if not hp:
        assert shape(raw, found)[0] is Shape.PLAIN


@settings(deadline=None)
@given(letters(), st.integers(0, 3000))
def test_sealed_and_found_again(letter: Letter, size: int) -> None:
    armor = parcels.armored(parcels.sealed_bytes(size))
    raw = wrap(letter, armor, letter.sender.address)
    assert shape(raw) == (Shape.SEALED, armor.rstrip())
    assert sealed_shape(raw)
    assert compare_headers(outline(render(letter)), outline(raw)) is Headers.MATCH


# Octets that look like mail often enough to reach every corner of the readers.
SHREDS = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(
            [
                b"From: ",
                b"To: ",
                b"Date: ",
                b"Subject: ",
                b"Message-ID: ",
                b"Content-Type: ",
                b"multipart/mixed",
                b"text/plain",
                b"text/html",
                b"; boundary=B",
                b'; boundary="B"',
                b"; charset=",
                b"utf-16",
                b"utf-7",
                b"iso-2022-jp",
                b"; format=flowed",
                b"Content-Transfer-Encoding: ",
                b"base64",
                b"quoted-printable",
                b"x-uuencode",
                b"Content-Disposition: attachment",
                b"; filename*0*=utf-8''%C3",
                b"; filename*1=x",
                b"multipart/encrypted",
                b"multipart/alternative",
                b"message/rfc822",
                b'; protocol="application/pgp-encrypted"',
                b"application/pgp-encrypted",
                b"HP-Outer: ",
                b"Autocrypt: ",
                b"hp=cipher",
                b"\r\n",
                b"\n",
                b"\r\n\r\n",
                b"\r\n--B\r\n",
                b"\r\n--B--\r\n",
                b"=?utf-8?Q?",
                b"=?utf-8?B?",
                b"?=",
                b"<",
                b">",
                b'"',
                b"(",
                b")",
                b",",
                b";",
                b":",
                b"@",
                b"ada@letters.test",
                b"Mon, 02 Jan 2006 15:04:05 -0700",
                b"<div>",
                b"<p style=",
                b"</",
                b"-----BEGIN PGP MESSAGE-----",
                b"-----END PGP MESSAGE-----",
                b"Version: 1",
                b"begin 644 x",
                b" ",
                b"\t",
                b"=",
                b"\0",
                b"\xff",
            ]
        ),
    ),
    max_size=60,
).map(b"".join)


@settings(max_examples=examples(400), deadline=None)
@given(SHREDS)
def test_anything_can_be_read(raw: bytes) -> None:
    try:
        found = outline(raw)
    except Unreadable:
        return
    body = readable(raw, found)
    quote(body.text)
    shape(raw, found)
    sealed_shape(raw)
    compare_headers(found, found)
    for value in found.autocrypt:
        parse(value)
    for part in found.parts:
        assert 0 <= part.start <= part.body <= part.end <= len(raw)
    for one in body.enclosures:
        assert clean_filename(one.name) == one.name
        assert one.data.__class__ is bytes
    assert len(found.froms) <= 1


@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_a_broken_letter_of_ours_can_be_read(data: st.DataObject) -> None:
    raw = bytearray(render(data.draw(letters())))
    for _number in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5)) or b"-"
    found = outline(bytes(raw))
    readable(bytes(raw), found)


@settings(max_examples=examples(300), deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "<ul>",
                "<li>",
                "</ul>",
                "<ol start=9>",
                "<blockquote>",
                "</blockquote>",
                "<pre>",
                "</pre>",
                "<table>",
                "<tr>",
                "<td>",
                "<a href=http://x.test>",
                "</a>",
                "<br>",
                "<hr>",
                "word",
                " ",
                "\n",
                "<b>",
                "</p>",
                "<div hidden>",
                "<style>.a{display:none}</style>",
                "<i class=a>",
                "&lt;",
                "<!--",
                "-->",
                "<svg>",
                "<select>",
            ]
        ),
        max_size=40,
    ).map("".join)
)
def test_any_html_has_a_text(html: str) -> None:
    text = from_html(html).text
    assert text == "" or text.endswith("\n")
    assert "\n\n\n\n" not in text or "<pre>" in html
    assert "\0" not in text


@settings(deadline=None)
@given(st.text())
def test_flowed_and_shown_and_quoted(text: str) -> None:
    from_flowed(text)
    once = shown(text)
    assert shown(once) == once
    assert all(unicodedata.category(char) != "Cc" or char in "\n\t" for char in once)
    assert all(line.startswith(">") for line in quote(text).splitlines() if line)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_quoted_printable(text: str) -> None:
    encoded = quoted_printable(text)
    assert decode(encoded, "quoted-printable").decode().replace("\r\n", "\n") == text
    assert all(len(line) <= 76 and not line.endswith((b" ", b"\t")) for line in encoded.split(b"\r\n"))
    assert encoded.isascii()


@settings(deadline=None)
@given(st.binary(max_size=500))
def test_base64(data: bytes) -> None:
    assert decode(base64_lines(data), "base64") == data
    assert all(len(line) <= 76 for line in base64_lines(data).split(b"\r\n"))


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "8bit", "nonsense"]))
def test_any_octets_in_any_encoding(data: bytes, encoding: str) -> None:
    decode(data, encoding)


@settings(deadline=None)
@given(st.text())
def test_any_file_name(name: str) -> None:
    cleaned = clean_filename(name)
    assert clean_filename(cleaned) == cleaned
    assert cleaned
    assert len(cleaned.encode()) <= 120
    assert not {"/", "\\", "\0", "\n"} & set(cleaned)
    assert cleaned not in (".", "..")


def test_the_sender_is_the_same_for_everyone() -> None:
    assert outline(
        render(Letter(LetterId("x@letters.test"), ADA, (ADA,), datetime.fromtimestamp(0, UTC), "", ""))
    ).froms == (ADA,)
