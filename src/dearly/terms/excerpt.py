"""What stands around the words that were found, with marks at the true places of the text as it is written.

A text is looked through in a form of the same length, sign for sign, so that a place there is a place here. It is
brought into that form stretch by stretch, until the first of the words is found. Only where a word may stand is looked
at closely: most of a text is passed over by a plain search for its letters. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from dearly.terms.expression import forms
from dearly.terms.folding import LENGTHENED, flat, plain_words, spaceless
from dearly.terms.languages import stems_of
from dearly.terms.query import Words

AROUND = 110
"""Characters before and after the first word that was found."""

_BEGINNING = 190
_MOST_LOOKED_AT = 500
_STRETCH = 1000
"""Characters that are looked through at once, of a text that is more than ASCII. Few are of more than one script."""

_WORD, _BETWEEN = 100, 30
"""Characters that the last word of a match may have, and that may stand between two words of it."""

_APART = re.compile("[\u00ad\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u200c\u200d]")
"""Signs that may stand between the letters of a word, and do not count."""

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


class _Stretch(NamedTuple):
    """Characters of a text: as they are written, flat, and whether marks may stand between the letters of a word.
    Looked for are matches that begin between `first` and `last`; what is around belongs to the words at the edges."""

    text: str
    flat: str
    apart: bool
    first: int
    last: int


class Finder:
    """Finds the words of a search in texts. `languages`: as in the search itself (`expression.Sight`)."""

    def __init__(self, wanted: Iterable[Words], languages: Sequence[str]) -> None:
        looked_for = [what for what in wanted if what.column != "files"]
        self._languages = tuple(languages)
        self._kin: dict[tuple[str, frozenset[str]], bool] = {}
        self._needles = [needle for what in looked_for for needle in self._needles_of(what)]
        # Marks make a word longer than it was typed.
        lengths = (sum(3 * len(run) + _BETWEEN for run in what.runs) for what in looked_for)
        self._reach = _WORD + max(lengths, default=0)

    def excerpt(self, text: str) -> Excerpt:
        """What stands around the first place; the beginning where the words are not in this text."""
        first = self._first(text)
        if first is None:
            return _beginning(text)
        start, end = max(0, first[0] - AROUND), min(len(text), max(first[1], first[0] + AROUND))
        while start and not text[start - 1].isspace() and start < first[0] and first[0] - start > AROUND // 2:
            start += 1
        while end < len(text) and not text[end - 1].isspace() and end - first[1] > AROUND // 2:
            end -= 1
        pieces: list[tuple[str, bool]] = [("… ", False)] if start else []
        at = start
        for begin, stop in self._all(text, start, end):
            pieces += [(_in_a_line(text[at:begin]), False), (_in_a_line(text[begin:stop]), True)]
            at = stop
        pieces.append((_in_a_line(text[at:end]).rstrip() + (" …" if end < len(text) else ""), False))
        return Excerpt(tuple(piece for piece in pieces if piece[0]))

    def places(self, text: str) -> list[tuple[int, int]]:
        """Where the words stand, in order, none over another."""
        return self._all(text, 0, len(text))

    def _first(self, text: str) -> tuple[int, int] | None:
        length = max(1, len(text)) if text.isascii() else _STRETCH
        for start in range(0, len(text), length):
            here = self._stretch(text, start, start + length)
            found: tuple[int, int] | None = None
            for needle in self._needles:
                found = self._next(needle, here, here.first, here.last if found is None else found[0]) or found
            if found is not None:
                return start - here.first + found[0], start - here.first + found[1]
        return None

    def _all(self, text: str, start: int, end: int) -> list[tuple[int, int]]:
        here = self._stretch(text, start, end)
        found: list[tuple[int, int]] = []
        for needle in self._needles:
            place = self._next(needle, here, here.first, here.last)
            while place is not None and place[1] <= here.last:
                found.append(place)
                place = self._next(needle, here, place[1], here.last)
        kept: list[tuple[int, int]] = []
        for begin, stop in sorted(found, key=lambda place: (place[0], -place[1])):
            if not kept or begin + start - here.first >= kept[-1][1]:
                kept.append((begin + start - here.first, stop + start - here.first))
        return kept

    def _stretch(self, text: str, start: int, end: int) -> _Stretch:
        first = min(start, 1)  # what stands before tells whether a word begins
        part = text[start - first : end + self._reach]
        low = flat(part)
        apart = not low.isascii() and _APART.search(low) is not None
        return _Stretch(part, low, apart, first, min(end - start + first, len(part)))

    def _next(self, needle: _Needle, here: _Stretch, at: int, last: int) -> tuple[int, int] | None:
        """The first match that begins at `at` or later, and before `last`."""
        # Where marks may stand between the letters, only the first one is sure.
        letters = needle.letters[:1] if here.apart else needle.letters
        last += len(letters) - 1
        for _turn in range(_MOST_LOOKED_AT):
            at = here.flat.find(letters, at, last)
            if at < 0:
                return None
            found = needle.whole.match(here.flat, at)
            if found is not None and (not needle.stems or self._related(here.text[at : found.end()], needle.stems)):
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


def _in_a_line(text: str) -> str:
    """Blanks and ends of lines as one blank each, also around it."""
    return " ".join(f"|{text}|".split())[1:-1]


def _beginning(text: str) -> Excerpt:
    cut = _in_a_line(text[: _BEGINNING * 2]).strip()
    return Excerpt(((cut if len(cut) <= _BEGINNING else cut[:_BEGINNING].rsplit(" ", 1)[0] + " …", False),))
