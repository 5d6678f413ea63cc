"""Act 11: people. An address book made for letters; a card alone is enough to seal to someone."""

from __future__ import annotations

from collections.abc import Sequence

from dearly.desk import certificates, views_people
from dearly.desk.desk import Desk
from dearly.desk.values import PersonView
from dearly.drawer import keyring
from dearly.drawer import people as book
from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.envelope import Way, usual_way
from dearly.letter.errors import NotFound, Usage
from dearly.letter.words import _
from dearly.seal.values import CertificateFacts
from dearly.terms.folding import fold


async def add(desk: Desk, name: str, *, addresses: Sequence[str] = (), vcard: bytes | None = None) -> PersonView:
    """Put someone into the address book. From a card come addresses and key, and the name where none is given here.

    A card for someone who is there already adds to them: that is how a new card is taken in. Raises `Usage`
    (bad_address, bad_card), `Refused` (person_exists), `CannotSealOrOpen` (bad_certificate)."""
    now = desk.clock.now()
    office_url: str | None = None
    texts = [*addresses]
    keys: list[CertificateFacts] = []
    if vcard is not None:
        card = await desk.opener.read_card(vcard, now=now)
        name = name.strip() or card.name
        office_url = card.office_url
        texts += [text for text in card.addresses if text not in texts]
        if not texts:
            raise Usage("bad_card", _("This card has no address."), _("Ask for a newer one."))
        keys = [await certificates.take_in(desk, one, "card") for one in card.certificates]
    new = [_new_address(Address.parse(text), office_url) for text in texts]

    def work(db: Db) -> PersonView:
        person = _known(db, name) if vcard is not None else None
        if person is None:
            person = book.add(db, name, new, now=now, chance=desk.chance)
        else:
            for address in new:
                person = book.add_address(db, person.id, address, now=now, chance=desk.chance)
        for facts in keys:
            _bind(db, person, facts, desk)
        return views_people.person_view(db, book.show(db, person.id))

    return await desk.drawer.write(work)


def _new_address(address: Address, office_url: str | None) -> book.NewAddress:
    if usual_way(address) is Way.OFFICE:
        return book.NewAddress(str(address), book.AddressKind.OFFICE, office_url=office_url)
    return book.NewAddress(str(address))


def _known(db: Db, name: str) -> book.Person | None:
    try:
        person = book.find(db, name)
    except NotFound:
        return None
    return person if person.name.casefold() == name.strip().casefold() else None


def _bind(db: Db, person: book.Person, facts: CertificateFacts, desk: Desk) -> None:
    """The card's key, for each of the person's addresses that it speaks for; for all of them when it names none."""
    now = desk.clock.now()
    current = [known.address for known in person.addresses if known.until is None and known.address is not None]
    named = [a for a in current if any(a.same(b) for b in facts.addresses)]
    for address in named or current:
        keyring.saw(db, person.id, address, facts.fingerprint, "card", now)


async def list_people(desk: Desk) -> list[PersonView]:
    """Everybody, by name."""
    return await desk.drawer.read(everybody)


def everybody(db: Db) -> list[PersonView]:
    """See `list_people`; for whoever is at the drawer already."""
    return [views_people.person_view(db, one) for one in in_order(db)]


def in_order(db: Db) -> list[book.Person]:
    """Everybody as one looks through a book: Émile stands among those with an E, Łucja among those with an L."""
    return sorted(book.list_all(db), key=lambda one: fold(one.name))


async def show_person(desk: Desk, who: str) -> PersonView:
    """Someone, by name, address or uid. Raises `NotFound` (unknown_person, ambiguous_person)."""
    return await desk.drawer.read(lambda db: views_people.person_view(db, book.find(db, who)))


async def edit_person(
    desk: Desk, who: str, *, name: str | None = None, add: Sequence[str] = (), end: Sequence[str] = ()
) -> PersonView:
    """Give someone another name, addresses more, or addresses that are no longer good (they stay in the book)."""
    now = desk.clock.now()

    def work(db: Db) -> PersonView:
        person = book.find(db, who)
        if name is not None:
            person = book.edit(db, person.id, name=name, now=now)
        for text in add:
            person = book.add_address(
                db, person.id, _new_address(Address.parse(text), None), now=now, chance=desk.chance
            )
        for text in end:
            person = book.end_address(db, person.id, Address.parse(text), now)
        return views_people.person_view(db, person)

    return await desk.drawer.write(work)


async def merge(desk: Desk, keep: str, other: str) -> PersonView:
    """Two entries were one person all along. Keys that differ are shown as changed, to be decided."""
    now = desk.clock.now()

    def work(db: Db) -> PersonView:
        person = book.merge(db, book.find(db, keep).id, book.find(db, other).id, now)
        return views_people.person_view(db, person)

    return await desk.drawer.write(work)


async def remove(desk: Desk, who: str) -> bool:
    """Take someone out of the book. False: there are letters, which stay, so the person is only hidden."""
    now = desk.clock.now()
    return await desk.drawer.write(lambda db: book.remove(db, book.find(db, who).id, now))
