"""sq, the command line of an older Sequoia: it takes our certificate, opens our letters, and we open its answers."""

from __future__ import annotations

import json

import pytest

from dearly.letter.sealing import Signature
from dearly.seal import trust
from dearly.seal.armor import armor
from dearly.seal.openpgp import seal
from tests.support.openpgp import NOW, YESTERDAY, address, open_letter, person
from tests.support.peers import Failed, Sq

ADA = person("ada")
TEXT = "Dear Ada,\r\n\r\nfünf Äpfel.\r\n".encode() * 60


@pytest.mark.parametrize("armored", [False, True])
def test_our_letter_to_sq(sq: Sq, armored: bool) -> None:
    secret, bert = sq.make_key("Bert <bert@letters.test>")
    plan = trust.plan({address("bert"): trust.minimise(bert, address("bert"))}, NOW)
    assert not plan.hidden
    letter = seal(TEXT, ADA, plan).armored
    ada = sq.file("ada.pgp", armor(ADA.certificate, "PUBLIC KEY BLOCK") if armored else ADA.certificate)
    opened = sq("decrypt", "--recipient-key", sq.file("bert.key", secret), "--signer-cert", ada, given=letter)
    assert opened == TEXT
    stranger = sq.file("clara.pgp", person("clara").certificate)
    with pytest.raises(Failed):
        sq("decrypt", "--recipient-key", sq.file("bert.key", secret), "--signer-cert", stranger, given=letter)


@pytest.mark.parametrize("compression", ["pad", "none", "zip", "zlib", "bzip2"])
def test_its_answer(sq: Sq, compression: str) -> None:
    """By default it pads, by octets behind the end of a compressed stream."""
    secret, bert = sq.make_key("Bert <bert@letters.test>")
    options = [] if compression == "pad" else ["--compression", compression]
    ada, key = sq.file("ada.pgp", ADA.certificate), sq.file("bert.key", secret)
    sealed = sq("encrypt", *options, "--recipient-cert", ada, "--signer-key", key, given=TEXT)
    result = open_letter(sealed, ADA, [trust.minimise(bert, None)])
    assert result.unpacked.data == TEXT
    assert result.verified.signature is Signature.HOLDS
    assert result.verified.signers == (trust.examine(bert, NOW).fingerprint,)


def test_a_second_address_and_one_that_is_left(sq: Sq) -> None:
    more = ADA.with_address(address("dora"), YESTERDAY)
    left = more.without_address(address("ada"), NOW)
    paths = [sq.file(f"{n}.pgp", c) for n, c in enumerate((ADA.certificate, more.certificate, left.certificate))]
    merged = sq.file("merged.pgp", sq("keyring", "merge", *paths))
    listed = sq("inspect", merged).decode()
    assert "dora@letters.test" in listed
    (entry,) = json.loads(sq("--output-format", "json", "keyring", "list", merged))["keys"]
    assert entry["fingerprint"].lower() == ADA.fingerprint
    secret, bert = sq.make_key("Bert <bert@letters.test>")
    sealed = sq("encrypt", "--recipient-cert", merged, "--signer-key", sq.file("bert.key", secret), given=TEXT)
    assert open_letter(sealed, left, [bert]).verified.signature is Signature.HOLDS
    ours = trust.merge(ADA.certificate, sq("keyring", "merge", *paths))
    assert trust.examine(ours, NOW).addresses == (address("dora"),)


def test_it_sees_our_user_id_as_an_address(sq: Sq) -> None:
    path = sq.file("ada.pgp", ADA.certificate)
    assert b"ada@letters.test" in sq("inspect", path)
    kept = sq("keyring", "filter", "--email", "ada@letters.test", path)
    assert trust.examine(kept, NOW).fingerprint == ADA.fingerprint


def test_one_letter_to_it_and_to_dearly_and_what_we_pass_on_of_a_key(sq: Sq) -> None:
    """Version 1 for both, all named; and a certificate as it stands in an Autocrypt-Gossip field is enough."""
    clara = person("clara")
    secret, bert = sq.make_key("Bert <bert@letters.test>")
    lean = trust.minimise(bert, address("bert"), only=True)
    plan = trust.plan({address("bert"): lean, address("clara"): clara.certificate}, NOW)
    assert (plan.hidden, plan.binary) == (False, False)
    letter = seal(TEXT, ADA, plan).armored
    ada = sq.file("ada.pgp", trust.minimise(ADA.certificate, address("ada"), only=True))
    key = sq.file("bert.key", secret)
    assert sq("decrypt", "--recipient-key", key, "--signer-cert", ada, given=letter) == TEXT
    assert open_letter(letter, clara, [ADA.certificate]).verified.signature is Signature.HOLDS
    sealed = sq("encrypt", "--recipient-cert", ada, "--signer-key", key, given=TEXT)
    assert open_letter(sealed, ADA, [lean]).verified.signature is Signature.HOLDS
