"""Framing reads every form of length, and refuses what no program writes."""

import pytest

from dearly.seal import packets
from dearly.seal.packets import Malformed, Packet, Tag, mpi, read, read_mpi, write


@pytest.mark.parametrize("size", [0, 1, 191, 192, 8383, 8384, 70000])
def test_written_packets_read_back(size: int) -> None:
    body = bytes(size)
    assert read(write(Tag.LITERAL, body) + write(Tag.SIGNATURE, b"x")) == [(Tag.LITERAL, body), (Tag.SIGNATURE, b"x")]


@pytest.mark.parametrize("width", [1, 2, 4])
def test_old_headers(width: int) -> None:
    kind = {1: 0, 2: 1, 4: 2}[width]
    data = bytes([0x80 | Tag.SIGNATURE << 2 | kind]) + (3).to_bytes(width, "big") + b"abc"
    assert read(data + data) == [(Tag.SIGNATURE, b"abc")] * 2


def test_indeterminate_length_takes_the_rest() -> None:
    assert read(bytes([0x80 | Tag.COMPRESSED << 2 | 3]) + b"rest") == [(Tag.COMPRESSED, b"rest")]


def test_pieces_are_joined() -> None:
    data = bytes([0xC0 | Tag.LITERAL, 0xE9]) + b"a" * 512 + b"\xe9" + b"b" * 512 + b"\x01c"
    assert read(data) == [(Tag.LITERAL, b"a" * 512 + b"b" * 512 + b"c")]


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"\xc2",
        b"\xc2\x05abc",
        b"\xc2\xff\0\0",
        b"\xc2\xc0",
        bytes([0xC0 | Tag.SIGNATURE, 0xE9]) + bytes(512) + b"\0",  # pieces of a packet that may not have them
        bytes([0xC0 | Tag.LITERAL, 0xE0]) + b"a" + b"\0",  # a piece of one octet
        bytes([0xC0 | Tag.LITERAL, 0xE9]) + bytes(512),  # the last piece is missing
        bytes([0x80 | Tag.SIGNATURE << 2 | 3]) + b"rest",  # a signature without length
        bytes([0x80 | Tag.SIGNATURE << 2 | 2]) + b"\0\0",
    ],
)
def test_nonsense_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


def test_no_more_packets_than_allowed() -> None:
    one = write(Tag.MARKER, b"PGP")
    assert len(read(one * packets.MOST_PACKETS)) == packets.MOST_PACKETS
    with pytest.raises(Malformed):
        read(one * (packets.MOST_PACKETS + 1))


def test_join_is_the_inverse_of_read() -> None:
    parts = [Packet(Tag.PKESK, b"a"), Packet(Tag.SEIPD, bytes(9000))]
    assert read(packets.join(parts)) == parts


@pytest.mark.parametrize("number", [b"", b"\1", b"\x80", b"\0\0\xff\1"])
def test_mpi(number: bytes) -> None:
    assert read_mpi(mpi(number) + b"next") == (number.lstrip(b"\0"), len(mpi(number)))
    assert int.from_bytes(mpi(number)[:2], "big") == int.from_bytes(number, "big").bit_length()


def test_a_cut_mpi_is_malformed() -> None:
    with pytest.raises(Malformed):
        read_mpi(b"\x00\x20abc")
