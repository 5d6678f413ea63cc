"""The table of what is taken, what waits at the door, and what is left: every combination of what the rules look at."""

from __future__ import annotations

from itertools import product

import pytest

from dearly.carriers.base import Verdict
from dearly.desk.sieve import verdict
from dearly.drawer.knocks import Known
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import LetterId
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
    letters=frozenset({LETTER}),
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


def expected(who: str, on: frozenset[str]) -> Verdict:
    """The rules again, as they are told to people: who may never be missed, who never appears, who is asked about."""
    if on & {"report", "sealed"}:
        return Verdict.TAKE
    a_person_wrote_to_us = not on & {"bulk", "receipt"}
    if a_person_wrote_to_us and ("answers" in on or who == "known" or (who == "ourselves" and "ours" in on)):
        return Verdict.TAKE
    at_the_door = who == "stranger" and on >= {"to us", "whole", "strangers"}
    return Verdict.DOOR if a_person_wrote_to_us and at_the_door else Verdict.LEAVE


def test_every_combination() -> None:
    seen: set[Verdict] = set()
    for who, *bits in product(WHO, *[(False, True)] * len(FLAGS)):
        on = frozenset(flag for flag, bit in zip(FLAGS, bits, strict=True) if bit)
        said = verdict(facts(str(who), on), KNOWN, strangers="strangers" in on)
        assert said is expected(str(who), on), (who, sorted(on))
        seen.add(said)
    assert seen == set(Verdict)


@pytest.mark.parametrize("strangers", [True, False])
def test_what_cannot_be_read_is_left(strangers: bool) -> None:
    assert verdict(UNREADABLE, KNOWN, strangers=strangers) is Verdict.LEAVE


def test_an_answer_is_known_by_either_field() -> None:
    by_reply = HeadFacts(readable=True, in_reply_to=LETTER)
    by_reference = HeadFacts(readable=True, references=(LETTER,))
    assert verdict(by_reply, KNOWN, strangers=False) is verdict(by_reference, KNOWN, strangers=False) is Verdict.TAKE


def test_one_of_many_in_to_is_enough_and_cc_is_not() -> None:
    stranger = WHO["stranger"]
    many = HeadFacts(readable=True, whole=True, sender=stranger, to=(*[c for c in WHO.values() if c], OURS))
    copied = HeadFacts(readable=True, whole=True, sender=stranger, cc=(OURS,))
    assert verdict(many, KNOWN, strangers=True) is Verdict.DOOR
    assert verdict(copied, KNOWN, strangers=True) is Verdict.LEAVE
