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
from dearly.opener.protocol import OPERATIONS, QUESTIONS, READY, Open
from dearly.opener.wire import ready
from dearly.seal import openpgp, trust
from dearly.seal.keys import OwnKey

_WHEN = datetime(2020, 1, 1, tzinfo=UTC)
_NOBODY = Address("nobody", "xn--nxasmq6b.invalid")


def letters() -> None:
    """Everything that an opener of letters does."""
    _types()
    for names in charset._KNOWN.values():  # the table of all that are ever decoded
        for name in names:
            "x".encode(name)
    zlib.decompressobj().decompress(zlib.compress(b"x"))
    bz2.BZ2Decompressor().decompress(bz2.compress(b"x"))
    own = OwnKey.generate([_NOBODY], _WHEN)
    letter = _letter()
    inside = write.render(letter, autocrypt=(_NOBODY, own.certificate))
    plan = trust.plan({_NOBODY: own.certificate}, _WHEN)
    whole = pgpmime.wrap(letter, openpgp.seal(inside, own, plan).armored, _NOBODY)

    def ask(question: str, value: tuple[bytes, ...]) -> tuple[object, ...]:
        return openpgp.session_keys(value, own) if question == "keys" else ()

    for raw in (whole, inside, b"Content-Type: text/html\r\n\r\n<p style='x'>a <a href='http://b.invalid'>c</a>"):
        reading.open_parcel(Open(raw, datetime.now(UTC), (own.fingerprint,), (_NOBODY,), 1 << 20), ask)
    trust.merge(own.certificate, own.plain_certificate)


def cards() -> None:
    """Everything that a reader of visiting cards does."""
    from dearly.exchange import vcard

    _types()
    own = OwnKey.generate([_NOBODY], _WHEN)
    card = vcard.read_card(vcard.write_card("Nobody", [str(_NOBODY)], own.certificate, None).encode())
    for certificate in card.certificates:
        trust.examine(trust.minimise(certificate, None), _WHEN)


def keys() -> None:
    """Everything that a keyholder does."""
    _types()
    own = OwnKey.generate([_NOBODY], _WHEN)
    own = OwnKey.from_bytes(own.to_bytes())
    other = OwnKey.generate([_NOBODY], _WHEN)
    sealed = openpgp.seal(b"x", own, trust.plan({_NOBODY: other.certificate}, _WHEN))
    openpgp.session_keys(openpgp.outer(sealed.armored).pkesks, own)


def _types() -> None:
    ready(READY)
    for operation in (*OPERATIONS.values(), *QUESTIONS.values()):
        ready(operation.takes)
        ready(operation.gives)


def _letter() -> Letter:
    somebody = Correspondent("Nöbody", _NOBODY)
    picture = Enclosure("ä.png", "image/png", b"\x89PNG", cid="x@y.invalid")
    return Letter(
        letter_id=LetterId("x@y.invalid"),
        sender=somebody,
        to=(somebody,),
        date=_WHEN,
        subject="ü",
        text="*ö* – 你\n\n> x\n",
        enclosures=(Enclosure("ß.txt", "text/plain", b"x"), picture),
        letter_no=1,
    )
