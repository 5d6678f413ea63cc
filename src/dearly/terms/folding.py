"""What two spellings of a text have in common, and the words in it.

Case, accents and width do not count; letters that do not decompose (ß, ł, ø, ...) stand as one would type them without
having them. Words are letters and digits; an apostrophe or a hyphen parts them, so that both halves are found. Scripts
that put no blanks between words are cut into pairs that overlap: a word of two characters is one pair, and several
pairs in a row are exactly the run that they came from.

Most letters fit into one of the old alphabets of 256 signs. There a table does everything at once, at a tenth of the
time; it is made from the same rule that the other texts go through sign by sign.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from operator import add

_SINGLE = {
    "ß": "ss", "ẞ": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i",
    "ŋ": "n", "ŧ": "t", "ĸ": "k", "ſ": "s", "ƒ": "f", "ə": "e", "ɖ": "d", "ɓ": "b", "ɗ": "d", "ƙ": "k", "ƴ": "y",
    "ς": "σ", "ґ": "г", "ٱ": "ا", "ى": "ي", "ک": "ك", "ی": "ي", "ـ": "",
}  # fmt: skip
"""Letters that have no decomposition (UAX 15), or whose forms count as one: as one would type them otherwise."""

LENGTHENED = {char: several for char, several in _SINGLE.items() if len(several) > 1 and char.islower()} | {
    "\ufb01": "fi",
    "\ufb02": "fl",
}
"""Signs that become several when they are folded."""

_OF_SINGLE = "|".join(_SINGLE)

_MARKS = (
    "(?<!и)\u0306|[\u0300-\u0305\u0307-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
"""What stands above and below letters once they are taken apart: accents, and the vowels of Hebrew and Arabic. The
breve of й stays: it is another letter than и. The vowel signs of India are letters."""

_MARKED = "[\u00b5-\u06ff\u1ab0-\u1aff\u1c80-\u1fff\u20d0-\u20ff]+"
"""Letters that may bear such marks, or have no decomposition."""

_APART = "[\u0300-\u036f]"
"""Marks that may be apart from their letters."""

_OTHERWISE = (
    "[\u00aa-\u06ff\u0130\u1ab0-\u1aff\u1c80-\u1fff\u2070-\u209f\u20d0-\u218f\u2460-\u24ff\u3099\u309a\u3200-\u33ff\uf900-\ufaff"
    "\ufb00-\ufdff\ufe70-\ufeff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9f\U0001d400-\U0001d7ff]"
)
"""Where these are, folding does more than to make small letters of capitals."""

_POINTS = "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]+"
"""The vowels of Hebrew and Arabic alone."""

_UNSEEN = "[\u00ad\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]+"
"""Signs inside words that nobody sees or types."""

_PICTURES = "[\u2010-\u205e\u2190-\u23ff\u2500-\u2bff\u3000-\u3004\U0001f000-\U0001f0ff\U0001f300-\U0001faff]+"
"""Signs and small pictures that no alphabet has, between words."""

_SPACELESS = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0ece\u0f40-\u0fbc\u1000-\u1049\u1050-\u109f\u1780-\u17d3\u3005-\u3007\u3040-\u309f\u30a1-\u30fa"
    "\u30fc-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Tibetan, Burmese, Khmer, kana, Han."""

_WORD = f"[\\w\u0306\u0900-\u0963\u0966-\u0dff{_SPACELESS}]+"
_RUN = f"([{_SPACELESS}]+)"


@cache
def _re(pattern: str) -> re.Pattern[str]:
    """Compiled when it is first used: a command that looks for a plain word needs none of them."""
    return re.compile(pattern)


def fold(text: str) -> str:
    """The text folded, sign by sign; it may become longer or shorter. What is no word stands as it is."""
    return text.lower() if text.isascii() else _fold(text)


def flat(text: str) -> str:
    """The text folded so far as each sign stays one sign: a place here is a place there. Signs that fold to several
    (`LENGTHENED`) or to none are only in lower case."""
    if text.isascii():
        return text.lower()
    # Latin-1 has no signs of good typography, but is ten times as quick as the alphabets that have.
    for codec in ("latin-1", *_ALPHABETS):
        try:
            # The micro sign is the one sign of theirs whose letter, the Greek one, only one of them has.
            return _alphabet(codec).flat(text).replace("\u00b5", "\u03bc")
        except UnicodeEncodeError as error:
            if text[error.start] > _LAST_OF_ALPHABETS:
                break
    return _re(_OTHERWISE).sub(lambda one: _FLAT[one.group()], text).lower()


def words(text: str) -> list[str]:
    """The folded words of the text in their order, as they stand in an index."""
    found = _at_once(text)
    return _words(_fold(text)) if found is None else found.split()


def cut(text: str) -> str:
    """The folded words of the text in their order, with blanks between them and perhaps around them."""
    found = _at_once(text)
    return " ".join(_words(_fold(text))) if found is None else found


def _at_once(text: str) -> str | None:
    """`cut` by a table; None where that has to be done sign by sign."""
    return text.encode().translate(_ASCII).decode() if text.isascii() else _by_table(text, _Alphabet.cut)


def plain_words(text: str) -> list[str]:
    """The words of the text in lower case with their accents, as the rules of grammar want them. None of a script
    without blanks, which has no endings."""
    if text.isascii():
        return text.encode().translate(_ASCII).decode().split()
    found = _by_table(text, _Alphabet.lower)
    if found is not None:
        return found.split()
    if _re(_APART).search(text) is not None:
        text = unicodedata.normalize("NFC", text)
    return _re(_WORD).findall(_lower(_re(_RUN).sub(" ", text)).replace("_", " "))


def runs(text: str) -> list[str]:
    """The folded words of the text, with runs of a script without blanks left whole: what was meant by a search."""
    return words(text) if text.isascii() else _re(_WORD).findall(_fold(text).replace("_", " "))


def spaceless(word: str) -> bool:
    """Whether this is (in part) a run of a script that puts no blanks between words."""
    return not word.isascii() and _re(_RUN).search(word) is not None


def pairs(run: str) -> list[str]:
    """A run cut into pairs that overlap, for looking for it."""
    return [run[i : i + 2] for i in range(max(1, len(run) - 1))]


def _fold(text: str) -> str:
    text = unicodedata.normalize("NFKC", _re(_UNSEEN).sub("", text).casefold())
    # Once more: what was compatible may have been a capital in disguise, as Ⓐ is.
    return _re(_MARKED).sub(_unmarked, text.casefold())


def _unmarked(found: re.Match[str]) -> str:
    text = _re(_MARKS).sub("", unicodedata.normalize("NFKD", found.group()))
    return unicodedata.normalize("NFC", _re(_OF_SINGLE).sub(lambda one: _SINGLE[one.group()], text))


def _lower(text: str) -> str:
    # İ in lower case is an i, and no i with a mark of its own, as Unicode has it outside Turkish.
    return _re(_UNSEEN).sub("", _re(_POINTS).sub("", text.replace("İ", "i"))).lower()


def _words(folded: str) -> list[str]:
    found: list[str] = []
    words_in = _re(_WORD).findall
    for index, piece in enumerate(_re(_RUN).split(folded.replace("_", " "))):
        if index % 2:
            # The last sign stands by itself too: so every sign begins a word, and is found by its beginning.
            found += map(add, piece, piece[1:])
            found.append(piece[-1])
        elif piece:
            found += words_in(piece)
    return found


@dataclass(frozen=True, slots=True)
class _Table:
    """What each octet of an old alphabet becomes: one octet, none (`dropped`), several (`longer`), or something that
    only another alphabet has (`beyond`)."""

    one: bytes
    dropped: bytes
    longer: tuple[tuple[bytes, bytes], ...]
    beyond: re.Pattern[bytes] | None


def _table(codec: str, rule: Callable[[str], str]) -> _Table:
    one, dropped, longer, beyond = bytearray(b" " * 256), bytearray(), [], bytearray()
    for code in range(256):
        char = bytes((code,)).decode(codec, "replace")
        became = " " if char in "\ufffd_" else rule(char)
        try:
            octets = " ".join(_re(_WORD).findall(became)).encode(codec)
        except UnicodeEncodeError:
            beyond.append(code)
            continue
        if not became:
            dropped.append(code)
        elif len(octets) == 1:
            one[code] = octets[0]
        elif octets:
            longer.append((bytes((code,)), octets))
    others = re.compile(b"[" + re.escape(bytes(beyond)) + b"]") if beyond else None
    return _Table(bytes(one), bytes(dropped), tuple(longer), others)


def _flat_sign(char: str) -> str:
    """What a sign is in `flat`."""
    for one in (_fold(char), char.lower()):
        if len(one) == 1:
            return one
    return char


class _Flat(dict[str, str]):
    """Every sign's form in `flat`, worked out when it is met first."""

    def __missing__(self, char: str) -> str:
        found = self[char] = _flat_sign(char)
        return found


_FLAT = _Flat()


def _flat_octet(code: int, codec: str) -> int:
    char = bytes((code,)).decode(codec, "replace")
    try:
        return _flat_sign(char).encode(codec)[0]
    except UnicodeEncodeError:
        return code


class _Alphabet:
    """One of the old alphabets (Windows code pages): texts that can be written in it are cut by a table."""

    def __init__(self, codec: str) -> None:
        self._codec = codec

    @cached_property
    def _folding(self) -> _Table:
        return _table(self._codec, _fold)

    @cached_property
    def _lowering(self) -> _Table:
        return _table(self._codec, _lower)

    @cached_property
    def _flattening(self) -> bytes:
        return bytes(_flat_octet(code, self._codec) for code in range(256))

    def cut(self, text: str) -> str | None:
        """As `cut`; None where the text cannot be written in this alphabet."""
        return self._through(text, self._folding)

    def lower(self, text: str) -> str | None:
        """As `plain_words`, with blanks between."""
        return self._through(text, self._lowering)

    def flat(self, text: str) -> str:
        """As `flat`. Raises `UnicodeEncodeError` where the text cannot be written in this alphabet."""
        return text.encode(self._codec).translate(self._flattening).decode(self._codec)

    def _through(self, text: str, table: _Table) -> str | None:
        try:
            octets = text.encode(self._codec)
        except UnicodeEncodeError:
            return None
        if table.beyond is not None and table.beyond.search(octets) is not None:
            return None
        for octet, several in table.longer:
            if octet in octets:
                octets = octets.replace(octet, several)
        octets = octets.translate(table.one, table.dropped)
        return octets.decode("ascii" if octets.isascii() else self._codec)


_ALPHABETS = "cp1252", "cp1250", "cp1251", "cp1254", "cp1253", "cp1257"
"""Of the west of Europe, its middle, Cyrillic, Turkish, Greek, Baltic: each with the signs of good typography."""

_LAST_OF_ALPHABETS = "\u2122"
"""None of them has a sign after this one."""


def _by_table(text: str, how: Callable[[_Alphabet, str], str | None]) -> str | None:
    for place, codec in enumerate(_ALPHABETS):
        found = how(_alphabet(codec), text)
        if found is not None:
            return found
        if not place and _re(_RUN).search(text) is not None:
            return None  # no alphabet has those
    without = _re(_PICTURES).sub(" ", text)
    return _by_table(without, how) if without != text else None


@cache
def _alphabet(codec: str) -> _Alphabet:
    return _Alphabet(codec)


_ASCII = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))
