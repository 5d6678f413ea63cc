"""The concrete carriers, behind `desk.desk.Ways`."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from dearly.assemble.local_office import LocalOffice
from dearly.carriers.base import Collects, Posts
from dearly.desk.desk import LOCAL, Joined, Office


class MachineWays:
    """Carriers by network, by this machine's own office, and by hand."""

    def __init__(self, office_folder: Path) -> None:
        self._local = LocalOffice(office_folder)
        self._offices: dict[str, tuple[Joined, Office]] = {}
        """By address, the carrier in use and what it was made from."""

    async def office(self, joined: Joined) -> Office:
        from dearly.carriers.jmap import JmapCarrier

        if joined.url == LOCAL:
            joined = replace(joined, url=await self._local.url())
        known, office = self._offices.get(joined.address.key, (None, None))
        if office is None or known != joined:
            # The office of this machine has moved to another process and its port, or there is a new token.
            self._offices[joined.address.key] = joined, JmapCarrier(joined.url, joined.token, joined.address, joined.ca)
            if office is not None:
                await office.close()
        return self._offices[joined.address.key][1]

    def new_token(self) -> str:
        from dearly.carriers.jmap import new_token

        return new_token()

    async def join(self, url: str, invitation: str, token: str, ca: str | None) -> Joined:
        from dearly.carriers.jmap import join

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
