"""What a line to an IMAP server can come to, as values that nothing has to be imported for."""

from __future__ import annotations

from dataclasses import dataclass


class Broken(Exception):
    """The line broke, fell silent, or what was said on it is no IMAP. Nothing of an answer was used."""


class TooMuch(Broken):
    """The server said more than was asked for: its literal, its lines, or a line of them is too long."""


class Declined(Exception):
    """The server's tagged answer was NO or BAD. `words`: its own, cleaned, never to be shown as ours (A23); `code`: its
    response code (RFC 9051 7.1, RFC 5530) in upper case, or ""."""

    def __init__(self, words: str, code: str = "") -> None:
        super().__init__(words)
        self.words, self.code = words, code

    @property
    def passing(self) -> bool:
        """Whether it is the server's own trouble (RFC 5530 3), which says nothing about what was asked."""
        return self.code in ("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "OVERQUOTA")


INBOX = "INBOX"
"""The mailbox that every account has (RFC 9051 5.1)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A mailbox as it is when one comes to it. `validity`: UIDVALIDITY, 0 where the server has none; `next`: UIDNEXT,
    0 where it does not say; `exists`: how many messages (RFC 9051 2.3.1.1, 6.3.2)."""

    name: str
    validity: int
    next: int
    exists: int
