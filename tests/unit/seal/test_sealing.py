"""What sealing writes, read by us and by Sequoia."""

import hashlib
import os
from datetime import timedelta

import pysequoia
import pytest

from dearly.letter.errors import CannotSealOrOpen
from dearly.letter.sealing import Grammar, Integrity, Key, Shape, Signature
from dearly.seal import openpgp, packets, seipd, trust
from dearly.seal.armor import dearmor
from dearly.seal.keypacket import MLKEM768_X25519
from dearly.seal.openpgp import Verified, seal
from dearly.seal.packets import Tag
from dearly.seal.pkesk import Head
from dearly.seal.signature import INTENDED, ISSUER, ISSUER_FINGERPRINT, SignaturePacket
from tests.support import openpgp as support
from tests.support.openpgp import NOW, TEXT, address, open_letter, person, plan_for

ADA, BERT, CLARA = person("ada"), person("bert"), person("clara")
SIZES = [0, 1, 6000, 4096, 65536 - 300, 65536, 262_144, 2_000_000]


def _heads(armored: bytes) -> list[Head]:
    return [Head.read(p.body) for p in packets.read(dearmor(armored)) if p.tag == Tag.PKESK]


@pytest.mark.parametrize("size", SIZES)
def test_seal_and_open(size: int) -> None:
    data = os.urandom(size)
    sealed = seal(data, ADA, plan_for(BERT))
    assert sealed.fingerprints == (BERT.fingerprint, ADA.fingerprint)
    assert sealed.quantum_safe
    for reader in (BERT, ADA):
        result = open_letter(sealed.armored, reader, [ADA.certificate])
        assert result.outer.shape is Shape.SEALED
        assert result.outer.seal_sha256 == sealed.slice_sha256 == hashlib.sha256(dearmor(sealed.armored)).digest()
        assert result.outer.quantum_safe
        assert result.outer.hidden
        unpacked = result.unpacked
        assert (unpacked.key, unpacked.integrity, unpacked.grammar) == (
            Key.FITTED,
            Integrity.INTACT,
            Grammar.ONE_LETTER,
        )
        assert unpacked.data == data
        assert unpacked.opened_with == reader.subkeys[0].public.fingerprint.hex()
        assert unpacked.issuers == ADA.primary.public.names
        assert result.verified == Verified(
            Signature.HOLDS,
            (ADA.fingerprint,),
            NOW,
            (BERT.fingerprint, ADA.fingerprint),
            (ADA.fingerprint,),
            ((address("ada"),),),
        )


@pytest.mark.parametrize("size", [10, 70_000])
@pytest.mark.parametrize("certificate", [BERT.certificate, BERT.plain_certificate, support.old_style(BERT)])
def test_sequoia_opens_it(size: int, certificate: bytes) -> None:
    data = os.urandom(size)
    sealed = seal(data, ADA, plan_for(certificate))
    # One decryptor of Sequoia knows one subkey: give it the key with the one that the letter is sealed to.
    algorithm = _heads(sealed.armored)[0].algorithm
    kept, skipping = [], False
    for packet in packets.read(BERT.to_bytes()):
        if packet.tag != Tag.SIGNATURE:
            skipping = packet.tag == Tag.SECRET_SUBKEY and packet.body[5] != algorithm
        if not skipping:
            kept.append(packet)
    decryptor = pysequoia.Tsk.from_bytes(packets.join(kept)).decryptor()
    opened = pysequoia.decrypt(sealed.armored, decryptor, store=lambda _: [pysequoia.Cert.from_bytes(ADA.certificate)])
    assert opened.bytes == data
    assert [s.certificate for s in opened.valid_sigs] == [ADA.fingerprint]


def test_one_packet_for_each_reader_and_one_for_us() -> None:
    """A35: nobody else can be counted."""
    sealed = seal(TEXT, ADA, plan_for(BERT, CLARA))
    assert len(_heads(sealed.armored)) == 3
    assert {h.algorithm for h in _heads(sealed.armored)} == {MLKEM768_X25519}
    assert len(_heads(seal(TEXT, ADA, plan_for(BERT, BERT.plain_certificate)).armored)) == 2
    to_self = seal(TEXT, ADA, plan_for(ADA))
    assert len(_heads(to_self.armored)) == 1
    assert to_self.fingerprints == (ADA.fingerprint,)
    assert len(_heads(seal(TEXT, ADA, trust.plan({}, NOW)).armored)) == 1


def test_hidden_names_nobody() -> None:
    binary = dearmor(seal(TEXT, ADA, plan_for(BERT, CLARA)).armored)
    assert not any(h.recipient for h in _heads(binary))
    for own in (ADA, BERT, CLARA):
        for key in own.keys:
            assert key.public.fingerprint not in binary
            assert key.public.key_id not in binary


def test_an_older_program_among_the_readers_is_named() -> None:
    sealed = seal(TEXT, ADA, plan_for(BERT, support.old_style(CLARA)))
    heads = _heads(sealed.armored)
    assert [h.version for h in heads] == [3, 3, 3]
    assert [h.algorithm for h in heads] == [35, 18, 35]
    assert [h.recipient for h in heads] == [
        BERT.subkeys[0].public.key_id,
        CLARA.subkeys[1].public.key_id,
        ADA.subkeys[0].public.key_id,
    ]
    assert packets.read(dearmor(sealed.armored))[-1].body[0] == 1
    assert not sealed.quantum_safe
    for reader in (ADA, BERT, CLARA):
        result = open_letter(sealed.armored, reader, [ADA.certificate])
        assert result.unpacked.data == TEXT
        assert result.verified.signature is Signature.HOLDS
        assert not result.outer.quantum_safe
        assert not result.outer.hidden


def test_a_certificate_that_says_nothing_gets_the_old_form() -> None:
    """Sequoia alone would take silence for consent; Thunderbird's certificates are silent, and cannot read the new."""
    silent = support.old_style(CLARA, features=b"")
    alone = pysequoia.encrypt(b"", recipients=[pysequoia.Cert.from_bytes(silent)], armor=False)
    assert packets.read(alone)[-1].body[0] == 2
    assert not trust.examine(silent, NOW).seipd2
    for plan in (plan_for(silent), plan_for(BERT, silent)):
        assert not plan.hidden
        sealed = seal(TEXT, ADA, plan)
        assert packets.read(dearmor(sealed.armored))[-1].body[0] == 1
        assert {h.version for h in _heads(sealed.armored)} == {3}
        assert open_letter(sealed.armored, CLARA, [ADA.certificate]).verified.signature is Signature.HOLDS


def test_version_6_and_older_readers_together() -> None:
    tsk = pysequoia.Tsk.generate("Dora <dora@letters.test>", profile=pysequoia.Profile.RFC9580)
    sealed = seal(TEXT, ADA, plan_for(bytes(tsk.extract_certificate()), support.old_style(CLARA)))
    opened = pysequoia.decrypt(
        sealed.armored, tsk.decryptor(), store=lambda _: [pysequoia.Cert.from_bytes(ADA.certificate)]
    )
    assert opened.bytes == TEXT
    assert open_letter(sealed.armored, CLARA, [ADA.certificate]).verified.signature is Signature.HOLDS
    assert tsk.extract_certificate().fingerprint in sealed.fingerprints


def test_the_signature_says_who_when_and_for_whom_and_the_literal_nothing() -> None:
    sealed = seal(TEXT, ADA, plan_for(BERT))
    outer = openpgp.outer(sealed.armored)
    (key,) = openpgp.session_keys(outer.pkesks, BERT)
    one_pass, literal, made = packets.read(seipd.unseal(outer.container, key.cipher, key.key))
    assert (one_pass.tag, made.tag) == (Tag.ONE_PASS, Tag.SIGNATURE)
    assert literal.body == b"b\0\0\0\0\0" + TEXT
    signature = SignaturePacket.read(made.body)
    assert (signature.version, signature.kind, signature.algorithm, signature.hash) == (4, 0, 22, 8)
    assert signature.created == int(NOW.timestamp())
    assert [v[1:] for k, v in signature.hashed if k == INTENDED] == [
        BERT.primary.public.fingerprint,
        ADA.primary.public.fingerprint,
    ]
    assert signature.get(ISSUER_FINGERPRINT) == b"\4" + ADA.primary.public.fingerprint
    assert signature.unhashed == ((ISSUER, ADA.primary.public.key_id),)


@pytest.mark.parametrize(("size", "coded"), [(6000, 6), (70_000, 10)])
def test_large_letters_have_large_chunks(size: int, coded: int) -> None:
    container = packets.read(dearmor(seal(bytes(size), ADA, plan_for(BERT)).armored))[-1].body
    assert container[:4] == bytes([2, 9, 2, coded])


def test_a_text_is_never_sealed_twice_alike() -> None:
    one, two = (seal(TEXT, ADA, plan_for(BERT)) for _ in range(2))
    assert one.slice_sha256 != two.slice_sha256


def test_every_certificate_is_looked_at_again() -> None:
    """The plan may be old, or come from elsewhere."""
    for certificate, code in (
        (support.revoked(BERT), "key_revoked"),
        (support.expiring(BERT, NOW - timedelta(days=1)), "key_expired"),
        (packets.join(packets.read(BERT.certificate)[:3]), "key_unusable"),
        (b"nothing", "bad_certificate"),
    ):
        made = trust.SealPlan((CLARA.certificate, certificate), hidden=True, binary=True, quantum_safe=True, at=NOW)
        with pytest.raises(CannotSealOrOpen) as caught:
            seal(TEXT, ADA, made)
        assert caught.value.code == code


def test_many_readers() -> None:
    readers = [person(f"reader{n}") for n in range(30)]
    sealed = seal(TEXT, ADA, trust.plan({address(f"r{n}"): r.certificate for n, r in enumerate(readers)}, NOW))
    assert len(_heads(sealed.armored)) == 31
    for reader in (readers[0], readers[29], ADA):
        assert open_letter(sealed.armored, reader, [ADA.certificate]).verified.signature is Signature.HOLDS
