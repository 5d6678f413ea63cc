"""What both ways of putting a text on paper share: lines and their breaks, links with their real hosts, pictures, and
the dress of a letter (its date line, greeting, close and signature)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote, urlsplit

from dearly.mime.visible import LONGEST_SHOWN, real_address

FULL_LINE = 55
"""Characters from which on a line is taken for one that a program broke: its end is then no end that someone meant."""

_LONGEST_ADDRESS = 4_000
_ADDRESS = re.compile(r"<((?:https?://|mailto:)[^\s<>]+)>|(?<![\w/])(https?://[^\s<>\"“”„«»]+)", re.IGNORECASE)
_TRAILING = re.compile(r"[.,;:!?'’”)\]}…*_]+\Z")
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*:/*)?([^/?#\s]*)", re.IGNORECASE)


@dataclass(slots=True)
class Parts:
    """What one text may use, and what was used of it. `long`: whole addresses of those that stand there shortened."""

    pictures: frozenset[str]
    pictures_at: str
    links_at: str
    long: dict[str, list[str]] = field(default_factory=dict)
    links: dict[str, int] = field(default_factory=dict)
    placed: list[str] = field(default_factory=list)

    def words(self, text: str) -> str:
        """Plain words as HTML, their addresses as links."""
        if ":" not in text:
            return escape(text)
        out, end = [], 0
        for found in _ADDRESS.finditer(text):
            written = found[1] or found[2]
            if found[2]:
                written = _whole(written)
            out.append(escape(text[end : found.start()]))
            end = found.end() if found[1] else found.start() + len(written)
            out.append(self._address(written))
        return "".join(out) + escape(text[end:])

    def _address(self, written: str) -> str:
        waiting = self.long.get(written)
        target = waiting.pop(0) if waiting and len(waiting) > 1 else waiting[0] if waiting else written
        shown = written.removeprefix("mailto:")
        if len(shown) > LONGEST_SHOWN:
            shown = shown[: LONGEST_SHOWN - 1] + "…"
        return self.link(target, escape(shown), shown)

    def link(self, href: str, inside: str, text: str) -> str:
        """A link around `inside`, which reads as `text`; where the text does not say the host, it is said after it.
        What leads nowhere that one may go stays text."""
        target = real_address(href)
        if not target or len(target) > _LONGEST_ADDRESS:
            return inside
        number = self.links.setdefault(target, len(self.links))
        note = "" if _says(text, target) else f' <span class="host">({escape(_host(target))})</span>'
        if not self.links_at:
            return f'<a class="leads">{inside}</a>{note}'
        at = escape(f"{self.links_at}{number}")
        return f'<a class="leads" href="{at}">{inside}</a>{note}'

    def picture(self, cid: str, words: str) -> str:
        """A picture of the letter's own; only its words where it has no such picture."""
        if cid not in self.pictures:
            return escape(words)
        if cid not in self.placed:
            self.placed.append(cid)
        at = escape(self.pictures_at + quote(cid, safe=""))
        return f'<img class="picture" src="{at}" alt="{escape(words)}" loading="lazy">'


def _whole(written: str) -> str:
    """An address without the marks that end the sentence around it."""
    while end := _TRAILING.search(written):
        if end[0].startswith(")") and written.count("(", 0, end.start()) > written.count(")", 0, end.start()):
            return written[: end.start() + 1]
        written = written[: end.start()]
    return written


def _host(target: str) -> str:
    parts = urlsplit(target)
    return parts.netloc or parts.path


def _says(text: str, target: str) -> bool:
    """Whether the words of a link name just the host (or mail address) that it leads to."""
    found = _HOST.match(text.strip())
    return found is not None and found[1].casefold() == _host(target).casefold()


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a text at its outermost level. `lines`: the bare text of a paragraph, for `dress`; else empty."""

    html: str
    lines: tuple[str, ...] = ()


def paragraph(html: str, lines: Iterable[str]) -> Block:
    """A paragraph whose HTML is `html`."""
    return Block(f'<p dir="auto">{html}</p>', tuple(line.strip() for line in lines))


def broken(pieces: list[tuple[str, str]]) -> str:
    """Lines of a paragraph, each as (bare text, HTML), with the breaks that were meant (see `FULL_LINE`)."""
    out = []
    for index, (bare, html) in enumerate(pieces):
        if index:
            out.append("<br>" if len(pieces[index - 1][0].strip()) < FULL_LINE else " ")
        out.append(html)
        del bare
    return "".join(out)


_YEAR = re.compile(r"\b\d{4}\b")
_GREETING_END = (",", "，", "،", "!", "、")


def dress(blocks: list[Block]) -> list[str]:
    """The blocks as HTML, with those marked that have a place of their own on a letter."""
    html = [block.html for block in blocks]
    at = 0
    first = _line(blocks, 0)
    if len(blocks) > 1 and 0 < len(first) <= 80 and _YEAR.search(first) and not first.endswith((".", "!", "?", ",")):
        html[0] = _marked(html[0], "dateline")
        at = 1
    greeting = _line(blocks, at)
    if len(blocks) > at + 1 and 0 < len(greeting) <= 60 and greeting.endswith(_GREETING_END):
        html[at] = _marked(html[at], "salute")
        at += 1
    close, name = _line(blocks, len(blocks) - 2), _line(blocks, len(blocks) - 1)
    if len(blocks) - 2 >= at and 0 < len(close) <= 60 and close.endswith(_GREETING_END) and 0 < len(name) <= 40:
        html[-2] = _marked(html[-2], "close")
        html[-1] = _marked(html[-1], "signature")
    return html


def _line(blocks: list[Block], index: int) -> str:
    """The text of a paragraph of one line; "" for anything else."""
    if not 0 <= index < len(blocks) or len(blocks[index].lines) != 1:
        return ""
    return blocks[index].lines[0]


def _marked(html: str, what: str) -> str:
    return html.replace("<p ", f'<p class="{what}" ', 1)
