"""A round through the mailboxes of an account: what is new, what of it is ours, and the whole of that.

Each mailbox: EXAMINE, a look whether its UIDs still mean what they meant, UID SEARCH above the last one judged, headers
of these, the sieve, and the bodies of what it takes, oldest first. No notification, no extension and no flag is needed.

Nothing half is a parcel. What came otherwise than the server states is fetched once again; what came twice alike is
taken where it cannot be short (`plan.plausible`), or where it came just so on an earlier day too, for there are servers
whose sizes are never right (docs/peers.md). All else is owed: remembered, tried again at each round, and in nobody's
way; only where no more could be remembered, nothing new is looked at before some of it has come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from dearly.carriers.base import MOST_PARCEL, Collected, Head, Sieve, Verdict
from dearly.carriers.mail import plan
from dearly.carriers.mail.cursor import Box, Cursor, Owed
from dearly.carriers.mail.imapvalues import INBOX, Broken, Declined, Standing, TooMuch
from dearly.letter.clock import Clock
from dearly.letter.envelope import Heading, Parcel, Source, Way

if TYPE_CHECKING:
    from dearly.carriers.mail.folder import OwnFolder
    from dearly.carriers.mail.imapline import Line

_MOST_BREAKS = 2
"""How often a line may break over single messages of one batch before it is asked for less, to see whether it is to
blame: the messages are owed where it answers, and nothing is decided where it does not."""

T = TypeVar("T")
Listed = Sequence[tuple[int, int]]


class Asks(Protocol):
    """Does something on the line, in a thread; opens one where there is none. Raises `Broken`, and drops the line then;
    `Declined`; `CarrierTrouble`."""

    async def __call__(self, work: Callable[[Line], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class _Gathered:
    """What one look into one mailbox brought."""

    box: Box
    parcels: tuple[Parcel, ...] = ()
    heads: tuple[Heading, ...] = ()
    more: bool = False


def validity(standing: Standing) -> str:
    """`Source.validity` of what lies there: UIDVALIDITY, and which mailbox where it is not INBOX."""
    return str(standing.validity) if standing.name == INBOX else f"{standing.validity} {standing.name}"


def mailbox_of(source: Source) -> str:
    """Which mailbox a parcel came from."""
    return source.validity.partition(" ")[2] or INBOX


class Round:
    """Rounds through the mailboxes of one account."""

    def __init__(self, ask: Asks, sieve: Sieve, clock: Clock, place: str) -> None:
        self._ask, self._sieve, self._clock, self._place = ask, sieve, clock, place

    async def collect(self, kept: str, own: OwnFolder) -> Collected:
        """The next batch. Raises `Broken`, `Declined`, `CarrierTrouble`."""
        cursor = Cursor.read(kept)
        names = [INBOX]
        if own.wanted and (found := await self._ask(own.find)) is not None:
            names.append(found)
        got = _Gathered(Box())
        turn = cursor.turn if 0 <= cursor.turn < len(names) else 0
        for name in names[turn:]:
            got = await self._look_into(name, cursor.box(name), own)
            cursor = cursor.with_box(name, got.box)
            turn += not got.more
            if got.parcels or got.heads or got.more:
                break
        turn %= len(names)
        boxes = [cursor.box(name) for name in names]
        left, full = sum(len(box.owed) for box in boxes), any(box.room <= 0 for box in boxes)
        return Collected(got.parcels, replace(cursor, turn=turn).text(), got.more or turn > 0, left, full, got.heads)

    async def fetch(self, sources: Sequence[Source]) -> tuple[Parcel, ...]:
        """These, whole; what is not there any more, or does not come whole, is missing."""
        wanted: dict[str, list[Source]] = {}
        for source in sources:
            if source.way is Way.MAIL and source.place == self._place:
                wanted.setdefault(mailbox_of(source), []).append(source)
        parcels: list[Parcel] = []
        for name, of_it in wanted.items():
            try:
                standing = await self._ask(partial(_examined, name=name))
            except Declined:
                continue
            uids = digits(s for s in of_it if s.validity == validity(standing))
            while uids:
                chunk, uids = uids[: plan.CHUNK], uids[plan.CHUNK :]
                sizes = await self._ask(partial(_sizes, uids=chunk))
                listed = sorted(sizes.items())
                while listed:
                    n = plan.batch([size for _uid, size in listed])
                    parcels += (await self._whole(standing, listed[:n], {}))[0]
                    listed = listed[n:]
        return tuple(parcels)

    async def _look_into(self, name: str, box: Box, own: OwnFolder) -> _Gathered:
        try:
            standing = await self._ask(partial(_examined, name=name))
        except Declined:
            if name == INBOX:
                raise
            return _Gathered(box)
        box = await self._as_it_stands(box, standing)
        if box.room <= 0:  # what is new waits until some of this has come, for it could not be remembered
            box, parcels, doors = await self._try_again(box, standing)
            return _Gathered(box, parcels, doors, more=box.room > 0)
        pending = bool(box.named)
        doors = ()
        more, owing = pending, box.owed
        if not pending:
            box, doors, more = await self._judge(box, standing, own)
        n = plan.batch([size for _uid, size in box.named])
        now, box = box.named[:n], replace(box, named=box.named[n:])
        if now or more or doors:
            parcels, owed = await self._whole(standing, now, {})
            return _Gathered(box.owing(owed), parcels, doors, more or bool(box.named) or bool(owing))
        box, parcels, doors = await self._try_again(box, standing)
        return _Gathered(box, parcels, doors)

    async def _as_it_stands(self, box: Box, standing: Standing) -> Box:
        """The box, begun anew where the UIDs mean something else by now."""
        now = self._clock.now()
        if box.validity is not None:
            marks = dict(box.marks)
            there = await self._ask(lambda line: line.heads(list(marks))) if marks else {}
            found = {uid: plan.mark(head) for uid, (_size, head) in there.items()}
            if plan.stands(box.validity, box.last, standing, marks, found):
                return replace(box, since=plan.since(now, box.since)) if box.since else box
        return self._anew(box, standing.validity)

    def _anew(self, box: Box, validity: int | None) -> Box:
        """To be looked through once more, from before the last whole look; and where something is still to come, from
        as far back as that may lie."""
        seen = box.seen - plan.LOOK_BACK if box.seen and (box.owed or box.named) else box.seen
        return Box(validity, since=plan.since(self._clock.now(), box.since, seen), seen=box.seen)

    async def _judge(self, box: Box, standing: Standing, own: OwnFolder) -> tuple[Box, tuple[Heading, ...], bool]:
        """What is new, named where the sieve takes it; what waits at the door; whether there is more."""
        criteria: list[str | date] = ["SINCE", box.since] if box.since else []
        if box.last or not criteria:
            criteria += ["UID", f"{box.last + 1}:*"]
        found = plan.above(await self._ask(lambda line: line.search(*criteria)), box.last)
        if box.since is None:
            # Something appeared below what was judged: when a second look shows it too, all is looked at anew.
            surplus = standing.exists > box.exists + len(found) and box.exists >= 0
            if surplus and box.more_than_told:
                return await self._judge(self._anew(box, box.validity), standing, own)
            accounted = min(standing.exists, box.exists + len(found)) if surplus else standing.exists
        else:
            surplus, accounted = False, standing.exists
        chunk = found[: min(plan.CHUNK, box.room)]
        more = len(found) > len(chunk)
        ours = own.brought(standing)
        heads, missing = await self._heads(standing, [uid for uid in chunk if uid not in ours])
        take, doors = await self._sort(standing, heads)
        late = sum(uid >= standing.next for uid in found) if standing.next else 0
        marks = {**dict(box.marks), **{uid: plan.mark(head) for uid, (_size, head) in heads.items()}}
        box = replace(
            box,
            last=max([box.last, *chunk]),
            since=box.since if more or not (found or box.last) else None,
            seen=box.seen if more or box.owed else self._clock.now().date(),
            exists=accounted + late if standing.next else -1,
            more_than_told=surplus,
            named=tuple(take),
            marks=tuple(sorted(marks.items())[-plan.MARKS :]),
        )
        return box.owing([Owed(uid) for uid in missing]), doors, more

    async def _sort(
        self, standing: Standing, heads: Mapping[int, tuple[int, bytes]]
    ) -> tuple[list[tuple[int, int]], tuple[Heading, ...]]:
        """Ask the sieve: UID and size of what is taken, and the headings of what waits at the door."""
        if not heads:
            return [], ()
        shown = [Head(self._source(standing, uid), size, head) for uid, (size, head) in sorted(heads.items())]
        verdicts = dict(zip(sorted(heads), await self._sieve(shown), strict=True))
        take = [(uid, heads[uid][0]) for uid, verdict in verdicts.items() if verdict is Verdict.TAKE]
        return take, tuple(said for said in verdicts.values() if isinstance(said, Heading))

    async def _heads(self, standing: Standing, uids: list[int]) -> tuple[dict[int, tuple[int, bytes]], list[int]]:
        """The headers of these, and which of them are there although theirs did not come."""
        heads: dict[int, tuple[int, bytes]] = {}
        todo = [uids] if uids else []
        while todo:
            part = todo.pop()
            try:
                heads |= await self._ask(partial(_heads, standing=standing, uids=part))
            except TooMuch:
                if len(part) > 1:  # one of them is of nobody who means well: not for that do the others stay behind
                    todo += [part[len(part) // 2 :], part[: len(part) // 2]]
        missing = [uid for uid in uids if uid not in heads]
        return heads, await self._there(standing, missing)

    async def _there(self, standing: Standing, uids: Sequence[int]) -> list[int]:
        """Which of these still exist (F31)."""
        return await self._ask(partial(_there, standing=standing, uids=uids)) if uids else []

    async def _try_again(self, box: Box, standing: Standing) -> tuple[Box, tuple[Parcel, ...], tuple[Heading, ...]]:
        """Once in a round, when nothing is new: what is owed. What was tried in vain comes last the next time, so that
        it keeps nothing else back."""
        if not box.owed:
            return box, (), ()
        owed = {one.uid: one for one in box.owed}
        there = await self._there(standing, sorted(owed))
        heads, headless = await self._heads(standing, [uid for uid in there if not owed[uid].size])
        take, doors = await self._sort(standing, heads)
        sizes = dict(take) | {uid: owed[uid].size for uid in there if owed[uid].size}
        listed = [(uid, sizes[uid]) for uid in owed if uid in sizes]
        n = plan.batch([size if size <= MOST_PARCEL else 0 for _uid, size in listed])
        now, later = sorted(listed[:n]), listed[n:]
        try:
            parcels, still = await self._whole(standing, now, owed)
        except Broken:  # it broke over them again and again: all else has come already, and that is worth more
            parcels, still = (), [owed.get(uid, Owed(uid, size)) for uid, size in now]
        untried = [owed[uid] for uid, _size in later] + [owed[uid] for uid in headless]
        return replace(box, owed=()).owing([*untried, *still]), parcels, doors

    async def _whole(
        self, standing: Standing, listed: Listed, earlier: Mapping[int, Owed]
    ) -> tuple[tuple[Parcel, ...], list[Owed]]:
        """The parcels that came whole, oldest first, and what is owed of the others. What is gone is neither (F31)."""
        sizes = {uid: size for uid, size in listed if size <= MOST_PARCEL}
        owed = [Owed(uid, size) for uid, size in listed if size > MOST_PARCEL]
        got, broke = await self._bodies(standing, sizes)
        doubtful = {uid: sizes[uid] for uid, data in got.items() if not plan.exact(data, sizes[uid])}
        again, broke_again = await self._bodies(standing, doubtful) if doubtful else ({}, set())
        gone = [uid for uid in sizes if uid not in got and uid not in broke]
        broke |= broke_again | set(await self._there(standing, gone))
        parcels = []
        for uid, size in sizes.items():
            first, second = got.get(uid), again.get(uid)
            data = first if uid not in doubtful else second if plan.exact(second, size) else None
            note = earlier.get(uid, Owed(uid, size))
            if data is None and uid in doubtful:
                note = self._noted(note, size, first, second)
                known = first is not None and first == second
                if known and first and (plan.plausible(first, size) or self._days_old(note)):
                    data = first
            if data is not None:
                parcels.append(Parcel(data, self._source(standing, uid)))
            elif uid in broke or uid in doubtful:
                owed.append(note)
        return tuple(parcels), owed

    def _noted(self, before: Owed, size: int, first: bytes | None, second: bytes | None) -> Owed:
        """What is remembered of a message that came, but perhaps not whole."""
        digest = hashlib.sha256(first).hexdigest()[:16] if first and first == second else ""
        noted = before.noted if digest and digest == before.digest else self._clock.now().date()
        return Owed(before.uid, size, digest, noted if digest else None)

    def _days_old(self, note: Owed) -> bool:
        return note.noted is not None and note.noted < self._clock.now().date()

    async def _bodies(self, standing: Standing, sizes: Mapping[int, int]) -> tuple[dict[int, bytes | None], set[int]]:
        """What the server gives for these, and over which the line broke or the server would not. Where it breaks over
        several, they are asked for one by one, so that a message that no line survives does not keep the others back.
        Raises `Broken` where the line itself does not hold."""
        if not sizes:
            return {}, set()
        try:
            return await self._ask(partial(_bodies, standing=standing, sizes=sizes)), set()
        except (Broken, Declined):
            pass
        got: dict[int, bytes | None] = {}
        broke: set[int] = set()
        breaks = 0
        for uid, size in sizes.items():
            try:
                got |= await self._ask(partial(_bodies, standing=standing, sizes={uid: size}))
            except Declined:
                broke.add(uid)
            except Broken:
                broke.add(uid)
                breaks += 1
                if breaks > _MOST_BREAKS:
                    await self._there(standing, [uid])  # the line itself is good, or breaks over this, too
        return got, broke

    def _source(self, standing: Standing, uid: int) -> Source:
        return Source(Way.MAIL, self._place, validity(standing), str(uid))


def digits(sources: Iterable[Source]) -> list[int]:
    """The UIDs of these sources, ascending; what is no number is none."""
    return plan.above((int(s.uid) for s in sources if s.uid.isascii() and s.uid.isdigit()), 0)


# -- on the line, in its thread; in the mailbox as it was when the round came to it


def _examined(line: Line, name: str) -> Standing:
    return line.examine(name)


def _sizes(line: Line, uids: Sequence[int]) -> dict[int, int]:
    return line.sizes(uids)


def _heads(line: Line, standing: Standing, uids: Sequence[int]) -> dict[int, tuple[int, bytes]]:
    line.stand_in(standing)
    return line.heads(uids)


def _bodies(line: Line, standing: Standing, sizes: Mapping[int, int]) -> dict[int, bytes | None]:
    line.stand_in(standing)
    return line.bodies(sizes)


def _there(line: Line, standing: Standing, uids: Sequence[int]) -> list[int]:
    line.stand_in(standing)
    return line.there(uids)
