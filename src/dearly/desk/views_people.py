"""People of the drawer as the values that the faces show (`views` has letters and envelopes)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dearly.desk.values import KeyView, PersonView
from dearly.drawer import keyring, offers, people

if TYPE_CHECKING:
    from dearly.drawer.connection import Db


def person_view(db: Db, person: people.Person) -> PersonView:
    """Someone in the address book, with what is known of their keys."""
    keys: dict[str, KeyView] = {}
    for bound in keyring.bindings(db, person.id):
        certificate = keyring.certificate(db, bound.fingerprint)
        safe = certificate is not None and certificate.quantum_safe
        view = KeyView(
            bound.fingerprint,
            bound.state.value,
            safe,
            bound.since,
            source=bound.source,
            given_by=_given_by(db, bound) if bound.source == offers.Source.GOSSIP else "",
        )
        keys.setdefault(bound.fingerprint, view)
    return PersonView(
        name=person.name,
        uid=person.uid,
        addresses=tuple(address.text for address in person.addresses if address.until is None),
        keys=tuple(keys.values()),
        kind=person.kind.value,
    )


def _given_by(db: Db, bound: keyring.Bound) -> str:
    """Whose letter gave this key first."""
    from dearly.desk.views import name_of
    from dearly.drawer import letters

    for one in offers.of_key(db, bound.fingerprint):
        writers = [party for party in letters.letter(db, one.letter).parties if party.role == "from"]
        if one.source is offers.Source.GOSSIP and one.address.key == bound.address and writers:
            return name_of(db, writers[0])
    return ""
