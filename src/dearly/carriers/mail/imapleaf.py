"""Leafing through a folder of a mailbox from its first message to its last, whatever is in it: for taking in what a
person kept at their provider. It is only read; nothing is marked, moved or taken out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from dearly.carriers.base import Leaf
from dearly.carriers.mail import plan
from dearly.carriers.mail.imapvalues import INBOX, Standing

if TYPE_CHECKING:
    from dearly.carriers.mail.imapcollect import Asks
    from dearly.carriers.mail.imapline import Line

_TOGETHER = 100


_NOT_OPENED = frozenset({b"\\noselect", b"\\nonexistent"})
"""Attributes of names that hold only other folders (RFC 9051 7.3.1)."""


async def shelves(ask: Asks) -> list[str]:
    """The folders that can be opened, INBOX first."""
    found = [
        name
        for flags, _delimiter, name in await ask(lambda line: line.folders())
        if not any(flag.lower() in _NOT_OPENED for flag in flags)
    ]
    return sorted(found, key=lambda name: (name.upper() != INBOX, name.casefold()))


async def leaf(ask: Asks, name: str, cursor: str, *, heads: bool = False) -> Leaf:
    """The next messages behind `cursor`, oldest first; at the end none. `heads`: only their header fields. A folder
    that was numbered anew is begun anew (F29): what was taken from it is known by its bytes."""
    standing = await ask(partial(_examined, name=name))
    validity, _colon, last = cursor.partition(":")
    behind = int(last) if validity == str(standing.validity) and last.isdecimal() else 0
    uids = [uid for uid in await ask(partial(_behind, standing=standing, uid=behind)) if uid > behind]
    left = len(uids)
    uids = uids[:_TOGETHER]
    if not uids:
        return Leaf(cursor, (), standing.exists, standing.exists)
    came: Mapping[int, bytes | None]
    if heads:
        some, known = uids, await ask(partial(_heads, standing=standing, uids=uids))
        sizes = {uid: size for uid, (size, _head) in known.items()}
        came = {uid: head for uid, (_size, head) in known.items()}
    else:
        sizes = await ask(partial(_sizes, standing=standing, uids=uids))
        some = uids[: max(1, plan.batch([sizes.get(uid, 0) for uid in uids]))]
        came = await ask(partial(_bodies, standing=standing, sizes={uid: sizes[uid] for uid in some if uid in sizes}))
    return Leaf(
        f"{standing.validity}:{some[-1]}",
        tuple(came.get(uid) for uid in some),
        max(0, standing.exists - left) + len(some),
        standing.exists,
        sum(sizes.get(uid, 0) for uid in some),
    )


def _examined(line: Line, name: str) -> Standing:
    return line.examine(name)


def _behind(line: Line, standing: Standing, uid: int) -> list[int]:
    line.stand_in(standing)
    return line.search("UID", f"{uid + 1}:*")


def _sizes(line: Line, standing: Standing, uids: Sequence[int]) -> dict[int, int]:
    line.stand_in(standing)
    return line.sizes(uids)


def _heads(line: Line, standing: Standing, uids: Sequence[int]) -> dict[int, tuple[int, bytes]]:
    line.stand_in(standing)
    return line.heads(uids)


def _bodies(line: Line, standing: Standing, sizes: Mapping[int, int]) -> dict[int, bytes | None]:
    line.stand_in(standing)
    return line.bodies(sizes)
