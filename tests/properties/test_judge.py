"""The truth table of seals, over every combination of evidence."""

import itertools

from dearly.letter.sealing import (
    PROVEN,
    TEXT_WITHHELD,
    Binding,
    Evidence,
    Grammar,
    Headers,
    Integrity,
    Key,
    Seal,
    Shape,
    Signature,
    judge,
)

EVERYTHING = [
    Evidence(*row)
    for row in itertools.product(Shape, Key, Integrity, Grammar, Signature, Binding, (True, False, None), Headers)
]

GOOD = Evidence(
    Shape.SEALED,
    Key.FITTED,
    Integrity.INTACT,
    Grammar.ONE_LETTER,
    Signature.HOLDS,
    Binding.VERIFIED,
    True,
    Headers.MATCH,
)


def opened_and_signed(e: Evidence) -> bool:
    return (
        e.shape is Shape.SEALED
        and e.key is Key.FITTED
        and e.integrity is Integrity.INTACT
        and e.grammar is Grammar.ONE_LETTER
        and e.signature is Signature.HOLDS
    )


def test_every_combination_has_one_answer_and_every_answer_occurs() -> None:
    assert len(EVERYTHING) == 3 * 2 * 4 * 2 * 7 * 5 * 3 * 3
    assert {judge(e) for e in EVERYTHING} == set(Seal)


def test_signed_is_never_said_without_all_of_the_proof() -> None:
    for e in EVERYTHING:
        if judge(e) in PROVEN | {Seal.SIGNED_CHANGED_KEY}:
            assert opened_and_signed(e)
            assert e.binding is not Binding.OTHER
            assert e.for_us is not False
            assert e.headers is not Headers.DIFFER


def test_verified_is_said_exactly_when_everything_holds() -> None:
    for e in EVERYTHING:
        expected = (
            opened_and_signed(e)
            and e.binding is Binding.VERIFIED
            and e.for_us is not False
            and e.headers is not Headers.DIFFER
        )
        assert (judge(e) is Seal.SIGNED_VERIFIED) == expected


def test_no_text_where_the_seal_was_not_proven_whole() -> None:
    for e in EVERYTHING:
        whole = e.key is Key.FITTED and e.integrity is Integrity.INTACT and e.grammar is Grammar.ONE_LETTER
        if e.shape is Shape.SEALED and not whole:
            assert judge(e) in TEXT_WITHHELD
        if e.shape is Shape.MALFORMED:
            assert judge(e) is Seal.BROKEN


def test_a_postcard_is_a_postcard_whatever_else_is_claimed() -> None:
    assert {judge(e) for e in EVERYTHING if e.shape is Shape.PLAIN} == {Seal.NEVER_SEALED}


def test_what_was_not_reached_cannot_change_the_answer() -> None:
    """The answer depends only on fields up to the first that failed."""
    order = ("shape", "key", "integrity", "grammar", "signature")
    good = (Shape.SEALED, Key.FITTED, Integrity.INTACT, Grammar.ONE_LETTER, Signature.HOLDS)
    for i, name in enumerate(order):
        answers: dict[object, set[Seal]] = {}
        for e in EVERYTHING:
            if all(getattr(e, order[j]) is good[j] for j in range(i)) and getattr(e, name) is not good[i]:
                answers.setdefault(getattr(e, name), set()).add(judge(e))
        assert all(len(seen) == 1 for seen in answers.values()), name


def test_worse_news_never_turns_into_better() -> None:
    from dataclasses import replace

    assert judge(GOOD) is Seal.SIGNED_VERIFIED
    assert judge(replace(GOOD, for_us=False)) is Seal.NOT_FOR_US
    assert judge(replace(GOOD, headers=Headers.DIFFER)) is Seal.HEADERS_DIFFER
    assert judge(replace(GOOD, binding=Binding.OTHER, for_us=False)) is Seal.SIGNED_BY_OTHER
    assert judge(replace(GOOD, binding=Binding.CHANGED)) is Seal.SIGNED_CHANGED_KEY
    assert judge(replace(GOOD, for_us=None, headers=Headers.ABSENT)) is Seal.SIGNED_VERIFIED
