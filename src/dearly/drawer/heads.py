"""The chain's head, kept where a rollback of the database does not reach: in the slots, and in a folder elsewhere.

Both copies are sealed under the data key, so that they tell nobody how many letters there are. They are written when
the drawer is locked; the chain may have grown since, but may never have become shorter or another (F20, F21).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dearly.drawer import chain
from dearly.drawer.connection import DataKey, Db
from dearly.drawer.folder import make_private_folder, write_whole
from dearly.drawer.slotfiles import write_copies
from dearly.drawer.slots import Slots, open_record, seal_record


def recall(
    folder: Path, keys: Iterable[DataKey], uid: str, slots: Slots | None, state: Path | None
) -> list[chain.Head]:
    """The heads that were kept outside, under any of `keys`; none where there are none."""
    sealed = [slots.head] if slots is not None else []
    if state is not None:
        with contextlib.suppress(OSError):
            sealed.append((state / _name(folder, uid)).read_bytes())
    found = (chain.unpack(open_record(key, uid, record)) for record in sealed if record for key in keys)
    return [head for head in found if head is not None]


def keep(folder: Path, key: DataKey, uid: str, slots: Slots, head: chain.Head, state: Path | None) -> Slots:
    """Write `head` to both slots files and the state folder, unless it stands there already. Raises OSError."""
    if [head] * (1 if state is None else 2) == recall(folder, [key], uid, slots, state):
        return slots
    record = seal_record(key, uid, chain.pack(head))
    newer = replace(slots, revision=slots.revision + 1, head=record)
    write_copies(folder, newer)
    if state is not None:
        if not state.exists():
            state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_private_folder(state)
        write_whole(state / _name(folder, uid), record)
    return newer


def worst(db: Db, heads: list[chain.Head]) -> tuple[chain.Standing, chain.Head] | None:
    """The outside head that the chain does not agree with, and how; the furthest one of several. None if all agree."""
    apart = [(chain.standing(db, head), head) for head in heads]
    apart = [(standing, head) for standing, head in apart if standing is not chain.Standing.AGREES]
    return max(apart, key=lambda found: found[1].count, default=None)


def _name(folder: Path, uid: str) -> str:
    """A copy of the drawer elsewhere on this machine goes its own way, so each place has a head of its own."""
    return hashlib.sha256(f"{uid}\0{folder.resolve()}".encode("utf-8", "surrogateescape")).hexdigest()[:32] + ".head"
