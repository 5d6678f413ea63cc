"""The concrete carriers, behind `desk.ways.Ways`; each is imported when it is first used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dearly.assemble.local_office import LocalOffice
from dearly.assemble.machine import CLOCK

if TYPE_CHECKING:
    from dearly.carriers.base import Check, Collects, Credentials, Head, Posts, Sieve, Verdict
    from dearly.carriers.jmap.provider import ProviderCarrier
    from dearly.carriers.mail.carrier import MailCarrier
    from dearly.desk.ways import Joined, NewBox, Office, Tokens
    from dearly.letter.account import MailAccount, OAuthClient
    from dearly.letter.address import Address
    from dearly.letter.suggestion import Settings, Suggestion


class MachineWays:
    """Carriers by network, by this machine's own office, and by hand."""

    def __init__(self, office_folder: Path) -> None:
        self._local = LocalOffice(office_folder)
        self._offices: dict[str, tuple[Joined, Office]] = {}
        """By address, the carrier in use and what it was made from."""
        self._mail: dict[str, tuple[MailAccount, Office]] = {}
        """The same of mail accounts."""

    async def office(self, joined: Joined) -> Office:
        from dearly.carriers.jmap import JmapCarrier
        from dearly.desk.ways import LOCAL

        if joined.url == LOCAL:
            joined = replace(joined, url=await self._local.url())
        known, office = self._offices.get(joined.address.key, (None, None))
        if office is None or known != joined:
            # The office of this machine has moved to another process and its port, or there is a new token.
            self._offices[joined.address.key] = joined, JmapCarrier(joined.url, joined.token, joined.address, joined.ca)
            if office is not None:
                await office.close()
        return self._offices[joined.address.key][1]

    async def mail(self, account: MailAccount, credentials: Credentials, sieve: Sieve) -> Office:
        known, carrier = self._mail.get(account.address.key, (None, None))
        if carrier is None or known != account:
            self._mail[account.address.key] = account, _carrier(account, credentials, sieve)
            if carrier is not None:
                await carrier.close()
        return self._mail[account.address.key][1]

    async def forget(self, address: Address) -> None:
        _account, carrier = self._mail.pop(address.key, (None, None))
        if carrier is not None:
            await carrier.close()

    async def try_out(self, account: MailAccount, credentials: Credentials) -> Sequence[Check]:
        carrier = _carrier(account, credentials, _leave_all)
        try:
            return await carrier.check()
        finally:
            await carrier.close()

    async def discover(
        self, address: Address, read: Callable[[bytes], Awaitable[Settings]], *, directory: bool = True
    ) -> Sequence[Suggestion]:
        from dearly.carriers.mail.discover import look_up

        return await look_up(address, read, directory=directory)

    async def sign_up(self, url: str, ca: str | None) -> NewBox:
        from dearly.carriers.mail.relay import sign_up

        return await sign_up(url, ca)

    async def authorize(self, client: OAuthClient, show: Callable[[str], None], user: str, ca: str | None) -> Tokens:
        from dearly.carriers.mail.oauth import authorize

        return await authorize(client, show, user=user, ca=ca)

    async def refresh(self, client: OAuthClient, token: str, ca: str | None) -> Tokens:
        from dearly.carriers.mail.oauth import refresh

        return await refresh(client, token, ca=ca)

    def new_token(self) -> str:
        from dearly.carriers.jmap import new_token

        return new_token()

    async def join(self, url: str, invitation: str, token: str, ca: str | None) -> Joined:
        from dearly.carriers.jmap import join
        from dearly.desk.ways import LOCAL, Joined

        there = await self._local.url() if url == LOCAL else url
        member = await join(there, invitation, token, ca=ca)
        return Joined(url, member.address, token, ca)

    async def invite_local(self, name: str) -> str:
        return await self._local.invite(name)

    def hand_out(self, target: Path) -> Posts:
        from dearly.carriers.hand import HandOut

        return HandOut(target)

    def hand_in(self, source: Path | bytes) -> Collects:
        from dearly.carriers.hand import HandIn

        return HandIn(source)

    async def close(self) -> None:
        async with AsyncExitStack() as stack:  # each is let go of, whatever happens to the others
            stack.push_async_callback(self._local.close)
            while self._offices:
                _address, (_joined, office) = self._offices.popitem()
                stack.push_async_callback(office.close)
            while self._mail:
                _address, (_account, carrier) = self._mail.popitem()
                stack.push_async_callback(carrier.close)


def _carrier(account: MailAccount, credentials: Credentials, sieve: Sieve) -> MailCarrier | ProviderCarrier:
    from dearly.letter.account import Protocol

    if account.incoming is not None and account.incoming.protocol is Protocol.JMAP:
        from dearly.carriers.jmap.provider import ProviderCarrier

        return ProviderCarrier(account, credentials, sieve, CLOCK)
    from dearly.carriers.mail.carrier import MailCarrier

    return MailCarrier(account, credentials, sieve, CLOCK)


async def _leave_all(heads: Sequence[Head]) -> Sequence[Verdict]:
    """The sieve of an account that is only tried."""
    from dearly.carriers.base import Verdict

    return [Verdict.LEAVE] * len(heads)
