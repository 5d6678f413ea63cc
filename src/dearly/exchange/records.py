"""The values of `letter.leaving` as JSON and back, strictly: what a bundle's lines are made of (docs/bundle.md).

A value is an object with the names of its fields; a time is RFC 3339 with its offset; octets, and texts longer than
`LONGEST_TEXT`, are not in the line but a blob, and the line holds {"blob": SHA-256 in hex, "size": octets}. Fields that
say nothing (null, empty) are left out. What reads this in thirty years needs no more than a JSON reader.

Read back, it is foreign: every field must have its own type, and there are at most `MOST_TOGETHER` things in a list.
Fields that are not known are passed over, so that a later version may add some.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

LONGEST_TEXT = 32_768
"""Characters of a text that stands in the line itself."""

MOST_TOGETHER = 20_000
"""Things in one list."""

Put = Callable[[bytes], str]
"""Keeps octets as a blob; their SHA-256 in hex."""

Get = Callable[[str, int], bytes]
"""The octets of a blob, by SHA-256 in hex and size. Raises `Wrong` where they are not there or not those."""


class Wrong(Exception):
    """This is not what a record may hold; the words say what, for a person who looks into the file."""


def to_json(value: Any, put: Put) -> Any:
    """What stands in the line for a value."""
    if is_dataclass(value) and not isinstance(value, type):
        said = {one.name: getattr(value, one.name) for one in fields(value)}
        return {name: to_json(one, put) for name, one in said.items() if one not in (None, "", ())}
    if isinstance(value, bytes):
        return {"blob": put(value), "size": len(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [to_json(one, put) for one in value]
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        octets = value.encode()
        return {"blob": put(octets), "size": len(octets)}
    return value


def from_json(kind: type[T], given: Any, get: Get) -> T:
    """The value that `to_json` wrote. Raises `Wrong`."""
    value: T = _read(kind, given, get)
    return value


def _read(kind: Any, given: Any, get: Get) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(kind, given, get)
    origin = get_origin(kind)
    if origin is tuple:
        if not isinstance(given, list) or len(given) > MOST_TOGETHER:
            raise Wrong("a list is expected, and not too long a one")
        return tuple(_read(get_args(kind)[0], one, get) for one in given)
    if origin in (Union, types.UnionType):
        if given is None:
            return None
        return _read(next(one for one in get_args(kind) if one is not type(None)), given, get)
    if origin is Literal:
        if given not in get_args(kind):
            raise Wrong("a word that is not known here")
        return given
    return _plain(kind, given, get)


def _plain(kind: Any, given: Any, get: Get) -> Any:
    if kind is bytes:
        return _blob(given, get)
    if kind is str and isinstance(given, dict):
        try:
            return _blob(given, get).decode()
        except UnicodeDecodeError:
            raise Wrong("a text is not UTF-8") from None
    if kind is datetime:
        return _time(given)
    # bool is an int to isinstance.
    if type(given) is not kind:
        raise Wrong(f"{kind.__name__} is expected")
    if kind is int and abs(given) >= 1 << 63:
        raise Wrong("too large a number")
    if kind is str and not _sound(given):
        raise Wrong("half a character")
    return given


def _record(kind: type[Any], given: Any, get: Get) -> Any:
    if not isinstance(given, dict):
        raise Wrong("an object is expected")
    found = {}
    for name, (hint, empty) in _shape(kind).items():
        if name in given:
            found[name] = _read(hint, given[name], get)
        elif empty is not MISSING:
            found[name] = empty
        else:
            raise Wrong(f"{name} is missing")
    return kind(**found)


_shapes: dict[type[Any], dict[str, tuple[Any, Any]]] = {}


def _shape(kind: type[Any]) -> dict[str, tuple[Any, Any]]:
    """The fields of a record: type, and what stands for one that is left out. Looked at once: it takes a while."""
    if kind in _shapes:
        return _shapes[kind]
    hints = get_type_hints(kind)
    shape: dict[str, tuple[Any, Any]] = {}
    for one in fields(kind):
        empty: Any = one.default
        if empty is MISSING and hints[one.name] is str:
            empty = ""
        elif empty is MISSING and get_origin(hints[one.name]) is tuple:
            empty = ()
        elif empty is MISSING and type(None) in get_args(hints[one.name]):
            empty = None
        shape[one.name] = (hints[one.name], empty)
    _shapes[kind] = shape
    return shape


def _blob(given: Any, get: Get) -> bytes:
    if not isinstance(given, dict):
        raise Wrong("a blob is expected")
    digest, size = given.get("blob"), given.get("size")
    if not isinstance(digest, str) or type(size) is not int:
        raise Wrong("a blob is named by its digest and size")
    return get(digest, size)


def _time(given: Any) -> datetime:
    try:
        found = datetime.fromisoformat(given)
        if found.utcoffset() is None:
            raise Wrong("a time without its offset")
        found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise Wrong("not a time") from None
    return found


def _sound(text: str) -> bool:
    """Whether any encoding can carry it: JSON can hold half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
