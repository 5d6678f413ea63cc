"""Strangers' headers: each once, none taken for another, and every answer reversible."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from dearly.drawer import accounts, arrivals, knocks, people
from dearly.drawer.connection import Db
from dearly.drawer.knocks import KnockState
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import LetterId
from dearly.letter.envelope import Heading, Source, Way
from tests.support.contents import BERT, chance, form, known, parcel, posted, took_in
from tests.support.times import NOON

ADA = "ada@letters.test"
ZOE = Correspondent("Zoë", Address.parse("Zoe@elsewhere.test"))
HEADING = Heading(Source(Way.MAIL, ADA, "1", "7"), 900, ZOE, "Hello", LetterId("a@elsewhere.test"), NOON)


def at(validity: str, uid: str) -> Source:
    return Source(Way.MAIL, ADA, validity, uid)


def _keep(db: Db, heading: Heading = HEADING) -> int | None:
    return knocks.keep(db, heading, NOON, chance)


def _states(db: Db) -> dict[int, str]:
    return dict(db.all("SELECT number, state FROM knocks ORDER BY number"))


def test_kept_as_it_claims(db: Db) -> None:
    number = _keep(db)
    assert number is not None
    there = knocks.find(db, number)
    assert there is not None
    assert (there.heading, there.at, there.state) == (HEADING, NOON, KnockState.WAITING)
    assert knocks.standing(db) == [there]
    assert knocks.find(db, 99) is None
    assert took_in(db, parcel("1")) == number + 1, "one sequence of numbers"


@pytest.mark.parametrize(
    ("again", "one"),
    [
        (HEADING, True),
        (replace(HEADING, source=at("2", "30")), True),
        (replace(HEADING, source=at("1", "8")), False),
        (replace(HEADING, source=at("2", "7"), size=901), False),
        (replace(HEADING, source=at("2", "7"), subject="Hullo"), False),
        (replace(HEADING, source=at("2", "7"), letter_id=LetterId("b@elsewhere.test")), False),
        (replace(HEADING, source=at("2", "7"), date=NOON - timedelta(days=1)), False),
        (replace(HEADING, source=at("2", "7"), sender=BERT), False),
        (replace(HEADING, source=replace(HEADING.source, place="ada@work.test", validity="2")), False),
    ],
    ids=["the same", "F27 numbered anew", "A36 a twin", "size", "subject", "id", "date", "sender", "another account"],
)
def test_what_is_one_knock(db: Db, again: Heading, one: bool) -> None:
    first = _keep(db)
    second = _keep(db, again)
    assert (second is None) == one
    assert len(_states(db)) == (1 if one else 2)
    assert first is not None
    there = knocks.find(db, first)
    assert there is not None
    assert there.heading.source == (again.source if one else HEADING.source)
    assert _keep(db, again) is None


def test_a_header_that_claims_nothing_is_known_again_too(db: Db) -> None:
    """F39."""
    bare = replace(HEADING, letter_id=None, date=None, subject="")
    assert _keep(db, bare) is not None
    assert _keep(db, bare) is None
    assert _keep(db, replace(bare, source=at("2", "1"))) is None


def test_a_uid_that_is_used_again_keeps_both(db: Db) -> None:
    """F29: the letter before it cannot be fetched by that uid any more."""
    first = _keep(db)
    second = _keep(db, replace(HEADING, letter_id=LetterId("b@elsewhere.test")))
    assert None not in (first, second)
    assert _states(db) == {first: "gone", second: "waiting"}


def test_numbered_anew_it_is_fetched_from_where_it_lies(db: Db) -> None:
    number = _keep(db)
    knocks.let_in(db, ZOE.address.key, NOON)
    assert number is not None
    knocks.settle(db, number, KnockState.GONE, NOON)
    _keep(db, replace(HEADING, source=at("9", "9")))
    (there,) = knocks.to_fetch(db, Way.MAIL, ADA)
    assert (there.number, there.heading.source) == (number, at("9", "9"))


def test_answers(db: Db) -> None:
    numbers = [_keep(db, replace(HEADING, source=at("1", str(uid)))) for uid in range(3)]
    other = _keep(db, replace(HEADING, source=at("1", "9"), sender=BERT))
    key = ZOE.address.key
    assert knocks.refuse(db, key, NOON) == numbers
    assert _keep(db, replace(HEADING, source=at("1", "10"))) is not None, "what keeps them out is `arrivals.refuse_all`"
    assert knocks.leave(db, key, NOON) == numbers
    assert knocks.let_in(db, key, NOON) == [*numbers, other + 1 if other else 0]
    assert knocks.refuse(db, key, NOON) == [], "let in is let in"
    assert [one.number for one in knocks.to_fetch(db, Way.MAIL, ADA, limit=2)] == numbers[:2]
    assert [one.number for one in knocks.to_fetch(db, Way.MAIL, ADA, after=numbers[1] or 0)] == [
        numbers[2],
        (other or 0) + 1,
    ]
    assert knocks.to_fetch(db, Way.MAIL, "ada@work.test") == []
    assert [one.number for one in knocks.standing(db)] == [other]


def test_the_refused_never_knock(db: Db) -> None:
    arrivals.refuse_all(db, ZOE.address.key, NOON)
    assert _keep(db) is None
    arrivals.leave_all(db, ZOE.address.key)
    assert _keep(db) is not None


def test_whoever_comes_into_the_book_is_let_in_unless_refused(db: Db) -> None:
    number = _keep(db)
    people.add(db, "Zoë", [people.NewAddress(str(ZOE.address))], now=NOON, chance=chance)
    assert _states(db) == {number: "let_in"}
    refused = _keep(db, replace(HEADING, source=at("1", "9"), sender=BERT))
    knocks.refuse(db, BERT.address.key, NOON)
    known(db, BERT)
    assert _states(db)[refused or 0] == "refused"


def test_a_flood_is_bounded(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knocks, "MOST_WAITING", 10)
    numbers = [_keep(db, replace(HEADING, source=at("1", str(n)))) for n in range(25)]
    assert knocks.tidy(db) == 15
    assert [one.number for one in knocks.standing(db)] == numbers[:14:-1]
    assert knocks.tidy(db) == 0


def test_long_and_broken_claims_are_kept_cleanly(db: Db) -> None:
    number = _keep(db, replace(HEADING, subject="x" * 100_000, letter_id=LetterId("\ud800@x"), size=2**40))
    assert number is not None
    there = knocks.find(db, number)
    assert there is not None
    assert len(there.heading.subject) == knocks.LONGEST_SUBJECT
    again = replace(HEADING, subject="x" * 100_000, letter_id=LetterId("\ud800@x"), size=2**40)
    assert _keep(db, again) is None


def test_who_is_known(db: Db) -> None:
    accounts.add_own_address(db, Address.parse("Ada@Letters.test"), now=NOON, chance=chance)
    accounts.add_own_address(db, Address.parse("old@letters.test"), now=NOON, chance=chance)
    accounts.end_own_address(db, Address.parse("old@letters.test"), NOON)
    bert = known(db, BERT)
    arrivals.refuse_all(db, ZOE.address.key, NOON)
    number = posted(db, seed="k")
    (ours,) = db.one("SELECT letter_id FROM letters WHERE number = ?", (number,)) or ("",)
    asked = [BERT.address.key, ZOE.address.key, "yan@elsewhere.test"]
    ids = [LetterId(str(ours)), LetterId("other@x"), LetterId("\ud800")]
    found = knocks.known(db, [*asked, "ada@letters.test", "old@letters.test", "new@letters.test"], ids)
    assert found.own == {"ada@letters.test", "old@letters.test"}
    assert found.people == {BERT.address.key}
    assert found.refused == {ZOE.address.key}
    assert found.letters == {ours: len(form("k").sealed.data)}, "and what it weighs as it was posted"
    assert knocks.namesakes(db, [f"  {BERT.name.upper()}", "Zoë", ""]) == {f"  {BERT.name.upper()}"}
    people.remove(db, bert.id, NOON)
    assert BERT.address.key not in knocks.known(db, asked, []).people


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_in_whatever_order(db: Db, seed: int) -> None:
    """No letter has two knocks that could be fetched, no answered one is at the door, and numbers never change."""
    chances = random.Random(seed)
    validity, boxes = 1, {n: n for n in range(1, 9)}
    born: dict[int, int] = {}
    for _ in range(120):
        what = chances.choice(["offer", "offer", "anew", "refuse", "leave", "let in", "fetch"])
        if what == "anew":
            validity, boxes = validity + 1, {n: n + 100 * (validity + 1) for n in boxes}
        elif what == "offer":
            n = chances.choice(list(boxes))
            sender = Correspondent("", Address.parse(f"s{n % 3}@elsewhere.test"))
            heading = Heading(at(str(validity), str(boxes[n])), 900 + n, sender, "", LetterId(f"{n}@x"), NOON)
            number = _keep(db, heading)
            if number is not None:
                assert n not in born, "one letter, one knock"
                born[n] = number
        elif what == "fetch":
            for one in knocks.to_fetch(db, Way.MAIL, ADA):
                state = chances.choice([KnockState.FETCHED, KnockState.GONE])
                knocks.settle(db, one.number, state, NOON)
                if state is KnockState.FETCHED:
                    boxes.pop(one.heading.size - 900, None)
            if not boxes:
                break
        else:
            key = f"s{chances.randrange(3)}@elsewhere.test"
            {"refuse": knocks.refuse, "leave": knocks.leave, "let in": knocks.let_in}[what](db, key, NOON)
    assert sorted(_states(db)) == sorted(born.values())


@pytest.mark.parametrize("refused_first", [False, True])
def test_a_refusal_taken_back_leaves_a_stranger_known_from_an_archive_one(db: Db, *, refused_first: bool) -> None:
    """Whoever is in the book by letters of an archive alone is at the door: before a refusal, under it, after it."""

    def met() -> None:
        known(db, ZOE)
        arrivals.heard_of(db, ZOE.address, NOON)

    def at_the_door() -> bool:
        asked = knocks.known(db, [ZOE.address.key], [])
        return knocks.heard_of(db, ZOE.address.key) and not asked.people

    if not refused_first:
        met()
        assert at_the_door()
    arrivals.refuse_all(db, ZOE.address.key, NOON)
    if refused_first:
        met()
    assert at_the_door(), "refused"
    assert knocks.known(db, [ZOE.address.key], []).refused == {ZOE.address.key}
    arrivals.leave_all(db, ZOE.address.key)
    assert at_the_door(), "left at the door again"
    assert not knocks.known(db, [ZOE.address.key], []).refused
    arrivals.let_in_all(db, ZOE.address.key, None, NOON)
    assert not at_the_door(), "let in"


def test_who_is_refused_does_not_come_in_by_having_been_imported(db: Db) -> None:
    """Neither by an envelope that was fetched before its sender was known."""
    zoe = known(db, ZOE)
    arrivals.heard_of(db, ZOE.address, NOON)
    arrivals.refuse_all(db, ZOE.address.key, NOON)
    number = took_in(db, parcel("1"))
    assert number is not None
    outside = arrivals.Outside(ZOE, None, None, None, zoe.id, at_door=True)
    assert arrivals.put_in_letterbox(db, number, outside, NOON) is arrivals.ArrivalState.REFUSED
