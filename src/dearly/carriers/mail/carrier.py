"""An account of ordinary e-mail as a carrier: the face of this package, made of what comes in and what goes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from dearly.carriers.base import Check, Collected, Credentials, Leaf, Sieve, for_each
from dearly.letter.account import MailAccount, Protocol
from dearly.letter.address import Address
from dearly.letter.clock import Clock
from dearly.letter.envelope import Parcel, SealedLetter, Source, Way
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Evidence, NothingProven, Outcome
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.carriers.mail.mailbox import Mailbox
    from dearly.carriers.mail.maildrop import Maildrop
    from dearly.carriers.mail.submission import Submission


class MailCarrier:
    """One address at a provider of SMTP, and of IMAP or POP3: `Posts`, also `PostsInTurn`, and `Fetches`.

    Either side may be missing: then nothing is collected, or `CarrierTrouble` (cannot_send) says that nothing leaves.
    `sieve`: decides what is fetched. Raises `Usage` (bad_ca_file). Nothing is asked before the first act."""

    way = Way.MAIL

    def __init__(self, account: MailAccount, credentials: Credentials, sieve: Sieve, clock: Clock) -> None:
        self.place = str(account.address)
        self._incoming = _incoming(account, credentials, sieve, clock)
        self._outgoing = _outgoing(account, credentials)

    def __repr__(self) -> str:
        return f"MailCarrier({self.place!r})"

    async def hand_over(self, letter: SealedLetter) -> Mapping[Address, Outcome]:
        return await self._sending().hand_over(letter)

    async def hand_over_many(self, letters: Sequence[SealedLetter]) -> Sequence[Mapping[Address, Outcome]]:
        return await self._sending().hand_over_many(letters)

    async def hand_over_in_turn(
        self,
        letters: Sequence[SealedLetter],
        begins: Callable[[int], Awaitable[bool]],
        ended: Callable[[int, Mapping[Address, Outcome]], Awaitable[None]],
    ) -> Sequence[Mapping[Address, Outcome]]:
        return await self._sending().hand_over_in_turn(letters, begins, ended)

    async def look_for(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        """By our own copy, where our letters come in: finding it proves acceptance, not finding it proves nothing."""
        if self._incoming is None:
            return for_each(letter, NothingProven())
        return await self._incoming.look_for(letter)

    async def collect(self, cursor: str) -> Collected:
        return Collected((), cursor) if self._incoming is None else await self._incoming.collect(cursor)

    async def acknowledge(self, sources: Sequence[Source]) -> None:
        if self._incoming is not None:
            await self._incoming.acknowledge(sources)

    async def fetch(self, sources: Sequence[Source]) -> tuple[Parcel, ...]:
        return () if self._incoming is None else tuple(await self._incoming.fetch(sources))

    async def leaf(self, folder: str, cursor: str, *, heads: bool = False) -> Leaf:
        """As `Leafs.leaf`, of a mailbox by IMAP. Raises `CarrierTrouble` (no_folders) for another one."""
        return await self._leafing().leaf(folder, cursor, heads=heads)

    async def shelves(self) -> Sequence[str]:
        """As `Leafs.shelves`, of a mailbox by IMAP. Raises `CarrierTrouble` (no_folders) for another one."""
        return await self._leafing().shelves()

    def _leafing(self) -> Mailbox:
        from dearly.carriers.mail.mailbox import Mailbox

        if not isinstance(self._incoming, Mailbox):
            raise CarrierTrouble(
                "no_folders",
                _("The account {address} has no folders that can be looked into.").format(address=self.place),
                _("Only mailboxes by IMAP have folders."),
            )
        return self._incoming

    async def check(self) -> Sequence[Check]:
        """What works and what does not, both sides, without sending or changing anything. Raises nothing."""
        found: list[Check] = []
        if self._incoming is None:
            found.append(Check("incoming.none", fine=True, words=_("By this account letters only go.")))
        else:
            found += await self._incoming.check()
        if self._outgoing is None:
            found.append(Check("outgoing.none", fine=True, words=_("By this account letters only come.")))
        else:
            found += await self._outgoing.check()
        return found

    async def close(self) -> None:
        try:
            if self._incoming is not None:
                await self._incoming.close()
        finally:
            if self._outgoing is not None:
                await self._outgoing.close()

    def _sending(self) -> Submission:
        if self._outgoing is None:
            raise CarrierTrouble(
                "cannot_send",
                _("The account {address} has no server that letters leave by.").format(address=self.place),
                _("“dearly account add” with --smtp gives it one."),
            )
        return self._outgoing


def _incoming(account: MailAccount, credentials: Credentials, sieve: Sieve, clock: Clock) -> Mailbox | Maildrop | None:
    """Imported only where they are needed: the libraries of both take their time."""
    if account.incoming is None:
        return None
    if account.incoming.protocol is Protocol.IMAP:
        from dearly.carriers.mail.mailbox import Mailbox

        return Mailbox(account, credentials, sieve, clock)
    if account.incoming.protocol is Protocol.POP3:
        from dearly.carriers.mail.maildrop import Maildrop

        return Maildrop(account, credentials, sieve, clock)
    raise AssertionError(f"{account.incoming.protocol} is not for letters to come in by here")


def _outgoing(account: MailAccount, credentials: Credentials) -> Submission | None:
    if account.outgoing is None:
        return None
    if account.outgoing.protocol is not Protocol.SMTP:
        raise AssertionError(f"{account.outgoing.protocol} is not for letters to leave by here")
    from dearly.carriers.mail.submission import Submission

    return Submission(account, credentials)
