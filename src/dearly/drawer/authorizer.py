"""What SQL in the drawer may never do, whoever wrote it: SQLite asks here before it prepares a statement.

ATTACH with an empty key would write a *plaintext* file beside the encrypted one, so there is no ATTACH at all; and no
statement may change key, cipher, journal or safety settings. `connection.connect` sets those before this stands guard.
"""

from __future__ import annotations

import apsw

_READING = frozenset(
    {
        "application_id",
        "data_version",
        "foreign_key_check",
        "freelist_count",
        "index_info",
        "index_list",
        "integrity_check",
        "page_count",
        "page_size",
        "quick_check",
        "table_info",
        "table_list",
        "user_version",
    }
)
"""Pragmas that only look."""

_NEVER = frozenset({apsw.SQLITE_ATTACH, apsw.SQLITE_DETACH})


def permit(action: int, first: str | None, second: str | None, database: str | None, _trigger: str | None) -> int:
    """SQLite's authorizer callback: OK, or DENY."""
    if action in _NEVER or database == "temp":
        return apsw.SQLITE_DENY
    if action == apsw.SQLITE_PRAGMA and (first is None or first.lower() not in _READING or not _looks(first, second)):
        return apsw.SQLITE_DENY
    if action == apsw.SQLITE_FUNCTION and second == "load_extension":
        return apsw.SQLITE_DENY
    return apsw.SQLITE_OK


def _looks(pragma: str, argument: str | None) -> bool:
    """A number of the file's own header may be read here; writing it is `migrate`'s, which lifts this guard."""
    return argument is None or pragma.lower() not in ("application_id", "user_version")
