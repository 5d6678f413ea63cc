"""The words of the letters, for the search of the static archive: small scripts that a page loads from beside itself.

A browser that reads from a disk may load scripts, and nothing else. So the index is scripts: 256 of words, by the first
two characters of each, of which one is loaded for each word that is looked for; and lists of what is shown of a letter,
500 in each, of which those are loaded whose letters are shown. Neither is ever held in memory whole: postings are put
to the end of their file piece by piece. `page/search.js` reads it, and folds words just as `words` does.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from dearly.exchange.export_tree import Tree

BUCKETS = 256
LISTED = 500
"""Letters of which one file says what is shown."""

_HELD = 400_000
"""Postings in memory before they are put to their files."""

_LONGEST = 32
_RUN = re.compile(r"[^\W_]+")
_NO_BLANKS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Scripts that are written without blanks: their words are found by two characters at a time."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def words(text: str) -> set[str]:
    """The words of a text, folded: without accents and case."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.category(c).startswith("M"))
    found: set[str] = set()
    for run in _RUN.findall(text.lower().replace("ß", "ss").replace("ς", "σ")):
        if _NO_BLANKS.search(run):
            found.update(run[at : at + 2] for at in range(max(1, len(run) - 1)))
        else:
            found.add(run[:_LONGEST])
    return found


def findable(text: str) -> set[str]:
    """All that a text can be found by: its words, and of scripts without blanks each sign, for one may be a word."""
    found = words(text)
    return found | {sign for word in found if _NO_BLANKS.search(word) for sign in word if _NO_BLANKS.match(sign)}


def bucket(word: str) -> int:
    """In which of the files a word stands: by its first two characters, so that all that begins like it does too."""
    first, second = ord(word[0]), ord(word[1]) if len(word) > 1 else 0
    return (first * 31 + second) % BUCKETS


class Index:
    """Fills the files of the index. Letters are numbered 0, 1, 2 ... in the order in which they come: by date."""

    def __init__(self, tree: Tree, folder: str) -> None:
        self._tree, self._folder = tree, folder
        self._postings: dict[str, list[int]] = defaultdict(list)
        self._held = 0
        self._shown: list[list[str]] = []
        self._next = 0
        self._begun: set[int] = set()

    def add(self, texts: Iterable[str], shown: list[str]) -> None:
        """The next letter: all that can be found of it, and what is shown of it."""
        found = findable("\n".join(texts))
        for word in found:
            self._postings[word].append(self._next)
        self._held += len(found)
        self._shown.append(shown)
        self._next += 1
        if self._held > _HELD:
            self._put_words()
        if len(self._shown) == LISTED:
            self._put_shown()

    def end(self) -> int:
        """Finish the files; how many letters are in them."""
        self._put_words()
        if self._shown:
            self._put_shown()
        for number in range(BUCKETS):
            begin = b"" if number in self._begun else _begin(number)
            self._tree.grow(self._words_file(number), begin + b"]);\n")
        return self._next

    def _put_words(self) -> None:
        piles: dict[int, list[str]] = defaultdict(list)
        for word in sorted(self._postings):
            piles[bucket(word)].append(f"{word}:{_packed(self._postings[word])}")
        for number, pile in piles.items():
            begin = b"" if number in self._begun else _begin(number)
            self._begun.add(number)
            line = json.dumps(" ".join(pile), ensure_ascii=False).encode()
            self._tree.grow(self._words_file(number), begin + line + b",\n")
        self._postings.clear()
        self._held = 0

    def _put_shown(self) -> None:
        number = (self._next - 1) // LISTED
        data = json.dumps(self._shown, ensure_ascii=False, separators=(",", ":"))
        self._tree.write(f"{self._folder}/letters-{number}.js", f"dearly.letters({number},{data});\n".encode())
        self._shown.clear()

    def _words_file(self, number: int) -> str:
        return f"{self._folder}/words-{number}.js"


def _begin(number: int) -> bytes:
    return f"dearly.words({number},[\n".encode()


def _packed(numbers: list[int]) -> str:
    """Ascending numbers as their differences, in base 36."""
    before, out = 0, []
    for number in numbers:
        out.append(_base36(number - before))
        before = number
    return ".".join(out)


def _base36(number: int) -> str:
    if number < 36:
        return _DIGITS[number]
    out = ""
    while number:
        number, digit = divmod(number, 36)
        out = _DIGITS[digit] + out
    return out
