"""Small named values of one drawer: name of the person, cooling time, hours of the rounds.

Each is JSON, so that a value keeps its type. A setting that nobody set is absent; its default stands in the code that
reads it.
"""

from __future__ import annotations

import json
from typing import TypeVar

from dearly.drawer.connection import Db

UID = "drawer_uid"
"""Name of the setting that holds the drawer's uid; alone of all it is no JSON."""

T = TypeVar("T", str, int, bool, float, list[str], dict[str, str])


def get(db: Db, name: str, default: T) -> T:
    """The setting, or `default` where it was never set. Its type is the default's; another type gives the default."""
    text = db.value("SELECT value FROM settings WHERE name = ?", (name,))
    if text is None:
        return default
    try:
        value = json.loads(text)
    except ValueError:
        return default
    # bool is an int to isinstance; a setting that is one must not pass for the other.
    return value if type(value) is type(default) else default


def put(db: Db, name: str, value: str | bool | float | list[str] | dict[str, str]) -> None:
    """Keep the setting."""
    db.run(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, json.dumps(value, ensure_ascii=False)),
    )


def forget(db: Db, name: str) -> None:
    """Remove the setting, so that its default counts again."""
    db.run("DELETE FROM settings WHERE name = ?", (name,))
