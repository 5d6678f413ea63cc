"""Thunderbird's own OpenPGP engine: it takes our certificate, opens our letters, and we open its answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dearly.letter.sealing import Signature
from dearly.seal import trust
from dearly.seal.armor import armor
from dearly.seal.openpgp import seal
from tests.peers.conftest import needs
from tests.support.librnp import Failed, Rnp
from tests.support.openpgp import NOW, YESTERDAY, address, open_letter, person

ADA = person("ada")
TEXT = "Dear Ada,\r\n\r\nfünf Äpfel.\r\n".encode() * 60
BERT = "Bert <bert@letters.test>"


@pytest.fixture
def rnp() -> Iterator[Rnp]:
    with Rnp(needs("/usr/lib/thunderbird/librnp.so")) as peer:
        yield peer


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("size", [100, 200_000])
def test_our_letter_to_thunderbird(rnp: Rnp, hidden: bool, size: int) -> None:
    bert = rnp.certificate(rnp.make_key(BERT))
    rnp.take(ADA.certificate)
    plan = trust.plan({address("bert"): trust.minimise(bert, address("bert"))}, NOW)
    assert not plan.hidden
    if hidden:  # for a Bcc copy
        plan = trust.SealPlan(plan.certificates, True, plan.binary, plan.quantum_safe, plan.at)
    text = TEXT * (size // len(TEXT) + 1)
    assert rnp.open(seal(text, ADA, plan).armored) == (text, [ADA.fingerprint])


def test_its_answer(rnp: Rnp) -> None:
    bert = rnp.make_key(BERT)
    rnp.take(armor(ADA.certificate, "PUBLIC KEY BLOCK"))
    sealed = rnp.seal(TEXT, [ADA.fingerprint, bert], bert)
    result = open_letter(sealed, ADA, [trust.minimise(rnp.certificate(bert), None)])
    assert result.unpacked.data == TEXT
    assert result.verified.signature is Signature.HOLDS
    assert result.verified.signers == (bert,)
    assert result.unpacked.opened_with == ADA.subkeys[1].public.fingerprint.hex()


def test_a_second_address_and_one_that_is_left(rnp: Rnp) -> None:
    rnp.take(ADA.certificate)
    assert rnp.user_ids(ADA.fingerprint) == {"<ada@letters.test>": True}
    more = ADA.with_address(address("dora"), YESTERDAY)
    rnp.take(more.certificate)
    assert rnp.user_ids(ADA.fingerprint) == {"<ada@letters.test>": True, "<dora@letters.test>": True}
    left = more.without_address(address("ada"), NOW)
    rnp.take(left.certificate)
    assert rnp.user_ids(ADA.fingerprint) == {"<ada@letters.test>": False, "<dora@letters.test>": True}
    bert = rnp.make_key(BERT)
    sealed = rnp.seal(TEXT, [ADA.fingerprint], bert)
    assert open_letter(sealed, left, [rnp.certificate(bert)]).verified.signature is Signature.HOLDS


def test_what_its_strict_imports_take(rnp: Rnp) -> None:
    """Where it imports strictly it refuses the ML-KEM subkey, and with it everything: for that is the plain export."""
    with pytest.raises(Failed):
        rnp.take(ADA.certificate, permissive=False)
    rnp.take(ADA.plain_certificate, permissive=False)
    assert rnp.user_ids(ADA.fingerprint) == {"<ada@letters.test>": True}


def test_one_letter_to_it_and_to_dearly_and_what_we_pass_on_of_a_key(rnp: Rnp) -> None:
    """Version 1 for both, all named; and a certificate as it stands in an Autocrypt-Gossip field is enough."""
    clara = person("clara")
    bert = rnp.make_key(BERT)
    rnp.take(trust.minimise(ADA.certificate, address("ada"), only=True))
    lean = trust.minimise(rnp.certificate(bert), address("bert"), only=True)
    plan = trust.plan({address("bert"): lean, address("clara"): clara.certificate}, NOW)
    assert (plan.hidden, plan.binary) == (False, False)
    letter = seal(TEXT, ADA, plan).armored
    assert rnp.open(letter) == (TEXT, [ADA.fingerprint])
    assert open_letter(letter, clara, [ADA.certificate]).verified.signature is Signature.HOLDS
    sealed = rnp.seal(TEXT, [ADA.fingerprint, bert], bert)
    assert open_letter(sealed, ADA, [lean]).verified.signature is Signature.HOLDS
