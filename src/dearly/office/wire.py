"""The JMAP request (RFC 8620 3): reading it strictly, and the references between its calls.

Everything here is bounded before it is understood: size, number of values, depth, and how much a chain of references
may multiply (a call may quote an earlier answer twice, and the next call that one: 2 to the 64th).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from dearly.letter.words import _
from dearly.office.limits import Limits
from dearly.office.readers import anything, ident, list_of, map_of, mapping, text
from dearly.office.refusals import MethodError, RequestError

T = TypeVar("T")

MOST_VALUES = 100_000
MOST_DEPTH = 32


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


# Made once: `json.loads` makes one anew for each text where it is given anything else than the text.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


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
        value = _DECODER.decode(text)
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
