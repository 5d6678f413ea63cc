"""The address book and the keys of another drawer, put into this one: entries with their own uids and periods, so that
what was written out comes back as it was (F44).

Somebody who is here already stays who they are, and gets what is not known of them. They are known by their uid, or by
an address; a name alone proves nothing, so of two people with one name the second bears the address beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from dearly.drawer import adopting, arrivals, chain, keyring, people, settings
from dearly.drawer.connection import Db
from dearly.drawer.exporting_book import CHOICES
from dearly.drawer.importing_words import address
from dearly.drawer.keyring import BindingState
from dearly.drawer.people import AddressKind, PersonKind
from dearly.drawer.persons import person_of_address
from dearly.drawer.rows import name_key, stamp
from dearly.letter.address import Address, clean
from dearly.letter.clock import Chance
from dearly.letter.errors import Usage
from dearly.letter.leaving import (
    AtTheDoor,
    Book,
    LeavingAddress,
    LeavingBinding,
    LeavingCertificate,
    LeavingOwnAddress,
    LeavingPerson,
    Owner,
    Tombstone,
)

_ANSWERS = ("let_in", "refused")
_LONGEST_CHOICE = 1000
_DIGEST = 32
_SHOWN = {BindingState.FIRST_SEEN, BindingState.PINNED, BindingState.VERIFIED}


def take(
    db: Db, book: Book, certificates: Sequence[LeavingCertificate], *, ours: bool, now: datetime, chance: Chance
) -> dict[str, int]:
    """Put all of it into this drawer; who the people in it are here, by uid. `certificates`: those of the book that are
    stored here now. `ours`: it was a drawer of ours, so that what was decided there counts here."""
    people = _take_people(db, book.people, ours=ours, now=now, chance=chance)
    _take_first_seen(db, certificates)
    _take_bindings(db, book.people, people, ours=ours, now=now)
    if ours:
        for one in book.owner.addresses:
            _take_own_address(db, one, now, chance)
        _take_apart(db, book.people, people)
        _take_choices(db, book.owner)
        _take_door(db, book.door)
    return people


def _take_people(
    db: Db, everybody: Sequence[LeavingPerson], *, ours: bool, now: datetime, chance: Chance
) -> dict[str, int]:
    """Put these into the address book, with addresses, memberships and what was joined; their ids here, by uid.

    Nobody else's book changes an entry that is here: it could give a friend another address, or a circle a member."""
    found: dict[str, int] = {}
    changing: list[LeavingPerson] = []
    for one in everybody:
        here = _here(db, one, set(found.values()))
        found[one.uid] = _new(db, one, now, chance) if here is None else here
        if here is not None and not ours:
            continue
        changing.append(one)
        for each in one.addresses:
            _take_address(db, found[one.uid], each, now, chance, new=here is None)
            where = address(each.text) if each.kind != AddressKind.POSTAL else None
            if not ours and where is not None:
                arrivals.heard_of(db, where, now)
    for one in changing:
        person = found[one.uid]
        if one.merged_into in found and one.merged_into != one.uid:
            db.run(
                "UPDATE persons SET merged_into = ?, hidden = 1 WHERE id = ? AND uid = ? AND merged_into IS NULL",
                (found[one.merged_into], person, _uid(one.uid)),
            )
        db.many(
            "INSERT OR IGNORE INTO memberships (group_id, member_id, since, until)"
            " SELECT g.id, m.id, ?, ? FROM persons g, persons m WHERE g.id = ? AND g.kind <> 'person'"
            " AND m.id = ? AND m.kind = 'person'",
            [
                (
                    stamp(member.since),
                    None if member.until is None else stamp(member.until),
                    person,
                    found[member.person],
                )
                for member in one.members
                if member.person in found
            ],
        )
    return found


def _take_own_address(db: Db, one: LeavingOwnAddress, now: datetime, chance: Chance) -> None:
    """An address of the other drawer was ours once. Anybody else's is never: what is written to it was not written to
    us, and what comes from it is not ours."""
    where = address(one.text)
    if where is None:
        return
    db.run(
        "INSERT OR IGNORE INTO own_addresses (uid, text, address_key, since, until) VALUES (?, ?, ?, ?, ?)",
        (
            _free_uid(db, "own_addresses", one.uid, chance),
            str(where),
            where.key,
            stamp(one.since),
            stamp(one.until or now),
        ),
    )


def _take_first_seen(db: Db, certificates: Sequence[LeavingCertificate]) -> None:
    """These certificates, which are here now, had been seen before."""
    db.many(
        "UPDATE certificates SET first_seen = ?1, source = ?2 WHERE fingerprint = ?3 AND first_seen >= ?1",
        [(stamp(one.first_seen), clean(one.source), one.fingerprint) for one in certificates],
    )


def _take_bindings(
    db: Db, everybody: Sequence[LeavingPerson], found: Mapping[str, int], *, ours: bool, now: datetime
) -> None:
    """Whose the certificates are. With `ours`, as it was decided there, unless something was decided here already. Of
    anybody else's drawer it is a claim: seen as theirs for the first time, where no key of theirs is known here."""
    for one in everybody:
        person = found[one.uid]
        known = keyring.bindings(db, person)
        for bound in reversed(one.bindings):
            where = address(bound.address)
            if where is None or bound.state not in set(BindingState):
                continue
            if keyring.certificate(db, bound.fingerprint) is None:
                continue
            state = BindingState(bound.state)
            if ours:
                _bind(db, person, where, bound, state)
            elif not known and state in _SHOWN:
                keyring.saw(db, person, where, bound.fingerprint, clean(bound.source), now)


def _take_apart(db: Db, everybody: Sequence[LeavingPerson], found: Mapping[str, int]) -> None:
    """Who was told to be somebody else stays so."""
    pairs = [
        (found[one.uid], found[other.person], stamp(other.at))
        for one in everybody
        for other in one.apart
        if other.person in found and found[other.person] != found[one.uid]
    ]
    db.many(
        "INSERT OR IGNORE INTO kept_apart (one, other, at) VALUES (?, ?, ?)",
        [(min(one, other), max(one, other), at) for one, other, at in pairs],
    )


def _take_choices(db: Db, owner: Owner) -> None:
    """What was chosen there, where nothing is chosen here. Whoever reads a setting looks whether it is sound."""
    chosen = [
        (one.name, one.value) for one in owner.choices if one.name in CHOICES and len(one.value) < _LONGEST_CHOICE
    ]
    db.many("INSERT OR IGNORE INTO settings (name, value) VALUES (?, ?)", chosen)
    if owner.name and not settings.get(db, "name", ""):
        settings.put(db, "name", clean(owner.name))


def _take_door(db: Db, door: Sequence[AtTheDoor]) -> None:
    """Who was turned away, let in, or never stood there; what was answered here counts more."""
    db.many(
        "INSERT OR IGNORE INTO strangers (address_key, answer, from_archive, at) VALUES (?, ?, ?, ?)",
        [
            (where.key, one.answer or None, one.from_archive, stamp(one.at))
            for one in door
            if (where := address(one.address)) is not None
            and (one.answer in _ANSWERS or (not one.answer and one.from_archive))
        ],
    )


def take_erased(db: Db, erased: Sequence[Tombstone]) -> None:
    """What was erased in another drawer of ours does not come back here by another archive. To be called when its
    letters are here: what is here stays here."""
    for one in erased:
        subject = _uid(one.subject)
        here = db.one(
            "SELECT 1 FROM chain WHERE subject = ?1 UNION ALL SELECT 1 FROM arrivals WHERE seal_sha256 = ?1"
            " UNION ALL SELECT 1 FROM sealed_forms WHERE seal_sha256 = ?1",
            (subject,),
        )
        if here is None and len(subject) == _DIGEST:
            chain.append(db, chain.Kind.ERASED, subject, one.at)


def _bind(db: Db, person: int, where: Address, bound: LeavingBinding, state: BindingState) -> None:
    used = db.one(
        "SELECT 1 FROM bindings WHERE person_id = ? AND address_key = ?"
        " AND state IN ('first_seen', 'pinned', 'verified')",
        (person, where.key),
    )
    if used is not None and state in _SHOWN:
        state = BindingState.CHANGED
    db.run(
        "INSERT OR IGNORE INTO bindings (person_id, address_key, fingerprint, state, source, seen, since, place)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            person,
            where.key,
            bound.fingerprint,
            state.value,
            clean(bound.source),
            stamp(bound.seen),
            stamp(bound.since),
            clean(bound.place),
        ),
    )


def _here(db: Db, one: LeavingPerson, taken: set[int]) -> int | None:
    """Who of our book this is; nobody whom another entry of the other book is already."""
    same = db.one("SELECT id FROM persons WHERE uid = ?", (_uid(one.uid),))
    if same is not None:
        return int(same[0])
    if one.merged_into is not None or one.hidden:
        return None
    for each in one.addresses:
        where = address(each.text) if each.kind != AddressKind.POSTAL else None
        person = person_of_address(db, where, clean(one.name)) if where is not None else None
        if person is not None and person.id not in taken:
            return person.id
    return None


def _new(db: Db, one: LeavingPerson, now: datetime, chance: Chance) -> int:
    name = clean(one.name).strip() or next((clean(each.text) for each in one.addresses), "?")
    visible = one.merged_into is None and not one.hidden
    if visible and _taken(db, name):
        beside = next((clean(each.text) for each in one.addresses), one.uid[:8])
        name = f"{name} ({beside})"
    kind = one.kind if one.kind in set(PersonKind) else PersonKind.PERSON.value
    return db.insert(
        "INSERT INTO persons (uid, kind, name, name_key, birthday, note, hidden, made, changed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            _free_uid(db, "persons", one.uid, chance),
            kind,
            name,
            name_key(name),
            _birthday(one.birthday),
            one.note,
            not visible,
            stamp(one.made),
            stamp(one.changed or now),
        ),
    )


def _birthday(text: str | None) -> str | None:
    try:
        people.check_birthday(text or "")
    except Usage:
        return None
    return text


def _taken(db: Db, name: str) -> bool:
    return db.one("SELECT 1 FROM persons WHERE name_key = ? AND hidden = 0", (name_key(name),)) is not None


def _take_address(db: Db, person: int, one: LeavingAddress, now: datetime, chance: Chance, *, new: bool) -> None:
    if one.kind not in set(AddressKind):
        return
    if one.kind == AddressKind.POSTAL:
        text = "\n".join(line for line in (clean(line) for line in one.text.splitlines()) if line)
        key = name_key(text)
    else:
        where = address(one.text)
        text, key = (str(where), where.key) if where is not None else ("", "")
    if not text:
        return
    place = db.value("SELECT id FROM addresses WHERE address_key = ? AND kind = ?", (key, one.kind))
    if place is None:
        place = db.insert(
            "INSERT INTO addresses (uid, kind, text, address_key, office_url, country, made)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                _free_uid(db, "addresses", one.uid, chance),
                one.kind,
                text,
                key,
                one.office_url,
                one.country,
                stamp(one.noted or now),
            ),
        )
    times = tuple(None if t is None else stamp(t) for t in (one.since, one.until, one.hold_until))
    # Somebody new has each period as it was, two at one address even. Of somebody who was here, the book here knows
    # better whether a period is still open.
    if not new and db.one(
        "SELECT 1 FROM person_addresses WHERE person_id = ? AND address_id = ? AND (since IS ? OR until IS NULL)",
        (person, place, times[0]),
    ):
        return
    db.run(
        "INSERT INTO person_addresses (person_id, address_id, position, label, care_of, since, until, hold_until)"
        " SELECT ?1, ?2, coalesce(max(position) + 1, 0), ?3, ?4, ?5, ?6, ?7"
        " FROM person_addresses WHERE person_id = ?1",
        (person, place, clean(one.label), clean(one.care_of), *times),
    )
    hidden = db.value("SELECT hidden FROM persons WHERE id = ?", (person,))
    if one.kind != AddressKind.POSTAL and not hidden:
        adopting.adopt(db, person, key, now)


def _free_uid(db: Db, table: str, uid: str, chance: Chance) -> bytes:
    """The uid that something had; another one where that is taken, or none."""
    wanted = _uid(uid)
    taken = db.one(f"SELECT 1 FROM {table} WHERE uid = ?", (wanted,))  # noqa: S608  a constant of ours
    return wanted if taken is None and len(wanted) == 16 else chance.token(16)


def _uid(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
