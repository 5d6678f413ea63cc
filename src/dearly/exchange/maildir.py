"""Letters in a Maildir, known again by their names alone.

maildir(5): each letter has a unique name, which no other one ever has; it is written in `tmp`, and what lies in `new`
or `cur` is whole and never changes. What changes is the folder, and the flags behind ":2," in `cur`. So a letter that
was read before need not be asked for its size and times.

That is a promise of programs that follow the rule, so it is relied on where they show that they do: by names as they
make them (`<second>.<what is unique>.<host>`, which Thunderbird does not), in a folder of nothing but files, and where
no two of them have one unique name.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from hashlib import blake2b

from dearly.exchange.folder import Parts, Run

_LEFT_OUT = frozenset(b"DT")
"""Flags for which a letter is left out: unfinished, thrown away."""


_SECOND = re.compile(rb"\d{9,10}(?:_\d+)?\.")
"""How a name begins: with a second of the years that Maildirs are from, not with a day ("2019.05.04 to Clara"). Some
programs put a counter behind it."""


def in_maildir(folder: Parts) -> bool:
    """Whether a folder is where letters of a Maildir lie that are whole."""
    return folder[-1:] in ((b"cur",), (b"new",))


def marks(run: Run) -> list[bytes]:
    """A mark for each of these files: 16 octets that are others for every other letter of a Maildir, and for the same
    one in another folder, or thrown away or unfinished since. b"" for what is no letter of a Maildir, or not alone with
    its name."""
    if not run.whole or not in_maildir(run.folder):
        return [b""] * len(run.names)
    named = [name.partition(b":2,") for name in run.names]
    times = Counter([unique for unique, _info, _flags in named])
    left = {flags: bytes(sorted({*flags} & _LEFT_OUT)) for flags in {flags for _unique, _info, flags in named}}
    above = b"maildir " + b"/".join(run.folder) + b"/"
    return [
        blake2b(above + unique + info + left[flags], digest_size=16).digest() if times[unique] == 1 else b""
        for unique, info, flags in named
    ]


def keeps(name: bytes, file: int, about: os.stat_result) -> bool:
    """Whether the open file with this name is one of which the rule may be relied on. Its name is as the rule has it;
    and it ends as letters end, with its last line: where a copy of a Maildir was broken off, what it has of the last
    letter seldom does."""
    unique = name.partition(b":2,")[0]
    by_rule = _SECOND.match(unique) is not None and unique.count(b".") > 1 and not unique.endswith(b".eml")
    return by_rule and about.st_size > 0 and os.pread(file, 1, about.st_size - 1) == b"\n"
