"""The JMAP request and its errors (RFC 8620 3): reading it strictly, and the references between its calls.

Everything here is bounded before it is understood: size, number of values, depth, and how much a chain of references
may multiply (a call may quote an earlier answer twice, and the next call that one: 2 to the 64th).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from dearly.letter.words import _
from dearly.office.limits import Limits

T = TypeVar("T")

MOST_VALUES = 100_000
MOST_DEPTH = 32
_URN = "urn:ietf:params:jmap:error:"


class RequestError(Exception):
    """The request as a whole cannot be answered (RFC 8620 3.6.1); `kind` without its urn prefix."""

    def __init__(self, kind: str, detail: str, *, status: int = 400, limit: str | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.status, self.limit = kind, detail, status, limit

    def problem(self) -> dict[str, Any]:
        """The body of the answer (RFC 9457)."""
        kind = "about:blank" if self.kind == "about:blank" else _URN + self.kind
        body: dict[str, Any] = {"type": kind, "status": self.status, "detail": self.detail}
        return body | ({"limit": self.limit} if self.limit else {})


class MethodError(Exception):
    """One call cannot be answered (RFC 8620 3.6.2)."""

    def __init__(self, kind: str, description: str = "") -> None:
        super().__init__(description)
        self.kind, self.description = kind, description

    def answer(self) -> dict[str, Any]:
        """The arguments of the "error" response."""
        return {"type": self.kind} | ({"description": self.description} if self.description else {})


class SetError(Exception):
    """One object of a /set, import or upload is refused (RFC 8620 5.3)."""

    def __init__(self, kind: str, description: str = "", **more: object) -> None:
        super().__init__(description)
        self.kind, self.description, self.more = kind, description, more

    def answer(self) -> dict[str, Any]:
        """The SetError object."""
        return {"type": self.kind} | ({"description": self.description} if self.description else {}) | self.more


@dataclass(frozen=True, slots=True)
class Call:
    """An Invocation (RFC 8620 3.2)."""

    name: str
    arguments: dict[str, Any]
    id: str


@dataclass(frozen=True, slots=True)
class Request:
    """RFC 8620 3.3."""

    using: frozenset[str]
    calls: tuple[Call, ...]
    created: dict[str, str] | None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name twice in one object")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("beyond what a number can be")
    return value


def _too_deep(value: object) -> bool:
    level: list[object] = [value]
    for _depth in range(MOST_DEPTH):
        level = [
            child
            for one in level
            if isinstance(one, list | dict)
            for child in (one if isinstance(one, list) else one.values())
            if isinstance(child, list | dict)
        ]
        if not level:
            return False
    return True


def load(body: bytes) -> Any:
    """`body` as I-JSON (RFC 7493): UTF-8, no name twice, no lone surrogate. Raises `RequestError` (notJSON, limit)."""
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise RequestError("limit", _("There are too many values in this request."), limit="maxSizeRequest")
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        deep = _too_deep(value)
    except (ValueError, RecursionError):
        raise RequestError("notJSON", _("This is not JSON as RFC 7493 describes it.")) from None
    if deep:
        raise RequestError("limit", _("This request is nested too deeply."), limit="maxSizeRequest")
    return value


def parse(body: bytes, limits: Limits, known: frozenset[str]) -> Request:
    """The request in `body`. `known`: the capabilities that exist here. Raises `RequestError`."""
    value = load(body)
    try:
        using = frozenset(list_of(text)(value["using"]))
        calls = tuple(Call(text(n), mapping(a), text(i)) for n, a, i in list_of(anything)(value["methodCalls"]))
        made = value.get("createdIds")
        created = None if made is None else map_of(ident)(made)
    except (KeyError, TypeError, ValueError):
        raise RequestError("notRequest", _("This is JSON, but no JMAP request (RFC 8620 3.3).")) from None
    for uri in sorted(using - known):
        raise RequestError("unknownCapability", _("“{uri}” is not known here.").format(uri=uri[:200]))
    if len(calls) > limits.calls:
        raise RequestError("limit", _("There are too many calls in this request."), limit="maxCallsInRequest")
    return Request(using, calls, created)


# -- references between calls (RFC 8620 3.7)


def resolve(call: Call, answers: Sequence[Call]) -> tuple[dict[str, Any], int]:
    """The arguments with references replaced, and how many characters were quoted. Raises `MethodError`."""
    arguments: dict[str, Any] = {}
    quoted = 0
    for name, value in call.arguments.items():
        if not name.startswith("#"):
            arguments[name] = value
            continue
        if name[1:] in call.arguments:
            raise MethodError("invalidArguments", _("“{name}” is given twice.").format(name=name[1:80]))
        found = _lookup(value, answers)
        quoted += len(json.dumps(found))
        arguments[name[1:]] = found
    return arguments, quoted


def _lookup(reference: object, answers: Sequence[Call]) -> Any:
    wrong = MethodError("invalidResultReference")
    match reference:
        case {"resultOf": str(of), "name": str(name), "path": str(path)} if len(path) <= 256:
            answer = next((a for a in answers if a.id == of), None)
            if answer is None or answer.name != name or (path and not path.startswith("/")):
                raise wrong
            try:
                return _point(answer.arguments, path.split("/")[1:])
            except (KeyError, IndexError, ValueError, TypeError):
                raise wrong from None
        case _:
            raise wrong


def _point(value: Any, tokens: Sequence[str]) -> Any:
    for n, token in enumerate(tokens):
        if isinstance(value, list):
            if token == "*":  # noqa: S105  RFC 8620 3.7, not a secret
                each = [_point(one, tokens[n + 1 :]) for one in value]
                return [x for one in each for x in (one if isinstance(one, list) else [one])]
            if not re.fullmatch(r"0|[1-9][0-9]{0,9}", token):
                raise KeyError(token)
            value = value[int(token)]
        elif isinstance(value, dict):
            value = value[token.replace("~1", "/").replace("~0", "~")]
        else:
            raise KeyError(token)
    return value


# -- readers: from JSON to what a method wants, or ValueError

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
