"""Builders of odd and hostile parcels: bytes as a stranger could send them. All people and places are fictional."""

from __future__ import annotations

import base64
from functools import cache

HEAD = (
    b"From: Ada <ada@letters.test>\r\nTo: bert@letters.test\r\nDate: Mon, 02 Jan 2006 15:04:05 -0700\r\n"
    b"Message-ID: <1@letters.test>\r\n"
)
MARKER = "SECRET-MARKER"
"""Stands where something must never come out: in hidden text, in a part that must not be quoted."""


def text(charset: bytes, body: bytes, cte: bytes = b"8bit", subject: bytes = b"x") -> bytes:
    """A single text/plain part."""
    return (
        HEAD
        + b"Subject: "
        + subject
        + b"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset="
        + charset
        + b"\r\nContent-Transfer-Encoding: "
        + cte
        + b"\r\n\r\n"
        + body
    )


def with_subject(subject: bytes) -> bytes:
    """A letter whose Subject has these octets."""
    return text(b"utf-8", b"x", subject=subject)


def sent_by(value: bytes, *more: bytes) -> bytes:
    """A letter with these From fields."""
    fields = b"".join(b"From: " + one + b"\r\n" for one in (value, *more))
    return fields + b"To: bert@letters.test\r\nSubject: x\r\n\r\nhi\r\n"


def dated(value: bytes) -> bytes:
    """A letter with this Date."""
    return b"From: ada@letters.test\r\nDate: " + value + b"\r\n\r\nhi\r\n"


def multi(content_type: bytes, *parts: bytes, boundary: bytes = b"BB") -> bytes:
    """A multipart letter; each part comes with its own header section."""
    inside = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return (
        HEAD
        + b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: "
        + content_type
        + b'; boundary="'
        + boundary
        + b'"\r\n\r\npreamble\r\n'
        + inside
        + b"--"
        + boundary
        + b"--\r\nepilogue\r\n"
    )


def part(content_type: bytes, body: bytes, *fields: bytes) -> bytes:
    """One part: header section and body."""
    more = b"".join(field + b"\r\n" for field in fields)
    return b"Content-Type: " + content_type + b"\r\n" + more + b"\r\n" + body


def html(markup: str) -> bytes:
    """A letter with nothing but HTML."""
    return HEAD + b"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + markup.encode()


def crc24(data: bytes) -> bytes:
    """RFC 9580 6.1.1, slowly."""
    crc = 0xB704CE
    for octet in data:
        crc ^= octet << 16
        for _bit in range(8):
            crc = (crc << 1) ^ (0x1864CFB if crc & 0x800000 else 0)
    return (crc & 0xFFFFFF).to_bytes(3, "big")


def packet(tag: int, body: bytes) -> bytes:
    """An OpenPGP packet with a new-format header (RFC 9580 4.2.1)."""
    size = len(body)
    if size < 192:
        length = bytes((size,))
    elif size < 8384:
        length = bytes(((size - 192 >> 8) + 192, (size - 192) & 255))
    else:
        length = b"\xff" + size.to_bytes(4, "big")
    return bytes((0xC0 | tag,)) + length + body


def partial_packet(tag: int, body: bytes, power: int = 9) -> bytes:
    """An OpenPGP packet in partial lengths of 2**power (RFC 9580 4.2.1.4)."""
    out, size = bytes((0xC0 | tag,)), 1 << power
    while len(body) >= size:
        out += bytes((0xE0 | power,)) + body[:size]
        body = body[size:]
    return out + packet(tag, body)[1:]


def sealed_bytes(size: int = 100, keys: int = 2, *, partial: bool = False) -> bytes:
    """Packets in the order of a sealed message. Nothing in them can be opened."""
    seipd = b"\x02\x09\x02\x06" + b"\xaa" * size
    shell = b"".join(packet(1, b"\x06" + b"\x11" * 90) for _key in range(keys))
    return shell + (partial_packet(18, seipd) if partial else packet(18, seipd))


def armored(data: bytes, *, head: bytes = b"", crc: bool = True) -> bytes:
    """ASCII armor with CRLF (RFC 9580 6.2)."""
    lines = base64.b64encode(data)
    body = b"".join(lines[i : i + 64] + b"\r\n" for i in range(0, len(lines), 64))
    check = b"=" + base64.b64encode(crc24(data)) + b"\r\n" if crc else b""
    return b"-----BEGIN PGP MESSAGE-----\r\n" + head + b"\r\n" + body + check + b"-----END PGP MESSAGE-----\r\n"


def sealed(armor: bytes | None = None, *, head: bytes = HEAD + b"Subject: [...]\r\nMIME-Version: 1.0\r\n") -> bytes:
    """A sealed letter as RFC 3156 4 has it, with an armor that looks right."""
    return head + sealed_part(armored(sealed_bytes()) if armor is None else armor)


def sealed_part(armor: bytes, boundary: bytes = b"SS") -> bytes:
    """The multipart/encrypted alone, beginning with its Content-Type."""
    return (
        b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="' + boundary + b'"\r\n\r\n'
        b"--" + boundary + b"\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n"
        b"--" + boundary + b"\r\nContent-Type: application/octet-stream\r\n\r\n" + armor + b"\r\n"
        b"--" + boundary + b"--\r\n"
    )


def nested(depth: int, innermost: bytes = b"Content-Type: text/plain\r\n\r\ndeep\r\n") -> bytes:
    """Multiparts within multiparts."""
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=N%dN\r\n\r\n--N%dN\r\n" % (i, i) for i in range(depth))
    closing = b"".join(b"--N%dN--\r\n" % i for i in reversed(range(depth)))
    return HEAD + b"Subject: s\r\n" + opening + innermost + closing


def nested_messages(depth: int) -> bytes:
    """Attached messages within attached messages."""
    return HEAD + b"Content-Type: message/rfc822\r\n\r\n" * depth + b"Subject: inside\r\n\r\ninner\r\n"


def many_parts(count: int) -> bytes:
    """A multipart of this many small parts."""
    return multi(b"multipart/mixed", *([b"\r\nx"] * count))


@cache
def hostile() -> dict[str, bytes]:
    """Shapes that other parsers take long for, or fail at (A27)."""
    word = b"=?utf-8?Q?=C3=A9?= "
    return {
        "500 nested multiparts": nested(500),
        "2000 nested multiparts": nested(2000),
        "2000 nested messages": nested_messages(2000),
        "100000 parts": many_parts(100_000),
        "50000 addresses": HEAD + b"To: " + b",".join(b"a%d@letters.test" % i for i in range(50_000)) + b"\r\n\r\nx",
        "20000 encoded words": with_subject(word * 20_000),
        "2000 encoded words": with_subject(word * 2_000),
        "5000 continuations": multi(
            b"multipart/mixed",
            part(
                b"image/png",
                b"x",
                b"Content-Disposition: attachment; " + b"; ".join(b"filename*%d=a" % i for i in range(5000)),
            ),
        ),
        "subject folded 200000 times": with_subject(b"a\r\n b" * 200_000),
        "5000 comments": sent_by(b"(" * 5_000 + b")" * 5_000 + b" ada@letters.test"),
        "30000 open comments": sent_by(b"(" * 30_000 + b" ada@letters.test"),
        "3000 nested groups": sent_by(b"a:" * 3_000 + b"ada@letters.test" + b";" * 3_000),
        "30000 quotes": sent_by(b'"' + b'\\"' * 30_000),
        "60000 angles": sent_by(b"<" * 60_000),
        "100000 header fields": HEAD + b"X: y\r\n" * 100_000 + b"\r\nx",
        "one endless header": HEAD + b"Subject: " + b"x" * 2_000_000 + b"\r\n\r\nx",
        "endless near boundaries": multi(b"multipart/mixed", b"\r\n" + b"--BBx\r\n" * 300_000),
        "endless dashes": multi(b"multipart/mixed", b"\r\n" + b"-" * 2_000_000),
        "no line end at all": b"x" * 5_000_000,
        "only line ends": b"\r\n" * 1_000_000,
        "only NUL": b"\0" * 1_000_000,
        "200 deep divs, long": html("<div>" * 100_000 + "x"),
        "attributes": html("<p " + " ".join(f"a{i}=1" for i in range(100_000)) + ">x"),
        "style sheet": html("<style>" + "a" * 500_000 + "{" * 10 + "</style>x"),
        "many rules": html(
            "<style>"
            + "".join(f".a{i} .b{i}{{display:none}}" for i in range(20_000))
            + "</style>"
            + "<b>x</b>" * 20_000
        ),
        "hidden style": html('<p style="' + "font: " * 100_000 + '">x'),
        "ancestors searched": html(
            "<style>"
            + "".join(f".x{i} .a .b .c{{display:none}} .x{i} .c{{display:none}}" for i in range(200))
            + "</style>"
            + '<div class="a b c">' * 390
            + '<i class="c">x</i>' * 20_000
        ),
        "styles searched": html(("<p style='" + "font:" * 1900 + "'>x") * 100),
        "dust in one line": html("<i>a</i>" * 150_000),
        "open tags": html("<" * 500_000),
        "open comments": html("<!--" * 200_000),
        "entities": html("&amp;" * 400_000),
        "quoted-printable dust": text(b"utf-8", b"= " * 500_000, b"quoted-printable"),
        "base64 dust": text(b"utf-8", b"=" * 1_000_000, b"base64"),
        "uuencode dust": text(b"utf-8", b"begin 644 x\n" + b"M\n" * 500_000, b"x-uuencode"),
        "uuencode lines": text(b"utf-8", b"begin 644 x\n" + b"!83P \n" * 300_000, b"x-uuencode"),
        "utf-7 dust": text(b"utf-7", b"+" * 500_000),
        "flowed dust": text(b"utf-8; format=flowed", b"a \r\n" * 200_000),
        "long references": HEAD + b"References: " + b"<a@b> " * 10_000 + b"\r\n\r\nx",
        "parameter dust": HEAD + b"Content-Type: text/plain" + b';a="' * 16_000 + b"\r\n\r\nx",
    }
