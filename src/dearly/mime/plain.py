"""Readable text: from format=flowed (RFC 3676) and HTML, fit to be shown, and quoted in an answer."""

from __future__ import annotations

import re
import unicodedata

from dearly.letter.address import clean

LONGEST_NAME = 120
"""Bytes of a file name that is shown and used (A32)."""

LONGEST_FLOWED = 8_000_000
"""Characters of a text whose lines are joined."""

_NOT_SHOWN = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff\ufff9-\ufffb]"
# Windows keeps these for devices, with any extension; a letter may be saved on a stick that goes there.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|\Z)", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')


def from_flowed(text: str, *, delsp: bool = False) -> str:
    """format=flowed text (RFC 3676 4.2) with its paragraphs whole again; quote depth as "> " prefixes.

    Text beyond `LONGEST_FLOWED` is no letter that anyone wrote, and stays in its lines."""
    if len(text) > LONGEST_FLOWED:
        return text
    paragraphs: list[list[str]] = []
    open_depth: int | None = None
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        is_mark = content == "-- "
        flows = content.endswith(" ") and not is_mark
        if flows and delsp:
            content = content[:-1]
        if open_depth == depth and not is_mark:
            paragraphs[-1].append(content)
        else:
            paragraphs.append([">" * depth + " " if depth else "", content])
        open_depth = depth if flows else None
    return "\n".join("".join(pieces) for pieces in paragraphs)


def shown(text: str) -> str:
    """Text fit for a page or a terminal: line ends as "\\n", no control characters, no bidi overrides (A20, A21).

    Joiners stay: whole scripts and emoji need them. Tabs stay."""
    if text.isprintable():
        return text  # most lines: none of those signs is printable
    return re.sub(_NOT_SHOWN, "", text.replace("\r\n", "\n").replace("\r", "\n"))


def quote(text: str) -> str:
    """Shown text as a quotation for an answer: each line after "> " (RFC 3676 4.5). Only ever what was on screen:
    hand in `Body.text` of the letter and nothing decoded anew (A03, A04)."""
    lines = shown(text).strip("\n").split("\n")
    return "\n".join(f"> {line}".rstrip() for line in lines) + "\n"


def clean_filename(name: str) -> str:
    """A foreign file name, fit to be shown and used (A32): its last component, without control and bidi characters,
    no reserved name, at most 120 bytes with its extension kept, never empty. All of a double extension is shown."""
    last = re.split(r"[/\\]", name)[-1]
    last = unicodedata.normalize("NFC", _FORBIDDEN.sub("_", clean(last).replace("\u200b", "")))
    last = " ".join(last.split()).strip(" .") if last.strip(" .") else ""
    if not last:
        return "enclosure"
    if _RESERVED.match(last):
        last = f"_{last}"
    if len(last.encode()) > LONGEST_NAME:
        stem, dot, extension = last.rpartition(".")
        if not stem or len(extension.encode()) > 20:
            stem, dot, extension = last, "", ""
        room = LONGEST_NAME - len((dot + extension).encode())
        last = stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .") + dot + extension
    return last
