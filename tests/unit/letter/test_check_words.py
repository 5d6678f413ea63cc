"""The words of a key: the same for ever on every desk, different for different keys, hard to mistake by ear."""

from __future__ import annotations

from itertools import combinations

import pytest

from dearly.letter import check_words

ADA = "0123456789abcdef0123456789abcdef01234567"
ADA_WORDS = (
    "humble mountain",
    "restless oyster",
    "fearless thunder",
    "thirsty ferry",
    "lucky butter",
    "empty acorn",
)
V6_WORDS = (
    "amber parrot",
    "grateful ferry",
    "bashful sandal",
    "bashful blossom",
    "yellow window",
    "peaceful zebra",
)


def _apart(one: str, other: str) -> int:
    """How many letters must be changed, put in or left out to make one of the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def test_they_never_change() -> None:
    # Two desks of different years compare these. A change here is a break between them.
    assert check_words.of_key(ADA) == ADA_WORDS
    assert check_words.of_key("ab" * 32) == V6_WORDS


def test_case_and_spaces_of_the_fingerprint_do_not_matter() -> None:
    spaced = " ".join(ADA.upper()[n : n + 4] for n in range(0, 40, 4))
    assert check_words.of_key(spaced) == check_words.of_key(ADA)


def test_one_bit_changes_them_all() -> None:
    other = check_words.of_key(ADA[:-1] + "6")
    assert sum(a == b for a, b in zip(other, check_words.of_key(ADA), strict=True)) <= 1


def test_a_pair_is_twelve_bits() -> None:
    assert len(set(check_words.FIRST)) == len(set(check_words.SECOND)) == 64
    assert len(check_words.of_key(ADA)) * 12 == 72


@pytest.mark.parametrize("words", [check_words.FIRST, check_words.SECOND])
def test_no_two_words_sound_alike(words: tuple[str, ...]) -> None:
    for one, other in combinations(words, 2):
        assert one[:3] != other[:3]
        assert _apart(one, other) >= 3


@pytest.mark.parametrize("text", ["", "ab", "ab" * 21, "not hexadecimal at all, but forty letters"])
def test_what_is_no_fingerprint_has_no_words(text: str) -> None:
    with pytest.raises(ValueError):
        check_words.of_key(text)
