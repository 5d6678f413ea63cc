"""The real clock, the real chance, and the places of this machine."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time
from pathlib import Path

from dearly.door.place import default_state


class MachineClock:
    """What time it is on this machine, and by its time zone."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def local(self) -> datetime:
        return datetime.now().astimezone()

    def on(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour).astimezone()


class MachineChance:
    """The operating system's random octets."""

    def token(self, size: int) -> bytes:
        return os.urandom(size)


CLOCK = MachineClock()
CHANCE = MachineChance()


def state_folder() -> Path:
    """Where the heads of the chains are kept outside the drawers (F20)."""
    return Path(default_state(os.environ))


def office_folder() -> Path:
    """The store of the office that the desks of this machine share."""
    import platformdirs

    return platformdirs.user_data_path("dearly-office", appauthor=False)
