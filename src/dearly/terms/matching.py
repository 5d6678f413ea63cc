"""Whether a search finds an entry, without any index: for the few texts that are in none (drafts). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dearly.letter.search import Entry
from dearly.terms import marks
from dearly.terms.expression import ME, Sight, forms, months, sought
from dearly.terms.folding import spaceless, words
from dearly.terms.query import Dated, Item, Marked, Named, Query, Within, Words


def matches(query: Query, sight: Sight, entry: Entry) -> bool:
    """Whether each clause of the search holds for this entry. Days that limit the whole search are the caller's."""
    return all(any(_holds(item, sight, entry) for item in clause) for clause in query.clauses)


def _holds(item: Item, sight: Sight, entry: Entry) -> bool:
    return _has(item, sight, entry) != item.absent


def _has(item: Item, sight: Sight, entry: Entry) -> bool:
    facets = frozenset(entry.facets.split())
    match item.what:
        case Words() as what:
            return _words(what, sight.languages, entry)
        case Named() as what:
            return _named(what, sight.addresses.get(what, ()), facets)
        case Marked(has):
            return marks.has_mark(has) in facets
        case Within():
            return False
        case Dated() as what:
            return not facets.isdisjoint(months(what))


def _words(what: Words, languages: Sequence[str], entry: Entry) -> bool:
    columns = {"subject": (entry.subject,), "files": (entry.files,)}.get(
        what.column, (entry.subject, entry.people, entry.body, entry.files)
    )
    tokens, begins = sought(what)
    wanted = " " + " ".join(tokens) + ("" if begins else " ")
    if any(wanted in f" {column} " for column in columns):
        return True
    if what.phrase or begins or len(tokens) != 1 or spaceless(tokens[0]):
        return False
    stems = forms(what.typed or tokens[0], languages)
    known = frozenset(f"{entry.subject} {entry.body}".split()) | frozenset(entry.stems.split())
    return any(stem in known or marks.STEM + stem in known for stem in stems)


def _named(who: Named, addresses: Sequence[str], facets: frozenset[str]) -> bool:
    if who.name.strip().lower() == ME:
        return who.role != "to"
    roles = {"from": "f", "to": "t"}.get(who.role, "ft")
    return any(marks.address_mark(role, key) in facets for role in roles for key in addresses) or any(
        all(marks.name_mark(role, word) in facets for word in words(who.name)) for role in roles
    )
