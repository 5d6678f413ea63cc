"""Entries of the address book that may be one person under two addresses. Proposed, never joined by itself.

Two entries look alike when their names are made of the same words in whatever order (“Moor, Clara”, “Clara Moor”), or
when the name of one is nothing but an address, and that address is made of the words of the other's name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from dearly.drawer.connection import Db
from dearly.drawer.persons import Person, PersonKind, load
from dearly.drawer.rows import name_key, stamp
from dearly.letter.errors import Refused
from dearly.letter.words import _

_ALIKE_MOST = 8
"""So many entries of one name are proposed at the utmost: more are a function ("info"), not a person."""


_ASIDE = re.compile(r"\s\([^()\s]+@[^()\s]+\)\Z")


@dataclass(frozen=True, slots=True)
class Alike:
    """Two entries that may be one person. `keep`: the one with more letters, whose name would stay."""

    keep: Person
    other: Person


def alike(db: Db) -> list[Alike]:
    """Pairs of entries that look like one person, by name. What was kept apart is left out."""
    everybody = load(db, "hidden = 0 AND merged_into IS NULL AND kind = 'person'", ())
    apart = set(db.all("SELECT one, other FROM kept_apart"))
    found = []
    for one, other in _pairs(everybody):
        if (min(one.id, other.id), max(one.id, other.id)) not in apart:
            keep, gone = sorted((one, other), key=lambda person: (-_letters(db, person.id), person.id))
            found.append(Alike(keep, gone))
    return found


def keep_apart(db: Db, one: int, other: int, now: datetime) -> None:
    """These two are not the same: never propose it again. Raises `Refused` (same_person)."""
    if one == other:
        raise Refused("same_person", _("These two are already one person."))
    db.run(
        "INSERT INTO kept_apart (one, other, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (min(one, other), max(one, other), stamp(now)),
    )


def _pairs(everybody: list[Person]) -> Iterator[tuple[Person, Person]]:
    by_words: dict[tuple[str, ...], list[Person]] = defaultdict(list)
    for person in everybody:
        if words := _words(person):
            by_words[words].append(person)
    for alikes in by_words.values():
        if len(alikes) <= _ALIKE_MOST:
            yield from combinations(alikes, 2)


def _words(person: Person) -> tuple[str, ...]:
    """What an entry is compared by: the words of its name, sorted; () for a name of one word, which proves nothing
    unless it is an address."""
    assert person.kind is PersonKind.PERSON
    # Who wrote under a name that was taken bears the address beside it, in brackets (`desk.newcomers`).
    key = name_key(_ASIDE.sub("", person.name))
    local, at, _domain = key.partition("@")
    words = re.findall(r"\w+", (local.replace("_", " ") if at else key), re.UNICODE)
    words = [word for word in words if not word.isdigit()]
    return tuple(sorted(words)) if len(words) > 1 else ()


def _letters(db: Db, person: int) -> int:
    return int(db.value("SELECT count(*) FROM correspondences WHERE person_id = ?", (person,)))
