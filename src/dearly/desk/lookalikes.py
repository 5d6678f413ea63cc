"""Strangers whose name or address can be taken for one in the address book (A21): said at the door, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dearly.desk.desk import Desk
from dearly.drawer import people
from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.errors import Usage
from dearly.letter.skeleton import of_address, skeleton
from dearly.letter.words import _


@dataclass(frozen=True, slots=True)
class Lookalike:
    """Whom somebody can be taken for. `address`: theirs, where it is that which looks the same; "" where it is the
    name, which is written with other letters."""

    name: str
    address: str

    @property
    def told(self) -> str:
        """In a sentence."""
        if self.address:
            return _("This address looks like {address}, of {name} in your address book, and is another one.").format(
                address=self.address, name=self.name
            )
        return _("This name looks like {name} in your address book, and is written with other letters.").format(
            name=self.name
        )


async def lookalikes(desk: Desk, senders: Sequence[tuple[str, str]]) -> list[Lookalike | None]:
    """For each sender (the name that is claimed, the address): whom they can be taken for."""
    return await desk.drawer.read(lambda db: of(db, senders))


def of(db: Db, senders: Sequence[tuple[str, str]]) -> list[Lookalike | None]:
    """The same, inside a reading of the drawer. The book is only looked through where there is a sender."""
    if not senders:
        return []
    names: dict[str, list[str]] = {}
    addresses: dict[str, list[tuple[str, Address]]] = {}
    for person in people.list_all(db):
        names.setdefault(skeleton(person.name), []).append(person.name)
        for known in person.addresses:
            if known.address is not None:
                addresses.setdefault(of_address(known.address), []).append((person.name, known.address))
    return [_one(name, address, names, addresses) for name, address in senders]


def _one(
    name: str, address: str, names: dict[str, list[str]], addresses: dict[str, list[tuple[str, Address]]]
) -> Lookalike | None:
    try:
        there = Address.parse(address)
    except Usage:
        there = None
    alike = addresses.get(of_address(there), []) if there is not None else []
    if there is not None and alike and not any(there.same(known) for _whose, known in alike):
        whose, known = alike[0]
        return Lookalike(whose, str(known))
    namesakes = names.get(skeleton(name), []) if name.strip() else []
    # The very same name is no imitation: two people may bear it, and that is said otherwise.
    if namesakes and name.casefold() not in {one.casefold() for one in namesakes}:
        return Lookalike(namesakes[0], "")
    return None
