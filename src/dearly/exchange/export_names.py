"""Names of files that every file system takes, that tell what is in them, and that never meet each other.

Letters of every script stay, since people look for names by eye; everything else becomes a hyphen. Names are in NFC
and lower case, and each letter's ends in its own number: so no two are the same where case or composition do not count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import quote

from dearly.letter.content import Enclosure
from dearly.letter.leaving import Leaving
from dearly.mime.plain import clean_filename

_GAP = re.compile(r"[\W_]+")
_MOST = 60
"""Octets of the words in a name."""

_RUN = re.compile(
    r"\.(?:[a-z]{0,2}html?|xht|svgz?|xml|xslt?|xsd|xul|xbl|rdf|rss|atom|wsdl|mhtml?|mht|hta)\Z", re.IGNORECASE
)
"""How names end of what a browser would show as a page, with its scripts."""


def slug(text: str, most: int = _MOST) -> str:
    """Words of a text for a file name; "" where there are none."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    words = _GAP.sub("-", folded).strip("-")
    return words.encode()[:most].decode("utf-8", "ignore").strip("-")


def letter_stem(letter: Leaving) -> str:
    """The name of a letter without its ending: 1998-05-03-from-bert-12."""
    way = "to" if letter.direction == "out" else "from"
    who = slug(letter.others[0].shown) if letter.others else ""
    day = f"{letter.date.year:04}-{letter.date:%m-%d}"
    return "-".join(filter(None, (day, way, who, str(letter.number))))


def enclosure_names(enclosures: Sequence[Enclosure], *, beside_pages: bool = False) -> list[str]:
    """A name for each, clean (A32) and different from the others even where case does not count. `beside_pages`: what
    a browser would take for a page, too, is called a text (A33)."""
    taken: set[str] = set()
    names = []
    for one in enclosures:
        clean = clean_filename(one.name)
        if beside_pages and _RUN.search(clean):
            clean = clean_filename(f"{clean}.txt")
        stem, dot, ending = clean.rpartition(".")
        if not stem:
            stem, dot, ending = clean, "", ""
        name, n = clean, 1
        while unicodedata.normalize("NFKC", name).casefold() in taken:
            n += 1
            name = f"{stem} {n}{dot}{ending}"
        taken.add(unicodedata.normalize("NFKC", name).casefold())
        names.append(name)
    return names


def link(*pieces: str) -> str:
    """A relative address of a file, for Markdown and HTML."""
    return "/".join(quote(piece, safe="") for piece in pieces)
