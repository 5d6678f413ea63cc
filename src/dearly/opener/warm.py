"""Doing everything once before locking down, so that nothing is left to be imported, opened or looked up afterwards.

A child goes through one whole small letter with throw-away keys, asks for every charset that a letter may name, and
touches what libraries load on first use. A test holds the child to it: after this, no module is ever loaded again.
"""

from __future__ import annotations

import bz2
import zlib
from datetime import UTC, datetime
from typing import Any

from dearly.letter.address import Address
from dearly.mime import autocrypt, charset
from dearly.opener import reading, stacks
from dearly.opener.bulk import Stack
from dearly.opener.protocol import Operation
from dearly.opener.protocol_letters import KEYS, Open
from dearly.seal import openpgp, trust
from dearly.seal.keys import OwnKey

WHEN = datetime(2020, 1, 1, tzinfo=UTC)
NOBODY = Address.parse("nobody@ö.invalid")

_HEAD = f"""\
From: =?utf-8?q?N=C3=B6body?= <{NOBODY}>
To: <{NOBODY}>
Date: Wed, 01 Jan 2020 00:00:00 +0000
Message-ID: <x@y.invalid>
Subject: =?iso-8859-1?b?/A==?=
MIME-Version: 1.0
"""
_INSIDE = """\
HP-Outer: Date: Wed, 01 Jan 2020 00:00:00 +0000
Content-Type: multipart/mixed; boundary="m"; hp="cipher"

--m
Content-Type: multipart/alternative; boundary="a"

--a
Content-Type: text/plain; charset=windows-1252; format=flowed
Content-Transfer-Encoding: quoted-printable

=F6 >=20
--a
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHN0eWxlPnAuYXtkaXNwbGF5Om5vbmV9PC9zdHlsZT48cCBzdHlsZT0iY29sb3I6cmVkIj5hPC9wPjxhIGhyZWY9Imh0dHA6Ly9iLmludmFsaWQiPmM8L2E+
--a--
--m
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*=utf-8''%C3%9F.txt

x
--m--
"""
_OUTSIDE = """\
Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="e"

--e
Content-Type: application/pgp-encrypted

Version: 1
--e
Content-Type: application/octet-stream

"""
_HTML = (
    b"Content-Type: text/html\r\n\r\n<style>p .a{display:none}</style><p>x<a href='http://b.invalid'>c</a><b class=a>d"
)


def letters() -> None:
    """Go through everything that an opener of letters does."""
    for names in charset._KNOWN.values():  # the table of all that are ever decoded
        for name in names:
            "x".encode(name)
    zlib.decompressobj().decompress(zlib.compress(b"x"))
    bz2.BZ2Decompressor().decompress(bz2.compress(b"x"))
    own = OwnKey.generate([NOBODY], WHEN)
    introduction = f"Autocrypt: {autocrypt.header(NOBODY, own.certificate)}\n"
    inside = _crlf(_HEAD + introduction + _INSIDE)
    sealed = openpgp.seal(inside, own, trust.plan({NOBODY: own.certificate}, WHEN))

    def ask(question: Operation[Any, Any], value: Any) -> Any:
        return openpgp.session_keys(value, own) if question is KEYS else ()

    for raw in (_crlf(_HEAD + _OUTSIDE) + sealed.armored + b"--e--\r\n", inside, _HTML):
        reading.open_parcel(Open(raw, datetime.now(UTC), (own.fingerprint,), (NOBODY,), 1 << 20), ask)
    stacks.read(Stack((inside, _HTML), (None, True), (NOBODY,)))
    trust.merge(own.certificate, own.plain_certificate)


_EVERYTHING = (
    "# a\n\n- b\n\n1. c\n\n> d *e* **f** ~~g~~ `h`\n\n|a|\n|-|\n|b|\n\n```\nx\n```\n\n![p](cid:q)"
    "\n\n[b](https://ö.invalid) <https://b.invalid> https://b.invalid &ouml; <x>\n\n---\n"
)


def showing() -> None:
    """Go through everything that is done to show a letter."""
    from dearly.opener import foreign, paper  # what opens letters never needs them
    from dearly.opener.showing import Foreign, Picture, Sheet

    html = "<style>.a{display:none}</style><p class=a>a</p><p>b<a href='https://b.invalid/%s'>c</a>" % ("x" * 120)
    for commonmark in (True, False):
        for text in (_EVERYTHING, "<https://b.invalid/…>"):
            paper.paper(Sheet(text, commonmark, ("q",), "/p/", "/l/", html))
    foreign.document(Foreign(html + "<img src=cid:q>", (Picture("q", "image/png", b"x"),), "en"))


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
