"""By which way a letter goes to each of its readers, and what its seal will be: a plan, before anything is done.

A person's way follows from the kind of their address. The writer may say `--by hand` for any letter. There is no
fallback: where no way or no key is at hand, posting stops with a sentence (product rule: going unsealed is a choice,
made on the envelope each time).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dearly.desk import world
from dearly.desk.desk import Desk
from dearly.drawer import accounts, drafts, keyring, outbox, people
from dearly.drawer.connection import Db
from dearly.letter.account import MailAccount, Protocol
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Letter
from dearly.letter.envelope import Way, usual_way
from dearly.letter.errors import CannotSealOrOpen, Refused, Usage
from dearly.letter.words import _, ngettext
from dearly.seal.values import SealPlan

OPEN_WAYS = frozenset({Way.HAND, Way.MAIL})
"""By which a postcard may go, when the writer says so. An office takes sealed letters alone."""

HAND = "hand"
"""The place of everything that goes by hand."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One reader: where, by which way, by which account of ours (`place`), and their certificate if one is in use."""

    recipient: Address
    name: str
    person: int | None
    way: Way
    place: str
    certificate: bytes | None
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Route:
    """A whole letter's way. `sender`: the address of ours that it goes from. `own`: fingerprint of our own key."""

    sender: Address
    legs: tuple[Leg, ...]


By = Way | Mapping[str, Way] | None
"""What the writer says about the way: the same for everybody, or by `Address.key`; where nothing is said, the usual."""


def chosen(by: By, address: Address) -> Way | None:
    """What was said of the way to this address; None where nothing was."""
    return by.get(address.key) if isinstance(by, Mapping) else by


async def find(desk: Desk, page: drafts.OnPage, by: By) -> Route:
    """`of_page`, by itself."""
    return await desk.drawer.read(lambda db: of_page(db, page, by))


def of_page(db: Db, page: drafts.OnPage, by: By) -> Route:
    """The way of a draft. Raises `CannotSealOrOpen` (no_way), `Usage` (no_recipient, no_own_address)."""
    if not page.draft.to:
        raise Usage("no_recipient", _("This letter names nobody it should go to."), _("Say who it is for."))
    ours = accounts.own_addresses(db)
    if not ours:
        raise Usage(
            "no_own_address",
            _("You have no address yet."),
            _("Join an office with “dearly setup”, or add your e-mail address with “dearly account add”."),
        )
    served = our_accounts(db, page)
    legs = []
    for who, person in zip(page.draft.to, page.persons, strict=True):
        way = chosen(by, who.address) or way_to(who.address, served)
        legs.append(leg(db, who, person, way, place_of(way, who.address, who.name, served)))
    taken = {(leg.way, leg.place) for leg in legs}
    senders = {account.address for account in served if (account.way, account.place) in taken}
    if len(senders) > 1:
        raise Refused(
            "two_senders",
            _("These readers are reached from different addresses of yours."),
            _("Write to them in separate letters."),
        )
    return Route(senders.pop() if senders else ours[0], tuple(legs))


def our_accounts(db: Db, page: drafts.OnPage) -> list[accounts.Account]:
    """The accounts by which this page may leave: of our offices all, of our mail accounts one. That by which the letter
    came that it answers, else that by which the last letter with one of its readers went or came, else the first."""
    served = accounts.list_all(db)
    mail = {account.place: account for account in served if account.way is Way.MAIL and sends(account)}
    persons = [_known(db, who, person) for who, person in zip(page.draft.to, page.persons, strict=True)]
    before = [accounts.came_by(db, page.answers, Way.MAIL)] if page.answers is not None else []
    before += [accounts.last_used(db, Way.MAIL, person) for person in persons if person is not None]
    place = next((place for place in before if place in mail), next(iter(mail), None))
    offices = [account for account in served if account.way is Way.OFFICE]
    return [*offices, *([mail[place]] if place is not None else [])]


def sends(kept: accounts.Account) -> bool:
    """Whether letters leave by a mail account; one may be for receiving alone."""
    account = MailAccount.of_details(kept.address, kept.details)
    return account.outgoing is not None or (account.incoming is not None and account.incoming.protocol is Protocol.JMAP)


def leg(db: Db, who: Correspondent, person: int | None, way: Way, place: str) -> Leg:
    """One reader by a way and a place, with the certificate in use for them."""
    known = _known(db, who, person)
    bound = keyring.binding(db, known, who.address) if known is not None else None
    certificate = keyring.certificate(db, bound.fingerprint) if bound else None
    return Leg(
        who.address,
        who.name,
        known,
        way,
        place,
        certificate.body if certificate else None,
        bound.fingerprint if bound else None,
    )


def _known(db: Db, who: Correspondent, person: int | None) -> int | None:
    if person is not None:
        return person
    owner = people.person_of_address(db, who.address)
    return owner.id if owner else None


def way_to(address: Address, served: Sequence[accounts.Account]) -> Way:
    """The way that these accounts of ours have to an address: the usual one; and to an e-mail address where none of
    them is for mail, by an office that hands letters on."""
    way = usual_way(address)
    if way is Way.MAIL and world.hands_on(served) and not any(account.way is Way.MAIL for account in served):
        return Way.OFFICE
    return way


def abroad(leg: Leg) -> bool:
    """Whether a reader is reached through an office that hands letters on to the world."""
    return leg.way is Way.OFFICE and usual_way(leg.recipient) is Way.MAIL


def place_of(way: Way, address: Address, name: str, served: Sequence[accounts.Account]) -> str:
    """By which of these accounts of ours a letter gets to this address. Raises `CannotSealOrOpen` (no_way)."""
    if way is Way.HAND:
        return HAND
    if way is Way.OFFICE:
        for account in served:
            if account.way is Way.OFFICE and account.address.domain == address.domain:
                return account.place
        if usual_way(address) is Way.MAIL:
            if (ours := world.hands_on(served)) is not None:
                return ours.place
            raise CannotSealOrOpen(
                "no_way",
                _("{address} is an e-mail address, and no office of yours hands letters on to those.").format(
                    address=address
                ),
                _("Add your mail account with “dearly account add ADDRESS”, or let it go by hand (--by hand)."),
            )
        raise CannotSealOrOpen(
            "no_way",
            _("{name} has a box at an office where you have none.").format(name=name or address),
            _("Ask for an invitation there, or let the letter go by hand (--by hand)."),
        )
    if way is Way.MAIL and usual_way(address) is Way.MAIL:
        for account in served:
            if account.way is Way.MAIL:
                return account.place
        raise CannotSealOrOpen(
            "no_way",
            _("{address} is an e-mail address, and this desk has no mail account yet to write from.").format(
                address=address
            ),
            _("Add yours with “dearly account add ADDRESS”, or let the letter go by hand (--by hand)."),
        )
    raise CannotSealOrOpen(
        "no_way",
        _("Nothing goes to {address} that way.").format(address=address),
        _("Leave the way to the desk, or let the letter go by hand (--by hand)."),
    )


def leaves_by_itself(address: Address, served: Sequence[accounts.Account]) -> bool:
    """Whether one of these accounts of ours brings a letter to this address, so that nobody has to carry it."""
    way = way_to(address, served)
    try:
        return place_of(way, address, "", served) != HAND
    except CannotSealOrOpen:
        return False


async def plan(desk: Desk, route: Route) -> SealPlan:
    """How the letter will be sealed. Raises `CannotSealOrOpen`, naming everybody to whom it cannot be done, and why."""
    try:
        return await desk.opener.plan({leg.recipient: leg.certificate for leg in route.legs}, desk.clock.now())
    except CannotSealOrOpen as cannot:
        if cannot.code != "no_key" or not {leg.way for leg in route.legs} <= OPEN_WAYS:
            raise
        hint = _("What anyone may read can go as a postcard (--unsealed).")
        raise CannotSealOrOpen("no_key", cannot.message, f"{cannot.hint} {hint}") from None


def seal_in_words(route: Route, sealed: SealPlan) -> str:
    """What the seal is worth, as said on the envelope."""
    names = ", ".join(leg.name or str(leg.recipient) for leg in route.legs)
    words = ngettext(
        "Sealed to the key of {names}, and to your own.",
        "Sealed to the keys of {names}, and to your own.",
        len(route.legs),
    ).format(names=names)
    if sealed.quantum_safe:
        words += " " + _("It is made to hold against quantum computers, too.")
    return f"{words} {world.in_words()}" if any(map(abroad, route.legs)) else words


async def again(desk: Desk, letter: Letter, travels: Sequence[outbox.Travel]) -> Route:
    """The way of a letter that is posted already, with the certificates in use now."""

    def work(db: Db) -> Route:
        legs = []
        for travel in travels:
            where = travel.journey.recipient
            bound = keyring.binding(db, travel.person_id, where) if travel.person_id is not None else None
            certificate = keyring.certificate(db, bound.fingerprint) if bound else None
            body, fingerprint = (certificate.body, certificate.fingerprint) if certificate else (None, None)
            legs.append(Leg(where, travel.person, travel.person_id, travel.way, travel.place, body, fingerprint))
        return Route(letter.sender.address, tuple(legs))

    return await desk.drawer.read(work)
