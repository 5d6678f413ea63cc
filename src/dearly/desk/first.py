"""The first day, as a page asks for it: where one is, the kit, how good a passphrase is; and what a lock page says."""

from __future__ import annotations

import math
import re
from enum import IntEnum
from itertools import pairwise

from dearly.desk import keep
from dearly.desk import settings as choices
from dearly.desk.desk import Desk
from dearly.desk.keeper import Leaving
from dearly.drawer import kit, outbox, settings
from dearly.drawer.connection import Db
from dearly.letter.envelope import Way
from dearly.letter.errors import Refused
from dearly.letter.journey import State
from dearly.letter.words import _

SHORTEST = 12
"""Characters of a new passphrase, at the least."""

KIT, POST = "kit", "post"
_TO_DO = "first_day"
"""The steps of the first day that are still to come. Not there: they are done, or were done at the command line."""


async def begin(desk: Desk, place: str) -> None:
    """Note where the person writes from ("" for nowhere), and that the kit and the post are still to be seen to."""
    if place.strip():
        await choices.choose_place(desk, place)
    await desk.drawer.write(lambda db: settings.put(db, _TO_DO, [KIT, POST]))


async def to_do(desk: Desk) -> list[str]:
    """The steps of the first day that are still to come, in order."""
    return await desk.drawer.read(_to_do)


def _to_do(db: Db) -> list[str]:
    steps: list[str] = settings.get(db, _TO_DO, [])
    return steps


async def done(desk: Desk, step: str) -> None:
    """Count a step as done, or as put off for good: the desk does not come back to it by itself."""

    def work(db: Db) -> None:
        if step in (steps := _to_do(db)):
            settings.put(db, _TO_DO, [other for other in steps if other != step])

    await desk.drawer.write(work)


async def kit_sheet(desk: Desk) -> keep.Sheet:
    """The kit, on the first day. Raises `Refused` (kit_seen) once that is over: then it wants the passphrase."""
    await _still_first_day(desk)
    return keep.fresh_sheet(desk)


async def kit_text(desk: Desk) -> str:
    """The kit as a text for a file, on the first day. Raises as `kit_sheet`."""
    await _still_first_day(desk)
    return kit.text(desk.drawer.data_key, desk.drawer.uid, desk.clock.now())


async def _still_first_day(desk: Desk) -> None:
    if KIT not in await to_do(desk):
        raise Refused(
            "kit_seen",
            _("The recovery kit is shown on the first day only."),
            _("The settings print a new sheet, for whoever knows the passphrase."),
        )


async def leaving(desk: Desk) -> Leaving | None:
    """What leaves by itself while the desk is locked softly."""
    travels = await desk.drawer.read(lambda db: outbox.listing(db, pending=True))
    moving = {State.WAITING, State.TRYING, State.DATED}
    waiting = [travel for travel in travels if travel.journey.state in moving and travel.way is not Way.HAND]
    if not waiting:
        return None
    return Leaving(len({travel.number for travel in waiting}), min(travel.journey.not_before for travel in waiting))


class Strength(IntEnum):
    """How long a passphrase holds against somebody who has a copy of the drawer and good machines."""

    EMPTY = 0
    SHORT = 1
    WEAK = 2
    """Days, or less."""
    FAIR = 3
    """Years, for somebody who wants it very much."""
    GOOD = 4
    """Longer than anybody lives."""


def strength(passphrase: str, *others: str) -> Strength:
    """An estimate, on the careful side. `others`: what is known of the person, such as the name."""
    text = " ".join(passphrase.split())
    if not text:
        return Strength.EMPTY
    if len(text) < SHORTEST:
        return Strength.SHORT
    bits = _bits(text, others)
    return Strength.WEAK if bits < 36 else Strength.FAIR if bits < 52 else Strength.GOOD


_WORD_BITS = 10.5
"""Of a word that a person thinks of: as one of about 1,500. Nobody chooses evenly from a dictionary."""

_KNOWN = frozenset(
    [
        "password",
        "passphrase",
        "passwort",
        "kennwort",
        "geheim",
        "secret",
        "letmein",
        "welcome",
        "willkommen",
        "admin",
        "login",
        "qwerty",
        "qwertz",
        "asdf",
        "abcdef",
        "dragon",
        "monkey",
        "football",
        "iloveyou",
        "ichliebedich",
        "hallo",
        "hello",
        "correct",
        "horse",
        "battery",
        "staple",
        "dearly",
        "desk",
        "letter",
        "letters",
        "brief",
        "briefe",
        "schreibtisch",
        "love",
        "liebe",
        "sunshine",
        "princess",
        "summer",
        "winter",
        "sommer",
        "monday",
        "montag",
        "january",
        "januar",
        "test",
        "user",
        "drawer",
        "open",
    ]
)
"""What is tried first everywhere: it counts as hardly anything."""

_ROWS = ("abcdefghijklmnopqrstuvwxyz", "0123456789", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm")


def _bits(text: str, others: tuple[str, ...]) -> float:
    known = _KNOWN | {part for other in others for part in re.findall(r"\w{2,}", other.lower())}
    bits, seen = 0.0, set[str]()
    for piece in re.findall(r"[^\W\d_]+|\d+|[\W_]", text):
        low = piece.lower()
        if piece == " ":
            continue
        if low in seen:
            bits += 1
        elif low in known or _in_a_row(low):
            bits += 3
        elif piece.isalpha():
            bits += min(_WORD_BITS, _spelled(low)) + (1 if low != piece and piece != low.capitalize() else 0)
        elif piece.isdigit():
            bits += min(len(piece), 6) * 2.5  # mostly a year, a date, a number of the person's
        else:
            bits += 3
        seen.add(low)
    # What is no words at all, such as a line from a password manager, is worth what its characters are.
    random = _random_bits(text) if not _reads_as_words(text) else 0.0
    return max(bits, random)


def _spelled(word: str) -> float:
    return len(set(word)) * 2.6


def _in_a_row(piece: str) -> bool:
    """A run of the alphabet or of the keyboard, either way, or one character again and again."""
    if len(piece) < 3:
        return False
    return len(set(piece)) == 1 or any(piece in row or piece[::-1] in row for row in _ROWS)


def _reads_as_words(text: str) -> bool:
    """Whether it is mostly words as people spell them: long runs of letters of one case."""
    runs = re.findall(r"[^\W\d_]?[a-zß-ÿ]{2,}|[A-Z]{3,}", text)
    return sum(map(len, runs)) * 2 > len(text)


def _random_bits(text: str) -> float:
    pool = sum(
        size
        for pattern, size in (("[a-z]", 26), ("[A-Z]", 26), (r"\d", 10), (r"[^\w]|_", 20), (r"[^\x00-\x7f]", 40))
        if re.search(pattern, text)
    )
    changes = 1 + sum(1 for one, other in pairwise(text) if abs(ord(one) - ord(other)) > 1)
    return math.log2(max(pool, 2)) * min(changes, len(set(text)) * 1.5)
