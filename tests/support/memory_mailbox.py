"""A mailbox in memory that holds more than letters: heads, a sieve, and bodies only when they are asked for.

Where messages go missing, and how a mailbox is numbered anew, is for the tests to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dearly.carriers.base import Collected, Head, Judged, Sieve, Verdict
from dearly.letter.account import MailAccount, Protocol, Security, Server
from dearly.letter.address import Address
from dearly.letter.envelope import Heading, Parcel, Source, Way
from dearly.letter.errors import CarrierTrouble


def an_account(address: str, *, strangers: bool = True) -> MailAccount:
    """An account that may only receive."""
    server = Server(Protocol.IMAP, "imap.letters.test", 993, Security.TLS, address)
    return MailAccount(Address.parse(address), server, None, strangers=strangers)


@dataclass
class MemoryMailbox:
    """Collects and Fetches. `batch`: how many messages are looked at for one `collect`."""

    account: MailAccount
    sieve: Sieve
    messages: dict[int, bytes] = field(default_factory=dict)
    validity: int = 1
    batch: int = 50
    away: bool = False
    asked: list[int] = field(default_factory=list)
    """Uids whose bodies were asked for, in order."""
    verdicts: dict[int, Judged] = field(default_factory=dict)

    way = Way.MAIL

    @property
    def place(self) -> str:
        return str(self.account.address)

    def lay(self, *raws: bytes) -> list[int]:
        """Messages come; their uids."""
        uids = []
        for raw in raws:
            uids.append(max(self.messages, default=0) + 1)
            self.messages[uids[-1]] = raw
        return uids

    def number_anew(self) -> None:
        """Another UIDVALIDITY, and other uids for the same messages (F27)."""
        self.validity += 1
        self.messages = {uid + 1_000: raw for uid, raw in self.messages.items()}

    async def collect(self, cursor: str) -> Collected:
        self._reach()
        validity, _, last = cursor.partition(":")
        seen = int(last) if validity == str(self.validity) else 0
        uids = sorted(uid for uid in self.messages if uid > seen)
        now = uids[: self.batch]
        heads = [Head(self._source(uid), len(self.messages[uid]), _head(self.messages[uid])) for uid in now]
        verdicts = dict(zip(now, await self.sieve(heads), strict=True))
        self.verdicts |= verdicts
        taken = [uid for uid in now if verdicts[uid] is Verdict.TAKE]
        door = tuple(said for said in verdicts.values() if isinstance(said, Heading))
        parcels = await self.fetch([self._source(uid) for uid in taken])
        return Collected(parcels, f"{self.validity}:{max(now, default=seen)}", len(uids) > len(now), heads=door)

    async def fetch(self, sources: Sequence[Source]) -> tuple[Parcel, ...]:
        self._reach()
        found = []
        for source in sources:
            self.asked.append(int(source.uid))
            raw = self.messages.get(int(source.uid)) if source.validity == str(self.validity) else None
            if raw is not None:
                found.append(Parcel(raw, source))
        return tuple(found)

    async def acknowledge(self, sources: Sequence[Source]) -> None:
        """Everything stays where it lies."""

    async def close(self) -> None:
        """Nothing is held open."""

    def _reach(self) -> None:
        if self.away:
            raise CarrierTrouble("memory_away", "The memory did not answer.", "Try again later.", retry=True)

    def _source(self, uid: int) -> Source:
        return Source(self.way, self.place, str(self.validity), str(uid))


def _head(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def a_mail(
    sender: str = "Zoë Wood <zoe@elsewhere.test>",
    to: str = "ada@letters.test",
    *fields: str,
    subject: str = "Hello",
    number: int = 1,
    text: str = "Dear Ada, do you remember me?",
) -> bytes:
    """A message of ordinary mail, as a server hands it out."""
    head = [
        f"Received: from mx.test by letters.test id {number}",
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        "Date: Sun, 22 Nov 2026 10:00:00 +0100",
        f"Message-ID: <{number}@elsewhere.test>",
        *fields,
    ]
    return "".join(f"{line}\r\n" for line in [*head, "", text]).encode()
