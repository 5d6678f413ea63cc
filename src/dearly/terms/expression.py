"""A search as an expression of SQLite's FTS5. Every word in it was folded and is quoted, so that nothing that a person
types can be read as a part of the expression. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from dearly.letter.address import Address
from dearly.letter.errors import Usage
from dearly.terms import marks
from dearly.terms.entry import Has
from dearly.terms.folding import spaceless, words
from dearly.terms.languages import stems_of
from dearly.terms.query import Dated, Item, Marked, Named, Query, Within, Words

ME = "me"
"""The name of the person at the desk: `from:me`."""

_SHORTEST_STEM = 3
_ROLES = {"from": ("f",), "to": ("t",), "with": ("f", "t")}


@dataclass(frozen=True, slots=True)
class Sight:
    """What a search is read by. `addresses`: of those who are named, as the address book knows them (`Address.key`).
    `languages`: those whose stems are looked for; none: every word only as it stands. `begun`: of beginnings, the words
    of the index that begin so, where they are few; they are found much faster one by one."""

    addresses: Mapping[Named, Sequence[str]]
    languages: Sequence[str] = ()
    begun: Mapping[Words, Sequence[str]] = field(default_factory=dict)


def expression(query: Query, sight: Sight) -> str:
    """The whole search, but for days: what `MATCH` is given. "" where it can find nothing at all."""
    asked = [clause for clause in query.clauses if clause]
    wanted = [_any(clause, sight) for clause in asked if not _absent(clause)]
    unwanted = [_of(clause[0], sight) for clause in asked if _absent(clause)]
    found = " AND ".join(wanted) if wanted else _quoted(marks.ALL)
    return f"({found}) NOT ({' OR '.join(unwanted)})" if unwanted else found


def phrase(tokens: Iterable[str], *, begins: bool = False, column: str = "") -> str:
    """These words in this order. `begins`: the last one is only a beginning."""
    found = f'"{" ".join(tokens)}"' + (" *" if begins else "")
    return f"({column} : {found})" if column else found


def forms(word: str, languages: Sequence[str]) -> tuple[str, ...]:
    """The stems of a folded word in these languages, where they are long enough to mean something."""
    return tuple(stem for stem in stems_of(word, languages) if len(stem) >= _SHORTEST_STEM)


def _absent(clause: Sequence[Item]) -> bool:
    return len(clause) == 1 and clause[0].absent


def _any(clause: Sequence[Item], sight: Sight) -> str:
    found = [f"({_quoted(marks.ALL)} NOT {_of(item, sight)})" if item.absent else _of(item, sight) for item in clause]
    return found[0] if len(found) == 1 else f"({' OR '.join(found)})"


def _of(item: Item, sight: Sight) -> str:
    match item.what:
        case Words() as what:
            return _words(what, sight)
        case Named() as what:
            return _named(what, sight.addresses.get(what, ()))
        case Marked(has):
            return _quoted(marks.has_mark(has))
        case Within(place):
            return _within(place)
        case Dated() as what:
            return _or(_quoted(mark) for mark in months(what))


def _words(what: Words, sight: Sight) -> str:
    tokens, begins = sought(what)
    if what in sight.begun:
        begun = _or(map(_quoted, sight.begun[what]))
        return f"({what.column} : {begun})" if what.column else begun
    exact = phrase(tokens, begins=begins, column=what.column)
    if what.phrase or begins or len(tokens) != 1 or spaceless(tokens[0]):
        return exact
    found = [exact]
    for stem in forms(what.typed or tokens[0], sight.languages):
        if stem != tokens[0]:
            found.append(_quoted(stem))
        found.append(_quoted(marks.STEM + stem))
    return _or(found)


def beginning(what: Words) -> str | None:
    """The beginning of a word that is looked for; None for anything else, and in scripts without blanks, where a pair
    is enough."""
    tokens, begins = sought(what)
    return tokens[0] if begins and len(tokens) == 1 and not spaceless(tokens[0]) else None


def sought(what: Words) -> tuple[list[str], bool]:
    """The words of the index that stand for these, in order, and whether the last one is only a beginning.

    A run of a script without blanks is a row of pairs, as in the index; there its last sign stands by itself as well,
    but here only before another word: the text that is looked for may go on."""
    tokens: list[str] = []
    begins = what.begins
    for place, run in enumerate(what.runs):
        last = place + 1 == len(what.runs)
        found = words(run)
        if last and spaceless(run[-1]):
            if len(found) > 1 and len(found[-1]) == 1 and spaceless(found[-2][-1]) and len(found[-2]) > 1:
                found.pop()
                begins = False
            else:
                begins = True  # one sign alone: every pair that begins with it
        tokens += found
    return tokens, begins


def _named(who: Named, addresses: Sequence[str]) -> str:
    name = who.name.strip().lower()
    if name == ME:
        return _quoted({"from": marks.direction_mark("out"), "to": marks.direction_mark("in")}.get(who.role, marks.ALL))
    found: list[str] = []
    for role in _ROLES[who.role]:
        own = _key(who.name)
        found += [
            _quoted(marks.address_mark(role, key)) for key in dict.fromkeys([*addresses, *([own] if own else [])])
        ]
        if not own:
            begins = name.endswith("*")
            called = [marks.name_mark(role, word) for word in words(name)]
            last = len(called) - 1
            found.append(_and(phrase([mark], begins=begins and at == last) for at, mark in enumerate(called)))
    return _or(found)


def _key(name: str) -> str:
    try:
        return Address.parse(name).key
    except Usage:
        return ""


def _within(place: str) -> str:
    imported = _quoted(marks.has_mark(Has.IMPORTED))
    if place == "archive":
        return imported
    return f"({_quoted(marks.direction_mark('in' if place == 'letterbox' else 'out'))} NOT {imported})"


def months(dated: Dated) -> list[str]:
    """Marks of the whole months between two days; of whole years, one for each."""
    assert dated.first is not None
    assert dated.end is not None
    found: list[str] = []
    at = dated.first
    while at < dated.end:
        year = date(at.year + 1, 1, 1)
        if at.month == 1 and year <= dated.end:
            found.append(marks.year_mark(at.year))
            at = year
        else:
            found.append(marks.month_mark(at.year, at.month))
            at = date(at.year + at.month // 12, at.month % 12 + 1, 1)
    return found[:_MOST_MARKS]


_MOST_MARKS = 200


def _quoted(word: str) -> str:
    return f'"{word}"'


def _or(found: Iterable[str]) -> str:
    several = list(dict.fromkeys(found))
    return several[0] if len(several) == 1 else f"({' OR '.join(several)})"


def _and(found: Iterable[str]) -> str:
    several = list(found)
    return several[0] if len(several) == 1 else f"({' AND '.join(several)})"
