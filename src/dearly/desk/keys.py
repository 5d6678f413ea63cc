"""Keys of others: what is known, and the person's own word on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from dearly.desk import importing_sealed, views_people
from dearly.desk.desk import Desk
from dearly.desk.introductions import offered, take, take_file
from dearly.desk.people import show_person
from dearly.desk.values import PersonView
from dearly.drawer import keyring, outbox, people
from dearly.drawer.connection import Db
from dearly.letter import check_words
from dearly.letter.address import header_safe
from dearly.letter.errors import NotFound, Usage
from dearly.letter.journey import Why as HeldWhy
from dearly.letter.words import _
from dearly.seal.armor import armor
from dearly.seal.keys import OwnKey

__all__ = [
    "OldKey",
    "OwnExport",
    "offered",
    "own",
    "own_words",
    "pin",
    "set_aside",
    "show_keys",
    "take",
    "take_file",
    "take_secret",
    "words_of",
]


@dataclass(frozen=True, slots=True)
class OwnExport:
    """Our own key for others, as an armored certificate (RFC 9580 10.1). `plain`: without the post-quantum part, for
    programs that refuse a key with a part that they do not know: same fingerprint, same signatures."""

    fingerprint: str
    plain: bool
    words: tuple[str, ...]
    key: str = field(repr=False)


async def own(desk: Desk, *, plain: bool = False) -> OwnExport:
    """Our own key, to be given away. Raises `NotFound` (no_own_key) before set-up."""
    stored = await desk.drawer.read(keyring.own_key)
    certificate = OwnKey.from_bytes(stored.secret).plain_certificate if plain else stored.certificate
    words = await words_of(stored.fingerprint)
    return OwnExport(stored.fingerprint, plain, words, armor(certificate, "PUBLIC KEY BLOCK").decode())


@dataclass(frozen=True, slots=True)
class OldKey:
    """A secret key of another program that opens old letters here from now on. `opened`: letters that were kept sealed
    and are open now; `still_sealed`: that no key here opens. `addresses`: that it names."""

    fingerprint: str
    addresses: tuple[str, ...]
    opened: int
    still_sealed: int


async def take_secret(desk: Desk, data: bytes, passphrase: str | None) -> OldKey:
    """Take in a secret key from a file, and open with it what was kept sealed. It opens, and does nothing else: no
    letter is ever signed with it or sealed to it. Raises as `seal.oldkeys.import_key`."""
    read = await desk.keyholder.read_old_key(data, passphrase)
    now = desk.clock.now()
    key = keyring.StoredKey(read.fingerprint, read.secret, read.public, now)
    await desk.drawer.write(lambda db: keyring.add_old_key(db, key, now))
    await desk.keyholder.forget()
    opened, still = await importing_sealed.open_kept(desk)
    return OldKey(read.fingerprint, read.addresses, opened, still)


async def show_keys(desk: Desk, who: str) -> PersonView:
    """Someone with the keys known of them, and the words of each key. Raises `NotFound`."""
    person = await show_person(desk, who)
    words = [await words_of(key.fingerprint) for key in person.keys]
    return replace(person, keys=tuple(replace(key, words=w) for key, w in zip(person.keys, words, strict=True)))


async def words_of(fingerprint: str) -> tuple[str, ...]:
    """The six pairs of words of a key, which two people read to each other (`letter.check_words`)."""
    return await asyncio.to_thread(check_words.of_key, fingerprint)


async def own_words(desk: Desk) -> tuple[str, ...]:
    """The words of our own key; none before there is one."""
    mine = next((key for key in await desk.drawer.read(keyring.own_keys) if key.retired is None), None)
    return () if mine is None else await words_of(mine.fingerprint)


async def pin(desk: Desk, who: str, fingerprint: str | None, *, verified: bool, where: str = "") -> PersonView:
    """Decide for a key: it is the one that letters are sealed by from now on, and what was in use is left.

    `fingerprint`: its beginning is enough; None where the person has only one. `verified`: it was checked in person,
    `where`: at which place (may stay empty). Raises `NotFound` (unknown_key), `Usage` (which_key, bad_text)."""
    now = desk.clock.now()
    place = header_safe(where.strip(), _("place"))

    def work(db: Db) -> PersonView:
        person = people.find(db, who)
        state = keyring.BindingState.VERIFIED if verified else keyring.BindingState.PINNED
        keyring.decide(db, person.id, _the_one(db, person, fingerprint), state, now, where=place)
        return views_people.person_view(db, person)

    return await desk.drawer.write(work)


async def set_aside(desk: Desk, who: str, fingerprint: str | None) -> list[int]:
    """Decide against a key: its words were not the same, or it is not wanted. Nothing is sealed to it any more, and
    letters to this person that still lie here are held until the writer decides; their numbers. Raises as `pin`."""
    now = desk.clock.now()

    def work(db: Db) -> list[int]:
        person = people.find(db, who)
        chosen = _the_one(db, person, fingerprint)
        used = {bound.fingerprint for bound in keyring.bindings(db, person.id) if bound.state in keyring.IN_USE}
        keyring.decide(db, person.id, chosen, keyring.BindingState.LEFT, now)
        return _hold(db, person.id, now) if chosen in used else []

    return await desk.drawer.write(work)


def _hold(db: Db, person: int, now: datetime) -> list[int]:
    held = [
        travel.number
        for waiting in outbox.listing(db, pending=True, limit=1 << 20)
        if waiting.person_id == person
        for travel in outbox.hold(db, waiting.number, HeldWhy.KEY_CHANGED, now, waiting.journey.recipient)
    ]
    return list(dict.fromkeys(held))


def _the_one(db: Db, person: people.Person, fingerprint: str | None) -> str:
    wanted = "".join((fingerprint or "").lower().split())
    found = {b.fingerprint for b in keyring.bindings(db, person.id) if b.fingerprint.startswith(wanted)}
    if not found:
        raise NotFound(
            "unknown_key",
            _("No such key of {name} is known.").format(name=person.name),
            _("“dearly people show” lists the keys that are."),
        )
    if len(found) > 1:
        raise Usage(
            "which_key",
            _("{name} has more than one key.").format(name=person.name),
            _("Say which, by the beginning of its fingerprint."),
        )
    return found.pop()
