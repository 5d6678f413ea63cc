"""Clean text of other programs on paper: paragraphs, quotes, lists and links, as the lines themselves show them.

Nothing is guessed that would lose a character: a line that looks like a list and is none still reads the same.
"""

from __future__ import annotations

import re
from html import escape

from dearly.opener.paper_parts import Block, Parts, broken, paragraph

DEEPEST = 12
"""Quotes and lists within each other; what lies deeper is shown at this depth."""

_ITEM = re.compile(r"( {0,3}(?:[-*•]|(\d{1,6})[.)]) +)(?=\S)")
_RULE = re.compile(r" {0,3}(?:\* \* \*|-{3,}|_{3,}|={3,}|\*{3,})\s*\Z")


def blocks(text: str, parts: Parts) -> list[Block]:
    """The blocks of a text."""
    return _blocks(text.expandtabs(4).split("\n"), parts, 0)


def _blocks(lines: list[str], parts: Parts, depth: int) -> list[Block]:
    out: list[Block] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif line.startswith(">") and depth < DEEPEST:
            end = _while(lines, at, lambda one: one.startswith(">"))
            inner = _blocks([one[1:].removeprefix(" ") for one in lines[at:end]], parts, depth + 1)
            out.append(Block(f'<blockquote dir="auto">{_joined(inner)}</blockquote>'))
            at = end
        elif _RULE.match(line):
            out.append(Block("<hr>"))
            at += 1
        elif _ITEM.match(line) and depth < DEEPEST:
            html, at = _list(lines, at, parts, depth)
            out.append(Block(html))
        else:
            end = _while(lines, at, _goes_on, first=at + 1)
            mine = lines[at:end]
            out.append(paragraph(broken([(one, _words(one, parts)) for one in mine]), mine))
            at = end
    return out


def _joined(inner: list[Block]) -> str:
    return "".join(block.html for block in inner)


def _while(lines: list[str], at: int, holds: object, *, first: int | None = None) -> int:
    end = at if first is None else first
    assert callable(holds)
    while end < len(lines) and holds(lines[end]):
        end += 1
    return end


def _goes_on(line: str) -> bool:
    """Whether a line belongs to the paragraph above it."""
    return bool(line.strip()) and not line.startswith(">") and not _ITEM.match(line) and not _RULE.match(line)


def _list(lines: list[str], at: int, parts: Parts, depth: int) -> tuple[str, int]:
    """A list from its first line on, and the line after its last."""
    first = _ITEM.match(lines[at])
    assert first is not None
    number = first[2]
    items: list[str] = []
    while at < len(lines) and (mark := _ITEM.match(lines[at])) and (mark[2] is None) == (number is None):
        if number is not None and int(mark[2]) != int(number) + len(items):
            break
        width = len(mark[1])
        inner = [lines[at][width:]]
        at += 1
        while at < len(lines) and _inside(lines, at, width):
            inner.append(lines[at][width:] if lines[at][:width].isspace() else lines[at].strip())
            at += 1
        items.append(_item(inner, parts, depth))
    tag, start = ("ul", "") if number is None else ("ol", f' start="{int(number)}"')
    return f"<{tag}{start}>{''.join(items)}</{tag}>", at


def _inside(lines: list[str], at: int, width: int) -> bool:
    """Whether a line belongs to the list item above it: set in as far as its text, or an empty line before such."""
    line = lines[at]
    if line.strip():
        return line[:width].isspace() or (at > 0 and bool(lines[at - 1].strip()) and _goes_on(line))
    return at + 1 < len(lines) and bool(lines[at + 1].strip()) and lines[at + 1][:width].isspace()


def _item(inner: list[str], parts: Parts, depth: int) -> str:
    made = _blocks(inner, parts, depth + 1)
    html = _joined(made)
    if len(made) == 1 and made[0].lines:
        html = html.removeprefix('<p dir="auto">').removesuffix("</p>")
    return f'<li dir="auto">{html}</li>'


def _words(line: str, parts: Parts) -> str:
    """A line as HTML; what it was set in by stays."""
    bare = line.strip()
    indent = len(line) - len(line.lstrip(" "))
    return escape("\u00a0" * min(indent, 40)) + parts.words(bare)
