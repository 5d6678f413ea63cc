"""A clock that stands still until told, and chance that can be foretold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class FixedClock:
    """`now()` is `at` until `pass_` moves it; `local()` is the same instant at UTC+`hours`."""

    at: datetime = NOON
    hours: int = 2

    def now(self) -> datetime:
        return self.at

    def local(self) -> datetime:
        return self.at.astimezone(timezone(timedelta(hours=self.hours)))

    def on(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour, timezone(timedelta(hours=self.hours)))

    def pass_(self, **span: float) -> datetime:
        self.at += timedelta(**span)
        return self.at


@dataclass
class CountedChance:
    """Tokens that are all different and the same in every run."""

    seed: str = "fixed"
    n: int = field(default=0)

    def token(self, size: int) -> bytes:
        self.n += 1
        return hashlib.shake_256(f"{self.seed}/{self.n}".encode()).digest(size)
