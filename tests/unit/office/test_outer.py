"""The outside of a parcel: what is taken in, and whose it says it is."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from dearly.letter.errors import Refused
from dearly.office import outer
from dearly.office.limits import DEFAULT, Limits
from tests.support.offices import packet, parcel

ADA, BERT = "ada@letters.test", "bert@letters.test"


def test_the_sender_of_a_sealed_parcel() -> None:
    assert outer.sender_of(parcel(ADA, BERT), DEFAULT) == ADA
    assert outer.sender_of(parcel("Ada@Letters.TEST", BERT), DEFAULT) == ADA
    assert outer.sender_of(parcel(ADA, BERT, 3_000_000), DEFAULT) == ADA


@pytest.mark.parametrize(
    "sender", ["ada@letters.test>, <eve@letters.test", "", "no address", "ada@letters.test\r\nFrom: <eve@letters.test"]
)
def test_not_exactly_one_sender(sender: str) -> None:
    assert outer.sender_of(parcel(sender, BERT), DEFAULT) == ""


@pytest.mark.parametrize(
    "line",
    [
        "x@evil.test (c <{ada}>)",
        'a\\", x@evil.test <{ada}>',
        "<x@evil.test> <{ada}>",
        "x@evil.test; <{ada}>",
        "x@evil.test:<{ada}>",
        "x@evil.test <{ada}>",
        "G: x@evil.test <{ada}>;",
        "<{ada}> x@evil.test",
        "<@evil.test:{ada}>",
        "[x@evil.test] <{ada}>",
        "<{ada}>\r\nSender: <x@evil.test>",
        "<{ada}>\r\nresent-from: <x@evil.test>",
    ],
)
def test_no_other_program_reads_another_sender(line: str) -> None:
    """Each of these is, to one reader of mail or another, from somebody else."""
    data = parcel(ADA, BERT).replace(f"From: <{ADA}>".encode(), f"From: {line.format(ada=ADA)}".encode(), 1)
    assert data != parcel(ADA, BERT)
    assert outer.sender_of(data, DEFAULT) == ""


@pytest.mark.parametrize(
    "line", ["{ada}", "Ada <{ada}>", '"A, \\"B\\" (c)" de Q. <{ada}>', "=?utf-8?q?Ad=C3=A9?= <{ada}>"]
)
def test_an_ordinary_sender(line: str) -> None:
    data = parcel(ADA, BERT).replace(f"From: <{ADA}>".encode(), f"From: {line.format(ada=ADA)}".encode(), 1)
    assert outer.sender_of(data, DEFAULT) == ADA
    own = data.replace(b"\r\n\r\n", f"\r\nSender: <{ADA}>\r\n\r\n".encode(), 1)
    assert outer.sender_of(own, DEFAULT) == ADA


@pytest.mark.parametrize("filling", [" ", '"', '""', "a ", '\\"', "<", "x,"])
def test_a_long_sender_is_read_once(filling: str) -> None:
    data = parcel(filling * (60_000 // len(filling)), BERT).replace(b"From: <", b"From: ", 1)
    begun = time.process_time()
    assert outer.sender_of(data, DEFAULT) == ""
    assert time.process_time() - begun < 1


def test_long_words_are_not_remembered() -> None:
    """What is read of a request may be as long as the request; nobody fills the office's memory with it."""
    tracemalloc.start()
    try:
        for n in range(8):
            assert outer.key_of(f"{n}@" + "x" * 500_000) == ""
            assert outer.sender_of(parcel(f"{n}{'x' * 60_000}@letters.test", BERT), DEFAULT) == ""
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


def test_folded_and_oddly_cased() -> None:
    data = parcel(ADA, BERT).replace(b"From: <", b"fROM :\r\n <", 1)
    with pytest.raises(Refused):  # a space before the colon is obsolete, and nobody we know writes it
        outer.sender_of(data, DEFAULT)
    assert (
        outer.sender_of(parcel(ADA, BERT).replace(b"From: <", b'fROM: "Ada, the \\"first\\""\r\n <', 1), DEFAULT) == ADA
    )


def refused(data: bytes, limits: Limits = DEFAULT) -> str:
    with pytest.raises(Refused) as trouble:
        outer.sender_of(data, limits)
    return trouble.value.code


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\n\r", b"\r\r\n"])
def test_bare_line_ends_are_refused(ending: bytes) -> None:
    """A22: what another server could take for the end of a line or a message."""
    data = parcel(ADA, BERT)
    assert refused(data.replace(b"\r\n", ending, 1)) == "bare_line_end"
    assert refused(data + b"." + ending) == "bare_line_end"


def test_what_is_not_sealed_is_refused() -> None:
    data = parcel(ADA, BERT)
    assert refused(b"") == "not_sealed"
    assert refused(b"From: <ada@letters.test>\r\nTo: <bert@letters.test>\r\n\r\nDear Bert,\r\n") == "not_sealed"
    assert refused(data + b"and clear text behind it\r\n") == "not_sealed"
    assert refused(data.replace(b"multipart/encrypted", b"multipart/mixed")) == "not_sealed"
    from tests.support.offices import armored

    clear = armored(packet(11, b"b\0\0\0\0\0Dear Bert"))
    start, end = data.index(b"-----BEGIN"), data.index(b"-----END PGP MESSAGE-----\r\n") + 27
    assert refused(data[:start] + clear + data[end:]) == "not_sealed"


def test_too_large() -> None:
    assert refused(parcel(ADA, BERT, 3_000), Limits(upload=2_000)) == "too_large"


def test_address_lists() -> None:
    value = ' "Ada, \\"the\\" first" <ada@letters.test>, bert@letters.test,, Clara <clara@letters.test>'
    assert outer.addresses(value) == [
        ('Ada, \\"the\\" first', "ada@letters.test"),
        ("", "bert@letters.test"),
        ("Clara", "clara@letters.test"),
    ]


@pytest.mark.parametrize(
    "value",
    ['"\\' * 32_000, '"' * 65_001, "<" * 65_000, "," * 65_000, '"a' * 32_001, "\r\n " * 21_000, "(" * 65_000],
)
def test_reading_headers_is_linear(value: str) -> None:
    begun = time.process_time()
    head = f"To: {value}\r\nFrom: {value}\r\n\r\n".encode()
    outer.headers(head, DEFAULT)
    outer.addresses(value)
    outer.message_ids(value)
    outer.date(value)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (" Sun, 22 Nov 2026 12:00:00 +0000", "2026-11-22T12:00:00Z"),
        ("22 Nov 2026 12:00 -0130", "2026-11-22T12:00:00-01:30"),
        ("22 Nov 2026 12:00:00 GMT", "2026-11-22T12:00:00Z"),
        ("31 Feb 2026 12:00:00 +0000", None),
        ("22 Nov 2026 12:00:00 +9999", None),
        ("22 Foo 2026 12:00:00 +0000", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(value: str, shown: str | None) -> None:
    assert outer.date(value) == shown
