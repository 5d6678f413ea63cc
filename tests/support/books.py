"""Long correspondences for tests: letters of many years to and from somebody, put in as the drawer puts them in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dearly.drawer import arrivals, letters, numbers, people
from dearly.drawer.connection import Db
from dearly.letter.address import Address, Correspondent
from dearly.letter.clock import Chance
from dearly.letter.content import Enclosure, Letter, LetterId
from dearly.letter.envelope import Parcel, Source, Way
from dearly.letter.sealing import Seal

ME = Correspondent("Ada", Address.parse("ada@letters.test"))


@dataclass(frozen=True)
class Said:
    """One letter. `ours`: from us."""

    when: datetime
    ours: bool
    text: str
    subject: str = ""
    seal: Seal = Seal.SIGNED_PINNED
    way: Way = Way.OFFICE
    enclosures: tuple[Enclosure, ...] = ()


def befriended(db: Db, name: str, now: datetime, chance: Chance) -> people.Person:
    """Somebody in the address book."""
    local = "".join(char for char in name.lower() if char.isascii() and char.isalpha()) or "someone"
    return people.add(db, name, [people.NewAddress(f"{local}@letters.test")], now=now, chance=chance)


def fill(db: Db, persons: Sequence[people.Person], said: Sequence[Said], now: datetime, chance: Chance) -> list[int]:
    """Put letters into the correspondence with these people; theirs are written by the first of them. Their numbers."""
    them = [Correspondent(one.name, _address(one)) for one in persons]
    return [
        _ours(db, them, [one.id for one in persons], it, now, chance)
        if it.ours
        else _theirs(db, them, persons[0].id, it, now, chance)
        for it in said
    ]


def _address(person: people.Person) -> Address:
    address = person.addresses[0].address
    assert address is not None
    return address


def _ours(db: Db, them: list[Correspondent], persons: list[int], it: Said, now: datetime, chance: Chance) -> int:
    number = numbers.new_number(db, "draft", now, chance)
    letter = Letter(LetterId(f"out{number}@letters.test"), ME, tuple(them), it.when, it.subject, it.text, it.enclosures)
    letters.file_sent(db, number, letter, persons=persons, postcard=False, now=now)
    return number


def _theirs(db: Db, them: list[Correspondent], person: int, it: Said, now: datetime, chance: Chance) -> int:
    data = b"in name only" + chance.token(16)
    digest = hashlib.sha256(data).digest()
    letter_id = LetterId(f"in{data.hex()[-32:]}@letters.test")
    number = arrivals.take_in(db, Parcel(data, Source(it.way, "here", "", data.hex())), digest, now=now, chance=chance)
    assert number is not None
    arrivals.put_in_letterbox(db, number, arrivals.Outside(them[0], letter_id, digest, None, person, False), now)
    received = letters.Received(
        letter_id=letter_id,
        inner_sha256=digest,
        sender=them[0],
        to=(ME, *them[1:]),
        cc=(),
        date=it.when,
        subject=it.subject,
        text=it.text,
        seal=it.seal,
        enclosures=it.enclosures,
        signer="cc" * 20,
        signed_at=it.when,
        person=person,
    )
    return letters.file_received(db, number, received, now).number
