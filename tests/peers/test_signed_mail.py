"""What people with GnuPG 2.2 send: signed and not sealed, as a part of its own (RFC 3156 5) and
in place (RFC 9580 7); and signed as a part first, then sealed as a whole (RFC 3156 6.1). Made by the real program."""

from __future__ import annotations

import pytest

from dearly.letter.sealing import Seal, Signature, Signed
from dearly.seal import trust
from dearly.seal.armor import dearmor
from tests.support.opening import here, outside, seal_of
from tests.support.openpgp import NOW, person
from tests.support.parcels import armored, sealed
from tests.support.peers import GnuPG

ADA = "Ada <ada@letters.test>"
TEXT = "Dear Bert,\n- dashes\n\nFrom here: Grüße  \n-- \nAda"


def _key(gnupg: GnuPG) -> bytes:
    """Ada's certificate, older than the letters of the tests."""
    return trust.minimise(gnupg.make_key(ADA), None)


def _two_parts(gnupg: GnuPG, part: bytes) -> bytes:
    signature = gnupg("--armor", "-u", "ada", "--detach-sign", given=part).replace(b"\n", b"\r\n")
    return (
        b'Content-Type: multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature"; boundary=SS\r\n\r\n'
        b"--SS\r\n"
        + part
        + b"\r\n--SS\r\nContent-Type: application/pgp-signature\r\n\r\n"
        + signature
        + b"\r\n--SS--\r\n"
    )


PART = (
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    + TEXT.replace("\n", "\r\n").encode()
)


def test_a_part_of_its_own(gnupg: GnuPG) -> None:
    known = [_key(gnupg)]
    raw = outside() + _two_parts(gnupg, PART)
    assert here(raw, known=known).signed is Signed.HOLDS
    assert here(raw.replace(b"\r\n", b"\n"), known=known).signed is Signed.HOLDS
    assert here(raw.replace(b"From here", b"From there"), known=known).signed is Signed.BAD
    assert here(raw).signed is Signed.UNKNOWN


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
def test_in_place(gnupg: GnuPG, charset: str) -> None:
    known = [_key(gnupg)]
    block = gnupg("-u", "ada", "--clear-sign", given=TEXT.encode(charset)).replace(b"\n", b"\r\n")
    raw = outside() + f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + block
    found = here(raw, known=known)
    assert found.signed is Signed.HOLDS
    assert found.letter is not None
    assert found.letter.text.split() == TEXT.split()
    assert here(raw.replace(b"dashes", b"ashes"), known=known).signed is Signed.BAD
    twice = here(raw + block, known=known)
    assert (twice.signed, twice.signers) == (Signed.IN_PART, ())


def test_signed_first_and_then_sealed(gnupg: GnuPG) -> None:
    known = [_key(gnupg)]
    bert = person("bert")
    gnupg.take(bert.certificate)
    whole = _two_parts(gnupg, PART)
    packets = dearmor(gnupg("--trust-model", "always", "--armor", "-r", "bert@letters.test", "--encrypt", given=whole))
    raw = sealed(armored(packets), head=outside())
    found = here(raw, known=known)
    assert found.evidence.signature is Signature.HOLDS
    assert found.letter is not None
    assert found.letter.text.replace("\r", "").startswith("Dear Bert,\n- dashes\n")
    assert seal_of(found) in {Seal.SIGNED_FIRST_SEEN, Seal.SIGNED_PINNED}
    assert here(raw).evidence.signature is Signature.UNKNOWN
    assert found.signed_at is not None
    assert found.signed_at.year >= NOW.year
