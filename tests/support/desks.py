"""Desks for tests: real drawers, real children, and a post that is either in memory or a real office on loopback.

    async with a_town(tmp_path) as town:
        ada, bert = await town.settle("Ada", "Bert")
        await ada.write("Bert", "Dear Bert")

A `Person` is a desk with short ways to do what one does at it. Clocks stand still until a play moves them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dearly.assemble.ways import MachineWays
from dearly.carriers.base import Check, Collects, Credentials, Head, Posts, Sieve, Verdict
from dearly.carriers.hand import HandIn, HandOut
from dearly.desk import account, answer, people, post, rounds, setup, waking, write
from dearly.desk import open as opening
from dearly.desk.desk import Desk
from dearly.desk.values import EnvelopeView, LetterView, OutboxRow, RoundReport
from dearly.desk.ways import Joined, NewBox, Office, Tokens, Ways
from dearly.drawer import accounts
from dearly.drawer.drawer import Drawer
from dearly.exchange.vcard import Card
from dearly.letter.account import MailAccount, OAuthClient, Protocol, Security, Server
from dearly.letter.address import Address
from dearly.letter.content import Enclosure
from dearly.letter.errors import CarrierTrouble
from dearly.letter.suggestion import Settings, Suggestion
from dearly.opener import child
from dearly.opener.protocol_apart import CARD
from dearly.opener.protocol_letters import Bytes
from dearly.seal import trust
from dearly.seal.values import CertificateFacts
from tests.support.drawers import make_drawer, open_drawer
from tests.support.lasting import LentOpener, lent_keyholder_of
from tests.support.memory_carrier import MemoryCarrier, MemoryPost
from tests.support.memory_mail import MailboxInMemory, MemoryMail
from tests.support.times import CountedChance, FixedClock

TOWN = "town.office.invalid"
MAIL_PASSWORD = "fake mail password"


def a_mail_account(address: str) -> MailAccount:
    """An account at a provider that does not exist."""
    where = Address.parse(address)
    server = Server(Protocol.IMAP, "imap.letters.test", 993, Security.TLS, str(where))
    return MailAccount(where, server, replace(server, protocol=Protocol.SMTP, host="smtp.letters.test", port=465))


@dataclass(frozen=True)
class FakeTokens:
    """What signing in gave."""

    access: str
    lasts: int = 3600
    refresh: str = "fake-refresh"


@dataclass(frozen=True)
class RelayAccount:
    """What a relay gave."""

    address: Address
    password: str
    incoming: Server
    outgoing: Server


class MemoryWays:
    """Ways to a post in memory; by hand as in life."""

    def __init__(self, post: MemoryPost, world: MemoryMail | None = None) -> None:
        self.post, self.world = post, world or MemoryMail()
        self.known: list[Suggestion] = []
        """What providers say of themselves."""
        self.tokens: list[FakeTokens] = []
        """What signing in and renewing give, one after the other."""
        self._mail: dict[str, MailboxInMemory] = {}

    async def mail(self, account: MailAccount, credentials: Credentials, sieve: Sieve) -> Office:
        there = self._mail.get(account.address.key)
        if there is None or there.account != account:
            there = self._mail[account.address.key] = MailboxInMemory(self.world, account, credentials, sieve)
        return there

    async def forget(self, address: Address) -> None:
        if (carrier := self._mail.pop(address.key, None)) is not None:
            await carrier.close()

    async def try_out(self, account: MailAccount, credentials: Credentials) -> Sequence[Check]:
        async def leave(heads: Sequence[Head]) -> Sequence[Verdict]:
            return [Verdict.LEAVE] * len(heads)

        return await MailboxInMemory(self.world, account, credentials, leave).check()

    async def discover(
        self, address: Address, read: Callable[[bytes], Awaitable[Settings]], *, directory: bool = True
    ) -> Sequence[Suggestion]:
        return [one for one in self.known if one.account.address.same(address)]

    async def sign_up(self, url: str, ca: str | None) -> NewBox:
        address = Address.parse("fakerandom@relay.test")
        self.world.box(address)
        server = Server(Protocol.IMAP, "relay.test", 993, Security.TLS, str(address))
        return RelayAccount(address, "fake-relay-password", server, replace(server, protocol=Protocol.SMTP, port=465))

    async def authorize(self, client: OAuthClient, show: Callable[[str], None], user: str, ca: str | None) -> Tokens:
        show(f"{client.authorize_url}?client_id={client.client_id}&login_hint={user}")
        return self.tokens.pop(0)

    async def refresh(self, client: OAuthClient, token: str, ca: str | None) -> Tokens:
        if not self.tokens or token != "fake-refresh":
            raise CarrierTrouble("sign_in_again", "The memory wants to see you.", "")
        return self.tokens.pop(0)

    async def office(self, joined: Joined) -> Office:
        return MemoryCarrier(self.post, joined.address)

    def new_token(self) -> str:
        return "fake-token-" + "0" * 40

    async def join(self, url: str, invitation: str, token: str, ca: str | None) -> Joined:
        address = Address.parse(f"{invitation}@{TOWN}")
        self.post.known.add(address.key)
        return Joined(url, address, token, ca)

    async def invite_local(self, name: str) -> str:
        return name

    def hand_out(self, target: Path) -> Posts:
        return HandOut(target)

    def hand_in(self, source: Path | bytes) -> Collects:
        return HandIn(source)

    async def close(self) -> None:
        """Nothing is held open."""


@dataclass
class Person:
    """Somebody at their desk."""

    name: str
    folder: Path
    desk: Desk
    town: Town

    async def write(self, to: str, text: str, subject: str = "", *enclosures: Enclosure) -> int:
        return (await write.write(self.desk, [to], text, subject, enclosures)).number

    async def post(self, number: int, **how: Any) -> list[OutboxRow]:
        return await post.post(self.desk, number, **({"at_once": True} | how))

    async def round(self) -> RoundReport:
        return await rounds.make_round(self.desk)

    async def letterbox(self) -> list[EnvelopeView]:
        return await opening.letterbox(self.desk)

    async def open(self, number: int) -> LetterView:
        return (await opening.open_letter(self.desk, number)).letter

    async def show(self, number: int) -> LetterView:
        return (await opening.show(self.desk, number)).letter

    async def answer(self, number: int, text: str, **how: Any) -> int:
        return (await answer.answer(self.desk, number, text, **how)).number

    async def state(self, number: int) -> str:
        (row,) = [row for row in await post.outbox(self.desk) if row.number == number]
        return row.state

    async def address(self) -> Address:
        return (await self.desk.drawer.read(accounts.own_addresses))[0]

    async def gets_mail(self, address: str = "") -> MailAccount:
        """Add an e-mail address, whose password is fake."""
        made = a_mail_account(address or f"{self.name.lower()}@letters.test")
        self.town.mail.box(made.address)
        self.town.mail.passwords[made.address.key] = MAIL_PASSWORD
        await account.add(self.desk, made, MAIL_PASSWORD)
        return made

    async def reopen(self) -> Person:
        """Lock the desk and open it again, in the same place."""
        await self.desk.close()
        return await self.town.person(self.name, self.folder)


@dataclass
class Town:
    """People, one clock, one post."""

    place: Path
    ways: Callable[[], Ways]
    post: MemoryPost
    mail: MemoryMail = field(default_factory=MemoryMail)
    clock: FixedClock = field(default_factory=FixedClock)
    people: dict[str, Person] = field(default_factory=dict)

    async def person(self, name: str, folder: Path | None = None) -> Person:
        """Somebody; opened where the drawer is there, set up without a post where it is not."""
        where = folder or self.place / name.lower()
        chance = CountedChance(f"{name}/{where}/{len(list(where.parent.iterdir()))}")
        state = self.place / "state"
        if where.exists():
            drawer = await open_drawer(where, clock=self.clock, chance=chance, state=state)
            desk = desk_of(drawer, self.ways(), self.clock, chance, state)
            await waking.wake(desk)
        else:
            drawer = await make_drawer(where, clock=self.clock, chance=chance, state=state)
            desk = desk_of(drawer, self.ways(), self.clock, chance, state)
            await setup.begin(desk, name)
        self.people[f"{name}{where}"] = person = Person(name, where, desk, self)
        return person

    async def with_mail(self, *names: str) -> list[Person]:
        """People with an e-mail address, NAME@letters.test, who all have each other's cards."""
        found = [await self.person(name) for name in names]
        for one in found:
            await one.gets_mail()
        for one in found:
            for other in found:
                if one is not other:
                    await befriend(one, other)
        return found

    async def settle(self, *names: str) -> list[Person]:
        """People with a box at the post, who all have each other's cards."""
        found = [await self.person(name) for name in names]
        for one in found:
            await setup.join_office(one.desk, "https://town.test", one.name.lower())
        for one in found:
            for other in found:
                if one is not other:
                    await befriend(one, other)
        return found


async def befriend(one: Person, other: Person) -> None:
    """`one` takes in the card of `other`. Our own card is read in this process: a child for each of them would be a
    fifth of all the tests' time. Tests about cards let a child read them, as the program does."""
    card = (await setup.my_card(other.desk)).vcard.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one.desk.opener, "read_card", _read_here)
        patch.setattr(one.desk.opener, "read_certificate", _certificate_here)
        patch.setattr(one.desk.opener, "examine", _examine_here)
        await people.add(one.desk, other.name, vcard=card)


async def _read_here(data: bytes, *, now: datetime) -> Card:
    return _card_reader()(Bytes(data, now), None)


async def _certificate_here(data: bytes, now: datetime) -> tuple[bytes, CertificateFacts]:
    minimised = trust.minimise(data, None)
    return minimised, trust.examine(minimised, now)


async def _examine_here(certificate: bytes, now: datetime) -> CertificateFacts:
    return trust.examine(certificate, now)


@cache
def _card_reader() -> Callable[[Bytes, None], Card]:
    return child._cards()[CARD]


def desk_of(drawer: Drawer, ways: Ways, clock: FixedClock, chance: CountedChance, state: Path) -> Desk:
    """A desk whose children are lent."""
    return Desk(drawer, lambda: LentOpener(size=1), lent_keyholder_of, ways, clock, chance, state)


@asynccontextmanager
async def a_town(place: Path, ways: Callable[[], Ways] | None = None) -> AsyncIterator[Town]:
    """A town whose desks are closed at the end. Without `ways` its post is in memory."""
    memory, world = MemoryPost(), MemoryMail()
    town = Town(place, ways or (lambda: MemoryWays(memory, world)), memory, world)
    try:
        yield town
    finally:
        for person in town.people.values():
            await person.desk.close()


__all__ = ["MachineWays", "MemoryWays", "Person", "Town", "a_town", "befriend", "desk_of"]
