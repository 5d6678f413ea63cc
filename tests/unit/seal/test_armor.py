"""Armor: exact line ends, a checksum, and nothing around it."""

import base64
import re

import pysequoia
import pytest

from dearly.seal.armor import armor, dearmor
from dearly.seal.packets import Malformed


@pytest.mark.parametrize("size", [1, 2, 3, 56, 57, 58, 76 * 1024 * 3 // 4, 76 * 1024 * 3 // 4 + 1, 200_000])
def test_armor_reads_back(size: int) -> None:
    data = bytes(n * 7 & 255 for n in range(size))
    text = armor(data)
    assert dearmor(text) == data
    lines = text.split(b"\r\n")
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert lines[:2] == [b"-----BEGIN PGP MESSAGE-----", b""]
    assert lines[-2:] == [b"-----END PGP MESSAGE-----", b""]
    assert re.fullmatch(rb"=[A-Za-z0-9+/]{4}", lines[-3])
    assert all(len(line) == 76 for line in lines[2:-4])
    assert 0 < len(lines[-4]) <= 76


def test_the_checksum_is_that_of_rfc_9580() -> None:
    # RFC 9580 6.1.1: the CRC-24 of nothing is its start value.
    assert b"\r\n=twTO\r\n" in armor(b"")
    assert base64.b64encode((0xB704CE).to_bytes(3, "big")) == b"twTO"


def test_another_program_reads_our_armor() -> None:
    key = bytes(pysequoia.Tsk.generate("Ada", profile=pysequoia.Profile.RFC4880).extract_certificate())
    assert bytes(pysequoia.Cert.from_bytes(armor(key, "PUBLIC KEY BLOCK"))) == key


def test_binary_is_left_alone() -> None:
    assert dearmor(b"\xc1\x02ab") == b"\xc1\x02ab"


@pytest.mark.parametrize(
    "around",
    [
        b"-----BEGIN PGP MESSAGE-----\n\nyw4=\n-----END PGP MESSAGE-----",
        b"\r\n-----BEGIN PGP MESSAGE-----\r\nVersion: 1\r\nComment: a: b\r\n \r\n"
        b"yw4=\r\n=abcd\r\n-----END PGP MESSAGE-----\r\n\r\n",
        b"-----BEGIN PGP MESSAGE-----\n\ny\nw\n4=\n=ab/d\n-----END PGP MESSAGE-----",
    ],
)
def test_forms_of_armor(around: bytes) -> None:
    assert dearmor(around) == b"\xcb\x0e"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"plain text",
        b"Hello\n-----BEGIN PGP MESSAGE-----\n\nyw4=\n-----END PGP MESSAGE-----",
        b"-----BEGIN PGP MESSAGE-----\n\nyw4=\n-----END PGP MESSAGE-----\nP.S.",
        b"-----BEGIN PGP MESSAGE-----\n\nyw4=\n-----END PGP PUBLIC KEY BLOCK-----",
        b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhi\n-----END PGP SIGNED MESSAGE-----",
        b"-----BEGIN PGP MESSAGE-----\n\nyw4=\n",
        b"-----BEGIN PGP MESSAGE-----\n\ny\n-----END PGP MESSAGE-----",
        b"-----BEGIN PGP MESSAGE-----\nno header line\n\nyw4=\n-----END PGP MESSAGE-----",
    ],
)
def test_other_text_is_malformed(text: bytes) -> None:
    with pytest.raises(Malformed):
        dearmor(text)
