"""A form that is read as it comes: the same whatever the pieces in which it comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.requests import Request

from dearly.letter.errors import DearlyError
from dearly.web.incoming import MOST_FIELD, MOST_FIELDS, Incoming
from tests.support.drawers import run

FIELD = b'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\nt0ken\r\n'
FILES = (
    b'--b\r\nContent-Disposition: form-data; name="files"; filename="a \xc3\xa9.mbox"\r\nContent-Type: x/y\r\n\r\n'
    b"From x\r\n--a\r\n--\r\n\r-\r\n--b\r\n"
    b'CONTENT-DISPOSITION: form-data; filename="b"; name="files"\r\n\r\n\r\n--b--\r\n'
)
GIVEN = [("a é.mbox", b"From x\r\n--a\r\n--\r\n\r-"), ("b", b"")]


def form(pieces: Sequence[bytes], most: int = 10_000, kind: str = "multipart/form-data; boundary=b") -> Incoming:
    waiting = list(pieces)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    return Incoming(Request(scope, receive), most)


async def read(coming: Incoming) -> tuple[dict[str, str], list[tuple[str, bytes]]]:
    await coming.begin()
    return coming.fields, [(name, b"".join([some async for some in octets])) async for name, octets in coming.files()]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 61, 10_000])
def test_it_is_the_same_in_pieces_of_any_size(size: int) -> None:
    whole = FIELD + FILES
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    assert run(lambda: read(form(pieces))) == ({"token": "t0ken"}, GIVEN)


def test_nothing_of_a_file_is_read_before_the_fields_are_there() -> None:
    async def play() -> None:
        coming = form([FIELD + FILES[:200], FILES[200:]])
        await coming.begin()
        assert coming.fields == {"token": "t0ken"}
        await coming.pass_by()
        assert [name async for name, _octets in coming.files()] == []

    run(play)


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        ([FIELD + FILES[:-3]], "bad_form"),
        ([b"--c\r\n" + FIELD], "bad_form"),
        ([FIELD.replace(b"t0ken", b"x" * (MOST_FIELD + 1)) + FILES], "bad_form"),
        ([FIELD.replace(b"token", b"n%d" % n) for n in range(MOST_FIELDS + 1)], "bad_form"),
        ([FIELD + FILES[:-8] + b"x" * 20_000], "too_large"),
        ([b""], "bad_form"),
    ],
)
def test_what_is_no_form_of_ours_is_refused(pieces: list[bytes], code: str) -> None:
    with pytest.raises(DearlyError) as caught:
        run(lambda: read(form(pieces)))
    assert caught.value.code == code


def test_a_form_without_a_boundary_is_none() -> None:
    with pytest.raises(DearlyError):
        run(lambda: read(form([FIELD], kind="multipart/form-data")))
