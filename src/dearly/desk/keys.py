"""Keys of others: what is known, and the person's own word on it."""

from __future__ import annotations

from dearly.desk import views
from dearly.desk.desk import Desk
from dearly.desk.people import show_person
from dearly.desk.values import PersonView
from dearly.drawer import keyring, people
from dearly.drawer.connection import Db
from dearly.letter.errors import NotFound, Usage
from dearly.letter.words import _


async def show_keys(desk: Desk, who: str) -> PersonView:
    """Someone with the keys known of them. Raises `NotFound`."""
    return await show_person(desk, who)


async def pin(desk: Desk, who: str, fingerprint: str | None, *, verified: bool) -> PersonView:
    """Decide for a key: it is the one that letters are sealed by from now on, and what was in use is left.

    `fingerprint`: its beginning is enough; None where the person has only one. `verified`: it was checked in person.
    Raises `NotFound` (unknown_key), `Usage` (which_key)."""
    now = desk.clock.now()

    def work(db: Db) -> PersonView:
        person = people.find(db, who)
        wanted = "".join((fingerprint or "").lower().split())
        found = {b.fingerprint for b in keyring.bindings(db, person.id) if b.fingerprint.startswith(wanted)}
        if not found:
            raise NotFound(
                "unknown_key",
                _("No such key of {name} is known.").format(name=person.name),
                _("“dearly people show” lists the keys that are."),
            )
        if len(found) > 1:
            raise Usage(
                "which_key",
                _("{name} has more than one key.").format(name=person.name),
                _("Say which, by the beginning of its fingerprint."),
            )
        state = keyring.BindingState.VERIFIED if verified else keyring.BindingState.PINNED
        keyring.decide(db, person.id, found.pop(), state, now)
        return views.person_view(db, person)

    return await desk.drawer.write(work)
