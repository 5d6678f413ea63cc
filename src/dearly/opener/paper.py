"""A letter's text on paper: CommonMark of ours, or the clean text of another program, as a small fixed set of tags.

Nothing here decides what is safe: whatever the two renderers make of a text goes through one strict list last, and
nothing is changed after it (A30). Links never lead out of the desk by themselves: each is a number, behind which the
desk says where it really leads before anyone goes there (A31).
"""

from __future__ import annotations

from urllib.parse import unquote

import nh3

from dearly.mime.plain import shown
from dearly.mime.visible import LONGEST_SHOWN, addresses, real_target
from dearly.opener import paper_markup, paper_plain
from dearly.opener.paper_parts import Parts, dress
from dearly.opener.showing import Paper, Sheet

MOST_MARKUP = 4_000_000
"""Characters of a text that is read as CommonMark; what is longer is shown plainly."""


def _words(text: str) -> set[str]:
    return set(text.split())


_TAGS = _words(
    "p br em strong s code pre blockquote ul ol li hr h2 h3 h4 h5 h6 a span img figure figcaption"
    " table thead tbody tr th td"
)
_BLOCKS = ("p", "pre", "blockquote", "li", "h2", "h3", "h4", "h5", "h6", "figcaption", "th", "td")
_CLASSES = {
    "p": {"dateline", "salute", "close", "signature"},
    "a": {"leads"},
    "span": {"host"},
    "img": {"picture"},
    "figure": {"placed"},
}


def paper(sheet: Sheet) -> Paper:
    """Put a text on paper."""
    text = shown(sheet.text)
    parts = Parts(frozenset(sheet.pictures), sheet.pictures_at, sheet.links_at, _long_ones(text, sheet.html))
    if sheet.commonmark and len(text) <= MOST_MARKUP:
        blocks = paper_markup.blocks(text, parts)
    else:
        blocks = paper_plain.blocks(text, parts)
    return Paper(_strictly("".join(dress(blocks)), sheet), tuple(parts.links), tuple(parts.placed))


def _long_ones(text: str, html: str | None) -> dict[str, list[str]]:
    """The whole addresses that `mime.visible` shortened in the text, in order, by how they stand there."""
    found: dict[str, list[str]] = {}
    if html is not None and "/…>" in text:
        for address in addresses(html):
            if len(address) > LONGEST_SHOWN:
                found.setdefault(real_target(address), []).append(address)
    return found


def _strictly(html: str, sheet: Sheet) -> str:
    def allowed(tag: str, attribute: str, value: str) -> str | None:
        match tag, attribute:
            case "img", "src":
                known = value.startswith(sheet.pictures_at) and unquote(value[len(sheet.pictures_at) :])
                return value if known and sheet.pictures_at and known in sheet.pictures else None
            case "a", "href":
                number = value.removeprefix(sheet.links_at)
                return value if sheet.links_at and number != value and number.isdecimal() else None
            case "ol", "start":
                return value if value.isdecimal() and len(value) < 10 else None
            case _:
                return value

    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes={"*": set(), "img": {"src", "alt"}, "a": {"href"}, "ol": {"start"}},
        tag_attribute_values={tag: {"dir": {"auto"}} for tag in _BLOCKS} | {"img": {"loading": {"lazy"}}},
        allowed_classes=_CLASSES,
        attribute_filter=allowed,
        url_schemes=set(),
        link_rel="noopener noreferrer",
    )
