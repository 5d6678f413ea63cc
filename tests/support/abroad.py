"""An office with a smarthost, without its HTTP: a store, the queue, and an SMTP server that says what a test wants."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from dearly.carriers.mail.line import Patience
from dearly.carriers.mail.smarthost import Smarthost
from dearly.letter.account import Protocol, Security, Server
from dearly.letter.address import Address
from dearly.office import jmap, stores
from dearly.office.limits import DEFAULT, Limits
from dearly.office.relaying import Relaying
from dearly.office.smarthost import WORLD, Pace
from dearly.office.store import Account, Store
from dearly.office.wire import parse
from tests.support.offices import USING, MachineChance, MachineClock, parcel
from tests.support.scripted_smtp import Answer, ScriptedSmtp, scripted_smtp

SENDER = Address.parse("post@mail.test")
DORA = "Dora@world.test"
PACE = Pace(claimed=timedelta(minutes=15), handing=timedelta(minutes=20), look=0.05)
# Claimed for long enough that a busy machine comes to the dot within it.
HURRIED = Pace(claimed=timedelta(seconds=10), handing=timedelta(seconds=2), look=0.05)
SHORT = Patience(connect=5, answer=5, piece=5, final=5)


def smarthost(port: int, patience: Patience = SHORT) -> Smarthost:
    """In the clear, on this machine, without signing in."""
    server = Server(Protocol.SMTP, "127.0.0.1", port, Security.PLAIN, "")
    return Smarthost(server, SENDER, lambda: "", patience=patience)


@dataclass
class Abroad:
    """`ada`: somebody of the office. `smtp`: the world's end."""

    store: Store
    relaying: Relaying
    smtp: ScriptedSmtp
    clock: MachineClock
    ada: Account
    limits: Limits
    sent: list[bytes] = field(default_factory=list)

    async def call(self, *calls: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Method calls of Ada's in one request; the arguments of each response."""
        made = [[name, {"accountId": self.ada.uid} | arguments, f"c{n}"] for n, (name, arguments) in enumerate(calls)]
        raw = json.dumps({"using": [*USING, WORLD], "methodCalls": made}).encode()
        request = parse(raw, self.limits, jmap.KNOWN)
        chance, world = MachineChance(), self.relaying.world
        answer = await self.store.write(
            lambda shelf: jmap.respond(shelf, self.ada, request, self.limits, self.clock, chance, world)
        )
        return [arguments for _name, arguments, _id in json.loads(answer)["methodResponses"]]

    async def hand_over(self, *to: str, key: str = "k1", data: bytes | None = None) -> dict[str, Any]:
        """A parcel for these, whose copy is let go of at once; the answer to EmailSubmission/set."""
        if data is None:
            data = parcel(self.ada.address, to[0])
        self.sent.append(data)
        envelope = {"mailFrom": {"email": str(self.ada.address)}, "rcptTo": [{"email": one} for one in to]}
        submission = {"identityId": "self", "emailId": "#e", "envelope": envelope, "onceKey": key}
        answers = await self.call(
            ("Blob/upload", {"create": {"b": {"data": [{"data:asText": data.decode()}]}}}),
            ("Email/import", {"emails": {"e": {"blobId": "#b", "mailboxIds": {"sent": True}}}}),
            ("EmailSubmission/set", {"create": {"s": submission}, "onSuccessDestroyEmail": ["#s"]}),
        )
        return answers[2]

    async def submission(self, key: str = "k1") -> dict[str, Any]:
        """What the office knows of it."""
        (query,) = await self.call(("EmailSubmission/query", {"filter": {"onceKeys": [key]}}))
        (got,) = await self.call(("EmailSubmission/get", {"ids": query["ids"]}))
        (found,) = got["list"]
        return found

    async def state(self, key: str = "k1", to: str = DORA) -> tuple[str, str]:
        """`delivered`, and the reply."""
        status = (await self.submission(key))["deliveryStatus"][to]
        return status["delivered"], status["smtpReply"]

    async def turn(self, **later: float) -> int:
        """Let time pass, and hand on what is due; how many were tried."""
        self.clock.ahead += timedelta(**later)
        begun = await self.relaying.begin()
        await self.relaying.rest()
        return begun

    async def held(self) -> int:
        """Bytes that lie here for Ada."""
        ((_account, holding),) = await self.store.read(lambda shelf: shelf.accounts())
        return holding.bytes


@asynccontextmanager
async def an_office_abroad(
    where: stores.Where,
    answer: Answer = lambda _verb, _line, _session: None,
    *,
    limits: Limits = DEFAULT,
    relay: Smarthost | None = None,
) -> AsyncIterator[Abroad]:
    """Up until the end of the block. `relay`: a smarthost other than the scripted one."""
    clock, chance = MachineClock(), MachineChance()
    async with scripted_smtp(answer) as smtp:
        store = stores.create(where, chance, limits=limits)
        relaying = Relaying(store, relay or smarthost(smtp.port), clock, chance, limits, PACE)
        try:
            address = Address("ada", store.domain)
            ada = await store.write(lambda shelf: shelf.add_account("Aada", address, b"a" * 32, clock.now()))
            yield Abroad(store, relaying, smtp, clock, ada, limits)
        finally:
            await relaying.close(5)
            await store.close()
