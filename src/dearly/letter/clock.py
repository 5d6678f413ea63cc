"""Time and chance as values that are handed in, so that every rule can be tested at any hour.

`dearly.assemble` gives the real ones; nothing else in the program asks the machine for the time or for randomness,
except the cryptography in `seal` and `drawer`, whose keys never come from `Chance`.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Protocol


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """The time as an aware datetime in UTC."""

    def local(self) -> datetime:
        """The time as an aware datetime with the offset of the place where the person is."""

    def on(self, day: date, hour: time) -> datetime:
        """That hour of that day, at the place where the person is, with the offset that holds there then."""


class Chance(Protocol):
    """Random identifiers. Never keys."""

    def token(self, size: int) -> bytes:
        """`size` random octets."""
