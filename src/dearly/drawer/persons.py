"""What an entry of the address book is, and reading it. Changing it is `people`'s."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dearly.drawer.connection import Args, Db
from dearly.drawer.rows import address, maybe, moment, name_key
from dearly.letter.address import Address, Correspondent
from dearly.letter.errors import NotFound
from dearly.letter.words import _

_PERSONS = """
SELECT id, uid, kind, name, birthday, note, hidden, made FROM persons WHERE (condition) ORDER BY name_key, id
"""
_ADDRESSES = """
SELECT e.person_id, e.id, a.uid, a.kind, a.text, e.label, e.care_of, a.office_url, a.country, e.since, e.until,
       e.hold_until
FROM person_addresses e JOIN addresses a ON a.id = e.address_id
WHERE e.person_id IN (SELECT id FROM persons WHERE (condition))
ORDER BY e.until IS NOT NULL, e.position
"""
_MEMBERS = """
SELECT group_id, member_id FROM memberships
WHERE until IS NULL AND group_id IN (SELECT id FROM persons WHERE (condition))
"""


class PersonKind(StrEnum):
    """What an entry of the address book stands for."""

    PERSON = "person"
    HOUSEHOLD = "household"
    CIRCLE = "circle"


class AddressKind(StrEnum):
    """By what kind of post an address is reached. A person's way follows from it."""

    EMAIL = "email"
    OFFICE = "office"
    POSTAL = "postal"


@dataclass(frozen=True, slots=True)
class PersonAddress:
    """An address of one person. `id`: of this entry, for `end_address`. `uid`: of the address itself. `since`, `until`:
    aware UTC, None where no limit is known. `hold_until`: post that comes before is kept there until then."""

    id: int
    uid: str
    kind: AddressKind
    text: str
    label: str
    care_of: str
    office_url: str | None
    country: str | None
    since: datetime | None
    until: datetime | None
    hold_until: datetime | None

    @property
    def address(self) -> Address | None:
        """The addr-spec; None for a postal address."""
        return None if self.kind is AddressKind.POSTAL else address(self.text)

    def good_at(self, now: datetime) -> bool:
        """Whether post to it reaches the person at `now` (aware UTC)."""
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Person:
    """An entry of the address book. `addresses`: all, those without an end first, in the person's own order. `members`:
    ids, for a household or a circle. `birthday`: YYYY-MM-DD or --MM-DD (RFC 6350 6.2.5)."""

    id: int
    uid: str
    kind: PersonKind
    name: str
    addresses: tuple[PersonAddress, ...]
    members: tuple[int, ...]
    birthday: str | None
    note: str
    hidden: bool
    made: datetime


def show(db: Db, person: int) -> Person:
    """The person with this id; one who was merged into another gives the other. Raises `NotFound` (unknown_person)."""
    found = load(db, "id = coalesce((SELECT merged_into FROM persons WHERE id = ?1), ?1)", (person,))
    if not found:
        raise NotFound("unknown_person", _("There is nobody with the number {n} in the address book.").format(n=person))
    return found[0]


def load(db: Db, where: str, args: Args) -> list[Person]:
    """The persons that a condition of this room's own (never text from outside) picks, by name."""
    rows = db.all(_PERSONS.replace("(condition)", where), args)
    addresses: dict[int, list[PersonAddress]] = defaultdict(list)
    for person, *entry in db.each(_ADDRESSES.replace("(condition)", where), args):
        addresses[person].append(_entry(*entry))
    members: dict[int, list[int]] = defaultdict(list)
    for group, member in db.each(_MEMBERS.replace("(condition)", where), args):
        members[group].append(member)
    return [
        Person(
            row[0],
            row[1].hex(),
            PersonKind(row[2]),
            row[3],
            tuple(addresses[row[0]]),
            tuple(members[row[0]]),
            row[4],
            row[5],
            bool(row[6]),
            moment(row[7]),
        )
        for row in rows
    ]


def person_of_address(db: Db, where: Address, name: str = "") -> Person | None:
    """Whose address this is now or was. Where several have it: the one with this name, else the household, else the
    one who has had it longest."""
    row = db.one(
        "SELECT p.id FROM addresses a"
        " JOIN person_addresses e ON e.address_id = a.id"
        " JOIN persons p ON p.id = e.person_id"
        " WHERE a.address_key = ? AND a.kind <> 'postal' AND p.hidden = 0"
        " ORDER BY e.until IS NOT NULL, p.name_key <> ?, p.kind <> 'household', e.id LIMIT 1",
        (where.key, name_key(name)),
    )
    return None if row is None else show(db, row[0])


def known(db: Db, who: Correspondent) -> int | None:
    """Id of the person in the book whom a letter names so."""
    person = person_of_address(db, who.address, who.name)
    return None if person is None else person.id


def _entry(
    entry: int,
    uid: bytes,
    kind: str,
    text: str,
    label: str,
    care_of: str,
    office_url: str | None,
    country: str | None,
    since: int | None,
    until: int | None,
    hold_until: int | None,
) -> PersonAddress:
    return PersonAddress(
        entry,
        uid.hex(),
        AddressKind(kind),
        text,
        label,
        care_of,
        office_url,
        country,
        maybe(since),
        maybe(until),
        maybe(hold_until),
    )
