"""What I already told them: while a paragraph is being written, the passages of earlier letters of ours to the same
people that are about the same.

All of it happens here: the rarest words of the paragraph are looked for in the index, among our letters to these
people, and each passage of what is found is weighed by the rare words that it shares with the paragraph. Asked at every
pause in typing, so what it may look at is bounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dearly.desk.desk import Desk
from dearly.drawer import drafts, searching
from dearly.drawer.connection import Db
from dearly.drawer.searching import Hit, Places
from dearly.terms import marks
from dearly.terms.excerpt import Excerpt, Finder
from dearly.terms.expression import phrase
from dearly.terms.folding import spaceless, words
from dearly.terms.languages import is_small
from dearly.terms.query import Words

MOST_WORDS = 40
"""Different words of the paragraph whose rarity is looked up: the longest, which are rarest."""

RAREST = 10
"""Of those, so many are looked for."""

_COUNTED = 1000
"""A word in so many letters is common, however many more there are."""

_LETTERS = 40
"""The newest letters of ours with two of these words, whose passages are weighed."""

_SHARED = 2
"""Rare words that a passage must share with the paragraph."""

_SHORTEST = 5
"""Words of a paragraph that tells something: fewer are a salutation, or a close."""

_PASSAGE = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph of an earlier letter of ours. `excerpt`: some of it, with the words that it shares. `weight`: how
    much it shares, for ordering."""

    number: int
    date: datetime
    subject: str
    excerpt: Excerpt
    weight: float


async def told(desk: Desk, number: int, paragraph: str, limit: int = 3) -> list[Passage]:
    """Passages of our letters to the readers of the draft `number` that resemble this paragraph, the most alike first.
    Raises `NotFound` (no_draft)."""

    def work(db: Db) -> list[Passage]:
        page = drafts.load(db, number)
        keys = {who.address.key for who in page.draft.to}
        keys |= {key for person in page.persons if person is not None for key in searching.addresses_at(db, person)}
        return resembling(db, sorted(keys), paragraph, limit)

    return await desk.drawer.read(work)


def resembling(db: Db, keys: Sequence[str], paragraph: str, limit: int) -> list[Passage]:
    """See `told`; for whoever is at the drawer already. `keys`: of the readers' addresses."""
    rare = _rarest(db, paragraph) if _tells(paragraph) else {}
    if len(rare) < _SHARED or not keys:
        return []
    ours = " OR ".join(f'"{marks.address_mark("t", key)}"' for key in keys)
    match = f'"{marks.direction_mark("out")}" AND ({ours}) AND ({_two_of(rare)})'
    passages = [
        passage for hit in searching.newest(db, match, Places(), _LETTERS) if (passage := _best(hit, rare)) is not None
    ]
    return sorted(passages, key=lambda one: (-one.weight, -one.number))[:limit]


def _two_of(rare: Iterable[str]) -> str:
    """An expression for letters with at least two of these words: with fewer, no passage shares as many."""
    quoted = [phrase([word]) for word in rare]
    return " OR ".join(f"({one} AND ({' OR '.join(quoted[at:])}))" for at, one in enumerate(quoted[:-1], 1))


def _rarest(db: Db, paragraph: str) -> dict[str, float]:
    """The rarest words of the paragraph, with how much each says (its information: the rarer, the more)."""
    asked = sorted({word for word in words(paragraph) if _says(word)}, key=lambda word: (-len(word), word))[:MOST_WORDS]
    seen = {word: searching.count(db, phrase([word]), Places(), _COUNTED) for word in asked}
    rarest = sorted((letters, word) for word, letters in seen.items() if 0 < letters <= _COUNTED)[:RAREST]
    return {word: math.log(2 * _COUNTED / letters) for letters, word in rarest}


def _tells(paragraph: str) -> bool:
    return len(words(paragraph)) >= _SHORTEST


def _says(word: str) -> bool:
    return not word.isdigit() and ((spaceless(word) and len(word) > 1) or len(word) > 3) and not is_small(word)


def _best(hit: Hit, rare: Mapping[str, float]) -> Passage | None:
    best: tuple[float, str, set[str]] | None = None
    for passage in _PASSAGE.split(hit.text):
        said = words(passage)
        if len(said) < _SHORTEST:
            continue
        shared = rare.keys() & said
        weight = sum(rare[word] for word in shared)
        if len(shared) >= _SHARED and (best is None or weight > best[0]):
            best = weight, passage, shared
    if best is None:
        return None
    weight, passage, shared = best
    finder = Finder([Words((word,), phrase=True) for word in sorted(shared)], ())
    return Passage(hit.number, hit.date, hit.subject, finder.excerpt(passage.strip()), weight)
