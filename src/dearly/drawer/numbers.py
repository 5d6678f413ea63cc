"""The one drawer-wide sequence of numbers: whatever a person writes or is sent has one, for ever, and none comes twice.

A draft keeps its number as a letter, an arrival keeps it when it is opened. With the number goes a random uid, by
which the thing can be named outside this drawer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from dearly.drawer.connection import Db
from dearly.drawer.rows import stamp
from dearly.letter.clock import Chance


def new_number(db: Db, origin: Literal["draft", "arrival", "import"], now: datetime, chance: Chance) -> int:
    """The next number, with a uid of its own."""
    return db.insert("INSERT INTO numbers (uid, origin, made) VALUES (?, ?, ?)", (chance.token(16), origin, stamp(now)))
