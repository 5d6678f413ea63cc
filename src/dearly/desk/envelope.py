"""Act 4: the envelope before it is closed. To whom a page would go, by which ways it can, what its seal would be worth,
and when it would leave. Looking changes nothing; closing it is `post.post_page`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dearly.desk import post, routes, world
from dearly.desk.desk import Desk
from dearly.desk.settings import COOLING_MINUTES
from dearly.drawer import accounts, drafts, keyring, people, settings
from dearly.drawer.connection import Db
from dearly.letter.address import Address, Correspondent
from dearly.letter.envelope import Way, usual_way
from dearly.letter.errors import CannotSealOrOpen


@dataclass(frozen=True, slots=True)
class KeyOnEnvelope:
    """A key of a reader. `state`: a `BindingState`; `since`: in it since. `place`: where it was checked in person."""

    fingerprint: str
    state: str
    since: datetime
    place: str


@dataclass(frozen=True, slots=True)
class WayOffer:
    """A way to a reader. `trouble`: in a sentence why it cannot be taken now, "" where it can."""

    way: Way
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ReaderToBe:
    """Somebody a page is meant for. `key`: of their address, by which a choice of theirs is named. `uid`: of the person
    in the address book, "" for nobody known. `ways`: the usual one first. `in_use`: the key that it would be sealed
    to; `newer`: one that came since and is not decided on. `trouble`: the code of why it cannot be sealed to them,
    "" where it can."""

    name: str
    address: str
    key: str
    uid: str
    ways: tuple[WayOffer, ...]
    in_use: KeyOnEnvelope | None
    newer: KeyOnEnvelope | None
    trouble: str

    @property
    def way(self) -> Way:
        """The first way that can be taken."""
        return next((offer.way for offer in self.ways if not offer.trouble), self.ways[0].way)

    @property
    def about_way(self) -> str:
        """What has to be known of the usual way before the envelope is closed; "" for nothing."""
        abroad = self.ways[0].way is Way.OFFICE and usual_way(Address.parse(self.address)) is Way.MAIL
        return world.in_words() if abroad else ""

    @property
    def open_way(self) -> Way:
        """By which it would go without a seal: by mail where that is the way to them, else by hand."""
        return self.way if self.way in routes.OPEN_WAYS else Way.HAND


@dataclass(frozen=True, slots=True)
class EnvelopeToClose:
    """A page with its envelope. `collection`: when it would leave with the cooling time of `minutes`. `may_be_open`: it
    may go without a seal, as a postcard; `text`: then everybody can read this."""

    number: int
    revision: int
    readers: tuple[ReaderToBe, ...]
    name: str
    place: str
    text: str
    empty: bool
    now: datetime
    collection: datetime
    minutes: int
    may_be_open: bool
    quantum_safe: bool


async def envelope(desk: Desk, number: int) -> EnvelopeToClose:
    """The envelope of a draft. Raises `NotFound` (no_draft, already_posted)."""

    def read(db: Db) -> tuple[drafts.OnPage, list[tuple[ReaderToBe, bytes | None]], str, int]:
        page = drafts.load(db, number)
        served = routes.our_accounts(db, page)
        readers = [_reader(db, who, person, served) for who, person in zip(page.draft.to, page.persons, strict=True)]
        minutes = settings.get(db, "cooling_minutes", COOLING_MINUTES)
        return page, readers, settings.get(db, "name", ""), minutes

    page, found, name, minutes = await desk.drawer.read(read)
    now = desk.clock.local()
    readers, safe = [], bool(found)
    for reader, certificate in found:
        trouble, quantum_safe = await _sealable(desk, reader.key, certificate, page)
        readers.append(replace(reader, trouble=trouble))
        safe = safe and quantum_safe
    return EnvelopeToClose(
        number=number,
        revision=page.revision,
        readers=tuple(readers),
        name=name,
        place=page.draft.place,
        text=page.draft.text,
        empty=not page.draft.text.strip() and not page.enclosed,
        now=now,
        collection=now + timedelta(minutes=minutes),
        minutes=minutes,
        may_be_open=bool(readers) and not await post.answers_sealed(desk, page),
        quantum_safe=safe,
    )


def _reader(
    db: Db, who: Correspondent, person: int | None, served: Sequence[accounts.Account]
) -> tuple[ReaderToBe, bytes | None]:
    usual = routes.way_to(who.address, served)
    leg = routes.leg(db, who, person, usual, "")
    offers = [WayOffer(usual, _trouble(who, usual, served))]
    if usual is not Way.HAND:
        offers.append(WayOffer(Way.HAND))
    bound = keyring.bindings(db, leg.person) if leg.person is not None else []
    used = next((one for one in bound if one.fingerprint == leg.fingerprint and one.state in keyring.IN_USE), None)
    here = [one for one in bound if one.state is keyring.BindingState.CHANGED and one.address == who.address.key]
    about = people.show(db, leg.person) if leg.person is not None else None
    reader = ReaderToBe(
        name=who.name or (about.name if about else "") or str(who.address),
        address=str(who.address),
        key=who.address.key,
        uid=about.uid if about else "",
        ways=tuple(offers),
        in_use=_key(used) if used else None,
        newer=_key(max(here, key=lambda one: one.seen)) if here else None,
        trouble="",
    )
    return reader, leg.certificate


def _key(bound: keyring.Bound) -> KeyOnEnvelope:
    return KeyOnEnvelope(bound.fingerprint, bound.state.value, bound.since, bound.place)


def _trouble(who: Correspondent, way: Way, served: Sequence[accounts.Account]) -> str:
    try:
        routes.place_of(way, who.address, who.name, served)
    except CannotSealOrOpen as cannot:
        return cannot.message
    return ""


async def _sealable(desk: Desk, key: str, certificate: bytes | None, page: drafts.OnPage) -> tuple[str, bool]:
    """Why it cannot be sealed to this reader ("" where it can), and whether it holds against quantum computers."""
    address = next(who.address for who in page.draft.to if who.address.key == key)
    try:
        plan = await desk.opener.plan({address: certificate}, desk.clock.now())
    except CannotSealOrOpen as cannot:
        return cannot.code, False
    return "", plan.quantum_safe
