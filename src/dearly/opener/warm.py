"""Doing everything once before locking down, so that nothing is left to be imported, opened or looked up afterwards.

A child goes through one whole small letter with throw-away keys, asks for every charset that a letter may name, and
touches what libraries load on first use. A test holds the child to it: after this, no module is ever loaded again.
"""

from __future__ import annotations

import bz2
import zlib
from datetime import UTC, datetime

from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure, Letter, LetterId
from dearly.mime import charset, pgpmime, write
from dearly.opener import reading
from dearly.opener.protocol import Open
from dearly.seal import openpgp, trust
from dearly.seal.keys import OwnKey

WHEN = datetime(2020, 1, 1, tzinfo=UTC)
NOBODY = Address("nobody", "xn--nxasmq6b.invalid")


def letters() -> None:
    """Go through everything that an opener of letters does."""
    for names in charset._KNOWN.values():  # the table of all that are ever decoded
        for name in names:
            "x".encode(name)
    zlib.decompressobj().decompress(zlib.compress(b"x"))
    bz2.BZ2Decompressor().decompress(bz2.compress(b"x"))
    own = OwnKey.generate([NOBODY], WHEN)
    letter = _letter()
    inside = write.render(letter, autocrypt=(NOBODY, own.certificate))
    plan = trust.plan({NOBODY: own.certificate}, WHEN)
    whole = pgpmime.wrap(letter, openpgp.seal(inside, own, plan).armored, NOBODY)

    def ask(question: str, value: tuple[bytes, ...]) -> tuple[object, ...]:
        return openpgp.session_keys(value, own) if question == "keys" else ()

    for raw in (whole, inside, b"Content-Type: text/html\r\n\r\n<p style='x'>a <a href='http://b.invalid'>c</a>"):
        reading.open_parcel(Open(raw, datetime.now(UTC), (own.fingerprint,), (NOBODY,), 1 << 20), ask)
    trust.merge(own.certificate, own.plain_certificate)


def _letter() -> Letter:
    somebody = Correspondent("Nöbody", NOBODY)
    picture = Enclosure("ä.png", "image/png", b"\x89PNG", cid="x@y.invalid")
    return Letter(
        letter_id=LetterId("x@y.invalid"),
        sender=somebody,
        to=(somebody,),
        date=WHEN,
        subject="ü",
        text="*ö* – 你\n\n> x\n",
        enclosures=(Enclosure("ß.txt", "text/plain", b"x"), picture),
        letter_no=1,
    )
