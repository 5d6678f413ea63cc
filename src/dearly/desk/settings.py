"""What a person has chosen about their desk, each small thing under its name in the drawer."""

from __future__ import annotations

from dataclasses import dataclass

from dearly.desk.desk import Desk
from dearly.drawer import settings
from dearly.drawer.connection import Db


@dataclass(frozen=True, slots=True)
class Look:
    """How the face appears. `language`: "" as the browser asks, else a tag; `theme`: "" as the system, "light", "dark";
    `size` of writing: "" for middle, "small", "large"."""

    language: str = ""
    theme: str = ""
    size: str = ""


async def look(desk: Desk) -> Look:
    """What was chosen."""

    def work(db: Db) -> Look:
        return Look(*(settings.get(db, name, "") for name in ("language", "theme", "size")))

    return await desk.drawer.read(work)
