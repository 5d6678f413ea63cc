"""Our own key: its layout, its addresses over the years, and that an altered one is noticed (A37)."""

from datetime import timedelta

import pysequoia
import pytest

from dearly.letter.errors import Damaged, Usage
from dearly.seal import packets
from dearly.seal.keypacket import KeyPacket
from dearly.seal.keys import OwnKey
from dearly.seal.packets import Packet, Tag
from dearly.seal.signature import (
    COMPRESSIONS,
    CREATED,
    FEATURES,
    KEY_EXPIRES,
    KEY_FLAGS,
    PRIMARY_USER_ID,
    SignaturePacket,
)
from tests.support.openpgp import LAST_YEAR, NOW, YESTERDAY, address, person

ADA, BERT, DORA = address("ada"), address("bert"), address("dora")


def _sequoia(own: OwnKey) -> pysequoia.Cert:
    return pysequoia.Cert.from_bytes(own.certificate)


def test_layout() -> None:
    own = person("ada")
    found = packets.read(own.certificate)
    assert [p.tag for p in found] == [6, 13, 2, 14, 2, 14, 2]
    keys = [KeyPacket.read(p.body) for p in found if p.tag in (Tag.PUBLIC_KEY, Tag.PUBLIC_SUBKEY)]
    assert [(k.version, k.algorithm, k.created) for k in keys] == [
        (4, 22, int(LAST_YEAR.timestamp())),
        (4, 35, int(LAST_YEAR.timestamp())),
        (4, 18, int(LAST_YEAR.timestamp())),
    ]
    assert found[1].body == b"<ada@letters.test>"
    signatures = [SignaturePacket.read(p.body) for p in found if p.tag == Tag.SIGNATURE]
    assert [(s.kind, s.get(KEY_FLAGS)) for s in signatures] == [(0x13, b"\x03"), (0x18, b"\x0c"), (0x18, b"\x0c")]
    assert all(s.get(KEY_EXPIRES) is None and s.number(CREATED) == keys[0].created for s in signatures)
    assert signatures[0].get(COMPRESSIONS) == b"\0"
    assert signatures[0].get(FEATURES) == b"\x09"
    assert len(own.certificate) < 1800
    assert len(own.plain_certificate) < 450


def test_sequoia_takes_it() -> None:
    own = person("ada")
    cert = _sequoia(own)
    assert cert.fingerprint == own.fingerprint
    assert cert.expiration is None
    assert not cert.is_revoked
    assert [str(u) for u in cert.user_ids] == ["<ada@letters.test>"]
    plain = pysequoia.Cert.from_bytes(own.plain_certificate)
    assert plain.fingerprint == own.fingerprint
    assert 35 not in [KeyPacket.read(p.body).algorithm for p in packets.read(own.plain_certificate) if p.tag == 14]


def test_two_keys_are_two() -> None:
    assert OwnKey.generate([ADA], NOW).fingerprint != OwnKey.generate([ADA], NOW).fingerprint


def test_several_addresses_from_the_start() -> None:
    own = OwnKey.generate([ADA, BERT, ADA], LAST_YEAR)
    assert own.addresses == (ADA, BERT)
    assert sorted(str(u) for u in _sequoia(own).user_ids) == ["<ada@letters.test>", "<bert@letters.test>"]


def test_a_key_needs_an_address() -> None:
    with pytest.raises(Usage):
        OwnKey.generate([], NOW)


def test_addresses_come_and_go() -> None:
    own = person("ada")
    two = own.with_address(DORA, YESTERDAY)
    assert two.addresses == (ADA, DORA)
    assert two.fingerprint == own.fingerprint
    assert own.addresses == (ADA,)
    # What was written stays as it was, in its place: the new User ID stands before the subkeys.
    old, new = packets.read(own.certificate), packets.read(two.certificate)
    assert [p for p in new if p in old] == old
    assert [p.tag for p in new] == [6, 13, 2, 13, 2, 14, 2, 14, 2]
    assert sorted(str(u) for u in _sequoia(two).user_ids) == ["<ada@letters.test>", "<dora@letters.test>"]

    left = two.without_address(ADA, NOW)
    assert left.addresses == (DORA,)
    assert [str(u) for u in _sequoia(left).user_ids] == ["<dora@letters.test>"]
    assert not _sequoia(left).is_revoked

    again = left.with_address(ADA, NOW)
    assert again.addresses == (ADA, DORA)
    assert [p.tag for p in packets.read(again.certificate)].count(Tag.USER_ID) == 2


def test_who_keeps_only_what_was_signed_last_still_knows_what_we_read() -> None:
    """Delta Chat keeps the one User ID with the newest signature, whatever that says."""
    for gone, stays in ((ADA, b"<dora@letters.test>"), (DORA, b"<ada@letters.test>")):
        own = person("ada").with_address(DORA, YESTERDAY).without_address(gone, NOW)
        signed = []
        for packet in packets.read(own.certificate):
            if packet.tag == Tag.USER_ID:
                user_id = packet.body
            elif packet.tag == Tag.SIGNATURE:
                signed.append((SignaturePacket.read(packet.body), user_id))
        newest, over = max(signed, key=lambda one: one[0].created)
        assert (newest.kind, over) == (0x13, stays)
        assert (newest.get(FEATURES), newest.get(PRIMARY_USER_ID)) == (b"\x09", b"\1")


def test_a_return_within_the_same_second_counts() -> None:
    long_ago = NOW - timedelta(days=30)
    own = person("ada").with_address(DORA, long_ago)
    again = own.without_address(ADA, long_ago).with_address(ADA, long_ago)
    assert again.addresses == (ADA, DORA)
    assert sorted(str(u) for u in _sequoia(again).user_ids) == ["<ada@letters.test>", "<dora@letters.test>"]


def test_what_changes_nothing_writes_nothing() -> None:
    own = person("ada")
    assert own.with_address(address("ADA"), NOW) is own
    assert own.without_address(BERT, NOW) is own


def test_the_last_address_stays() -> None:
    with pytest.raises(Usage) as caught:
        person("ada").without_address(ADA, NOW)
    assert caught.value.code == "last_address"


def test_bytes_and_back() -> None:
    own = person("ada").with_address(DORA, YESTERDAY).without_address(ADA, NOW)
    back = OwnKey.from_bytes(own.to_bytes())
    assert back == own
    assert back.certificate == own.certificate
    tsk = pysequoia.Tsk.from_bytes(own.to_bytes())
    assert bytes(tsk.extract_certificate().fingerprint, "ascii").decode() == own.fingerprint


def test_the_secret_does_not_show() -> None:
    own = person("ada")
    shown = repr(own) + repr(own.primary) + str(own.subkeys)
    assert own.primary.secret[2:].hex() not in shown
    assert repr(own.primary.secret) not in shown


def test_every_altered_octet_is_noticed() -> None:
    data = person("ada").to_bytes()
    for at in range(0, len(data), 7):
        for bit in (1, 128):
            altered = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            with pytest.raises(Damaged) as caught:
                OwnKey.from_bytes(altered)
            assert caught.value.code == "own_key_damaged"


@pytest.mark.parametrize("size", [0, 1, 10, 300, -1])
def test_a_cut_key_is_noticed(size: int) -> None:
    with pytest.raises(Damaged):
        OwnKey.from_bytes(person("ada").to_bytes()[:size])


def test_a_swapped_public_half_is_noticed() -> None:
    """Victory by KO: a secret key beside another key's public half (A37)."""
    own, other = person("ada"), person("bert")
    found = packets.read(own.to_bytes())
    theirs = packets.read(other.certificate)[0].body
    swapped = [Packet(Tag.SECRET_KEY, theirs + found[0].body[len(theirs) :]), *found[1:]]
    with pytest.raises(Damaged):
        OwnKey.from_bytes(packets.join(swapped))


@pytest.mark.parametrize("profile", [pysequoia.Profile.RFC4880, pysequoia.Profile.RFC9580])
def test_another_programs_key_is_not_ours(profile: pysequoia.Profile) -> None:
    with pytest.raises(Damaged):
        OwnKey.from_bytes(bytes(pysequoia.Tsk.generate("Ada", profile=profile)))
    with pytest.raises(Damaged):
        OwnKey.from_bytes(person("ada").certificate)
