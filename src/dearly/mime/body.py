"""What a person reads of a letter: its text, its HTML if it has any, and its enclosures, decoded from the original."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from dearly.letter.content import Enclosure
from dearly.mime import charset, plain, transfer
from dearly.mime.outline import Body, Outline, Part
from dearly.mime.signed import signed_part
from dearly.mime.visible import from_html

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\Z")
_HEADER = re.compile(r"(?:[A-Za-z][A-Za-z-]{0,40}:[ \t][^\n]{0,998}(?:\n[ \t][^\n]{1,998}){0,20}(?:\n|\Z)){1,20}")
_NAMES = {
    "message/rfc822": "letter.eml",
    "text/calendar": "calendar.ics",
    "text/vcard": "card.vcf",
    "text/html": "page.html",
    "text/plain": "text.txt",
    "image/jpeg": "picture.jpg",
    "image/png": "picture.png",
    "image/gif": "picture.gif",
    "image/webp": "picture.webp",
    "application/pdf": "document.pdf",
    "application/pgp-signature": "signature.asc",
}
"""Names for parts that came without one."""


class _Found(NamedTuple):
    """Indexes of parts, by what they are for the reader."""

    texts: list[int]
    htmls: list[int]
    enclosed: list[int]


def content(raw: bytes, part: Part) -> bytes:
    """The octets of a part without their transfer encoding."""
    return transfer.decode(raw[part.body : part.end], part.cte)


def readable(
    raw: bytes, outline: Outline, *, inside: bool = True, enclosed: Callable[[bytes, Part], bytes] = content
) -> Body:
    """The text and the enclosures of the letter that `outline` was made from. Decodes, and never raises.

    `inside`: these bytes were sealed. Only then is a copy of the header taken out that stands in the text for programs
    that do not read protected headers (RFC 9788 2.1.2, hp="cipher"; or protected-headers="v1", its draft). `enclosed`:
    what gives the octets of an enclosure, asked for each in order."""
    parts = outline.parts
    children: list[list[int]] = [[] for _part in parts]
    for index, part in enumerate(parts):
        if part.parent >= 0:
            children[part.parent].append(index)
    found = _with_some_text(parts, _sort(raw, parts, children, 0))
    if signed := signed_part(outline):  # its signature is looked at, and no enclosure
        found.enclosed.remove(parts.index(signed[1]))
    protected = inside and outline.hp == "cipher"
    if inside and (index := _legacy_part(raw, outline)):
        found.texts[:] = [one for one in found.texts if one != index]
        found.enclosed[:] = [one for one in found.enclosed if one != index]

    html, left_out, cut = None, False, False
    pieces: list[str] = []
    for index in sorted({*found.texts, *(found.htmls if not found.texts else ())}):
        part = parts[index]
        if index in found.texts:
            pieces.append(_text(raw, part, protected))
        else:
            visible = from_html(_decoded(raw, part), legacy=protected and _is_legacy(part))
            left_out, cut = left_out or visible.left_out, cut or visible.cut
            pieces.append(visible.text)
    if found.htmls:
        html = _decoded(raw, parts[found.htmls[0]])
    enclosures = tuple(_enclosure(parts[i], enclosed(raw, parts[i])) for i in found.enclosed)
    return Body(_together(pieces), html, enclosures, left_out, cut)


def _sort(raw: bytes, parts: tuple[Part, ...], children: list[list[int]], index: int) -> _Found:
    """What this part and those within it are. The nesting is bounded by `limits.MOST_DEPTH`."""
    part = parts[index]
    if not part.container:
        return _sort_leaf(part, index)
    inner = [_sort(raw, parts, children, child) for child in children[index]]
    enclosed = [i for one in inner for i in one.enclosed]
    if part.content_type != "multipart/alternative":
        return _Found([i for one in inner for i in one.texts], [i for one in inner for i in one.htmls], enclosed)
    # RFC 2046 5.1.4: the same in several forms. Plain text is the one that shows all there is.
    htmls = next((one.htmls for one in reversed(inner) if one.htmls), [])
    texts = next((one.texts for one in inner if one.texts and _says_something(raw, parts, one.texts)), None)
    if texts is None:
        texts = [] if htmls else next((one.texts for one in inner if one.texts), [])
    return _Found(texts, htmls, enclosed)


def _sort_leaf(part: Part, index: int) -> _Found:
    if part.parent < 0 and part.content_type.startswith("multipart/") and part.content_type != "multipart/encrypted":
        # A multipart whose boundaries were lost: all there is, is text.
        return _Found([index], [], [])
    is_own = part.disposition != "attachment" and (part.filename is None or part.parent < 0)
    if part.content_type == "text/plain" and is_own:
        return _Found([index], [], [])
    if part.content_type == "text/html" and part.disposition != "attachment" and (part.filename is None or is_own):
        return _Found([], [index], [])
    return _Found([], [], [index])


def _with_some_text(parts: tuple[Part, ...], found: _Found) -> _Found:
    """Where nothing else is text: the first file that asks to be shown in its place."""
    if found.texts or found.htmls:
        return found
    for index in found.enclosed:
        if parts[index].content_type == "text/plain" and parts[index].disposition != "attachment":
            return _Found([index], [], [one for one in found.enclosed if one != index])
    return found


def _says_something(raw: bytes, parts: tuple[Part, ...], texts: list[int]) -> bool:
    return any(not raw[parts[i].body : parts[i].end].isspace() and parts[i].body < parts[i].end for i in texts)


def _decoded(raw: bytes, part: Part) -> str:
    return charset.decode(content(raw, part), part.charset).replace("\r\n", "\n")


def _text(raw: bytes, part: Part, protected: bool) -> str:
    text = _decoded(raw, part)
    if protected and _is_legacy(part):
        # Up to the first empty line, and only what is a header: nothing else is ever left out of a text.
        copied, _empty, rest = text.partition("\n\n")
        text = rest if _is_header(copied) else text
    if part.parameters.get("format", "").lower() == "flowed":
        return plain.from_flowed(text, delsp=part.parameters.get("delsp", "").lower() == "yes")
    return text


def _is_legacy(part: Part) -> bool:
    return part.parameters.get("hp-legacy-display") == "1"


def _legacy_part(raw: bytes, outline: Outline) -> int:
    """The index of the part that holds such a copy and nothing else, as Enigmail and Thunderbird wrote it; else 0."""
    root = outline.root
    if root.content_type != "multipart/mixed" or root.parameters.get("protected-headers", "").lower() != "v1":
        return 0
    first = outline.parts[1] if root.container and len(outline.parts) > 2 else root
    if first.content_type not in ("text/plain", "text/rfc822-headers"):
        return 0
    copies = first.parameters.get("protected-headers", "").lower() == "v1"
    return 1 if copies and _is_header(_decoded(raw, first)) else 0


def _is_header(text: str) -> bool:
    return bool(_HEADER.fullmatch(text.rstrip("\n")))


def _together(pieces: list[str]) -> str:
    text = ""
    for piece in pieces:
        text += ("" if not text or text.endswith("\n") else "\n") + piece
    return text


def _enclosure(part: Part, data: bytes) -> Enclosure:
    return Enclosure(
        name=plain.clean_filename(part.filename or _NAMES.get(part.content_type, "")),
        media_type=part.content_type if _MEDIA_TYPE.match(part.content_type) else "application/octet-stream",
        data=data,
        cid=part.cid if part.disposition != "attachment" else None,
    )
