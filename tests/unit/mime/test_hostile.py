"""Shapes made to be slow, deep or endless: refused by a limit, or read at once (A27)."""

from __future__ import annotations

import sys
from time import process_time

import pytest

from dearly.letter.errors import Exit
from dearly.mime import limits
from dearly.mime.pgpmime import sealed_shape, shape
from dearly.mime.read import Unreadable, outline, readable
from tests.support import parcels

HOSTILE = parcels.hostile()
REFUSED = {
    "500 nested multiparts": "too_deep",
    "2000 nested multiparts": "too_deep",
    "100000 parts": "too_many_parts",
    "50000 addresses": "header_too_long",
    "20000 encoded words": "header_too_long",
    "5000 continuations": "header_too_long",
    "subject folded 200000 times": "header_too_long",
    "100000 header fields": "too_many_headers",
    "one endless header": "header_too_long",
    "endless near boundaries": "too_tangled",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_or_read_at_once(name: str) -> None:
    raw = HOSTILE[name]
    begun = process_time()
    if name in REFUSED:
        with pytest.raises(Unreadable) as caught:
            outline(raw)
        assert (caught.value.code, caught.value.exit) == (REFUSED[name], Exit.REFUSED)
        assert caught.value.message
        assert caught.value.hint
    else:
        found = outline(raw)
        readable(raw, found)
        shape(raw, found)
    sealed_shape(raw)
    # Far above what any of them takes (under a second on a slow machine), far below a square of their length.
    assert process_time() - begun < 10


def test_limits_are_where_they_are_said_to_be() -> None:
    for raw in (
        parcels.many_parts(limits.MOST_PARTS - 1),
        parcels.nested(limits.MOST_DEPTH),
        b"X: y\r\n" * limits.MOST_FIELDS + b"\r\n",
        b"X: " + b"y" * (limits.LONGEST_FIELD - 5) + b"\r\n\r\n",
    ):
        outline(raw)
    for raw, code in (
        (parcels.many_parts(limits.MOST_PARTS), "too_many_parts"),
        (parcels.nested(limits.MOST_DEPTH + 1), "too_deep"),
        (b"X: y\r\n" * (limits.MOST_FIELDS + 1) + b"\r\n", "too_many_headers"),
        (b"X: " + b"y" * (limits.LONGEST_FIELD - 4) + b"\r\n\r\n", "header_too_long"),
        (b"X: " + b"y\r\n " * limits.LONGEST_FIELD + b"\r\n\r\n", "header_too_long"),
        (b"".join(b"X%d: %s\r\n" % (i, b"y" * 60_000) for i in range(10)), "header_too_long"),
        (parcels.multi(b"multipart/mixed", *[b"X: y\r\n" * 20 + b"\r\nx"] * 500), "too_many_headers"),
    ):
        with pytest.raises(Unreadable) as caught:
            outline(raw)
        assert caught.value.code == code


def test_deep_letters_are_scanned_a_limited_number_of_times() -> None:
    innermost = b"Content-Type: text/plain\r\n\r\n" + b"x" * 3_000_000
    assert outline(parcels.nested(10, innermost)).parts
    with pytest.raises(Unreadable) as caught:
        outline(parcels.nested(40, innermost))
    assert caught.value.code == "too_tangled"


def test_nothing_recurses() -> None:
    """The readers are loops: a small stack is enough for the deepest letter that is read."""
    before = sys.getrecursionlimit()
    raws = [
        parcels.nested(limits.MOST_DEPTH),
        HOSTILE["5000 comments"],
        HOSTILE["2000 nested messages"],
        parcels.html("<b>" * 390),
    ]
    try:
        sys.setrecursionlimit(before // 2)
        for raw in raws:
            readable(raw, outline(raw))
    finally:
        sys.setrecursionlimit(before)


def test_time_grows_with_length_and_not_with_its_square() -> None:
    """Ten times the octets in about ten times the time: the factor of a square would be a hundred."""

    def took(count: int) -> float:
        raws = [
            parcels.html("<p>a <b>word</b> and <a href='https://letters.test'>a link</a></p>" * count),
            parcels.text(b"utf-8; format=flowed", b"a \r\n" * count * 10),
            parcels.multi(b"multipart/mixed", b"\r\n" + b"--BC\r\n-----\r\n" * count * 10),
            parcels.sent_by(b"(" * count + b")" * count + b"ada@letters.test"),
        ]
        best = 1e9
        for _attempt in range(3):
            begun = process_time()
            for raw in raws:
                readable(raw, outline(raw))
            best = min(best, process_time() - begun)
        return best

    assert took(10_000) / took(1_000) < 40
