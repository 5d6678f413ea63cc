"""A mail server that takes letters of others from an office (docs/office.md, “Letters to the world”).

The same line and transaction as a person's own letters take, with two differences: no copy goes to ourselves, for what
is sent to the envelope's sender is the operator's; and whoever hands over is asked once more right before the final
dot, so that it can be noted on a disk that the letter may be accepted from then on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from dearly.carriers.mail.line import Gone, Line, Patience
from dearly.carriers.mail.submission import PATIENT, Submission, on_loop
from dearly.carriers.mail.transaction import LineGone, SenderRefused, carry, load, turned_before, unfit
from dearly.letter.account import MailAccount, Server
from dearly.letter.address import Address
from dearly.letter.content import LetterId
from dearly.letter.envelope import Envelope, SealedBytes, SealedLetter
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Outcome, TryLater, Turned
from dearly.letter.words import _


class _Password:
    """`Credentials` of a machine: they do not change, and nobody can be asked."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    async def password(self) -> str:
        return self._read()

    async def refused(self) -> None:
        """A password is not renewed."""


class Smarthost:
    """`server`: with the user to sign in as, "" for none. `sender`: of every envelope. `password` is asked for at each
    line, and may raise. `ca`: PEM text of a private authority, which alone is trusted then. `patience`: shortened by
    tests only. Raises `Usage` (bad_ca_file). Nothing is asked before the first letter."""

    def __init__(
        self,
        server: Server,
        sender: Address,
        password: Callable[[], str],
        ca: str | None = None,
        *,
        patience: Patience = PATIENT,
    ) -> None:
        self.host, self.sender = server.host, sender
        self._patience = patience
        self._lines = Submission(MailAccount(sender, None, server, ca=ca), _Password(password), patience=patience)

    async def hand_over(self, data: bytes, recipient: Address, about_to: Callable[[], Awaitable[bool]]) -> Outcome:
        """One letter, to one recipient, over a line of its own. `about_to` is awaited right before the final dot; where
        it says no or raises, nothing is handed over.

        Raises `CarrierTrouble` where certainly nothing was handed over, for a reason that is not this letter's."""
        if why := await asyncio.to_thread(unfit, data):
            return Turned(why)
        # No key: reports come to the operator, who has no journey to tell of them.
        letter = SealedLetter(Envelope(self.sender, (recipient,)), LetterId(""), SealedBytes(data), b"", "")
        loop, over = asyncio.get_running_loop(), threading.Event()

        async def asked() -> bool:
            return await about_to()

        def work(line: Line) -> Outcome:
            cargo = load(letter)
            before = turned_before(cargo, recipient, line.abilities)
            return before or carry(line, cargo, recipient, recipient, lambda: on_loop(loop, over, asked()))

        try:
            return await self._lines.on_a_line(work, self._patience)
        except (Gone, LineGone) as broken:
            return TryLater(broken.why)
        except SenderRefused as refused:
            raise CarrierTrouble(
                "sender_refused",
                _("{host} takes no letters from {address}: {words}").format(
                    host=self.host, address=self.sender, words=refused.words
                ),
            ) from None
        finally:
            over.set()

    async def close(self) -> None:
        """Cut what is open. A letter behind its final dot is uncertain then, as after any cut."""
        await self._lines.close()
