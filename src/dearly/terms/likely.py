"""Words that somebody may have meant: those of the index that are one or two slips away from what was typed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

SHORTEST = 3
"""Characters of a word that is worth it: shorter ones are near to too many."""

LONGEST = 32
"""Characters of a word that is worth it: a longer one is no word, and has too many that are near."""

_TWO_SLIPS = 7
"""From this length on, two slips are likely enough."""

_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "אבגדהוזחטיכלמנסעפצקרשתםןףץך",
)


def slips(word: str) -> Iterator[str]:
    """Every word that is one slip away: a letter left out, two changed about, another one, one too many."""
    letters = next((alphabet for alphabet in _ALPHABETS if word[0] in alphabet), "")
    halves = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    for left, right in halves:
        if right:
            yield left + right[1:]
        if len(right) > 1:
            yield left + right[1] + right[0] + right[2:]
        for letter in letters:
            yield left + letter + right
            if right:
                yield left + letter + right[1:]


def stretch(word: str) -> tuple[str, str]:
    """The stretch of the dictionary in which a word with two slips is looked for: from, and before. People seldom slip
    at the beginning."""
    start = word[: 3 if len(word) < _TWO_SLIPS else 4]
    return start, start + "\U0010ffff"


def nearest(word: str, candidates: Iterable[tuple[str, int]], most: int) -> list[str]:
    """Of words with the number of letters that they are in, those within reach, the nearest and most frequent first."""
    reach = 2 if len(word) >= _TWO_SLIPS else 1
    found = []
    for other, letters in candidates:
        if other != word and abs(len(other) - len(word)) <= reach:
            far = distance(word, other, reach)
            if far <= reach:
                found.append((far, -letters, other))
    return [other for _far, _letters, other in sorted(found)[:most]]


def distance(one: str, other: str, most: int) -> int:
    """How many slips are between two words (left out, put in, another letter, two changed about); `most` + 1 where
    there are more than that."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one):
        earlier, before, row = before, row, [i + 1]
        for j, b in enumerate(other):
            far = min(before[j + 1] + 1, row[j] + 1, before[j] + (a != b))
            if i and j and a == other[j - 1] and one[i - 1] == b:
                far = min(far, earlier[j - 1] + 1)
            row.append(far)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
