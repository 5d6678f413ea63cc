"""Addresses and the people behind them: RFC 5322 3.4 addr-spec and mailbox, RFC 6531 for other scripts.

One strict grammar decides what may ever stand in a header or an envelope of ours: no control characters, no line
ends, no comments, no quoted local parts (RFC 5322 allows them; no one's letters need them, and they are how
addresses are smuggled: docs/threats.md). Reading foreign address lists is `mime.read`'s work, not ours.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from dearly.letter.errors import Usage
from dearly.letter.words import _

# RFC 5322 3.2.3 dot-atom, widened by RFC 6531 3.3 to everything beyond ASCII that is not a separator or control.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+"


@cache
def _grammar() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Of the part before the @, and of one label after it. Compiled when an address is first read: it takes longer than
    all else that is imported here, and most commands read none."""
    return re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z"), re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


def _bad(text: str, why: str) -> Usage:
    shown = clean(text)[:80]
    return Usage(
        "bad_address",
        _("“{address}” is not an address that a letter can go to: {why}.").format(address=shown, why=why),
        _("An address looks like name@example.org."),
    )


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """One addr-spec. `local` as written, `domain` in lower case and ASCII (IDNA A-labels)."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that `text` is. Raises `Usage` (bad_address) when it is not exactly one."""
        local, at, domain = text.strip(" ").rpartition("@")
        if not at:
            raise _bad(text, _("there is no @ in it"))
        local_part, label = _grammar()
        if not local_part.match(local) or any(unicodedata.category(c) in ("Cc", "Cf", "Zs", "Zl", "Zp") for c in local):
            raise _bad(text, _("the part before the @ has a character that may not stand there"))
        # RFC 5321 4.5.3.1.1 and 4.5.3.1.2: at most 64 and 255 octets.
        if len(local.encode()) > 64:
            raise _bad(text, _("the part before the @ is longer than 64 bytes"))
        try:
            ascii_domain = domain.encode("idna").decode().lower()
        except UnicodeError:
            raise _bad(text, _("the part after the @ is not a domain name")) from None
        labels = ascii_domain.split(".")
        if len(ascii_domain) > 255 or not all(map(label.match, labels)):
            raise _bad(text, _("the part after the @ is not a domain name"))
        return cls(local, ascii_domain)

    @property
    def key(self) -> str:
        """What two spellings of the same address have in common: used for every comparison and look-up.

        RFC 5321 2.4 lets a host tell local parts apart by case; none that people write to does."""
        return f"{unicodedata.normalize('NFC', self.local).casefold()}@{self.domain}"

    def same(self, other: Address) -> bool:
        """Whether both name the same letterbox."""
        return self.key == other.key

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Someone as a letter names them: a name (may be empty) and an address (RFC 5322 3.4 mailbox)."""

    name: str
    address: Address

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else str(self.address)


def clean(text: str) -> str:
    """Text from outside, fit to be shown in one line: without control, format and bidi characters (A20, A21)."""
    if text.isprintable():  # nearly always, and then there is nothing to take out
        return text.strip()
    return "".join(
        " " if c in "\t\r\n" else c
        for c in text
        if c in "\t\r\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ).strip()


def header_safe(text: str, what: str) -> str:
    """`text` unchanged, or `Usage` when a header must not carry it: C0, DEL, line and paragraph separators (A24)."""
    if any(unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") for c in text):
        raise Usage(
            "bad_text",
            _("The {what} holds a line break or an invisible control character.").format(what=what),
            _("Write it in one line of ordinary characters."),
        )
    return text
