"""Whose certificates are Delta Chat's, whose letters are written a little otherwise (`desk.style`)."""

from __future__ import annotations

_RELAYS = b"relays@chatmail.at"
"""Name of the notation (RFC 9580 5.2.3.24) in which Delta Chat lists a person's addresses."""


def chats(certificate: bytes) -> bool:
    """Whether it is a certificate of Delta Chat's: those name, in a notation, where their owner is reached. No more is
    decided by it than how a letter is written, so that the octets alone are looked for."""
    return _RELAYS in certificate
