"""Act 11: one entry of the address book, whole: where someone is and was, by which keys, how letters went to and fro.

Days here are days of the place where the person at the desk is. The last day of an address belongs to it: the drawer
keeps the midnight after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date as day
from datetime import datetime, time, timedelta

from dearly.desk.desk import Desk
from dearly.desk.people import in_order
from dearly.drawer import keyring
from dearly.drawer import people as book
from dearly.drawer.connection import Db
from dearly.drawer.exchanged import Exchange, exchanged
from dearly.drawer.people import AddressKind, PersonKind
from dearly.letter.address import Address
from dearly.letter.clock import Clock
from dearly.letter.envelope import Way, usual_way
from dearly.letter.errors import Usage
from dearly.letter.rhythm import Exchanged, Rhythm, rhythm
from dearly.letter.words import _

__all__ = [
    "AddressEntry",
    "AddressKind",
    "AddressWish",
    "Exchange",
    "KeyEntry",
    "Named",
    "PersonKind",
    "Whole",
    "add",
    "add_address",
    "change",
    "change_address",
    "end_address",
    "everybody",
    "join",
    "leave",
    "read_day",
    "whole",
]


@dataclass(frozen=True, slots=True)
class AddressEntry:
    """An address of someone. `entry`: its id, for `change_address` and `end_address`. `since`, `until`: first and last
    day, None where no limit is known. `good`: whether letters go there today; `past`: whether it has ended."""

    entry: int
    kind: AddressKind
    text: str
    label: str
    care_of: str
    since: day | None
    until: day | None
    hold_until: day | None
    good: bool
    past: bool


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key seen as someone's. `state`: first_seen, pinned, verified, changed or left; `since`: in it since. `place`:
    where it was checked. `usable`: neither revoked nor expired."""

    fingerprint: str
    state: str
    seen: datetime
    since: datetime
    place: str
    source: str
    quantum_safe: bool
    usable: bool


@dataclass(frozen=True, slots=True)
class Named:
    """Someone, by name and uid."""

    name: str
    uid: str
    kind: str = "person"


@dataclass(frozen=True, slots=True)
class Whole:
    """Someone, with everything that the address book knows. `key`: the one in use, where there is a single one;
    `changed`: seen since, waiting for a decision; `left`: given up. `first`, `lately`: letters exchanged."""

    uid: str
    name: str
    kind: str
    birthday: str
    note: str
    hidden: bool
    addresses: tuple[AddressEntry, ...]
    keys: tuple[KeyEntry, ...]
    members: tuple[Named, ...]
    groups: tuple[Named, ...]
    first: Exchange | None = None
    lately: tuple[Exchange, ...] = field(default=(), repr=False)

    def rhythm(self, today: day) -> Rhythm:
        """How often the two write (`letter.rhythm`)."""
        return rhythm((Exchanged(one.date.date(), one.ours) for one in self.lately), today)

    @property
    def used(self) -> tuple[KeyEntry, ...]:
        """The keys that letters are sealed by."""
        return tuple(key for key in self.keys if key.state in ("first_seen", "pinned", "verified"))

    @property
    def changed(self) -> tuple[KeyEntry, ...]:
        """Keys that wait for a decision."""
        return tuple(key for key in self.keys if key.state == "changed")

    @property
    def left(self) -> tuple[KeyEntry, ...]:
        """Keys that were set aside."""
        return tuple(key for key in self.keys if key.state == "left")


@dataclass(frozen=True, slots=True)
class AddressWish:
    """An address as somebody fills it in."""

    kind: AddressKind
    text: str = ""
    label: str = ""
    care_of: str = ""
    since: day | None = None
    until: day | None = None
    hold_until: day | None = None


async def whole(desk: Desk, uid: str) -> Whole:
    """Someone, by uid (or name). Raises `NotFound` (unknown_person, ambiguous_person)."""
    return await desk.drawer.read(lambda db: _whole(db, book.find(db, uid), desk.clock))


async def everybody(desk: Desk) -> list[Named]:
    """Everybody in the book, by name."""
    found = await desk.drawer.read(in_order)
    return [Named(one.name, one.uid, one.kind.value) for one in found]


async def change(desk: Desk, uid: str, *, name: str, birthday: str, note: str) -> Whole:
    """What one writes down about someone. An empty birthday removes it. Raises `Usage` (empty_name, bad_text,
    bad_date), `Refused` (person_exists)."""
    now = desk.clock.now()

    def work(db: Db) -> Whole:
        person = book.find(db, uid)
        person = book.edit(db, person.id, name=name, birthday=birthday.strip(), note=note.strip(), now=now)
        return _whole(db, person, desk.clock)

    return await desk.drawer.write(work)


async def add_address(desk: Desk, uid: str, wish: AddressWish) -> Whole:
    """One more address of someone. Raises `Usage` (bad_address, bad_text, bad_dates)."""
    _sound(wish)
    now = desk.clock.now()
    new = book.NewAddress(
        wish.text,
        _kind(wish),
        wish.label.strip(),
        wish.care_of.strip(),
        since=_begin(desk.clock, wish.since),
        until=_end(desk.clock, wish.until),
        hold_until=_end(desk.clock, wish.hold_until),
    )

    def work(db: Db) -> Whole:
        person = book.find(db, uid)
        return _whole(db, book.add_address(db, person.id, new, now=now, chance=desk.chance), desk.clock)

    return await desk.drawer.write(work)


async def change_address(desk: Desk, uid: str, entry: int, wish: AddressWish) -> Whole:
    """Say anew what is said about an address; its own text stays. Raises `Usage` (bad_text, bad_dates), `NotFound`
    (unknown_address)."""
    _sound(wish)

    def work(db: Db) -> Whole:
        person = book.change_address(
            db,
            book.find(db, uid).id,
            entry,
            label=wish.label,
            care_of=wish.care_of,
            since=_begin(desk.clock, wish.since),
            until=_end(desk.clock, wish.until),
            hold_until=_end(desk.clock, wish.hold_until),
        )
        return _whole(db, person, desk.clock)

    return await desk.drawer.write(work)


async def end_address(desk: Desk, uid: str, entry: int) -> Whole:
    """An address is no longer good from now on. It stays in the book, with the letters that went there. Raises
    `NotFound` (unknown_address)."""
    now = desk.clock.now()

    def work(db: Db) -> Whole:
        person = book.find(db, uid)
        return _whole(db, book.end_address(db, person.id, entry, now), desk.clock)

    return await desk.drawer.write(work)


async def add(desk: Desk, name: str, kind: PersonKind, wishes: Sequence[AddressWish]) -> Whole:
    """Put someone into the book by hand. Raises `Usage` (empty_name, bad_text, bad_address), `Refused`
    (person_exists)."""
    now = desk.clock.now()
    new = [
        book.NewAddress(wish.text, _kind(wish), wish.label.strip(), wish.care_of.strip())
        for wish in wishes
        if wish.text.strip()
    ]

    def work(db: Db) -> Whole:
        return _whole(db, book.add(db, name, new, kind=kind, now=now, chance=desk.chance), desk.clock)

    return await desk.drawer.write(work)


async def join(desk: Desk, group: str, member: str) -> Whole:
    """Make `member` one of a household or circle; the group. Raises `Refused` (not_a_group, circle_in_itself)."""
    now = desk.clock.now()

    def work(db: Db) -> Whole:
        circle = book.find(db, group)
        book.join(db, circle.id, book.find(db, member).id, now)
        return _whole(db, book.show(db, circle.id), desk.clock)

    return await desk.drawer.write(work)


async def leave(desk: Desk, group: str, member: str) -> Whole:
    """End a membership; that it was stays known."""
    now = desk.clock.now()

    def work(db: Db) -> Whole:
        circle = book.find(db, group)
        book.leave(db, circle.id, book.find(db, member).id, now)
        return _whole(db, book.show(db, circle.id), desk.clock)

    return await desk.drawer.write(work)


def read_day(text: str) -> day | None:
    """A day as a field of a form gives it (YYYY-MM-DD); None for an empty one. Raises `Usage` (bad_date)."""
    if not text.strip():
        return None
    try:
        return day.fromisoformat(text.strip())
    except ValueError:
        raise Usage(
            "bad_date",
            _("“{text}” is not a day.").format(text=text.strip()[:40]),
            _("Write it as 2026-12-31, or leave it empty."),
        ) from None


def _kind(wish: AddressWish) -> AddressKind:
    if wish.kind is not AddressKind.POSTAL and usual_way(Address.parse(wish.text)) is Way.OFFICE:
        return AddressKind.OFFICE
    return wish.kind


def _sound(wish: AddressWish) -> None:
    if wish.since is not None and wish.until is not None and wish.until < wish.since:
        raise Usage(
            "bad_dates",
            _("This address would end before it begins."),
            _("Look at the two days; either may stay empty."),
        )


def _begin(clock: Clock, first: day | None) -> datetime | None:
    return None if first is None else clock.on(first, time(0))


def _end(clock: Clock, last: day | None) -> datetime | None:
    return None if last is None else clock.on(last + timedelta(days=1), time(0))


def _whole(db: Db, person: book.Person, clock: Clock) -> Whole:
    now = clock.now()
    zone = clock.local().tzinfo
    there = {one.id: one for one in book.list_all(db)} if person.members else {}
    letters = exchanged(db, person.id)

    def first_day(when: datetime | None) -> day | None:
        return None if when is None else when.astimezone(zone).date()

    def last_day(when: datetime | None) -> day | None:
        return None if when is None else (when.astimezone(zone) - timedelta(seconds=1)).date()

    return Whole(
        uid=person.uid,
        name=person.name,
        kind=person.kind.value,
        birthday=person.birthday or "",
        note=person.note,
        hidden=person.hidden,
        addresses=tuple(
            AddressEntry(
                entry.id,
                entry.kind,
                entry.text,
                entry.label,
                entry.care_of,
                first_day(entry.since),
                last_day(entry.until),
                last_day(entry.hold_until),
                good=entry.good_at(now),
                past=entry.until is not None and entry.until <= now,
            )
            for entry in person.addresses
        ),
        keys=_keys(db, person.id, now),
        members=tuple(
            Named(there[member].name, there[member].uid, there[member].kind.value)
            for member in person.members
            if member in there
        ),
        groups=tuple(Named(one.name, one.uid, one.kind.value) for one in book.groups_of(db, person.id)),
        first=letters.first,
        lately=letters.lately,
    )


def _keys(db: Db, person: int, now: datetime) -> tuple[KeyEntry, ...]:
    """Each key once, in its surest state."""
    found: dict[str, KeyEntry] = {}
    for bound in keyring.bindings(db, person):
        certificate = keyring.certificate(db, bound.fingerprint)
        if certificate is None or bound.fingerprint in found:
            continue
        alive = not certificate.revoked and (certificate.expires is None or certificate.expires > now)
        found[bound.fingerprint] = KeyEntry(
            bound.fingerprint,
            bound.state.value,
            bound.seen,
            bound.since,
            bound.place,
            bound.source,
            certificate.quantum_safe,
            alive,
        )
    return tuple(found.values())
