"""Sealing and opening under every damage: nothing foreign is raised, and no other text is ever called signed."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dearly.letter.errors import CannotSealOrOpen, Damaged
from dearly.letter.sealing import Evidence, Integrity, Seal, Signature, judge
from dearly.seal import packets, trust
from dearly.seal.armor import armor, dearmor
from dearly.seal.keys import OwnKey
from dearly.seal.openpgp import seal
from dearly.seal.packets import Malformed
from tests.support import openpgp as support
from tests.support.often import examples
from tests.support.openpgp import NOW, address, compressed, open_letter, person, plan_for, seal_raw, signed

ADA, BERT = person("ada"), person("bert")
TEXT = b"Dear Bert,\r\nthe harvest is in.\r\n"
SEALED = {
    "hidden, version 2": seal(TEXT, ADA, plan_for(BERT)).armored,
    "named, version 1": seal(TEXT, ADA, plan_for(support.old_style(BERT))).armored,
    "compressed": armor(seal_raw(compressed(signed(TEXT, ADA, BERT)), BERT)),
}
INNER = [signed(TEXT, ADA, BERT), compressed(signed(TEXT, ADA, BERT)), compressed(signed(TEXT, ADA, BERT), 3)]
CERTIFICATES = [
    BERT.certificate,
    BERT.with_address(address("robert"), NOW).without_address(address("bert"), NOW).certificate,
]


@st.composite
def _damaged(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """One of `originals` with a few octets flipped, cut out, doubled, put in or cut off."""
    data = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        size = draw(st.integers(1, 40))
        match draw(st.sampled_from(["flip", "flip", "cut", "double", "insert", "end"])):
            case "flip" if data:
                data = data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :]
            case "cut":
                data = data[:at] + data[at + size :]
            case "double":
                data = data[:at] + data[at : at + size] + data[at:]
            case "insert":
                data = data[:at] + draw(st.binary(min_size=1, max_size=20)) + data[at:]
            case _:
                data = data[:at]
    return data


def _look(blob: bytes) -> None:
    """Open it; whatever comes of it, only the true text may be called signed, and only whole text is given out."""
    result = open_letter(blob, BERT, [ADA.certificate], passphrase="fake")
    if result.verified.signature is Signature.HOLDS:
        assert result.unpacked.data == TEXT
        assert result.verified.signers == (ADA.fingerprint,)
    if result.unpacked.data:
        assert result.unpacked.integrity is Integrity.INTACT
    # Every outcome has a name in the truth table.
    evidence = Evidence(
        result.outer.shape,
        result.unpacked.key,
        result.unpacked.integrity,
        result.unpacked.grammar,
        result.verified.signature,
    )
    assert isinstance(judge(evidence), Seal)


@settings(deadline=None, max_examples=examples(400))
@given(_damaged(list(SEALED.values())))
def test_damaged_armor(blob: bytes) -> None:
    _look(blob)


@settings(deadline=None, max_examples=examples(400))
@given(_damaged([dearmor(s) for s in SEALED.values()]))
def test_damaged_packets(blob: bytes) -> None:
    _look(blob)


@settings(deadline=None, max_examples=examples(300))
@given(_damaged(INNER), st.sampled_from([1, 2]))
def test_damage_inside_the_seal(inner: bytes, version: int) -> None:
    """The sealer himself writes nonsense: the seal is whole, what is in it is not."""
    _look(seal_raw(inner, BERT, version))


@settings(deadline=None, max_examples=examples(200))
@given(st.binary(max_size=400))
@example(b"\xd2\x01\x02")
@example(b"\xd2\x05\x02\x09\x02\x06\x00")
def test_any_bytes(blob: bytes) -> None:
    _look(blob)
    _look(b"-----BEGIN PGP MESSAGE-----\r\n\r\n" + blob + b"\r\n-----END PGP MESSAGE-----\r\n")
    _look(seal_raw(blob, BERT))


@settings(deadline=None, max_examples=examples(300))
@given(_damaged([dearmor(SEALED["hidden, version 2"])]))
def test_a_damaged_seal_never_gives_text_but_the_true_one(blob: bytes) -> None:
    """Outside the seal only the packet heads can be changed without breaking it."""
    assert open_letter(blob, BERT).unpacked.data in (b"", TEXT)


@settings(deadline=None, max_examples=examples(300))
@given(_damaged(CERTIFICATES))
def test_damaged_certificates(data: bytes) -> None:
    trouble = None
    try:
        kept = trust.minimise(data, address("bert"))
        facts = trust.examine(data, NOW)
    except CannotSealOrOpen as error:
        trouble = error
    if trouble:
        assert trouble.code == "bad_certificate"
        assert "Traceback" not in trouble.message
        return
    # Minimising is a projection: what it gives, it leaves alone.
    assert trust.minimise(kept, address("bert")) == kept
    assert trust.merge(kept, data) == trust.merge(kept, kept)
    if facts.fingerprint == BERT.fingerprint:
        assert set(facts.addresses) <= {address("bert"), address("robert")}
        merged = trust.examine(trust.merge(CERTIFICATES[1], data), NOW)
        assert merged.addresses == (address("robert"),)
        assert merged.quantum_safe


@settings(deadline=None, max_examples=examples(200))
@given(_damaged([ADA.to_bytes()]))
def test_a_damaged_own_key_is_noticed(data: bytes) -> None:
    if data == ADA.to_bytes():
        return
    with pytest.raises(Damaged):
        OwnKey.from_bytes(data)


@settings(deadline=None, max_examples=examples(60))
@given(st.binary(max_size=5000), st.integers(1, 3), st.booleans())
def test_round_trip(data: bytes, count: int, old: bool) -> None:
    readers = [person(f"reader{n}") for n in range(count)]
    extra = [support.old_style(BERT)] if old else []
    sealed = seal(data, ADA, plan_for(*readers, *extra))
    for reader in [*readers, ADA, *([BERT] if old else [])]:
        result = open_letter(sealed.armored, reader, [ADA.certificate])
        assert result.unpacked.data == data
        assert result.verified.signature is Signature.HOLDS
        assert reader.fingerprint in result.verified.intended
    assert sealed.quantum_safe is not old


@settings(deadline=None, max_examples=examples(200))
@given(st.binary(max_size=300))
def test_framing_reads_what_it_reads(data: bytes) -> None:
    try:
        found = packets.read(data)
    except Malformed:
        return
    assert packets.read(packets.join(found)) == found


@settings(deadline=None, max_examples=examples(100))
@given(st.binary(max_size=4000))
def test_armor_round_trip(data: bytes) -> None:
    assert dearmor(armor(data)) == data
