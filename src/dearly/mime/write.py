"""A finished letter as exact bytes: rendered once, CRLF, the same for the same letter on every machine.

The signed part carries its own header (RFC 9788): the true subject, names, date and its offset are inside; outside
stands only what carriers need.
"""

from __future__ import annotations

from dearly.letter.address import Address
from dearly.letter.content import Letter
from dearly.letter.envelope import MimeBytes


def render(
    letter: Letter, *, autocrypt: tuple[Address, bytes] | None = None, hp: bool = True, binary: bool = False
) -> MimeBytes:
    """The letter as the bytes that are signed and sealed: protected header, then the body.

    `autocrypt`: our address and certificate for an Autocrypt field. `hp`: protect the header (RFC 9788); False for a
    letter that travels unsealed. `binary`: enclosures without transfer encoding (RFC 3030's binary, only ever inside
    a seal), else base64. Raises `Usage` (bad_text) when a header text holds a line break or control character."""
    raise NotImplementedError


def outer_headers(letter: Letter, envelope_sender: Address) -> bytes:
    """The header outside the seal, CRLF, without the Content fields and without the empty line after it.

    From and To with bare addresses, Date as the same instant in +0000, Message-ID, the Subject "[...]",
    MIME-Version. HP-Outer inside repeats exactly these. Raises `Usage` (sender_differs) when `envelope_sender` is
    not the letter's own address: the outside would contradict the seal."""
    raise NotImplementedError
