"""Letters in a Maildir, known again by their names alone.

maildir(5): each letter has a unique name, which no other one ever has; it is written in `tmp`, and what lies in `new`
or `cur` is whole and never changes. What changes is the folder, and the flags behind ":2," in `cur`. So a letter that
was read before need not be asked for its size and times.

That is a promise of programs that follow the rule, so it is relied on where they show that they do: by names as they
make them (`<second>.<what is unique>.<host>`, which Thunderbird does not), and only where no other name beside it
differs in the flags alone. Of a copy that was broken off the names promise nothing: see `is_whole`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from dearly.exchange.folder import Entry

FOLDERS = (b"cur", b"new")
"""Of a Maildir, where letters lie that are whole."""

_INFO = b":2,"


def marked(entries: Iterable[Entry]) -> Iterator[tuple[Entry, bytes]]:
    """Entries as they are walked, each with its mark: 16 octets that are others for every other letter of a Maildir,
    and for the same one in another folder, or thrown away or unfinished since. b"" where a name promises nothing."""
    waiting: Entry | None = None
    before, flags, twin = b"", b"", False
    for entry in entries:
        unique, its_flags = _unique(entry)
        again = unique == before
        if waiting is not None:
            yield waiting, b"" if twin or again or not before else _mark(before, flags)
        waiting, before, flags, twin = entry, unique, its_flags, again
    if waiting is not None:
        yield waiting, b"" if twin or not before else _mark(before, flags)


def is_whole(file: int, about: os.stat_result) -> bool:
    """Whether a letter that is open ends as letters end, with its last line. Where a copy of a Maildir was broken off,
    what it has of the last letter seldom does."""
    return about.st_size > 0 and os.pread(file, 1, about.st_size - 1) == b"\n"


def _unique(entry: Entry) -> tuple[bytes, bytes]:
    """The path of a letter without its flags, and these; b"" where its name is not as maildir(5) has them."""
    parts = entry.parts
    if entry.trouble or len(parts) < 2 or parts[-2] not in FOLDERS:
        return b"", b""
    name, info, flags = parts[-1].partition(_INFO)
    if not name[:1].isdigit() or name.count(b".") < 2 or name.endswith(b".eml"):
        return b"", b""
    return b"/".join((*parts[:-1], name + info)), flags


def _mark(unique: bytes, flags: bytes) -> bytes:
    left = b"D" in flags, b"T" in flags  # by which it is left out or not
    return blake2b(b"maildir %d%d " % left + unique, digest_size=16).digest()
