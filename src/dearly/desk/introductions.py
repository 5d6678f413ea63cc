"""Keys that come by mail for somebody: offered, and taken only by a rule that can be said, or by the person's own act.

- **Inside the seal, the writer's own** (Autocrypt): kept with the letter's proof (`desk.open`). The first one of a
  person is first seen; another one is changed, shown, and the old one stays in use until decided (A13).
- **An unsealed letter's** (Autocrypt outside): anybody can have written it. It is taken as first seen where nothing was
  ever known of the sender's keys, and never counts for more; else it is an offer on that letter.
- **Of other readers** (Autocrypt-Gossip, A14): only out of a letter sealed and signed by a key that was verified in
  person, only for that letter's other readers, only a key that names the address. It is an offer on that letter. It is
  taken, as first seen, only for somebody in the address book of whom no key was ever known; it never stands against
  another key, and never makes one *changed*.
- **Enclosed** keys and cards, and keys that stand in the text: offers, always. Nothing is ever taken from them by
  itself (`desk.brought`).
- A newer copy of a certificate that is known already is joined to it from anywhere, because it holds its owner's
  signatures only: so a date that was put off, and a withdrawal, reach us by any letter (A16).
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from dearly.desk import brought, certificates, newcomers, people, views_people
from dearly.desk.brought import Found
from dearly.desk.certificates import AtHand
from dearly.desk.desk import Desk
from dearly.desk.values import OfferedKey, PersonView
from dearly.drawer import keyring, letters, offers
from dearly.drawer import people as book
from dearly.drawer.connection import Db
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure
from dearly.letter.errors import DearlyError, NotFound, Usage
from dearly.letter.sealing import Seal
from dearly.letter.words import _
from dearly.mime import plain
from dearly.opener.values import Gossiped, Introduced, Opened
from dearly.seal.values import CertificateFacts

# ---------------------------------------------------------------- while a letter is opened


@dataclass(frozen=True, slots=True)
class Brought:
    """A certificate, stored already, that a letter gives for `address`."""

    address: Address
    facts: CertificateFacts = field(repr=False)
    source: offers.Source


async def gather(opened: Opened, seal: Seal, ours: Set[str], at_hand: AtHand) -> list[Brought]:
    """Keep the certificates that this letter offers, by the rules above; whose they are is `file`'s. What cannot be
    used is passed over. `ours`: fingerprints of our keys."""
    given: list[tuple[Introduced | Gossiped, offers.Source]] = []
    if seal is Seal.NEVER_SEALED and opened.introduced is not None:
        given = [(opened.introduced, offers.Source.AUTOCRYPT)]
    elif seal is Seal.SIGNED_VERIFIED:
        given = [(one, offers.Source.GOSSIP) for one in opened.gossiped]
    found: list[Brought] = []
    for one, source in given:
        facts = None if one.fingerprint in ours else await _taken(at_hand, one.certificate, source.value)
        if facts is not None:
            found.append(Brought(one.address, facts, source))
    return found


async def _taken(at_hand: AtHand, certificate: bytes, source: str) -> CertificateFacts | None:
    try:
        facts, _news = await at_hand.take_in(certificate, source)
    except DearlyError:
        return None
    return facts if facts.usable_for_sealing else None


def file(db: Db, letter: int, brought: Iterable[Brought], now: datetime) -> None:
    """Offer what was gathered on its letter, and take what may be taken. In the transaction that files the letter."""
    for one in brought:
        person = book.person_of_address(db, one.address)
        known = keyring.bindings(db, person.id) if person else []
        if person is not None and not known:
            keyring.saw(db, person.id, one.address, one.facts.fingerprint, one.source.value, now)
        elif one.source is offers.Source.AUTOCRYPT and any(b.fingerprint == one.facts.fingerprint for b in known):
            continue
        if one.source is offers.Source.GOSSIP or known:
            offers.offer(db, letter, one.address, one.facts.fingerprint, one.source)


async def renewed(desk: Desk, opened: Opened, at_hand: AtHand) -> bool:
    """Join newer copies of certificates known already that this letter brings, in its header or enclosed; whether
    anything was new in one. A certificate that is not known is left alone."""
    given: list[tuple[bytes, str]] = []
    if opened.introduced is not None:
        given.append((opened.introduced.certificate, opened.introduced.fingerprint))
    if opened.letter is not None:
        inside = await brought.enclosed(desk, opened.letter.enclosures, cards=False)
        inside += await brought.in_text(desk, opened.letter.text)
        given += [(one.body, one.facts.fingerprint) for one in inside]
    news = False
    for body, fingerprint in given:
        known = await at_hand.known(fingerprint)
        if known is not None and known.body != body:
            with suppress(DearlyError):
                _facts, new = await at_hand.take_in(body, known.source)
                news = news or new
    return news


# ---------------------------------------------------------------- offers, looked at and taken


async def offered(desk: Desk, number: int) -> list[OfferedKey]:
    """The keys that a letter brings for somebody, in an order that stays. Raises `NotFound` (no_letter)."""
    found = await _offered(desk, number)

    def work(db: Db) -> list[OfferedKey]:
        letter = letters.letter(db, number)
        by = _writer(db, letter)
        return [_view(db, which, one, by) for which, one in enumerate(found, 1)]

    return await desk.drawer.read(work)


async def take(desk: Desk, number: int, which: int, who: str | None = None) -> PersonView:
    """Take an offered key: the person's own act. It becomes first seen where nothing is known of them; where another
    key is in use it becomes changed, and that one stays in use until `keys.pin`.

    `which` counts from 1. `who`: whose it is; where None, whoever has the address that it is offered for, and somebody
    new where nobody has it. Raises `NotFound` (no_letter, no_such_key, unknown_person), `Usage` (no_address_in_key)."""
    found = await _offered(desk, number)
    if not 1 <= which <= len(found):
        raise NotFound(
            "no_such_key",
            _("Letter {number} brings no such key.").format(number=number),
            _("“dearly keys show {number}” lists the keys that it brings.").format(number=number),
        )
    return await _give(desk, found[which - 1], who)


async def take_file(desk: Desk, data: bytes, who: str | None = None, *, which: int | None = None) -> PersonView:
    """Take a key, or a card with one, out of a file. `which`: of several, from 1. `who` as for `take`. Raises as
    `take`, `Usage` (bad_card, which_of_file) and `CannotSealOrOpen` (bad_certificate)."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:11].upper() == b"BEGIN:VCARD":
        return await people.add(desk, who or "", vcard=data)
    found = await brought.in_file(desk, data, "file")
    if not found:  # why it is none is said by whoever reads it as one
        body, facts = await desk.opener.read_certificate(data, desk.clock.now())
        found = [Found(body, facts, facts.addresses, source="file")]
    if which is None and len(found) > 1:
        raise Usage(
            "which_of_file",
            _("This file holds several keys: {keys}.").format(
                keys="; ".join(f"{n} {_named(one)}" for n, one in enumerate(found, 1))
            ),
            _("Say which one to take with --which."),
        )
    if not 1 <= (which or 1) <= len(found):
        raise NotFound("no_such_key", _("This file holds no such key."))
    return await _give(desk, found[(which or 1) - 1], who)


def _named(found: Found) -> str:
    return ", ".join(map(str, found.named)) or found.facts.fingerprint[:16]


async def _offered(desk: Desk, number: int) -> list[Found]:
    def look(db: Db) -> tuple[list[tuple[offers.Offered, bytes]], list[Enclosure], str, set[str]]:
        letter = letters.letter(db, number)
        kept = []
        for one in offers.of_letter(db, letter.number):
            stored = keyring.certificate(db, one.fingerprint)
            if stored is not None:
                kept.append((one, stored.body))
        ours = {key.fingerprint for key in keyring.own_keys(db)}
        if letter.direction != "in":
            return kept, [], "", ours
        inside = [one.position for one in letter.enclosed if brought.worth_opening(one)][: brought.MOST_ENCLOSED]
        return kept, [letters.enclosure(db, letter.number, at) for at in inside], letter.text, ours

    kept, enclosed, text, ours = await desk.drawer.read(look)
    now = desk.clock.now()
    found = []
    for offer, body in kept:
        facts = await desk.opener.examine(body, now)
        found.append(Found(body, facts, (offer.address,), source=offer.source.value))
    found += await brought.enclosed(desk, enclosed)
    found += await brought.in_text(desk, text)
    once: dict[tuple[str, str], Found] = {}
    for each in found:
        if each.facts.fingerprint not in ours:
            once.setdefault((each.facts.fingerprint, str(each.named[:1])), each)
    return list(once.values())


async def _give(desk: Desk, found: Found, who: str | None) -> PersonView:
    if who is None and not found.named:
        raise Usage(
            "no_address_in_key",
            _("This key names no address, so it does not say whose it is."),
            _("Say whose it is, by the name in your address book."),
        )
    now = desk.clock.now()
    facts = await certificates.take_in(desk, found.body, found.source)

    def work(db: Db) -> PersonView:
        person = book.find(db, who) if who is not None else _somebody(db, desk, found)
        current = [one.address for one in person.addresses if one.until is None and one.address is not None]
        named = [one for one in current if any(one.same(other) for other in (*found.named, *facts.addresses))]
        for address in named or current:
            keyring.saw(db, person.id, address, facts.fingerprint, found.source, now)
        return views_people.person_view(db, book.show(db, person.id))

    return await desk.drawer.write(work)


def _somebody(db: Db, desk: Desk, found: Found) -> book.Person:
    for address in found.named:
        person = book.person_of_address(db, address)
        if person is not None:
            return person
    return newcomers.person_of(db, desk, Correspondent(found.name, found.named[0]))


def _view(db: Db, which: int, found: Found, by: str) -> OfferedKey:
    person = next((p for address in found.named if (p := book.person_of_address(db, address)) is not None), None)
    bound = keyring.bindings(db, person.id) if person else []
    mine = [one.state.value for one in bound if one.fingerprint == found.facts.fingerprint]
    other = any(one.state in keyring.IN_USE for one in bound)
    return OfferedKey(
        which=which,
        fingerprint=found.facts.fingerprint,
        addresses=tuple(str(one) for one in found.named),
        person=person.name if person else plain.shown(found.name).strip(),
        state=mine[0] if mine else "another" if other else "unknown",
        source=found.source,
        given_by=by,
        enclosure=found.file,
        usable=found.facts.usable_for_sealing,
        quantum_safe=found.facts.quantum_safe,
    )


def _writer(db: Db, letter: letters.FiledLetter) -> str:
    if letter.sender is None:
        return ""
    person = book.person_of_address(db, letter.sender.address)
    return person.name if person else plain.shown(letter.sender.name) or str(letter.sender.address)
