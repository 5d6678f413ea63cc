"""The address book: persons, households and circles, and where each of them is reached from when until when.

One address may belong to several persons (a household), one person has several addresses, and an address that was
left stays in the book with the time until which it was good. A person with letters is never deleted, only hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.clock import Chance


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
class NewAddress:
    """An address to be put into the book. `text`: an addr-spec, or the lines of a postal address. `office_url`: for
    the kind OFFICE. `country`: ISO 3166-1 alpha-2, for POSTAL. `since` None means from now."""

    text: str
    kind: AddressKind = AddressKind.EMAIL
    label: str = ""
    care_of: str = ""
    office_url: str | None = None
    country: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    hold_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PersonAddress:
    """An address of one person. `id`: of this entry, for `end_address`. `uid`: of the address itself. `since`, `until`:
    aware UTC; `until` None means still good. `hold_until`: post that comes before is kept there until then."""

    id: int
    uid: str
    kind: AddressKind
    text: str
    label: str
    care_of: str
    office_url: str | None
    country: str | None
    since: datetime
    until: datetime | None
    hold_until: datetime | None

    @property
    def address(self) -> Address | None:
        """The addr-spec; None for a postal address."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Person:
    """An entry of the address book. `addresses`: all, current ones first, in the person's own order. `members`: ids,
    for a household or a circle. `birthday`: YYYY-MM-DD or --MM-DD (RFC 6350 6.2.5)."""

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


def add(
    db: Db,
    name: str,
    addresses: Sequence[NewAddress] = (),
    *,
    kind: PersonKind = PersonKind.PERSON,
    now: datetime,
    chance: Chance,
) -> Person:
    """Put someone into the book. Letters and arrivals that already name one of the addresses, and nobody else's, join.

    Raises `Usage` (empty_name, bad_address), `Refused` (person_exists) when someone with this very name is there."""
    raise NotImplementedError


def show(db: Db, person: int) -> Person:
    """The person with this id; one who was merged into another gives the other. Raises `NotFound` (unknown_person)."""
    raise NotImplementedError


def find(db: Db, text: str) -> Person:
    """Whom `text` means: a uid (32 hex digits), an address, a name, or the only beginning of a name or of a word in it.

    Raises `NotFound` (unknown_person, ambiguous_person); the hint names who comes near. Hidden persons are found by
    uid only."""
    raise NotImplementedError


def list_all(db: Db, *, hidden: bool = False) -> list[Person]:
    """Everybody, by name; those who were removed but have letters only when `hidden`."""
    raise NotImplementedError


def edit(
    db: Db,
    person: int,
    *,
    name: str | None = None,
    birthday: str | None = None,
    note: str | None = None,
    kind: PersonKind | None = None,
    now: datetime,
) -> Person:
    """Change what is given; an empty birthday removes it. Raises as `add`, and `Usage` (bad_date)."""
    raise NotImplementedError


def add_address(db: Db, person: int, new: NewAddress, *, now: datetime, chance: Chance) -> Person:
    """One more address, first in order when the person has none that is current. The same one again (kind and
    address) renews an ended one, and otherwise changes what is given. Raises `Usage` (bad_address)."""
    raise NotImplementedError


def end_address(db: Db, person: int, address: int | Address, until: datetime) -> Person:
    """The address is no longer good from `until` (aware UTC). It stays in the book. Raises `NotFound`
    (unknown_address)."""
    raise NotImplementedError


def join(db: Db, group: int, member: int, now: datetime) -> None:
    """Make `member` a member of a household or circle. Raises `Refused` (not_a_group, circle_in_itself)."""
    raise NotImplementedError


def leave(db: Db, group: int, member: int, now: datetime) -> None:
    """End the membership; that it was stays known."""
    raise NotImplementedError


def merge(db: Db, keep: int, other: int, now: datetime) -> Person:
    """`other` was the same person as `keep` all along: addresses, keys, letters and memberships join, the name of
    `keep` stays. Keys that differ become `changed`, to be decided. The uid of `other` finds `keep` from then on.
    Raises `Refused` (same_person)."""
    raise NotImplementedError


def remove(db: Db, person: int, now: datetime) -> bool:
    """Take someone out of the book. True: gone without trace. False: there are letters, so the person is only hidden,
    and their addresses are a stranger's from now on."""
    raise NotImplementedError


def person_of_address(db: Db, address: Address, name: str = "") -> Person | None:
    """Whose address this is now or was. Where several have it: the one with this name, else the household, else the
    one who has had it longest."""
    raise NotImplementedError


def addresses_of(db: Db, person: int, now: datetime, kind: AddressKind | None = None) -> list[PersonAddress]:
    """The addresses that are good at `now` (aware UTC), in the person's order, of one kind or of all."""
    raise NotImplementedError


def members_of(db: Db, group: int, now: datetime) -> list[Person]:
    """Who belongs to a household or circle at `now`, by name."""
    raise NotImplementedError


def check_birthday(text: str) -> date | None:
    """The day in a leap year of an RFC 6350 6.2.5 date (YYYY-MM-DD or --MM-DD). Raises `Usage` (bad_date)."""
    raise NotImplementedError
