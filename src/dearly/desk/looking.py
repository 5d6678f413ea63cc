"""Words in texts: found however they are written, and shown with what stands around them.

Folding takes case, accents and width away. It is done for every text that is looked through, so it is quick; where the
words stand in the text itself is worked out only for the few that are shown.
"""

from __future__ import annotations

import re
import unicodedata

from dearly.terms.excerpt import Excerpt

AROUND = 110
"""Characters before and after the first word that was found."""

MOST_WORDS = 12
_BEGINNING = 190
_MARKS = re.compile(
    r"[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]+"
)
"""What stands above and below letters, after decomposition (UAX 15): accents, and the vowels of Hebrew and Arabic."""

_SIGNS = (
    *((sign, "'") for sign in "\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}"),
    *((sign, '"') for sign in "“”„"),
    *((sign, "-") for sign in "–—"),
    *(("…", "..."), ("œ", "oe"), ("Œ", "oe"), ("¼", "1/4"), ("½", "1/2"), ("¾", "3/4"), ("µ", "μ")),
)
"""Signs of good typography that Latin-1 does not have; whoever looks for words may type plainer ones."""

_SPACE = re.compile(r"\s+")


def fold(text: str) -> str:
    """What two spellings of a text have in common."""
    if text.isascii():
        return text.lower()
    for sign, plainly in _SIGNS:
        if sign in text:
            text = text.replace(sign, plainly)
    try:
        octets = text.encode("latin-1")
    except UnicodeEncodeError:
        return _folded(text)
    return octets.replace(b"\xdf", b"ss").translate(_LATIN).decode("latin-1")


def _folded(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))


def _latin() -> bytes:
    """What each character of Latin-1 folds to, where that is one of them: a letter for a letter, which is
    many times as fast as taking the text apart."""
    table = bytearray(range(256))
    for code in range(256):
        folded = _folded(chr(code))
        if len(folded) == 1 and ord(folded) < 256:
            table[code] = ord(folded)
    return bytes(table)


_LATIN = _latin()


def words_of(query: str) -> tuple[str, ...]:
    """The words to look for, folded."""
    return tuple(dict.fromkeys(fold(query[:400]).split()))[:MOST_WORDS]


def excerpt(text: str, words: tuple[str, ...]) -> Excerpt:
    """What stands around the first of the words; the beginning where none of them is in the text, or none was asked."""
    text = _SPACE.sub(" ", text).strip()
    found = _places(text, words) if words else []
    if not found:
        cut = text if len(text) <= _BEGINNING else text[:_BEGINNING].rsplit(" ", 1)[0] + " …"
        return Excerpt(((cut, False),))
    start, end = max(0, found[0][0] - AROUND), min(len(text), found[0][1] + AROUND)
    if start:
        start = text.find(" ", start, found[0][0]) + 1 or start
    if end < len(text):
        end = max(text.rfind(" ", found[0][1], end), found[0][1])
    pieces: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = start
    for begin, stop in found:
        if stop > end:
            break
        pieces += [(text[at:begin], False), (text[begin:stop], True)]
        at = stop
    pieces.append((text[at:end] + (" …" if end < len(text) else ""), False))
    return Excerpt(tuple(piece for piece in pieces if piece[0]))


def _places(text: str, words: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where the words stand in the text as it is written, in order, none over another."""
    folded, origin = [], []
    for index, char in enumerate(text):
        for piece in fold(char):
            folded.append(piece)
            origin.append(index)
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    places: list[tuple[int, int]] = []
    for hit in re.finditer(pattern, "".join(folded)):
        begin, stop = origin[hit.start()], origin[hit.end() - 1] + 1
        while stop < len(text) and not fold(text[stop]):
            stop += 1  # an accent of its own belongs to the letter before it
        if not places or begin >= places[-1][1]:
            places.append((begin, stop))
    return places
