"""Letters as real programs have written them: what must be read right, and what is left unclaimed on purpose."""

from __future__ import annotations

import base64
import quopri
from datetime import UTC, datetime

import pytest

from dearly.mime.read import outline, readable
from tests.support.parcels import HEAD, dated, multi, nested, part, sent_by, text, with_subject

U = "Grüße, schöne Straße — œuf €5 “x”"

CHARSETS = {
    "utf-8": (b"utf-8", U.encode(), U),
    "iso-8859-15 with its euro": (b"iso-8859-15", "œ €".encode("iso-8859-15"), "œ €"),
    "latin-1 that is windows-1252": (b"iso-8859-1", b"\x93q\x94 \x80", "“q” €"),
    "us-ascii that is windows-1252": (b"us-ascii", b"\x93q\x94", "“q”"),
    "windows-1252": (b"windows-1252", b"\x93q\x94 \x80", "“q” €"),
    "iso-2022-jp": (b"iso-2022-jp", "日本語の手紙".encode("iso-2022-jp"), "日本語の手紙"),
    "shift_jis": (b"shift_jis", "日本語".encode("shift_jis"), "日本語"),
    "euc-jp": (b"euc-jp", "日本語".encode("euc-jp"), "日本語"),
    "euc-kr": (b"euc-kr", "한국어".encode("euc-kr"), "한국어"),
    "ks_c_5601-1987": (b"ks_c_5601-1987", "한국어".encode("cp949"), "한국어"),
    "gb2312 with characters of gbk": (b"gb2312", "朱镕基".encode("gbk"), "朱镕基"),
    "gb18030": (b"gb18030", "你好𠀀".encode("gb18030"), "你好𠀀"),
    "big5": (b"big5", "你好".encode("big5"), "你好"),
    "hz-gb-2312": (b"hz-gb-2312", "你好".encode("hz"), "你好"),
    "koi8-r": (b"koi8-r", "Привет".encode("koi8-r"), "Привет"),
    "koi8-u": (b"koi8-u", "Привіт ґ".encode("koi8-u"), "Привіт ґ"),
    "iso-8859-8-i": (b"iso-8859-8-i", "שלום".encode("iso-8859-8"), "שלום"),
    "iso-8859-6": (b"iso-8859-6", "سلام".encode("iso-8859-6"), "سلام"),
    "windows-874": (b"windows-874", "สวัสดี".encode("cp874"), "สวัสดี"),
    "tis-620": (b"tis-620", "สวัสดี".encode("tis-620"), "สวัสดี"),
    "utf-7": (b"utf-7", b"Gr+APwA3w-e", "Grüße"),
    "cp437": (b"cp437", "é".encode("cp437"), "é"),
    "cp850": (b"cp850", "é".encode("cp850"), "é"),
    "macintosh": (b"macintosh", "é".encode("mac_roman"), "é"),
    "unknown, ascii": (b"x-foo", b"plain", "plain"),
    "unknown, utf-8 octets": (b"x-unknown", U.encode(), U),
    "a codec that is no charset": (b"rot13", b"plain", "plain"),
    "utf-8 that is latin-1": (b"utf-8", b"Sch\xf6n", "Schön"),
    "utf-8 with one octet lost": (b"utf-8", ("schöne Grüße" * 9).encode() + b"\xc3", "schöne Grüße" * 9 + "\ufffd"),
    "quoted": (b'"UTF-8"', U.encode(), U),
    "without its dash": (b"utf8", U.encode(), U),
    "upper case": (b"UTF-8", U.encode(), U),
    "with more parameters": (b"utf-8; x=y", U.encode(), U),
}


@pytest.mark.parametrize("case", CHARSETS)
def test_charsets(case: str) -> None:
    charset, octets, wanted = CHARSETS[case]
    raw = text(charset, octets)
    assert readable(raw, outline(raw)).text == wanted


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be"])
def test_wide_charsets_in_base64(charset: str) -> None:
    raw = text(charset.replace("16-", "16").encode(), base64.b64encode("héllo".encode(charset)), b"base64")
    assert readable(raw, outline(raw)).text == "héllo"


def test_no_charset_named() -> None:
    for octets, wanted in ((U.encode(), U), (b"Sch\xf6n", "Schön")):
        raw = HEAD + b"Subject: x\r\n\r\n" + octets
        assert readable(raw, outline(raw)).text == wanted


ENCODINGS = {
    "quoted-printable": (b"quoted-printable", quopri.encodestring(U.encode() * 5), U * 5),
    "upper case": (b"QUOTED-PRINTABLE", b"=C3=A9", "é"),
    "a broken escape": (b"quoted-printable", b"a=ZZb =C3=A9", "a=ZZb é"),
    "a padded soft break": (b"quoted-printable", b"one= \r\ntwo", "onetwo"),
    "base64 with foreign lines": (b"base64", b"SGVs\r\n!!bG8=\r\n-- \r\nlist footer", "Hello"),
    "base64 without padding": (b"base64", b"SGVsbG8", "Hello"),
    "base64 cut in a group": (b"base64", b"SGVsbG8h\r\nS", "Hello!"),
    "uuencode": (b"x-uuencode", b"begin 644 x\r\n%2&5L;&\\ \r\n`\r\nend\r\n", "Hello"),
    "uuencode without trailing blanks": (b"x-uuencode", b"begin 644 x\n%2&5L;&\\\n`\nend\n", "Hello"),
    "unknown": (b"foo", b"plain", "plain"),
    "with a remark": (b"8bit (as it is)", b"plain", "plain"),
}


@pytest.mark.parametrize("case", ENCODINGS)
def test_transfer_encodings(case: str) -> None:
    encoding, octets, wanted = ENCODINGS[case]
    raw = text(b"utf-8", octets, encoding)
    assert readable(raw, outline(raw)).text == wanted


SUBJECTS = {
    "base64 word": (b"=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
    "quoted word, lower case": (b"=?iso-8859-1?q?Gr=FC=DFe_aus_K=F6ln?=", "Grüße aus Köln"),
    "neighbours": (b"=?utf-8?B?R3LDvA==?= =?utf-8?B?w59l?=", "Grüße"),
    "neighbours over a fold": (b"=?utf-8?B?R3LDvA==?=\r\n =?utf-8?B?w59l?=", "Grüße"),
    "a character cut in two": (b"=?utf-8?B?R3LD?= =?utf-8?B?vMOfZQ==?=", "Grüße"),
    "cut in two, both ways of encoding": (b"=?utf-8?Q?Gr=C3?= =?utf-8?B?vMOfZQ==?=", "Grüße"),
    "iso-2022-jp": (b"=?iso-2022-jp?B?" + base64.b64encode("日本語".encode("iso-2022-jp")) + b"?=", "日本語"),
    "no blank around": (b"Re:=?utf-8?Q?=C3=A9t=C3=A9?=", "Re:été"),
    "in the middle": (b"Re: =?utf-8?Q?=C3=A9t=C3=A9?= again", "Re: été again"),
    "raw blanks inside": (b"=?utf-8?Q?caf=C3=A9 au lait?=", "café au lait"),
    "with a language": (b"=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
    "in quotation marks": (b'"=?utf-8?Q?=C3=A9?="', '"é"'),
    "raw utf-8": ("Grüße".encode(), "Grüße"),
    "raw latin-1": (b"Gr\xfc\xdfe", "Grüße"),
    "gb2312 with characters of gbk": (b"=?gb2312?B?" + base64.b64encode("朱镕基".encode("gbk")) + b"?=", "朱镕基"),
    "unknown charset": (b"=?x-foo?Q?abc?=", "abc"),
    "folded with a tab": (b"one\r\n\ttwo", "one two"),
    "not quite a word": (b"=?utf-8?X?abc?= =?utf-8?Q", "=?utf-8?X?abc?= =?utf-8?Q"),
    "two charsets": (b"=?utf-8?Q?=C3=A9?= =?iso-8859-1?Q?=E9?=", "éé"),
    "a line end encoded": (b"=?utf-8?Q?one=0D=0ABcc:_x?=", "one  Bcc: x"),
}


@pytest.mark.parametrize("case", SUBJECTS)
def test_subjects(case: str) -> None:
    octets, wanted = SUBJECTS[case]
    assert outline(with_subject(octets)).subject == wanted


def test_later_encoded_words_stay_as_written() -> None:
    subject = outline(with_subject(b"=?utf-8?Q?=C3=A9?= " * 250)).subject
    assert subject.startswith("é" * 200)
    assert subject.count("=?utf-8?Q?=C3=A9?=") == 50


DATES = {
    "RFC 5322": (b"Mon, 02 Jan 2006 15:04:05 +0000", datetime(2006, 1, 2, 15, 4, 5, tzinfo=UTC)),
    "obsolete zone": (b"Mon, 2 Jan 06 15:04:05 EST", datetime(2006, 1, 2, 20, 4, 5, tzinfo=UTC)),
    "no seconds": (b"2 Jan 2006 15:04 +0000", datetime(2006, 1, 2, 15, 4, tzinfo=UTC)),
    "a remark": (b"Mon, 02 Jan 2006 15:04:05 +0000 (UTC)", datetime(2006, 1, 2, 15, 4, 5, tzinfo=UTC)),
    "-0000": (b"Mon, 02 Jan 2006 15:04:05 -0000", datetime(2006, 1, 2, 15, 4, 5, tzinfo=UTC)),
    "another weekday": (b"Fri, 02 Jan 2006 15:04:05 +0000", datetime(2006, 1, 2, 15, 4, 5, tzinfo=UTC)),
    "ISO": (b"2006-01-02T15:04:05Z", datetime(2006, 1, 2, 15, 4, 5, tzinfo=UTC)),
    "asctime": (b"Mon Jan  2 15:04:05 2006", datetime(2006, 1, 2, 15, 4, 5, tzinfo=UTC)),
    "half hours": (b"Mon, 02 Jan 2006 15:04:05 +0530", datetime(2006, 1, 2, 9, 34, 5, tzinfo=UTC)),
    "leap second": (b"Sat, 31 Dec 2005 23:59:60 +0000", datetime(2005, 12, 31, 23, 59, 59, tzinfo=UTC)),
    "last century": (b"Mon, 02 Jan 95 15:04:05 GMT", datetime(1995, 1, 2, 15, 4, 5, tzinfo=UTC)),
    "no such day": (b"Mon, 31 Feb 2006 15:04:05 +0000", None),
    "no such zone": (b"Mon, 02 Jan 2006 15:04:05 +9999", None),
    "before all time": (b"Mon, 01 Jan 0001 00:00:00 +1400", None),
    "words": (b"yesterday", None),
    "nothing": (b"", None),
    "very long": (b"1 " * 500, None),
}


@pytest.mark.parametrize("case", DATES)
def test_dates(case: str) -> None:
    octets, wanted = DATES[case]
    assert outline(dated(octets)).date == wanted


def test_the_offset_is_kept() -> None:
    moment = outline(dated(b"Mon, 02 Jan 2006 15:04:05 -0730")).date
    assert moment is not None
    assert moment.isoformat() == "2006-01-02T15:04:05-07:30"


PICTURE = part(b"image/png", b"PNG", b"Content-ID: <c>")
DEEP = part(
    b"multipart/alternative; boundary=CC",
    b"--CC\r\n" + part(b"text/plain", b"deep") + b"\r\n--CC\r\n" + part(b"text/html", b"<p>deep") + b"\r\n--CC--\r\n",
)
TEXT = part(b"text/plain", b"body")

STRUCTURES: dict[str, tuple[bytes, str, list[str]]] = {
    "alternative": (
        multi(b"multipart/alternative", part(b"text/plain", b"plain"), part(b"text/html", b"<p>html")),
        "plain",
        [],
    ),
    "alternative with empty text": (
        multi(b"multipart/alternative", part(b"text/plain", b"\r\n"), part(b"text/html", b"<p>html")),
        "html\n",
        [],
    ),
    "only html": (
        multi(b"multipart/alternative", part(b"text/html; charset=utf-8", b"<p>caf&eacute;</p>")),
        "café\n",
        [],
    ),
    "mixed, related, alternative": (
        multi(
            b"multipart/mixed",
            part(b"multipart/related; boundary=DD", b"--DD\r\n" + DEEP + b"\r\n--DD\r\n" + PICTURE + b"\r\n--DD--\r\n"),
            part(b'text/plain; name="n.txt"', b"enclosed", b'Content-Disposition: attachment; filename="n.txt"'),
        ),
        "deep",
        ["picture.png", "n.txt"],
    ),
    "enclosed text is not the text": (
        multi(b"multipart/mixed", TEXT, part(b"text/plain", b"no", b"Content-Disposition: attachment; filename=a.txt")),
        "body",
        ["a.txt"],
    ),
    "text, picture, text": (
        multi(b"multipart/mixed", part(b"text/plain", b"one"), PICTURE, part(b"text/plain", b"two")),
        "one\ntwo",
        ["picture.png"],
    ),
    "calendar beside the text": (
        multi(b"multipart/alternative", TEXT, part(b"text/calendar; method=REQUEST", b"BEGIN:VCALENDAR")),
        "body",
        ["calendar.ics"],
    ),
    "attached message": (
        multi(b"multipart/mixed", TEXT, part(b"message/rfc822", b"From: z@z.test\r\nSubject: in\r\n\r\ninner body")),
        "body",
        ["letter.eml"],
    ),
    "digest": (multi(b"multipart/digest", b"\r\nSubject: in\r\n\r\ninner"), "", ["letter.eml"]),
    "name in RFC 2231": (
        multi(
            b"multipart/mixed",
            TEXT,
            part(b"image/jpeg", b"J", b"Content-Disposition: attachment; filename*=utf-8''%C3%A9t%C3%A9.jpg"),
        ),
        "body",
        ["été.jpg"],
    ),
    "name in pieces": (
        multi(
            b"multipart/mixed",
            TEXT,
            part(
                b"image/jpeg",
                b"J",
                b"Content-Disposition: attachment; filename*1*=%C3%A9.jpg; filename*0*=utf-8''%C3%A9t",
            ),
        ),
        "body",
        ["été.jpg"],
    ),
    "name in an encoded word": (
        multi(
            b"multipart/mixed",
            TEXT,
            part(b"image/jpeg", b"J", b'Content-Disposition: attachment; filename="=?utf-8?Q?=C3=A9t=C3=A9.jpg?="'),
        ),
        "body",
        ["été.jpg"],
    ),
    "name in raw utf-8": (
        multi(
            b"multipart/mixed",
            TEXT,
            part(b"image/jpeg", b"J", 'Content-Disposition: attachment; filename="été.jpg"'.encode()),
        ),
        "body",
        ["été.jpg"],
    ),
    "name with a semicolon": (
        multi(
            b"multipart/mixed",
            TEXT,
            part(b"image/jpeg", b"J", rb'Content-Disposition: attachment; filename="a;\"b.jpg"'),
        ),
        "body",
        ["a;_b.jpg"],
    ),
    "no boundary named": (
        HEAD + b"Content-Type: multipart/mixed\r\n\r\n--B\r\n\r\nbody\r\n--B--",
        "--B\n\nbody\n--B--",
        [],
    ),
    "no last boundary": (
        HEAD + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nbody\r\n",
        "body\n",
        [],
    ),
    "boundary that begins another": (
        HEAD
        + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: multipart/alternative; boundary=B2"
        b"\r\n\r\n--B2\r\n"
        + part(b"text/plain", b"deep")
        + b"\r\n--B2--\r\n--B\r\n"
        + part(b"text/plain", b"q", b"Content-Disposition: attachment; filename=q")
        + b"\r\n--B--\r\n",
        "deep",
        ["q"],
    ),
    "part without header": (multi(b"multipart/mixed", b"\r\nimplicit"), "implicit", []),
    "blanks after the boundary": (multi(b"multipart/mixed", TEXT).replace(b"--BB\r\n", b"--BB \t\r\n"), "body", []),
    "LF line ends": ((HEAD + b"Subject: x\r\n\r\nbody\r\nline2\r\n").replace(b"\r\n", b"\n"), "body\nline2\n", []),
    "LF line ends in parts": (multi(b"multipart/mixed", TEXT, TEXT).replace(b"\r\n", b"\n"), "body\nbody", []),
    "40 deep": (nested(40), "deep", []),
    "text with an id": (
        multi(b"multipart/mixed", part(b"text/plain", b"body", b"Content-ID: <1@letters.test>")),
        "body",
        [],
    ),
    "named texts alone": (
        multi(b"multipart/mixed", *[part(b"text/plain", b"body", b"Content-Disposition: inline; filename=a.txt")] * 2),
        "body",
        ["a.txt"],
    ),
    "named text alone": (HEAD + b'Content-Type: text/plain; name="a.txt"\r\n\r\nbody', "body", []),
}


@pytest.mark.parametrize("case", STRUCTURES)
def test_structures(case: str) -> None:
    raw, wanted, names = STRUCTURES[case]
    body = readable(raw, outline(raw))
    assert body.text == wanted
    assert [one.name for one in body.enclosures] == names


HEADS = {
    "From line of an mbox": (
        b"From a@letters.test Mon Jan  2 15:04:05 2006\r\n" + HEAD + b"Subject: s\r\n\r\nbody",
        "s",
        "body",
    ),
    "stray line": (HEAD + b"stray line\r\nSubject: s\r\n\r\nbody", "s", "body"),
    "no body": (HEAD + b"Subject: s\r\n", "s", ""),
    "no end of the header": (HEAD + b"Subject: s", "s", ""),
    "blank before the colon": (HEAD + b"Subject : s\r\n\r\nbody", "s", "body"),
    "two subjects": (HEAD + b"Subject: s\r\nSubject: t\r\n\r\nbody", "s", "body"),
    "byte order mark": (b"\xef\xbb\xbf" + HEAD + b"Subject: s\r\n\r\nbody", "s", "body"),
    "leading empty lines": (b"\r\n\r\n" + HEAD + b"Subject: s\r\n\r\nbody", "s", "body"),
    "NUL in the text": (HEAD + b"Subject: s\r\n\r\na\0b", "s", "a\0b"),
    "nothing": (b"", "", ""),
    "no header at all": (b"Dear Bert,\r\n\r\nhello", "", "Dear Bert,\n\nhello"),
    "long line": (HEAD + b"Subject: s\r\n\r\n" + b"x" * 10_000_000, "s", "x" * 10_000_000),
}


@pytest.mark.parametrize("case", HEADS)
def test_heads(case: str) -> None:
    raw, subject, wanted = HEADS[case]
    found = outline(raw)
    assert found.subject == subject
    assert readable(raw, found).text == wanted
    if subject:
        assert [str(one.address) for one in found.froms] == ["ada@letters.test"]


def test_ids_and_numbers() -> None:
    found = outline(
        HEAD + b"In-Reply-To: your letter <two@letters.test> of May\r\n"
        b"References: <one@letters.test>\r\n <two@letters.test>\r\n"
        b"Letter-Number: 7\r\nLetter-Format: commonmark; v=1\r\n\r\nx"
    )
    assert found.message_id == "1@letters.test"
    assert found.in_reply_to == "two@letters.test"
    assert found.references == ("one@letters.test", "two@letters.test")
    assert (found.letter_no, found.letter_format) == (7, "commonmark; v=1")
    for odd in (b"-1", b"1e9", "٣".encode(), b"9999999999", b""):
        assert outline(b"Letter-Number: " + odd + b"\r\n\r\n").letter_no is None
    assert outline(b"Message-ID: no.brackets@letters.test\r\n\r\n").message_id == "no.brackets@letters.test"
    assert outline("Message-ID: <a\u202eb@letters.test>\r\n\r\n".encode()).message_id is None


def test_offsets_point_into_the_original() -> None:
    raw = STRUCTURES["mixed, related, alternative"][0]
    found = outline(raw)
    assert [raw[one.body : one.end] for one in found.parts if not one.container] == [
        b"deep",
        b"<p>deep",
        b"PNG",
        b"enclosed",
    ]
    for one in found.parts[1:]:
        assert found.parts[one.parent].container
        assert found.parts[one.parent].body <= one.start <= one.body <= one.end <= found.parts[one.parent].end


def test_one_letter_with_a_list_of_senders_is_still_read() -> None:
    assert outline(sent_by(b"a@letters.test, b@letters.test")).froms == ()
