"""The words by which a letter is found: made once when it is filed, from what stands in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from itertools import chain, filterfalse

from dearly.letter.address import Correspondent
from dearly.letter.search import Entry
from dearly.terms import marks
from dearly.terms.folding import plain_words, words
from dearly.terms.languages import guess, stems

VERSION = 1
"""Of the rules here. Raised whenever the same letter would be found by other words; letters with an older entry are
then indexed anew, little by little."""


class Has(StrEnum):
    """What a letter has or is, for narrowing a search: `has:picture`, `is:sealed`."""

    ENCLOSURE = "enclosure"
    PICTURE = "picture"
    SOUND = "sound"
    FILM = "film"
    HTML = "html"
    SEALED = "sealed"
    """Ours: sealed, no postcard. Theirs: it came sealed."""
    POSTCARD = "postcard"
    """Ours, chosen to go unsealed."""
    PAPER = "paper"
    """It travelled on paper."""
    IMPORTED = "imported"
    """It came from an archive."""


_MEDIA = {"image": Has.PICTURE, "audio": Has.SOUND, "video": Has.FILM}


def enclosed(media_types: Iterable[str]) -> set[Has]:
    """What enclosures of these media types make a letter have."""
    found: set[Has] = set()
    for media_type in media_types:
        found.add(Has.ENCLOSURE)
        kind = _MEDIA.get(media_type.partition("/")[0].lower())
        if kind is not None:
            found.add(kind)
    return found


def entry(
    subject: str,
    text: str,
    *,
    people: Sequence[tuple[str, Correspondent]],
    files: Sequence[str] = (),
    direction: str,
    date: datetime,
    has: Collection[Has] = (),
) -> Entry:
    """What a letter is found by. `people`: role (from, to or cc) and who. `files`: names of its enclosures.
    `direction`: "out" or "in". `date`: when it was written. `has`: see there (`enclosed` for enclosures). Pure."""
    about, body = words(subject), words(text)
    plain = dict.fromkeys(body if text.isascii() else plain_words(text))
    plain.update(dict.fromkeys(about if subject.isascii() else plain_words(subject)))
    languages = guess(plain)
    known = plain if text.isascii() and subject.isascii() else {*about, *body}
    more = dict.fromkeys(chain.from_iterable(stems(plain, language) for language in languages))
    named = [_person(role, who) for role, who in people]
    at = date.astimezone(UTC)
    facets = [marks.ALL, marks.direction_mark(direction), marks.year_mark(at.year), marks.month_mark(at.year, at.month)]
    facets += map(marks.has_mark, sorted(has))
    facets += map(marks.language_mark, languages)
    return Entry(
        VERSION,
        subject=" ".join(about),
        people=" ".join(dict.fromkeys(name for name, _marks in named)),
        body=" ".join(body),
        files=" ".join([word for name in files for word in words(name)]),
        stems=" ".join([marks.STEM + stem for stem in filterfalse(known.__contains__, more)]),
        facets=" ".join(dict.fromkeys([*facets, *(mark for _name, own in named for mark in own)])),
    )


@lru_cache(4096)
def _person(role: str, who: Correspondent) -> tuple[str, tuple[str, ...]]:
    """The words of somebody's name and address, and the marks of them in this role. The same few people are named in
    nearly all letters."""
    found = words(f"{who.name} {who.address}")
    short = marks.ROLES[role]
    own = (marks.address_mark(short, who.address.key), *(marks.name_mark(short, word) for word in dict.fromkeys(found)))
    return " ".join(found), own
