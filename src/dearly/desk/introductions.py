"""Keys that come by mail for somebody: offered, and taken only by a rule that can be said, or by the person's own act.

- **Inside the seal, the writer's own** (Autocrypt): kept with the letter's proof (`desk.open`). The first one of a
  person is first seen; another one is changed, shown, and the old one stays in use until decided (A13).
- **An unsealed letter's** (Autocrypt outside): anybody can have written it. It is taken as first seen where nothing was
  ever known of the sender's keys, and never counts for more; else it is an offer on that letter.
- **Of other readers** (Autocrypt-Gossip, A14): only out of a letter sealed and signed by a key that was verified in
  person, only for that letter's other readers, only a key that names the address. It is an offer on that letter. It is
  taken, as first seen, only for somebody in the address book of whom no key was ever known; it never stands against
  another key, and never makes one *changed*.
- **Enclosed** keys and cards: offers, always. Nothing is ever taken from an enclosure by itself.
- A newer copy of a certificate that is known already is joined to it from anywhere, because it holds its owner's
  signatures only: so a date that was put off, and a withdrawal, reach us by any letter (A16).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from dearly.desk import certificates, newcomers, people, views
from dearly.desk.desk import Desk
from dearly.desk.values import OfferedKey, PersonView
from dearly.drawer import keyring, letters, offers
from dearly.drawer import people as book
from dearly.drawer.connection import Db
from dearly.drawer.enclosed import Enclosed
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure
from dearly.letter.errors import DearlyError, NotFound, Usage
from dearly.letter.sealing import Seal
from dearly.letter.words import _
from dearly.mime import plain
from dearly.opener.pool import LARGEST_CARD
from dearly.opener.values import Gossiped, Introduced, Opened
from dearly.seal.trust import CertificateFacts

MOST_ENCLOSED = 5
"""Enclosures of one letter that are looked into for keys."""

LARGEST = 512 << 10
"""Octets of an enclosure that may be a key: a certificate at its own limit, armored."""

_KEY_TYPES = frozenset({"application/pgp-keys"})
_CARD_TYPES = frozenset({"text/vcard", "text/x-vcard", "text/directory"})
_ARMORED = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"


# ---------------------------------------------------------------- while a letter is opened


@dataclass(frozen=True, slots=True)
class Brought:
    """A certificate, stored already, that a letter gives for `address`."""

    address: Address
    facts: CertificateFacts = field(repr=False)
    source: offers.Source


async def gather(desk: Desk, opened: Opened, seal: Seal) -> list[Brought]:
    """Keep the certificates that this letter offers, by the rules above; whose they are is `file`'s. What cannot be
    used is passed over."""
    ours = {key.fingerprint for key in await desk.drawer.read(keyring.own_keys)}
    given: list[tuple[Introduced | Gossiped, offers.Source]] = []
    if seal is Seal.NEVER_SEALED and opened.introduced is not None:
        given = [(opened.introduced, offers.Source.AUTOCRYPT)]
    elif seal is Seal.SIGNED_VERIFIED:
        given = [(one, offers.Source.GOSSIP) for one in opened.gossiped]
    found: list[Brought] = []
    for one, source in given:
        facts = None if one.fingerprint in ours else await _taken(desk, one.certificate, source.value)
        if facts is not None:
            found.append(Brought(one.address, facts, source))
    return found


async def _taken(desk: Desk, certificate: bytes, source: str) -> CertificateFacts | None:
    try:
        facts = await certificates.take_in(desk, certificate, source)
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


async def renewed(desk: Desk, opened: Opened) -> bool:
    """Join newer copies of certificates known already that this letter brings, in its header or enclosed; whether
    anything was new in one. A certificate that is not known is left alone."""
    given: list[tuple[bytes, str]] = []
    if opened.introduced is not None:
        given.append((opened.introduced.certificate, opened.introduced.fingerprint))
    if opened.letter is not None:
        enclosed = [one for one in opened.letter.enclosures if _is_key(one.media_type, one.name, len(one.data))]
        for one in enclosed[:MOST_ENCLOSED]:
            if _may_be_key(one):
                with suppress(DearlyError):
                    body, facts = await desk.opener.read_certificate(one.data, desk.clock.now())
                    given.append((body, facts.fingerprint))
    news = False
    for body, fingerprint in given:
        known = await _known(desk, fingerprint)
        if known is not None and known.body != body:
            with suppress(DearlyError):
                await certificates.take_in(desk, body, known.source)
            after = await _known(desk, fingerprint)
            news = news or after is None or after.body != known.body
    return news


async def _known(desk: Desk, fingerprint: str) -> keyring.StoredCertificate | None:
    return await desk.drawer.read(lambda db: keyring.certificate(db, fingerprint))


# ---------------------------------------------------------------- offers, looked at and taken


@dataclass(frozen=True, slots=True)
class _Found:
    """An offered certificate. `named`: the addresses that it is offered for; `name`: of a card."""

    body: bytes = field(repr=False)
    facts: CertificateFacts
    named: tuple[Address, ...]
    name: str
    source: str
    file: str


def may_bring(enclosed: Sequence[Enclosed]) -> bool:
    """Whether any of these enclosures looks like a key or a card, by type and name alone."""
    return any(_is_key(one.media_type, one.name, one.size) or _is_card(one.media_type, one.name) for one in enclosed)


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


async def take_file(desk: Desk, data: bytes, who: str | None = None) -> PersonView:
    """Take a key, or a card with one, out of a file. `who` as for `take`. Raises as `take`, `Usage` (bad_card) and
    `CannotSealOrOpen` (bad_certificate)."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:11].upper() == b"BEGIN:VCARD":
        return await people.add(desk, who or "", vcard=data)
    body, facts = await desk.opener.read_certificate(data, desk.clock.now())
    return await _give(desk, _Found(body, facts, facts.addresses, "", "file", ""), who)


async def _offered(desk: Desk, number: int) -> list[_Found]:
    def look(db: Db) -> tuple[list[tuple[offers.Offered, bytes]], list[Enclosure], set[str]]:
        letter = letters.letter(db, number)
        kept = []
        for one in offers.of_letter(db, letter.number):
            stored = keyring.certificate(db, one.fingerprint)
            if stored is not None:
                kept.append((one, stored.body))
        ours = {key.fingerprint for key in keyring.own_keys(db)}
        if letter.direction != "in":
            return kept, [], ours
        inside = [
            letters.enclosure(db, letter.number, one.position)
            for one in letter.enclosed
            if _is_key(one.media_type, one.name, one.size) or _is_card(one.media_type, one.name)
        ]
        return kept, inside[:MOST_ENCLOSED], ours

    kept, enclosed, ours = await desk.drawer.read(look)
    now = desk.clock.now()
    found = []
    for offer, body in kept:
        facts = await desk.opener.examine(body, now)
        found.append(_Found(body, facts, (offer.address,), "", offer.source.value, ""))
    for one in enclosed:
        found += await _inside(desk, one)
    once: dict[tuple[str, str], _Found] = {}
    for each in found:
        if each.facts.fingerprint not in ours:
            once.setdefault((each.facts.fingerprint, str(each.named[:1])), each)
    return list(once.values())


async def _inside(desk: Desk, one: Enclosure) -> list[_Found]:
    """The keys in an enclosure; none where it is something else after all."""
    now = desk.clock.now()
    name = plain.clean_filename(one.name)
    try:
        if _is_card(one.media_type, one.name):
            if len(one.data) > LARGEST_CARD:
                return []
            card = await desk.opener.read_card(one.data, now=now)
            named = tuple(a for text in card.addresses if (a := _address(text)) is not None)
            bodies = [(body, await desk.opener.examine(body, now)) for body in card.certificates]
            return [_Found(body, facts, named or facts.addresses, card.name, "card", name) for body, facts in bodies]
        if not _may_be_key(one):
            return []
        body, facts = await desk.opener.read_certificate(one.data, now)
        return [_Found(body, facts, facts.addresses, "", "enclosed", name)]
    except DearlyError:
        return []


async def _give(desk: Desk, found: _Found, who: str | None) -> PersonView:
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
        return views.person_view(db, book.show(db, person.id))

    return await desk.drawer.write(work)


def _somebody(db: Db, desk: Desk, found: _Found) -> book.Person:
    for address in found.named:
        person = book.person_of_address(db, address)
        if person is not None:
            return person
    return newcomers.person_of(db, desk, Correspondent(found.name, found.named[0]))


def _view(db: Db, which: int, found: _Found, by: str) -> OfferedKey:
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


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except Usage:
        return None


def _is_key(media_type: str, name: str, size: int) -> bool:
    if not 0 < size <= LARGEST:
        return False
    return media_type in _KEY_TYPES or name.lower().endswith((".asc", ".key", ".pgp", ".gpg"))


def _is_card(media_type: str, name: str) -> bool:
    return media_type in _CARD_TYPES or name.lower().endswith(".vcf")


def _may_be_key(one: Enclosure) -> bool:
    """By its first octets: what only has such a name, a signature or a sealed file, is not parsed at all."""
    return one.data.lstrip()[: len(_ARMORED)] == _ARMORED or one.data[:1] in (b"\x98", b"\x99", b"\xc6")
