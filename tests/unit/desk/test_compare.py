"""Two states of a page laid over each other, by words."""

from __future__ import annotations

import random
import time

import pytest

from dearly.desk.compare import Kind, Piece, by_words, shortened


def _said(pieces: list[Piece]) -> str:
    marks = {Kind.SAME: "{}", Kind.IN: "+{}+", Kind.OUT: "-{}-", Kind.LEFT_OUT: "…"}
    return "".join(marks[piece.kind].format(piece.text.strip()) + " " for piece in pieces).strip()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", ""),
        ("the same", "the same", "the same"),
        ("", "all new", "+all new+"),
        ("all gone", "", "-all gone-"),
        ("I was at home then", "I was out then", "I was -at home- +out+ then"),
        ("one\n\ntwo", "one two", "one -- two"),
        ("two  blanks", "two blanks", "two blanks"),
    ],
)
def test_by_words(old: str, new: str, said: str) -> None:
    assert _said(by_words(old, new)) == said


def _whole(pieces: list[Piece], without: Kind) -> list[str]:
    return "".join(piece.text for piece in pieces if piece.kind is not without).split()


def test_nothing_is_lost_between_the_two() -> None:
    chance = random.Random(3)
    for size in (3, 30, 400, 3000):
        words = [f"w{chance.randrange(size)}" for _ in range(size)]
        other = [w for w in words if chance.random() > 0.1] + ["end"]
        for _ in range(size // 10 + 1):
            other.insert(chance.randrange(len(other)), chance.choice(words))
        chance.shuffle(other) if size == 30 else None
        old, new = " ".join(words), " ".join(other)
        pieces = by_words(old, new)
        assert _whole(pieces, Kind.IN) == old.split()
        assert _whole(pieces, Kind.OUT) == new.split()


def test_a_very_long_page_does_not_hang() -> None:
    """200,000 words with changes everywhere; nothing in common; and words that all repeat."""
    chance = random.Random(4)
    lexicon = [f"{chance.randrange(10**6)}" for _ in range(20_000)]
    words = chance.choices(lexicon, k=200_000)
    changed = [w if chance.random() > 0.01 else "changed" for w in words]
    hard = [
        (words, changed),
        (words, chance.choices([f"x{n}" for n in range(1000)], k=200_000)),
        (chance.choices("ab", k=100_000), chance.choices("ab", k=100_000)),
        (words, words[::-1]),
    ]
    for old, new in hard:
        begun = time.perf_counter()
        pieces = by_words(" ".join(old), " ".join(new))
        # Not a measure of speed: a comparison of every word with every other would take hours.
        assert time.perf_counter() - begun < 60
        assert _whole(pieces, Kind.OUT) == list(new)
    shown = by_words(" ".join(words), " ".join(changed))
    assert sum(piece.words for piece in shown if piece.kind is Kind.OUT) < 0.02 * len(words)


def test_what_stayed_is_left_out_where_it_is_long() -> None:
    old = " ".join(f"w{n}" for n in range(1000))
    pieces = shortened(by_words(old, old.replace("w500 ", "other ")))
    assert [piece.kind for piece in pieces] == [
        Kind.LEFT_OUT,
        Kind.SAME,
        Kind.OUT,
        Kind.IN,
        Kind.SAME,
        Kind.LEFT_OUT,
    ]
    assert sum(piece.words for piece in pieces if piece.kind is not Kind.IN) == 1000
    assert shortened(by_words(old, old)) == [Piece(Kind.SAME, old, 1000)]
