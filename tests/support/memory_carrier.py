"""A carrier in memory that keeps every promise of `carriers.base`, and can be told to have bad luck.

`MemoryPost` is the whole postal system; `MemoryCarrier(post, address)` is one person's counter and letterbox in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from dearly.carriers.base import Collected, for_each
from dearly.letter.address import Address
from dearly.letter.envelope import Parcel, SealedLetter, Source, Way
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Accepted, Evidence, Found, NothingProven, NotThere, Outcome, TryLater, Turned, Unknown


class Luck(Enum):
    """What befalls the next exchange, or every one until `Post.luck` is changed (`AWAY`)."""

    GOOD = "good"
    AWAY = "away"
    """Nobody answers; no connection comes about."""
    CUT_ASKING = "cut asking"
    """The connection breaks while we are still speaking: it takes no effect."""
    CUT_ANSWER = "cut answer"
    """It takes effect, and the answer is lost."""


@dataclass
class MemoryPost:
    """Boxes by address key, oldest first; what was accepted by idempotency key and recipient; and the coming luck."""

    known: set[str] = field(default_factory=set)
    boxes: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    accepted: dict[tuple[str, str], bytes] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    torn: dict[str, int] = field(default_factory=dict)
    """uid -> how many bytes of this parcel come through."""
    luck: Luck = Luck.GOOD
    remembers: bool = True
    """False: this post does not know what it accepted, and looking proves nothing but a find."""
    count: int = 0

    def take_luck(self) -> Luck:
        luck = self.luck
        if luck is not Luck.AWAY:
            self.luck = Luck.GOOD
        return luck

    def lay(self, recipient: Address, data: bytes) -> str:
        """Lay a parcel into a box, from whomever; its uid."""
        self.count += 1
        uid = f"m{self.count:06}"
        self.boxes.setdefault(recipient.key, []).append((uid, data))
        return uid

    def box(self, recipient: Address) -> list[bytes]:
        return [data for _, data in self.boxes.get(recipient.key, [])]


class MemoryCarrier:
    """Posts, PostsMany and Collects for `address` in `post`. Hands out two parcels at a time."""

    way = Way.OFFICE
    batch = 2

    def __init__(self, post: MemoryPost, address: Address) -> None:
        self.post, self.address, self.place = post, address, str(address)
        post.known.add(address.key)

    async def hand_over(self, letter: SealedLetter) -> Mapping[Address, Outcome]:
        return (await self.hand_over_many([letter]))[0]

    async def hand_over_many(self, letters: Sequence[SealedLetter]) -> Sequence[Mapping[Address, Outcome]]:
        luck = self.post.take_luck()
        if luck is Luck.AWAY:
            return [for_each(letter, TryLater("nobody answers")) for letter in letters]
        if luck is Luck.CUT_ASKING:
            return [for_each(letter, Unknown("cut while asking")) for letter in letters]
        outcomes = [{r: self._accept(letter, r) for r in letter.envelope.recipients} for letter in letters]
        if luck is Luck.CUT_ANSWER:
            return [for_each(letter, Unknown("the answer was lost")) for letter in letters]
        return outcomes

    def _accept(self, letter: SealedLetter, recipient: Address) -> Outcome:
        if recipient.key not in self.post.known:
            return Turned("nobody of that name here")
        known = self.post.accepted.setdefault((letter.key, recipient.key), b"")
        if known and known != letter.data:
            return Turned("another letter has this key")
        if not known:
            self.post.accepted[letter.key, recipient.key] = letter.data
            self.post.lay(recipient, letter.data)
        return Accepted()

    async def look_for(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        if self.post.take_luck() is not Luck.GOOD:
            return for_each(letter, NothingProven())
        not_found: Evidence = NotThere() if self.post.remembers else NothingProven()
        return {
            r: Found() if self.post.accepted.get((letter.key, r.key)) == letter.data else not_found
            for r in letter.envelope.recipients
        }

    async def collect(self, cursor: str) -> Collected:
        if self.post.take_luck() is not Luck.GOOD:
            raise CarrierTrouble("memory_away", "The memory did not answer.", "Try again later.", retry=True)
        seen, _, owed = cursor.partition("|") if re.fullmatch(r"(m\d{6})?\|[m\d,]*", cursor) else ("", "", "")
        waiting = set(owed.split(",")) - {""}
        box = self.post.boxes.get(self.address.key, [])
        news = [item for item in box if item[0] > seen or item[0] in waiting]
        parcels = []
        for uid, data in news[: self.batch]:
            whole = data[: self.post.torn.get(uid, len(data))] == data
            (waiting.discard if whole else waiting.add)(uid)
            seen = max(seen, uid)
            if whole:
                parcels.append(Parcel(data, Source(self.way, self.place, "1", uid)))
        left = sorted(waiting)
        more = any(uid > seen for uid, _ in box)
        return Collected(tuple(parcels), f"{seen}|{','.join(left)}", more, len(left))

    async def acknowledge(self, sources: Sequence[Source]) -> None:
        if self.post.take_luck() is not Luck.GOOD:
            raise CarrierTrouble("memory_away", "The memory did not answer.", "Try again later.", retry=True)
        self.post.acknowledged |= {source.uid for source in sources}

    async def close(self) -> None:
        """Nothing is held open."""
