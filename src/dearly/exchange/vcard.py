"""Visiting cards: vCard 4.0 out (RFC 6350), 3.0 and 4.0 in; a name, addresses, a certificate, the office's URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Card:
    """What a foreign card says; nothing of it is proven. `addresses` are unexamined text."""

    name: str
    addresses: tuple[str, ...]
    certificates: tuple[bytes, ...] = field(repr=False, default=())
    office_url: str | None = None


def write_card(name: str, addresses: Sequence[str], certificate: bytes | None, office_url: str | None) -> str:
    """A vCard 4.0 with CRLF line ends. `certificate`: OpenPGP bytes for KEY, as a data URI (RFC 6350 6.8.1)."""
    raise NotImplementedError


def read_card(data: bytes) -> Card:
    """The first card in `data`. Raises `Usage` (bad_card) when there is none that can be read, or it is too large."""
    raise NotImplementedError
