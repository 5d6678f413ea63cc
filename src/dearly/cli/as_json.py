"""Values as JSON: the shapes that scripts rely on (docs/commands.md). Keys and enumerations never change language."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any


def plain(value: Any) -> Any:
    """`value` in JSON's terms: times as RFC 3339 in UTC, octets in hexadecimal, field `from_` as `from`.

    Fields that a value keeps out of its own repr (contents of enclosures) are kept out of JSON as well."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, PurePath):
        return str(value)
    if is_dataclass(value):
        return {f.name.rstrip("_"): plain(getattr(value, f.name)) for f in fields(value) if f.repr}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | frozenset):
        return [plain(item) for item in value]
    raise TypeError(f"no JSON for {type(value).__name__}")


def many(name: str, values: Sequence[Any], **more: Any) -> dict[str, Any]:
    """Several things: the list under `name`, and how many they are."""
    return {name: list(values), "total": len(values), **more}


def dump(value: Any) -> str:
    """`value` as one line of JSON. All in ASCII: what a stranger wrote cannot move a terminal's cursor (A20)."""
    return json.dumps(plain(value), ensure_ascii=True)
