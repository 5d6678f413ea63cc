"""What is new in a POP3 maildrop, and how little has to be kept to know it. Pure.

POP3 keeps no mark of ours and knows no «since»: at every round the server lists all its messages, and what we have not
listed before is new. It tells them apart by their unique ids (UIDL, RFC 1939 7). Forty thousand of those are more than
a cursor may hold, and a filter that sometimes errs would lose letters. So the cursor holds eight octets for each of the
newest `WINDOW` messages, and the one fact that there are older ones: a server numbers in order of arrival, so nothing
new stands before what is remembered. In a maildrop of `WINDOW` messages or fewer, not even that is supposed.

Where nothing of what is remembered is listed any more, the server calls its messages otherwise than before (F35), or
somebody has emptied the maildrop: then all of it is looked at anew, as far back as the first time, or to the last whole
look where that is longer ago; and the drawer takes no letter twice, by its bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WINDOW = 4_000
FIRST = 500
"""Messages that are looked at where nothing is remembered: the newest."""
_MARK = 8
_MOST_UID = 70
"""RFC 1939 7: one to seventy octets from 0x21 to 0x7E."""
MOST_OWED = 100
"""What did not come whole; while there is as much, nothing new is looked at."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as listed. `number`: of this session alone. `uid`: one of its own, also where the server gives two
    the same (F35). `size`: octets, as the server states (LIST)."""

    number: int
    uid: str
    size: int

    @property
    def mark(self) -> bytes:
        """What is remembered of it."""
        return hashlib.sha256(self.uid.encode()).digest()[:_MARK]


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that did not come whole. `digest`: of what came, "" for nothing; `times`: how often just this came.
    `unseen`: not even its header was looked at: the server gives none alone, and the whole was too much at once."""

    uid: str
    digest: str = ""
    times: int = 0
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """`begun`: whether the maildrop was ever listed; `first`: whether the first look through it, or one anew, is still
    going on. `older`: whether there were messages before the remembered ones. `looked`: the day of the last whole
    look before which nothing was owed."""

    begun: bool = False
    first: bool = False
    older: bool = False
    seen: tuple[bytes, ...] = ()
    owed: tuple[Owed, ...] = ()
    looked: date | None = None

    def text(self) -> str:
        """As the drawer keeps it: below 64 KiB."""
        marks = base64.b64encode(b"".join(self.seen)).decode()
        owed = [[one.uid, one.digest, one.times, one.unseen] for one in self.owed]
        looked = self.looked.isoformat() if self.looked else ""
        return json.dumps(["p3", self.begun, self.first, self.older, looked, marks, owed], separators=(",", ":"))

    @classmethod
    def read(cls, kept: str) -> Cursor:
        """The cursor in `kept`; a fresh one when it is of another making."""
        try:
            match json.loads(kept):
                case ["p3", bool(begun), bool(first), bool(older), str(day), str(marks), list(owed)]:
                    octets = base64.b64decode(marks, validate=True)
                    seen = tuple(octets[at : at + _MARK] for at in range(0, len(octets), _MARK))
                    looked = date.fromisoformat(day) if day else None
                    waits = tuple(Owed(str(u), str(d), int(t), bool(n)) for u, d, t, n in owed)
                    return cls(begun, first, older, seen, waits, looked)
        except (ValueError, TypeError, RecursionError, binascii.Error):
            pass
        return cls()


@dataclass(frozen=True, slots=True)
class Plan:
    """`window`: the messages that count, oldest first. `seen`: those of them that need no look. `fresh`: those that do,
    oldest first. `first`: whether only what came in the days that are looked back is wanted of them."""

    window: tuple[Entry, ...]
    seen: frozenset[bytes]
    fresh: tuple[Entry, ...]
    first: bool
    older: bool


def plan(cursor: Cursor, entries: Sequence[Entry]) -> Plan:
    """What to look at, of what a server lists in its order."""
    window = tuple(entries[-WINDOW:])
    crowded = len(entries) > WINDOW
    remembered = frozenset(cursor.seen)
    known = [place for place, entry in enumerate(window) if entry.mark in remembered]
    if cursor.begun and remembered and window and not known:
        return Plan(window, frozenset(), window, True, crowded)
    if not cursor.begun:
        passed = window[:-FIRST]
        return Plan(window, frozenset(e.mark for e in passed), window[-FIRST:], True, crowded)
    start = known[0] if cursor.older and known else 0
    seen = frozenset([e.mark for e in window[:start]] + [window[place].mark for place in known])
    fresh = tuple(entry for entry in window if entry.mark not in seen)
    return Plan(window, seen, fresh, cursor.first, crowded or (cursor.older and start > 0))


def listed(sizes: Sequence[str], uids: Sequence[str]) -> list[Entry]:
    """The messages of a maildrop, from the lines of LIST and UIDL. Raises `ValueError` where these are not what RFC
    1939 says they are."""
    by_number = _numbered(sizes)
    names = _numbered(uids)
    taken: dict[str, int] = {}
    entries = []
    for number in sorted(names):
        if number not in by_number:
            continue  # marked as deleted, by whatever is wrong with this server
        size = int(by_number[number])
        if size < 0:
            raise ValueError("a negative size")
        uid = names[number]
        if len(uid) > _MOST_UID or not uid.isascii() or not uid.isprintable():
            uid = "sha256:" + hashlib.sha256(uid.encode()).hexdigest()
        if uid in taken:
            # RFC 1939 7 allows it for messages that are alike; the space keeps these apart from what a server may say.
            taken[uid] += 1
            uid = f"{uid} {size} {taken[uid]}"
        else:
            taken[uid] = 0
        entries.append(Entry(number, uid, size))
    return entries


def _numbered(lines: Sequence[str]) -> dict[int, str]:
    found = {}
    for line in lines:
        number, value = line.split()[:2]  # RFC 1939 5: more may follow
        if len(number) > 9 or not (number.isascii() and number.isdigit()):
            raise ValueError("no number")
        found[int(number)] = value
    return found
