"""What a person has chosen about their desk, each small thing under its name in the drawer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from dearly.desk.desk import Desk
from dearly.desk.ways import LOCAL
from dearly.drawer import accounts, settings
from dearly.drawer.connection import Db
from dearly.letter.address import header_safe
from dearly.letter.envelope import Way
from dearly.letter.errors import Usage
from dearly.letter.words import _

ROUNDS = (time(8), time(18))
"""Hours of the local day at which a waiting desk makes its rounds by itself, until the person sets others."""

MOST_ROUNDS = 6
COOLING_MINUTES = 60
"""Minutes between posting and the first collection, in which a letter can be taken back."""

MOST_COOLING = 7 * 24 * 60
SOFT_LOCK_MINUTES = 10
"""Minutes without a key pressed after which the desk locks softly."""

MOST_SOFT_LOCK = 12 * 60
"""After twelve hours the drawer is closed for good anyway."""

_LOOKS = {"language": ("", "en", "de"), "theme": ("", "light", "dark"), "size": ("", "small", "large")}


@dataclass(frozen=True, slots=True)
class Look:
    """How the face appears. `language`: "" as the browser asks, else a tag; `theme`: "" as the system, "light", "dark";
    `size` of writing: "" for middle, "small", "large"."""

    language: str = ""
    theme: str = ""
    size: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Everything that can be chosen. `rounds`: hours of the local day, in order. `place`: where one usually writes."""

    look: Look
    rounds: tuple[time, ...]
    cooling_minutes: int
    soft_lock_minutes: int
    place: str


@dataclass(frozen=True, slots=True)
class WayView:
    """A way that letters take. `place`: as letters name it. `local`: the office that the desks of this machine share;
    else `url` says where it is. `spoken`: when it last answered, None when it never has."""

    way: Way
    place: str
    address: str
    url: str
    local: bool
    since: datetime
    spoken: datetime | None
    uid: str = ""


async def look(desk: Desk) -> Look:
    """What was chosen."""

    def work(db: Db) -> Look:
        return Look(*(settings.get(db, name, "") for name in ("language", "theme", "size")))

    return await desk.drawer.read(work)


async def chosen(desk: Desk) -> Chosen:
    """Everything, as it is chosen now."""

    def work(db: Db) -> Chosen:
        return Chosen(
            Look(*(settings.get(db, name, "") for name in ("language", "theme", "size"))),
            rounds(db),
            settings.get(db, "cooling_minutes", COOLING_MINUTES),
            settings.get(db, "soft_lock_minutes", SOFT_LOCK_MINUTES),
            settings.get(db, "place", ""),
        )

    return await desk.drawer.read(work)


def rounds(db: Db) -> tuple[time, ...]:
    """The hours of the rounds, in order; there is always one."""
    try:
        hours = sorted({time.fromisoformat(text) for text in settings.get(db, "rounds", [""]) if text})
    except ValueError:
        hours = []
    return tuple(hours) or ROUNDS


async def choose_look(
    desk: Desk, language: str | None = None, theme: str | None = None, size: str | None = None
) -> Look:
    """Choose what is given; the rest stays. Raises `Usage` (bad_choice)."""
    given = {"language": language, "theme": theme, "size": size}
    wanted = {name: value for name, value in given.items() if value is not None}
    for name, value in wanted.items():
        if value not in _LOOKS[name]:
            raise _no_such_choice()

    def work(db: Db) -> None:
        for name, value in wanted.items():
            settings.put(db, name, value)

    await desk.drawer.write(work)
    return await look(desk)


async def choose_rounds(desk: Desk, hours: Sequence[time]) -> None:
    """Set the hours of the rounds: one to six a day, to the minute. Raises `Usage` (bad_rounds)."""
    clean = sorted({hour.replace(second=0, microsecond=0, tzinfo=None) for hour in hours})
    if not 1 <= len(clean) <= MOST_ROUNDS:
        raise Usage(
            "bad_rounds",
            _("A desk makes at least one round a day, and at most {n}.").format(n=MOST_ROUNDS),
            _("Two suit most people. “Go and look now” is there besides."),
        )
    await desk.drawer.write(lambda db: settings.put(db, "rounds", [f"{hour:%H:%M}" for hour in clean]))


async def choose_cooling(desk: Desk, minutes: int) -> None:
    """How long a posted letter can be taken back, 0 for not at all. Raises `Usage` (bad_choice)."""
    if not 0 <= minutes <= MOST_COOLING:
        raise _no_such_choice()
    await desk.drawer.write(lambda db: settings.put(db, "cooling_minutes", minutes))


async def choose_soft_lock(desk: Desk, minutes: int) -> None:
    """After how long without a key pressed the desk locks softly. Raises `Usage` (bad_choice)."""
    if not 1 <= minutes <= MOST_SOFT_LOCK:
        raise _no_such_choice()
    await desk.drawer.write(lambda db: settings.put(db, "soft_lock_minutes", minutes))


async def choose_place(desk: Desk, place: str) -> None:
    """Where one usually writes; a new page begins with it. Raises `Usage` (bad_text, too_long)."""
    clean = header_safe(place.strip(), _("place"))
    if len(clean) > 100:
        raise Usage("too_long", _("This is longer than the line it has to stand in."), _("A town is enough."))
    await desk.drawer.write(lambda db: settings.put(db, "place", clean))


async def ways(desk: Desk) -> list[WayView]:
    """The ways that letters take, oldest first."""

    def work(db: Db) -> list[WayView]:
        return [
            WayView(
                account.way,
                account.place,
                str(account.address),
                account.details.get("url", ""),
                account.details.get("url") == LOCAL,
                account.made,
                spoken_to(db, account.uid),
                account.uid,
            )
            for account in accounts.list_all(db)
        ]

    return await desk.drawer.read(work)


def spoken_to(db: Db, account: str) -> datetime | None:
    """When an account (its uid) last answered."""
    text = settings.get(db, f"spoken.{account}", "")
    return datetime.fromisoformat(text) if text else None


def note_spoken(db: Db, account: str, now: datetime) -> None:
    """An account (its uid) has answered just now."""
    settings.put(db, f"spoken.{account}", now.isoformat(timespec="seconds"))


def _no_such_choice() -> Usage:
    return Usage("bad_choice", _("There is no such choice."), _("Load the page again, and choose one that it shows."))
