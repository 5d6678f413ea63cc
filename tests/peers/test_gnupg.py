"""GnuPG with its default settings: it takes our certificate, opens our letters, and we open its answers."""

from __future__ import annotations

import pytest

from dearly.letter.sealing import Signature
from dearly.seal import packets, trust
from dearly.seal.armor import armor
from dearly.seal.openpgp import seal
from dearly.seal.packets import Tag
from tests.support.openpgp import NOW, YESTERDAY, Result, address, open_letter, person
from tests.support.peers import GnuPG

ADA = person("ada")
TEXT = "Dear Ada,\r\n\r\nfünf Äpfel.\r\n".encode() * 60
BERT = "Bert <bert@letters.test>"


def _answer(gnupg: GnuPG, bert: bytes, *options: str) -> Result:
    gnupg.take(ADA.certificate)
    sealed = gnupg.seal(TEXT, "ada@letters.test", "bert@letters.test", *options)
    result = open_letter(sealed, ADA, [trust.minimise(bert, address("bert"))])
    assert result.unpacked.data == TEXT
    assert result.verified.signature is Signature.HOLDS
    assert result.verified.signers == (trust.examine(bert, NOW).fingerprint,)
    assert result.outer.quantum_safe is False
    return result


@pytest.mark.parametrize("subkey", [None, "rsa2048", "cv25519", "nistp256"])
def test_our_letter_to_gnupg(gnupg: GnuPG, subkey: str | None) -> None:
    primary = {None: "default", "rsa2048": "rsa2048", "cv25519": "ed25519", "nistp256": "nistp256"}[subkey]
    bert = gnupg.make_key(BERT, primary)
    if subkey:
        fingerprint = trust.examine(bert, NOW).fingerprint
        gnupg("--pinentry-mode", "loopback", "--passphrase", "", "--quick-add-key", fingerprint, subkey, "encr", "0")
        bert = gnupg("--export", fingerprint)
    gnupg.take(ADA.certificate)
    plan = trust.plan({address("bert"): trust.minimise(bert, address("bert"))}, NOW)
    assert (plan.hidden, plan.binary, plan.quantum_safe) == (False, False, False)
    text, good = gnupg.open(seal(TEXT, ADA, plan).armored)
    assert text == TEXT
    assert good == [ADA.fingerprint]


def test_one_letter_to_gnupg_and_to_dearly(gnupg: GnuPG) -> None:
    """Version 1 for all, because one of them reads no other; all named; and each opens it."""
    clara = person("clara")
    bert = gnupg.make_key(BERT)
    gnupg.take(ADA.certificate)
    plan = trust.plan({address("bert"): trust.minimise(bert, None), address("clara"): clara.certificate}, NOW)
    assert (plan.hidden, plan.binary, plan.quantum_safe) == (False, False, False)
    letter = seal(TEXT, ADA, plan).armored
    assert gnupg.open(letter) == (TEXT, [ADA.fingerprint])
    result = open_letter(letter, clara, [ADA.certificate])
    assert (result.unpacked.data, result.verified.signature) == (TEXT, Signature.HOLDS)
    assert (result.outer.container[0], result.outer.hidden) == (1, False)


def test_what_we_pass_on_of_a_key(gnupg: GnuPG) -> None:
    """A certificate as it stands in an Autocrypt-Gossip field is enough, for GnuPG and for us."""
    more = ADA.with_address(address("dora"), YESTERDAY)
    gnupg.take(trust.minimise(more.certificate, address("dora"), only=True))
    assert gnupg.user_ids(ADA.fingerprint) == {"<dora@letters.test>": "-"}
    bert = gnupg.make_key(BERT)
    fingerprint = trust.examine(bert, NOW).fingerprint
    gnupg("--quick-add-uid", fingerprint, "Robert <robert@letters.test>")
    lean = trust.minimise(gnupg("--export", fingerprint), address("bert"), only=True)
    facts = trust.examine(lean, NOW)
    assert (facts.addresses, facts.usable_for_sealing) == ((address("bert"),), True)
    letter = gnupg.seal(TEXT, "dora@letters.test", "bert@letters.test")
    assert open_letter(letter, more, [lean]).verified.signature is Signature.HOLDS
    plan = trust.plan({address("bert"): lean}, NOW)
    assert gnupg.open(seal(TEXT, more, plan).armored) == (TEXT, [ADA.fingerprint])


@pytest.mark.parametrize("algorithm", ["default", "rsa2048"])
def test_its_answer(gnupg: GnuPG, algorithm: str) -> None:
    _answer(gnupg, gnupg.make_key(BERT, algorithm))


@pytest.mark.parametrize(
    "options",
    [
        ["--compress-algo", "zip"],
        ["--compress-algo", "zlib"],
        ["--compress-algo", "bzip2"],
        ["--compress-algo", "none"],
        ["--textmode"],
        ["--hidden-recipient", "bert@letters.test"],
        ["--throw-keyids"],
        ["--cipher-algo", "AES128"],
    ],
    ids=" ".join,
)
def test_its_answer_in_other_forms(gnupg: GnuPG, options: list[str]) -> None:
    _answer(gnupg, gnupg.make_key(BERT), *options)


def test_its_answer_when_our_certificate_says_nothing_of_compression(gnupg: GnuPG) -> None:
    """GnuPG compresses by default; our certificate asks it not to, and it obeys."""
    plain = _answer(gnupg, gnupg.make_key(BERT))
    assert len(plain.outer.container) > len(TEXT)
    squeezed = _answer(gnupg, gnupg.make_key("Clara <clara@letters.test>"), "--compress-algo", "zlib", "-u", "clara")
    assert len(squeezed.outer.container) < len(TEXT)


def test_old_ciphers_are_named_as_such(gnupg: GnuPG) -> None:
    gnupg.make_key(BERT)
    gnupg.take(ADA.certificate)
    sealed = gnupg.seal(TEXT, "ada@letters.test", "bert@letters.test", "--cipher-algo", "3DES")
    assert open_letter(sealed, ADA).unpacked.integrity.value == "unsupported"


def test_unsigned_and_unknown(gnupg: GnuPG) -> None:
    bert = gnupg.make_key(BERT)
    gnupg.take(ADA.certificate)
    sealed = gnupg("--trust-model", "always", "-r", "ada@letters.test", "--encrypt", given=TEXT)
    assert open_letter(sealed, ADA, [bert]).verified.signature is Signature.NONE
    signed = gnupg.seal(TEXT, "ada@letters.test", "bert@letters.test")
    result = open_letter(signed, ADA)
    assert result.verified.signature is Signature.UNKNOWN
    assert set(result.unpacked.issuers) & set(trust.examine(bert, NOW).key_ids)


def test_its_passphrase_letters(gnupg: GnuPG) -> None:
    options = ["--pinentry-mode", "loopback", "--passphrase", "fake words", "--symmetric"]
    for extra in (
        [],
        ["--s2k-mode", "0"],
        ["--s2k-mode", "1"],
        ["--s2k-digest-algo", "SHA512"],
        ["--cipher-algo", "AES"],
    ):
        sealed = gnupg(*options, *extra, given=TEXT)
        assert open_letter(sealed, ADA, passphrase="fake words").unpacked.data == TEXT
        assert open_letter(sealed, ADA, passphrase="other words").unpacked.key.value == "none"


def test_it_takes_armored_and_plain_copies(gnupg: GnuPG) -> None:
    gnupg.take(armor(ADA.certificate, "PUBLIC KEY BLOCK"))
    gnupg.take(ADA.plain_certificate)
    assert gnupg.user_ids(ADA.fingerprint) == {"<ada@letters.test>": "-"}


def test_it_takes_our_secret_key(gnupg: GnuPG) -> None:
    """For someone who leaves us: the export without the ML-KEM subkey opens what GnuPG can open."""
    bert = gnupg.make_key(BERT)
    gnupg("--pinentry-mode", "loopback", "--import", given=ADA.to_bytes())
    letter = gnupg.seal(TEXT, "ada@letters.test", "bert@letters.test")
    assert gnupg.open(letter) == (TEXT, [trust.examine(bert, NOW).fingerprint])


def test_a_second_address_and_one_that_is_left(gnupg: GnuPG) -> None:
    gnupg.take(ADA.certificate)
    more = ADA.with_address(address("dora"), YESTERDAY)
    gnupg.take(more.certificate)
    assert gnupg.user_ids(ADA.fingerprint) == {"<ada@letters.test>": "-", "<dora@letters.test>": "-"}
    left = more.without_address(address("ada"), NOW)
    gnupg.take(left.certificate)
    assert gnupg.user_ids(ADA.fingerprint) == {"<ada@letters.test>": "r", "<dora@letters.test>": "-"}
    # It still seals to the address that is left to it.
    bert = gnupg.make_key(BERT)
    sealed = gnupg.seal(TEXT, "dora@letters.test", "bert@letters.test")
    assert open_letter(sealed, left, [bert]).verified.signature is Signature.HOLDS
    # And what it exports is what we know, for merging.
    merged = trust.merge(left.certificate, gnupg("--export", ADA.fingerprint))
    assert trust.examine(merged, NOW).addresses == (address("dora"),)
    assert trust.examine(merged, NOW).quantum_safe


def test_a_key_that_expires_is_prolonged(gnupg: GnuPG) -> None:
    """A letter signed before the new date was set still holds with the newer certificate."""
    old = gnupg.make_key(BERT, expires="1d")
    gnupg.take(ADA.certificate)
    letter = gnupg.seal(TEXT, "ada@letters.test", "bert@letters.test")
    fingerprint = trust.examine(old, NOW).fingerprint
    assert trust.examine(old, NOW).expires is not None
    gnupg("--quick-set-expire", fingerprint, "2y")
    gnupg("--quick-set-expire", fingerprint, "2y", "*")
    new = gnupg("--export", fingerprint)
    merged = trust.merge(trust.minimise(old, None), new)
    assert trust.examine(merged, NOW).expires > trust.examine(old, NOW).expires
    assert open_letter(letter, ADA, [merged]).verified.signature is Signature.HOLDS


def test_its_revocation_reaches_us(gnupg: GnuPG) -> None:
    bert = gnupg.make_key(BERT)
    fingerprint = trust.examine(bert, NOW).fingerprint
    written = (gnupg.home / "openpgp-revocs.d" / f"{fingerprint.upper()}.rev").read_text()
    gnupg.take(written.replace(":-----BEGIN", "-----BEGIN").encode())
    merged = trust.merge(bert, gnupg("--export", fingerprint))
    assert trust.examine(merged, NOW).revoked
    assert not trust.examine(merged, NOW).usable_for_sealing


def test_photos_and_certifications_are_left_out(gnupg: GnuPG) -> None:
    bert = gnupg.make_key(BERT)
    gnupg.make_key("Clara <clara@letters.test>")
    gnupg("-u", "clara@letters.test", "--quick-sign-key", trust.examine(bert, NOW).fingerprint)
    certified = gnupg("--export", "--export-options", "no-export-minimal", "bert@letters.test")
    assert len(certified) > len(bert)
    kept = trust.minimise(certified, None)
    assert [p.tag for p in packets.read(kept)].count(Tag.SIGNATURE) == [p.tag for p in packets.read(bert)].count(2)
