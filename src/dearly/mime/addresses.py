"""Foreign address lists (RFC 5322 3.4 and the forms of 4.4), read without mercy (A20).

Encoded words are decoded after the list is taken apart, and never inside an address, so that a name cannot become an
address. What two programs could read differently is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from dearly.letter.address import Address, Correspondent, clean
from dearly.letter.errors import Usage
from dearly.mime.encoded import decoded

LONGEST_NAME = 200
"""Characters of a display name that are kept."""

_SHORT = 500
"""Characters of a list that is remembered: the same few people write and are written to in most letters."""

_TOKEN = re.compile(
    r"(?P<blank>\s+)"
    # An encoded word is one word, also with a comma or colon in it: RFC 2047 5 (3) forbids that, and many write it so.
    r"|(?P<atom>=\?[\w.*+-]+\?[BbQq]\?[^\s?<>\"()]*\?=(?=[\s<]|$)|[^\s\"(),:;<>]+)"
    r"|<(?P<angle>[^<>]*)>|(?P<mark>.)",
    re.DOTALL,
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Mailbox(NamedTuple):
    """One entry of a list; `address` is None when the entry cannot be read with certainty."""

    name: str
    address: Address | None


class _Entry:
    """One entry while it is being read."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.remark = ""
        self.angle: str | None = None
        self.quoted = False
        self.bad = False

    def ended(self) -> Iterator[Mailbox]:
        if not self.words and self.angle is None and not self.bad:
            return
        if self.angle is not None:
            yield Mailbox(_name(" ".join(self.words)), None if self.bad else _address(self.angle))
        elif len(self.words) == 1 and not self.bad and not self.quoted:
            # name@example.org (Name), the old way to say who it is
            yield Mailbox(_name(self.remark), _address(self.words[0]))
        else:
            yield Mailbox(_name(" ".join(self.words)), None)


def read_addresses(text: str) -> Iterator[Mailbox]:
    """The entries of the list in order; groups (RFC 5322 3.4) are opened, their names dropped."""
    entry, at, no_more_quotes, in_group = _Entry(), 0, False, False
    while at < len(text):
        if text[at] == '"' and not no_more_quotes:
            if quoted := _QUOTED.match(text, at):
                entry.words.append(_ESCAPE.sub(r"\1", quoted[1]))
                entry.quoted = True
                entry.bad |= entry.angle is not None
                at = quoted.end()
                continue
            # A quotation mark that never closes: it and any later one stand for nothing.
            no_more_quotes = True
        if text[at] == "(":
            remark, at = _comment(text, at)
            entry.remark = entry.remark or remark
            entry.bad |= at > len(text)
            continue
        token = _TOKEN.match(text, at)
        assert token is not None, "the last alternative takes any character"
        at = token.end()
        if token["atom"] is not None:
            entry.words.append(token["atom"])
            entry.bad |= entry.angle is not None
        elif token["angle"] is not None:
            entry.bad |= entry.angle is not None
            entry.angle = token["angle"]
        elif token["mark"] in (",", ";"):
            yield from entry.ended()
            in_group = in_group and token["mark"] == ","
            entry = _Entry()
        elif token["mark"] == ":" and entry.words and entry.angle is None and not in_group:
            entry, in_group = _Entry(), True
        elif token["mark"] is not None and token["mark"] != '"':
            entry.bad = True
    yield from entry.ended()


def one_sender(fields: list[str]) -> tuple[Correspondent, ...]:
    """The one correspondent whom the From fields name, or nothing: two fields, two entries or any doubt (A20)."""
    if len(fields) != 1:
        return ()
    entries = list(islice(_entries(fields[0]), 2))
    if len(entries) != 1 or entries[0].address is None:
        return ()
    return (Correspondent(entries[0].name, entries[0].address),)


def correspondents(fields: list[str]) -> tuple[Correspondent, ...]:
    """Everybody in these fields whose address can be read."""
    return tuple(Correspondent(m.name, m.address) for one in fields for m in _entries(one) if m.address)


def _entries(text: str) -> Iterable[Mailbox]:
    return _remembered(text) if len(text) <= _SHORT else read_addresses(text)


@lru_cache(1024)
def _remembered(text: str) -> tuple[Mailbox, ...]:
    return tuple(read_addresses(text))


def _comment(text: str, at: int) -> tuple[str, int]:
    """The comment that opens at `at`, nested ones within it, and the place after it (beyond the end: never closed)."""
    depth, start = 0, at
    while at < len(text):
        match text[at]:
            case "(":
                depth += 1
            case ")":
                depth -= 1
                if depth == 0:
                    return text[start + 1 : at], at + 1
            case "\\":
                at += 1
        at += 1
    return "", len(text) + 1


def _name(text: str) -> str:
    return clean(decoded(text))[:LONGEST_NAME].strip()


def _address(text: str) -> Address | None:
    if len(text) > 400:
        return None
    try:
        return Address.parse(text.strip())
    except Usage:
        return None
