"""Two texts laid over each other, word by word: what stayed, what went in, what came out.

The time it takes is bounded for the longest pages: what is common at both ends goes first, then words that stand once
in each text hold the rest in place (patience), and only what lies between them is compared word for word.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

_TOKENS = re.compile(r"[^\S\n]*\n\s*|\S+[^\S\n]*|[^\S\n]+")
_SMALL = 40_000
"""Words of the one times words of the other, up to which every word is held against every other."""
_DEEPEST = 40
_AROUND = 40
"""Words that are shown beside a change, where what stayed is left out."""


class Kind(StrEnum):
    """What became of a piece of text."""

    SAME = "same"
    IN = "in"
    OUT = "out"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text. `words`: how many; of a piece that is left out, its text is empty."""

    kind: Kind
    text: str
    words: int


def by_words(old: str, new: str) -> list[Piece]:
    """The two texts as one line of pieces: without what went in it is `old`, without what came out it is `new`, but for
    blanks. Blanks alone are no change: between words that stayed, those of `new` stand."""
    a, b = _TOKENS.findall(old), _TOKENS.findall(new)
    pieces: list[tuple[Kind, list[str]]] = []
    for kind, tokens in _compare(a, [_word(t) for t in a], b, [_word(t) for t in b], 0):
        if not tokens:
            continue
        if pieces and pieces[-1][0] is kind:
            pieces[-1][1].extend(tokens)
        else:
            pieces.append((kind, list(tokens)))
    for _kind, tokens in pieces[:-1]:
        if not tokens[-1][-1].isspace():  # the last word of a text, which others now follow
            tokens[-1] += " "
    return [_piece(kind, tokens) for kind, tokens in pieces]


def shortened(pieces: Sequence[Piece]) -> list[Piece]:
    """The same, where a long run that stayed keeps only the words next to a change."""
    out: list[Piece] = []
    for n, piece in enumerate(pieces):
        if piece.kind is not Kind.SAME or piece.words <= 3 * _AROUND or len(pieces) == 1:
            out.append(piece)
            continue
        tokens = _TOKENS.findall(piece.text)
        before = tokens[:_AROUND] if n > 0 else []
        after = tokens[-_AROUND:] if n < len(pieces) - 1 else []
        gap = piece.words - _count(before) - _count(after)
        out += [_piece(Kind.SAME, before)] if before else []
        out.append(Piece(Kind.LEFT_OUT, "", gap))
        out += [_piece(Kind.SAME, after)] if after else []
    return out


def _word(token: str) -> str:
    """What counts of a token: a word without the blanks after it; of an empty stretch, whether it parts paragraphs."""
    return token.strip() or "\n" * min(2, token.count("\n"))


def _count(tokens: Sequence[str]) -> int:
    return sum(1 for token in tokens if not token.isspace())


def _piece(kind: Kind, tokens: Sequence[str]) -> Piece:
    return Piece(kind, "".join(tokens), _count(tokens))


def _compare(
    a: Sequence[str], a_words: list[str], b: Sequence[str], b_words: list[str], depth: int
) -> Iterator[tuple[Kind, Sequence[str]]]:
    start = _common(a_words, b_words)
    end = _common(a_words[start:][::-1], b_words[start:][::-1])
    yield Kind.SAME, b[:start]
    yield from _between(
        a[start : len(a) - end],
        a_words[start : len(a) - end],
        b[start : len(b) - end],
        b_words[start : len(b) - end],
        depth,
    )
    yield Kind.SAME, b[len(b) - end :]


def _between(
    a: Sequence[str], a_words: list[str], b: Sequence[str], b_words: list[str], depth: int
) -> Iterator[tuple[Kind, Sequence[str]]]:
    if not a or not b:
        pass
    elif len(a) * len(b) <= _SMALL:
        for tag, i, j, k, m in SequenceMatcher(None, a_words, b_words, autojunk=False).get_opcodes():
            if tag == "equal":
                yield Kind.SAME, b[k:m]
            else:
                yield Kind.OUT, a[i:j]
                yield Kind.IN, b[k:m]
        return
    elif depth < _DEEPEST and (held := _anchors(a_words, b_words)):
        i = k = 0
        for j, m in [*held, (len(a), len(b))]:
            yield from _compare(a[i:j], a_words[i:j], b[k:m], b_words[k:m], depth + 1)
            yield Kind.SAME, b[m : m + 1]
            i, k = j + 1, m + 1
        return
    yield Kind.OUT, a
    yield Kind.IN, b


def _common(a: list[str], b: list[str]) -> int:
    most = min(len(a), len(b))
    return next((n for n in range(most) if a[n] != b[n]), most)


def _anchors(a: list[str], b: list[str]) -> list[tuple[int, int]]:
    """Places of words (else of three words in a row) that stand once in each text, as many as are in one order."""
    for run in (1, 3):
        keys_a, keys_b = _runs(a, run), _runs(b, run)
        once_b = {key for key, n in Counter(keys_b).items() if n == 1}
        once = {key for key, n in Counter(keys_a).items() if n == 1 and key in once_b}
        place = {key: n for n, key in enumerate(keys_b) if key in once}
        pairs = [(n, place[key]) for n, key in enumerate(keys_a) if key in once]
        if pairs:
            return _in_order(pairs)
    return []


def _runs(words: list[str], run: int) -> Sequence[object]:
    return words if run == 1 else list(zip(*(words[n:] for n in range(run)), strict=False))


def _in_order(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of `pairs`, which ascend in their first, that ascends in its second too."""
    tails: list[int] = []  # the least second with which a line of this length can end
    at: list[int] = []  # which pair that is
    before: list[int] = []
    for n, (_first, second) in enumerate(pairs):
        length = bisect_left(tails, second)
        before.append(at[length - 1] if length else -1)
        if length == len(tails):
            tails.append(second)
            at.append(n)
        else:
            tails[length], at[length] = second, n
    line = []
    n = at[-1]
    while n >= 0:
        line.append(pairs[n])
        n = before[n]
    return line[::-1]
