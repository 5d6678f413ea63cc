"""Ordinary mail in memory: mailboxes that hold more than letters, and a provider that says how it is spoken to.

`MemoryMail` is the mail of the world; `MailboxInMemory` one account in it, with the promises of a mail carrier: one
transaction for each recipient and ourselves, so that our own copy comes back; a sieve decides what is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dearly.carriers.base import Check, Collected, Credentials, Head, Sieve, Verdict, for_each
from dearly.letter.account import MailAccount
from dearly.letter.address import Address
from dearly.letter.envelope import Heading, Parcel, SealedLetter, Source, Way
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Accepted, Evidence, Found, NothingProven, Outcome, TryLater, Turned, Unknown
from tests.support.memory_carrier import Luck


@dataclass
class MemoryMail:
    """Mailboxes by address key, oldest first; passwords by address key; and the coming luck, by address key too."""

    boxes: dict[str, list[bytes]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    luck: dict[str, Luck] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Secrets with which somebody signed in, in order."""

    def box(self, address: Address | str) -> list[bytes]:
        key = address.key if isinstance(address, Address) else Address.parse(address).key
        return self.boxes.setdefault(key, [])


class MailboxInMemory:
    """Posts, PostsMany, Collects and Fetches for one account."""

    way = Way.MAIL

    def __init__(self, mail: MemoryMail, account: MailAccount, credentials: Credentials, sieve: Sieve) -> None:
        self.mail, self.account, self.credentials, self.sieve = mail, account, credentials, sieve
        self.place, self.key = str(account.address), account.address.key
        self.closed = False

    async def _sign_in(self) -> None:
        assert not self.closed
        secret = await self.credentials.password()
        self.mail.asked.append(secret)
        if secret != self.mail.passwords.get(self.key, secret):
            await self.credentials.refused()
            raise CarrierTrouble("sign_in_refused", "The memory does not take this password.", "Give another.")

    async def hand_over(self, letter: SealedLetter) -> Mapping[Address, Outcome]:
        luck = self.mail.luck.pop(self.key, Luck.GOOD)
        if luck is Luck.AWAY:
            self.mail.luck[self.key] = luck
            return for_each(letter, TryLater("nobody answers"))
        await self._sign_in()
        if luck is Luck.CUT_ASKING:
            return for_each(letter, Unknown("cut while asking"))
        outcomes: dict[Address, Outcome] = {}
        for recipient in letter.envelope.recipients:
            if recipient.key not in self.mail.boxes:
                outcomes[recipient] = Turned("no such user here")
                continue
            self.mail.box(recipient).append(letter.data)
            self.mail.box(self.account.address).append(letter.data)
            outcomes[recipient] = Unknown("the answer was lost") if luck is Luck.CUT_ANSWER else Accepted()
        return outcomes

    async def hand_over_many(self, letters: Sequence[SealedLetter]) -> Sequence[Mapping[Address, Outcome]]:
        return [await self.hand_over(letter) for letter in letters]

    async def look_for(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        copies = self.mail.box(self.account.address).count(letter.data)
        whole = copies >= len(letter.envelope.recipients)
        return for_each(letter, Found() if whole else NothingProven())

    async def collect(self, cursor: str) -> Collected:
        if self.mail.luck.get(self.key) is Luck.AWAY:
            raise CarrierTrouble("memory_away", "The memory did not answer.", "Try again later.", retry=True)
        await self._sign_in()
        first = int(cursor) if re.fullmatch(r"\d+", cursor) else 0
        box = self.mail.box(self.account.address)
        heads = [self._head(n, data) for n, data in enumerate(box) if n >= first]
        verdicts = await self.sieve(heads)
        taken = [head.source for head, said in zip(heads, verdicts, strict=True) if said is Verdict.TAKE]
        door = tuple(said for said in verdicts if isinstance(said, Heading))
        return Collected(await self.fetch(taken), str(len(box)), heads=door)

    def _head(self, n: int, data: bytes) -> Head:
        return Head(Source(self.way, self.place, "1", str(n)), len(data), data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")

    async def fetch(self, sources: Sequence[Source]) -> tuple[Parcel, ...]:
        box = self.mail.box(self.account.address)
        return tuple(Parcel(box[int(source.uid)], source) for source in sources)

    async def acknowledge(self, sources: Sequence[Source]) -> None:
        """Everything stays where it lies."""

    async def check(self) -> Sequence[Check]:
        try:
            await self._sign_in()
        except CarrierTrouble as trouble:
            return [Check("incoming.sign_in", fine=False, words=trouble.told)]
        return [Check("incoming.sign_in", fine=True, words="The memory takes the password.")]

    async def close(self) -> None:
        self.closed = True
