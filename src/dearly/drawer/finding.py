"""Whom did the person mean? Finding an entry of the address book by what was typed.

Never a guess: more than one possibility is as much an error as none, and the hint names who comes near.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from dearly.drawer.connection import Db
from dearly.drawer.persons import Person, load, person_of_address, show
from dearly.drawer.rows import name_key
from dearly.letter.address import Address, clean
from dearly.letter.errors import NotFound, Usage
from dearly.letter.words import _

_MOST_NAMED = 5


def find(db: Db, text: str) -> Person:
    """Whom `text` means: a uid (32 hex digits), an address, a name, or the only beginning of a name or of a word in it.

    Raises `NotFound` (unknown_person, ambiguous_person). Hidden persons are found by uid only."""
    text = text.strip()
    if re.fullmatch(r"[0-9a-f]{32}", text) and (
        by_uid := db.value("SELECT id FROM persons WHERE uid = ?", (bytes.fromhex(text),))
    ):
        return show(db, by_uid)
    if "@" in text:
        return _at(db, text)
    key = name_key(text)
    everybody = load(db, "merged_into IS NULL AND hidden = 0", ())
    ladder = (
        [p for p in everybody if name_key(p.name) == key],
        [p for p in everybody if name_key(p.name).startswith(key)],
        [p for p in everybody if any(word.startswith(key) for word in name_key(p.name).split())],
    )
    matches = next((step for step in ladder if step), []) if key else []
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise NotFound(
            "ambiguous_person",
            _("“{text}” may be several people: {names}.").format(text=_shown(text), names=_names(matches)),
            _("Write more of the name, or an address."),
        )
    raise _nobody(text, everybody)


def _at(db: Db, text: str) -> Person:
    try:
        where = Address.parse(text)
    except Usage:
        raise _nobody(text, []) from None
    found = person_of_address(db, where)
    if found is None:
        raise _nobody(text, [])
    sharing = load(
        db,
        "hidden = 0 AND id IN (SELECT e.person_id FROM addresses a JOIN person_addresses e ON e.address_id = a.id"
        " WHERE a.address_key = ? AND a.kind <> 'postal' AND e.until IS NULL)",
        (where.key,),
    )
    households = [p for p in sharing if p.kind == "household"]
    if len(sharing) > 1 and len(households) != 1:
        raise NotFound(
            "ambiguous_person",
            _("Several people share the address {text}: {names}.").format(text=_shown(text), names=_names(sharing)),
            _("Write the name of the one you mean."),
        )
    return found


def _nobody(text: str, everybody: list[Person]) -> NotFound:
    names = {name_key(p.name): p for p in everybody}
    near = [names[n] for n in get_close_matches(name_key(text), names, n=_MOST_NAMED, cutoff=0.5)]
    words = {word: p for p in everybody for word in name_key(p.name).split()}
    near += [words[w] for w in get_close_matches(name_key(text), words, n=_MOST_NAMED, cutoff=0.7)]
    hint = (
        _("Did you mean {names}?").format(names=_names(list({p.id: p for p in near}.values())))
        if near
        else _("“dearly people list” shows everybody; “dearly people add” adds someone.")
    )
    return NotFound(
        "unknown_person", _("There is nobody called “{text}” in the address book.").format(text=_shown(text)), hint
    )


def _names(people: list[Person]) -> str:
    names = ", ".join(p.name for p in people[:_MOST_NAMED])
    return names + (", …" if len(people) > _MOST_NAMED else "")


def _shown(text: str) -> str:
    return clean(text)[:80]
