"""Frames and values on the wire: what is sent comes back the same, and nothing else is ever accepted."""

from __future__ import annotations

import asyncio
import io
import json
import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.opening import here, sealed

from dearly.letter.address import Address
from dearly.letter.content import Enclosure
from dearly.letter.sealing import Evidence, Integrity, Key, Shape
from dearly.opener import (
    frames,
    protocol_apart,
    protocol_keys,
    protocol_letters,
    protocol_pictures,
    protocol_shown,
    protocol_trying,
    wire,
)
from dearly.opener.frames import BadFrame, Caps, Frame
from dearly.opener.limits import Locks
from dearly.opener.protocol import Operation
from dearly.opener.protocol_letters import Open
from dearly.opener.values import Opened

SMALL = Caps(json=100, blobs=3, total=50)


def both(data: bytes, caps: Caps = frames.CAPS) -> Frame | None:
    """Read by a child's blocking stream and by the desk's; both must say the same."""

    async def receive() -> Frame:
        stream = asyncio.StreamReader()
        stream.feed_data(data)
        stream.feed_eof()
        return await frames.receive(stream, caps)

    try:
        blocking: Frame | None = frames.read(io.BytesIO(data), caps)
    except BadFrame:
        with pytest.raises((BadFrame, EOFError)):
            asyncio.run(receive())
        raise
    if blocking is None:
        with pytest.raises(EOFError):
            asyncio.run(receive())
    else:
        assert asyncio.run(receive()) == blocking
    return blocking


@given(
    st.dictionaries(st.text(max_size=5), st.integers(-(2**63), 2**63) | st.text() | st.booleans() | st.none()),
    st.lists(st.binary(max_size=30), max_size=5),
)
def test_a_frame_survives_the_pipe(head: dict[str, object], blobs: list[bytes]) -> None:
    frame = Frame(head, tuple(blobs))
    assert both(b"".join(frames.encode(frame))) == frame


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: frames.MAGIC + tail))
def test_garbage_is_refused(data: bytes) -> None:
    try:
        assert both(data, SMALL) is None
        assert data == b""
    except BadFrame:
        pass


def head(text: int, blobs: int, *lengths: int) -> bytes:
    return frames.MAGIC + struct.pack(">II", text, blobs) + b"".join(struct.pack(">Q", n) for n in lengths)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(head(101, 0) + b" " * 101, id="too much JSON"),
        pytest.param(head(2, 4, 0, 0, 0, 0) + b"{}", id="too many blobs"),
        pytest.param(head(2, 1, 51) + b"{}" + b"x" * 51, id="too large a blob"),
        pytest.param(head(2, 2, 26, 25) + b"{}" + b"x" * 51, id="blobs too large together"),
        pytest.param(head(2, 1, 2**64 - 1) + b"{}", id="a blob without end"),
        pytest.param(head(2, 1, 5) + b"{}" + b"xxxx", id="cut in a blob"),
        pytest.param(head(5, 0) + b"{}", id="cut in the JSON"),
        pytest.param(head(2, 0)[:7], id="cut in the head"),
        pytest.param(head(2, 0) + b"[]", id="a list"),
        pytest.param(head(3, 0) + b"{,}", id="no JSON"),
        pytest.param(head(60, 0) + b'{"":' * 15, id="half a JSON"),
        pytest.param(head(4, 0) + b'"\xff"', id="no UTF-8"),
    ],
)
def test_what_goes_beyond_a_cap_or_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        both(data, SMALL)


def test_deep_json_is_refused() -> None:
    text = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    with pytest.raises(BadFrame):
        both(head(len(text), 0) + text)


@pytest.mark.parametrize("frame", [Frame({"a": "x" * 100}), Frame({}, (b"x",) * 4), Frame({}, (b"x" * 51,))])
def test_a_frame_that_would_be_refused_is_not_sent(frame: Frame) -> None:
    with pytest.raises(BadFrame):
        frames.encode(frame, SMALL)


# values


def there_and_back(kind: object, value: object) -> object:
    blobs: list[bytes] = []
    packed = json.loads(json.dumps(wire.pack(kind, value, blobs)))
    return wire.unpack(kind, packed, tuple(blobs))


def test_everything_that_is_ever_asked_or_answered_can_travel() -> None:
    tables = (protocol_letters, protocol_keys, protocol_shown, protocol_apart, protocol_pictures, protocol_trying)
    operations = [one for table in tables for one in vars(table).values() if isinstance(one, Operation)]
    assert len(operations) > 20
    for operation in operations:
        wire.ready(operation.takes)
        wire.ready(operation.gives)


def test_a_whole_opened_letter_travels() -> None:
    opened = here(sealed())
    assert there_and_back(Opened, opened) == opened


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (str, "ä" * 5000),
        (str, ""),
        (bytes, bytes(300)),
        (datetime, datetime(1, 1, 1, tzinfo=UTC)),
        (datetime, datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=-12, minutes=30)))),
        (Address, Address.parse("käthe@bücher.test")),
        (Evidence, Evidence(Shape.SEALED, Key.FITTED, Integrity.TOO_BIG, for_us=False)),
        (tuple[bytes, ...], ()),
        (tuple[tuple[str, str], ...], (("a", "b"), ("c", "x" * 2000))),
        (Enclosure, Enclosure("a", "b", b"c", None)),
        (int | None, None),
    ],
)
def test_values_travel(kind: object, value: object) -> None:
    assert there_and_back(kind, value) == value


@given(st.text())
def test_texts_travel_as_far_as_they_are_texts(text: str) -> None:
    assert there_and_back(str, text) == text.encode(errors="replace").decode()


BLOBS = (b"x", b"\xff\xfe")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (int, True),
        (int, 2**63),
        (int, 1.0),
        (bool, 1),
        (str, None),
        (str, "\ud800"),
        (str, 1),
        (str, 7),
        (bytes, "x"),
        (bytes, -1),
        (bytes, 2),
        (bytes, True),
        (datetime, "2026-01-01T00:00:00"),
        (datetime, "soon"),
        (datetime, 5),
        (Address, "ada@letters.test\r\nBcc: eve@letters.test"),
        (Address, "nobody"),
        (Address, ["ada", "letters.test"]),
        (Shape, "golden"),
        (Shape, ["sealed"]),
        (Locks, [True, 1]),
        (Locks, [True, 1, True, 1]),
        (Locks, {"seccomp": True}),
        (tuple[str, ...], "abc"),
        (tuple[str, ...], ["a"] * 20_001),
        (tuple[tuple[str, str], ...], [["a"]]),
        (Open, []),
    ],
)
def test_what_is_not_what_was_expected_is_refused(kind: object, data: object) -> None:
    with pytest.raises(BadFrame):
        wire.unpack(kind, data, BLOBS)


def test_only_declared_kinds_travel() -> None:
    for kind in (object, dict[str, str], list[int], int | str):
        with pytest.raises((TypeError, AssertionError)):
            wire.ready(kind)
