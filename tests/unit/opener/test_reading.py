"""What is proven of a parcel, and what is not: each case in one process, step by step as a child does it."""

from __future__ import annotations

import hashlib

import pytest
from tests.support import parcels
from tests.support.opening import (
    SECRET,
    around,
    cases,
    here,
    inside,
    introduction,
    letter,
    outside,
    seal_of,
    sealed,
    texts,
)
from tests.support.openpgp import NOW, YESTERDAY, address, expiring, person, revoked, seal_raw, signed

from dearly.letter.content import Enclosure
from dearly.letter.sealing import TEXT_WITHHELD, Headers, Seal, Shape, Signature
from dearly.mime import autocrypt, transfer
from dearly.opener import child, protocol_letters, reading, warm
from dearly.opener.bulk import Stack
from dearly.seal import packets, trust
from dearly.seal.packets import Packet, Tag
from dearly.seal.signature import KEY_FLAGS, sign, sub


@pytest.mark.parametrize("name", cases())
def test_every_parcel_has_the_seal_it_deserves(name: str) -> None:
    case = cases()[name]
    opened = here(case.raw, case.reader, case.known)
    assert seal_of(opened) is case.seal
    assert opened.raw_sha256 == hashlib.sha256(case.raw).digest()
    if case.seal in TEXT_WITHHELD:
        assert opened.letter is None
        assert SECRET not in texts(opened)
    elif opened.trouble is None:
        assert opened.letter is not None


def test_an_honest_letter_comes_out_as_it_was_written() -> None:
    enclosure = Enclosure("map.bin", "application/octet-stream", bytes(range(256)) * 5)
    what = letter(enclosures=(enclosure,))
    part = inside(what, introduction("ada"))
    opened = here(sealed(what), known=[person("ada").certificate])
    assert opened.letter is not None
    heading = opened.letter.heading
    assert (heading.sender, heading.to, heading.subject) == (what.sender, what.to, what.subject)
    assert (heading.date, heading.letter_id, heading.letter_no) == (what.date, what.letter_id, 7)
    assert opened.letter.inside
    assert opened.letter.text == SECRET + "\n"
    assert [(e.name, e.data) for e in opened.letter.enclosures] == [("map.bin", enclosure.data)]
    assert opened.outer is not None
    assert opened.outer.subject == "[...]"
    assert opened.quantum_safe
    assert opened.signers == (person("ada").fingerprint,)
    assert opened.signed_at == NOW
    assert (opened.evidence.for_us, opened.evidence.headers) == (True, Headers.MATCH)
    assert opened.found == ()
    assert opened.trouble is None
    assert opened.inner_sha256 == hashlib.sha256(part).digest()


def test_the_digest_of_the_seal_is_that_of_its_decoded_bytes() -> None:
    binary = seal_raw(signed(inside(), person("ada"), person("bert")), person("bert"))
    assert here(around(binary)).seal_sha256 == hashlib.sha256(binary).digest()
    assert here(cases()["a postcard"].raw).seal_sha256 is None


def test_the_same_letter_in_another_envelope_is_recognised() -> None:
    """A18: the claimed id, date and sender outside are worth nothing."""
    binary = seal_raw(signed(inside(), person("ada"), person("bert")), person("bert"))
    first, second = here(around(binary)), here(around(binary, outside(letter_id="new@letters.test")))
    assert first.raw_sha256 != second.raw_sha256
    assert (first.seal_sha256, first.inner_sha256) == (second.seal_sha256, second.inner_sha256)
    assert second.evidence.headers is Headers.DIFFER


def test_a_postcard_keeps_its_identity_on_every_way() -> None:
    raw = parcels.text(b"utf-8", b"hello\r\nBert\r\n")
    same = [raw, raw.replace(b"\r\n", b"\n"), raw + b"\r\n", b"Received: by somebody\r\n" + raw]
    assert len({here(one).inner_sha256 for one in same}) == 1
    other = [raw.replace(b"hello", b"hallo"), raw.replace(b"<1@", b"<2@"), raw.replace(b"bert@", b"dora@")]
    assert len({here(one).inner_sha256 for one in (raw, *other)}) == 4


# A13, A16: which certificates count


def test_a_first_letter_brings_its_own_certificate() -> None:
    opened = here(sealed())
    assert opened.evidence.signature is Signature.HOLDS
    assert [trust.examine(c, NOW).fingerprint for c in opened.found] == [person("ada").fingerprint]
    assert opened.introduced is not None
    assert (opened.introduced.address, opened.introduced.inside) == (address("ada"), True)
    assert opened.introduced.fingerprint == person("ada").fingerprint


def test_a_known_certificate_is_not_reported_as_found() -> None:
    opened = here(sealed(), known=[person("ada").certificate])
    assert opened.found == ()
    assert opened.introduced is not None


@pytest.mark.parametrize(
    ("who", "whose", "introduced"),
    [
        pytest.param("clara", "ada", False, id="the address is not the sender's"),
        pytest.param("ada", "clara", True, id="the certificate did not sign"),
    ],
)
def test_a_field_that_does_not_fit_proves_nothing(who: str, whose: str, introduced: bool) -> None:
    part = inside(introduces=(address(who), person(whose).certificate))
    opened = here(around(seal_raw(signed(part, person("ada"), person("bert")), person("bert"))))
    assert opened.evidence.signature is Signature.UNKNOWN
    assert opened.found == ()
    assert (opened.introduced is not None) is introduced


def test_an_enclosed_key_is_never_taken() -> None:
    key = Enclosure("key.asc", "application/pgp-keys", person("ada").certificate)
    part = inside(letter(enclosures=(key,)))
    opened = here(around(seal_raw(signed(part, person("ada"), person("bert")), person("bert"))))
    assert opened.evidence.signature is Signature.UNKNOWN
    assert (opened.found, opened.introduced) == ((), None)


def test_a_field_outside_serves_where_there_is_none_inside() -> None:
    value = autocrypt.header(*introduction("ada"))
    head = outside() + b"Autocrypt: " + value.encode() + b"\r\n"
    binary = seal_raw(signed(inside(), person("ada"), person("bert")), person("bert"))
    opened = here(around(binary, head))
    assert opened.evidence.signature is Signature.HOLDS
    assert opened.introduced is not None
    assert not opened.introduced.inside
    assert opened.found == (opened.introduced.certificate,)


def test_a_revocation_is_not_undone_by_the_copy_in_the_letter() -> None:
    opened = here(sealed(), known=[revoked(person("ada"))])
    assert opened.evidence.signature is Signature.REVOKED


def test_the_longer_life_of_the_copy_in_the_letter_counts() -> None:
    """The address book's copy ran out yesterday; since then Ada has prolonged it, and says so inside the seal."""
    ada = person("ada")
    first, user_id, *rest = packets.read(ada.certificate)
    over = (ada.primary.public.hashed, b"\xb4" + len(user_id.body).to_bytes(4, "big"), user_id.body)
    hashed = sub(25, b"\1") + sub(KEY_FLAGS, b"\x03")
    newer = Packet(Tag.SIGNATURE, sign(ada.primary, 0x13, over, int(YESTERDAY.timestamp()), hashed))
    introduces = (address("ada"), packets.join([first, user_id, newer, *rest]))
    binary = seal_raw(signed(inside(introduces=introduces), ada, person("bert")), person("bert"))
    old = expiring(ada, YESTERDAY)
    assert (
        here(around(seal_raw(signed(inside(), ada), person("bert"))), known=[old]).evidence.signature
        is Signature.EXPIRED
    )
    assert here(around(binary), known=[old]).evidence.signature is Signature.HOLDS


def test_every_question_is_asked_at_most_once_and_only_when_needed() -> None:
    asked: list[tuple[str, object]] = []
    for case in cases().values():
        asked.clear()
        here(case.raw, case.reader, case.known, asked=asked)
        names = [name for name, _ in asked]
        assert names in ([], ["keys"], ["keys", "find"])
        if case.seal in (Seal.NEVER_SEALED, Seal.LOCKED, Seal.UNSIGNED):
            assert "find" not in names
        if case.seal is Seal.NEVER_SEALED:
            assert not names


# A07, A17, A19: who says it, to whom


def test_a_signature_of_another_is_told_by_its_fingerprint() -> None:
    part = inside(letter(sender="ada"))
    opened = here(
        around(seal_raw(signed(part, person("clara"), person("bert")), person("bert"))),
        known=[person("clara").certificate],
    )
    assert opened.signers == (person("clara").fingerprint,)
    assert opened.letter is not None
    assert opened.letter.heading.sender is not None
    assert opened.letter.heading.sender.address == address("ada")


def test_two_senders_are_no_sender() -> None:
    part = b"From: clara@letters.test\r\n" + inside()
    opened = here(around(seal_raw(signed(part, person("ada"), person("bert")), person("bert"))))
    assert opened.letter is not None
    assert opened.letter.heading.sender is None
    assert opened.letter.heading.from_fields == 2


def test_a_letter_that_names_nobody_is_for_nobody_in_particular() -> None:
    part = b"From: ada@letters.test\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    opened = here(around(seal_raw(signed(part, person("ada")), person("bert"))))
    assert opened.evidence.for_us is None


def test_without_a_header_inside_the_outer_one_is_all_there_is() -> None:
    part = b"Content-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"
    opened = here(
        around(seal_raw(signed(part, person("ada"), person("bert")), person("bert"))),
        known=[person("ada").certificate],
    )
    assert opened.evidence.headers is Headers.ABSENT
    assert opened.letter is not None
    assert not opened.letter.inside
    assert opened.letter.heading == opened.outer
    assert opened.letter.text.strip() == "hello"


def test_an_armor_as_the_whole_text_is_a_sealed_letter_without_header() -> None:
    text = "Grüße\r\nAda\r\n".encode()
    armor = parcels.armored(seal_raw(signed(text, person("ada"), person("bert")), person("bert")))
    opened = here(outside() + b"Content-Type: text/plain\r\n\r\n" + armor, known=[person("ada").certificate])
    assert opened.evidence.shape is Shape.SEALED
    assert opened.evidence.headers is Headers.ABSENT
    assert opened.letter is not None
    assert opened.letter.text == "Grüße\nAda\n"


def test_headers_cannot_break_lines() -> None:
    """A24."""
    opened = here(parcels.with_subject(b"=?utf-8?q?a=0d=0aBcc:_eve@letters.test?="))
    assert opened.outer is not None
    assert "\n" not in opened.outer.subject
    assert "\r" not in opened.outer.subject


# A26, A27: limits before work


def test_a_flood_of_readers_never_reaches_the_keyholder() -> None:
    asked: list[tuple[str, object]] = []
    here(cases()["A26 twenty thousand readers"].raw, asked=asked)
    assert asked == []


@pytest.mark.parametrize("name", parcels.hostile())
def test_hostile_shapes_become_values(name: str) -> None:
    opened = here(parcels.hostile()[name])
    if opened.trouble is not None:
        assert opened.letter is None
        assert opened.trouble.message
        assert opened.trouble.hint
    else:
        assert opened.letter is not None
    assert seal_of(opened) is Seal.NEVER_SEALED


def test_what_is_sealed_but_built_too_oddly_is_judged_and_not_shown() -> None:
    case = cases()["A27 a thousand and one parts, sealed"]
    opened = here(case.raw, known=case.known)
    assert opened.evidence.signature is Signature.HOLDS
    assert opened.letter is None
    assert opened.trouble is not None
    assert opened.trouble.code == "too_many_parts"


def test_looking_at_the_outside_opens_nothing() -> None:
    seen = reading.look(sealed())
    assert seen.shape is Shape.SEALED
    assert seen.heading.subject == "[...]"
    assert seen.first("message-id") == "<1@letters.test>"
    assert SECRET not in repr(seen)


@pytest.mark.parametrize("error", [KeyError(SECRET), RecursionError(), type("PanicException", (BaseException,), {})()])
def test_a_fault_of_ours_does_not_cost_the_parcel(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fails(*_: object) -> object:
        raise error

    monkeypatch.setattr(reading, "readable", fails)
    opened = here(sealed())
    assert opened.letter is None
    assert opened.trouble is not None
    assert opened.trouble.code == "unreadable"
    assert type(error).__name__ in opened.trouble.message
    assert SECRET not in texts(opened)
    assert seal_of(opened) is Seal.BROKEN


def test_want_of_memory_is_not_taken_for_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> object:
        raise MemoryError

    monkeypatch.setattr(reading, "readable", fails)
    with pytest.raises(MemoryError):
        here(sealed())


def test_between_two_requests_nothing_is_remembered_of_a_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next parcel may be one that takes the child over."""
    monkeypatch.setattr(warm, "letters", lambda: None)
    run = child._letters()[protocol_letters.READ]
    raw = b"From: bert@letters.test\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n"
    (found,) = run(Stack((raw,), (None,), ()), lambda _question, _value: ())
    assert found.text.strip() == "Hello"
    assert transfer._remembered.cache_info().currsize == 0
