"""The address book: who is found by what, where they are reached when, and that nobody with letters is lost."""

from __future__ import annotations

from datetime import datetime

import pytest

from dearly.drawer import arrivals, drafts, keyring, letters, outbox, people
from dearly.drawer.connection import Db
from dearly.drawer.people import AddressKind, NewAddress, PersonKind
from dearly.letter.address import Address
from dearly.letter.errors import NotFound, Refused, Usage
from tests.support.contents import ADA, BERT, CLARA, DAY, DORA, arrived, chance, known, outside, page, parcel, posted
from tests.support.contents import took_in as took
from tests.support.times import NOON


def _add(db: Db, name: str, *addresses: str | NewAddress, kind: PersonKind = PersonKind.PERSON) -> people.Person:
    new = [one if isinstance(one, NewAddress) else NewAddress(one) for one in addresses]
    return people.add(db, name, new, kind=kind, now=NOON, chance=chance)


@pytest.mark.parametrize(
    "text",
    [
        "Bert Beispiel",
        "  bert   BEISPIEL ",
        "bert",
        "B",
        "Beisp",
        "bert@letters.test",
        "BERT@Letters.Test",
        "\uff22\uff45\uff52\uff54",
    ],
)
def test_found_by(db: Db, text: str) -> None:
    bert = known(db, BERT)
    known(db, DORA)
    assert people.find(db, text) == bert
    assert people.find(db, bert.uid) == bert


def test_a_whole_name_wins_over_a_beginning(db: Db) -> None:
    _add(db, "Ann Other")
    ann = _add(db, "Ann")
    assert people.find(db, "ann") == ann


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("cl", "ambiguous_person", ("Clara Fiktiv", "Cleo Ersonnen")),
        ("Klara Fiktif", "unknown_person", ("Clara Fiktiv",)),
        ("Dorra", "unknown_person", ("Dora Erfunden",)),
        ("zz", "unknown_person", ()),
        ("", "unknown_person", ()),
        ("nobody@letters.test", "unknown_person", ()),
        ("not@an address", "unknown_person", ()),
        ("0" * 32, "unknown_person", ()),
    ],
)
def test_never_a_guess(db: Db, text: str, code: str, names: tuple[str, ...]) -> None:
    for who in (CLARA, DORA, BERT):
        known(db, who)
    _add(db, "Cleo Ersonnen")
    with pytest.raises(NotFound) as caught:
        people.find(db, text)
    assert caught.value.code == code
    told = caught.value.message + caught.value.hint
    assert all(name in told for name in names), told
    assert names or "Dora" not in told


def test_hostile_text_is_cleaned_before_it_is_shown(db: Db) -> None:
    with pytest.raises(NotFound) as caught:
        people.find(db, "\x1b[31mBert\u202e")
    assert "\x1b" not in caught.value.message
    assert "\u202e" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "address", "code"),
    [
        ("", "a@b.test", "empty_name"),
        (" \u3000 ", "a@b.test", "empty_name"),
        ("A\nB", "a@b.test", "bad_text"),
        ("A", "no address", "bad_address"),
    ],
)
def test_not_put_into_the_book(db: Db, name: str, address: str, code: str) -> None:
    with pytest.raises(Usage) as caught:
        _add(db, name, address)
    assert caught.value.code == code


def test_one_name_one_person(db: Db) -> None:
    known(db, BERT)
    with pytest.raises(Refused) as caught:
        _add(db, "bert  beispiel")
    assert caught.value.code == "person_exists"
    people.remove(db, people.find(db, "Bert").id, NOON)
    assert known(db, BERT)


def test_addresses_in_order_with_their_times(db: Db) -> None:
    postal = NewAddress("Ada Testerin\r\n  Weg 1 \n\n12345 Stadt\x07", AddressKind.POSTAL, care_of="Oma", country="DE")
    ada = _add(db, "Ada", "ada@letters.test", NewAddress("ada@home.office.invalid", AddressKind.OFFICE), postal)
    first, office, home = ada.addresses
    assert (first.address, office.kind, home.address) == (ADA.address, AddressKind.OFFICE, None)
    assert home.text == "Ada Testerin\nWeg 1\n12345 Stadt"
    assert [a.text for a in people.addresses_of(db, ada.id, NOON, AddressKind.EMAIL)] == ["ada@letters.test"]
    # A clock that was set back does not take an address away (F11).
    assert len(people.addresses_of(db, ada.id, NOON - 3650 * DAY)) == 3

    people.end_address(db, ada.id, first.id, NOON + DAY)
    assert len(people.addresses_of(db, ada.id, NOON)) == 3
    assert [a.id for a in people.addresses_of(db, ada.id, NOON + DAY)] == [office.id, home.id]
    assert [a.id for a in people.show(db, ada.id).addresses] == [office.id, home.id, first.id]
    # What was left may come again: the old time stays beside the new one.
    again = people.add_address(db, ada.id, NewAddress("ADA@letters.test"), now=NOON + 2 * DAY, chance=chance)
    assert len(again.addresses) == 4
    assert len({a.uid for a in again.addresses}) == 3
    with pytest.raises(NotFound):
        people.end_address(db, ada.id, Address.parse("other@letters.test"), NOON)
    for empty in ("", " \n\t\n"):
        with pytest.raises(Usage):
            people.add_address(db, ada.id, NewAddress(empty, AddressKind.POSTAL), now=NOON, chance=chance)


def test_the_same_address_again_changes_what_is_given(db: Db) -> None:
    bert = known(db, BERT)
    later = people.add_address(
        db, bert.id, NewAddress("bert@letters.test", label="home", hold_until=NOON), now=NOON, chance=chance
    )
    (entry,) = later.addresses
    assert (entry.id, entry.label, entry.hold_until) == (bert.addresses[0].id, "home", NOON)


def test_an_address_in_the_future(db: Db) -> None:
    ada = _add(db, "Ada", NewAddress("ada@summer.test", since=NOON + DAY, until=NOON + 2 * DAY))
    good = [bool(people.addresses_of(db, ada.id, NOON + n * DAY)) for n in (0, 1, 2)]
    assert good == [False, True, False]


def test_several_at_one_address(db: Db) -> None:
    ada, bert = _add(db, "Ada", "home@letters.test"), _add(db, "Bert", "home@letters.test")
    home = Address.parse("home@letters.test")
    assert people.person_of_address(db, home) == ada
    assert people.person_of_address(db, home, "bert") == bert
    with pytest.raises(NotFound) as caught:
        people.find(db, "home@letters.test")
    assert caught.value.code == "ambiguous_person"
    family = _add(db, "The family", "home@letters.test", kind=PersonKind.HOUSEHOLD)
    assert people.person_of_address(db, home) == family
    assert people.find(db, "home@letters.test") == family
    # Someone who moved away has it only when nobody else does.
    people.end_address(db, family.id, home, NOON)
    assert people.person_of_address(db, home) == ada


def test_circles_and_their_members(db: Db) -> None:
    circle = _add(db, "Choir", kind=PersonKind.CIRCLE)
    ada, bert = _add(db, "Ada"), _add(db, "Bert")
    for one in (bert, ada):
        people.join(db, circle.id, one.id, NOON)
    assert [p.name for p in people.members_of(db, circle.id)] == ["Ada", "Bert"]
    assert people.show(db, circle.id).members == (ada.id, bert.id)
    people.leave(db, circle.id, ada.id, NOON)
    assert [p.name for p in people.members_of(db, circle.id)] == ["Bert"]
    people.join(db, circle.id, ada.id, NOON)
    assert len(people.members_of(db, circle.id)) == 2
    with pytest.raises(Refused, match="person"):
        people.join(db, ada.id, bert.id, NOON)
    with pytest.raises(Refused):
        people.join(db, circle.id, circle.id, NOON)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("1990-12-31", True),
        ("--02-29", True),
        ("2001-02-29", False),
        ("31.12.1990", False),
        ("-02-28", False),
        ("1990-12-31\n", False),
    ],
)
def test_birthdays(db: Db, text: str, good: bool) -> None:
    ada = _add(db, "Ada")
    if not good:
        with pytest.raises(Usage) as caught:
            people.edit(db, ada.id, birthday=text, now=NOON)
        assert caught.value.code == "bad_date"
        return
    assert people.edit(db, ada.id, birthday=text, now=NOON).birthday == text
    assert people.edit(db, ada.id, note="likes tea", now=NOON).birthday == text
    assert people.edit(db, ada.id, birthday="", now=NOON).birthday is None


def test_edited(db: Db) -> None:
    ada, _bert = _add(db, "Ada"), _add(db, "Bert")
    assert people.edit(db, ada.id, name="ADA", now=NOON).name == "ADA"
    assert people.edit(db, ada.id, name="Adele", kind=PersonKind.HOUSEHOLD, now=NOON).kind is PersonKind.HOUSEHOLD
    assert people.find(db, "adele").id == ada.id
    with pytest.raises(Refused):
        people.edit(db, ada.id, name="Bert", now=NOON)
    with pytest.raises(NotFound):
        people.show(db, 999)
    assert [p.name for p in people.list_all(db)] == ["Adele", "Bert"]


def test_what_was_here_before_joins_whoever_is_added(db: Db) -> None:
    number = took(db, parcel("1"))
    assert number is not None
    arrivals.put_in_letterbox(db, number, outside(BERT, at_door=True), NOON)
    theirs, ours, draft = arrived(db, "2").number, posted(db, BERT), page(db).number
    bert = known(db, BERT)
    assert [line.number for line in letters.correspondence(db, bert.id)] == [theirs, ours]
    assert outbox.travels(db, ours)[0].person == BERT.name
    assert drafts.load(db, draft).persons == (bert.id,)
    arrival = arrivals.arrival(db, number)
    assert (arrival.person, arrival.at_door) == (BERT.name, False)
    # It is his now: another entry with the same address takes nothing away.
    _add(db, "Bertha", "bert@letters.test")
    assert len(letters.correspondence(db, bert.id)) == 2


def test_removed_without_trace(db: Db) -> None:
    before = {table: db.value(f"SELECT count(*) FROM {table}") for table in ("persons", "addresses", "certificates")}
    bert = known(db, BERT)
    _certificate(db, "bb" * 20)
    keyring.saw(db, bert.id, BERT.address, "bb" * 20, "card", NOON)
    circle = _add(db, "Choir", kind=PersonKind.CIRCLE)
    people.join(db, circle.id, bert.id, NOON)
    assert people.remove(db, bert.id, NOON) is True
    assert people.remove(db, circle.id, NOON) is True
    assert before == {table: db.value(f"SELECT count(*) FROM {table}") for table in before}


def test_removed_but_not_the_letters(db: Db) -> None:
    bert = known(db, BERT)
    number = posted(db, BERT)
    assert people.remove(db, bert.id, NOON) is False
    assert people.list_all(db) == []
    assert [p.id for p in people.list_all(db, hidden=True)] == [bert.id]
    assert people.person_of_address(db, BERT.address) is None
    assert people.find(db, bert.uid).hidden
    assert letters.letter(db, number).to == (BERT,)
    assert [line.number for line in letters.correspondence(db, bert.id)] == [number]


def _certificate(db: Db, fingerprint: str, now: datetime = NOON) -> None:
    stored = keyring.StoredCertificate(fingerprint, b"c" + fingerprint.encode(), (), now, None, False, False, "card")
    keyring.put_certificate(db, stored, merged_onto=None, now=now)


def test_merged(db: Db) -> None:
    bert = known(db, BERT)
    other = _add(db, "B.", "b@letters.test", "bert@letters.test")
    choir = _add(db, "Choir", kind=PersonKind.CIRCLE)
    for one in (bert, other):
        people.join(db, choir.id, one.id, NOON)
    mine, theirs = posted(db, BERT), arrived(db, "2", person=other.id).number
    both = posted(db, BERT, DORA)
    kept = people.merge(db, bert.id, other.id, NOON)
    assert kept.id == bert.id
    assert kept.name == BERT.name
    assert sorted(a.text for a in kept.addresses) == ["b@letters.test", "bert@letters.test"]
    assert {line.number for line in letters.correspondence(db, bert.id)} == {mine, theirs, both}
    assert letters.correspondence(db, other.id) == []
    assert people.find(db, other.uid) == people.show(db, other.id) == people.show(db, bert.id)
    assert [p.name for p in people.members_of(db, choir.id)] == [BERT.name]
    assert [p.name for p in people.list_all(db, hidden=True)] == [BERT.name, "Choir"]
    third = _add(db, "Bertie")
    people.merge(db, third.id, bert.id, NOON)
    assert people.find(db, other.uid).id == third.id
    with pytest.raises(Refused) as caught:
        people.merge(db, third.id, other.id, NOON)
    assert caught.value.code == "same_person"


def test_merging_adds_no_trust(db: Db) -> None:
    bert, other = known(db, BERT), _add(db, "B.", "b@letters.test", "bert@letters.test")
    for fingerprint in ("11" * 20, "22" * 20, "33" * 20):
        _certificate(db, fingerprint)
    second = Address.parse("b@letters.test")
    keyring.saw(db, bert.id, BERT.address, "11" * 20, "card", NOON)
    keyring.saw(db, other.id, second, "22" * 20, "card", NOON)
    keyring.decide(db, other.id, "22" * 20, keyring.BindingState.VERIFIED, NOON)
    keyring.saw(db, other.id, BERT.address, "11" * 20, "card", NOON)
    people.merge(db, bert.id, other.id, NOON)
    assert {(b.fingerprint[:2], b.state.value) for b in keyring.bindings(db, bert.id)} == {
        ("11", "first_seen"),
        ("22", "changed"),
    }
    assert keyring.bindings(db, other.id) == []
