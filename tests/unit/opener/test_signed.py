"""Letters that are signed and never sealed: what of them is looked at, what that comes to, and that it never makes them
sealed ones (A06, A10). And those that were signed first and sealed as a whole (RFC 3156 6.1)."""

from __future__ import annotations

import pytest
from tests.support import parcels
from tests.support.opening import around, here, inside, outside, seal_of
from tests.support.openpgp import NOW, address, literal, person, revoked, seal_raw

from dearly.letter.sealing import Seal, Shape, Signature, Signed
from dearly.mime import autocrypt
from dearly.opener.values import Opened
from dearly.seal import packets
from dearly.seal.armor import armor
from dearly.seal.keys import OwnKey
from dearly.seal.packets import Tag
from dearly.seal.signature import BINARY, TEXT, sign

ADA = person("ada")
KNOWN = [ADA.certificate]
PART = b"Content-Type: text/plain; charset=utf-8\r\n\r\nDear Bert,\r\nthe harvest is in.\r\n"


def signature(data: bytes, by: OwnKey = ADA, kind: int = BINARY) -> bytes:
    body = sign(by.primary, kind, [data], int(NOW.timestamp()))
    return armor(packets.write(Tag.SIGNATURE, body), "SIGNATURE")


def two_parts(part: bytes = PART, sig: bytes | None = None, head: bytes | None = None) -> bytes:
    """RFC 3156 5. Our own bytes between the boundaries, exactly."""
    sig = signature(part) if sig is None else sig
    return (
        (outside() if head is None else head)
        + b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=SS\r\n\r\n'
        + b"--SS\r\n"
        + part
        + b"\r\n--SS\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\n"
        + sig
        + b"\r\n--SS--\r\n"
    )


def in_place(text: bytes = b"Dear Bert,\n- dashes\nand blanks  \n\nYours", **how: bytes) -> bytes:
    """RFC 9580 7, as a whole letter. `before`, `after`, `head`, `signed`: what a twisted one has."""
    canonical = b"\r\n".join(line.rstrip(b" \t") for line in text.split(b"\n"))
    shown = b"\r\n".join(b"- " + line if line.startswith(b"-") else line for line in text.split(b"\n"))
    block = (
        b"-----BEGIN PGP SIGNED MESSAGE-----\r\n"
        + how.get("head", b"Hash: SHA512\r\n")
        + b"\r\n"
        + how.get("signed", shown)
        + b"\r\n"
        + signature(canonical, kind=int(how.get("kind", b"1")))
    )
    return (
        outside()
        + b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
        + how.get("before", b"")
        + block
        + how.get("after", b"")
    )


def says(opened: Opened) -> str:
    assert opened.letter is not None
    return opened.letter.text


def is_a_postcard(opened: Opened) -> None:
    assert opened.evidence.shape is Shape.PLAIN
    assert seal_of(opened) is Seal.NEVER_SEALED


def test_one_around_the_whole_letter_holds() -> None:
    for raw in (two_parts(), two_parts().replace(b"\r\n", b"\n")):
        opened = here(raw, known=KNOWN)
        is_a_postcard(opened)
        assert (opened.signed, opened.signers) == (Signed.HOLDS, (ADA.fingerprint,))
        assert opened.letter is not None
        assert says(opened).replace("\r", "") == "Dear Bert,\nthe harvest is in.\n"
        assert opened.letter.enclosures == ()


def test_one_in_place_holds_and_only_what_is_signed_is_shown() -> None:
    opened = here(in_place(), known=KNOWN)
    is_a_postcard(opened)
    assert opened.signed is Signed.HOLDS
    assert says(opened) == "Dear Bert,\n- dashes\nand blanks\n\nYours\n"


def test_what_is_not_known_or_does_not_hold() -> None:
    changed = two_parts().replace(b"is in", b"is lost")
    assert here(changed, known=KNOWN).signed is Signed.BAD
    assert here(two_parts()).signed is Signed.UNKNOWN
    assert here(two_parts(sig=b"no signature at all"), known=KNOWN).signed is Signed.UNKNOWN
    assert here(in_place(signed=b"Dear Bert, send money"), known=KNOWN).signed is Signed.BAD
    assert here(two_parts(), known=[revoked(ADA)]).signed is Signed.BAD
    # A16: an old copy of the certificate beside the one that is revoked takes nothing back.
    for copies in ([ADA.certificate, revoked(ADA)], [revoked(ADA), ADA.certificate]):
        assert here(two_parts(), known=copies).signed is Signed.BAD
    by_clara = here(two_parts(sig=signature(PART, person("clara"))), known=[*KNOWN, person("clara").certificate])
    # Whose key it is, the address book says (`desk.open`): for Ada it is then one that cannot be checked.
    assert by_clara.signers == (person("clara").fingerprint,)


def test_a_key_that_comes_with_the_letter_proves_nothing() -> None:
    head = outside() + b"Autocrypt: " + autocrypt.header(address("ada"), ADA.certificate).encode() + b"\r\n"
    assert here(two_parts(head=head)).signed is Signed.UNKNOWN


IN_PART = {
    "text before": in_place(before=b"You are dismissed.\r\n\r\n"),
    "text after": in_place(after=b"\r\nYou are dismissed.\r\n"),
    "two": in_place(after=b"\r\n" + in_place()[in_place().index(b"-----BEGIN") :]),
    "a line in the head": in_place(head=b"Hash: SHA512\r\nYou are dismissed\r\n"),
    "a field in the head": in_place(head=b"Comment: You are dismissed\r\nHash: SHA512\r\n"),
    "more in Hash": in_place(head=b"Hash: SHA512\xe2\x80\xa8You are dismissed\r\n"),
    "no empty line": in_place(head=b"Hash: SHA512\r\nYou are dismissed\r\nHash: SHA1\r\n"),
    "an unescaped line": in_place(signed=b"Dear Bert\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\nYours"),
    "within a part": parcels.multi(
        b"multipart/mixed", parcels.part(b"text/plain", b"You are dismissed."), in_place()[len(outside()) :]
    ),
}


@pytest.mark.parametrize("name", IN_PART)
def test_a10_what_is_not_around_the_whole_is_shown_as_it_stands(name: str) -> None:
    opened = here(IN_PART[name], known=KNOWN)
    is_a_postcard(opened)
    assert opened.signed is Signed.IN_PART
    assert opened.signers == ()
    assert "-----BEGIN PGP" in says(opened)


def test_a10_a_signature_over_a_file_is_none_around_a_text() -> None:
    assert here(in_place(kind=b"0"), known=KNOWN).signed is Signed.UNKNOWN
    assert (BINARY, TEXT) == (0, 1)


def test_a06_a_signed_part_further_down_proves_nothing() -> None:
    whole = two_parts()[len(outside()) :]
    footer = parcels.part(b"text/plain", b"You are dismissed.")
    third = two_parts().replace(b"--SS--", b"--SS\r\n" + footer + b"\r\n--SS--")
    wrapped = parcels.multi(b"multipart/mixed", whole, footer)
    attached = parcels.multi(b"multipart/mixed", footer, parcels.part(b"application/pgp-signature", signature(PART)))
    for raw, wanted in ((wrapped, Signed.IN_PART), (attached, Signed.IN_PART), (third, Signed.UNKNOWN)):
        opened = here(raw, known=KNOWN)
        is_a_postcard(opened)
        assert opened.signed is wanted
        assert "You are dismissed." in says(opened)
        assert opened.signers == ()
    forwarded = parcels.multi(b"multipart/mixed", footer, parcels.part(b"message/rfc822", two_parts()))
    assert here(forwarded, known=KNOWN).signed is Signed.NONE


def test_an_armor_in_a_text_or_a_file_is_not_opened() -> None:
    sealed = parcels.armored(seal_raw(literal(b"the spare key"), person("bert")))
    for part in (
        parcels.part(b"text/plain", b"Look:\r\n" + sealed),
        parcels.part(b"application/octet-stream; name=letter.asc", sealed, b"Content-Disposition: attachment"),
    ):
        raw = parcels.multi(b"multipart/mixed", parcels.part(b"text/plain", b"Dear Bert"), part)
        opened = here(raw)
        is_a_postcard(opened)
        assert opened.signed is Signed.IN_PART
        assert "the spare key" not in repr(opened.letter)


def test_a19_header_fields_inside_that_say_something_else_outside() -> None:
    inner = b'Subject: The harvest\r\nContent-Type: text/plain; hp="clear"\r\n\r\nDear Bert\r\n'
    true = outside().replace(b"Subject: [...]", b"Subject: The harvest")
    assert here(two_parts(inner, head=true), known=KNOWN).signed is Signed.HOLDS
    assert here(two_parts(inner), known=KNOWN).signed is Signed.BAD
    named = b"From: ada@letters.test\r\nTo: clara@letters.test\r\n" + inner
    assert here(two_parts(named, head=true), known=KNOWN).signed is Signed.BAD


def test_other_ways_of_signing_cannot_be_checked() -> None:
    raw = two_parts().replace(b"application/pgp-signature", b"application/pkcs7-signature")
    assert here(raw, known=KNOWN).signed is Signed.UNKNOWN


def test_signed_first_and_then_sealed_as_a_whole() -> None:
    part = inside()
    raw = around(seal_raw(literal(two_parts(part, head=b"Subject: not signed\r\n")), person("bert")))
    opened = here(raw, known=KNOWN)
    assert opened.evidence.signature is Signature.HOLDS
    assert opened.signers == (ADA.fingerprint,)
    assert seal_of(opened) in {Seal.SIGNED_FIRST_SEEN, Seal.SIGNED_PINNED}
    assert opened.letter is not None
    assert opened.letter.heading.subject == "The harvest"
    assert opened.signed is Signed.NONE
    # Passed on under a seal of somebody else's: what names the readers is what Ada signed (A17).
    to_clara = inside().replace(b"bert@", b"clara@")
    assert here(
        around(seal_raw(literal(two_parts(to_clara, head=b"")), person("bert"))), known=KNOWN
    ).evidence.for_us is (False)
    twisted = around(
        seal_raw(literal(two_parts(part, head=b"").replace(b"harvest is in", b"mill is sold")), person("bert"))
    )
    assert seal_of(here(twisted, known=KNOWN)) is Seal.SIGNATURE_BAD


def test_a06_a_footer_under_the_seal_makes_it_an_unsigned_one() -> None:
    wrapped = parcels.multi(b"multipart/mixed", two_parts(head=b""), parcels.part(b"text/plain", b"You are dismissed."))
    opened = here(around(seal_raw(literal(wrapped), person("bert"))), known=KNOWN)
    assert seal_of(opened) is Seal.UNSIGNED
