"""The table of what is taken, what waits at the door, and what is left: every combination of what the rules look at."""

from __future__ import annotations

from itertools import product

import pytest

from dearly.carriers.base import MOST_PARCEL, Head, Verdict
from dearly.desk.sieve import MOST_REPORT, judge
from dearly.drawer.knocks import Known
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import LetterId
from dearly.letter.envelope import LARGEST_PARCEL, Heading, Source, Way
from dearly.opener.heads import UNREADABLE, HeadFacts

OURS = Correspondent("", Address.parse("Ada@letters.test"))
WHO = {
    "nobody": None,
    "known": Correspondent("Bert", Address.parse("bert@letters.test")),
    "ourselves": OURS,
    "refused": Correspondent("", Address.parse("mallory@elsewhere.test")),
    "stranger": Correspondent("", Address.parse("zoe@elsewhere.test")),
}
LETTER = LetterId("ours@letters.test")
OTHER = LetterId("theirs@elsewhere.test")
KNOWN = Known(
    own=frozenset({"ada@letters.test"}),
    people=frozenset({"bert@letters.test"}),
    refused=frozenset({"mallory@elsewhere.test"}),
    letters={LETTER: 30_000_000},
)
FLAGS = ("report", "sealed", "bulk", "receipt", "answers", "ours", "to us", "whole", "strangers")


def facts(who: str, on: frozenset[str]) -> HeadFacts:
    return HeadFacts(
        readable=True,
        whole="whole" in on,
        sender=WHO[who],
        to=(OURS,) if "to us" in on else (Correspondent("", Address.parse("list@letters.test")),),
        letter_id=LETTER if "ours" in on else OTHER,
        references=(OTHER, LETTER) if "answers" in on else (OTHER,),
        report="report" in on,
        sealed="sealed" in on,
        bulk="bulk" in on,
        receipt="receipt" in on,
    )


def verdict(facts: HeadFacts, *, strangers: bool = True, size: int = 900) -> str:
    head = Head(Source(Way.MAIL, "ada@letters.test", "1", "1"), size, b"")
    said = judge(head, facts, KNOWN, strangers=strangers)
    if not isinstance(said, Heading):
        return said.value
    claims = (facts.sender, facts.subject, facts.letter_id, facts.date)
    assert (said.source, said.size, (said.sender, said.subject, said.letter_id, said.date)) == (
        head.source,
        size,
        claims,
    )
    return "door"


def expected(who: str, on: frozenset[str]) -> str:
    """The rules again, as they are told to people: who may never be missed, who never appears, who is asked about."""
    if on & {"report", "sealed"}:
        return "take"
    a_person_wrote_to_us = not on & {"bulk", "receipt"}
    if a_person_wrote_to_us and ("answers" in on or who == "known" or (who == "ourselves" and "ours" in on)):
        return "take"
    at_the_door = who == "stranger" and on >= {"to us", "whole", "strangers"}
    return "door" if a_person_wrote_to_us and at_the_door else "leave"


def test_every_combination() -> None:
    seen: set[str] = set()
    for who, *bits in product(WHO, *[(False, True)] * len(FLAGS)):
        on = frozenset(flag for flag, bit in zip(FLAGS, bits, strict=True) if bit)
        said = verdict(facts(str(who), on), strangers="strangers" in on)
        assert said == expected(str(who), on), (who, sorted(on))
        seen.add(said)
    assert seen == {*Verdict, "door"}


REPORT, SEALED, ANSWERS, TO_US = "report", "sealed", "answers", "to us"


@pytest.mark.parametrize(
    ("who", "on", "size", "said"),
    [
        ("stranger", {REPORT, TO_US}, MOST_REPORT, "take"),
        ("stranger", {REPORT, TO_US}, MOST_REPORT + 1, "door"),
        ("stranger", {REPORT, TO_US, "bulk"}, MOST_REPORT + 1, "door"),
        ("stranger", {REPORT}, MOST_REPORT + 1, "leave"),
        ("refused", {REPORT, TO_US}, MOST_REPORT + 1, "leave"),
        ("nobody", {REPORT, TO_US}, MOST_REPORT + 1, "leave"),
        ("known", {REPORT, TO_US}, MOST_REPORT + 1, "door"),
        ("stranger", {REPORT, ANSWERS}, 31_000_000, "take"),
        ("stranger", {REPORT, ANSWERS, TO_US}, 31_000_001, "door"),
        ("stranger", {SEALED}, LARGEST_PARCEL, "take"),
        ("stranger", {SEALED}, LARGEST_PARCEL + 1, "door"),
        ("refused", {SEALED}, LARGEST_PARCEL + 1, "leave"),
        ("known", {SEALED}, MOST_PARCEL, "take"),
        ("stranger", {SEALED, ANSWERS}, MOST_PARCEL, "take"),
    ],
)
def test_what_anybody_may_send_is_taken_up_to_a_size(who: str, on: set[str], size: int, said: str) -> None:
    """Whether or not strangers may wait at the door: a letter that is not taken for its size is said there."""
    for strangers in (True, False):
        assert verdict(facts(who, frozenset(on)), strangers=strangers, size=size) == said


@pytest.mark.parametrize("strangers", [True, False])
def test_what_cannot_be_read_is_left(strangers: bool) -> None:
    assert verdict(UNREADABLE, strangers=strangers) == "leave"


def test_an_answer_is_known_by_either_field() -> None:
    by_reply = HeadFacts(readable=True, in_reply_to=LETTER)
    by_reference = HeadFacts(readable=True, references=(LETTER,))
    assert verdict(by_reply, strangers=False) == verdict(by_reference, strangers=False) == "take"


def test_one_of_many_in_to_is_enough_and_cc_is_not() -> None:
    stranger = WHO["stranger"]
    many = HeadFacts(readable=True, whole=True, sender=stranger, to=(*[c for c in WHO.values() if c], OURS))
    copied = HeadFacts(readable=True, whole=True, sender=stranger, cc=(OURS,))
    assert verdict(many) == "door"
    assert verdict(copied) == "leave"
