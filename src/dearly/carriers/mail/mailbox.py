"""Collecting from an IMAP mailbox. It is read, and nothing in it is changed: no flag set, no \\Recent taken away.

The parts: `imapwire` (octets, bounded), `imapline` (one connection and its commands), `imapsign` (signing in), `plan`
(what to ask for, pure), `cursor` (what is remembered between two rounds), `imapcollect` (a round), `imaplook` (looking
for our own copy), `imapcheck` (what works, in words), `folder` (moving what was taken in, only where the person wants a
folder of ours).
The line blocks, so all that is done on it runs in a thread.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from dearly.carriers.base import Check, Collected, Credentials, Leaf, Sieve, for_each
from dearly.carriers.mail import imapcheck, imapleaf, imaplook, tls
from dearly.carriers.mail.folder import OwnFolder
from dearly.carriers.mail.imapcollect import Round, digits, mailbox_of
from dearly.carriers.mail.imapvalues import INBOX, Broken, Declined
from dearly.letter.account import MailAccount, Security, Server, SignIn
from dearly.letter.address import Address
from dearly.letter.clock import Clock
from dearly.letter.envelope import Parcel, SealedLetter, Source, Way
from dearly.letter.errors import CarrierTrouble, DearlyError, Usage
from dearly.letter.journey import Evidence, Found, NothingProven
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.carriers.mail.imapline import Line

PATIENCE = 60.0
"""Seconds to wait for the next octets of an answer."""
_IDLE = 240.0
"""Seconds after which a line that nobody used is not trusted any more: many a router has forgotten it by then."""

T = TypeVar("T")


class Mailbox:
    """The incoming side of a mail account by IMAP: `Collects` and `Fetches` of carriers/base.py.

    One line, opened when it is first needed and kept until `close`; one act at a time."""

    def __init__(
        self, account: MailAccount, credentials: Credentials, sieve: Sieve, clock: Clock, *, patience: float = PATIENCE
    ) -> None:
        """`sieve`: who decides what is fetched. Nothing is asked before the first act. Raises `Usage` where the account
        has no incoming server; every act does where no authority is in what it gives as one (bad_ca_file)."""
        if account.incoming is None:
            raise Usage("no_incoming", _("This account has no server where letters come in."))
        self._account, self._credentials = account, credentials
        self._server: Server = account.incoming
        self._context: ssl.SSLContext | None = None
        self._patience = patience
        self._line: Line | None = None
        self._clock = clock
        self._used = (time.monotonic(), clock.now())
        self._turn = asyncio.Lock()
        self._closed = False
        self._round = Round(self.ask, sieve, clock, self.place)
        self._own = OwnFolder(account.folder)

    @property
    def way(self) -> Way:
        """By mail."""
        return Way.MAIL

    @property
    def place(self) -> str:
        """The address."""
        return str(self._account.address)

    async def collect(self, cursor: str) -> Collected:
        """The next batch: of INBOX, then of our own folder where there is one. As `Collects.collect`."""
        async with self._act():
            return await self._round.collect(cursor, self._own)

    async def fetch(self, sources: Sequence[Source]) -> tuple[Parcel, ...]:
        """As `Fetches.fetch`: what a stranger wrote, once let in."""
        async with self._act():
            return await self._round.fetch(sources)

    async def leaf(self, folder: str, cursor: str, *, heads: bool = False) -> Leaf:
        """As `Leafs.leaf`."""
        async with self._act():
            return await imapleaf.leaf(self.ask, folder, cursor, heads=heads)

    async def shelves(self) -> list[str]:
        """As `Leafs.shelves`."""
        async with self._act():
            return await imapleaf.shelves(self.ask)

    async def acknowledge(self, sources: Sequence[Source]) -> None:
        """Move these to our own folder, where the person wants one; else do nothing. As `Collects.acknowledge`."""
        by_validity: dict[int, list[Source]] = {}
        for source in sources:
            if source.place == self.place and mailbox_of(source) == INBOX and source.validity.isdigit():
                by_validity.setdefault(int(source.validity), []).append(source)
        if not self._own.wanted or not by_validity:
            return
        async with self._act():
            for validity, these in by_validity.items():
                if uids := digits(these):
                    await self.ask(partial(self._own.take, uids=uids, validity=validity))

    async def look_for(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        """`Found` for every recipient, or `NothingProven`: a mailbox is no authority on what a server took. Raises
        nothing."""
        try:
            async with self._act():
                own = await self.ask(self._own.find) if self._own.wanted else None
                found = await self.ask(partial(imaplook.proven, letter=letter, own=own))
        except DearlyError:
            found = False
        evidence: Evidence = Found() if found else NothingProven()
        return for_each(letter, evidence)

    async def check(self) -> list[Check]:
        """What works at this server and what does not, in the order in which it was tried. Raises nothing."""
        return await imapcheck.check(self._server, self._account.folder, self._act, self.ask)

    async def close(self) -> None:
        """Let go of the line. Whoever waits on it gets `CarrierTrouble`."""
        self._closed = True
        line, self._line = self._line, None
        if line is None:
            return
        if self._turn.locked():
            line.cut()
        else:
            await asyncio.to_thread(line.close)

    @asynccontextmanager
    async def _act(self) -> AsyncIterator[None]:
        """One act at a time, on a line that is up, with every trouble as a person is told of it."""
        async with self._turn:
            line = self._line
            if line is not None and (self._idle() > _IDLE or not line.quiet):
                self._line = None
                await asyncio.to_thread(line.close)
            try:
                yield
            except Broken:
                raise self._trouble(
                    _("The connection to {host} broke before its answer was complete.").format(host=self._server.host)
                ) from None
            except Declined as declined:
                words = declined.words or "NO"
                raise self._trouble(_("{host} says: {words}").format(host=self._server.host, words=words)) from None
            finally:
                self._used = (time.monotonic(), self._clock.now())

    def _idle(self) -> float:
        """Seconds since the line was used. By two clocks: one that nobody sets, and one that goes on while the machine
        sleeps (F47)."""
        ticks, time_of_day = self._used
        return max(time.monotonic() - ticks, abs((self._clock.now() - time_of_day).total_seconds()))

    def _trouble(self, why: str) -> CarrierTrouble:
        return CarrierTrouble(
            "mail_answer", why, _("Nothing is lost; it is tried again at the next round."), retry=True
        )

    async def ask(self, work: Callable[[Line], T]) -> T:
        """Do this on the line, in a thread; open one where there is none. Raises `Broken`, and drops the line then;
        `Declined`; `CarrierTrouble`. Only within an act."""
        if self._line is None:
            self._line = await self._open()
        return await self._on(self._line, work)

    async def _open(self) -> Line:
        """A line, signed in. An access token that was refused is asked for once more: it may have just expired."""
        from dearly.carriers.mail.imapline import Line
        from dearly.carriers.mail.imapsign import sign_in

        if self._context is None and self._server.security is not Security.PLAIN:
            self._context = await asyncio.to_thread(tls.context, self._account.ca)
        for last in (False, True):
            if self._closed:
                raise Broken("closed")
            secret = await self._credentials.password()
            line = Line(self._server, self._context, self._patience)
            self._line = line
            try:
                await self._on(line, Line.open)
                await self._on(line, partial(sign_in, user=self._server.user, secret=secret, how=self._account.sign_in))
            except Declined as declined:
                self._line = None
                await asyncio.to_thread(line.close)
                await self._credentials.refused()
                if last or self._account.sign_in is not SignIn.OAUTH:
                    raise _refused(self._server, self._account.sign_in, declined.words) from None
            except DearlyError:
                self._line = None
                line.cut()
                line.settle()
                raise
            else:
                return line
        raise AssertionError("unreachable")

    async def _on(self, line: Line, work: Callable[[Line], T]) -> T:
        def settled() -> T:
            try:
                return work(line)
            finally:
                line.settle()

        try:
            return await asyncio.to_thread(settled)
        except (Broken, asyncio.CancelledError):
            # A thread cannot be ended: cut its line, and it ends by itself.
            self._line = None
            line.cut()
            raise


def _refused(server: Server, how: SignIn, words: str) -> CarrierTrouble:
    if how is SignIn.OAUTH:
        code, hint = "sign_in_again", _("Sign in once more.")
    else:
        code = "sign_in_refused"
        hint = _("Look at the user name and the password; some providers want a password made for this program alone.")
    told = _("{host} does not let {user} sign in: {words}").format(
        host=server.host, user=server.user, words=words or "NO"
    )
    return CarrierTrouble(code, told, hint)
