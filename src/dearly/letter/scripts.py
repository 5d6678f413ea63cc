"""Names and addresses that may not be what they look like (A21; UTS 39 5.1 and 5.2): written in letters of several
scripts, as a name is that imitates another one. Pure, and by the names of Unicode's own characters.

Nothing is refused by this. Where there is doubt, the address stands beside the name in a form that cannot be imitated.
"""

from __future__ import annotations

import unicodedata

from dearly.letter.address import Address
from dearly.letter.errors import Usage

# Scripts that belong to one way of writing (UTS 39 5.2, "highly restrictive").
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)


def scripts(text: str) -> frozenset[str]:
    """The scripts of the letters in `text`, by the first word of their names. Signs, digits and marks belong to all."""
    found = set()
    for char in unicodedata.normalize("NFKC", text):
        if unicodedata.category(char) in ("Lu", "Ll", "Lt", "Lo"):
            word = unicodedata.name(char, "UNNAMED").split(" ")[0].split("-")[0]
            found.add("CJK" if word in ("IDEOGRAPHIC", "KANGXI") else word)
    return frozenset(found)


def mixed(text: str) -> bool:
    """Whether it is written in letters of several scripts that nobody writes together, as Latin and Cyrillic ones."""
    found = scripts(text)
    return len(found) > 1 and not any(found <= together for together in _TOGETHER)


def ascii_form(address: Address) -> str:
    """The address in ASCII: the domain as it is asked for (RFC 5891), and before the @ the numbers of what is not."""
    local = "".join(char if char.isascii() else f"\\u{{{ord(char):X}}}" for char in address.local)
    return f"{local}@{address.domain}"


def in_doubt(name: str, address: str) -> str:
    """The address as it must stand beside this name, in ASCII; "" where name and address show what they are."""
    try:
        there = Address.parse(address)
    except Usage:
        return ""
    labels = (as_written(label) for label in there.domain.split("."))
    doubtful = mixed(name) or not there.local.isascii() or any(mixed(label) for label in labels)
    return ascii_form(there) if doubtful else ""


def as_written(label: str) -> str:
    """A label of a domain as people write it (RFC 5891); as it is, where it is none."""
    try:
        return label.encode().decode("idna")
    except UnicodeError:
        return label
