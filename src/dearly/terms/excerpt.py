"""What stands around the words that were found, with marks at the true places of the text as it is written.

A text is looked through in a form of the same length, sign for sign, so that a place there is a place here. Only where
a word may stand is looked at closely: most of a text is passed over by a plain search for its letters. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from dearly.terms.expression import forms
from dearly.terms.folding import LENGTHENED, flat, plain_words, spaceless
from dearly.terms.languages import stems_of
from dearly.terms.query import Words

AROUND = 110
"""Characters before and after the first word that was found."""

_BEGINNING = 190
_MOST_LOOKED_AT = 500
_APART = re.compile("[\u00ad\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u200c\u200d]")
"""Signs that may stand between the letters of a word, and do not count."""

_SPACE = re.compile(r"\s+")
_UNSEEN = "[\u00ad\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u200c\u200d]*"
_LETTER = r"[^\W_]"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some of a text: pieces in order, each with whether it is one of the words that were looked for."""

    pieces: tuple[tuple[str, bool], ...]

    @property
    def text(self) -> str:
        """The excerpt without its marks."""
        return "".join(piece for piece, _found in self.pieces)


@dataclass(frozen=True, slots=True)
class _Needle:
    """Letters that a match begins with, and the whole of it. `stem_of`: what its word must share a stem with."""

    letters: str
    whole: re.Pattern[str]
    stems: frozenset[str] = frozenset()


class Finder:
    """Finds the words of a search in texts. `languages`: as in the search itself (`expression.Sight`)."""

    def __init__(self, wanted: Iterable[Words], languages: Sequence[str]) -> None:
        self._languages = tuple(languages)
        self._kin: dict[tuple[str, frozenset[str]], bool] = {}
        self._needles = [needle for what in wanted if what.column != "files" for needle in self._needles_of(what)]

    def excerpt(self, text: str) -> Excerpt:
        """What stands around the first place; the beginning where the words are not in this text."""
        low = flat(text)
        apart = _is_apart(low)
        first = min(
            (place for needle in self._needles if (place := self._next(needle, text, low, 0, apart))), default=None
        )
        if first is None:
            return _beginning(text)
        start, end = max(0, first[0] - AROUND), min(len(text), max(first[1], first[0] + AROUND))
        while start and not text[start - 1].isspace() and start < first[0] and first[0] - start > AROUND // 2:
            start += 1
        while end < len(text) and not text[end - 1].isspace() and end - first[1] > AROUND // 2:
            end -= 1
        pieces: list[tuple[str, bool]] = [("… ", False)] if start else []
        at = start
        for begin, stop in self._all(text, low, start, end):
            pieces += [(_SPACE.sub(" ", text[at:begin]), False), (_SPACE.sub(" ", text[begin:stop]), True)]
            at = stop
        pieces.append((_SPACE.sub(" ", text[at:end]).rstrip() + (" …" if end < len(text) else ""), False))
        return Excerpt(tuple(piece for piece in pieces if piece[0]))

    def places(self, text: str) -> list[tuple[int, int]]:
        """Where the words stand, in order, none over another."""
        return self._all(text, flat(text), 0, len(text))

    def _all(self, text: str, low: str, start: int, end: int) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        apart = _is_apart(low)
        for needle in self._needles:
            place = self._next(needle, text, low, start, apart)
            while place is not None and place[1] <= end:
                found.append(place)
                place = self._next(needle, text, low, place[1], apart)
        kept: list[tuple[int, int]] = []
        for one in sorted(found, key=lambda place: (place[0], -place[1])):
            if not kept or one[0] >= kept[-1][1]:
                kept.append(one)
        return kept

    def _next(self, needle: _Needle, text: str, low: str, at: int, apart: bool) -> tuple[int, int] | None:
        # Where marks may stand between the letters, only the first one is sure.
        letters = needle.letters[:1] if apart else needle.letters
        for _turn in range(_MOST_LOOKED_AT):
            at = low.find(letters, at)
            if at < 0:
                return None
            found = needle.whole.match(low, at)
            if found is not None and (not needle.stems or self._related(text[at : found.end()], needle.stems)):
                return at, found.end()
            at += 1
        return None

    def _related(self, word: str, stems: frozenset[str]) -> bool:
        known = self._kin.get((word, stems))
        if known is None:
            known = any(stems.intersection(stems_of(one, self._languages)) for one in plain_words(word))
            self._kin[word, stems] = known
        return known

    def _needles_of(self, what: Words) -> list[_Needle]:
        runs = what.runs
        around = ("" if spaceless(runs[0][0]) else rf"(?<!{_LETTER})", "" if _open(what) else rf"(?!{_LETTER})")
        tail = rf"{_LETTER}*" if what.begins and not spaceless(runs[-1][-1]) else ""
        whole = re.compile(around[0] + r"[\W_]+".join(map(_spelled, runs)) + tail + around[1])
        found = [_Needle(letters, whole) for letters in _beginnings(runs[0])]
        if not what.phrase and not what.begins and not spaceless(runs[0]):
            stems = forms(what.typed or runs[0], self._languages)
            related = re.compile(rf"{around[0]}{_LETTER}+")
            letters = dict.fromkeys(one[: max(3, len(stem) - 1)] for stem in stems for one in _beginnings(stem))
            found += [_Needle(one, related, frozenset(stems)) for one in letters]
        return found


def _is_apart(low: str) -> bool:
    """Whether there are marks that may stand between the letters of a word."""
    return not low.isascii() and _APART.search(low) is not None


def _open(what: Words) -> bool:
    return what.begins or spaceless(what.runs[-1][-1])


def _spelled(run: str) -> str:
    """However it may be written: letters that became several when they were folded, and marks of their own."""
    pattern = _UNSEEN.join(map(re.escape, run))
    for char, several in LENGTHENED.items():
        pattern = pattern.replace(_UNSEEN.join(several), f"(?:{_UNSEEN.join(several)}|{char})")
    return pattern + _UNSEEN


@cache
def _beginnings(run: str) -> tuple[str, ...]:
    """Letters that each spelling of it begins with: the first one, or as many as are the same in all."""
    end = len(run)
    for several in LENGTHENED.values():
        place = run.find(several)
        if place >= 0:
            end = min(end, place)
    if end:
        return (run[:end],)
    return (run[:1], *(char for char, several in LENGTHENED.items() if run.startswith(several)))


def _beginning(text: str) -> Excerpt:
    cut = _SPACE.sub(" ", text[: _BEGINNING * 2]).strip()
    return Excerpt(((cut if len(cut) <= _BEGINNING else cut[:_BEGINNING].rsplit(" ", 1)[0] + " …", False),))
