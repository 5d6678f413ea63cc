"""The *smarthost*, another's mail server through which letters go to the world, as the office knows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from dearly.letter.address import Address
from dearly.letter.journey import Outcome
from dearly.office.limits import Limits

WORLD = "https://dearly.invalid/jmap/world"
"""The capability that an office with a smarthost announces; what stands in it is `World.announced`."""


class Relay(Protocol):
    """The smarthost, as the office needs it. `assemble` makes one of the mail carrier's SMTP."""

    @property
    def host(self) -> str:
        """Its name, as it is said to people."""

    @property
    def sender(self) -> Address:
        """The sender of every envelope: where the world's reports of failure go (RFC 5321 4.5.5)."""

    async def hand_over(self, data: bytes, recipient: Address, about_to: Callable[[], Awaitable[bool]]) -> Outcome:
        """One SMTP transaction. `about_to` is awaited once, right before the final dot; where it says no or raises,
        nothing is handed over. Raises `CarrierTrouble` where certainly nothing was, for a reason that is not this
        letter's."""

    async def close(self) -> None:
        """Cut what is open."""


@dataclass(frozen=True, slots=True)
class World:
    """What is told of the smarthost to those who may write through it."""

    host: str
    sender: str

    def announced(self, limits: Limits) -> dict[str, Any]:
        """The value of the capability `WORLD`."""
        return {
            "smarthost": self.host,
            "envelopeSender": self.sender,
            "recipientsAnHour": limits.world_an_hour,
            "tryingDays": limits.trying.days,
        }


@dataclass(frozen=True, slots=True)
class Pace:
    """`claimed`: for how long a node has a letter before the final dot. `handing`: for how long an outcome is waited
    for after it, longer than the mail carrier waits for an answer. `look`: seconds between two looks at the queue.
    `at_once`: letters on their way at the same time, at one node."""

    claimed: timedelta = timedelta(minutes=15)
    handing: timedelta = timedelta(minutes=20)
    look: float = 5.0
    at_once: int = 4


PACE = Pace()
