"""CommonMark on paper. The parser is markdown-it's; what each of its tokens becomes is decided here, one by one.

Markup of the letter's own never passes: HTML in it is text, and a token that is not known here is left out with its
tags, never with its words.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dearly.opener.paper_parts import Block, Parts, broken, paragraph

_SAME = {
    "blockquote": "blockquote",
    "bullet_list": "ul",
    "list_item": "li",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "th": "th",
    "td": "td",
    "em": "em",
    "strong": "strong",
    "s": "s",
}
_BY_ITSELF = frozenset({"blockquote", "li", "th", "td"})
"""Tags whose text finds its own direction."""


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("js-default", {"maxNesting": 20})


def blocks(text: str, parts: Parts) -> list[Block]:
    """The blocks of a text."""
    out: list[Block] = []
    pending: list[str] = []
    depth = 0
    tokens = _parser().parse(text)
    for index, token in enumerate(tokens):
        if token.nesting < 0:
            depth -= 1
        block = _paragraph(tokens, index, parts) if token.type == "inline" else None
        if block is None:
            pending.append(_tag(token))
        elif depth == 1 and tokens[index - 1].type == "paragraph_open":
            out.append(block)
        else:
            pending.append(block.html)
        if token.nesting > 0:
            depth += 1
        if depth == 0 and pending:
            if any(pending):
                out.append(Block("".join(pending)))
            pending = []
    return out


def _paragraph(tokens: list[Token], index: int, parts: Parts) -> Block:
    """The text of a block. Of a paragraph with its own tags; a picture that stands alone in one is set apart."""
    token, around = tokens[index], tokens[index - 1]
    children = token.children or []
    html, lines = _inline(children, parts)
    if around.type != "paragraph_open" or around.hidden:  # hidden: of a list without empty lines between its items
        return Block(html)
    alone = [child for child in children if child.type != "softbreak"]
    if len(alone) == 1 and alone[0].type == "image" and html.startswith("<img"):
        title = str(alone[0].attrGet("title") or "")
        caption = f'<figcaption dir="auto">{escape(title)}</figcaption>' if title else ""
        return Block(f'<figure class="placed">{html}{caption}</figure>')
    return paragraph(html, lines)


def _tag(token: Token) -> str:
    """What a block token stands for. Paragraphs bring their tags themselves."""
    match token.type:
        case "heading_open" | "heading_close":
            level = min(int(token.tag[1:]) + 1, 6)  # the page around it has the first level
            return f'<h{level} dir="auto">' if token.nesting > 0 else f"</h{level}>"
        case "ordered_list_open":
            return f'<ol start="{int(token.attrGet("start") or 1)}">'
        case "ordered_list_close":
            return "</ol>"
        case "hr":
            return "<hr>"
        case "fence" | "code_block":
            return f'<pre dir="auto">{escape(token.content.rstrip(chr(10)))}</pre>'
    return _simple(token)


def _simple(token: Token) -> str:
    name = _SAME.get(token.type.removesuffix("_open").removesuffix("_close"))
    if name is None:
        return ""
    if token.nesting < 0:
        return f"</{name}>"
    return f'<{name} dir="auto">' if name in _BY_ITSELF else f"<{name}>"


def _inline(children: list[Token], parts: Parts) -> tuple[str, list[str]]:
    """HTML and bare lines of running text."""
    rows: list[tuple[str, str]] = []
    html: list[str] = []
    bare: list[str] = []
    links: list[tuple[str, int, int]] = []
    for child in children:
        match child.type:
            case "softbreak" | "hardbreak" if not links:
                end = "<br>" if child.type == "hardbreak" else ""
                rows.append(("" if end else "".join(bare), "".join(html)))
                html, bare = [], []
            case "softbreak" | "hardbreak":
                html.append(" ")
                bare.append(" ")
            case "link_open":
                links.append((str(child.attrGet("href") or ""), len(html), len(bare)))
            case "link_close":
                href, from_html, from_bare = links.pop()
                inside, words = "".join(html[from_html:]), "".join(bare[from_bare:])
                html[from_html:] = [parts.link(href, inside, words)]
            case "image":
                html.append(_image(child, parts, linked=bool(links)))
                bare.append(child.content)
            case "code_inline":
                html.append(f"<code>{escape(child.content)}</code>")
                bare.append(child.content)
            case "text" | "text_special" | "html_inline":
                html.append(escape(child.content) if links else parts.words(child.content))
                bare.append(child.content)
            case _:
                html.append(_simple(child))
    rows.append(("".join(bare), "".join(html)))
    return broken(rows), [row[0] for row in rows]


def _image(child: Token, parts: Parts, *, linked: bool) -> str:
    """A picture of the letter's own. One from elsewhere is never fetched: it is a link, or only its words."""
    source = str(child.attrGet("src") or "")
    if source.lower().startswith("cid:"):
        return parts.picture(unquote(source[4:]), child.content)
    words = child.content or source
    return escape(words) if linked else parts.link(source, escape(words), words)
