"""Whether foreign HTML hides an element: by attribute, inline style, or a style sheet under any condition (A04)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

MOST_SHEET = 200_000
"""Characters of style sheets that are looked at."""

MOST_SELECTORS = 100
MOST_DESCENDANT_SELECTORS = 10
"""Selectors such as `.a .b`, whose cost is the depth of the document for every element of it."""

MOST_MATCHES = 20_000

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_BLANK = re.compile(r"\s+")
# A declaration that makes text invisible, after white space is gone. Zero in any unit counts, 0.9em does not.
_ZERO = r"0*(?:\.0*)?(?:px|pt|em|rem|ex|ch|%|vw|vh|in|cm|mm)?(?![\d.])"
_HIDES = re.compile(
    r"(?:^|;)(?:"
    r"display:none|visibility:(?:hidden|collapse)|mso-hide:all|content-visibility:hidden|color:transparent"
    rf"|opacity:0*(?:\.0*)?%?(?![\d.])|font(?:-size)?:{_ZERO}(?=[;!/]|$)"
    rf"|max-(?:height|width):{_ZERO}(?=[;!]|$)"
    r"|text-indent:-\d{3,}|(?:left|top|right|bottom|margin-left|margin-top):-\d{4,}"
    r"|clip:rect\(0|clip-path:inset\((?:50|100)%|transform:scale[xy]?\(0(?:\.0*)?[,)]"
    r")"
)
_SMALL = re.compile(rf"(?:^|;)(?:width|height|line-height):{_ZERO}(?=[;!]|$)")
_COMPOUND = r"[A-Za-z0-9_#.*-]+(?:\s*>\s*[A-Za-z0-9_#.*-]+){0,3}"
_SELECTOR = re.compile(rf"{_COMPOUND}\Z")
# One blank only: with more of them, a nested document makes the search for ancestors grow with powers of its depth.
_DESCENDANT = re.compile(rf"{_COMPOUND}\s+{_COMPOUND}\Z")


def is_hidden(attributes: dict[str, str | None]) -> bool:
    """Whether the element's own attributes hide it."""
    if "hidden" in attributes:
        return True
    style = attributes.get("style")
    return bool(style) and hides(str(style))


def hides(declarations: str) -> bool:
    """Whether these CSS declarations make text invisible."""
    plain = _ESCAPE.sub(lambda found: _char(found[1]), _COMMENT.sub("", declarations[:10_000])).lower()
    plain = _BLANK.sub("", plain)
    return bool(_HIDES.search(plain)) or ("overflow:hidden" in plain and bool(_SMALL.search(plain)))


def by_style_sheets(tree: LexborHTMLParser) -> frozenset[int]:
    """The `mem_id` of each element that a rule of the document's style sheets hides, inside @media or not."""
    sheets = "\n".join(node.text(deep=True) for node in tree.css("style"))[:MOST_SHEET]
    if not sheets:
        return frozenset()
    found = (node for selector in _hiding_selectors(sheets) for node in _matches(tree, selector))
    return frozenset(node.mem_id for node in found if node.tag not in ("html", "body"))


def _matches(tree: LexborHTMLParser, selector: str) -> list[LexborNode]:
    from selectolax.lexbor import SelectolaxError  # imported lazily, as in `visible`

    try:
        return tree.css(selector)[:MOST_MATCHES]
    except (ValueError, SelectolaxError):
        return []


def _hiding_selectors(sheets: str) -> list[str]:
    """Selectors of rules that hide. Braces are counted, not nested: `@media x { .a { display:none } }` gives .a."""
    selectors: dict[str, None] = {}
    before, opened = "", False
    for piece in re.split(r"([{}])", _COMMENT.sub("", sheets)):
        if piece == "{":
            opened = True
        elif piece == "}":
            opened = False
        elif not opened:
            before = piece
        else:
            if hides(piece):
                selectors.update(dict.fromkeys(one.strip() for one in before.split(",")))
            before = piece
    short = [one for one in selectors if len(one) <= 200]
    plain = [one for one in short if _SELECTOR.match(one)]
    descendant = [one for one in short if _DESCENDANT.match(one) and one not in plain]
    return plain[:MOST_SELECTORS] + descendant[:MOST_DESCENDANT_SELECTORS]


def _char(code: str) -> str:
    number = int(code, 16)
    return chr(number) if 0 < number < 0x110000 else ""
