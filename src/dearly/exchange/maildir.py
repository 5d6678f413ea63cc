"""Letters in a Maildir, known again by their names alone.

maildir(5): each letter has a unique name, which no other one ever has; it is written in `tmp`, and what lies in `new`
or `cur` is whole and never changes. What changes is the folder, and the flags behind ":2," in `cur`. So a letter that
was read before need not be asked for its size and times.

That is a promise of programs that follow the rule, so it is relied on where they show that they do: by names as they
make them (`<second>.<what is unique>.<host>`, which Thunderbird does not), in a folder of nothing but files, and where
no two of them have one unique name. Of a copy that was broken off the names promise nothing: see `is_whole`.
"""

from __future__ import annotations

import os
from collections import Counter
from hashlib import blake2b

from dearly.exchange.folder import Parts, Run


def in_maildir(folder: Parts) -> bool:
    """Whether a folder is where letters of a Maildir lie that are whole."""
    return folder[-1:] in ((b"cur",), (b"new",))


def marks(run: Run) -> list[bytes]:
    """A mark for each of these files: 16 octets that are others for every other letter of a Maildir, and for the same
    one in another folder, or thrown away or unfinished since. b"" where a name promises nothing."""
    if not run.whole or not in_maildir(run.folder):
        return [b""] * len(run.names)
    named = [name.partition(b":2,") for name in run.names]
    several = {one for one, count in Counter(unique for unique, _info, _flags in named).items() if count > 1}
    folder = b"/".join(run.folder)
    return [
        b"" if unique in several or not _by_rule(unique) else _mark(b"%s/%s%s" % (folder, unique, info), flags)
        for unique, info, flags in named
    ]


def is_whole(file: int, about: os.stat_result) -> bool:
    """Whether a letter that is open ends as letters end, with its last line. Where a copy of a Maildir was broken off,
    what it has of the last letter seldom does."""
    return about.st_size > 0 and os.pread(file, 1, about.st_size - 1) == b"\n"


def _by_rule(unique: bytes) -> bool:
    return unique[:1].isdigit() and unique.count(b".") > 1 and not unique.endswith(b".eml")


def _mark(path: bytes, flags: bytes) -> bytes:
    # By these two flags it is left out, or not.
    return blake2b(b"maildir %d%d %s" % (b"D" in flags, b"T" in flags, path), digest_size=16).digest()
