"""The lines at the head of a text file that say who wrote it, to whom and when.

A small part of YAML, which people write by hand and Dearly's own export writes too:

    ---
    from: Clara <clara@letters.test>
    to: ["Ada", 'Bert']            # or below each other, each line after "- "
    date: 1987-05
    ---

Keys and values, quoted or not, and lists of them; a plain value may hold colons ("Re: the house"). No anchors, no
nesting, no text over several lines. What is more than that is not guessed at: then the file has no head, and all of it
is its text. The two marks may be missing where the file begins like a letter in print or in a mail program: lines of
the known keys alone, From or To among them, up to an empty line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection

Value = str | tuple[str, ...]

MOST_LINES = 300
LONGEST = 64 << 10
"""Characters of a head."""

_LEAST = 2
"""Lines of a head without marks; one alone may well be how a letter begins."""

_KEY = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,40})[ \t]*:(?:[ \t]+(.*))?\Z")
_LISTED = re.compile(r"[ \t]*-(?:[ \t]+(.*))?\Z")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")
_NOT_OURS = ("&", "*", "!", "|", ">", "%", "@", "`", "{", "}", "]", "?")
"""How a plain value does not begin: YAML means something else by it."""


class _Other(Exception):
    """More of YAML than is read here."""


def split(text: str, bare: Collection[str] = ()) -> tuple[dict[str, Value], str]:
    """What the head says, keys in lower case, and the text behind it. `text` has LF line ends. `bare`: the keys that
    make a head without marks. Never raises."""
    if not text.startswith("---\n"):
        return _bare(text, bare)
    lines = text[4 : LONGEST + 4].split("\n", MOST_LINES)
    try:
        end = next(number for number, line in enumerate(lines) if line.rstrip() in ("---", "..."))
        said = _read(lines[:end])
    except (StopIteration, _Other):
        return {}, text
    behind = 4 + sum(len(line) + 1 for line in lines[: end + 1])
    return said, text[behind:].lstrip("\n")


def _bare(text: str, keys: Collection[str]) -> tuple[dict[str, Value], str]:
    head, blank, behind = text[:LONGEST].lstrip("\n").partition("\n\n")
    lines = head.split("\n", MOST_LINES)
    if (
        not blank
        or len(lines) < _LEAST
        or not all((found := _KEY.match(line)) and found[1].lower() in keys for line in lines)
    ):
        return {}, text
    try:
        said = _read(lines)
    except _Other:
        return {}, text
    if not said.get("from") and not said.get("to"):
        return {}, text
    return said, (behind + text[LONGEST:]).lstrip("\n")


def _read(lines: list[str]) -> dict[str, Value]:
    said: dict[str, Value] = {}
    last = ""
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        listed = _LISTED.match(line)
        if listed is not None:
            before = said.get(last)
            if not last or before == "" or isinstance(before, tuple):
                said[last] = (*(before or ()), _scalar(listed[1] or ""))
                continue
            raise _Other
        found = _KEY.match(line)
        if found is None or found[1].lower() in said:
            raise _Other
        last = found[1].lower()
        said[last] = _value((found[2] or "").strip())
    if "" in said:
        raise _Other
    return said


def _value(text: str) -> Value:
    if not text.startswith("["):
        return _scalar(text)
    items: list[str] = []
    at = 1
    while True:
        at += len(text[at:]) - len(text[at:].lstrip())
        if text.startswith("]", at):
            break
        quoted = _QUOTED.match(text, at)
        end = (
            quoted.end() if quoted else min((i for i in (text.find(",", at), text.find("]", at)) if i >= 0), default=-1)
        )
        if end < 0:
            raise _Other
        items.append(_scalar(text[at:end].strip()))
        at = end + len(text[end:]) - len(text[end:].lstrip())
        if text.startswith(",", at):
            at += 1
        elif not text.startswith("]", at):
            raise _Other
    if text[at + 1 :].partition("#")[0].strip():
        raise _Other
    return tuple(items)


def _scalar(text: str) -> str:
    quoted = _QUOTED.match(text)
    if quoted is None:
        if text.startswith((*_NOT_OURS, '"', "'", "[")):
            raise _Other
        plain = re.split(r"(?:^|[ \t])#", text, maxsplit=1)[0].strip()
        return "" if plain in ("~", "null") else plain
    if text[quoted.end() :].partition("#")[0].strip():
        raise _Other
    inside = quoted[0]
    if inside[0] == "'":
        return inside[1:-1].replace("''", "'")
    try:
        value = json.loads(inside, strict=False)
        value.encode()
    except (ValueError, RecursionError):
        raise _Other from None
    return str(value)
