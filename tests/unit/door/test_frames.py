"""Frames: what is packed comes back, and nothing else comes through."""

import asyncio
import json
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.door import frames
from dearly.door.frames import DATA, JSON, MOST_BYTES, MOST_JSON, Breach, pack, pack_json, receive, unpack_json
from dearly.door.remote import Request

GOOD = {
    "v": 1,
    "drawer": "/home/ada/drawer",
    "argv": ["post", "3"],
    "cwd": "/home/ada",
    "env": {"LANG": "de"},
    "columns": 80,
    "tty": [True, False, True],
}


def _receive(stream: bytes, most_json: int = MOST_JSON) -> list[tuple[bytes, bytes]]:
    async def work() -> list[tuple[bytes, bytes]]:
        reader = asyncio.StreamReader()
        reader.feed_data(stream)
        reader.feed_eof()
        got = []
        while not reader.at_eof():
            got.append(await receive(reader, most_json))
        return got

    return asyncio.run(work())


@given(st.lists(st.tuples(st.sampled_from([b"o", b"e", b"d"]), st.binary(max_size=300)), max_size=5))
def test_what_is_packed_comes_back(sent: list[tuple[bytes, bytes]]) -> None:
    stream = b"".join(pack(kind, body) for kind, body in sent)
    assert _receive(stream) == sent
    near, far = socket.socketpair()
    with near, far:
        near.sendall(stream)
        assert [frames.receive_from(far) for _ in sent] == sent


@given(
    st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=20), max_size=5)
)
def test_json_comes_back(value: dict[str, object]) -> None:
    packed = pack_json(value)
    assert packed[:1] == JSON
    assert unpack_json(packed[5:]) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_a_breach_or_too_short(stream: bytes) -> None:
    try:
        got = _receive(stream)
    except (Breach, EOFError):
        return
    assert b"".join(pack(kind, body) for kind, body in got) == stream


@pytest.mark.parametrize(
    "head", [b"x\0\0\0\0", b"d\xff\xff\xff\xff", b"j\xff\xff\xff\xff", struct.pack(">cI", DATA, MOST_BYTES + 1)]
)
def test_a_huge_or_strange_frame_is_refused_by_its_head_alone(head: bytes) -> None:
    with pytest.raises(Breach):
        _receive(head)
    near, far = socket.socketpair()
    with near, far:
        near.sendall(head)
        with pytest.raises(Breach):
            frames.receive_from(far)


def test_a_cut_frame_is_an_end() -> None:
    whole = pack_json(GOOD)
    for cut in range(len(whole)):
        near, far = socket.socketpair()
        with far:
            near.sendall(whole[:cut])
            near.close()
            with pytest.raises(EOFError):
                frames.receive_from(far)


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"null", b"{", b"\xff", b"[" * 60_000, b'{"a":' * 10_000])
def test_not_an_object(body: bytes) -> None:
    with pytest.raises(Breach):
        unpack_json(body)


def test_a_good_request() -> None:
    request = Request.parse(GOOD)
    assert (request.argv, request.tty, request.env) == (("post", "3"), (True, False, True), {"LANG": "de"})


@pytest.mark.parametrize("missing", ["drawer", "argv", "cwd", "env", "columns", "tty"])
def test_a_request_without_a_field(missing: str) -> None:
    with pytest.raises(Breach):
        Request.parse({name: value for name, value in GOOD.items() if name != missing})


@pytest.mark.parametrize(
    "wrong",
    [
        {"drawer": 3},
        {"argv": "post"},
        {"argv": [1]},
        {"argv": ["a\0b"]},
        {"cwd": "relative"},
        {"cwd": None},
        {"env": []},
        {"env": {"LANG": 1}},
        {"columns": 0},
        {"columns": True},
        {"columns": 10**9},
        {"columns": "80"},
        {"tty": [1, 1, 1]},
        {"tty": [True]},
        {"tty": None},
    ],
)
def test_a_request_with_a_field_of_another_kind(wrong: dict[str, object]) -> None:
    with pytest.raises(Breach):
        Request.parse({**GOOD, **wrong})


@given(
    st.dictionaries(
        st.sampled_from(sorted(GOOD)),
        st.none() | st.integers() | st.text(max_size=9) | st.lists(st.none() | st.text(max_size=3), max_size=3),
    )
)
def test_any_request_is_good_or_a_breach(value: dict[str, object]) -> None:
    try:
        Request.parse(json.loads(json.dumps({**GOOD, **value})))
    except Breach:
        return


def test_only_named_variables_are_taken() -> None:
    assert Request.parse({**GOOD, "env": {"LANG": "de", "PATH": "/x"}}).env == {"LANG": "de"}
