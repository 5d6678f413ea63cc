"""What is remembered of the mailboxes between two rounds. The drawer keeps it; nobody else reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

MOST_OWED = 300
"""Messages remembered because they did not come whole, of one mailbox; while there are as many, nothing new is looked
at. More than are ever asked for at once, so that a server's bad hour is no trouble. With all of it a cursor stays below
64 KiB."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that did not come whole. `size`: octets, as the server said, 0 where not even its header came;
    `digest`: of what came, "" for nothing; `noted`: the day on which just these octets came first."""

    uid: int
    size: int = 0
    digest: str = ""
    noted: date | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """One mailbox. `validity`: its UIDVALIDITY, None before the first look. `last`: the highest UID judged. `since`:
    while it is looked through from the beginning, the day from which on. `seen`: the day of the last whole look before
    which nothing was owed. `exists`: messages accounted for, -1 for unknown, and `more_than_told`: there was one more
    than was listed. `named`: UID and size of what is to be taken and was not fetched yet. `owed`: in the order in which
    it is tried. `marks`: what the last ones were, by `plan.mark`."""

    validity: int | None = None
    last: int = 0
    since: date | None = None
    seen: date | None = None
    exists: int = -1
    more_than_told: bool = False
    named: tuple[tuple[int, int], ...] = ()
    owed: tuple[Owed, ...] = ()
    marks: tuple[tuple[int, str], ...] = ()

    @property
    def room(self) -> int:
        """How many more may come to be owed."""
        return MOST_OWED - len(self.owed)

    def owing(self, more: Sequence[Owed]) -> Box:
        """With these owed as well, at the end."""
        by_uid = {owed.uid: owed for owed in (*self.owed, *more)}
        return replace(self, owed=tuple(by_uid.values()))


@dataclass(frozen=True, slots=True)
class Cursor:
    """`boxes`: by name. `turn`: which mailbox of the round comes next."""

    boxes: dict[str, Box]
    turn: int = 0

    def box(self, name: str) -> Box:
        """What is known of this mailbox."""
        return self.boxes.get(name, Box())

    def with_box(self, name: str, box: Box) -> Cursor:
        """The same with another knowledge of this mailbox."""
        return replace(self, boxes={**self.boxes, name: box})

    def text(self) -> str:
        """As the drawer keeps it."""
        flat = {name: _flat(box) for name, box in self.boxes.items()}
        return json.dumps({"imap": 1, "turn": self.turn, "boxes": flat}, separators=(",", ":"))

    @classmethod
    def read(cls, kept: str) -> Cursor:
        """The cursor in `kept`; a fresh one when it is of another making."""
        try:
            match json.loads(kept):
                case {"imap": 1, "turn": int(turn), "boxes": dict(boxes)}:
                    return cls({str(name): _box(box) for name, box in boxes.items()}, turn)
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        return cls({})


def _flat(box: Box) -> dict[str, Any]:
    return {
        "validity": box.validity,
        "last": box.last,
        "since": _iso(box.since),
        "seen": _iso(box.seen),
        "exists": box.exists,
        "more": box.more_than_told,
        "named": box.named,
        "owed": [[owed.uid, owed.size, owed.digest, _iso(owed.noted)] for owed in box.owed],
        "marks": box.marks,
    }


def _box(kept: dict[str, Any]) -> Box:
    validity = kept["validity"]
    return Box(
        validity=None if validity is None else int(validity),
        last=int(kept["last"]),
        since=_date(kept["since"]),
        seen=_date(kept["seen"]),
        exists=int(kept["exists"]),
        more_than_told=bool(kept["more"]),
        named=tuple((int(uid), int(size)) for uid, size in kept["named"]),
        owed=tuple(Owed(int(u), int(size), str(digest), _date(noted)) for u, size, digest, noted in kept["owed"]),
        marks=tuple((int(uid), str(made)) for uid, made in kept["marks"]),
    )


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
