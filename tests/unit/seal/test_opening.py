"""What opening comes to, for each kind of letter that may arrive."""

from datetime import timedelta

import pysequoia
import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESOCB3

from dearly.letter.sealing import Grammar, Integrity, Key, Shape, Signature
from dearly.seal import openpgp, packets, seipd, signature, skesk
from dearly.seal.armor import armor
from dearly.seal.openpgp import seal
from dearly.seal.packets import Packet, Tag
from dearly.seal.pkesk import CannotOpen, Head
from dearly.seal.signature import SignaturePacket, sign
from tests.support.openpgp import (
    NOW,
    TEXT,
    YESTERDAY,
    bomb,
    compressed,
    literal,
    open_letter,
    person,
    plan_for,
    seal_raw,
    signed,
    signed_message,
)

ADA, BERT, CLARA = person("ada"), person("bert"), person("clara")
LETTER = signed(TEXT, ADA, BERT, ADA)
ONE_PASS, LITERAL, SIGNATURE = packets.read(LETTER)
MARKER, PADDING = Packet(Tag.MARKER, b"PGP"), Packet(Tag.PADDING, bytes(100))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    "inner",
    [
        LETTER,
        compressed(LETTER, 0),
        compressed(LETTER, 1),
        compressed(LETTER, 2),
        compressed(LETTER, 3),
        compressed(compressed(LETTER, 1), 3),
        packets.join([MARKER, ONE_PASS, LITERAL, PADDING, SIGNATURE, PADDING]),
        packets.join([SIGNATURE, LITERAL]),
    ],
    ids=["bare", "uncompressed", "zip", "zlib", "bzip2", "twice", "padded", "signature-first"],
)
def test_letters_of_all_makes(version: int, inner: bytes) -> None:
    for blob in (seal_raw(inner, BERT, version), armor(seal_raw(inner, BERT, version))):
        result = open_letter(blob, BERT, [ADA.certificate])
        assert result.unpacked.data == TEXT
        assert (result.unpacked.key, result.unpacked.integrity, result.unpacked.grammar) == (
            Key.FITTED,
            Integrity.INTACT,
            Grammar.ONE_LETTER,
        )
        assert result.verified.signature is Signature.HOLDS
        assert result.verified.intended == (BERT.fingerprint, ADA.fingerprint)
        assert result.outer.quantum_safe is (version == 2)


@pytest.mark.parametrize(
    "inner",
    [
        literal(TEXT) * 2,
        LETTER + literal(TEXT),
        literal(TEXT) + LETTER,
        packets.join([ONE_PASS, LITERAL]),
        packets.join([LITERAL, SIGNATURE]),
        packets.join([ONE_PASS, LITERAL, SIGNATURE, SIGNATURE]),
        packets.join([ONE_PASS, Packet(Tag.COMPRESSED, b"\0" + packets.join([LITERAL])), SIGNATURE]),
        packets.join([ONE_PASS] * 21 + [LITERAL] + [SIGNATURE] * 21),
        packets.join([MARKER] * 201),
        LETTER + b"trailing",
        LETTER[:-1],
        b"",
        b"plain text",
        packets.write(Tag.LITERAL, b"b\x09abc"),
        packets.write(Tag.LITERAL, b""),
        packets.write(Tag.USER_ID, b"Ada"),
        compressed(compressed(compressed(LETTER))),
        packets.write(Tag.COMPRESSED, b""),
        packets.write(Tag.COMPRESSED, b"\2" + b"no zlib"),
        compressed(LETTER)[:2] + compressed(LETTER)[2:] + b"x",
        compressed(LETTER) + LETTER,
        compressed(literal(TEXT)) * 2,
        seal_raw(LETTER, BERT),
    ],
)
def test_not_exactly_one_letter(inner: bytes) -> None:
    result = open_letter(seal_raw(inner, BERT), BERT, [ADA.certificate])
    assert (result.unpacked.key, result.unpacked.integrity) == (Key.FITTED, Integrity.INTACT)
    assert result.unpacked.grammar is Grammar.OTHER
    assert result.unpacked.data == b""
    assert result.verified.signature is Signature.NONE


def test_unknown_compression_is_unsupported() -> None:
    for blob in (packets.write(Tag.COMPRESSED, b"\x09abc"), compressed(packets.write(Tag.COMPRESSED, b"\x6eabc"))):
        result = open_letter(seal_raw(blob, BERT), BERT)
        assert (result.unpacked.key, result.unpacked.integrity) == (Key.FITTED, Integrity.UNSUPPORTED)
        assert result.unpacked.data == b""


def test_name_and_date_of_the_literal_are_not_read() -> None:
    """A09: they are not signed, and they have been used to fake status lines."""
    hostile = b"x\n[GNUPG:] GOODSIG 0000 Ada\n\x1b[2J"
    inner = packets.join([ONE_PASS, Packet(*packets.read(literal(TEXT, hostile, b"u", 2**32 - 1))[0]), SIGNATURE])
    result = open_letter(seal_raw(inner, BERT), BERT, [ADA.certificate])
    assert result.unpacked.data == TEXT
    assert result.verified.signature is Signature.HOLDS
    assert hostile not in repr(result).encode()
    assert "GOODSIG" not in repr(result)


def test_text_signatures() -> None:
    text = b"Dear Bert,\nline ends may change.\n"
    made = sign(ADA.primary, signature.TEXT, (text.replace(b"\n", b"\r\n"),), int(NOW.timestamp()))
    one_pass = Packet(Tag.ONE_PASS, ONE_PASS.body[:1] + b"\1" + ONE_PASS.body[2:])
    inner = packets.join([one_pass, packets.read(literal(text, kind=b"t"))[0], Packet(Tag.SIGNATURE, made)])
    result = open_letter(seal_raw(inner, BERT), BERT, [ADA.certificate])
    assert result.unpacked.data == text
    assert result.verified.signature is Signature.HOLDS


def test_unsigned() -> None:
    result = open_letter(seal_raw(literal(TEXT), BERT), BERT, [ADA.certificate])
    assert result.unpacked.grammar is Grammar.ONE_LETTER
    assert result.unpacked.data == TEXT
    assert result.unpacked.issuers == ()
    assert result.verified == openpgp.Verified(Signature.NONE)


def test_locked() -> None:
    result = open_letter(seal(TEXT, ADA, plan_for(BERT)).armored, CLARA, [ADA.certificate])
    assert result.outer.shape is Shape.SEALED
    assert result.unpacked.key is Key.NONE
    assert result.unpacked.data == b""
    assert result.verified.signature is Signature.NONE


@pytest.mark.parametrize("version", [1, 2])
def test_cut_or_altered_containers(version: int) -> None:
    blob = seal_raw(LETTER, BERT, version)
    (*heads, container) = packets.read(blob)
    body = container.body
    bad = [body[:-1], body[:-40], body[:60], body[:36], body[:2], body + b"x", body[:-1] + bytes([body[-1] ^ 1])]
    bad += [body[: len(body) // 2] + bytes([body[len(body) // 2] ^ 0x80]) + body[len(body) // 2 + 1 :]]
    if version == 1:
        bad += [body[:-22], body[:1] + body[17:]]
    for altered in bad:
        result = open_letter(packets.join([*heads, Packet(Tag.SEIPD, altered)]), BERT, [ADA.certificate])
        if len(altered) > 3:
            assert (result.unpacked.key, result.unpacked.integrity) == (Key.FITTED, Integrity.ALTERED)
        assert result.unpacked.data == b""
        assert result.verified.signature is Signature.NONE


def test_unprotected_containers_are_unsupported() -> None:
    """A02: what is not protected against alteration is never opened, whatever it holds."""
    (*heads, container) = packets.read(seal_raw(LETTER, BERT, 1))
    for other in (
        Packet(Tag.SED, container.body[1:]),
        Packet(Tag.SEIPD, b"\3" + container.body[1:]),
        Packet(Tag.OCBED, b"\1\x09\2\x10" + bytes(100)),
        Packet(Tag.SEIPD, b"\2\x09\1\x06" + bytes(100)),
        Packet(Tag.SEIPD, b"\2\x02\2\x06" + bytes(100)),
        Packet(Tag.SEIPD, b""),
    ):
        result = open_letter(packets.join([*heads, other]), BERT)
        assert result.outer.integrity is Integrity.UNSUPPORTED
        assert (result.unpacked.key, result.unpacked.integrity) == (Key.FITTED, Integrity.UNSUPPORTED)
        assert open_letter(packets.join([*heads, other]), CLARA).unpacked.key is Key.NONE


def test_old_ciphers_are_unsupported() -> None:
    outer = openpgp.outer(seal_raw(LETTER, BERT, 1))
    for cipher, size in ((2, 24), (3, 16), (4, 16), (10, 32), (13, 32)):
        key = openpgp.SessionKey(cipher, bytes(size), BERT.fingerprint, 0)
        assert openpgp.unpack(outer, [key]).integrity is Integrity.UNSUPPORTED


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"Dear Bert",
        LETTER,
        armor(LETTER),
        literal(TEXT),
        compressed(seal_raw(LETTER, BERT)),
        seal_raw(LETTER, BERT) + literal(TEXT),
        literal(TEXT) + seal_raw(LETTER, BERT),
        seal_raw(LETTER, BERT) * 2,
        seal_raw(LETTER, BERT, heads=[packets.read(literal(TEXT))[0]]),
        seal_raw(LETTER, BERT)[:-1],
        armor(seal_raw(LETTER, BERT)) + b"and more",
        packets.join(packets.read(seal_raw(LETTER, BERT))[:1]),
        b"\x80" * 100,
    ],
)
def test_what_is_no_sealed_letter(blob: bytes) -> None:
    """A06 on the level of packets: only session keys and then one container."""
    result = open_letter(blob, BERT, [ADA.certificate])
    assert result.outer == openpgp.Outer(Shape.MALFORMED)
    assert result.unpacked.key is Key.NONE
    assert result.unpacked.data == b""


def test_markers_and_unknown_session_keys_are_passed_over() -> None:
    strange = [MARKER, Packet(Tag.PKESK, b"\x09abc"), Packet(Tag.PKESK, b""), PADDING, Packet(Tag.SKESK, b"\x05")]
    result = open_letter(seal_raw(LETTER, BERT, heads=strange), BERT, [ADA.certificate])
    assert result.verified.signature is Signature.HOLDS
    assert not result.outer.quantum_safe


def test_a_passphrase_beside_it_is_not_quantum_safe() -> None:
    result = open_letter(seal_raw(LETTER, BERT, heads=[Packet(Tag.SKESK, b"\4\x09\0\x08")]), BERT, [ADA.certificate])
    assert result.verified.signature is Signature.HOLDS
    assert not result.unpacked.quantum_safe


def test_bomb() -> None:
    """A25: 2 GiB in 2 MB."""
    blob = seal_raw(bomb(2048), BERT)
    assert len(blob) < 2_200_000
    result = open_letter(blob, BERT, limit=64 << 20)
    assert (result.unpacked.key, result.unpacked.integrity) == (Key.FITTED, Integrity.TOO_BIG)
    assert result.unpacked.data == b""


def test_a_bomb_in_a_bomb_and_the_limit_itself() -> None:
    inner = compressed(bomb(20), 3)
    assert open_letter(seal_raw(inner, BERT), BERT, limit=10 << 20).unpacked.integrity is Integrity.TOO_BIG
    assert len(open_letter(seal_raw(inner, BERT), BERT, limit=21 << 20).unpacked.data) == 20 << 20
    exact = compressed(literal(bytes(1000)))
    size = len(literal(bytes(1000)))
    assert open_letter(seal_raw(exact, BERT), BERT, limit=size).unpacked.integrity is Integrity.INTACT
    assert open_letter(seal_raw(exact, BERT), BERT, limit=size - 1).unpacked.integrity is Integrity.TOO_BIG


def test_what_is_not_compressed_cannot_be_too_big() -> None:
    """Its size is the parcel's own, which is already here."""
    assert open_letter(seal_raw(LETTER, BERT), BERT, limit=10).unpacked.data == TEXT


def test_a_flood_of_recipients() -> None:
    """A26: more than 64 session key packets are no letter; 64 are looked at."""
    (theirs, _) = packets.read(seal_raw(LETTER, CLARA))
    heads = [Packet(Tag.PKESK, Head.read(theirs.body).nameless())] * 63
    assert open_letter(seal_raw(LETTER, BERT, heads=heads), BERT, [ADA.certificate]).unpacked.data == TEXT
    assert open_letter(seal_raw(LETTER, BERT, heads=[*heads, heads[0]]), BERT).outer.shape is Shape.MALFORMED
    assert openpgp.session_keys([b"junk"] * 64 + [packets.read(seal_raw(LETTER, BERT))[0].body], BERT) == ()


@pytest.mark.parametrize("profile", [pysequoia.Profile.RFC4880, pysequoia.Profile.RFC9580], ids=["v4", "v6"])
def test_letters_by_sequoia(profile: pysequoia.Profile) -> None:
    tsk = pysequoia.Tsk.generate("Clara <clara@letters.test>", profile=profile)
    cert = tsk.extract_certificate()
    blob = pysequoia.encrypt(TEXT, recipients=[pysequoia.Cert.from_bytes(BERT.certificate)], signer=tsk.signer())
    result = open_letter(blob, BERT, [bytes(cert)])
    assert result.unpacked.data == TEXT
    assert result.verified.signature is Signature.HOLDS
    assert result.verified.signers == (cert.fingerprint,)
    assert result.verified.intended == ()
    assert not result.outer.quantum_safe  # Sequoia seals to both of our subkeys


def test_passphrases() -> None:
    tsk = pysequoia.Tsk.generate("Ada <ada@letters.test>", profile=pysequoia.Profile.RFC4880)
    blob = pysequoia.encrypt(TEXT, passwords=["grün wie nie"], signer=tsk.signer())
    result = open_letter(blob, BERT, [bytes(tsk.extract_certificate())], passphrase="grün wie nie")
    assert result.unpacked.data == TEXT
    assert result.unpacked.opened_with == "passphrase"
    assert result.verified.signature is Signature.HOLDS
    assert open_letter(blob, BERT, passphrase="wrong").unpacked.key is Key.NONE
    assert open_letter(blob, BERT).unpacked.key is Key.NONE


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    "specifier", [b"\0\x0a", b"\1\x08saltsalt", b"\3\x08saltsalt\x60", b"\4" + bytes(16) + b"\1\1\x0c"]
)
def test_every_way_to_stretch_a_passphrase(specifier: bytes, wrapped: bool) -> None:
    key, used = skesk.stretch(specifier, b"fake", 32)
    assert (len(key), used) == (32, len(specifier))
    assert key != skesk.stretch(specifier, b"fake!", 32)[0]
    assert skesk.stretch(specifier, b"fake", 64)[0] != key
    stored = b""
    if wrapped:
        stored = Cipher(algorithms.AES(key), CFB(bytes(16))).encryptor().update(b"\x07" + b"k" * 16)
    assert skesk.unwrap(b"\4\x09" + specifier + stored, b"fake") == ((7, b"k" * 16) if wrapped else (9, key))


@pytest.mark.parametrize(
    "specifier",
    [
        b"\4" + bytes(16) + b"\1\1\x13",  # 512 MiB
        b"\4" + bytes(16) + b"\1\1\xff",
        b"\4" + bytes(16) + b"\x0b\1\x0c",  # 11 passes
        b"\4" + bytes(16) + b"\1\x11\x0c",  # 17 lanes
        b"\4" + bytes(16) + b"\1\1",
        b"\2\x08",
        b"\x65\x08",
        b"\3\x08salt",
        b"\3\x63saltsalt\x60",
        b"",
    ],
)
def test_costly_or_unknown_specifiers_are_not_tried(specifier: bytes) -> None:
    """A26."""
    with pytest.raises(CannotOpen):
        skesk.unwrap(b"\4\x09" + specifier, b"fake")


def test_version_6_packets_with_argon2() -> None:
    """RFC 9580 5.3.2, written here by hand: Sequoia agrees that it is right."""
    session, specifier = b"k" * 32, b"\4" + b"salt" * 4 + b"\1\4\x0f"
    info, nonce = b"\xc3\6\x09\2", b"n" * 15
    box = AESOCB3(seipd.hkdf(skesk.stretch(specifier, b"fake", 32)[0], None, info, 32))
    wrapped = box.encrypt(nonce, session, info)
    body = b"\6" + bytes([3 + len(specifier) + len(nonce)]) + b"\x09\2" + bytes([len(specifier)]) + specifier + nonce
    blob = packets.write(Tag.SKESK, body + wrapped) + packets.write(
        Tag.SEIPD, b"".join(seipd.seal([LETTER], 2, 9, session))
    )
    assert pysequoia.decrypt(blob, passwords=["fake"]).bytes == TEXT
    assert open_letter(blob, BERT, [ADA.certificate], passphrase="fake").verified.signature is Signature.HOLDS
    assert open_letter(blob, BERT, passphrase="wrong").unpacked.key is Key.NONE


def test_a_flood_of_passphrase_packets() -> None:
    costly = b"\4\x09\4" + bytes(16) + b"\1\1\x0a"
    assert len(openpgp.passphrase_keys([costly] * 64, "fake")) == 4


def test_signature_packets_of_old_versions_count_as_unknown() -> None:
    old = Packet(Tag.SIGNATURE, b"\3\x05\0" + bytes(30))
    result = open_letter(seal_raw(packets.join([ONE_PASS, LITERAL, old]), BERT), BERT, [ADA.certificate])
    assert result.unpacked.grammar is Grammar.ONE_LETTER
    assert result.verified.signature is Signature.UNKNOWN


def test_signed_earlier() -> None:
    inner = signed_message(TEXT, ADA, YESTERDAY - timedelta(days=3))
    result = open_letter(seal_raw(inner, BERT), BERT, [ADA.certificate])
    assert result.verified.signed_at == YESTERDAY - timedelta(days=3)
    assert result.verified.intended == ()
    assert SignaturePacket.read(result.unpacked.signatures[0]).issuers == ADA.primary.public.names
