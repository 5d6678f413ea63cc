"""The address book, all certificates, who the drawer belongs to, what was answered at the door and what was erased, for
those who write them down elsewhere.

Everybody is in it, also those who were removed from the book but have letters: without them it could not be said whose
an old letter is.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

from dearly.drawer import keyring, settings
from dearly.drawer.bindings import bindings
from dearly.drawer.connection import Db
from dearly.drawer.persons import load
from dearly.drawer.rows import maybe, moment
from dearly.letter.leaving import (
    Apart,
    AtTheDoor,
    Book,
    Choice,
    LeavingAddress,
    LeavingBinding,
    LeavingCertificate,
    LeavingKey,
    LeavingOwnAddress,
    LeavingPerson,
    Member,
    Owner,
    Tombstone,
)


def book(db: Db, drawer: str) -> Book:
    """All of it; `drawer`: its uid."""
    return Book(owner(db, drawer), tuple(people(db)), tuple(certificates(db)), tuple(door(db)), tuple(erased(db)))


def people(db: Db) -> list[LeavingPerson]:
    """Every entry of the address book, by name."""
    uids = {person: uid.hex() for person, uid in db.each("SELECT id, uid FROM persons")}
    led: dict[int, int] = dict(db.each("SELECT id, merged_into FROM persons WHERE merged_into IS NOT NULL"))
    changed: dict[int, int] = dict(db.each("SELECT id, changed FROM persons"))
    noted: dict[bytes, int] = dict(db.each("SELECT uid, made FROM addresses"))
    members: dict[int, list[Member]] = defaultdict(list)
    for group, member, since, until in db.each("SELECT group_id, member_id, since, until FROM memberships"):
        members[group].append(Member(uids[member], moment(since), maybe(until)))
    apart: dict[int, list[Apart]] = defaultdict(list)
    for one_, other, at in db.each("SELECT one, other, at FROM kept_apart"):
        # With the one whose uid comes first: which of the two has the smaller id differs from drawer to drawer.
        first, second = sorted((one_, other), key=lambda person: uids[person])
        apart[first].append(Apart(uids[second], moment(at)))
    return [
        LeavingPerson(
            uid=one.uid,
            kind=one.kind.value,
            name=one.name,
            birthday=one.birthday,
            note=one.note,
            hidden=one.hidden,
            merged_into=uids[led[one.id]] if one.id in led else None,
            made=one.made,
            addresses=tuple(
                LeavingAddress(
                    a.uid,
                    a.kind.value,
                    a.text,
                    a.label,
                    a.care_of,
                    a.office_url,
                    a.country,
                    a.since,
                    a.until,
                    a.hold_until,
                    moment(noted[bytes.fromhex(a.uid)]),
                )
                for a in one.addresses
            ),
            members=tuple(sorted(members[one.id], key=lambda member: member.person)),
            bindings=tuple(
                LeavingBinding(b.fingerprint, b.address, b.state.value, b.source, b.seen, b.since, b.place)
                for b in bindings(db, one.id)
            ),
            apart=tuple(sorted(apart[one.id], key=lambda other: other.person)),
            changed=moment(changed[one.id]),
        )
        for one in load(db, "1", ())
    ]


def certificates(db: Db) -> Iterator[LeavingCertificate]:
    """Every certificate of somebody else's, one by one."""
    for fingerprint, body, source, first_seen in db.each(
        "SELECT fingerprint, body, source, first_seen FROM certificates ORDER BY fingerprint"
    ):
        yield LeavingCertificate(fingerprint, body, source, moment(first_seen))


CHOICES = ("language", "theme", "size", "rounds", "cooling_minutes", "soft_lock_minutes", "place")
"""Settings that a person chose and would miss. The others are the desk's own notes: what is still to be set up, when it
was last backed up, when an account last answered."""


def owner(db: Db, drawer: str) -> Owner:
    """Whose drawer it is: name, addresses, keys without their secret halves, choices. `drawer`: its uid."""
    return Owner(
        drawer,
        settings.get(db, "name", ""),
        tuple(
            LeavingOwnAddress(uid.hex(), text, moment(since), maybe(until))
            for uid, text, since, until in db.each("SELECT uid, text, since, until FROM own_addresses ORDER BY id")
        ),
        tuple(LeavingKey(key.fingerprint, key.certificate, key.made, key.retired) for key in keyring.own_keys(db)),
        tuple(
            Choice(name, value)
            for name, value in db.each(
                "SELECT name, value FROM settings WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name",
                (json.dumps(CHOICES),),
            )
        ),
    )


def door(db: Db) -> Iterator[AtTheDoor]:
    """What was answered to strangers, and who never stood there."""
    for address_key, at, answer, from_archive in db.each(
        "SELECT address_key, at, answer, from_archive FROM strangers ORDER BY address_key"
    ):
        yield AtTheDoor(address_key, moment(at), answer or "", bool(from_archive))


def erased(db: Db) -> Iterator[Tombstone]:
    """What was erased here, as digests."""
    for subject, at in db.each("SELECT subject, at FROM chain WHERE kind = 'erased' ORDER BY id"):
        yield Tombstone(subject.hex(), moment(at))
