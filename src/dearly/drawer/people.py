"""The address book: persons, households and circles, and where each of them is reached from when until when.

One address may belong to several persons (a household), one person has several addresses, and an address that was
left stays in the book with the time until which it was good. A person with letters is never deleted, only hidden.
This is the face of the book: reading is in `persons`, finding by what was typed in `finding`, making one of two
entries and taking one out in `merging`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from dearly.drawer import adopting
from dearly.drawer.connection import Db
from dearly.drawer.finding import find
from dearly.drawer.merging import merge, remove
from dearly.drawer.persons import AddressKind, Person, PersonAddress, PersonKind, load, person_of_address, show
from dearly.drawer.rows import name_key, stamp
from dearly.letter.address import Address, clean, header_safe
from dearly.letter.clock import Chance
from dearly.letter.errors import NotFound, Refused, Usage
from dearly.letter.words import _

__all__ = [
    "AddressKind",
    "NewAddress",
    "Person",
    "PersonAddress",
    "PersonKind",
    "add",
    "add_address",
    "addresses_of",
    "change_address",
    "check_birthday",
    "edit",
    "end_address",
    "find",
    "groups_of",
    "join",
    "leave",
    "list_all",
    "members_of",
    "merge",
    "person_of_address",
    "remove",
    "show",
]


@dataclass(frozen=True, slots=True)
class NewAddress:
    """An address to be put into the book. `text`: an addr-spec, or the lines of a postal address. `office_url`: for
    the kind OFFICE. `country`: ISO 3166-1 alpha-2, for POSTAL. `since` None: for as long as we know."""

    text: str
    kind: AddressKind = AddressKind.EMAIL
    label: str = ""
    care_of: str = ""
    office_url: str | None = None
    country: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    hold_until: datetime | None = None


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

    Raises `Usage` (empty_name, bad_text, bad_address), `Refused` (person_exists) when someone of this very name is
    there."""
    name = _good_name(db, name)
    person = db.insert(
        "INSERT INTO persons (uid, kind, name, name_key, made, changed) VALUES (?, ?, ?, ?, ?, ?)",
        (chance.token(16), kind.value, name, name_key(name), stamp(now), stamp(now)),
    )
    for new in addresses:
        add_address(db, person, new, now=now, chance=chance)
    return show(db, person)


def list_all(db: Db, *, hidden: bool = False) -> list[Person]:
    """Everybody, by name; those who were removed but have letters only when `hidden`."""
    return load(db, "merged_into IS NULL AND hidden <= ?", (int(hidden),))


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
    was = show(db, person)
    if name is not None and name_key(name) != name_key(was.name):
        name = _good_name(db, name)
    elif name is not None:
        name = header_safe(name.strip(), _("name"))
    if birthday:
        check_birthday(birthday)
    name = name or was.name
    db.run(
        "UPDATE persons SET name = ?, name_key = ?, birthday = ?, note = ?, kind = ?, changed = ? WHERE id = ?",
        (
            name,
            name_key(name),
            was.birthday if birthday is None else birthday or None,
            was.note if note is None else note,
            (kind or was.kind).value,
            stamp(now),
            was.id,
        ),
    )
    return show(db, was.id)


def add_address(db: Db, person: int, new: NewAddress, *, now: datetime, chance: Chance) -> Person:
    """One more address, last in order. The same one again (kind and address) changes what is given while it is good,
    and begins anew when it had ended. Raises `Usage` (bad_address)."""
    who = show(db, person)
    text, key = _good_address(new)
    known = db.one("SELECT id FROM addresses WHERE address_key = ? AND kind = ?", (key, new.kind.value))
    if known is None:
        place = db.insert(
            "INSERT INTO addresses (uid, kind, text, address_key, office_url, country, made)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (chance.token(16), new.kind.value, text, key, new.office_url, new.country, stamp(now)),
        )
    else:
        place = known[0]
        db.run(
            "UPDATE addresses SET office_url = coalesce(?, office_url), country = coalesce(?, country) WHERE id = ?",
            (new.office_url, new.country, place),
        )
    times = tuple(None if t is None else stamp(t) for t in (new.since, new.until, new.hold_until))
    entry = db.value(
        "SELECT id FROM person_addresses WHERE person_id = ? AND address_id = ? AND (until IS NULL OR until > ?)",
        (who.id, place, stamp(now)),
    )
    if entry is None:
        db.run(
            "INSERT INTO person_addresses (person_id, address_id, position, label, care_of, since, until, hold_until)"
            " SELECT ?1, ?2, coalesce(max(position) + 1, 0), ?3, ?4, ?5, ?6, ?7"
            " FROM person_addresses WHERE person_id = ?1",
            (who.id, place, new.label, new.care_of, *times),
        )
    else:
        db.run(
            "UPDATE person_addresses SET label = iif(?1 = '', label, ?1), care_of = iif(?2 = '', care_of, ?2),"
            " since = coalesce(?3, since), until = coalesce(?4, until), hold_until = coalesce(?5, hold_until)"
            " WHERE id = ?6",
            (new.label, new.care_of, *times, entry),
        )
    if new.kind is not AddressKind.POSTAL:
        adopting.adopt(db, who.id, key, now)
    return show(db, who.id)


def end_address(db: Db, person: int, which: int | Address, until: datetime) -> Person:
    """The address (by the id of its entry, or itself) is no longer good from `until` (aware UTC). It stays in the book.
    Raises `NotFound` (unknown_address)."""
    who = show(db, person)
    entries = [
        entry.id
        for entry in who.addresses
        if (entry.id == which if isinstance(which, int) else entry.address is not None and entry.address.same(which))
    ]
    if not entries:
        raise NotFound(
            "unknown_address",
            _("{name} has no such address in the address book.").format(name=who.name),
            _("“dearly people show” lists the addresses."),
        )
    db.many("UPDATE person_addresses SET until = ? WHERE id = ?", [(stamp(until), entry) for entry in entries])
    return show(db, who.id)


def change_address(
    db: Db,
    person: int,
    entry: int,
    *,
    label: str,
    care_of: str,
    since: datetime | None,
    until: datetime | None,
    hold_until: datetime | None,
) -> Person:
    """Say anew all that is said about an address of someone: `entry` is the id of the entry. The address itself never
    changes, for letters went to it; another one is another entry. Raises `NotFound` (unknown_address), `Usage`
    (bad_text, bad_dates)."""
    who = show(db, person)
    if since is not None and until is not None and until <= since:
        raise Usage(
            "bad_dates",
            _("This address would end before it begins."),
            _("Look at the two days; either may stay empty."),
        )
    changed = db.run(
        "UPDATE person_addresses SET label = ?, care_of = ?, since = ?, until = ?, hold_until = ?"
        " WHERE id = ? AND person_id = ?",
        (
            header_safe(label.strip(), _("label")),
            header_safe(care_of.strip(), _("name at the door")),
            *(None if t is None else stamp(t) for t in (since, until, hold_until)),
            entry,
            who.id,
        ),
    )
    if not changed:
        raise NotFound("unknown_address", _("{name} has no such address in the address book.").format(name=who.name))
    return show(db, who.id)


def join(db: Db, group: int, member: int, now: datetime) -> None:
    """Make `member` a member of a household or circle. Raises `Refused` (not_a_group, circle_in_itself)."""
    circle, one = show(db, group), show(db, member)
    if circle.kind is PersonKind.PERSON:
        raise Refused(
            "not_a_group",
            _("{name} is a person; only a household or a circle has members.").format(name=circle.name),
            _("Make a circle, and put both into it."),
        )
    if one.kind is not PersonKind.PERSON:
        raise Refused(
            "circle_in_itself",
            _("Only persons can be members, not other households or circles."),
            _("Add each person."),
        )
    db.run(
        "INSERT INTO memberships (group_id, member_id, since) VALUES (?, ?, ?)"
        " ON CONFLICT (group_id, member_id) DO UPDATE SET until = NULL",
        (circle.id, one.id, stamp(now)),
    )


def leave(db: Db, group: int, member: int, now: datetime) -> None:
    """End the membership; that it was stays known."""
    db.run(
        "UPDATE memberships SET until = ? WHERE group_id = ? AND member_id = ? AND until IS NULL",
        (stamp(now), group, member),
    )


def members_of(db: Db, group: int) -> list[Person]:
    """Who belongs to a household or circle, by name."""
    return load(db, "id IN (SELECT member_id FROM memberships WHERE group_id = ? AND until IS NULL)", (group,))


def groups_of(db: Db, person: int) -> list[Person]:
    """The households and circles that someone belongs to, by name."""
    return load(
        db,
        "hidden = 0 AND id IN (SELECT group_id FROM memberships WHERE member_id = ? AND until IS NULL)",
        (person,),
    )


def addresses_of(db: Db, person: int, now: datetime, kind: AddressKind | None = None) -> list[PersonAddress]:
    """The addresses that are good at `now` (aware UTC), in the person's order, of one kind or of all."""
    return [entry for entry in show(db, person).addresses if entry.good_at(now) and kind in (None, entry.kind)]


def check_birthday(text: str) -> date:
    """The day of an RFC 6350 6.2.5 date (YYYY-MM-DD, or --MM-DD as of a leap year). Raises `Usage` (bad_date)."""
    found = re.fullmatch(r"(\d{4}|-)-(\d{2})-(\d{2})", text)
    try:
        if found:
            return date(2000 if found[1] == "-" else int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise Usage(
        "bad_date",
        _("“{text}” is not a date.").format(text=clean(text)[:40]),
        _("Write it as 1990-12-31, or --12-31 without the year."),
    )


def _good_name(db: Db, name: str) -> str:
    name = header_safe(name.strip(), _("name"))
    if not name_key(name):
        raise Usage("empty_name", _("A name is missing."), _("Say by what name you want to find this person."))
    if db.one("SELECT 1 FROM persons WHERE name_key = ? AND hidden = 0", (name_key(name),)) is not None:
        raise Refused(
            "person_exists",
            _("There is already someone called {name} in the address book.").format(name=name),
            _("Add the address to that person, or use a name that tells the two apart."),
        )
    return name


def _good_address(new: NewAddress) -> tuple[str, str]:
    """Text and key of an address. Raises `Usage` (bad_address)."""
    if new.kind is not AddressKind.POSTAL:
        where = Address.parse(new.text)
        return str(where), where.key
    lines = [line for line in (clean(line) for line in new.text.splitlines()) if line]
    if not lines:
        raise Usage("bad_address", _("The postal address is empty."), _("Write it as it stands on an envelope."))
    return "\n".join(lines), name_key("\n".join(lines))
