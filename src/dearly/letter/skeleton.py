"""What a name or an address looks like (UTS 39 4): two that have one skeleton can be taken for one another (A21).

The table is small and of our own making: letters of Cyrillic and Greek that are drawn like Latin ones, the digits that
are, and pairs that run together. It says that two things resemble each other, never that one of them is false; nothing
is refused by it. Skeletons are compared with each other and never shown.
"""

from __future__ import annotations

import unicodedata

from dearly.letter.address import Address
from dearly.letter.scripts import as_written

_CYRILLIC = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХԌԚԜ" + "аеѕіјорсухһԁԛԝӏ" + "вгкмнптьё",
        "ABESIJKMHOPCTYXGQW" + "aesijopcyxhdqwl" + "brkmhntbe",
        strict=True,
    )
)
_GREEK = dict(
    zip(
        "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "αβγεικνορτυχωϲ",
        "ABEZHIKMNOPTYX" + "abyeikvoptuxwc",
        strict=True,
    )
)
# One of several that are drawn alike stands for all: I, l, 1 and |; O and 0.
_ALIKE = {"I": "l", "1": "l", "|": "l", "0": "o", "ı": "i", "ɑ": "a", "ɡ": "g"}
_LETTERS = str.maketrans(_CYRILLIC | _GREEK)
_SIGNS = str.maketrans(_ALIKE)
_PAIRS = (("rn", "m"), ("vv", "w"))
_UNSEEN = frozenset({"Cf", "Cc"})


def skeleton(text: str) -> str:
    """What `text` looks like: one spelling for everything that is drawn alike. Case, where it does not change what is
    drawn, and signs that are not seen make no difference."""
    seen = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) not in _UNSEEN)
    drawn = unicodedata.normalize("NFC", " ".join(seen.split())).translate(_LETTERS).translate(_SIGNS).casefold()
    for pair, one in _PAIRS:
        drawn = drawn.replace(pair, one)
    return drawn


def of_address(address: Address) -> str:
    """What an address looks like, its domain as people write it (RFC 5891)."""
    return skeleton(f"{address.local}@{'.'.join(map(as_written, address.domain.split('.')))}")
