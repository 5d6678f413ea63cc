"""What an SMTP server's reply means. Pure: octets in, values out; no sockets.

A reply (RFC 5321 4.2) is one line or several, each `250-words` but the last, `250 words`, and each ended by CRLF. Only
a complete one says anything: whoever takes the first three digits for an answer takes a cut line for a letter that has
arrived. After the final dot there are therefore four answers and no fifth (docs/faults.md F05): a complete 250, a
complete 4yz, a complete 5yz, and *unknown*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from dearly.carriers.base import said
from dearly.letter.journey import Accepted, Outcome, TryLater, Turned, Unknown
from dearly.letter.words import _

MOST_LINE = 2_000
"""Octets of a line, with its end. RFC 5321 4.5.3.1.5 says 512; RFC 4954 4 needs more for a challenge."""

MOST_LINES = 128

CLOSING = 421
"""RFC 5321 3.8 and 4.2.2: the server ends the session after this, whatever was asked."""

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])([^\r\n\0]*))?\r\n")
# RFC 3463 2, at the beginning of the words (RFC 2034 4).
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?: |\Z)")


class Stage(Enum):
    """How far a transaction had come when the reply was given."""

    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"


class NoReply(Exception):
    """What came is not a reply: it was too long, or its form is none."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply. `lines`: the words of each line, as they came. `enhanced`: (class, subject, detail) of RFC
    3463, or None."""

    code: int
    lines: tuple[str, ...]
    enhanced: tuple[int, int, int] | None = None

    @property
    def kind(self) -> int:
        """2: done; 3: go on; 4: not now; 5: not at all (RFC 5321 4.2.1)."""
        return self.code // 100

    @property
    def words(self) -> str:
        """The code and its words in one line, to be shown as the server's."""
        return said(f"{self.code} {' '.join(self.lines)}")


class Reading:
    """One reply, line by line."""

    def __init__(self) -> None:
        self._code: bytes | None = None
        self._lines: list[str] = []

    def take(self, line: bytes) -> Reply | None:
        """The reply, if `line` (with its CRLF) was the last of it. Raises `NoReply`."""
        match = _LINE.fullmatch(line)
        if not match or len(line) > MOST_LINE or len(self._lines) >= MOST_LINES:
            raise NoReply
        code, between, words = match.groups()
        if self._code not in (None, code):  # RFC 5321 4.2.1: the same in every line
            raise NoReply
        self._code = code
        self._lines.append((words or b"").decode("utf-8", "replace"))
        if between == b"-":
            return None
        enhanced = _ENHANCED.match(self._lines[-1])
        parts = tuple(map(int, enhanced.groups())) if enhanced else None
        return Reply(int(code), tuple(self._lines), (parts[0], parts[1], parts[2]) if parts else None)


def outcome(reply: Reply, stage: Stage) -> Outcome | None:
    """What `reply` means for the one recipient of a transaction; None: go on.

    A refusal of MAIL FROM is looked at by `concerns_account` first."""
    if reply.kind == 4 or reply.code == CLOSING:
        return TryLater(reply.words)
    if reply.kind == 5:
        # RFC 5321 4.5.3.1.10: old servers say 552 where they mean «too many for now».
        passing = stage is Stage.RCPT and reply.code == 552 and reply.enhanced is None
        return TryLater(reply.words) if passing else Turned(reply.words)
    match stage:
        case Stage.END:
            return Accepted() if reply.code == 250 else Unknown(_unheard_of(reply))
        case Stage.DATA:
            return None if reply.code == 354 else TryLater(_unheard_of(reply))
        case Stage.MAIL | Stage.RCPT:
            return None if reply.kind == 2 else TryLater(_unheard_of(reply))


# RFC 3463 3.3, 3.4, 3.7: longer than allowed; too large; conversion needed; RFC 6531 3.7.4.2: not for these addresses.
_ABOUT_LETTER = frozenset({(2, 3), (3, 4), (6, 3), (6, 7)})


def concerns_account(reply: Reply) -> bool:
    """Whether a refusal of MAIL FROM means whoever sends, and not this one letter (its size, its alphabet)."""
    if reply.kind != 5:
        return False
    return reply.enhanced[1:] not in _ABOUT_LETTER if reply.enhanced else reply.code != 552


def _unheard_of(reply: Reply) -> str:
    return _("The answer makes no sense here: {words}").format(words=reply.words)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server announced in its answer to EHLO (RFC 5321 4.1.1.1)."""

    words: Mapping[str, str]

    def __contains__(self, word: str) -> bool:
        return word in self.words

    @property
    def size(self) -> int | None:
        """Octets of the largest letter (RFC 1870); None where it has no limit or does not say."""
        stated = self.words.get("SIZE", "").strip()
        return int(stated) or None if stated.isascii() and stated.isdigit() and len(stated) < 19 else None

    @property
    def mechanisms(self) -> frozenset[str]:
        """Ways to sign in (RFC 4954)."""
        return frozenset(self.words.get("AUTH", "").upper().split())


def abilities(reply: Reply) -> Abilities:
    """Of a 250 to EHLO: the first line is a greeting, each other a word and its parameters."""
    found: dict[str, str] = {}
    for line in reply.lines[1:]:
        word, _space, rest = line.strip().partition(" ")
        if word.upper().startswith("AUTH="):  # as some announced it before RFC 2554 was ready
            word, rest = "AUTH", f"{word[5:]} {rest}"
        name = word.upper()
        found[name] = f"{found[name]} {rest}" if name in found else rest
    return Abilities(found)
