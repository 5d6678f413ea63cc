"""Keys: kept once and merged; whose they are changes only as decided (A13), and a signer is judged by that."""

from __future__ import annotations

import pytest

from dearly.drawer import keyring, people
from dearly.drawer.connection import Db
from dearly.drawer.keyring import BindingState, StoredCertificate, StoredKey
from dearly.letter.address import Address
from dearly.letter.errors import NotFound, Refused
from dearly.letter.sealing import Binding
from tests.support.contents import BERT, DAY, chance, known
from tests.support.times import NOON

ONE, TWO, THREE = "11" * 20, "22" * 20, "33" * 20
SECOND = Address.parse("bert@phone.test")


def _certificate(fingerprint: str, body: bytes = b"", *key_ids: str) -> StoredCertificate:
    return StoredCertificate(fingerprint, body or fingerprint.encode(), key_ids, NOON, None, False, True, "card")


@pytest.fixture
def bert(db: Db) -> int:
    for fingerprint in (ONE, TWO, THREE):
        keyring.put_certificate(db, _certificate(fingerprint), merged_onto=None, now=NOON)
    person = known(db, BERT)
    people.add_address(db, person.id, people.NewAddress(str(SECOND)), now=NOON, chance=chance)
    return person.id


def test_own_keys_retire_but_stay(db: Db) -> None:
    with pytest.raises(NotFound) as caught:
        keyring.own_key(db)
    assert caught.value.code == "no_own_key"
    first, second = StoredKey(ONE, b"fake secret", b"certificate", NOON), StoredKey(TWO, b"other", b"c", NOON + DAY)
    keyring.set_own_key(db, first, NOON)
    keyring.set_own_key(db, StoredKey(ONE, b"fake secret 2", b"certificate 2", NOON), NOON)
    assert keyring.own_key(db) == StoredKey(ONE, b"fake secret 2", b"certificate 2", NOON)
    keyring.set_own_key(db, second, NOON + DAY)
    assert keyring.own_key(db) == second
    assert [(k.fingerprint, k.retired) for k in keyring.own_keys(db)] == [(TWO, None), (ONE, NOON + DAY)]
    assert "fake secret" not in repr(keyring.own_keys(db))


def test_certificates_are_found_by_every_key_in_them(db: Db) -> None:
    keyring.put_certificate(db, _certificate(ONE, b"", "aa", "ab"), merged_onto=None, now=NOON)
    keyring.put_certificate(db, _certificate(TWO, b"", "ab", "ac"), merged_onto=None, now=NOON)
    found = keyring.certificates_by_key_ids(db, ["ab", "aa", TWO, "unknown"])
    assert [c.fingerprint for c in found] == [ONE, TWO]
    assert keyring.certificate(db, ONE) == found[0]
    assert found[0].key_ids == (ONE, "aa", "ab")
    assert keyring.certificate(db, THREE) is None
    assert keyring.certificates_by_key_ids(db, []) == []


def test_a_flood_of_ids_is_bounded(db: Db) -> None:
    """A26: no more look-ups than anybody needs."""
    keyring.put_certificate(db, _certificate(ONE, b"", "aa"), merged_onto=None, now=NOON)
    assert keyring.certificates_by_key_ids(db, [f"{n:x}" for n in range(64)] + ["aa"]) == []


def test_a_merge_onto_something_older_is_refused(db: Db) -> None:
    """A16: neither of two things learned at the same time may be lost."""
    first = _certificate(ONE, b"first", "aa")
    keyring.put_certificate(db, first, merged_onto=None, now=NOON)
    keyring.put_certificate(db, first, merged_onto=None, now=NOON)
    with_revocation = _certificate(ONE, b"first + revocation", "aa")
    keyring.put_certificate(db, with_revocation, merged_onto=b"first", now=NOON)
    with pytest.raises(Refused) as caught:
        keyring.put_certificate(db, _certificate(ONE, b"first + subkey"), merged_onto=b"first", now=NOON)
    assert caught.value.code == "changed_meanwhile"
    assert caught.value.retry
    with pytest.raises(Refused):
        keyring.put_certificate(db, _certificate(ONE, b"as if new"), merged_onto=None, now=NOON)
    stored = keyring.certificate(db, ONE)
    assert stored is not None
    assert stored.body == b"first + revocation"


def test_first_seen_then_pinned_then_verified(db: Db, bert: int) -> None:
    assert keyring.binding(db, bert) is None
    first = keyring.saw(db, bert, BERT.address, ONE, "card", NOON)
    assert first.state is BindingState.FIRST_SEEN
    assert keyring.binding(db, bert, BERT.address) == first
    keyring.mark_used(db, bert, BERT.address, NOON + DAY)
    pinned = keyring.binding(db, bert, BERT.address)
    assert pinned is not None
    assert (pinned.state, pinned.seen, pinned.since) == (BindingState.PINNED, NOON, NOON + DAY)
    keyring.decide(db, bert, ONE, BindingState.VERIFIED, NOON + 2 * DAY)
    keyring.mark_used(db, bert, BERT.address, NOON + 3 * DAY)
    verified = keyring.binding(db, bert, BERT.address)
    assert verified is not None
    assert (verified.state, verified.since) == (BindingState.VERIFIED, NOON + 2 * DAY)
    assert keyring.saw(db, bert, BERT.address, ONE, "autocrypt", NOON + 4 * DAY) == verified


@pytest.mark.parametrize("address", [BERT.address, SECOND])
def test_another_key_is_shown_and_not_used(db: Db, bert: int, address: Address) -> None:
    """A13, also at an address for which no key was ever seen: the person has one."""
    keyring.saw(db, bert, BERT.address, ONE, "card", NOON)
    changed = keyring.saw(db, bert, address, TWO, "autocrypt", NOON)
    assert changed.state is BindingState.CHANGED
    for where in (BERT.address, SECOND, None):
        used = keyring.binding(db, bert, where)
        assert used is not None
        assert used.fingerprint == ONE
    keyring.mark_used(db, bert, address, NOON)
    assert {b.fingerprint: b.state for b in keyring.bindings(db, bert)} == {
        ONE: BindingState.PINNED,
        TWO: BindingState.CHANGED,
    }
    assert keyring.standing(db, bert, TWO) is Binding.CHANGED


def test_deciding_for_the_other_key(db: Db, bert: int) -> None:
    keyring.saw(db, bert, BERT.address, ONE, "card", NOON)
    keyring.saw(db, bert, SECOND, TWO, "autocrypt", NOON)
    decided = keyring.decide(db, bert, TWO, BindingState.VERIFIED, NOON + DAY)
    assert {(b.address, b.fingerprint, b.state) for b in decided} == {
        (BERT.address.key, TWO, BindingState.VERIFIED),
        (SECOND.key, TWO, BindingState.VERIFIED),
        (BERT.address.key, ONE, BindingState.LEFT),
    }
    assert keyring.standing(db, bert, ONE) is Binding.CHANGED
    assert keyring.standing(db, bert, TWO) is Binding.VERIFIED
    # The old one turning up again does not come back into use by itself.
    assert keyring.saw(db, bert, BERT.address, ONE, "autocrypt", NOON + DAY).state is BindingState.LEFT


def test_two_keys_at_two_addresses(db: Db, bert: int) -> None:
    """Another program on the telephone has a key of its own: chosen for that address alone."""
    keyring.saw(db, bert, BERT.address, ONE, "card", NOON)
    keyring.saw(db, bert, SECOND, TWO, "autocrypt", NOON)
    keyring.decide(db, bert, TWO, BindingState.PINNED, NOON, SECOND)
    used = [keyring.binding(db, bert, where) for where in (BERT.address, SECOND, None)]
    assert [b and b.fingerprint for b in used] == [ONE, TWO, None]
    # Where nobody ever saw a key, and there are two to choose from, none is guessed.
    assert keyring.binding(db, bert, Address.parse("bert@third.test")) is None
    assert keyring.saw(db, bert, Address.parse("bert@third.test"), ONE, "card", NOON).state is BindingState.FIRST_SEEN
    assert keyring.saw(db, bert, SECOND, ONE, "card", NOON).state is BindingState.CHANGED


def test_refusing_a_key(db: Db, bert: int) -> None:
    keyring.saw(db, bert, BERT.address, ONE, "card", NOON)
    keyring.decide(db, bert, ONE, BindingState.LEFT, NOON)
    assert keyring.binding(db, bert, BERT.address) is None
    assert keyring.binding(db, bert) is None
    assert keyring.saw(db, bert, BERT.address, TWO, "card", NOON).state is BindingState.FIRST_SEEN
    with pytest.raises(NotFound) as caught:
        keyring.decide(db, bert, THREE, BindingState.PINNED, NOON)
    assert caught.value.code == "unknown_key"


def test_what_a_signer_is_worth(db: Db, bert: int) -> None:
    ada = people.add(db, "Ada", [people.NewAddress("ada@letters.test")], now=NOON, chance=chance).id
    assert keyring.standing(db, bert, ONE) is None
    assert keyring.standing(db, None, ONE) is None
    keyring.saw(db, bert, BERT.address, ONE, "card", NOON)
    assert keyring.standing(db, bert, ONE) is Binding.FIRST_SEEN
    # Bert's signature on what says it is from Ada, or from somebody unknown (A06, A17).
    assert keyring.standing(db, ada, ONE) is Binding.OTHER
    assert keyring.standing(db, None, ONE) is Binding.OTHER
    # A key that nobody has, for someone who has one already.
    assert keyring.standing(db, bert, TWO) is Binding.CHANGED
    assert keyring.standing(db, ada, TWO) is None


def test_people_at_one_address_share_its_keys(db: Db, bert: int) -> None:
    family = people.add(db, "The family", [people.NewAddress(str(BERT.address))], now=NOON, chance=chance).id
    keyring.saw(db, bert, BERT.address, ONE, "card", NOON)
    assert keyring.standing(db, family, ONE) is Binding.FIRST_SEEN


def test_the_keys_of_someone_who_was_removed_prove_nothing(db: Db, bert: int) -> None:
    keyring.saw(db, bert, BERT.address, ONE, "card", NOON)
    db.run("UPDATE persons SET hidden = 1 WHERE id = ?", (bert,))
    assert keyring.standing(db, None, ONE) is None
