"""Certificates wherever they lie: one after the other in a file, or as blocks of armor in the text of a letter."""

from __future__ import annotations

from collections.abc import Iterator

from dearly.seal.armor import dearmor
from dearly.seal.certificate import MOST_OCTETS
from dearly.seal.packets import Malformed, Packet, Tag, join, read

MOST_CERTIFICATES = 10
"""Of one file or text that are looked at."""

BEGIN = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_END = b"-----END PGP PUBLIC KEY BLOCK-----"
_SECRET = frozenset({Tag.SECRET_KEY, Tag.SECRET_SUBKEY})


def several(data: bytes) -> Iterator[bytes]:
    """Each certificate in `data`, binary, as far as it can be told apart; nothing of it is proven. What is none, or
    holds something secret, is passed over. Never raises."""
    found = 0
    for block in _blocks(data):
        for one in _apart(block):
            if found == MOST_CERTIFICATES:
                return
            found += 1
            yield one


def _blocks(data: bytes) -> Iterator[bytes]:
    """The whole, where it is binary; else the armor that begins and ends at the beginning of a line."""
    if data[:1] >= b"\x80":
        yield data
        return
    at = 0
    while (begun := data.find(BEGIN, at)) >= 0 and (ended := data.find(_END, begun)) >= 0:
        at = ended + len(_END)
        if begun == 0 or data[begun - 1 : begun] == b"\n":
            try:
                yield dearmor(data[begun:at])
            except Malformed:
                continue


def _apart(block: bytes) -> Iterator[bytes]:
    try:
        packets = read(block, most=MOST_OCTETS)
    except Malformed:
        return
    groups: list[list[Packet]] = []
    for packet in packets:
        if packet.tag in (Tag.PUBLIC_KEY, Tag.SECRET_KEY):
            groups.append([])
        if groups:
            groups[-1].append(packet)
    for group in groups:
        if not any(packet.tag in _SECRET for packet in group):
            yield join(group)
