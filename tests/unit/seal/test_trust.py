"""Certificates of others: what is kept of them, and to which of them a letter may be sealed."""

from datetime import timedelta

import pysequoia
import pytest

from dearly.letter.errors import CannotSealOrOpen
from dearly.seal import openpgp, packets, trust
from dearly.seal.armor import armor
from dearly.seal.certificate import MOST_OCTETS, address_of, parse
from dearly.seal.keypacket import MLKEM768_X25519
from dearly.seal.keys import OwnKey
from dearly.seal.packets import Packet, Tag
from tests.support import openpgp as support
from tests.support.openpgp import LAST_YEAR, NOW, YESTERDAY, address, person

SUITES = [
    pysequoia.CipherSuite.Cv25519,
    pysequoia.CipherSuite.RSA2k,
    pysequoia.CipherSuite.P256,
    pysequoia.CipherSuite.P521,
]


def _code(certificate: bytes | None) -> str:
    with pytest.raises(CannotSealOrOpen) as caught:
        trust.plan({address("bert"): certificate}, NOW)
    assert "bert@letters.test" in caught.value.message
    assert caught.value.hint
    return caught.value.code


def test_facts_of_our_own_kind() -> None:
    own = person("bert").with_address(address("robert"), YESTERDAY)
    facts = trust.examine(own.certificate, NOW)
    assert facts.fingerprint == own.fingerprint
    assert set(facts.key_ids) == {name for key in own.keys for name in key.public.names}
    assert facts.addresses == (address("bert"), address("robert"))
    assert facts.user_ids == ("<bert@letters.test>", "<robert@letters.test>")
    assert (facts.created, facts.expires, facts.revoked) == (LAST_YEAR, None, False)
    assert (facts.usable_for_sealing, facts.quantum_safe, facts.seipd2) == (True, True, True)
    assert facts.size == len(own.certificate)


@pytest.mark.parametrize("suite", SUITES, ids=str)
@pytest.mark.parametrize("profile", [pysequoia.Profile.RFC4880, pysequoia.Profile.RFC9580], ids=["v4", "v6"])
def test_certificates_of_all_kinds(suite: pysequoia.CipherSuite, profile: pysequoia.Profile) -> None:
    tsk = pysequoia.Tsk.generate("Bert <bert@letters.test>", cipher_suite=suite, profile=profile)
    cert = tsk.extract_certificate()
    data = trust.minimise(armor(bytes(cert), "PUBLIC KEY BLOCK"), address("bert"))
    kept = pysequoia.Cert.from_bytes(data)
    assert kept.fingerprint == cert.fingerprint
    assert len(packets.read(data)) == len(packets.read(bytes(cert)))
    facts = trust.examine(data, NOW)
    assert facts.addresses == (address("bert"),)
    assert facts.usable_for_sealing
    assert not facts.quantum_safe
    # Sealed by us, opened by Sequoia with their key.
    sealed = trust_and_seal(data)
    view = pysequoia.decrypt(
        sealed, tsk.decryptor(), store=lambda _: [pysequoia.Cert.from_bytes(person("ada").certificate)]
    )
    assert view.bytes == support.TEXT
    assert len(view.valid_sigs) == 1


def trust_and_seal(certificate: bytes) -> bytes:
    return openpgp.seal(support.TEXT, person("ada"), trust.plan({address("bert"): certificate}, NOW)).armored


def test_post_quantum_v6_certificates() -> None:
    tsk = pysequoia.Tsk.generate(
        "Bert <bert@letters.test>",
        profile=pysequoia.Profile.RFC9580,
        signing_algorithm=pysequoia.SigningAlgorithm.Ed25519,
        encryption_algorithm=pysequoia.EncryptionAlgorithm.MLKEM768_X25519,
    )
    facts = trust.examine(bytes(tsk.extract_certificate()), NOW)
    assert (facts.usable_for_sealing, facts.quantum_safe, facts.seipd2) == (True, True, True)
    assert pysequoia.decrypt(trust_and_seal(bytes(tsk.extract_certificate())), tsk.decryptor()).bytes == support.TEXT


def test_signatures_of_an_algorithm_we_cannot_reckon_are_left_to_sequoia() -> None:
    tsk = pysequoia.Tsk.generate(
        "Bert <bert@letters.test>",
        profile=pysequoia.Profile.RFC9580,
        cipher_suite=pysequoia.CipherSuite.MLDSA65_Ed25519,
    )
    facts = trust.examine(bytes(tsk.extract_certificate()), NOW)
    assert (facts.usable_for_sealing, facts.quantum_safe, facts.addresses) == (True, True, (address("bert"),))


def test_our_certificate_is_already_minimal() -> None:
    own = person("bert").with_address(address("robert"), YESTERDAY)
    assert trust.minimise(own.certificate, None) == own.certificate


def test_what_others_added_is_gone() -> None:
    """A15: a flood of forgeries, a certification by someone else, a photo, a stranger's subkey and User ID."""
    own, stranger = person("bert"), person("clara")
    found = packets.read(own.certificate)
    bogus = [Packet(Tag.SIGNATURE, support.forged_signature(own.primary.public, n)) for n in range(1500)]
    revoking = [Packet(Tag.SIGNATURE, support.forged_signature(own.primary.public, n, kind=0x20)) for n in range(100)]
    certifier = pysequoia.Tsk.from_bytes(stranger.to_bytes()).certifier()
    certified = pysequoia.Cert.from_bytes(own.certificate).add_user_id("Bert the other", certifier)
    theirs = [p for p in packets.read(bytes(certified)) if p.tag in (Tag.USER_ID, Tag.SIGNATURE)]
    photo = Packet(Tag.USER_ATTRIBUTE, b"\x05\x01abcd")
    poisoned = [
        found[0],
        *revoking,
        *found[1:3],
        *bogus,
        *theirs,
        photo,
        *found[3:],
        *packets.read(stranger.certificate)[3:],
    ]
    data = packets.join(poisoned)
    assert len(data) > 150_000
    assert trust.minimise(data, None) == own.certificate
    facts = trust.examine(data, NOW)
    assert not facts.revoked
    assert facts.user_ids == ("<bert@letters.test>",)


def test_padding_of_the_unsigned_part_is_gone() -> None:
    own = person("bert")
    found = packets.read(own.certificate)
    body = found[2].body
    at = 6 + int.from_bytes(body[4:6], "big")
    size = int.from_bytes(body[at : at + 2], "big")
    junk = b"\xff\x00\x00\x40\x01\x14" + bytes(0x4000)
    stuffed = (
        body[:at] + (size + len(junk)).to_bytes(2, "big") + body[at + 2 : at + 2 + size] + junk + body[at + 2 + size :]
    )
    data = packets.join([*found[:2], Packet(Tag.SIGNATURE, stuffed), *found[3:]])
    assert trust.minimise(data, None) == own.certificate


def test_too_large_is_refused() -> None:
    own = person("bert")
    flood = packets.join(Packet(Tag.SIGNATURE, support.forged_signature(own.primary.public, n)) for n in range(20_000))
    assert len(flood) > MOST_OCTETS
    for data in (own.certificate + flood, armor(own.certificate + flood, "PUBLIC KEY BLOCK")):
        with pytest.raises(CannotSealOrOpen) as caught:
            trust.minimise(data, None)
        assert caught.value.code == "bad_certificate"


def test_of_many_user_ids_the_newest_and_the_wanted_are_kept() -> None:
    own = OwnKey.generate([address("name0")], LAST_YEAR)
    for n in range(1, 15):
        own = own.with_address(address(f"name{n}"), LAST_YEAR + timedelta(days=n))
    kept = trust.examine(trust.minimise(own.certificate, address("name1")), NOW).addresses
    assert [a.local for a in kept] == ["name1"] + [f"name{n}" for n in range(6, 15)]
    kept = trust.examine(trust.minimise(own.certificate, None), NOW).addresses
    assert [a.local for a in kept] == [f"name{n}" for n in range(5, 15)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x99",
        b"hello",
        person("bert").to_bytes(),
        person("bert").certificate + person("ada").certificate,
        person("bert").certificate[:-3],
        person("bert").certificate[200:],
        support.signed(b"hi", person("bert")),
    ],
)
def test_what_is_no_certificate(data: bytes) -> None:
    for act in (lambda: trust.examine(data, NOW), lambda: trust.minimise(data, None), lambda: trust.merge(data, data)):
        with pytest.raises(CannotSealOrOpen) as caught:
            act()
        assert caught.value.code == "bad_certificate"
    assert _code(data) == "bad_certificate"


def test_merging_keeps_a_revocation() -> None:
    """A16, in both orders."""
    own = person("bert")
    withdrawn = support.revoked(own)
    for merged in (trust.merge(own.certificate, withdrawn), trust.merge(withdrawn, own.certificate)):
        assert trust.examine(merged, NOW).revoked
        assert pysequoia.Cert.from_bytes(merged).is_revoked


def test_forgeries_cannot_push_a_revocation_out() -> None:
    own = person("bert")
    found = packets.read(own.certificate)
    fakes = [Packet(Tag.SIGNATURE, support.forged_signature(own.primary.public, 2**31 + n, 0x20)) for n in range(50)]
    merged = trust.merge(support.revoked(own), packets.join([found[0], *fakes, *found[1:]]))
    assert trust.examine(merged, NOW).revoked


def test_merging_brings_new_addresses_and_loses_no_subkey() -> None:
    own = person("bert")
    later = own.with_address(address("robert"), YESTERDAY)
    # A copy without the ML-KEM subkey cannot take it away from us.
    for old, new in ((own.certificate, later.plain_certificate), (own.plain_certificate, later.certificate)):
        facts = trust.examine(trust.merge(old, new), NOW)
        assert facts.addresses == (address("bert"), address("robert"))
        assert facts.quantum_safe
    left = later.without_address(address("bert"), NOW)
    facts = trust.examine(trust.merge(later.certificate, left.certificate), NOW)
    assert facts.addresses == (address("robert"),)
    assert trust.merge(own.certificate, own.certificate) == own.certificate


def test_certificates_of_two_keys_do_not_merge() -> None:
    with pytest.raises(CannotSealOrOpen) as caught:
        trust.merge(person("ada").certificate, person("bert").certificate)
    assert caught.value.code == "other_certificate"


def test_plan() -> None:
    bert, clara = person("bert"), person("clara")
    made = trust.plan({address("bert"): bert.certificate, address("clara"): clara.certificate}, NOW)
    assert made.certificates == (bert.certificate, clara.certificate)
    assert (made.hidden, made.binary, made.quantum_safe, made.at) == (True, False, True, NOW)
    # One reader with an older program, and everybody is named.
    made = trust.plan({address("bert"): bert.certificate, address("old"): support.old_style(clara)}, NOW)
    assert (made.hidden, made.binary, made.quantum_safe) == (False, False, False)
    made = trust.plan({address("bert"): bert.certificate, address("clara"): clara.plain_certificate}, NOW)
    assert (made.hidden, made.binary, made.quantum_safe) == (True, False, False)
    # Two addresses of one person are one reader.
    made = trust.plan({address("bert"): bert.certificate, address("robert"): bert.certificate}, NOW)
    assert len(made.certificates) == 1


def test_who_cannot_be_sealed_to() -> None:
    bert = person("bert")
    assert _code(None) == "no_key"
    assert _code(support.revoked(bert)) == "key_revoked"
    assert _code(support.revoked(bert, reason=1)) == "key_revoked"
    assert _code(support.expiring(bert, YESTERDAY)) == "key_expired"


def test_an_expiry_to_come_is_no_hindrance_until_then() -> None:
    cert = support.expiring(person("bert"), NOW + timedelta(days=9))
    assert trust.examine(cert, NOW).expires == NOW + timedelta(days=9)
    trust.plan({address("bert"): cert}, NOW)
    with pytest.raises(CannotSealOrOpen) as caught:
        trust.plan({address("bert"): cert}, NOW + timedelta(days=9))
    assert caught.value.code == "key_expired"


def test_one_name_for_each_who_cannot() -> None:
    wanted = {address("ada"): person("ada").certificate, address("bert"): None, address("clara"): b"x"}
    with pytest.raises(CannotSealOrOpen) as caught:
        trust.plan(wanted, NOW)
    assert caught.value.code == "no_key"
    assert "bert@letters.test: no key" in caught.value.message
    assert "clara@letters.test: this is not" in caught.value.message
    assert "ada@" not in caught.value.message


def test_only_living_subkeys_are_chosen() -> None:
    bert = person("bert")
    mlkem = bert.subkeys[0]

    def chosen(certificate: bytes) -> int:
        return trust.slot(certificate, NOW).key.algorithm

    assert chosen(bert.certificate) == MLKEM768_X25519
    assert chosen(support.subkey_revoked(bert, mlkem)) == 18
    assert chosen(support.subkey_expiring(bert, mlkem, NOW)) == 18
    assert chosen(support.subkey_expiring(bert, mlkem, NOW + timedelta(hours=1))) == MLKEM768_X25519
    assert not trust.examine(support.subkey_revoked(bert, mlkem), NOW).quantum_safe


def test_no_living_subkey_is_left() -> None:
    """Sequoia alone would seal to an expired subkey when there is no other, without a word."""
    bert = person("bert")
    mlkem, ecdh = bert.subkeys
    dead = trust.merge(support.subkey_expiring(bert, mlkem, YESTERDAY), support.subkey_expiring(bert, ecdh, YESTERDAY))
    assert pysequoia.encrypt(b"", recipients=[pysequoia.Cert.from_bytes(dead)])
    assert _code(dead) == "key_unusable"
    assert not trust.examine(dead, NOW).usable_for_sealing
    assert _code(packets.join(packets.read(bert.certificate)[:3])) == "key_unusable"


def test_a_key_from_the_future_waits() -> None:
    """By the machine's clock; `now` may lag a little behind a key that was made a moment ago."""
    young = OwnKey.generate([address("bert")], NOW + timedelta(days=2))
    assert _code(young.certificate) == "bad_certificate"
    trust.plan({address("bert"): person("bert").certificate}, LAST_YEAR - timedelta(hours=1))


@pytest.mark.parametrize(
    ("user_id", "expected"),
    [
        (b"Bert <bert@letters.test>", "bert@letters.test"),
        (b"<bert@letters.test>", "bert@letters.test"),
        (b"bert@letters.test", "bert@letters.test"),
        (b"Bert <a@b> <bert@Letters.Test>", "bert@letters.test"),
        (b"Bert", None),
        (b"Bert <>", None),
        (b"Bert <bert@letters.test> (work)", None),
        (b"bert@letters.test\r\nBcc: <eve@letters.test\n>", None),
        (b"\xff\xfe", None),
    ],
)
def test_addresses_in_user_ids(user_id: bytes, expected: str | None) -> None:
    found = address_of(user_id)
    assert (str(found) if found else None) == expected


def test_user_ids_are_cleaned_for_showing() -> None:
    tsk = pysequoia.Tsk.generate("Bert\r\nFrom: x\u202e <bert@letters.test>")
    (shown,) = trust.examine(bytes(tsk.extract_certificate()), NOW).user_ids
    assert shown == "Bert  From: x <bert@letters.test>"


def test_parsing_keeps_the_order_of_subkeys() -> None:
    algorithms = [k.algorithm for k in parse(person("bert").certificate).keys]
    assert algorithms == [22, 35, 18]
