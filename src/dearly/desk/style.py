"""How a letter is written for those who will read it: as they can read it best, and with the keys that they need.

- Enclosures are binary inside the seal where every reader's program is known to take them so, else base64 (a third
  larger). Known: whoever is reached at an office or by hand has a desk of Dearly; whoever wrote their newest proven
  letter with Dearly has one too; and Delta Chat says so in its certificates (`seal.chatmail`).
- A letter to readers with Delta Chat is marked as a message of a chat: its subject stays a field of its own, and
  nothing after a line of dashes is left out. If it goes to several, it names a group of just these people, the same for
  all letters among them; in any other form Delta Chat shows it where nobody can answer.
- Our key stands outside as well as inside where it goes by mail and a reader cannot have it yet, because older programs
  look for it there alone. From then on it stands inside only.
- Several readers get each other's keys (Autocrypt-Gossip), so that each of them can answer all.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from dearly.desk import routes
from dearly.desk.desk import Desk
from dearly.drawer import keyring, readers
from dearly.drawer.connection import Db
from dearly.letter.content import LetterId
from dearly.letter.envelope import Way, usual_way
from dearly.mime.write import Introduction
from dearly.seal import chatmail


@dataclass(frozen=True, slots=True)
class Style:
    """What `mime.write.render` is told."""

    binary: bool
    chat: bool
    group: str
    outside: bool
    gossip: tuple[Introduction, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Readers:
    """What is known here of those who will read a letter. `dearly`: for each leg, whether they have a desk of Dearly;
    `new`: whether one of them cannot have our key yet. `own`: our key."""

    dearly: tuple[bool, ...]
    new: bool
    own: keyring.StoredKey


def readers_of(db: Db, route: routes.Route, letter_id: LetterId | None) -> Readers:
    """`letter_id`: of the letter, where it is posted already. Raises `NotFound` (no_own_key)."""
    dearly = tuple(
        usual_way(leg.recipient) is not Way.MAIL
        or (leg.person is not None and readers.writes_with_dearly(db, leg.person))
        for leg in route.legs
    )
    new = any(
        leg.person is None or not readers.has_our_key(db, leg.person, letter_id or LetterId(""))
        for leg in route.legs
        if leg.way is Way.MAIL or routes.abroad(leg)
    )
    return Readers(dearly, new, keyring.own_key(db))


async def of(desk: Desk, route: routes.Route, known: Readers) -> Style:
    """How a sealed letter is written for its readers. Raises `CannotSealOrOpen` for a certificate that is none."""
    dearly = known.dearly
    chats = [leg.certificate is not None and chatmail.chats(leg.certificate) for leg in route.legs]
    gossip = []
    if len(route.legs) > 1:
        for leg in route.legs:
            if leg.certificate is not None:
                alone = await desk.opener.minimise(leg.certificate, leg.recipient, only=True)
                gossip.append((leg.recipient, alone))
    return Style(
        binary=all(one or other for one, other in zip(dearly, chats, strict=True)),
        chat=all(one and not other for one, other in zip(chats, dearly, strict=True)),
        group=_group(known.own.fingerprint, route) if len(route.legs) > 1 and any(chats) else "",
        outside=known.new,
        gossip=tuple(gossip),
    )


def _group(own: str, route: routes.Route) -> str:
    """Made of the keys of all its people, so that each circle of them is one group."""
    everybody = sorted({own, *(leg.fingerprint or leg.recipient.key for leg in route.legs)})
    return base64.b32encode(hashlib.sha256("\n".join(everybody).encode()).digest())[:24].decode().lower()
