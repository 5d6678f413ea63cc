"""The concrete carriers, behind `desk.desk.Ways`."""

from __future__ import annotations

from pathlib import Path

from dearly.assemble.local_office import LocalOffice
from dearly.carriers.base import Collects, Posts
from dearly.desk.desk import LOCAL, Joined, Office


class MachineWays:
    """Carriers by network, by this machine's own office, and by hand."""

    def __init__(self, office_folder: Path) -> None:
        self._local = LocalOffice(office_folder)
        self._offices: dict[tuple[str, str], Office] = {}

    async def office(self, joined: Joined) -> Office:
        from dearly.carriers.jmap import JmapCarrier

        url = await self._local.url() if joined.url == LOCAL else joined.url
        where = (url, joined.address.key)
        if where not in self._offices:
            self._offices[where] = JmapCarrier(url, joined.token, joined.address, joined.ca)
        return self._offices[where]

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

    def hand_in(self, source: Path) -> Collects:
        from dearly.carriers.hand import HandIn

        return HandIn(source)

    async def close(self) -> None:
        for office in self._offices.values():
            await office.close()
        self._offices.clear()
        await self._local.close()
