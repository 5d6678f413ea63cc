"""The visible text of foreign HTML: what a person would see, as lines; never markup, never what was hidden (A04, A30).

The tree comes from selectolax (lexbor); the walk is ours. Documents that a browser's parser takes quadratic time for
are only stripped of their tags.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from dearly.mime import hidden
from dearly.mime.lines import Lines

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

LONGEST = 4_000_000
"""Characters of HTML that are looked at; pictures written into it do not count."""

MOST_NODES = 400_000
DEEPEST = 400
"""Open elements of the kinds that nest, before the parser is not asked: its time grows with the square of them."""

MOST_SPACES_IN_TAG = 500


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NOTHING = _words(
    "applet area audio base canvas col colgroup embed frame frameset head iframe input link map math meta noembed"
    " noframes object param script select source style svg template textarea title track video"
)
_BLOCKS = _words(
    "address article aside body center dd details dialog div dl dt fieldset figcaption figure footer form header hgroup"
    " legend li main nav ol optgroup section summary table tbody tfoot thead tr ul"
)
_APART = _words("blockquote h1 h2 h3 h4 h5 h6 hr p pre table ul ol dl")
# Elements that the parser closes by itself, or that are always empty: their depth is not that of the text.
_NOT_NESTING = _words(
    "area base br col embed hr img input link meta param source track wbr p li dt dd option optgroup tr td th tbody"
    " thead tfoot colgroup html head body"
)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,30})")
_WHOLE_TAG = re.compile(r"<[A-Za-z/!?][^<>]*>")
_DATA_URL = re.compile(r"""(=\s*)(?:"\s*data:[^"]*"|'\s*data:[^']*')""", re.IGNORECASE)
_UNSEEN = re.compile(
    r"<(script|style|head|title)\b[^>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL
)
_WHITE = re.compile(r"[ \t\n\r\f]+")


@dataclass(frozen=True, slots=True)
class Visible:
    """The visible text of an HTML document. `left_out`: hidden text was dropped. `cut`: too large, ends early."""

    text: str
    left_out: bool = False
    cut: bool = False


def from_html(html: str, *, legacy: bool = False) -> Visible:
    """The visible text: links followed by where they really lead, lists, quotes and tables simply; nothing of script,
    style, or what is hidden by attribute, inline style or style sheet under any condition (A04). Never raises.

    `legacy`: drop the copy of the header that RFC 9788 2.1.2 puts there for old readers."""
    html = _DATA_URL.sub(r'\1""', html.replace("\0", ""))
    cut = len(html) > LONGEST
    html = html[:LONGEST]
    if _is_tangled(html):
        return Visible(_stripped(html), cut=cut)
    from selectolax.lexbor import LexborHTMLParser  # 25 ms that only HTML letters need

    tree = LexborHTMLParser(html)
    body = tree.body
    if body is None:
        return Visible("", cut=cut)
    by_sheet = hidden.by_style_sheets(tree)
    walk = _Walk(by_sheet, legacy)
    walk.over(body)
    text = walk.lines.text()
    if by_sheet and walk.left_out and not text.strip():
        # Style sheets that hide everything under one condition or another: then they are not believed.
        walk = _Walk(frozenset(), legacy)
        walk.over(body)
        text = walk.lines.text()
    return Visible(text, walk.left_out, cut or walk.cut)


class _Walk:
    """One walk over the tree, iterative, telling `Lines` what comes."""

    def __init__(self, by_sheet: frozenset[int], legacy: bool) -> None:
        self.by_sheet, self.legacy = by_sheet, legacy
        self.left_out = self.cut = False
        self.lines = Lines()

    def over(self, root: LexborNode) -> None:
        """Every node from `root` on in order, entering and leaving each."""
        node: LexborNode | None = root
        for _number in range(MOST_NODES):
            assert node is not None, "the walk ends at its root"
            if self._enter(node):
                inside = node.first_child
                if inside is not None:
                    node = inside
                    continue
                self._leave(node)
            while node.mem_id != root.mem_id and node.next is None:
                node = node.parent
                assert node is not None, "every node below the root has a parent"
                self._leave(node)
            if node.mem_id == root.mem_id:
                return
            node = node.next
        self.cut = True

    def _enter(self, node: LexborNode) -> bool:
        """Write what stands before the node's children; whether to go into them (and then to leave it)."""
        if node.is_text_node:
            self.lines.write(node.text_content or "")
            return False
        tag = node.tag or ""
        if not node.is_element_node or tag in _NOTHING:
            return False
        attributes = node.attributes
        if self.legacy and tag == "div" and "header-protection-legacy-display" in (attributes.get("class") or ""):
            return False
        if hidden.is_hidden(attributes) or node.mem_id in self.by_sheet:
            self.left_out = self.left_out or bool(node.text(deep=True).strip())
            return False
        self._open(tag, attributes)
        return True

    def _open(self, tag: str, attributes: dict[str, str | None]) -> None:
        lines = self.lines
        if tag in _APART:
            lines.apart()
        elif tag in _BLOCKS:
            lines.end_line()
        match tag:
            case "br":
                lines.end_line(keep_empty=True)
            case "hr":
                lines.write("* * *")
            case "img":
                if alt := (attributes.get("alt") or "").strip():
                    lines.write(f"[{alt}]")
            case "blockquote":
                lines.open_quote()
            case "ul":
                lines.open_list(None)
            case "ol":
                start = (attributes.get("start") or "1").strip()
                lines.open_list(int(start) if start.isascii() and start.isdigit() and len(start) < 6 else 1)
            case "li":
                lines.open_item()
            case "pre":
                lines.open_preformatted()
            case "tr":
                lines.open_row()
            case "td" | "th":
                lines.open_cell()

    def _leave(self, node: LexborNode) -> None:
        tag, lines = node.tag or "", self.lines
        if tag == "a":
            target = real_target(node.attributes.get("href") or "").removeprefix("mailto:")
            words = node.text(deep=True).strip()
            if target and words and target.rstrip("/") != words.rstrip("/"):
                lines.write(f" <{target}>")
        if tag in _BLOCKS or tag in _APART:
            lines.end_line()
        match tag:
            case "blockquote" | "li":
                lines.close_prefix()
            case "ul" | "ol":
                lines.close_list()
            case "pre":
                lines.close_preformatted()
            case "tr":
                lines.close_row()
        if tag in _APART:
            lines.apart()


LONGEST_SHOWN = 100
"""Characters of an address that stand in the text; of a longer one only the host does."""


def real_target(href: str) -> str:
    """Where a link really leads, short enough to stand in a text."""
    whole = real_address(href)
    if len(whole) <= LONGEST_SHOWN:
        return whole
    parts = urlsplit(whole)
    return f"{parts.scheme}://{parts.netloc}/…"


def real_address(href: str) -> str:
    """Where a link really leads (A31): http, https and mailto only, without user name, host in ASCII; else ""."""
    href = "".join(char for char in href if char > " ")
    try:
        parts = urlsplit(href)
        if parts.scheme.lower() == "mailto":
            return f"mailto:{parts.path}" if "@" in parts.path else ""
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
            return ""
        host = parts.hostname.encode("idna").decode() if not parts.hostname.isascii() else parts.hostname
        port = f":{parts.port}" if parts.port else ""
    except (ValueError, UnicodeError):
        return ""
    if ":" in host:
        host = f"[{host}]"
    return urlunsplit((parts.scheme.lower(), host + port, parts.path, parts.query, parts.fragment))


def addresses(html: str) -> list[str]:
    """Where the links of a document lead, in order; none of a document that is not worth a tree."""
    html = _DATA_URL.sub(r'\1""', html.replace("\0", ""))[:LONGEST]
    if _is_tangled(html):
        return []
    from selectolax.lexbor import LexborHTMLParser

    found = (real_address(node.attributes.get("href") or "") for node in LexborHTMLParser(html).css("a[href]"))
    return [one for one in found if one]


def without_hidden(html: str, without: Collection[str]) -> str | None:
    """The document's body without what it hides (A04), as HTML that nobody has made safe; None where it is not worth a
    tree. `without`: tags of elements that go as well: read once more, they may mean something else."""
    if len(html) > LONGEST or _is_tangled(html):
        return None
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    if tree.body is None:
        return ""
    by_sheet = hidden.by_style_sheets(tree)
    unseen = [n for n in tree.body.css("*") if n.mem_id in by_sheet or hidden.is_hidden(n.attributes)]
    bare = tree.body.text(deep=True).strip()
    if by_sheet and unseen and bare and sum(len(n.text(deep=True).strip()) for n in unseen) >= len(bare):
        # Style sheets that hide everything under one condition or another: then they are not believed.
        unseen = [n for n in unseen if hidden.is_hidden(n.attributes)]
    gone = {node.mem_id for node in unseen}
    # In the order of the document, backwards: what is inside goes before what is around it.
    for node in reversed(tree.body.css("*")):
        if node.mem_id in gone or node.tag in without:
            node.decompose()
    tree.unwrap_tags(["noscript"])
    return tree.body.inner_html or ""


def _is_tangled(html: str) -> bool:
    """Whether the document nests deeper, or has tags longer, than anyone writes a letter."""
    open_elements: dict[str, int] = {}
    depth = 0
    for found in _TAG.finditer(html):
        name = found[2].lower()
        if name in _NOT_NESTING:
            continue
        count = open_elements.get(name, 0)
        if found[1]:
            if count:
                open_elements[name] = count - 1
                depth -= 1
            continue
        open_elements[name] = count + 1
        depth += 1
        if depth > DEEPEST:
            return True
    return any(
        len(tag) > MOST_SPACES_IN_TAG and tag.count(" ") + tag.count("=") > MOST_SPACES_IN_TAG
        for tag in _WHOLE_TAG.findall(html)
    )


def _stripped(html: str) -> str:
    """The text between the tags, for documents that are not worth a tree."""
    text = _WHOLE_TAG.sub("\n", _UNSEEN.sub("\n", html))
    lines = (_WHITE.sub(" ", line).strip() for line in entities.unescape(text).split("\n"))
    return "".join(f"{line}\n" for line in lines if line)
