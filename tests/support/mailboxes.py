"""Mailboxes by IMAP for tests: Bert's account at a server of this machine, and sieves of few words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dearly.carriers.base import Collected, Head, Verdict
from dearly.carriers.mail.mailbox import Mailbox
from dearly.letter.account import MailAccount, Protocol, Security, Server, SignIn
from dearly.letter.address import Address
from dearly.letter.envelope import Heading, Parcel
from tests.support.fake_letters import BERT
from tests.support.scripted_imap import PASSWORD
from tests.support.times import FixedClock


@dataclass
class Secrets:
    """What the drawer knows, one after the other; the last for ever. `refusals`: how often it was said to be wrong."""

    known: list[str] = field(default_factory=lambda: [PASSWORD])
    refusals: int = 0

    async def password(self) -> str:
        return self.known[0]

    async def refused(self) -> None:
        self.refusals += 1
        if len(self.known) > 1:
            self.known.pop(0)


async def take_all(heads: Sequence[Head]) -> Sequence[Verdict]:
    """Everything is a letter for us."""
    return [Verdict.TAKE] * len(heads)


def account(
    port: int,
    *,
    address: Address = BERT,
    user: str = "bert",
    security: Security = Security.PLAIN,
    host: str = "127.0.0.1",
    how: SignIn = SignIn.PASSWORD,
    ca: str | None = None,
    folder: str = "",
) -> MailAccount:
    """An account that only receives."""
    server = Server(Protocol.IMAP, host, port, security, user)
    return MailAccount(address, server, None, sign_in=how, ca=ca, folder=folder)


def mailbox(
    its: MailAccount,
    *,
    secrets: Secrets | None = None,
    sieve: Callable[[Sequence[Head]], object] = take_all,
    clock: FixedClock | None = None,
    patience: float = 10.0,
) -> Mailbox:
    """The mailbox of this account."""
    return Mailbox(its, secrets or Secrets(), sieve, clock or FixedClock(), patience=patience)  # type: ignore[arg-type]


async def whole_round(carrier: Mailbox, cursor: str = "") -> tuple[list[Parcel], list[Heading], str, int]:
    """All that is collected until there is no more: parcels, headings at the door, the cursor, how many were left."""
    parcels: list[Parcel] = []
    heads: list[Heading] = []
    for _ in range(500):
        batch: Collected = await carrier.collect(cursor)
        assert len(batch.cursor.encode()) <= 65_536
        parcels += batch.parcels
        heads += batch.heads
        cursor = batch.cursor
        if not batch.more:
            return parcels, heads, cursor, batch.left
    raise AssertionError("collecting never ends")
