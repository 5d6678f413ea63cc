"""The JMAP request: strict reading, and references between calls (RFC 8620 3)."""

from __future__ import annotations

import json

import pytest

from dearly.office.limits import DEFAULT
from dearly.office.readers import (
    Arguments,
    count,
    flag,
    ident,
    ident_or_new,
    list_of,
    map_of,
    or_null,
    text,
    utc,
    whole,
)
from dearly.office.refusals import MethodError, RequestError
from dearly.office.wire import Call, load, parse, resolve

KNOWN = frozenset({"urn:ietf:params:jmap:core"})


def kind(body: bytes) -> str:
    with pytest.raises(RequestError) as trouble:
        parse(body, DEFAULT, KNOWN)
    return trouble.value.kind


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'"\\ud800"',
        b'{"a":1,"a":2}',
        b"NaN",
        b"[Infinity]",
        b"[1e999]",
        b"1" * 5_000,
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_i_json(body: bytes) -> None:
    assert kind(body) == "notJSON"


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"using": "x", "methodCalls": []},
        {"using": [], "methodCalls": [["Core/echo", {}]]},
        {"using": [], "methodCalls": [["Core/echo", [], "0"]]},
        {"using": [], "methodCalls": [[1, {}, "0"]]},
        {"using": [], "methodCalls": [7]},
        {"using": [], "methodCalls": [], "createdIds": []},
        {"using": [], "methodCalls": [], "createdIds": {"a b": "c"}},
    ],
)
def test_json_that_is_no_request(value: object) -> None:
    assert kind(json.dumps(value).encode()) == "notRequest"


def test_unknown_capability_and_too_many_calls() -> None:
    assert kind(b'{"using":["urn:what"],"methodCalls":[]}') == "unknownCapability"
    many = {"using": [], "methodCalls": [["Core/echo", {}, "0"]] * (DEFAULT.calls + 1)}
    with pytest.raises(RequestError) as trouble:
        parse(json.dumps(many).encode(), DEFAULT, KNOWN)
    assert trouble.value.problem()["limit"] == "maxCallsInRequest"


def test_bounded_before_it_is_understood() -> None:
    deep = b'{"using":' + b"[" * 500 + b"]" * 500 + b"}"
    wide = b"[" + b"[]," * 200_000 + b"[]]"
    assert kind(deep) == kind(wide) == kind(b"[" * 90_000) == "limit" or kind(b"[" * 90_000) == "notJSON"
    assert load(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def answers() -> list[Call]:
    return [
        Call("Email/query", {"ids": ["a", "b"], "total": 2}, "q"),
        Call("Email/get", {"list": [{"id": "a", "to": ["x", "y"]}, {"id": "b", "to": ["z"]}], "x/y": {"~": 1}}, "g"),
    ]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/list/*/id", ["a", "b"]),
        ("/list/*/to", ["x", "y", "z"]),
        ("/list/1/to/0", "z"),
        ("/x~1y/~0", 1),
    ],
)
def test_references(path: str, found: object) -> None:
    call = Call("Email/get", {"#ids": {"resultOf": "g", "name": "Email/get", "path": path}}, "h")
    assert resolve(call, answers())[0] == {"ids": found}


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ({"resultOf": "x", "name": "Email/get", "path": "/list"}, "invalidResultReference"),
        ({"resultOf": "g", "name": "Email/query", "path": "/list"}, "invalidResultReference"),
        ({"resultOf": "g", "name": "Email/get", "path": "list"}, "invalidResultReference"),
        ({"resultOf": "g", "name": "Email/get", "path": "/nothing"}, "invalidResultReference"),
        ({"resultOf": "g", "name": "Email/get", "path": "/list/7"}, "invalidResultReference"),
        ({"resultOf": "g", "name": "Email/get", "path": "/list/-1"}, "invalidResultReference"),
        ({"resultOf": "g", "name": "Email/get", "path": "/list/01"}, "invalidResultReference"),
        ({"resultOf": "g", "name": "Email/get", "path": "/list/0/id/deeper"}, "invalidResultReference"),
        ({"resultOf": "g", "name": "Email/get"}, "invalidResultReference"),
        ("g", "invalidResultReference"),
    ],
)
def test_wrong_references(reference: object, error: str) -> None:
    with pytest.raises(MethodError) as trouble:
        resolve(Call("Email/get", {"#ids": reference}, "h"), answers())
    assert trouble.value.kind == error


def test_a_name_given_plainly_and_by_reference() -> None:
    call = Call("Email/get", {"ids": [], "#ids": {"resultOf": "q", "name": "Email/query", "path": "/ids"}}, "h")
    with pytest.raises(MethodError) as trouble:
        resolve(call, answers())
    assert trouble.value.kind == "invalidArguments"


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (ident, ["a", "A-_9", "x" * 255], ["", "a b", "ä", "x" * 256, 1, None, "a\n"]),
        (ident_or_new, ["#a", "a"], ["#", "##a", "#a b", 1]),
        (flag, [True, False], [0, 1, "true", None]),
        (whole, [-1, 0, 2**53 - 1], [True, 1.0, 2**53, "1", None]),
        (count, [0, 7], [-1, True, None]),
        (utc, ["2026-01-31T00:00:00Z"], ["2026-01-32T00:00:00Z", "2026-01-01", 5, "2026-01-01T00:00:00+01:00"]),
        (utc, ["2026-01-31T00:00:00.123Z"], ["0000-01-01T00:00:00Z"]),
        (list_of(ident), [[], ["a"]], [None, "a", [1], {}]),
        (map_of(text), [{}, {"a": "b"}], [[], {"": "b"}, {"a": 1}]),
        (or_null(count), [None, 1], ["x", -1]),
    ],
)  # fmt: skip
def test_readers(read: object, good: list[object], bad: list[object]) -> None:
    for value in good:
        read(value)  # type: ignore[operator]  # any of the readers
    for value in bad:
        with pytest.raises(ValueError):
            read(value)  # type: ignore[operator]  # as above


def test_what_is_left_over_is_an_error() -> None:
    a = Arguments({"a": 1, "b": 2})
    assert a.take("a", whole) == 1
    with pytest.raises(MethodError, match="b"):
        a.done()
    with pytest.raises(MethodError, match="missing"):
        Arguments({}).take("missing", whole)
