"""The address book, all certificates, and who the drawer belongs to, for those who write them down elsewhere.

Everybody is in it, also those who were removed from the book but have letters: without them it could not be said whose
an old letter is.
"""

from __future__ import annotations

from collections.abc import Iterator

from dearly.drawer import keyring, settings
from dearly.drawer.bindings import bindings
from dearly.drawer.connection import Db
from dearly.drawer.persons import load
from dearly.drawer.rows import maybe, moment
from dearly.letter.leaving import (
    LeavingAddress,
    LeavingBinding,
    LeavingCertificate,
    LeavingKey,
    LeavingOwnAddress,
    LeavingPerson,
    Owner,
)


def people(db: Db) -> list[LeavingPerson]:
    """Every entry of the address book, by name."""
    uids = {person: uid.hex() for person, uid in db.each("SELECT id, uid FROM persons")}
    led: dict[int, int] = dict(db.each("SELECT id, merged_into FROM persons WHERE merged_into IS NOT NULL"))
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
                )
                for a in one.addresses
            ),
            members=tuple(uids[member] for member in one.members),
            bindings=tuple(
                LeavingBinding(b.fingerprint, b.address, b.state.value, b.source, b.seen, b.since, b.place)
                for b in bindings(db, one.id)
            ),
        )
        for one in load(db, "1", ())
    ]


def certificates(db: Db) -> Iterator[LeavingCertificate]:
    """Every certificate of somebody else's, one by one."""
    for fingerprint, body, source, first_seen in db.each(
        "SELECT fingerprint, body, source, first_seen FROM certificates ORDER BY fingerprint"
    ):
        yield LeavingCertificate(fingerprint, body, source, moment(first_seen))


def owner(db: Db, drawer: str) -> Owner:
    """Whose drawer it is: name, addresses, and keys without their secret halves. `drawer`: its uid."""
    return Owner(
        drawer,
        settings.get(db, "name", ""),
        tuple(
            LeavingOwnAddress(uid.hex(), text, moment(since), maybe(until))
            for uid, text, since, until in db.each("SELECT uid, text, since, until FROM own_addresses ORDER BY id")
        ),
        tuple(LeavingKey(key.fingerprint, key.certificate, key.made, key.retired) for key in keyring.own_keys(db)),
    )
