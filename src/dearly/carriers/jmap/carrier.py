"""An account on a JMAP server as a carrier: the face of this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dearly.carriers.base import Collected, Report
from dearly.carriers.jmap import collecting, looking, posting, world
from dearly.carriers.jmap.line import Line, NotDone
from dearly.carriers.jmap.session import Account
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter, Source, Way
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Evidence, Outcome


class JmapCarrier:
    """`Posts`, `PostsMany`, `Reports`, `Relays` and `Collects` for one address on one server.

    `url`: of the server or of its session resource; https, or http on this machine. `token`: its bearer token, which
    is sent to this server and shown nowhere. `ca`: PEM text of an authority, which alone is trusted then.
    Raises `Usage` (bad_office_url, insecure_office, bad_token, bad_ca_file). Nothing is asked before the first act.
    An instance belongs to the event loop in which it is first used."""

    way = Way.OFFICE

    def __init__(self, url: str, token: str, address: Address, ca: str | None = None) -> None:
        self._account = Account(Line(url, token, ca), address)
        self.place = str(address)

    def __repr__(self) -> str:
        return f"JmapCarrier({self._account.line.host!r}, {self.place!r})"

    async def hand_over(self, letter: SealedLetter) -> Mapping[Address, Outcome]:
        return (await posting.hand_over(self._account, [letter]))[0]

    async def hand_over_many(self, letters: Sequence[SealedLetter]) -> Sequence[Mapping[Address, Outcome]]:
        return await posting.hand_over(self._account, letters)

    async def look_for(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        return await looking.look_for(self._account, letter)

    async def ask_after(self, letter: SealedLetter) -> Mapping[Address, Report]:
        return await looking.ask_after(self._account, letter)

    async def relays(self) -> str:
        try:
            return (await self._account.session()).world
        except NotDone as trouble:
            raise CarrierTrouble("office_unreachable", trouble.why, retry=True) from None

    async def recall(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        return await world.recall(self._account, letter)

    async def collect(self, cursor: str) -> Collected:
        return await collecting.collect(self._account, cursor)

    async def acknowledge(self, sources: Sequence[Source]) -> None:
        await collecting.acknowledge(self._account, sources)

    async def close(self) -> None:
        await self._account.line.close()
