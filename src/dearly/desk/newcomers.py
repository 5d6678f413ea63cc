"""People who come into the address book by writing: somebody who was let in, or whose first letter was opened."""

from __future__ import annotations

from dearly.desk.desk import Desk
from dearly.drawer import people
from dearly.drawer.connection import Db
from dearly.letter.address import Correspondent
from dearly.letter.envelope import Way, usual_way
from dearly.letter.errors import Refused
from dearly.mime import plain


def person_of(db: Db, desk: Desk, sender: Correspondent) -> people.Person:
    """Put a sender whom nobody knows into the address book, by the name that they give."""
    now = desk.clock.now()
    at_office = usual_way(sender.address) is Way.OFFICE
    kind = people.AddressKind.OFFICE if at_office else people.AddressKind.EMAIL
    address = people.NewAddress(str(sender.address), kind)
    name = plain.shown(sender.name).strip() or str(sender.address)
    try:
        return people.add(db, name, [address], now=now, chance=desk.chance)
    except Refused:  # somebody of this very name is there, at another address: not the same person until merged
        return people.add(db, f"{name} ({sender.address})", [address], now=now, chance=desk.chance)
