"""What an earlier process may have left undone. Asked at every opening and look, so it imports nothing of what would
mend it."""

from __future__ import annotations

from dearly.drawer import settings
from dearly.drawer.connection import Db

KEY_INCOMPLETE = "key_incomplete"
"""A setting: there while our key does not speak for every address of ours yet."""


def attempts(db: Db) -> bool:
    """Whether an attempt never ended (F06): then `attempts.settle_unfinished` is to be run."""
    return bool(db.value("SELECT EXISTS (SELECT 1 FROM attempts WHERE ended IS NULL AND id > 0)"))


def key(db: Db) -> bool:
    """Whether there is an address of ours that our key does not speak for."""
    return settings.get(db, KEY_INCOMPLETE, False)
