"""Letters as the world's programs have really made them, and as nobody should: a set to import, keep and read.

Each says what has to be found in its text and who it has to be from; None where nothing can be told of it and it is
enough that its bytes are kept. Charsets, broken structures, headers that are no ASCII, ids that are missing or are
another's, depth, size.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

FROM = "From: Bert <bert@letters.test>\r\n"
TO = "To: Ada <ada@letters.test>\r\n"
DATE = "Date: Mon, 05 Mar 2012 10:00:00 +0100\r\n"
MIME = "MIME-Version: 1.0\r\n"


@dataclass(frozen=True, slots=True)
class Odd:
    """One letter. `says`: a word of its text, `sender`: its writer's address, `subject`: its subject; None for not to
    be told."""

    name: str
    data: bytes
    says: str | None = "garden"
    sender: str | None = "bert@letters.test"
    subject: str | None = None


def odd_letters() -> Iterator[Odd]:
    """All of them; each has its own name."""
    yield from _charsets()
    yield from _encodings()
    yield from _headers()
    yield from _structures()
    yield from _identities()
    yield from _sizes()


def _letter(name: str, body: bytes = b"the garden\r\n", more: str = "", *, head: str | None = None) -> bytes:
    head = FROM + TO + DATE + f"Message-ID: <{name}@odd.test>\r\n" + MIME if head is None else head
    return (head + more).encode("utf-8", "surrogateescape") + b"\r\n" + body


def _charsets() -> Iterator[Odd]:
    for charset, text in (
        ("us-ascii", "garden"),
        ("iso-8859-1", "garden Grün"),
        ("iso-8859-2", "garden Ślůj"),
        ("iso-8859-5", "garden сад"),
        ("iso-8859-7", "garden κήπος"),
        ("iso-8859-8", "garden גן"),
        ("iso-8859-8-i", "garden גן"),
        ("iso-8859-9", "garden bahçeş"),
        ("iso-8859-15", "garden 20 €"),
        ("windows-1250", "garden Šťáva"),
        ("windows-1251", "garden сад"),
        ("windows-1252", "garden “quoted” €"),
        ("windows-1256", "garden حديقة"),
        ("windows-874", "garden สวน"),
        ("koi8-r", "garden сад"),
        ("koi8-u", "garden сад ґ"),
        ("cp437", "garden Zürich"),
        ("cp850", "garden Zürich"),
        ("macintosh", "garden Zürich"),
        ("big5", "garden 花園"),
        ("gb2312", "garden 花园"),
        ("gbk", "garden 花园"),
        ("gb18030", "garden 花园"),
        ("euc-jp", "garden 庭"),
        ("shift_jis", "garden 庭"),
        ("iso-2022-jp", "garden 庭"),
        ("euc-kr", "garden 정원"),
        ("iso-2022-kr", "garden 정원"),
        ("utf-7", "garden Grün"),
        ("utf-8", "garden 🌱"),
    ):
        codec = {
            "iso-8859-8-i": "iso-8859-8",
            "windows-874": "cp874",
            "macintosh": "mac-roman",
        }.get(charset, charset)
        said = f'Content-Type: text/plain; charset="{charset}"\r\nContent-Transfer-Encoding: 8bit\r\n'
        yield Odd(f"charset-{charset}", _letter(f"cs-{charset}", text.encode(codec), said), says=text.split()[-1])
    plain = "Content-Type: text/plain"
    for name, parameters, body, says in (
        ("charset-none-but-utf-8", "", "Grün garden".encode(), "Grün"),
        ("charset-none-but-latin-1", "", "Grün garden".encode("latin-1"), "garden"),
        ("charset-utf-8-but-latin-1", "; charset=utf-8", "Grün garden".encode("latin-1"), "garden"),
        ("charset-unknown", "; charset=x-unknown", b"garden", "garden"),
        ("charset-nonsense", '; charset="=?utf-8?q?utf-8?="', b"garden", "garden"),
        ("charset-empty", '; charset=""', b"garden", "garden"),
        ("charset-twice", "; charset=utf-8; charset=us-ascii", "Grün garden".encode(), "garden"),
        ("charset-unquoted-blank", "; charset = utf-8", "Grün garden".encode(), "garden"),
        ("charset-single-quotes", "; charset='utf-8'", "Grün garden".encode(), "garden"),
        ("charset-rot13", "; charset=rot13", b"garden", "garden"),
        ("charset-zlib", "; charset=zlib", b"garden", "garden"),
    ):
        yield Odd(name, _letter(name, body, f"{plain}{parameters}\r\nContent-Transfer-Encoding: 8bit\r\n"), says=says)


def _encodings() -> Iterator[Odd]:
    packed = base64.b64encode(b"in the garden of the house " * 4)
    for name, how, body in (
        ("base64-no-padding", "base64", packed.rstrip(b"=")),
        ("base64-with-junk", "base64", packed[:20] + b"!!\r\n  " + packed[20:]),
        ("base64-one-long-line", "base64", packed),
        ("base64-text-behind", "base64", packed + b"\r\n\r\n-- \r\na footer that a list has put there"),
        ("base64-is-plain", "base64", b"the garden, and no base64 at all."),
        ("qp-broken", "quoted-printable", b"the =garden=XX = is=\r\n here=3"),
        ("qp-lower-case", "quoted-printable", b"gr=c3=bcn garden"),
        ("qp-soft-line-at-end", "quoted-printable", b"garden="),
        ("uuencode", "x-uuencode", b"begin 644 a\r\n&9V%R9&5N\r\n`\r\nend\r\n"),
        ("encoding-unknown", "x-nobody-knows", b"the garden"),
        ("encoding-with-comment", "7bit (really)", b"the garden"),
        ("encoding-empty", "", b"the garden"),
    ):
        head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {how}\r\n"
        says = None if name == "base64-is-plain" else "garden"
        yield Odd(f"cte-{name}", _letter(f"cte-{name}", body, head), says=says)


def _headers() -> Iterator[Odd]:
    def headed(name: str, head: str, **more: str | None) -> Odd:
        return Odd(f"head-{name}", _letter(name, head=head + f"Message-ID: <h-{name}@odd.test>\r\n"), **more)  # type: ignore[arg-type]  # passed through

    rest = TO + DATE
    yield headed("subject-raw-8-bit", FROM + rest + "Subject: Grün\r\n", subject="Grün")
    yield headed("subject-raw-latin-1", FROM + rest + "Subject: Gr\udcfcn\r\n", subject="Grün")
    yield headed(
        "subject-split-character", FROM + rest + "Subject: =?utf-8?B?R3LD?= =?utf-8?B?vG4=?=\r\n", subject="Grün"
    )
    yield headed("subject-glued-word", FROM + rest + "Subject: Re:=?utf-8?Q?Gr=C3=BCn?=\r\n", subject="Re:Grün")
    yield headed("subject-language-tag", FROM + rest + "Subject: =?utf-8*de?Q?Gr=C3=BCn?=\r\n", subject="Grün")
    yield headed("subject-folded-often", FROM + rest + "Subject: a" + "\r\n b" * 3000 + "\r\n")
    yield headed(
        "subject-20000-words", FROM + rest + "Subject: " + "=?utf-8?q?a?= " * 20_000 + "\r\n", sender=None, says=None
    )
    yield headed("subject-twice", FROM + rest + "Subject: one\r\nSubject: two\r\n")
    yield headed("blank-before-colon", FROM + rest + "Subject : two words\r\n")
    yield headed("no-subject", FROM + rest)
    yield headed("from-comment", "From: bert@letters.test (Bert)\r\n" + rest)
    yield headed("from-comma-in-word", "From: =?utf-8?Q?Bert,_der_Gro=C3=9Fe?= <bert@letters.test>\r\n" + rest)
    yield headed("from-open-quote", 'From: "Bert <bert@letters.test>\r\n' + rest)
    yield headed("from-bare", "From: bert@letters.test\r\n" + rest)
    yield headed("from-upper-case", "FROM: BERT <Bert@Letters.Test>\r\n" + rest, sender="Bert@letters.test")
    yield headed("from-two", FROM + "From: Clara <clara@letters.test>\r\n" + rest, sender=None)
    yield headed("from-none", rest, sender=None)
    yield headed("from-empty", "From: \r\n" + rest, sender=None)
    yield headed("from-group", "From: undisclosed:;\r\n" + rest, sender=None)
    yield headed("from-raw-name", "From: Bértram <bert@letters.test>\r\n" + rest)
    yield headed(
        "from-mailsploit", "From: =?utf-8?b?YWRhQGxldHRlcnMudGVzdA==?==?utf-8?Q?=00?= <bert@letters.test>\r\n" + rest
    )
    yield headed("from-comments-deep", "From: " + "(" * 5000 + ")" * 5000 + " bert@letters.test\r\n" + rest)
    yield headed("to-nobody", FROM + DATE + "To: undisclosed-recipients:;\r\n")
    yield headed("to-50000", FROM + DATE + "To: " + ",\r\n ".join(f"a{n}@letters.test" for n in range(2000)) + "\r\n")
    yield headed("date-none", FROM + TO)
    yield headed("date-asctime", FROM + TO + "Date: Mon Mar  5 10:00:00 2012\r\n")
    yield headed("date-iso", FROM + TO + "Date: 2012-03-05T10:00:00Z\r\n")
    yield headed("date-two-digits", FROM + TO + "Date: 5 Mar 99 10:00 EST\r\n")
    yield headed("date-nonsense", FROM + TO + "Date: yesterday evening\r\n")
    yield headed("date-year-0", FROM + TO + "Date: Mon, 05 Mar 0000 10:00:00 +0000\r\n")
    yield headed("date-year-9999", FROM + TO + "Date: Fri, 31 Dec 9999 23:59:59 -2359\r\n")
    yield headed("date-zone-9999", FROM + TO + "Date: Mon, 05 Mar 2012 10:00:00 +9999\r\n")
    yield headed("date-30-february", FROM + TO + "Date: Thu, 30 Feb 2012 10:00:00 +0000\r\n")
    yield headed(
        "references-5000",
        FROM + rest + "References: " + "\r\n ".join(f"<{n}@odd.test>" for n in range(5000)) + "\r\n",
        says=None,
        sender=None,
    )
    yield headed("nul-in-subject", FROM + rest + "Subject: a\0b\r\n")
    yield headed("bidi-in-subject", FROM + rest + "Subject: a\u202eb\r\n")
    yield Odd("head-bom", b"\xef\xbb\xbf" + _letter("bom"))
    yield Odd("head-blank-first", b"\r\n" + _letter("blank-first"))
    yield Odd("head-mbox-line", b"From bert Mon Mar  5 10:00:00 2012\r\n" + _letter("mbox-line"))
    yield Odd("head-garbage-line", _letter("garbage", head=FROM + "no header at all\r\n" + TO + DATE), says=None)
    yield Odd("head-only", (FROM + TO + DATE).encode(), says=None)
    yield Odd("head-lf", _letter("lf").replace(b"\r\n", b"\n"))
    yield Odd("head-cr", _letter("cr").replace(b"\r\n", b"\r"), sender=None, says=None)
    yield Odd("head-mixed-line-ends", _letter("mixed").replace(b"\r\nTo", b"\nTo"))
    yield Odd("head-5000", _letter("many", more="X-A: b\r\n" * 5000), sender=None, says=None)
    yield Odd("head-line-1-mb", _letter("long", more="X-A: " + "b" * 1_000_000 + "\r\n"), sender=None, says=None)
    yield Odd("nothing", b"", says=None, sender=None)
    yield Odd("noise", bytes(range(256)) * 40, says=None, sender=None)
    yield Odd(
        "smtputf8", _letter("eai", head="From: Zoë <zoë@letters.test>\r\n" + TO + DATE), sender="zoë@letters.test"
    )


def _structures() -> Iterator[Odd]:
    def mixed(
        name: str,
        inside: bytes,
        kind: str = 'multipart/mixed; boundary="x"',
        says: str | None = "garden",
        sender: str | None = "bert@letters.test",
    ) -> Odd:
        return Odd(f"mime-{name}", _letter(f"m-{name}", inside, f"Content-Type: {kind}\r\n"), says, sender)

    text = b"--x\r\nContent-Type: text/plain\r\n\r\nthe garden\r\n"
    yield mixed("plain", text + b"--x--\r\n")
    yield mixed("never-closed", text)
    yield mixed("no-boundary-parameter", text + b"--x--\r\n", "multipart/mixed")
    yield mixed("boundary-never-comes", b"the garden\r\n", 'multipart/mixed; boundary="y"', says=None)
    yield mixed("boundary-empty", text + b"--x--\r\n", 'multipart/mixed; boundary=""', says=None)
    yield mixed("boundary-like-another", b"--x1\r\n\r\nno\r\n" + text + b"--x--\r\n")
    yield mixed("boundary-blank-behind", text.replace(b"--x\r\n", b"--x  \r\n") + b"--x--  \r\n")
    yield mixed("preamble-and-epilogue", b"before\r\n" + text + b"--x--\r\nbehind\r\n")
    yield mixed("no-part", b"--x--\r\n", says=None)
    yield mixed("part-without-head", b"--x\r\n\r\nthe garden\r\n--x--\r\n")
    yield mixed("part-is-cut", b"--x\r\nContent-Type: text/pl", says=None)
    yield mixed(
        "base64-on-multipart",
        base64.b64encode(text + b"--x--\r\n"),
        'multipart/mixed; boundary="x"\r\nContent-Transfer-Encoding: base64',
        says=None,
    )
    yield mixed("html-only", b"<p>the <b>gar</b>den</p>", "text/html")
    yield mixed("html-broken", b"<p>the garden<<<table><td><script>x", "text/html")
    yield mixed("html-hidden", b"<div style='display:none'>secret</div><p>garden</p>", "text/html")
    yield mixed(
        "alternative-html-first",
        b"--x\r\nContent-Type: text/html\r\n\r\n<p>garden</p>\r\n" + text + b"--x--\r\n",
        'multipart/alternative; boundary="x"',
    )
    yield mixed(
        "alternative-empty-plain",
        b"--x\r\nContent-Type: text/plain\r\n\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>garden</p>\r\n--x--\r\n",
        'multipart/alternative; boundary="x"',
        says=None,
    )
    yield mixed("flowed", b"the gar\r\n den and \r\nmore\r\n", "text/plain; format=flowed", says="den")
    yield mixed(
        "calendar",
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:garden\r\nRRULE:FREQ=SECONDLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        "text/calendar",
        says=None,
    )
    yield mixed("type-nonsense", b"the garden\r\n", "garden", says=None)
    yield mixed("type-empty", b"the garden\r\n", "", says=None)
    yield mixed(
        "rfc2231-name",
        text
        + b"--x\r\nContent-Disposition: attachment; filename*0*=utf-8''Gr%C3%BC; filename*1=n\r\n\r\nx\r\n--x--\r\n",
    )
    yield mixed(
        "rfc2231-5000",
        text
        + b"--x\r\nContent-Type: a/b;\r\n "
        + b";\r\n ".join(b"n*%d=a" % n for n in range(5000))
        + b"\r\n\r\nx\r\n--x--\r\n",
        says=None,
    )
    yield mixed(
        "name-of-a-path",
        text + b"--x\r\nContent-Disposition: attachment; filename=../../etc/passwd\r\n\r\nx\r\n--x--\r\n",
    )
    yield mixed(
        "name-with-nul", text + b'--x\r\nContent-Disposition: attachment; filename="a\0.exe"\r\n\r\nx\r\n--x--\r\n'
    )
    yield mixed(
        "message-in-message",
        b"From: clara@letters.test\r\nSubject: in it\r\n\r\nthe garden\r\n",
        "message/rfc822",
        says=None,
    )
    yield mixed("partial", b"the garden", 'message/partial; id="a"; number=1; total=2', says=None)
    yield mixed(
        "external-body",
        b"Content-Type: text/plain\r\n\r\n",
        'message/external-body; access-type=URL; URL="https://elsewhere.invalid"',
        says=None,
    )
    yield mixed("tnef", b"\x78\x9f\x3e\x22garden", "application/ms-tnef; name=winmail.dat", says=None)
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(2000))
    yield mixed("nested-2000", b"--x\r\n" + deep + b"\r\nthe garden", says=None, sender=None)
    yield mixed("messages-2000", b"Content-Type: message/rfc822\r\n\r\n" * 2000, "message/rfc822", says=None)
    yield mixed("parts-5000", b"--x\r\n\r\na\r\n" * 5000 + b"--x--\r\n", says=None, sender=None)


def _identities() -> Iterator[Odd]:
    yield Odd("id-none", _letter("", head=FROM + TO + DATE))
    yield Odd("id-none-again", _letter("", b"another garden\r\n", head=FROM + TO + DATE))
    same = FROM + TO + DATE + "Message-ID: <same@odd.test>\r\n"
    yield Odd("id-same-one", _letter("", b"one garden\r\n", head=same))
    yield Odd("id-same-other", _letter("", b"quite another garden\r\n", head=same))
    yield Odd("id-empty", _letter("", b"a garden without a name\r\n", head=FROM + TO + DATE + "Message-ID: <>\r\n"))
    yield Odd(
        "id-nonsense", _letter("", b"a garden of nonsense\r\n", head=FROM + TO + DATE + "Message-ID: what is this\r\n")
    )
    yield Odd(
        "id-twice",
        _letter(
            "", b"two gardens\r\n", head=FROM + TO + DATE + "Message-ID: <a1@odd.test>\r\nMessage-ID: <a2@odd.test>\r\n"
        ),
    )
    yield Odd(
        "id-long", _letter("", b"a long garden\r\n", head=FROM + TO + DATE + f"Message-ID: <{'a' * 5000}@odd.test>\r\n")
    )


def _sizes() -> Iterator[Odd]:
    yield Odd("size-2-mb-text", _letter("big", b"the garden\r\n" + b"words and words again and again\r\n" * 65_000))
    yield Odd("size-one-line", _letter("line", b"garden " + b"word " * 400_000))
    yield Odd("size-no-body", _letter("no-body", b""), says=None)
