"""CommonMark to the HTML that travels beside it, for readers whose program shows no CommonMark.

Only plain inline styles; pictures only from inside the letter, so that a letter of ours never makes anyone's program
fetch something.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_STYLES = {
    "p": "margin:0 0 1em",
    "blockquote": "margin:0 0 1em;padding:0 0 0 1em;border-left:2px solid #bbb",
    "pre": "margin:0 0 1em;white-space:pre-wrap",
    "ul": "margin:0 0 1em;padding:0 0 0 1.5em",
    "ol": "margin:0 0 1em;padding:0 0 0 1.5em",
    "table": "margin:0 0 1em;border-collapse:collapse",
    "th": "padding:.2em .6em;border:1px solid #bbb;text-align:left",
    "td": "padding:.2em .6em;border:1px solid #bbb",
    "img": "max-width:100%;height:auto",
    "hr": "margin:1.5em 0;border:0;border-top:1px solid #bbb",
}
_PAGE = (
    '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>\n'
    '<body style="font-family:Georgia,serif;line-height:1.5;max-width:38em">\n{}</body></html>\n'
)


class Rendered(NamedTuple):
    """`html`: None where the text has no markup that plain text would lose. `pictures`: ids of the pictures shown."""

    html: str | None
    pictures: frozenset[str]


def to_html(text: str, pictures: Collection[str]) -> Rendered:
    """`text` as an HTML document. `pictures` are the ids (RFC 2392 cid) of the letter's own pictures."""
    parser = _parser()
    tokens = parser.parse(text)
    used: set[str] = set()
    for token in tokens:
        if token.type == "inline":
            token.children = _with_own_pictures(token.children or [], pictures, used)
    if not used and _no_markup(tokens, text):
        return Rendered(None, frozenset())
    for token in tokens:
        for one in (token, *(token.children or ())):
            if one.nesting >= 0 and one.tag in _STYLES:
                # A table's cells may have come with their alignment; it goes last, so that it holds.
                own = str(one.attrGet("style") or "")
                one.attrSet("style", f"{_STYLES[one.tag]};{own}" if own else _STYLES[one.tag])
    return Rendered(_PAGE.format(parser.renderer.render(tokens, parser.options, {})), frozenset(used))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # 60 ms that only writing needs

    return MarkdownIt("js-default")


def _with_own_pictures(children: Sequence[Token], pictures: Collection[str], used: set[str]) -> list[Token]:
    out: list[Token] = []
    in_link = 0
    for token in children:
        in_link += token.nesting if token.type.startswith("link_") else 0
        source = str(token.attrGet("src") or "") if token.type == "image" else ""
        if token.type != "image":
            out.append(token)
        elif source.lower().startswith("cid:") and unquote(source[4:]) in pictures:
            used.add(unquote(source[4:]))
            out.append(token)
        else:
            out += _as_link(token, source, linked=bool(in_link))
    return out


def _as_link(image: Token, source: str, *, linked: bool) -> list[Token]:
    """A picture from elsewhere becomes a link to it, or only its words inside another link."""
    from markdown_it.token import Token

    text = Token("text", "", 0, content=image.content or source)
    if linked or not source.lower().startswith(("http://", "https://")):
        return [text]
    return [Token("link_open", "a", 1, attrs={"href": source}), text, Token("link_close", "a", -1)]


def _no_markup(tokens: Sequence[Token], text: str) -> bool:
    """Whether only paragraphs of bare text are there, and reading the source shows the very same characters."""
    seen: list[str] = []
    for token in tokens:
        if token.type not in ("paragraph_open", "inline", "paragraph_close"):
            return False
        for child in token.children or ():
            if child.type not in ("text", "softbreak", "hardbreak"):
                return False
            seen.append(child.content)
    return "".join("".join(seen).split()) == "".join(text.split())
