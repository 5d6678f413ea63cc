"""The letterbox: each content once, whatever carriers call it; nothing lost or suppressed, strangers at the door."""

from __future__ import annotations

import pytest

from dearly.drawer import arrivals, chain, letters, people
from dearly.drawer.arrivals import ArrivalState
from dearly.drawer.connection import Db
from dearly.drawer.objects import pack
from dearly.letter.address import Address, Correspondent
from dearly.letter.envelope import Source, Way
from dearly.letter.errors import NotFound
from dearly.letter.sealing import Seal
from tests.support.contents import (
    BERT,
    CLARA,
    DAY,
    PLACE,
    arrived,
    chance,
    known,
    outside,
    page,
    parcel,
    posted,
    received,
    took_in,
)
from tests.support.times import NOON


def _new(db: Db, seed: str = "1", **more: object) -> int:
    number = took_in(db, parcel(seed, **more))  # type: ignore[arg-type]  # passed through
    assert number is not None
    return number


def test_taken_in_whole(db: Db) -> None:
    it = parcel("1")
    number = arrivals.take_in(db, it, pack(it.data).sha256, now=NOON, chance=chance, packed=pack(it.data))
    assert number is not None
    assert arrivals.raw(db, number) == it.data
    assert arrivals.unsorted(db) == [number]
    there = arrivals.arrival(db, number)
    assert (there.state, there.arrived, there.way, there.place) == (ArrivalState.NEW, NOON, Way.OFFICE, PLACE)
    assert chain.known(db, chain.Kind.ARRIVED, pack(it.data).sha256)
    assert arrivals.of_bytes(db, it.data) == there
    assert page(db).number == number + 1
    for missing in (arrivals.raw, arrivals.arrival):
        with pytest.raises(NotFound):
            missing(db, 99)
    with pytest.raises(NotFound):
        arrivals.of_bytes(db, b"other")


@pytest.mark.parametrize(
    "again",
    [
        {},
        {"uid": "2"},
        {"validity": "8"},
        {"validity": "7", "uid": "9"},
        {"way": Way.HAND, "place": "a stick"},
    ],
    ids=["the same", "F35 another uid", "F27 another validity", "F28 both", "F37 another way"],
)
def test_the_same_bytes_are_taken_in_once(db: Db, again: dict[str, object]) -> None:
    number = _new(db, validity="7")
    links = chain.head(db).count
    for _ in range(3):
        assert took_in(db, parcel("1", **again)) is None  # type: ignore[arg-type]  # passed through
    assert chain.head(db).count == links
    assert db.value("SELECT count(*) FROM arrivals") == 1
    arrivals.put_in_letterbox(db, number, outside(), NOON)
    (there,) = arrivals.letterbox(db)
    assert len(there.postmarks) == (2 if "way" in again else 1)


def test_one_name_for_two_letters_keeps_both(db: Db) -> None:
    """F29: a carrier that uses a uid again."""
    assert _new(db, "1", uid="5") != _new(db, "2", uid="5")
    assert len(arrivals.unsorted(db)) == 2


def test_cursors(db: Db) -> None:
    assert arrivals.cursor(db, Way.OFFICE, PLACE) == ""
    arrivals.save_cursor(db, Way.OFFICE, PLACE, "a", NOON)
    arrivals.save_cursor(db, Way.OFFICE, PLACE, "b", NOON)
    arrivals.save_cursor(db, Way.MAIL, PLACE, "c", NOON)
    assert arrivals.cursor(db, Way.OFFICE, PLACE) == "b"
    assert arrivals.cursor(db, Way.OFFICE, "elsewhere") == ""


def test_what_is_still_to_be_acknowledged(db: Db) -> None:
    """F36: after a crash between commit and acknowledging, it is known what to tell the carrier."""
    for seed in "abc":
        _new(db, seed)
    took_in(db, parcel("a", way=Way.HAND, place="a stick"))
    waiting = arrivals.unacknowledged(db, Way.OFFICE, PLACE)
    assert waiting == [Source(Way.OFFICE, PLACE, "", uid) for uid in "abc"]
    arrivals.acknowledged(db, waiting[:2])
    assert arrivals.unacknowledged(db, Way.OFFICE, PLACE) == waiting[2:]
    assert took_in(db, parcel("a")) is None
    assert arrivals.unacknowledged(db, Way.OFFICE, PLACE) == waiting[2:]
    assert len(arrivals.unacknowledged(db, Way.HAND, "a stick")) == 1


def test_the_letterbox_is_in_the_order_of_arrival(db: Db) -> None:
    bert = known(db, BERT)
    numbers = [_new(db, str(n)) for n in range(5)]
    for n, number in enumerate(numbers):
        arrivals.put_in_letterbox(db, number, outside(seed=str(n), person=bert.id), NOON - n * DAY)
    assert arrivals.unsorted(db) == []
    letters.file_received(db, numbers[2], received("2", date=NOON - 900 * DAY), NOON)
    arrivals.mark_unreadable(db, numbers[3], Seal.LOCKED, "no key fits", NOON)
    listed = arrivals.letterbox(db)
    assert [a.number for a in listed] == numbers[::-1]
    assert [a.state.value for a in listed] == ["unopened", "unreadable", "opened", "unopened", "unopened"]
    assert (listed[1].seal, listed[1].reason, listed[0].seal) == (Seal.LOCKED, "no key fits", None)
    assert {a.person for a in listed} == {BERT.name}
    assert [a.number for a in arrivals.letterbox(db, unopened_only=True)] == [numbers[4], numbers[1], numbers[0]]
    assert [a.number for a in arrivals.letterbox(db, limit=2, before=numbers[3])] == [numbers[2], numbers[1]]
    assert arrivals.waiting_count(db) == 3


def test_unreadable_may_be_opened_later(db: Db) -> None:
    number = _new(db)
    arrivals.mark_unreadable(db, number, Seal.BROKEN, "altered", NOON)
    assert arrivals.unsorted(db) == []
    assert arrivals.raw(db, number) == parcel("1").data
    letters.file_received(db, number, received(), NOON)
    there = arrivals.arrival(db, number)
    assert (there.state, there.reason, there.seal) == (ArrivalState.OPENED, "", Seal.SIGNED_PINNED)
    arrivals.mark_unreadable(db, number, Seal.BROKEN, "altered", NOON)
    assert arrivals.arrival(db, number).state is ArrivalState.OPENED


def test_two_copies_are_one_envelope(db: Db) -> None:
    """F37 before opening: the same sealed part, id and sender in another cover."""
    first, second = _new(db, "1"), _new(db, "2", way=Way.HAND, place="a stick")
    assert arrivals.put_in_letterbox(db, first, outside(seed="x"), NOON) is ArrivalState.UNOPENED
    assert arrivals.put_in_letterbox(db, second, outside(seed="x"), NOON) is ArrivalState.SAME
    (there,) = arrivals.letterbox(db)
    assert (there.number, [m.way for m in there.postmarks]) == (first, [Way.OFFICE, Way.HAND])
    assert arrivals.of_bytes(db, parcel("2").data).number == first
    letters.file_received(db, first, received(), NOON)
    assert letters.letter(db, second).number == first
    assert len(letters.letter(db, first).postmarks) == 2
    third = _new(db, "3")
    arrivals.put_in_letterbox(db, third, outside(seed="x"), NOON)
    assert letters.letter(db, third).number == first


def test_opening_the_copy_is_opening_the_envelope(db: Db) -> None:
    """Also for a letter without an id, whose own one comes from the bytes of the cover (F39)."""
    first, second = _new(db, "1"), _new(db, "2")
    for number in (first, second):
        arrivals.put_in_letterbox(db, number, outside(seed="x"), NOON)
    filed = letters.file_received(db, second, received(letter_id=None), NOON)
    assert filed == letters.Filed(first, first=True, twin=False)
    assert letters.file_received(db, first, received(letter_id=None), NOON) == letters.Filed(first, False, False)
    assert [a.state for a in arrivals.letterbox(db)] == [ArrivalState.OPENED]
    assert len(letters.letter(db, second).postmarks) == 1
    assert db.value("SELECT count(*) FROM letters") == 1


@pytest.mark.parametrize(
    "other",
    [
        outside(CLARA, seed="x"),
        outside(seed="x", letter_id="another@letters.test"),
        outside(None, seed="x"),
        outside(seed="y", letter_id="theirs-x@letters.test"),
    ],
)
def test_another_cover_hides_nothing(db: Db, other: arrivals.Outside) -> None:
    """A36: somebody who sends the sealed part of a letter in a cover of their own does not take its place."""
    first, second = _new(db, "1"), _new(db, "2")
    arrivals.put_in_letterbox(db, first, other, NOON)
    assert arrivals.put_in_letterbox(db, second, outside(seed="x"), NOON) is ArrivalState.UNOPENED
    assert len(arrivals.letterbox(db)) == 2


def test_unsealed_letters_are_never_taken_for_one_another(db: Db) -> None:
    plain = arrivals.Outside(BERT, None, None, Seal.NEVER_SEALED, None, False)
    for seed in "12":
        arrivals.put_in_letterbox(db, _new(db, seed), plain, NOON)
    assert [a.seal for a in arrivals.letterbox(db)] == [Seal.NEVER_SEALED] * 2


def test_sorted_once(db: Db) -> None:
    number = _new(db)
    arrivals.put_in_letterbox(db, number, outside(), NOON)
    letters.file_received(db, number, received(), NOON)
    assert arrivals.put_in_letterbox(db, number, outside(CLARA), NOON) is ArrivalState.OPENED
    assert arrivals.arrival(db, number).sender == BERT


@pytest.mark.parametrize("state", [ArrivalState.OWN, ArrivalState.REPORT])
def test_put_aside(db: Db, state: ArrivalState) -> None:
    ours = posted(db)
    number = _new(db)
    arrivals.put_aside(db, number, state, NOON, letter=ours)
    assert arrivals.letterbox(db) == arrivals.letterbox(db, unopened_only=True) == []
    assert arrivals.unsorted(db) == []
    assert letters.letter(db, number).number == ours


def test_strangers_wait_at_the_door(db: Db) -> None:
    one, two, other = (_new(db, s) for s in "123")
    for number, who in ((one, BERT), (two, BERT), (other, CLARA)):
        arrivals.put_in_letterbox(db, number, outside(who, seed=str(number), at_door=True), NOON)
    assert [a.number for a in arrivals.at_door(db)] == [one, two, other]
    assert [a.at_door for a in arrivals.letterbox(db)] == [True] * 3
    assert arrivals.waiting_count(db) == 0
    bert = people.add(db, BERT.name, now=NOON, chance=chance)
    assert arrivals.let_in(db, one, bert.id, NOON) == [one, two]
    assert [(a.number, a.person) for a in arrivals.letterbox(db) if not a.at_door] == [
        (two, BERT.name),
        (one, BERT.name),
    ]
    assert arrivals.refuse(db, other, NOON) == [other]
    assert arrivals.refused(db, Address.parse("CLARA@letters.test"))
    assert [a.number for a in arrivals.letterbox(db)] == [two, one]
    # From then on.
    later, again = _new(db, "4"), _new(db, "5")
    assert arrivals.put_in_letterbox(db, later, outside(CLARA, seed="4", at_door=True), NOON) is ArrivalState.REFUSED
    arrivals.put_in_letterbox(db, again, outside(BERT, seed="5", at_door=True), NOON)
    assert arrivals.at_door(db) == []
    assert arrivals.raw(db, later) == parcel("4").data
    # Let in after all: what had been turned away is there.
    clara = people.add(db, CLARA.name, now=NOON, chance=chance)
    assert arrivals.let_in(db, other, clara.id, NOON) == [other, later]
    assert {other, later} < {a.number for a in arrivals.letterbox(db)}


def test_refusing_one_does_not_refuse_somebody_known(db: Db) -> None:
    number, later = _new(db, "1"), _new(db, "2")
    arrivals.put_in_letterbox(db, number, outside(at_door=True), NOON)
    arrivals.refuse(db, number, NOON)
    bert = known(db, BERT)
    assert arrivals.put_in_letterbox(db, later, outside(seed="2", person=bert.id), NOON) is ArrivalState.UNOPENED


def test_a_stranger_without_a_name(db: Db) -> None:
    """Refusing what has no readable sender refuses that one only."""
    one, two = _new(db, "1"), _new(db, "2")
    for number in (one, two):
        arrivals.put_in_letterbox(db, number, outside(None, seed=str(number), at_door=True), NOON)
    assert arrivals.refuse(db, one, NOON) == [one]
    assert [a.number for a in arrivals.at_door(db)] == [two]
    assert db.value("SELECT count(*) FROM strangers") == 0


def test_hostile_outside(db: Db) -> None:
    number = _new(db)
    who = Correspondent("\udcffBert\0", BERT.address)
    claims = arrivals.Outside(who, "\udc80@x", None, Seal.NEVER_SEALED, None, False)  # type: ignore[arg-type]  # an id
    arrivals.put_in_letterbox(db, number, claims, NOON)
    there = arrivals.arrival(db, number)
    assert (there.sender, there.letter_id) == (Correspondent("?Bert\0", BERT.address), "?@x")


def test_opened_letters_stay_in_the_letterbox(db: Db) -> None:
    filed = arrived(db)
    (there,) = arrivals.letterbox(db)
    assert (there.number, there.letter, there.state) == (filed.number, filed.number, ArrivalState.OPENED)
    assert there.uid == letters.letter(db, filed.number).uid
