"""Letters out by ordinary e-mail: an SMTP server that takes them from its own people (RFC 6409).

One line for each collection, and many letters over it; one transaction for each recipient. The work is done in a
thread. Where the line ends between two letters (some servers take a hundred and hang up), a new one is opened, as
long as each brought at least one answer to a letter; nothing that was begun is begun again.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from dearly.carriers.base import Check, Credentials, for_each
from dearly.carriers.mail import signing, tls
from dearly.carriers.mail.collection import Collection
from dearly.carriers.mail.line import Gone, Line, Patience
from dearly.carriers.mail.signing import TokenRefused
from dearly.carriers.mail.transaction import weight
from dearly.letter.account import MailAccount, Security
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter, Way
from dearly.letter.errors import CarrierTrouble, DearlyError
from dearly.letter.journey import Evidence, NothingProven, Outcome
from dearly.letter.words import _

T = TypeVar("T")

PATIENT = Patience()
HASTY = Patience(connect=15, answer=30, piece=30, final=30)
"""For a check that a person waits for. No letter goes over such a line."""


class Submission:
    """`PostsMany` and `PostsInTurn` for one account with an outgoing SMTP server. Looking for a letter is the incoming
    side's work.

    `patience`: shortened by tests only. Raises `Usage` (bad_ca_file). Nothing is asked before the first act; the secret
    is asked for at each."""

    way = Way.MAIL

    def __init__(self, account: MailAccount, credentials: Credentials, *, patience: Patience = PATIENT) -> None:
        if account.outgoing is None:
            raise AssertionError("an account that cannot send")
        self.place = str(account.address)
        self._account, self._server, self._credentials = account, account.outgoing, credentials
        self._patience = patience
        clear = self._server.security is Security.PLAIN
        self._trust: ssl.SSLContext | None = None if clear else tls.context(account.ca)
        # Not the loop's own threads: one of these may wait twelve minutes for an answer.
        self._threads = ThreadPoolExecutor(4, "dearly-submission")
        self._lines: set[Line] = set()

    def __repr__(self) -> str:
        return f"Submission({self._server.host!r}, {self.place!r})"

    async def hand_over(self, letter: SealedLetter) -> Mapping[Address, Outcome]:
        return (await self.hand_over_many([letter]))[0]

    async def hand_over_many(self, letters: Sequence[SealedLetter]) -> Sequence[Mapping[Address, Outcome]]:
        """As `PostsMany` says; what mail cannot carry is turned before anything is connected."""
        return await self._hand_over(await asyncio.to_thread(Collection, letters, self._account.address))

    async def hand_over_in_turn(
        self,
        letters: Sequence[SealedLetter],
        begins: Callable[[int], Awaitable[bool]],
        ended: Callable[[int, Mapping[Address, Outcome]], Awaitable[None]],
    ) -> Sequence[Mapping[Address, Outcome]]:
        """As `PostsInTurn` says. What mail cannot carry, and what no line was left for, is in the answer alone."""
        loop, over = asyncio.get_running_loop(), threading.Event()
        there = partial(on_loop, loop, over)

        async def may(n: int) -> bool:
            # Where nobody waits for the thread any more, nothing may begin: nobody would hear how it ended.
            return not over.is_set() and await begins(n)

        async def came(n: int, outcomes: Mapping[Address, Outcome]) -> None:
            await ended(n, outcomes)

        ask, tell = (lambda n: there(may(n))), (lambda n, outcomes: there(came(n, outcomes)))
        collection = await asyncio.to_thread(Collection, letters, self._account.address, ask, tell)
        try:
            return await self._hand_over(collection)
        finally:
            over.set()

    async def _hand_over(self, collection: Collection) -> Sequence[Mapping[Address, Outcome]]:
        while collection.waits:
            try:
                await self.on_a_line(collection.over, self._patience)
            except Gone as gone:
                collection.later(gone.why)
            except DearlyError as trouble:
                if not collection.begun:
                    raise
                collection.later(trouble.message)  # what the line before brought must not be lost
        if collection.sender_refused and not collection.begun:
            raise CarrierTrouble(
                "sender_refused",
                _("{host} takes no letters from {address}: {words}").format(
                    host=self._server.host, address=self.place, words=collection.sender_refused
                ),
                _("Look whether this is an address of the account that signs in there."),
            )
        return collection.result()

    async def look_for(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        """A server that takes letters cannot be asked about them."""
        return for_each(letter, NothingProven())

    async def check(self) -> Sequence[Check]:
        """Try everything but a letter. Raises nothing."""
        try:
            return await self.on_a_line(_findings, HASTY)
        except Gone as gone:
            return [Check("outgoing.connection", fine=False, words=gone.why)]
        except CarrierTrouble as trouble:
            what = "sign_in" if "sign_in" in trouble.code else "connection"
            return [Check(f"outgoing.{what}", fine=False, words=trouble.told)]

    async def close(self) -> None:
        """Cut what is open. A letter that was in the midst of it is uncertain, as after any cut."""
        for line in tuple(self._lines):
            line.cut()
        self._threads.shutdown(wait=False)

    async def on_a_line(self, work: Callable[[Line], T], patience: Patience) -> T:
        """Open a line, sign in, and do `work` on it in a thread. A token that is refused is renewed once.

        Raises `Gone` and `CarrierTrouble`, both from before `work` began."""
        renewed = False
        while True:
            secret = await self._credentials.password() if self._server.user else ""
            line = Line(self._server, self._trust, patience)
            try:
                return await self._in_thread(line, partial(self._speak, line, secret, work))
            except TokenRefused as no:
                if renewed:
                    raise signing.refused(line.host, self._server.user, no.reply) from None
                await self._credentials.refused()
                renewed = True

    def _speak(self, line: Line, secret: str, work: Callable[[Line], T]) -> T:
        try:
            line.open()
            signing.sign_in(line, self._account.sign_in, secret)
            return work(line)
        finally:
            line.leave()

    async def _in_thread(self, line: Line, work: Callable[[], T]) -> T:
        self._lines.add(line)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except asyncio.CancelledError:
            line.cut()  # a thread cannot be stopped, but it hears this
            raise
        finally:
            self._lines.discard(line)


def on_loop(loop: asyncio.AbstractEventLoop, over: threading.Event, act: Coroutine[Any, Any, T]) -> T:
    """Do this on the loop, and wait for it here, in a thread, as long as anybody waits for that (until `over`)."""
    doing = asyncio.run_coroutine_threadsafe(act, loop)
    while True:
        try:
            return doing.result(1.0)
        except TimeoutError:
            if doing.done() or over.is_set():
                raise


def _findings(line: Line) -> list[Check]:
    """What a person may know of a server that let us in."""
    able = line.abilities
    if line.encryption:
        connection = _("{host} answers, and the line is encrypted ({version}).").format(
            host=line.host, version=line.encryption
        )
    else:
        connection = _("{host} answers, on this machine, without encryption.").format(host=line.host)
    found = [Check("outgoing.connection", fine=True, words=connection)]
    if line.server.user:
        signed = _("{user} can sign in for letters that go.").format(user=line.server.user)
        found.append(Check("outgoing.sign_in", fine=True, words=signed))
    if able.size is not None:
        size = _("Letters may weigh up to {limit}.").format(limit=weight(able.size))
        found.append(Check("outgoing.size", fine=True, words=size))
    reports = (
        _("It reports when a letter has arrived in its reader’s mailbox.")
        if "DSN" in able
        else _("It does not report when a letter has arrived; it says only that it was taken, or came back.")
    )
    found.append(Check("outgoing.reports", fine=True, words=reports))
    return found
