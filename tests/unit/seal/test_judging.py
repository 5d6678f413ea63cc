"""What signatures come to, with each certificate that may be at hand."""

from datetime import timedelta

import pysequoia
import pytest

from dearly.letter.sealing import Integrity, Signature
from dearly.seal import packets, trust
from dearly.seal.keypacket import KeyPacket
from dearly.seal.openpgp import Unpacked, Verified, verify
from dearly.seal.packets import Packet, Tag
from dearly.seal.signature import INTENDED, KEY_FLAGS, SUBKEY_BINDING, SignaturePacket, proves, sign, sub
from tests.support import openpgp as support
from tests.support.openpgp import LAST_YEAR, NOW, TEXT, YESTERDAY, open_letter, person, seal_raw, signed, signed_message

ADA, BERT, CLARA = person("ada"), person("bert"), person("clara")
LETTER = signed(TEXT, ADA, BERT, ADA)
LONG_AGO = LAST_YEAR + timedelta(days=1)


def _judge(inner: bytes, *certificates: bytes) -> Verified:
    return open_letter(seal_raw(inner, BERT), BERT, certificates).verified


def _letter(*signatures: bytes, text: bytes = TEXT) -> bytes:
    """Several signature bodies around one text."""
    heads = [
        Packet(
            Tag.ONE_PASS,
            b"\3\0\x0a\x16" + bytes.fromhex(SignaturePacket.read(s).issuers[-1]) + bytes([s is signatures[0]]),
        )
        for s in reversed(signatures)
    ]
    literal = packets.read(support.literal(text))[0]
    return packets.join([*heads, literal, *(Packet(Tag.SIGNATURE, s) for s in signatures)])


def _made(by: support.OwnKey, text: bytes = TEXT, when: int | None = None, hashed: bytes = b"") -> bytes:
    return sign(by.primary, 0, (text,), when or int(NOW.timestamp()), hashed)


def test_holds() -> None:
    found = _judge(LETTER, ADA.certificate)
    assert (found.signature, found.signers, found.signed_at) == (Signature.HOLDS, (ADA.fingerprint,), NOW)


def test_unknown_signer() -> None:
    assert _judge(LETTER) == Verified(Signature.UNKNOWN)
    # Certificates that own no claimed id count as not given: «unknown» must not turn into «bad».
    assert _judge(LETTER, CLARA.certificate, BERT.certificate) == Verified(Signature.UNKNOWN)
    assert _judge(LETTER, b"junk", b"") == Verified(Signature.UNKNOWN)


def test_changed_text() -> None:
    changed = LETTER.replace(b"harvest", b"HARVEST", 1)
    assert _judge(changed, ADA.certificate) == Verified(Signature.BAD, at_hand=(ADA.fingerprint,))


def test_claimed_by_another() -> None:
    """Signed by Clara under Ada's name."""
    forged = SignaturePacket.read(_made(CLARA))
    body = forged.head.replace(CLARA.primary.public.fingerprint, ADA.primary.public.fingerprint)
    body += b"\0\x0a\x09\x10" + ADA.primary.public.key_id + forged.first + forged.value
    assert _judge(_letter(body), ADA.certificate, CLARA.certificate).signature is Signature.BAD


def test_revoked() -> None:
    found = _judge(LETTER, support.revoked(ADA))
    assert found == Verified(Signature.REVOKED, at_hand=(ADA.fingerprint,))


def test_a_revocation_counts_though_an_older_copy_is_at_hand_too() -> None:
    """A16."""
    for copies in ((ADA.certificate, support.revoked(ADA)), (support.revoked(ADA), ADA.certificate)):
        assert _judge(LETTER, *copies).signature is Signature.REVOKED


def test_retired_later() -> None:
    """A key that was replaced, not stolen: what it signed before stays good (RFC 9580 5.2.3.31)."""
    before = signed_message(TEXT, ADA, YESTERDAY)
    assert _judge(before, support.revoked(ADA, reason=1)).signature is Signature.HOLDS
    assert _judge(LETTER, support.revoked(ADA, reason=1)).signature is Signature.REVOKED


def test_expired() -> None:
    expired = support.expiring(ADA, YESTERDAY)
    before = signed_message(TEXT, ADA, YESTERDAY - timedelta(days=9))
    assert _judge(before, expired).signature is Signature.HOLDS
    assert _judge(LETTER, expired).signature is Signature.EXPIRED


def test_a_clock_that_runs_ahead_makes_nobody_a_forger() -> None:
    """F12."""

    def ahead(**much: int) -> bytes:
        return signed_message(TEXT, ADA, NOW + timedelta(**much))

    found = _judge(ahead(minutes=90), ADA.certificate)
    assert (found.signature, found.signed_at) == (Signature.AHEAD, NOW + timedelta(minutes=90))
    assert found.signers == ()
    assert _judge(ahead(hours=20), ADA.certificate).signature is Signature.AHEAD
    assert _judge(ahead(days=2), ADA.certificate).signature is Signature.BAD
    changed = ahead(minutes=90).replace(b"harvest", b"HARVEST", 1)
    assert _judge(changed, ADA.certificate).signature is Signature.BAD
    assert _judge(ahead(minutes=90), support.revoked(ADA)).signature is Signature.REVOKED
    assert _judge(ahead(minutes=90), CLARA.certificate).signature is Signature.UNKNOWN


def test_a_false_signature_is_bad_even_if_the_key_is_revoked_or_expired() -> None:
    changed = LETTER.replace(b"harvest", b"HARVEST", 1)
    assert _judge(changed, support.revoked(ADA)).signature is Signature.BAD
    assert _judge(changed, support.expiring(ADA, YESTERDAY)).signature is Signature.BAD


def test_signed_before_the_key_was_made() -> None:
    early = signed_message(TEXT, ADA, LAST_YEAR - timedelta(seconds=1000))
    assert _judge(early, ADA.certificate).signature is Signature.BAD


def test_signed_in_the_future() -> None:
    late = signed_message(TEXT, ADA, NOW + timedelta(days=1, hours=1))
    assert _judge(late, ADA.certificate).signature is Signature.BAD


def test_signed_by_a_subkey_that_may_not() -> None:
    """Only the owner of the certificate says which key may sign."""
    outside = CLARA.primary
    over = (ADA.primary.public.hashed, outside.public.hashed)
    # Ada's certificate takes Clara's key as a signing subkey, but Clara's key never agreed (no 0x19 inside).
    claim = sign(ADA.primary, SUBKEY_BINDING, over, int(LONG_AGO.timestamp()), sub(KEY_FLAGS, b"\2"))
    stolen = packets.join(
        [*packets.read(ADA.certificate), Packet(Tag.PUBLIC_SUBKEY, outside.public.body), Packet(Tag.SIGNATURE, claim)]
    )
    letter = signed(TEXT, CLARA, BERT)
    assert _judge(letter, stolen).signature is Signature.BAD
    # It must not hide the true owner either, in whichever order they come.
    for certificates in ((stolen, CLARA.certificate), (CLARA.certificate, stolen)):
        found = _judge(letter, *certificates)
        assert (found.signature, found.signers) == (Signature.HOLDS, (CLARA.fingerprint,))


@pytest.mark.parametrize("kind", [0x02, 0x10, 0x13, 0x18, 0x1F, 0x20, 0x30, 0x40, 0x50])
def test_only_signatures_over_texts_count(kind: int) -> None:
    made = sign(ADA.primary, kind, (TEXT,), int(NOW.timestamp()))
    assert _judge(_letter(made), ADA.certificate).signature is Signature.BAD


def test_a_self_signature_is_no_letter() -> None:
    """What Ada signed of her own key, shown as a text of hers."""
    found = packets.read(ADA.certificate)
    text = ADA.primary.public.hashed + b"\xb4" + len(found[1].body).to_bytes(4, "big") + found[1].body
    assert proves(SignaturePacket.read(found[2].body), ADA.primary.public, (text,))
    assert _judge(_letter(found[2].body, text=text), ADA.certificate).signature is Signature.BAD


def test_two_signers() -> None:
    both = _letter(_made(ADA), _made(CLARA))
    found = _judge(both, ADA.certificate, CLARA.certificate)
    assert (found.signature, set(found.signers)) == (Signature.HOLDS, {ADA.fingerprint, CLARA.fingerprint})
    assert _judge(both, CLARA.certificate).signers == (CLARA.fingerprint,)
    one_bad = _letter(_made(ADA), _made(CLARA, b"another text"))
    found = _judge(one_bad, ADA.certificate, CLARA.certificate)
    assert (found.signature, found.signers) == (Signature.HOLDS, (ADA.fingerprint,))


def test_the_same_signature_twice_is_one_signer() -> None:
    assert _judge(_letter(_made(ADA), _made(ADA)), ADA.certificate).signers == (ADA.fingerprint,)


def test_intended_for_another() -> None:
    """A17: Bert seals Ada's letter to him again, to Clara. The signature holds, and says for whom it was."""
    result = open_letter(seal_raw(LETTER, CLARA), CLARA, [ADA.certificate])
    assert result.verified.signature is Signature.HOLDS
    assert result.verified.intended == (BERT.fingerprint, ADA.fingerprint)
    assert CLARA.fingerprint not in result.verified.intended


def test_a_forged_signature_lends_nothing_to_a_true_one() -> None:
    """A17 again: beside Ada's true signature Bert puts a false one of hers that names Clara, and an early date."""
    to_bert = _made(ADA, hashed=sub(INTENDED, b"\4" + BERT.primary.public.fingerprint))
    to_clara = _made(ADA, b"other", int(LONG_AGO.timestamp()), sub(INTENDED, b"\4" + CLARA.primary.public.fingerprint))
    for both in ((to_bert, to_clara), (to_clara, to_bert)):
        found = open_letter(seal_raw(_letter(*both), CLARA), CLARA, [ADA.certificate]).verified
        assert (found.signature, found.intended, found.signed_at) == (Signature.HOLDS, (BERT.fingerprint,), NOW)


def test_what_stands_in_the_unsigned_part_is_not_read() -> None:
    made = SignaturePacket.read(_made(ADA))
    extra = sub(INTENDED, b"\4" + CLARA.primary.public.fingerprint) + sub(16, ADA.primary.public.key_id)
    body = made.head + len(extra).to_bytes(2, "big") + extra + made.first + made.value
    found = _judge(_letter(body), ADA.certificate)
    assert (found.signature, found.intended) == (Signature.HOLDS, ())


@pytest.mark.parametrize("integrity", [Integrity.ALTERED, Integrity.TOO_BIG, Integrity.UNSUPPORTED])
def test_nothing_is_judged_that_was_not_proven_whole(integrity: Integrity) -> None:
    good = open_letter(seal_raw(LETTER, BERT), BERT).unpacked
    tampered = Unpacked(
        good.key, integrity, good.grammar, good.data, good.signatures, good.issuers, good.opened_with, good.quantum_safe
    )
    assert verify(tampered, [ADA.certificate], NOW) == Verified(Signature.NONE)


@pytest.mark.parametrize(
    "suite",
    [
        pysequoia.CipherSuite.Cv25519,
        pysequoia.CipherSuite.Cv448,
        pysequoia.CipherSuite.RSA2k,
        pysequoia.CipherSuite.P256,
        pysequoia.CipherSuite.P384,
        pysequoia.CipherSuite.P521,
    ],
    ids=str,
)
@pytest.mark.parametrize("profile", [pysequoia.Profile.RFC4880, pysequoia.Profile.RFC9580], ids=["v4", "v6"])
def test_our_arithmetic_agrees_with_sequoia(suite: pysequoia.CipherSuite, profile: pysequoia.Profile) -> None:
    try:
        tsk = pysequoia.Tsk.generate("Ada <ada@letters.test>", cipher_suite=suite, profile=profile)
    except RuntimeError:
        pytest.skip("Sequoia makes no such key")
    cert = bytes(tsk.extract_certificate())
    keys = [KeyPacket.read(p.body) for p in packets.read(cert) if p.tag in (Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY)]
    message = pysequoia.sign(tsk.signer(), TEXT, armor=False)
    made = SignaturePacket.read(packets.read(message)[-1].body)
    (signer,) = [k for k in keys if k.fingerprint.hex() in made.issuers]
    assert proves(made, signer, (TEXT,)) is True
    assert proves(made, signer, (TEXT + b"!",)) is False
    assert not any(proves(made, k, (TEXT,)) for k in keys if k != signer)
    assert _judge(message, cert).signature is Signature.HOLDS
    assert _judge(message.replace(b"harvest", b"HARVEST", 1), cert).signature is Signature.BAD
    assert trust.examine(cert, NOW).fingerprint == keys[0].fingerprint.hex()
