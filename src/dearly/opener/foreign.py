"""HTML of other programs, for the locked frame: sanitised last, and nothing is changed after it (A30).

What remains is structure: headings, lists, tables, quotes, and the letter's own pictures, made anew. No styles, no
links that lead anywhere, nothing of any other host; the frame's own Content Security Policy says the same once more.
"""

from __future__ import annotations

import base64
from html import escape
from urllib.parse import unquote

import nh3

from dearly.mime import plain
from dearly.mime.visible import from_html, without_hidden
from dearly.opener.showing import Foreign


def _words(text: str) -> set[str]:
    return set(text.split())


_TAGS = _words(
    "abbr b big blockquote br caption center cite code col colgroup dd del dfn div dl dt em figcaption figure"
    " h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strike strong sub sup table tbody td"
    " tfoot th thead time tr tt u ul var wbr"
)
_UNSEEN = _words(
    "script style title head noembed noframes iframe frame frameset object applet embed template textarea"
    " select option button svg math audio video canvas map xmp plaintext"
)
_ALIGNED = {"left", "right", "center", "justify"}
_CELL = {"colspan", "rowspan"}
_VALUES = {tag: {"align": _ALIGNED} for tag in ("div", "p", "h1", "h2", "h3", "h4", "h5", "h6")} | {
    tag: {"align": _ALIGNED, "valign": {"top", "middle", "bottom", "baseline"}} for tag in ("td", "th", "tr")
}
_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
_PAGE = (
    '<!doctype html>\n<html lang="{}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta name="color-scheme" content="only light"><title>A letter</title></head>\n<body>{}</body></html>\n'
)


def document(what: Foreign) -> str:
    """The whole document for the frame."""
    pictures = {
        picture.cid: f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"
        for picture in what.pictures
        if picture.media_type in _TYPES
    }

    def allowed(tag: str, attribute: str, value: str) -> str | None:
        if (tag, attribute) == ("img", "src"):
            return pictures.get(unquote(value.strip()[4:])) if value.strip().lower().startswith("cid:") else None
        if attribute in ("width", "height", "colspan", "rowspan", "span", "start", "border", "cellpadding"):
            number = value.strip().removesuffix("%").removesuffix("px")
            return value if number.isdecimal() and len(number) <= 4 else None
        return value

    body = without_hidden(what.html, _UNSEEN)
    if body is None:  # not worth a tree: what it says, without any structure
        body = f"<pre>{escape(plain.shown(from_html(what.html).text))}</pre>"
    clean = nh3.clean(
        body,
        tags=_TAGS,
        clean_content_tags=_UNSEEN,
        attributes={
            "*": {"lang"},
            "img": {"src", "alt", "width", "height"},
            "td": {"width"} | _CELL,
            "th": {"width"} | _CELL,
            "table": {"width", "border", "cellpadding"},
            "col": {"span", "width"},
            "ol": {"start"},
        },
        tag_attribute_values={
            **_VALUES,
            **{tag: {**_VALUES.get(tag, {}), "dir": {"ltr", "rtl", "auto"}} for tag in _TAGS},
        },
        attribute_filter=allowed,
        url_schemes={"cid", "data"},
        link_rel=None,
    )
    return _PAGE.format(escape(what.language), clean)
