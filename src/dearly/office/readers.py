"""From JSON to what a method wants: small readers that raise ValueError, and arguments taken one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from dearly.letter.words import _
from dearly.office.refusals import MethodError, SetError

T = TypeVar("T")

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z\Z")


def anything(value: Any) -> Any:
    """Any JSON value."""
    return value


def text(value: object) -> str:
    """A String."""
    if not isinstance(value, str):
        raise ValueError("not a string")  # noqa: TRY004  every reader says no in one way
    return value


def ident(value: object) -> str:
    """An Id (RFC 8620 1.2)."""
    if not isinstance(value, str) or not _ID.match(value):
        raise ValueError("not an id")
    return value


def ident_or_new(value: object) -> str:
    """An Id, or a creation id behind "#" (RFC 8620 5.3)."""
    return value if isinstance(value, str) and value.startswith("#") and ident(value[1:]) else ident(value)


def flag(value: object) -> bool:
    """A Boolean."""
    if not isinstance(value, bool):
        raise ValueError("not true or false")  # noqa: TRY004  every reader says no in one way
    return value


def whole(value: object) -> int:
    """An Int (RFC 8620 1.3)."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**53:
        raise ValueError("not a whole number")
    return value


def count(value: object) -> int:
    """An UnsignedInt."""
    if whole(value) < 0:
        raise ValueError("below zero")
    return whole(value)


def utc(value: object) -> datetime:
    """A UTCDate (RFC 8620 1.4)."""
    if not _UTC.match(text(value)):
        raise ValueError("not a UTCDate")
    return datetime.fromisoformat(text(value)[:19]).replace(tzinfo=UTC)


def mapping(value: object) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004  every reader says no in one way
    return value


def list_of(one: Callable[[Any], T]) -> Callable[[object], list[T]]:
    """An array of such."""

    def read(value: object) -> list[T]:
        if not isinstance(value, list):
            raise ValueError("not an array")  # noqa: TRY004  every reader says no in one way
        return [one(v) for v in value]

    return read


def map_of(one: Callable[[Any], T]) -> Callable[[object], dict[str, T]]:
    """An object from Ids to such."""

    def read(value: object) -> dict[str, T]:
        return {ident(k): one(v) for k, v in mapping(value).items()}

    return read


def or_null(one: Callable[[Any], T]) -> Callable[[object], T | None]:
    """Such, or null."""
    return lambda value: None if value is None else one(value)


_MUST = object()


class Arguments:
    """The arguments of a call, or the properties of an object, taken one by one; what is left over is an error."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._left = dict(given)
        self._wrong: list[str] = []

    def take(self, name: str, read: Callable[[Any], T], default: Any = _MUST) -> T:
        """The value of `name`; `default` when it is absent. A wrong one shows at `method` or `properties`."""
        if name not in self._left:
            if default is _MUST:
                self._wrong.append(name)
                raise self._error()
            return default  # type: ignore[no-any-return]  # the caller gives a default of the kind it reads
        try:
            return read(self._left.pop(name))
        except (ValueError, OverflowError):
            self._wrong.append(name)
            raise self._error() from None

    def done(self) -> None:
        """Nothing else may have been given."""
        if self._left:
            self._wrong += sorted(self._left)
            raise self._error()

    def _error(self) -> Exception:
        names = ", ".join(n[:60] for n in self._wrong[:8])
        return MethodError("invalidArguments", _("Missing, unknown or wrong: {names}.").format(names=names))


class Properties(Arguments):
    """As `Arguments`, for one object of a /set: the error is a `SetError`."""

    def _error(self) -> Exception:
        names = [n[:60] for n in self._wrong[:8]]
        text_ = _("Missing, unknown or wrong: {names}.").format(names=", ".join(names))
        return SetError("invalidProperties", text_, properties=names)
