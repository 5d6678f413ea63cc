"""Archives of letters: which one it is, by names and first octets alone, and its reader.

This is the door of the room for whoever imports; the values are in `found`.
"""

from __future__ import annotations

from pathlib import Path

from dearly.exchange.found import (
    Archive,
    Found,
    Hints,
    Item,
    Page,
    PassedOver,
    Precision,
    Role,
    Said,
    Unpack,
    When,
    Written,
)
from dearly.letter.address import clean
from dearly.letter.errors import Usage
from dearly.letter.words import _

__all__ = [
    "FORMATS",
    "Archive",
    "Found",
    "Hints",
    "Item",
    "Page",
    "PassedOver",
    "Precision",
    "Role",
    "Said",
    "Unpack",
    "When",
    "Written",
    "recognise",
]

FORMATS = ("auto", "maildir", "mbox", "mboxrd", "mboxo", "eml", "thunderbird", "takeout", "text", "scan", "scans")
"""What a person may say that an archive is. "mbox" finds out by itself how lines were quoted; "scan" takes a folder of
scans as the pages of one letter, "scans" as a letter each, but for pages whose names count up."""


def recognise(path: Path, wanted: str = "auto", *, unpack: Unpack) -> Archive:
    """The archive at `path`. Looks at names and first octets only; a folder is looked through until something in it is
    known. `unpack`: `opener.unpacking.unpack`.

    Another Dearly drawer, or a backup of one, is recognised as `format` "drawer": its letters are locked in it, and
    `items` raises `Usage` (is_a_drawer), which says how they come out. Raises `NotFound` (no_archive), `Usage`
    (not_an_archive: what it is, why not, and what to do; bad_format)."""
    raise Usage("not_an_archive", _("There are no letters in “{name}” that can be read.").format(name=clean(str(path))))
